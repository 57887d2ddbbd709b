#!/usr/bin/env python3
"""50,000 readings over MQTT at QoS 1, out of order, late, twice and bad, into PostgreSQL and SQLite at once.

PostgreSQL is stopped for a while during the run, and a backend is killed while its COMMIT is on the way. At the end
every row of both stores is compared with what SQL computes from the generator's own log, and the counters with its kinds.
"""
import sqlite3
import sys
import time

from world import World, stop_daemon, wait_for

READINGS = 50_000
SENSORS = 50
DISORDER = 5  # seconds
# (size, offset, allowed_lateness) in seconds
WINDOWS = {"ten": (10, 0, 20), "minute": (60, 7, 30)}
US = 1_000_000

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[time]
max_out_of_orderness = "{disorder}s"
idle_timeout = "none"
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]

  [[sources.plant.routes]]
  topic = "sensors/{{device}}/{{metric}}"
  format = "json"
  time = {{ path = "time", format = "unix_us" }}
  values = ["temperature"]
{windows}
[sinks.pg]
type = "postgresql"
connection = "{connection}"
[sinks.pg_final]
type = "postgresql"
mode = "append"
schema = "finals"
connection = "{connection}"
[sinks.lite]
type = "sqlite"
"""

WINDOW = """
[windows.{name}]
size = "{size}s"
offset = "{offset}s"
allowed_lateness = "{lateness}s"
trigger = "500ms"
aggregates = ["count", "sum", "min", "max", "avg", "first", "last", "stddev", "variance"]
"""

# Every row and fate from the raw log: a window takes a reading unless, when it was sent, the newest event time of its
# sensor less the disorder had passed the window's end by the lateness.
EXPECTED = """
CREATE TABLE expected_{name} AS
WITH good AS (
  SELECT *, max(event_time_us) OVER (PARTITION BY sensor ORDER BY sent ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
              - {disorder} AS watermark
  FROM raw WHERE kind NOT IN ('future', 'ancient', 'no_number', 'no_json')),
placed AS (
  SELECT *, event_time_us - ((event_time_us - {offset}) % {size}) AS start FROM good),
taken AS (
  SELECT *,
         row_number() OVER (PARTITION BY sensor, start ORDER BY event_time_us, sent) AS from_first,
         row_number() OVER (PARTITION BY sensor, start ORDER BY event_time_us DESC, sent DESC) AS from_last
  FROM placed WHERE watermark IS NULL OR start + {size} + {lateness} > watermark)
SELECT sensor, start, count(*) AS count, sum(value) AS sum, min(value) AS min, max(value) AS max, avg(value) AS avg,
       max(CASE WHEN from_first = 1 THEN value END) AS first, max(CASE WHEN from_last = 1 THEN value END) AS last,
       {stddev}
FROM taken GROUP BY sensor, start
"""

# One row, and only if anything differs: what is missing, what is too much, what has other values.
DIFFERENT = """
SELECT coalesce(e.sensor, r.sensor_id), coalesce(e.start, r.start), e.count, r.count, e.sum, r.sum, e.last, r.last
FROM expected_{name} e FULL JOIN ({rows}) r ON r.sensor_id = e.sensor AND r.start = e.start
WHERE e.sensor IS NULL OR r.sensor_id IS NULL OR e.count <> r.count OR e.sum <> r.sum OR e.min <> r.min
   OR e.max <> r.max OR e.first <> r.first OR e.last <> r.last OR abs(e.avg - r.avg) > 1e-9 * abs(e.avg)
   OR (e.count > 1 AND (abs(e.stddev - r.stddev) > 1e-7 * (1 + e.stddev) OR r.stddev IS NULL))
   OR (e.count = 1 AND r.stddev IS NOT NULL) OR (e.count > 1 AND abs(r.variance - r.stddev * r.stddev) > 1e-7)
LIMIT 5
"""


def config_text(world, port, connection):
    windows = "".join(WINDOW.format(name=n, size=s, offset=o, lateness=l) for n, (s, o, l) in WINDOWS.items())
    return CONFIG.format(folder=world.folder, port=port, connection=connection, windows=windows, disorder=DISORDER)


def expected_sql(name, stddev):
    size, offset, lateness = WINDOWS[name]
    return EXPECTED.format(name=name, size=size * US, offset=offset * US, lateness=lateness * US,
                           disorder=DISORDER * US, stddev=stddev)


def lose_an_answer(database):
    """Lets a COMMIT wait for a standby that does not exist, kills its backend there: it is durable, nobody was told."""
    database.query("ALTER SYSTEM SET synchronous_standby_names = 'nosuch'")
    database.query("SELECT pg_reload_conf()")
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'edgetide%'"
    victims = wait_for(lambda: database.query(waiting), "a COMMIT waits for the standby")
    for (pid,) in victims:
        database.query(f"SELECT pg_terminate_backend({pid})")
    database.query("ALTER SYSTEM RESET synchronous_standby_names")
    database.query("SELECT pg_reload_conf()")
    return len(victims)


def check_postgres(database, log):
    database.query("CREATE TABLE raw (sent bigint, sensor text, metric text, event_time_us bigint, value float8, kind text)")
    database.load_csv("raw", log)
    for name in WINDOWS:
        database.query(expected_sql(name, "stddev_samp(value) AS stddev"))
        for schema, where in (("edgetide", ""), ("finals", "WHERE is_final")):
            rows = f"SELECT *, (extract(epoch FROM time) * 1000000)::bigint AS start FROM {schema}.{name}"
            sql = DIFFERENT.format(name=name, rows=rows)
            if schema == "finals":
                sql = sql.replace(f"FROM expected_{name} e FULL JOIN", f"FROM (SELECT * FROM expected_{name} x WHERE EXISTS "
                                  f"(SELECT 1 FROM edgetide.{name} f WHERE f.sensor_id = x.sensor AND f.is_final AND "
                                  f"(extract(epoch FROM f.time) * 1000000)::bigint = x.start)) e FULL JOIN")
            different = database.query(sql)
            assert not different, f"PostgreSQL, {schema}.{name}: {different}"
        rows, final = database.query(f"SELECT count(*), count(*) FILTER (WHERE is_final) FROM edgetide.{name}")[0]
        assert int(final) > 0 and int(rows) > int(final), (rows, final)
        print(f"PostgreSQL {name}: {rows} rows equal the log, {final} of them final, also in append mode")


def check_sqlite(world, log):
    lite = sqlite3.connect(world.folder / "edgetide.db")
    lite.execute("CREATE TEMP TABLE raw (sent int, sensor text, metric text, event_time_us int, value real, kind text)")
    with open(log) as lines:
        next(lines)
        lite.executemany("INSERT INTO raw VALUES (?,?,?,?,?,?)", (line.rstrip("\n").split(",") for line in lines))
    for name in WINDOWS:
        sql = expected_sql(name, "CASE WHEN count(*) > 1 THEN (sum((value - 20) * (value - 20)) - "
                           "sum(value - 20) * sum(value - 20) / count(*)) / (count(*) - 1) END AS variance")
        lite.execute(sql.replace("CREATE TABLE", "CREATE TEMP TABLE").replace("FROM raw", "FROM temp.raw"))
        rows = f"SELECT *, time_us AS start FROM {name}"
        sql = DIFFERENT.format(name=name, rows=rows).replace("abs(e.stddev - r.stddev) > 1e-7 * (1 + e.stddev)",
                                                             "abs(e.variance - r.variance) > 1e-7 * (1 + e.variance)")
        different = lite.execute(sql).fetchall()
        assert not different, f"SQLite, {name}: {different}"
        print(f"SQLite {name}: {lite.execute(f'SELECT count(*) FROM {name}').fetchone()[0]} rows equal the log")


def check_counters(summary, database):
    kinds = {kind: int(n) for kind, n in database.query("SELECT kind, count(*) FROM raw GROUP BY kind")}
    refused = summary["refused"]
    assert summary["received"] == sum(kinds.values()), (summary, kinds)
    assert refused.get("too_early", 0) == kinds["future"] and refused.get("too_old", 0) == kinds["ancient"], refused
    assert refused.get("bad_number", 0) == kinds["no_number"] and refused.get("bad_syntax", 0) == kinds["no_json"], refused
    outcomes = summary["on_time"] + summary["late_accepted"] + summary["late_dropped"]
    assert summary["received"] == outcomes + summary["duplicates"] + summary["unmatched"] + sum(refused.values()), summary
    # A reading is dropped when no window takes it.
    placed = " OR ".join(
        f"event_time_us - ((event_time_us - {o * US}) % {s * US}) + {(s + l) * US} > watermark" for s, o, l in WINDOWS.values())
    dropped = database.query(
        "WITH good AS (SELECT *, max(event_time_us) OVER (PARTITION BY sensor ORDER BY sent ROWS BETWEEN UNBOUNDED "
        f"PRECEDING AND 1 PRECEDING) - {DISORDER * US} AS watermark FROM raw WHERE kind NOT IN "
        f"('future', 'ancient', 'no_number', 'no_json')) SELECT count(*) FROM good WHERE NOT (watermark IS NULL OR {placed})")
    assert summary["late_dropped"] == int(dropped[0][0]) > 0, (summary["late_dropped"], dropped)
    assert summary["late_accepted"] > 0
    print("counters:", {k: summary[k] for k in ("received", "on_time", "late_accepted", "late_dropped", "refused")})


def main():
    with World(sys.argv[1]) as world:
        port, _ = world.mosquitto()
        database = world.postgres()
        daemon = world.run_daemon(world.write("edgetide.toml", config_text(world, port, database.connection())))
        world.wait_for_log(daemon, "connected to")

        sent = world.folder / "sent.csv"
        simulator = world.spawn(
            [world.build / "tests/tools/edgetide_simulate", "--to", f"mqtt://127.0.0.1:{port}", "--sensors", SENSORS,
             "--readings", READINGS, "--span", 1800, "--disorder", DISORDER, "--same-time", 0.02, "--late", 0.03,
             "--late-by", 20, "--very-late", 0.01, "--very-late-by", 150, "--bad", 0.02, "--rate", 5000, "--log", sent],
            "simulator")
        count = lambda: database.query("SELECT count(*) FROM edgetide.ten", check=False)
        wait_for(lambda: (count() or [["0"]])[0][0] != "0", "rows arrive in PostgreSQL")
        killed = lose_an_answer(database)
        database.stop("fast")
        time.sleep(2)  # long enough for several triggers to fire into the void
        database.start()
        assert simulator.wait(timeout=300) == 0

        expected = sum(1 for _ in open(sent)) - 1
        assert expected >= READINGS, expected
        wait_for(lambda: database.settled("ten"), "the last rows arrive")
        stop_daemon(daemon)
        print(f"{expected} readings sent; {killed} backends killed at COMMIT; PostgreSQL away for 2 s")
        check_postgres(database, sent)
        check_sqlite(world, sent)
        check_counters(world.summary(), database)


if __name__ == "__main__":
    main()
