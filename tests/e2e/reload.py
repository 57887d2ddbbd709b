#!/usr/bin/env python3
"""Repeated SIGHUPs while readings arrive over MQTT at QoS 1 and over TCP with acknowledgements: good configurations, a bad
one, an unchanged one. Every row of the unchanged window must equal what the generators sent, and no connection of an
unchanged source may be closed.

    reload.py BUILD
"""
import itertools
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from world import ServiceManager, World, free_port, stop_daemon, wait_for

START = 1_800_000_000_000_000  # the first event time, in microseconds; within `max_future` of no clock: see [time]
SENSORS = 10

BASE = """
[gateway]
id = "reloaded"
state_directory = "{folder}/state"
[log]
target = "stderr"
[clock]
wait_after_boot = "0s"
[time]
max_future = "none"
oldest = "none"
idle_timeout = "none"
[checkpoint]
interval = "{checkpoint}"

[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{mqtt}"]
password = "${{file:{folder}/secret}}"
username = "reader"
routes = [ {{ topic = "plant/{{device}}", format = "json", sensor = {{ path = "sensor" }}, time = {{ path = "time", format = "unix_us" }}, values = ["level"] }} ]

[sources.line]
type = "tcp"
listen = "127.0.0.1:{tcp}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]

[windows.kept]
size = "1s"
inputs = ["plant", "line"]
trigger = "{trigger}"
aggregates = ["count", "sum"]
allowed_lateness = "1d"

[sinks.local]
type = "sqlite"
path = "{folder}/local.db"
inputs = ["kept"]
"""

# Its name comes first, so that all the others move.
MORE = """
[sources.another]
type = "tcp"
listen = "127.0.0.1:{other}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]

[windows.also]
size = "{size}"
inputs = ["another", "line"]
trigger = "100ms"
aggregates = ["count", "sum"]

[sinks.apart]
type = "sqlite"
path = "{folder}/apart.db"
inputs = ["also"]
"""


def line_of(kind, number):
    """A reading every 20 ms of event time, so that fifty of them share a window."""
    return json.dumps({"sensor": f"{kind}{number % SENSORS}", "time": START + number * 20_000, "level": number % 97})


def expected(kind, count):
    """By sensor and start what must be in the rows: how many readings, and their sum."""
    rows = {}
    for number in range(count):
        key = (f"{kind}{number % SENSORS}", (START + number * 20_000) // 1_000_000 * 1_000_000)
        seen, total = rows.get(key, (0, 0))
        rows[key] = (seen + 1, total + number % 97)
    return rows


class TcpLoad(threading.Thread):
    """One connection; a new line only when nearly all before it were acknowledged."""

    def __init__(self, port, kind):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.kind, self.sent, self.acknowledged, self.ending, self.broken = kind, 0, 0, False, None
        self.start()

    def run(self):
        answers = self.socket.makefile("r")
        try:
            while not (self.ending and self.acknowledged == self.sent):
                if not self.ending:
                    lines = [line_of(self.kind, self.sent + i) for i in range(5)]
                    self.sent += len(lines)
                    self.socket.sendall(("\n".join(lines) + "\n").encode())
                while self.acknowledged < self.sent:
                    answer = answers.readline()
                    if not answer:
                        raise OSError("closed by the daemon")
                    self.acknowledged = int(answer.split()[1])
                time.sleep(0.005)
        except OSError as error:
            self.broken = error

    def end(self):
        self.ending = True
        self.join(60)
        assert not self.broken and self.acknowledged == self.sent, f"{self.kind}: {self.broken}"
        return self.sent


class MqttLoad(threading.Thread):
    def __init__(self, world, port):
        super().__init__(daemon=True)
        self.publisher = subprocess.Popen(["mosquitto_pub", "-p", str(port), "-u", "writer", "-P", "w", "-q", "1", "-l",
                                           "-t", "plant/gate"], stdin=subprocess.PIPE, text=True)
        world.children.append(self.publisher)
        self.sent, self.ending = 0, False
        self.start()

    def run(self):
        while not self.ending:
            for _ in range(5):
                self.publisher.stdin.write(line_of("m", self.sent) + "\n")
                self.sent += 1
            self.publisher.stdin.flush()
            time.sleep(0.01)
        self.publisher.stdin.close()

    def end(self):
        self.ending = True
        self.join(60)
        assert self.publisher.wait(60) == 0
        return self.sent


class Reloads:
    def __init__(self, world, daemon, manager, **values):
        self.world, self.daemon, self.manager, self.values = world, daemon, manager, values

    def write(self, text, **values):
        self.world.write("edgetide.toml", text.format(**{**self.values, **values}))

    def hang_up(self, times=1):
        """Until the service manager was told that the last one has ended."""
        before = self.manager.count("RELOADING=1\nMONOTONIC_USEC=")
        for _ in range(times):
            self.daemon.send_signal(signal.SIGHUP)
        self.wait(lambda: self.manager.count("RELOADING=1\nMONOTONIC_USEC=") > before, "RELOADING=1")
        self.wait(lambda: self.manager.count("READY=1") > self.manager.count("RELOADING=1"), "READY=1")

    def wait(self, condition, what):
        wait_for(lambda: condition() or self.daemon.poll() is not None, what)
        assert self.daemon.poll() is None, "the daemon has ended"

    def log(self):
        return (self.world.folder / "edgetide.log").read_text()


def holds_back(pid, signal_number):
    with open(f"/proc/{pid}/status") as status:
        blocked = next(line for line in status if line.startswith("SigBlk:"))
    return int(blocked.split()[1], 16) >> (signal_number - 1) & 1


def stored(path, table):
    with sqlite3.connect(path, timeout=30) as lite:
        return {(sensor, start): (count, total) for sensor, start, count, total in
                lite.execute(f"SELECT sensor_id, time, count, sum FROM {table}")}


def micros(rows):
    """The view writes times as text."""
    from datetime import datetime, timezone
    def of(text):
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return round(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()) * 1_000_000
    return {(sensor, start if isinstance(start, int) else of(start)): (count, round(total))
            for (sensor, start), (count, total) in rows.items()}


def run_under_load(reloads, plant, line):
    def growing():
        at = plant.sent, line.acknowledged
        reloads.wait(lambda: plant.sent > at[0] + 200 and line.acknowledged > at[1] + 200, "readings go on")

    growing()
    reloads.write(BASE + MORE, trigger="200ms")
    reloads.hang_up()
    assert "new another; windows: new also; sinks: new apart" in reloads.log()
    another = TcpLoad(reloads.values["other"], "a")
    growing()

    reloads.write((BASE + MORE).replace("allowed_lateness", "allowed_latenes"))
    reloads.hang_up()
    assert "edgetide.toml:37:1: error: unknown key 'allowed_latenes'" in reloads.log()
    reloads.wait(lambda: reloads.manager.count("RELOAD FAILED: ") > 0, "STATUS says so")
    growing()

    reloads.write(BASE + MORE, trigger="200ms", checkpoint="7s")
    reloads.hang_up(times=5)
    assert "[checkpoint] has changed; it takes effect at the next restart" in reloads.log()
    assert "no source, window or sink has changed" in reloads.log()
    growing()

    reloads.write(BASE + MORE, trigger="100ms", size="2s")
    reloads.hang_up()
    assert "windows: changed also" in reloads.log()
    growing()
    sent = another.end()

    for _, trigger in zip(range(6), itertools.cycle(["300ms", "100ms"])):
        reloads.write(BASE, trigger=trigger)
        reloads.hang_up()
        reloads.write(BASE + MORE, trigger=trigger)
        reloads.hang_up()
    reloads.write(BASE)
    reloads.hang_up()
    growing()
    return sent


def main():
    with World(sys.argv[1]) as world:
        secret = world.write("secret", "r")
        secret.chmod(0o600)
        mqtt, _ = world.mosquitto()
        manager = ServiceManager(world.folder)
        reloads = Reloads(world, None, manager, folder=world.folder, mqtt=mqtt, tcp=free_port(), other=free_port(),
                          trigger="100ms", size="1s", checkpoint="1s")
        reloads.write(BASE)
        reloads.daemon = world.run_daemon(world.folder / "edgetide.toml",
                                          env=manager.environment())
        reloads.wait(lambda: holds_back(reloads.daemon.pid, signal.SIGHUP), "the program has begun")
        reloads.daemon.send_signal(signal.SIGHUP)  # while it starts: that must not end it, nor be lost
        world.wait_for_log(reloads.daemon, "source plant: connected")
        reloads.wait(lambda: manager.count("RELOADING=1") > 0, "the signal of the start was heard")

        plant, line = MqttLoad(world, mqtt), TcpLoad(reloads.values["tcp"], "t")
        others = run_under_load(reloads, plant, line)
        sent = {"m": plant.end(), "t": line.end()}
        reloads.wait(lambda: sum(count for (sensor, _), (count, _) in stored(world.folder / "local.db", "kept").items())
                     == sum(sent.values()), "every reading is in a row")
        assert "plant: disconnected" not in reloads.log() and "line: disconnected" not in reloads.log()

        secret.write_text("another")  # a source whose secret has changed is made anew
        reloads.hang_up()
        reloads.wait(lambda: "sources: changed plant" in reloads.log() and
                     reloads.log().count("source plant: connected") == 2, "plant connects again")
        stop_daemon(reloads.daemon)

        rows = micros(stored(world.folder / "local.db", "kept"))
        assert rows == {**expected("m", sent["m"]), **expected("t", sent["t"])}, "rows differ from what was sent"
        assert world.summary()["late_dropped"] == 0
        apart = micros(stored(world.folder / "apart.db", "also"))
        assert sum(count for (sensor, _), (count, _) in apart.items() if sensor.startswith("a")) > 0
        print(f"{sum(sent.values())} readings in {len(rows)} rows, {others} of a source that came and went, "
              f"{manager.count('RELOADING=1')} reloads")


if __name__ == "__main__":
    main()
