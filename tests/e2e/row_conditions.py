#!/usr/bin/env python3
"""Only rows for which `where` of a sink holds reach it, or with `on = "change"` those that begin and end it, whatever
happens to the process between them.

    row_conditions.py BUILD [CASE...]
"""
import json

import cases
from cases import case, each, expect
from gateway import LINE, SECOND, Gateway, reading, window
from world import wait_for

MINUTE = 60 * SECOND
WINDOW = window("minute", "1m", 'allowed_lateness = "10m"', ("count", "max"))
ALARM = """
[sinks.alarm]
type = "file"
folder = "{folder}/rows"
where = "max > 90"
"""


def rows(gateway):
    """(sensor, minute, count, max, holds) in the order in which they were written."""
    found = []
    for path in sorted((gateway.folder / "rows").glob("*.jsonl*")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            found.append(row)
    return found


def sent(gateway, sensor, minute, level):
    gateway.send(reading(sensor, minute * MINUTE, level))


def edges(gateway):
    return [(row["sensor"], row["max"], row["holds"]) for row in rows(gateway)]


HOWS = ("none", "kill", "stop", "reload")


def disturb(gateway, how, text):
    if how == "reload":
        return gateway.reload(text + "\n")
    if how != "none":
        gateway.kill() if how == "kill" else gateway.stop()
        gateway.start()
    return None


@each([(how, how) for how in HOWS])
def alarm_begins_and_ends_once(world, how):
    text = LINE + WINDOW + ALARM + 'on = "change"\n'
    gateway = Gateway(world, text).start()
    for minute, level in enumerate((20, 95, 96, 97, 40, 30, 99)):
        sent(gateway, "a", minute, level)
        sent(gateway, "b", minute, 91 if minute == 3 else 10)
        gateway.flush()
        disturb(gateway, how, text)
    wanted = [("a", 95, 1), ("b", 91, 1), ("a", 40, 0), ("b", 10, 0), ("a", 99, 1)]
    wait_for(lambda: len(edges(gateway)) >= len(wanted), "the rows")
    expect("alarms", edges(gateway), wanted)


@case
def only_rows_that_match_reach_the_stream(world):
    gateway = Gateway(world, LINE + WINDOW + ALARM + 'mode = "append"\n').start()
    for minute, level in enumerate((20, 95, 40, 99)):
        sent(gateway, "a", minute, level)
    sent(gateway, "a", 60, 1)
    wait_for(lambda: len(rows(gateway)) >= 2, "the rows")
    expect("rows", [(row["max"], row["count"], "holds" in row) for row in rows(gateway)], [(95, 1, False), (99, 1, False)])


@case
def row_that_is_corrected_away_from_the_condition_leaves_the_table(world):
    lite = '\n[sinks.lite]\ntype = "sqlite"\npath = "{database}"\nwhere = "max / count > 90"\n'
    gateway = Gateway(world, LINE + WINDOW + lite).start()

    def stored():
        return gateway.query("SELECT sensor_id, count FROM minute ORDER BY sensor_id, time_us")

    sent(gateway, "a", 0, 95)
    sent(gateway, "b", 0, 99)
    sent(gateway, "c", 0, 5)
    wait_for(lambda: len(stored()) == 2, "both rows")
    expect("rows", stored(), [("a", 1), ("b", 1)])
    sent(gateway, "a", 0, 1)
    wait_for(lambda: len(stored()) == 1, "the row goes")
    expect("rows", stored(), [("b", 1)])


if __name__ == "__main__":
    cases.main()
