#!/usr/bin/env python3
"""A gateway publishes the rows of its minutes to a broker; a second one reads them, makes hours of them, publishes these,
and reads them again for its days. Each level equals SQL over the raw readings, whatever comes twice on the way.

    two_gateways.py BUILD [CASE...]
"""
import random
import sqlite3
import sys
import time

import cases
from cases import each, expect, expect_that
from gateway import LINE, SECOND, START, Gateway, reading
from proxy import DOWN, Proxy
from world import comes_true

MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
FIRST = START - START % DAY + DAY - START  # of a day, from START
DAYS, SENSORS = 2, [f"s{i}" for i in range(4)]
SINK = """
[sinks.NAME]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{upstream}"]
protocol = "{protocol}"
encoding = "{encoding}"
inputs = ["WINDOW"]
mode = "append"
topic = "rows/{{gateway}}/{{window}}/{{sensor}}"
status_topic = "status/{{gateway}}/{{sink}}"
"""
# A row in, readings out: one for each column, named METRIC.COLUMN, at the start of its window.
SOURCE = """
[sources.NAME]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
protocol = "{protocol}"
[[sources.NAME.routes]]
topic = "rows/+/WINDOW/#"
format = "json"
{each_row}
sensor = {{ path = "sensor" }}
metric = {{ path = "metric" }}
time = {{ path = "start" }}
values = COLUMNS
"""
WINDOW = """
[windows.NAME]
size = "SIZE"
inputs = ["SOURCE"]
trigger = "100ms"
aggregates = COLUMNS
MORE
"""
LITE = """
[sinks.lite]
type = "sqlite"
path = "{database}"
mode = "append"
"""
ONCE = 'deduplicate = "event_time"'  # a row that comes again is a reading of the same time
ROLLED = '["sum", "min", "max"]'


def filled(text, **words):
    for word, value in words.items():
        text = text.replace(word, value)
    return text


FIRST_GATEWAY = (LINE + filled(WINDOW, NAME="minute", SIZE="1m", SOURCE="line",
                               COLUMNS='["count", "sum", "min", "max"]', MORE="")
                 + filled(SINK, NAME="up", WINDOW="minute") + LITE)
SECOND_GATEWAY = (filled(SOURCE, NAME="minutes", WINDOW="minute", COLUMNS='["count", "sum", "min", "max"]')
                  + filled(SOURCE, NAME="hours", WINDOW="hour", COLUMNS=ROLLED)
                  + filled(WINDOW, NAME="hour", SIZE="1h", SOURCE="minutes", COLUMNS=ROLLED, MORE=ONCE)
                  + filled(WINDOW, NAME="day", SIZE="1d", SOURCE="hours", COLUMNS=ROLLED, MORE=ONCE)
                  + filled(SINK, NAME="up", WINDOW="hour") + LITE)


def readings():
    """(sensor, microseconds since START, level) in the order of time, and at the end what closes all windows of these."""
    chosen = random.Random(11)
    all_of = [(sensor, FIRST + offset, chosen.randrange(-800, 800) / 8) for sensor in SENSORS
              for offset in sorted(chosen.sample(range(0, DAYS * DAY, SECOND), 1500))]
    all_of.sort(key=lambda one: one[1])
    return all_of, [(sensor, FIRST + day * DAY, 0) for day in (DAYS + 1, DAYS + 3, DAYS + 5) for sensor in SENSORS]


def sql(raw, size):
    """{(sensor, start): (count, sum, min, max)}"""
    with sqlite3.connect(":memory:") as lite:
        lite.execute("CREATE TABLE raw (sensor TEXT, time INTEGER, level REAL)")
        lite.executemany("INSERT INTO raw VALUES (?, ?, ?)", [(s, START + t, level) for s, t, level in raw])
        rows = lite.execute("SELECT sensor, time / ? * ?, count(*), sum(level), min(level), max(level), avg(level) "
                            "FROM raw GROUP BY 1, 2", (size, size)).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}


def stored(gateway, table, columns):
    """{(sensor, start): {metric: values}} of the days that were asked for."""
    found = {}
    for sensor, metric, start, *values in gateway.query(f"SELECT sensor_id, metric, time_us, {', '.join(columns)} FROM {table}"):
        if start < START + FIRST + DAYS * DAY:
            found.setdefault((sensor, start), {})[metric] = values
    return found


def rolled_up(gateway, table, prefix, suffixes):
    """As `sql`: the sum of counts and of sums, the least of the least, the greatest of the greatest, and the average."""
    result = {}
    for key, metrics in stored(gateway, table, ("sum", "min", "max")).items():
        names = [f"{prefix}.{suffix}" for suffix in suffixes]
        if not all(name in metrics for name in names):
            continue
        (count, _, _), (total, _, _), (_, least, _), (_, _, greatest) = (metrics[name] for name in names)
        result[key] = (count, total, least, greatest, total / count)
    return result


def difference(found, wanted):
    return {key: (found.get(key), wanted.get(key)) for key in {*found, *wanted} if found.get(key) != wanted.get(key)}


def expect_equal(what, find, wanted):
    comes_true(lambda: not difference(find(), wanted))
    expect(f"{what} that differ from SQL, of {len(wanted)}", str(difference(find(), wanted))[:400], "{}")


def send(gateway, some):
    gateway.send(*(reading(sensor, offset, level) for sensor, offset, level in some))


def disturb(proxy, gateway, turn):
    """Rows that were sent come again, from this process or from its successor."""
    if turn % 4 == 1:
        proxy.hold(DOWN)  # they arrive, their confirmations do not
        time.sleep(0.5)
        proxy.cut()
        proxy.release()
    elif turn % 4 == 2:
        proxy.cut()
    elif turn % 4 == 3:
        gateway.kill()
        gateway.start()


@each([("5_json", "5", "json"), ("3.1.1_json_array", "3.1.1", "json_array")])
def minutes_hours_and_days_equal_sql(world, protocol, encoding):
    port, _ = world.mosquitto()
    values = {"port": port, "protocol": protocol, "encoding": encoding,
              "each_row": 'each = "[*]"' if encoding == "json_array" else ""}
    with Proxy(port) as proxy:
        second = Gateway(world, SECOND_GATEWAY, name="second", upstream=port, **values).start()
        second.wait_until_ready()
        first = Gateway(world, FIRST_GATEWAY, name="first", upstream=proxy.port, **values).start()
        raw, closing = readings()
        part = len(raw) // 16
        for turn in range(17):
            send(first, raw[turn * part:(turn + 1) * part])
            disturb(proxy, first, turn)
        send(first, closing)
        wanted = {size: sql(raw, size) for size in (MINUTE, HOUR, DAY)}
        expect_equal("minutes", lambda: {
            key: (*metrics["level"], metrics["level"][1] / metrics["level"][0])
            for key, metrics in stored(first, "minute", ("count", "sum", "min", "max")).items()}, wanted[MINUTE])
        expect_equal("hours", lambda: rolled_up(second, "hour", "level", ("count", "sum", "min", "max")), wanted[HOUR])
        expect_equal("days", lambda: rolled_up(second, "day", "level", ("count.sum", "sum.sum", "min.min", "max.max")),
                     wanted[DAY])
        minutes = next(source for source in second.status()["sources"] if source["name"] == "minutes")
        print(f"     rows of minutes: {len(wanted[MINUTE])}, received as {minutes['messages']} messages")
        if encoding == "json":
            expect_that("messages", minutes["messages"] >= len(wanted[MINUTE]), minutes["messages"], "some came twice")


if __name__ == "__main__":
    sys.exit(cases.main())
