#!/usr/bin/env python3
"""A window definition that is edited takes effect at the boundary of a window: what is open is finished as it began, no
row gives way to one of fewer readings, and every reading is in one row.

    definition_changes.py BUILD [CASE...]
"""
import itertools
import json
import os
import sqlite3
import subprocess

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, SECOND, Gateway, reading
from world import wait_for

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
    with sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True, timeout=10) as lite:
        found = lite.execute("SELECT sensor_id, metric, time_us, count, is_final FROM w WHERE count > 0")
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


# What decides about a reading, or when rows are emitted: (before, edited) in [time] and in the window.
OPTIONS = {
    "trigger_shorter": (("", 'trigger = "1h"'), ("", 'trigger = "100ms"')),
    "trigger_longer": (("", 'trigger = "100ms"'), ("", 'trigger = "1h"')),
    "out_of_orderness": (('max_out_of_orderness = "30s"', ""), ('max_out_of_orderness = "0s"', "")),
    "oldest": (('oldest = "3650d"', ""), ('oldest = "1h"', "")),
    "match": (("", ""), ("", '[windows.w.match]\nsensor = "s0"')),
    "scope": (('scope = "sensor"', ""), ('scope = "global"', "")),
}


def options_text(options, path):
    time, keys = options
    defaults = {"max_out_of_orderness": '"0s"', "oldest": '"3650d"'}
    times = [f"{key} = {value}" for key, value in defaults.items() if not time.startswith(key)] + [time]
    table = f'\n[windows.w]\nsize = "10s"\naggregates = ["count", "sum"]\n{"" if "trigger" in keys else TRIGGER}{keys}\n'
    often = '\n[windows.often]\nsize = "1s"\ntrigger = "100ms"\naggregates = ["count"]\n'
    return (LINE + "\n[time]\n" + "\n".join(times) + "\n" + table + often +
            f'\n[sinks.rows]\ntype = "file"\npath = "{path}"\nmode = "append"\n')


@each([(name, name) for name in OPTIONS])
def option_that_is_edited_after_a_kill_takes_effect_behind_what_was_taken(world, name):
    found = []
    for how in ("restart", "kill"):
        pass


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
