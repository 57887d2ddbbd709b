#!/usr/bin/env python3
"""The daemon is killed repeatedly with SIGKILL at random moments while readings arrive over MQTT at QoS 1 and over TCP
with acknowledgements. It must recover without help each time. At the end every row in PostgreSQL and SQLite equals what
SQL computes from the generator's own log, and no reading was lost or counted twice.

    crash.py BUILD [KILLS [SEED]] [--kills 1000] [--with second,equal,overlap,proxy]        20 kills by default

--with adds to it: `second` another MQTT source, whose messages are numbers without a time; `equal` all of one text;
`overlap` three routes that each match all of them; `proxy` a network that holds, delays and cuts both MQTT connections.
"""
import argparse
import contextlib
import random
import subprocess
import threading
import time

import main_job
from proxy import DOWN, UP, Proxy
from tcp_sender import TcpSender
from world import World, comes_true, free_port, listens, stop_daemon, wait_for


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("kills_too", nargs="?", type=int, metavar="KILLS")
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--with", dest="faults", default="", help="second,equal,overlap,proxy")
    return parser.parse_args()


ARGUMENTS = arguments()
FAULTS = set(filter(None, ARGUMENTS.faults.split(",")))
KILLS = ARGUMENTS.kills_too or ARGUMENTS.kills
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


SECOND_CONFIG = """
[sources.second]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
routes = [ {routes} ]

[windows.second]
type = "running"
inputs = ["second"]
trigger = "500ms"
aggregates = ["count", "sum"]
"""
SECOND_ROUTES = ["second/{device}/+", "+/{device}/level", "second/#"]  # of the last two none covers the other


def second_config(port):
    topics = SECOND_ROUTES if "overlap" in FAULTS else SECOND_ROUTES[:1]
    routes = [f'{{ topic = "{topic}", format = "number"' + ("" if "{device}" in topic else ', sensor = "all"') + " }"
              for topic in topics]
    return SECOND_CONFIG.format(port=port, routes=", ".join(routes))


class SecondSender(threading.Thread):
    """Numbers to the broker at QoS 1, some hundred a second, as long as `while_true` says; then `sent` and `total`."""

    def __init__(self, world, port):
        super().__init__(daemon=True)
        self.publisher = subprocess.Popen(["mosquitto_pub", "-p", str(port), "-q", "1", "-l", "-t", "second/tank/level"],
                                          stdin=subprocess.PIPE, text=True)
        world.children.append(self.publisher)
        self.sent, self.total, self.ending = 0, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.05):
            for _ in range(15):
                value = 21.5 if "equal" in FAULTS else self.sent
                self.publisher.stdin.write(f"{value}\n")
                self.sent, self.total = self.sent + 1, self.total + value
            self.publisher.stdin.flush()
        self.publisher.stdin.close()

    def end(self):
        self.ending.set()
        self.join(60)
        assert self.publisher.wait(60) == 0


class BadNetwork(threading.Thread):
    """Holds, delays and cuts, one after the other, with some peace between."""

    def __init__(self, proxies):
        super().__init__(daemon=True)
        self.proxies, self.ending, self.faults = proxies, threading.Event(), 0
        self.start()

    def run(self):
        choose = random.Random(random.random())
        while not self.ending.wait(choose.uniform(0.3, 1.5)):
            proxy, direction = choose.choice(self.proxies), choose.choice([UP, DOWN])
            proxy.hold(direction)
            self.ending.wait(choose.uniform(0.05, 0.5))
            if choose.random() < 0.5:
                proxy.cut()  # with what waits in it
            proxy.release()
            proxy.delay(direction, choose.choice([0, 0, 0.05]))
            self.faults += 1
        for proxy in self.proxies:
            proxy.release()
            proxy.delay(UP, 0)
            proxy.delay(DOWN, 0)

    def end(self):
        self.ending.set()
        self.join(10)


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
    random.seed(ARGUMENTS.seed)
    with World(ARGUMENTS.build) as world, contextlib.ExitStack() as ends:
        port, _ = world.mosquitto()
        database = world.postgres()
        tcp = free_port()
        proxies = [ends.enter_context(Proxy(port)) for _ in range(2)] if "proxy" in FAULTS else []
        first_port, second_port = [proxy.port for proxy in proxies] or [port, port]
        text = main_job.config_text(world, first_port, database.connection())
        text = text.replace('trigger = "500ms"', 'trigger = "500ms"\ninputs = ["plant"]') + MORE_CONFIG.format(tcp=tcp)
        text += second_config(second_port) if "second" in FAULTS else ""
        config = world.write("edgetide.toml", text)
        first = world.run_daemon(config)  # subscribes, so that the broker keeps what comes while nobody is there
        world.wait_for_log(first, "source plant: connected to")
        if "second" in FAULTS:
            world.wait_for_log(first, "source second: connected to")
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
        began, step = int(time.time() - 600) * 1_000_000, min(10_000, 600_000_000 // (readings // 4))  # none in the future
        lines = [f'{{"sensor":"tank{i % 10}","time":{began + i * step},"level":{i % 64}}}\n' for i in range(readings // 4)]
        sender = TcpSender(tcp, lines)
        sender.start()
        second = SecondSender(world, port) if "second" in FAULTS else None
        network = BadNetwork(proxies) if proxies else None

        daemon, kills, first_rows, written = kill_again_and_again(
            world, database, config, lambda: simulator.poll() is None or sender.is_alive())
        assert simulator.wait(timeout=60) == 0
        for each in filter(None, (network, second)):
            each.end()
        if second:
            check_second(database, second)
        wait_for(lambda: database.settled("ten"), "the last rows arrive")
        stop_daemon(daemon)

        summary = world.summary()
        print({key: summary[key] for key in ("received", "on_time", "late_accepted", "late_dropped", "refused")},
              sum(1 for _ in open(sent)) - 1, "sent over MQTT", len(lines), "over TCP")
        check_tcp(database, lines)
        main_job.check_postgres(database, sent)
        main_job.check_sqlite(world, sent)
        check_counts(summary, database, len(lines) + (second.sent if second else 0))
        pick = lambda share: first_rows[min(len(first_rows) - 1, int(len(first_rows) * share))]
        print(f"{kills} kills; {readings} readings over MQTT, {len(lines)} over TCP, {sender.resent} of them sent again")
        print(f"from a start to the first row: p50 {pick(0.5):.2f} s, p99 {pick(0.99):.2f} s, of {len(first_rows)}")
        print(f"written to disk up to the last kill: {written / (readings + len(lines)):.0f} bytes a reading, all files")
        print("lost 0, counted twice 0, wrong rows 0")


def check_second(database, second):
    """Readings of the second source: none lost, none twice, equal or not."""
    seen = lambda: [tuple(map(float, row)) for row in database.query(
        "SELECT sum(count), sum(sum) FROM edgetide.second HAVING sum(count) > 0", check=False) or []]
    if comes_true(lambda: seen() == [(second.sent, second.total)]):
        time.sleep(3)  # what is counted twice may come later
    assert seen() == [(second.sent, second.total)], f"second source: {seen()} in rows, sent {second.sent, second.total}"
    print(f"{second.sent} readings of the second source, lost 0, counted twice 0")


def check_tcp(database, lines):
    rows = database.query("SELECT sum(count), sum(sum) FROM edgetide.tcp")
    assert [float(rows[0][0]), float(rows[0][1])] == [len(lines), sum(i % 64 for i in range(len(lines)))], rows


def check_counts(summary, database, tcp_lines):
    over_mqtt = int(database.query("SELECT count(*) FROM raw")[0][0])
    assert summary["received"] == over_mqtt + tcp_lines + summary["duplicates"], (summary, over_mqtt, tcp_lines)
    assert summary["received"] == (summary["on_time"] + summary["late_accepted"] + summary["late_dropped"] +
                                   summary["duplicates"] + summary["unmatched"] + sum(summary["refused"].values())), summary


main()
