#!/usr/bin/env python3
"""Rows of the real daemon to commands, which are killed, do not read, or are missing.

    exec_sink.py BUILD [CASE...]
"""
import json
import os
import random
import signal
import subprocess
import time

import cases
from cases import case, expect, expect_that
from gateway import LINE, SECOND, Gateway, reading
from world import wait_for

KILLS = 16
SENSORS = 5
CONFIG = LINE + """
[windows.second]
size = "1s"
trigger = "100ms"
aggregates = ["count", "sum"]
[sinks.command]
type = "exec"
mode = "append"
command = {command}
{keys}
"""


def gateway(world, script, keys="", **more):
    """The script is one of the shell; $FOLDER is the folder of the gateway."""
    command = json.dumps(["/bin/sh", "-c", f"FOLDER={world.folder}/exec; {script}"])
    return Gateway(world, CONFIG, "exec", command=command, keys=keys, **more)


def readings(first, count):
    return [reading(f"s{i % SENSORS}", (first + i) * SECOND // (2 * SENSORS), i % 8) for i in range(count)]


def ending(sent):
    return [reading(f"s{i}", (sent // (2 * SENSORS) + 10) * SECOND, 1) for i in range(SENSORS)]


def rows_of(one):
    """Those of whole lines."""
    path = one.folder / "rows"
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def sink(one):
    return one.status()["sinks"][0]


def revisions(rows):
    """{(sensor, start): set of (count, sum, revision)}, what a row that comes again must not change."""
    found = {}
    for row in rows:
        found.setdefault((row["sensor"], row["start"]), set()).add((row["count"], row["sum"], row["revision"]))
    return found


@case
def command_and_daemon_are_killed_and_no_row_is_lost(world):
    """Appends each line with one write, and then acknowledges it."""
    script = 'echo $$ > "$FOLDER/pid"; while read -r line; do printf "%s\\n" "$line" >> "$FOLDER/rows"; echo ok; done'
    one = gateway(world, script, "acknowledge = true", checkpoint="1s").start()
    sent, part = 0, 10 * SENSORS
    for number in range(KILLS):
        assert one.send(*readings(sent, part)) == part
        sent += part
        time.sleep(random.uniform(0.0, 0.3))
        if number % 2:
            one.kill()
            one.start()
        else:
            wait_for(lambda: (one.folder / "pid").exists(), "the command runs")
            try:
                os.kill(int((one.folder / "pid").read_text() or 0) or 10**9, signal.SIGKILL)
            except (ProcessLookupError, OverflowError):
                pass  # between two commands
    one.send(*ending(sent))
    seconds = sent // (2 * SENSORS)
    wait_for(lambda: len(revisions(rows_of(one))) >= seconds * SENSORS, lambda: (len(revisions(rows_of(one))), sink(one)))
    wait_for(lambda: sink(one)["outbox_rows"] == 0, lambda: sink(one))
    found = revisions(rows_of(one))
    expect("rows", len(found), seconds * SENSORS)
    expect("rows that came with other values", sum(len(says) > 1 for says in found.values()), 0)
    expect("readings in them", sum(count for says in found.values() for count, *_ in says), sent)
    print(f"{KILLS} kills, {len(found)} rows; lost 0, {len(rows_of(one)) - len(found)} came again, with the same revision")
    assert one.stop() == 0


@case
def command_ends_in_order_when_the_daemon_stops(world):
    one = gateway(world, 'cat > "$FOLDER/rows"; sleep 0.3; echo ended > "$FOLDER/ended"').start()
    one.send(*readings(0, 100), *ending(100))
    wait_for(lambda: len(rows_of(one)) >= 50, lambda: len(rows_of(one)))
    assert one.stop() == 0
    expect("its last act", (one.folder / "ended").read_text(), "ended\n")


@case
def command_that_never_reads_or_ends_delays_the_stop_only(world):
    one = gateway(world, 'trap "" TERM; echo $$ > "$FOLDER/pid"; sleep 1000', 'stop_timeout = "1s"').start()
    wait_for(lambda: (one.folder / "pid").exists(), "the command runs")
    one.send(*readings(0, 100), *ending(100))
    assert one.stop() == 0
    expect("the command", os.path.exists(f"/proc/{(one.folder / 'pid').read_text().strip()}"), False)


@case
def command_says_what_is_logged_as_text(world):
    one = gateway(world, r'printf "red \033[31m text\n" >&2; i=0; while [ $i -lt 500 ]; do echo "line $i" >&2; i=$((i+1)); '
                  'done; cat > /dev/null').start()
    wait_for(lambda: "line 8" in one.log(), lambda: one.log())
    expect_that("escape", "sink command: red \\x1b[31m text" in one.log() and "\x1b" not in one.log(), one.log()[-300:],
                "printable")
    expect("lines in the log", one.log().count("sink command: line "), 9)
    assert one.stop() == 0


@case
def command_that_is_missing_is_an_error_of_check(world):
    one = Gateway(world, CONFIG, "exec", command='["/no/such/program"]', keys="")
    run = subprocess.run([world.build / "edgetide", "check", "--no-environment", "--config", one.config],
                         capture_output=True, text=True, timeout=60)
    expect_that("check", run.returncode == 78 and '"/no/such/program" is not a program that can be run' in
                run.stdout + run.stderr, (run.returncode, run.stderr), "78 with the place")


@case
def command_that_ends_at_once_is_not_started_in_a_tight_loop(world):
    one = gateway(world, 'echo start >> "$FOLDER/starts"; exit 5', "acknowledge = true").start()
    one.send(*readings(0, 100), *ending(100))
    wait_for(lambda: sink(one)["failures"] >= 2, lambda: sink(one))
    expect_that("reason", "/bin/sh ended with exit status 5" in sink(one)["error"], sink(one)["error"], "names the status")
    expect_that("starts", len((one.folder / "starts").read_text().splitlines()) < 30, "", "few")
    assert one.stop() == 0


if __name__ == "__main__":
    cases.main()
