#!/usr/bin/env python3
"""What happens to the stores under our feet: a SQLite file that goes or breaks, a row that PostgreSQL will not have.

    store_faults.py BUILD [CASE...]
"""
import os
import re
import sqlite3

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, SECOND, Gateway, reading, window
from world import wait_for

REST = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + LITE
POSTGRES = """
[sinks.pg]
type = "postgresql"
connection = "{connection}"
"""


def comes_true(condition, patience):
    try:
        wait_for(condition, "", patience)
        return True
    except AssertionError:
        return False


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
    comes_true(lambda: gateway.rows().get(("s", 100 * SECOND)) == (5, 5), 10)
    expect("row of the readings since", gateway.rows().get(("s", 100 * SECOND)), (5, 5))
    expect_that("the log", re.search(r"sink lite.*(gone|deleted|removed|replaced|moved|another file|missing)", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "says that the file went")
    gateway.send(reading("s", 200 * SECOND, 1))
    comes_true(lambda: ("s", 200 * SECOND) in gateway.rows(), 5)
    expect("and it goes on", gateway.rows().get(("s", 200 * SECOND)), (1, 1))


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
    comes_true(lambda: gateway.readyz()[0] == 503, 5)
    status, said = gateway.readyz()
    expect("/readyz while it is corrupt", status, 503)
    expect_that("its reason", "lite" in said, said.strip(), "names the sink")
    with_company(gateway, lambda file: os.rename(file, gateway.folder / ("broken-" + file.name)))
    comes_true(lambda: gateway.rows().get(("s", 100 * SECOND)) == (4, 4), 15)
    expect("row of the readings since", gateway.rows().get(("s", 100 * SECOND)), (4, 4))
    comes_true(lambda: gateway.readyz()[0] == 200, 5)
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
    comes_true(lambda: gateway.readyz()[0] == 503, 5)
    expect("/readyz without the folder", gateway.readyz()[0], 503)
    os.rename(world.folder / "unplugged", world.folder / "disk")
    gateway.send(*(reading("s", (200 + i) * SECOND, 1) for i in range(3)))
    comes_true(lambda: gateway.count() == 7, 15)
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
    comes_true(lambda: counts(database) == {"good": 3, "zulu": 1}, 10)
    expect("readings in rows", counts(database), {"good": 3, "zulu": 1})
    expect("rejected rows", gateway.status()["sinks"][0]["rejected_rows"], 1)


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
    comes_true(healed, 5)
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
    comes_true(lambda: counts(database).get("s") == 5, 15)
    expect("readings in rows", counts(database).get("s"), 5)


cases.main()
