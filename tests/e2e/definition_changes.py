#!/usr/bin/env python3
"""A window definition that is edited takes effect at the boundary of a window: what is open is finished as it began, no
row gives way to one of fewer readings, and every reading is in one row.

    definition_changes.py BUILD [CASE...]
"""
import collections
import itertools
import json
import os
import subprocess
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, SECOND, START, Gateway, reading
from world import free_port

SENSORS = 4
WINDOW = {"size": '"30s"', "trigger": '"100ms"', "aggregates": '["count", "sum"]'}
CHANGES = {
    "aggregate": {"aggregates": '["count", "sum", "min", "max"]'},
    "aggregate_less": {"aggregates": '["max", "count", "sum"]', "emit_empty": "true"},
    "more_lateness": {"allowed_lateness": '"5m"'},
    "deduplicate": {"deduplicate": '"event_time"'},
    "longer": {"size": '"1m"'},
    "shorter": {"size": '"10s"'},
    "grouped": {"group_by": '["metric"]'},
    "derived": {"aggregates": '["count", "sum", "avg"]', "derived": '{{ twice = "2 * level" }}'},
}


def window(change=None):
    keys = {**WINDOW, **(CHANGES[change] if change else {})}
    return "\n[windows.w]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def text(mode, change=None):
    return LINE + window(change) + LITE.rstrip() + f'\nmode = "{mode}"\n'


def send(gateway, times):
    readings = [(sensor, time) for time in times for sensor in range(SENSORS)]
    gateway.send(*(reading(f"s{sensor}", time * SECOND, 1) for sensor, time in readings))
    return len(readings)


def apply(gateway, how, changed):
    if how == "reload":
        return gateway.reload(changed)
    if how == "reload_and_kill":
        gateway.reload(changed)
        gateway.kill()
        return gateway.start()
    gateway.stop() if how == "restart" else gateway.kill()
    gateway.configure(changed)
    return gateway.start()


def rows(gateway):
    """{(sensor, start): count} without what is computed and without windows of no readings."""
    found = gateway.query("SELECT sensor_id, metric, time_us, count, is_final FROM w WHERE count > 0")
    return {(sensor, start): (count, final) for sensor, metric, start, count, final in found if metric != "twice"}


HOWS = ("reload", "restart", "kill", "reload_and_kill")
SORTS = [(f"{change}-{mode}-{how}", change, mode, how)
         for (change, mode), how in zip(itertools.product(CHANGES, ("update", "append")), itertools.cycle(HOWS + ("kill",)))]


@each(SORTS)
def open_windows_are_finished_as_they_began(world, change, mode, how):
    gateway = Gateway(world, text(mode)).start()
    sent = send(gateway, range(0, 10))
    gateway.flush()
    before = rows(gateway) if mode == "update" else {}
    expect("rows before", len(before), SENSORS if mode == "update" else 0)
    apply(gateway, how, text(mode, change))
    sent += send(gateway, range(10, 130))
    gateway.flush()
    send(gateway, [3600, 3601, 7200])
    gateway.flush()
    after = {key: row for key, row in rows(gateway).items() if key[1] < min(key[1] for key in rows(gateway)) + 600 * SECOND}
    smaller = {key: (count, after.get(key)) for key, (count, _) in before.items() if after.get(key, (0, 0))[0] < count}
    expect("rows that gave way to smaller ones", smaller, {})
    expect("readings in final rows", sum(count for count, final in after.values() if final), sent)
    expect("rows of the first window", sorted(count for (_, start), (count, _) in after.items()
                                              if start == min(start for _, start in after)), [30] * SENSORS)
    expect("late_dropped", gateway.dropped_late(), 0)
    expect_that("the log", "w: its definition has changed; open windows are finished" in gateway.log(),
                gateway.log().splitlines()[-3:], "says what happens to open windows")


# What decides about a reading, or when rows are emitted: (before, edited), each in [time] and in the window.
TIMES, KEYS = {"max_out_of_orderness": '"20s"'}, {"trigger": '"100ms"'}
OPTIONS = {
    "trigger_shorter": ({}, {"trigger": '"1h"'}, {}, {}),
    "trigger_longer": ({}, {}, {}, {"trigger": '"1h"'}),
    "out_of_orderness": ({}, {}, {"max_out_of_orderness": '"0s"'}, {}),
    "oldest": ({}, {}, {"oldest": '"1h"'}, {}),
    "match": ({}, {}, {}, {"match": '{{ sensor = "s0" }}'}),
    "inputs": ({}, {}, {}, {"inputs": '["other"]'}),
}
OTHER = LINE.replace("sources.line", "sources.other").replace("{tcp}", "{other}")


def options_text(times, keys):
    def lines(options):
        return "".join(f"{key} = {value}\n" for key, value in options.items())
    often = '\n[windows.often]\nsize = "1s"\ntrigger = "100ms"\naggregates = ["count"]\n'
    table = f'\n[windows.w]\nsize = "10s"\naggregates = ["count", "sum"]\n{lines({**KEYS, **keys})}'
    file = '\n[sinks.rows]\ntype = "file"\nfolder = "{folder}/rows"\nmode = "append"\n'
    own = lines({"max_out_of_orderness": '"20s"', **times})
    return LINE.rstrip() + f"\n{own}" + OTHER + table + often + file + LITE.rstrip() + '\nmode = "append"\n'


def rows_after(world, how, times, keys, edited_times, edited_keys, begin):
    gateway = Gateway(world, options_text(times, keys), name=how, other=free_port()).start()
    for first in (begin, begin + 30):  # two firings
        for second in range(first, first + 30, 2):
            send(gateway, [second + 1, second])
        gateway.flush()
    gateway.kill() if how == "kill" else gateway.stop()
    gateway.configure(options_text(edited_times, edited_keys))
    gateway.start()
    send(gateway, range(begin + 60, begin + 64))
    send(gateway, [begin + 7100, begin + 7130, begin + 7160])
    gateway.flush()
    stored = rows(gateway)
    status = gateway.status()["sources"][0]
    gateway.stop()
    lines = [json.loads(line) for path in sorted((gateway.folder / "rows").glob("rows-*")) for line in path.open()]
    written = sorted((line["sensor"], line["start"], line["count"]) for line in lines if line["window"] == "w")
    return stored, written, {key: status[key] for key in ("on_time", "late_dropped", "unmatched", "refused")}


@each([(name, *options) for name, options in OPTIONS.items()])
def option_that_is_edited_after_a_kill_takes_effect_behind_what_was_taken(world, *options):
    begin = int(time.time()) // 60 * 60 - 7200 - START // SECOND
    stopped = rows_after(world, "restart", *options, begin)
    killed = rows_after(world, "kill", *options, begin)
    for place, have, wanted in (("SQLite", killed[0].items(), stopped[0].items()), ("the file", killed[1], stopped[1])):
        have, wanted = collections.Counter(have), collections.Counter(wanted)
        expect(f"rows in {place} that only one has", (have - wanted, wanted - have), (collections.Counter(), collections.Counter()))
    expect("counts", killed[2], stopped[2])
    expect_that("rows", len(stopped[0]) >= 2 * SENSORS and len(stopped[1]) >= 2 * SENSORS, len(stopped[1]), "of two windows")


@case
def table_in_postgresql_gets_the_columns_and_keeps_the_open_rows(world):
    database = world.postgres()
    store = f'\n[sinks.pg]\ntype = "postgresql"\nconnection = "{database.connection()}"\n'
    gateway = Gateway(world, LINE + window() + store).start()
    sent = send(gateway, range(0, 10))
    gateway.flush()
    gateway.reload(LINE + window("aggregate") + store)
    sent += send(gateway, range(10, 40))
    gateway.flush()
    found = database.query("SELECT count, min FROM edgetide.w ORDER BY time, sensor_id")
    expect("rows", [tuple(row) for row in found], [("30", "")] * SENSORS + [("10", "1")] * SENSORS)


@case
def running_window_says_since_when_it_counts(world):
    totals = '\n[windows.w]\ntype = "running"\ntrigger = "100ms"\naggregates = [{}]\n'
    gateway = Gateway(world, LINE + totals.format('"count", "sum"') + LITE).start()
    send(gateway, range(0, 10))
    gateway.flush()
    gateway.reload(LINE + totals.format('"count", "sum", "max"') + LITE)
    send(gateway, range(10, 13))
    gateway.flush()
    found = sorted((start > 0, count) for (_, start), (count, _) in rows(gateway).items())
    expect("rows", found, [(False, 10)] * SENSORS + [(True, 3)] * SENSORS)


@case
def check_says_before_what_a_change_does(world):
    gateway = Gateway(world, text("update")).start()
    send(gateway, range(0, 10))
    gateway.stop()
    gateway.configure(text("update", "aggregate"))
    said = subprocess.run([os.path.join(world.build, "edgetide"), "check", "--against-state", "--config", gateway.config],
                          capture_output=True, text=True)
    expect("exit status", said.returncode, 0)
    expect_that("the answer", "4 open windows would be finished as they began" in said.stdout, said.stdout, "names them")


if __name__ == "__main__":
    cases.main()
