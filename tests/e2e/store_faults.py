#!/usr/bin/env python3
"""What happens to the stores under our feet: older state and clones that write to them, a SQLite file that goes or
breaks, a row that PostgreSQL will not have.

    store_faults.py BUILD [CASE...]
"""
import os
import re
import sqlite3
import subprocess
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, SECOND, START, Gateway, copy_files, reading, window
from world import comes_true, wait_for

REST = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + LITE
POSTGRES = """
[sinks.pg]
type = "postgresql"
connection = "{connection}"
"""


# --- 4 and 5: an older copy of the state directory, and a clone

TEMPLATES = {"lite": LITE, "pg": POSTGRES}
SORTS = [(f"{store}-{mode}-{number}", store, mode, number) for store in TEMPLATES for mode in ("update", "append", "complete")
         for number in ("count", "readings")]


def made(world, store, mode, number, **more):
    """A gateway whose windows have this column for the number of readings, and what reads {(sensor, start): number}."""
    aggregates = ("count", "sum") if number == "count" else ("avg",)
    text = LINE + window("w", "10s", "" if mode == "append" else 'allowed_lateness = "5m"\n', aggregates)
    text += TEMPLATES[store].rstrip() + f'\nmode = "{mode}"\n'
    database = world.postgres() if store == "pg" else None
    gateway = Gateway(world, text, id="same", checkpoint="1s", connection=database and database.connection(), **more)

    def rows():
        if store == "pg":
            found = database.query(f"SELECT sensor_id, (extract(epoch FROM time) * 1000000)::bigint, {number} "
                                   "FROM edgetide.w", check=False) or []
            return {(sensor, int(start) - START): int(count) for sensor, start, count in found}
        return {(sensor, start - START): count for sensor, start, count in
                gateway.query(f"SELECT sensor_id, time_us, {number} FROM w")}

    return gateway, rows


def fewer(before, after):
    return {key: (count, after.get(key, 0)) for key, count in before.items() if after.get(key, 0) < count}


@each(SORTS)
def older_copy_of_the_state_replaces_no_row_by_a_smaller_one(world, store, mode, number):
    gateway, rows = made(world, store, mode, number)
    gateway.start()
    gateway.send(*(reading(f"s{i % 4}", i * SECOND, 1) for i in range(8)))
    written = gateway.status()["checkpoint"]["written"]
    wait_for(lambda: gateway.status()["checkpoint"]["written"] > written + 1, "a checkpoint")
    copy = gateway.copy_state("copy")
    gateway.send(*(reading(f"s{i % 4}", i % 10 * SECOND + 500, 2) for i in range(40)))
    gateway.send(*(reading(f"s{i}", 60 * SECOND, 2) for i in range(3)))  # makes windows final
    gateway.flush()
    stored = rows()
    expect_that("rows stored", len(stored) >= 3, len(stored), "at least 3")
    gateway.kill()
    gateway.put_back(copy)
    gateway.start()
    gateway.send(*(reading(f"s{i}", 5 * SECOND, 4) for i in range(4)))
    gateway.send(*(reading(f"s{i}", 120 * SECOND, 4) for i in range(4)))
    gateway.send(*(reading(f"s{i}", 180 * SECOND, 4) for i in range(4)))
    gateway.flush()
    expect("rows replaced by rows with fewer readings", fewer(stored, rows()), {})
    expect("a new window", rows().get(("s1", 120 * SECOND)), 1)
    expect_that("the log", re.search(r"open from 20\S+ until 20\S+ may be incomplete", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "says from when to when rows may be incomplete")
    before = rows()
    gateway.kill()
    gateway.start()
    gateway.send(*(reading(f"s{i}", 240 * SECOND, 4) for i in range(4)))
    gateway.flush()
    expect("rows replaced after one more restart", fewer(before, rows()), {})
    expect_that("the log after one more restart", "incomplete" not in gateway.new_log(), "", "says nothing more")


@each([(f"{store}-{how}", store, how) for store in TEMPLATES for how in ("restart_after_stop", "restart_after_kill", "take")])
def clone_that_takes_a_store_over_costs_no_row(world, store, how):
    gateway, rows = made(world, store, "update", "count")
    gateway.start()
    gateway.send(*(reading("s", i * SECOND, 1) for i in range(20)))
    gateway.flush()
    clone = Gateway(world, gateway.text, name="clone", id="same", checkpoint="1s", connection=gateway.values["connection"])
    clone.configure(gateway.text, database=gateway.database)
    copy_files(gateway.state, clone.state)
    clone.start()
    clone.send(reading("c", 0, 1))
    wait_for(lambda: ("c", 0) in rows(), "the clone has written")
    gateway.send(*(reading("s", i * SECOND, 1) for i in range(20, 60)))
    comes_true(lambda: gateway.readyz()[0] == 503)
    status, said = gateway.readyz()
    expect("/readyz while it is taken over", status, 503)
    expect_that("its reason", re.search(f"process {clone.process.pid}.*sink take {store}", said), said.strip(), "who has it")
    clone.stop()
    if how == "take":
        take = subprocess.run([world.build / "edgetide", "sink", "take", store, "--config", gateway.config],
                              capture_output=True, text=True, timeout=20)
        expect("exit status of sink take", (take.returncode, take.stderr), (0, ""))
    else:
        gateway.stop() if how == "restart_after_stop" else gateway.kill()
        gateway.start()
    comes_true(lambda: sum(count for (sensor, _), count in rows().items() if sensor == "s") == 60)
    expect("readings of the original in rows", sum(count for (sensor, _), count in rows().items() if sensor == "s"), 60)
    comes_true(lambda: gateway.readyz()[0] == 200)
    expect("/readyz afterwards", gateway.readyz()[0], 200)


# --- 8: SQLite


def filled(world, readings=5):
    gateway = Gateway(world, REST).start()
    gateway.send(*(reading("s", i * SECOND, 1) for i in range(readings)))
    gateway.settles(readings)
    return gateway


def with_company(gateway, action):
    """The database and what SQLite keeps beside it."""
    for file in gateway.folder.glob("rows.db*"):
        action(file)


@each([("deleted", lambda g: with_company(g, os.unlink)), ("deleted_alone", lambda g: os.unlink(g.database)),
       ("renamed", lambda g: os.rename(g.database, g.folder / "moved.db")),
       ("replaced_by_empty", lambda g: (with_company(g, os.unlink), g.database.touch())),
       ("replaced_by_another", lambda g: (with_company(g, os.unlink), sqlite3.connect(g.database).execute("CREATE TABLE x (y)")))])
def sqlite_file_that_is_another_now_is_noticed(world, action):
    gateway = filled(world)
    action(gateway)
    gateway.send(*(reading("s", 100 * SECOND + i * SECOND, 1) for i in range(5)))
    comes_true(lambda: gateway.rows().get(("s", 100 * SECOND)) == (5, 5))
    expect("row of the readings since", gateway.rows().get(("s", 100 * SECOND)), (5, 5))
    expect_that("the log", re.search(r"sink lite.*(gone|deleted|removed|replaced|moved|another file|missing)", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "says that the file went")
    gateway.send(reading("s", 200 * SECOND, 1))
    comes_true(lambda: ("s", 200 * SECOND) in gateway.rows())
    expect("and it goes on", gateway.rows().get(("s", 200 * SECOND)), (1, 1))


def backup_to(gateway, copy):
    with sqlite3.connect(gateway.database) as lite, sqlite3.connect(copy) as to:
        lite.backup(to)


def restored_by_backup(gateway, copy):
    with sqlite3.connect(copy) as lite, sqlite3.connect(gateway.database) as to:
        lite.backup(to)


def restored_by_copy(gateway, copy):
    """Into the same file, as `cp` does."""
    with sqlite3.connect(gateway.database) as lite:
        lite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(gateway.database, "r+b") as file:
        file.truncate(0)
        file.write(copy.read_bytes())


@each([("by_backup", restored_by_backup), ("by_copy", restored_by_copy)])
def sqlite_store_that_is_restored_while_it_is_open_gets_again_what_it_confirmed(world, restore):
    gateway = filled(world)
    copy = gateway.folder / "copy.db"
    backup_to(gateway, copy)
    gateway.send(*(reading("s", 100 * SECOND + i * SECOND, 1) for i in range(5)))
    gateway.settles(10)
    restore(gateway, copy)
    for number in range(3):
        gateway.send(reading("s", (200 + number) * SECOND, 1))
    expect("readings in rows", gateway.settles(13), 13)
    expect_that("set_back", "delivered again" in str(gateway.status()["sinks"][0]["set_back"]),
                gateway.status()["sinks"][0]["set_back"], "says so")
    gateway.kill()
    gateway.start()
    expect("readings in rows after a restart", gateway.settles(13), 13)


@case
def sqlite_table_that_is_emptied_gets_again_what_it_confirmed(world):
    gateway = filled(world)
    with sqlite3.connect(gateway.database, isolation_level=None) as lite:
        lite.execute("DELETE FROM w_data")
    gateway.send(reading("s", 200 * SECOND, 1))
    expect("readings in rows", gateway.settles(6), 6)


def garbled(gateway, pages):
    """Overwrites pages of the closed-down part of the file, and drops what would repair it."""
    with sqlite3.connect(gateway.database) as lite:
        lite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(gateway.database, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.write(os.urandom(100) if pages == 1 else os.urandom(size))


@each([("first_bytes", 1), ("all", 0)])
def corrupted_sqlite_file_that_is_moved_away_is_made_again(world, pages):
    gateway = filled(world)
    garbled(gateway, pages)
    for number in range(4):
        gateway.send(reading("s", (100 + number) * SECOND, 1))
    comes_true(lambda: gateway.readyz()[0] == 503)
    status, said = gateway.readyz()
    expect("/readyz while it is corrupt", status, 503)
    expect_that("its reason", "lite" in said, said.strip(), "names the sink")
    with_company(gateway, lambda file: os.rename(file, gateway.folder / ("broken-" + file.name)))
    comes_true(lambda: gateway.rows().get(("s", 100 * SECOND)) == (4, 4))
    expect("row of the readings since", gateway.rows().get(("s", 100 * SECOND)), (4, 4))
    comes_true(lambda: gateway.readyz()[0] == 200)
    expect("/readyz afterwards", gateway.readyz()[0], 200)


@each([("all", 0), ("behind_the_head", 4096)])
def sqlite_file_that_is_overwritten_gets_no_row_until_it_is_moved_away(world, begin):
    gateway = filled(world)
    with sqlite3.connect(gateway.database) as lite:
        lite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    gateway.send(*(reading("s", (20 + i) * SECOND, 1) for i in range(5)))
    gateway.settles(10)
    with open(gateway.database, "r+b") as file:  # the newest rows are in the log beside it
        size = os.fstat(file.fileno()).st_size
        file.seek(begin)
        file.write(os.urandom(size - begin))
    gateway.send(*(reading("s", (100 + i) * SECOND, 1) for i in range(5)))
    comes_true(lambda: gateway.readyz()[0] == 503)
    status, said = gateway.readyz()
    expect("/readyz while it is damaged", status, 503)
    expect_that("its reason", "damaged" in said, said.strip(), "says so")
    with_company(gateway, lambda file: os.rename(file, gateway.folder / ("broken-" + file.name)))
    comes_true(lambda: gateway.rows().get(("s", 100 * SECOND)) == (5, 5))
    expect("row of the readings since", gateway.rows().get(("s", 100 * SECOND)), (5, 5))
    comes_true(lambda: gateway.readyz()[0] == 200)
    expect("/readyz afterwards", gateway.readyz()[0], 200)


@case
def folder_of_the_sqlite_file_that_goes_and_comes_back(world):
    gateway = Gateway(world, REST, database=world.folder / "disk/rows.db")
    gateway.database = world.folder / "disk/rows.db"
    gateway.database.parent.mkdir()
    gateway.start()
    gateway.send(reading("s", 0, 1))
    gateway.settles(1)
    os.rename(world.folder / "disk", world.folder / "unplugged")
    gateway.send(*(reading("s", (100 + i) * SECOND, 1) for i in range(3)))
    comes_true(lambda: gateway.readyz()[0] == 503)
    expect("/readyz without the folder", gateway.readyz()[0], 503)
    os.rename(world.folder / "unplugged", world.folder / "disk")
    gateway.send(*(reading("s", (200 + i) * SECOND, 1) for i in range(3)))
    comes_true(lambda: gateway.count() == 7)
    expect("readings in rows", gateway.count(), 7)


# --- 9: PostgreSQL

REFUSE = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (SELECT sensor_id FROM edgetide.series s WHERE s.series_id = NEW.series_id) LIKE 'bad%%' THEN
    RAISE EXCEPTION 'not this one' USING ERRCODE = '%s';
  END IF;
  RETURN NEW; END $$;
"""
CODES = ["54000", "XX000", "55000", "P0001", "40001"]


def counts(database):
    """By sensor."""
    rows = database.query("SELECT sensor_id, sum(count) FROM edgetide.w GROUP BY 1", check=False) or []
    return {sensor: int(float(count)) for sensor, count in rows}


def trigger_table(database):
    """The table behind the view."""
    (name,), = database.query("SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                              "n.nspname = 'edgetide' AND c.relkind IN ('r', 'p') AND c.relname LIKE 'w%' ORDER BY 1 LIMIT 1")
    return name


@each([(code, code) for code in CODES])
def row_that_a_trigger_refuses_is_set_aside(world, code):
    database = world.postgres()
    text = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + POSTGRES
    gateway = Gateway(world, text, connection=database.connection()).start()
    gateway.send(reading("good", 0, 1))
    wait_for(lambda: counts(database).get("good") == 1, "a first row")
    database.query(REFUSE % code)
    database.query(f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON edgetide.{trigger_table(database)} FOR EACH ROW "
                   "EXECUTE FUNCTION refuse()")
    gateway.send(reading("good", 20 * SECOND, 1), reading("bad", 0, 1), reading("zulu", 0, 1))
    gateway.send(reading("good", 40 * SECOND, 1))
    comes_true(lambda: counts(database) == {"good": 3, "zulu": 1})
    expect("readings in rows", counts(database), {"good": 3, "zulu": 1})
    expect("rejected rows", gateway.status()["sinks"][0]["rejected_rows"], 1)


@each([("sqlite", "lite"), ("postgresql", "pg")])
def row_that_a_trigger_skips_without_an_error_is_counted_and_said(world, store):
    gateway, rows = made(world, store, "update", "count")
    gateway.start()
    gateway.send(reading("good", 0, 1))
    wait_for(lambda: ("good", 0) in rows(), "a first row")
    if store == "pg":
        world.database.query("CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT sensor_id "
                             "FROM edgetide.series s WHERE s.series_id = NEW.series_id) = 'bad' THEN RETURN NULL; END IF; "
                             "RETURN NEW; END $$")
        world.database.query("CREATE TRIGGER skip BEFORE INSERT OR UPDATE ON edgetide.w_data FOR EACH ROW EXECUTE "
                             "FUNCTION skip()")
    else:
        with sqlite3.connect(gateway.database, timeout=10) as lite:
            lite.execute("CREATE TRIGGER skip BEFORE INSERT ON w_data WHEN (SELECT sensor_id FROM series s WHERE "
                         "s.series_id = NEW.series_id) = 'bad' BEGIN SELECT RAISE(IGNORE); END")
    gateway.send(reading("good", 20 * SECOND, 1), reading("bad", 0, 1), reading("zulu", 0, 1))
    gateway.send(reading("good", 40 * SECOND, 1))
    comes_true(lambda: len(rows()) == 4)
    expect("rows", sorted(sensor for sensor, _ in rows()), ["good", "good", "good", "zulu"])
    expect("rejected rows", gateway.status()["sinks"][0]["rejected_rows"], 1)
    expect_that("the log", re.search("for bad/.*rejected: skipped by the store", gateway.new_log()),
                gateway.new_log().splitlines()[-2:], "names the row and the reason")
    expect("/readyz", gateway.readyz()[0], 200)


@each([(action, f"SELECT RAISE({action}, 'closed for today')") for action in ("ROLLBACK", "ABORT", "FAIL")] +
      [("IGNORE", "SELECT RAISE(IGNORE)")])
def sqlite_table_that_takes_no_row_makes_the_gateway_not_ready(world, statement):
    gateway = filled(world)
    with sqlite3.connect(gateway.database, timeout=10) as lite:
        lite.execute(f"CREATE TRIGGER closed BEFORE INSERT ON w_data BEGIN {statement}; END")
    gateway.send(*(reading(sensor, (100 + i) * SECOND, 1) for i in range(5) for sensor in ("s", "t")))
    comes_true(lambda: gateway.readyz()[0] == 503)
    seen = set()
    until = time.monotonic() + 8
    while time.monotonic() < until:
        seen.add(gateway.readyz()[0])
        time.sleep(0.1)
    expect("/readyz over 8 s", seen, {503})
    expect_that("its reason", re.search("closed for today|skipped by the store", gateway.readyz()[1]),
                gateway.readyz()[1].strip(), "the trigger's words, or that rows are skipped")
    expect("lines of the log that say ready since then", len(re.findall("sink lite: ready", gateway.new_log())), 1)
    expect("rejected rows", gateway.status()["sinks"][0]["rejected_rows"], 0)
    with sqlite3.connect(gateway.database, timeout=10) as lite:
        lite.execute("DROP TRIGGER closed")
    comes_true(lambda: gateway.count() == 15)
    expect("readings in rows", gateway.count(), 15)
    comes_true(lambda: gateway.readyz()[0] == 200)
    expect("/readyz afterwards", gateway.readyz()[0], 200)
    expect("lines of the log that say ready", len(re.findall("sink lite: ready", gateway.new_log())), 2)


@each([("table_dropped", "DROP TABLE edgetide.{table} CASCADE"), ("schema_dropped", "DROP SCHEMA edgetide CASCADE"),
       ("column_dropped", "ALTER TABLE edgetide.{table} DROP COLUMN sum CASCADE")])
def gateway_is_not_ready_while_the_tables_are_gone(world, statement):
    database = world.postgres()
    text = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + POSTGRES
    gateway = Gateway(world, text, connection=database.connection()).start()
    gateway.send(reading("s", 0, 1))
    wait_for(lambda: counts(database).get("s") == 1, "a first row")
    database.query(statement.format(table=trigger_table(database)))
    said, number = (200, ""), 0

    def healed():
        nonlocal said, number
        if said[0] == 200:
            said = gateway.readyz()
        return said[0] != 200 or counts(database).get("s", 0) >= 1 and number > 0

    gateway.send(reading("s", 100 * SECOND, 1))
    number = 0
    comes_true(healed)
    expect("/readyz meanwhile", said[0], 503)
    expect_that("its reason", "pg" in said[1], said[1].strip(), "names the sink")


@case
def stopped_postgres_makes_the_gateway_not_ready_and_comes_back(world):
    database = world.postgres()
    text = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + POSTGRES
    gateway = Gateway(world, text, connection=database.connection()).start()
    gateway.send(reading("s", 0, 1))
    wait_for(lambda: counts(database).get("s") == 1, "a first row")
    database.stop("immediate")
    gateway.send(*(reading("s", i * SECOND, 1) for i in range(1, 5)))
    database.start()
    comes_true(lambda: counts(database).get("s") == 5)
    expect("readings in rows", counts(database).get("s"), 5)


cases.main()
