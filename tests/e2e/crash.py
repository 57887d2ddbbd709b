#!/usr/bin/env python3
"""The daemon is killed repeatedly with SIGKILL at random moments while readings arrive over MQTT at QoS 1 and over TCP
with acknowledgements. It must recover without help each time. At the end every row in PostgreSQL and SQLite equals what
SQL computes from the generator's own log, and no reading was lost or counted twice.

    crash.py BUILD [KILLS]        20 kills by default
"""
import random
import socket
import sys
import threading
import time

import main_job
from world import World, free_port, listens, stop_daemon, wait_for

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
RATE = 600  # readings per second
PAUSE = (0.2, 2.5)  # seconds between a start and the next kill

MORE_CONFIG = """
[sources.line]
type = "tcp"
listen = "127.0.0.1:{tcp}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]

[windows.tcp]
size = "10s"
inputs = ["line"]
trigger = "500ms"
aggregates = ["count", "sum"]
deduplicate = "event_time"
"""


class TcpSender(threading.Thread):
    """Sends one line after the other; what was not acknowledged when the connection broke is sent again."""

    def __init__(self, port, lines):
        super().__init__(daemon=True)
        self.port, self.lines, self.acknowledged, self.resent = port, lines, 0, 0

    def run(self):
        while self.acknowledged < len(self.lines):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    self.talk(connection)
            except OSError:
                time.sleep(0.05)

    def talk(self, connection):
        base, sent = self.acknowledged, self.acknowledged
        answers = connection.makefile("r")
        while self.acknowledged < len(self.lines):
            part = self.lines[sent:sent + 20]
            sent += len(part)
            connection.sendall("".join(part).encode())
            while self.acknowledged < sent:
                answer = answers.readline()
                if not answer:
                    self.resent += sent - self.acknowledged
                    return
                self.acknowledged = base + int(answer.split()[1])
            time.sleep(0.02)


def written_bytes(daemon):
    """What the process has had written to disk, or 0 where the system does not say."""
    try:
        lines = dict(line.split(": ") for line in open(f"/proc/{daemon.pid}/io").read().splitlines())
        return int(lines["write_bytes"])
    except (OSError, KeyError):
        return 0


def state_of(database):
    return database.query("SELECT run, epoch FROM edgetide.sink_state WHERE sink = 'pg'", check=False)


def kill_again_and_again(world, database, config, busy):
    """Also how long it took from each start to the first row stored, and the bytes written to disk."""
    first_rows = []
    daemon = world.run_daemon(config)
    kills, written = 0, 0
    while kills < KILLS or busy():
        before, began = state_of(database), time.monotonic()
        pause = random.uniform(*PAUSE)
        while time.monotonic() - began < pause or (kills >= KILLS and busy()):
            assert daemon.poll() is None, "the daemon has ended by itself"
            if before is not None and state_of(database) != before:
                first_rows.append(time.monotonic() - began)
                before = None
            time.sleep(0.02)
        if kills >= KILLS:
            break
        written += written_bytes(daemon)
        daemon.kill()
        daemon.wait()
        kills += 1
        daemon = world.run_daemon(config)
    return daemon, kills, sorted(first_rows), written


def main():
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    with World(sys.argv[1]) as world:
        port, _ = world.mosquitto()
        database = world.postgres()
        tcp = free_port()
        text = main_job.config_text(world, port, database.connection())
        text = text.replace('trigger = "500ms"', 'trigger = "500ms"\ninputs = ["plant"]') + MORE_CONFIG.format(tcp=tcp)
        config = world.write("edgetide.toml", text)
        first = world.run_daemon(config)  # subscribes, so that the broker keeps what comes while nobody is there
        world.wait_for_log(first, "source plant: connected to")
        wait_for(lambda: listens(tcp), "the socket listens")
        first.kill()
        first.wait()

        sent = world.folder / "sent.csv"
        readings = int(RATE * KILLS * (sum(PAUSE) / 2 + 0.5))
        simulator = world.spawn(
            [world.build / "tests/tools/edgetide_simulate", "--to", f"mqtt://127.0.0.1:{port}", "--sensors",
             main_job.SENSORS, "--readings", readings, "--span", 1800, "--disorder", main_job.DISORDER, "--same-time",
             0.02, "--late", 0.03, "--late-by", 20, "--very-late", 0.01, "--very-late-by", 150, "--bad", 0.02, "--rate",
             RATE, "--log", sent], "simulator")
        now = int(time.time() - 600) * 1_000_000
        lines = [f'{{"sensor":"tank{i % 10}","time":{now + i * 10_000},"level":{i % 64}}}\n' for i in range(readings // 4)]
        sender = TcpSender(tcp, lines)
        sender.start()

        daemon, kills, first_rows, written = kill_again_and_again(
            world, database, config, lambda: simulator.poll() is None or sender.is_alive())
        assert simulator.wait(timeout=60) == 0
        wait_for(lambda: database.settled("ten"), "the last rows arrive")
        stop_daemon(daemon)

        summary = world.summary()
        print({key: summary[key] for key in ("received", "on_time", "late_accepted", "late_dropped", "refused")},
              sum(1 for _ in open(sent)) - 1, "sent over MQTT", len(lines), "over TCP")
        check_tcp(database, lines)
        main_job.check_postgres(database, sent)
        main_job.check_sqlite(world, sent)
        check_counts(summary, database, len(lines))
        pick = lambda share: first_rows[min(len(first_rows) - 1, int(len(first_rows) * share))]
        print(f"{kills} kills; {readings} readings over MQTT, {len(lines)} over TCP, {sender.resent} of them sent again")
        print(f"from a start to the first row: p50 {pick(0.5):.2f} s, p99 {pick(0.99):.2f} s, of {len(first_rows)}")
        print(f"written to disk up to the last kill: {written / (readings + len(lines)):.0f} bytes a reading, all files")
        print("lost 0, counted twice 0, wrong rows 0")


def check_tcp(database, lines):
    rows = database.query("SELECT sum(count), sum(sum) FROM edgetide.tcp")
    assert [float(rows[0][0]), float(rows[0][1])] == [len(lines), sum(i % 64 for i in range(len(lines)))], rows


def check_counts(summary, database, tcp_lines):
    # Messages that are no JSON have one text each sensor: a second one that is sent again counts as the first.
    over_mqtt, no_json = map(int, database.query("SELECT count(*), count(*) FILTER (WHERE kind = 'no_json') FROM raw")[0])
    taken_for_another = no_json - summary["refused"].get("bad_syntax", 0)
    assert 0 <= taken_for_another <= KILLS, (summary, no_json)
    assert summary["received"] + taken_for_another == over_mqtt + tcp_lines + summary["duplicates"], (
        summary, over_mqtt, tcp_lines)
    assert summary["received"] == (summary["on_time"] + summary["late_accepted"] + summary["late_dropped"] +
                                   summary["duplicates"] + sum(summary["refused"].values())), summary


main()
