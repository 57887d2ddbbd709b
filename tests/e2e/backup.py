#!/usr/bin/env python3
"""`edgetide backup` of a gateway that takes readings: the copy starts without a complaint, under another state id, has all
that was acknowledged before, and goes on with what came later, as a gateway whose state directory is restored does."""
import json
import sqlite3
import subprocess
import sys

from tcp_sender import TcpSender
from world import World, free_port, listens, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{state}"
[http]
listen = ""
[log]
target = "stderr"
[clock]
wait_after_boot = "0s"
[time]
max_future = "none"
oldest = "none"
max_out_of_orderness = "0s"
[checkpoint]
interval = "1s"
[sources.line]
type = "tcp"
listen = "127.0.0.1:{port}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
[windows.second]
size = "1s"
allowed_lateness = "0s"
trigger = "100ms"
deduplicate = "event_time"
aggregates = ["count", "sum"]
[sinks.lite]
type = "sqlite"
"""
START, SECOND, PER_SECOND = 1_800_000_000_000_000, 1_000_000, 10


def edgetide(world, *arguments, status=0):
    run = subprocess.run([world.build / "edgetide", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert run.returncode == status, run
    return run.stdout + run.stderr


def lines(first, last):
    return [json.dumps({"sensor": "a", "time": START + number * SECOND // PER_SECOND, "level": 1}) + "\n"
            for number in range(first, last)]


def start(world, name, state):
    port = free_port()
    config = world.write(f"{name}.toml", CONFIG.format(state=state, port=port))
    daemon = world.spawn([world.build / "edgetide", "run", "--config", config], name)
    wait_for(lambda: listens(port), f"{name} listens")
    return daemon, config, port


def send(port, what):
    sender = TcpSender(port, what)
    sender.start()
    return sender


def state_id(world, config):
    return json.loads(edgetide(world, "checkpoint", "show", "--format", "json", "--config", config))["state_id"]


def backed_up_while_it_runs(world):
    """How many readings were acknowledged before."""
    daemon, config, port = start(world, "first", world.folder / "state")
    sender = send(port, lines(0, READINGS))
    wait_for(lambda: sender.acknowledged > READINGS // 4 and (world.folder / "state/checkpoint").is_dir()
             and any((world.folder / "state/checkpoint").iterdir()), "readings and a checkpoint")
    before = sender.acknowledged
    said = edgetide(world, "backup", world.folder / "copy", "--config", config)
    assert "state id" in said, said
    assert "is not empty" in edgetide(world, "backup", world.folder / "copy", "--config", config, status=1)
    wait_for(lambda: sender.acknowledged == READINGS, "all readings")
    stop_daemon(daemon)
    return before, state_id(world, config)


def restored_it_goes_on(world, before, former_id):
    daemon, config, port = start(world, "second", world.folder / "copy")
    log = (world.folder / "second.log").read_text()
    assert not any(word in log for word in ("lost", "damaged", "error", "missing")), log
    sender = send(port, lines(before, READINGS + 2 * PER_SECOND))  # the last two seconds close the others
    wait_for(lambda: sender.acknowledged == READINGS + 2 * PER_SECOND - before, "what came later")
    stop_daemon(daemon)
    assert state_id(world, config) != former_id
    rows = sqlite3.connect(world.folder / "copy/edgetide.db").execute(
        "SELECT count, sum FROM second ORDER BY time_us").fetchall()
    assert len(rows) >= READINGS // PER_SECOND, len(rows)
    assert set(rows[:READINGS // PER_SECOND]) == {(PER_SECOND, PER_SECOND)}, rows


def main():
    with World(sys.argv[1]) as world:
        before, former_id = backed_up_while_it_runs(world)
        restored_it_goes_on(world, before, former_id)
        print(f"backup: {before} readings before it, {READINGS - before} after it, each once")


READINGS = 3_000
main()
