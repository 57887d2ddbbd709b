#!/usr/bin/env python3
"""The daemon is killed repeatedly with SIGKILL while it writes rows into files and to standard output.

The files are finished or cut back to what is confirmed: no row is missing, none is there twice, no line is torn. To
standard output, which remembers nothing, rows may come again, then with the same key and revision; none is missing.

    file_crash.py BUILD [KILLS [SEED]]        15 kills by default
"""
import csv
import json
import random
import subprocess
import sys
import time

from tcp_sender import TcpSender
from world import World, free_port, listens, stop_daemon, wait_for

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 15
PAUSE = (0.1, 0.8)  # seconds between the first sign of life and the kill
SENSORS = 10

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}/state"
[clock]
wait_after_boot = "0s"
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
trigger = "100ms"
aggregates = ["count", "sum"]
allowed_lateness = "30s"
deduplicate = "event_time"
[checkpoint]
interval = "1s"
[sinks.changes]
type = "file"
max_file_size = "64KiB"
[sinks.finals]
type = "file"
mode = "append"
encoding = "csv"
max_file_size = "4KiB"
[sinks.out]
type = "stdout"
"""


class Lives:
    """One daemon after the other, each with a file for its standard output."""

    def __init__(self, world, config):
        self.world, self.config, self.outputs, self.daemon = world, config, [], None

    def start(self):
        self.outputs.append(self.world.folder / f"out{len(self.outputs)}.jsonl")
        with open(self.outputs[-1], "wb") as out, open(self.world.folder / "edgetide.log", "ab") as log:
            self.daemon = subprocess.Popen([self.world.build / "edgetide", "run", "--config", self.config], stdout=out,
                                           stderr=log, stdin=subprocess.DEVNULL)
        self.world.children.append(self.daemon)

    def kill_after(self, sign_of_life, pause):
        wait_for(lambda: sign_of_life() or self.daemon.poll() is not None, "the daemon works")
        time.sleep(pause)
        assert self.daemon.poll() is None, "the daemon has ended by itself"
        self.daemon.kill()
        self.daemon.wait()


def revisions_of(rows, once=False, every=False):
    """By key, then by revision, what rows say; rows that come again say the same. There is each once, or every one."""
    found, repeated = {}, 0
    for row in rows:
        key = (row["window"], row["sensor"], row["metric"], row["start"])
        says = (float(row["count"]), float(row["sum"]), row["state"], int(row["epoch"]))
        revisions = found.setdefault(key, {})
        repeated += int(row["revision"]) in revisions
        assert revisions.setdefault(int(row["revision"]), says) == says, (key, row, revisions)
    assert not once or repeated == 0, f"{repeated} rows are there twice"
    for key, revisions in found.items():
        assert not every or sorted(revisions) == list(range(min(revisions), max(revisions) + 1)), (key, revisions)
    return found, repeated


def files_of(folder, sink, extension):
    """In the order in which they were begun; only the last one may be unfinished."""
    finished = sorted(folder.glob(f"{sink}-*{extension}"))
    parts = sorted(folder.glob(f"{sink}-*{extension}.part"))
    assert len(finished) > 1 and len(parts) <= 1, (finished, parts)
    return finished + parts


def rows_of_csv(files):
    for file in files:
        with open(file, newline="") as lines:
            yield from csv.DictReader(lines)


def rows_of_output(file):
    """A line that the kill has torn is the last one."""
    lines = file.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1]]


def newest(found):
    return {key: revisions[max(revisions)][:3] for key, revisions in found.items()}


def check(world, lives, lines):
    folder = world.folder / "state/rows"
    texts = "".join(file.read_text() for file in files_of(folder, "changes", ".jsonl"))
    changes, _ = revisions_of(map(json.loads, texts.splitlines()), once=True, every=True)
    last = newest(changes)
    assert sum(row[0] for row in last.values()) == len(lines), (sum(row[0] for row in last.values()), len(lines))
    assert sum(row[1] for row in last.values()) == sum(json.loads(line)["level"] for line in lines)

    finals, _ = revisions_of(rows_of_csv(files_of(folder, "finals", ".csv")), once=True)
    final_changes = {key: row for key, row in last.items() if row[2] == "final"}
    assert newest(finals) == final_changes and len(finals) > SENSORS, (len(finals), len(final_changes))

    out, repeated = revisions_of((row for file in lives.outputs for row in rows_of_output(file)), every=True)
    assert out.keys() == changes.keys()
    for key, revisions in changes.items():
        assert out[key] == revisions, (key, out[key], revisions)
    print(f"{len(lines)} readings, {len(last)} rows, {sum(map(len, changes.values()))} revisions in files, each once; "
          f"{repeated} came again to standard output; lost 0")


def main():
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    with World(sys.argv[1]) as world:
        port = free_port()
        (world.folder / "state").mkdir()
        lives = Lives(world, world.write("edgetide.toml", CONFIG.format(folder=world.folder, port=port)))
        began = int(time.time() - 600) * 1_000_000
        lines = [f'{{"sensor":"tank{i % SENSORS}","time":{began + i * 10_000},"level":{i % 64}}}\n'
                 for i in range(500 * KILLS)]
        sender = TcpSender(port, lines)
        sender.start()
        for _ in range(KILLS):
            lives.start()
            before = sender.acknowledged
            lives.kill_after(lambda: sender.acknowledged > before or not sender.is_alive(), random.uniform(*PAUSE))
        lives.start()
        wait_for(lambda: not sender.is_alive() and listens(port), "every line is acknowledged, and the daemon runs")
        stop_daemon(lives.daemon)
        print(f"{KILLS} kills, {sender.resent} lines sent again")
        check(world, lives, lines)


main()
