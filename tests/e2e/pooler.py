#!/usr/bin/env python3
"""PostgreSQL behind a real PgBouncer, in each of its pool modes. Skipped (77) where there is no pgbouncer.

    pooler.py BUILD [CASE...]
"""
import os
import shutil
import signal
import sys

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, SECOND, Gateway, reading, window
from world import comes_true, free_port, wait_for

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
REST = LINE + window("w", "10s", 'allowed_lateness = "1h"\n') + """
[sinks.pg]
type = "postgresql"
connection = "{connection}"
"""
SETTINGS = """
[databases]
postgres = host={database} user=postgres dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
logfile = {folder}/pgbouncer.log
pool_mode = {mode}
"""


class Pooler:
    def __init__(self, world, database, mode):
        self.world, self.database, self.port = world, database, free_port()
        self.folder = world.folder / "pooler"
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        self.settings = self.folder / "pgbouncer.ini"
        self.configure(mode)
        self.start()

    def configure(self, mode):
        self.settings.write_text(SETTINGS.format(database=self.database.folder, port=self.port, folder=self.folder, mode=mode))

    def start(self):
        lines = self.log().count(" process up")
        self.process = self.world.spawn([PGBOUNCER, self.settings], "pooler-output",
                                        user="postgres" if os.geteuid() == 0 else None)
        wait_for(lambda: self.log().count(" process up") > lines, "pgbouncer is up")

    def restart(self):
        self.process.kill()
        self.process.wait()
        self.start()

    def reload(self, mode):
        self.configure(mode)
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        log = self.folder / "pgbouncer.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def connection(self):
        return f"host=127.0.0.1 port={self.port} dbname=postgres user=postgres"


def rows_of(database):
    """{(sensor, second): (readings, sum)}"""
    rows = database.query("SELECT sensor_id, extract(epoch FROM time)::bigint, count, sum FROM edgetide.w", check=False)
    return {(sensor, int(at)): (int(count), float(total)) for sensor, at, count, total in rows or []}


class Readings:
    """Sends some, and knows which rows they make."""

    def __init__(self, gateway):
        self.gateway, self.rows, self.sent = gateway, {}, 0

    def send(self, count):
        lines = []
        for number in range(self.sent, self.sent + count):
            sensor, at, level = f"s{number % 5}", number * SECOND // 10, number % 7
            lines.append(reading(sensor, at, level))
            start = 1_800_000_000 + at // (10 * SECOND) * 10
            readings, total = self.rows.get((sensor, start), (0, 0))
            self.rows[sensor, start] = (readings + 1, total + level)
        self.sent += count
        expect("lines acknowledged", self.gateway.send(*lines), count)


def expect_rows(database, readings):
    comes_true(lambda: rows_of(database) == readings.rows)
    expect("rows that are wrong", set(rows_of(database).items()) ^ set(readings.rows.items()), set())


def started(world, mode):
    database = world.postgres()
    pooler = Pooler(world, database, mode)
    gateway = Gateway(world, REST, connection=pooler.connection()).start()
    return database, pooler, gateway, Readings(gateway)


@each([("session", "session"), ("transaction", "transaction")])
def rows_are_right_over_restarts_of_the_pooler(world, mode):
    database, pooler, gateway, readings = started(world, mode)
    readings.send(100)
    wait_for(lambda: rows_of(database) == readings.rows, "the first rows")
    for _ in range(2):
        readings.send(100)
        pooler.restart()  # with rows on their way
        readings.send(100)
    gateway.kill()
    gateway.start()
    readings.send(100)
    expect_rows(database, readings)
    expect("rejected rows", gateway.status()["sinks"][0]["rejected_rows"], 0)


@case
def sink_in_statement_mode_says_so_and_delivers_after_the_change(world):
    database, pooler, gateway, readings = started(world, "statement")
    readings.send(100)
    comes_true(lambda: "statement mode" in gateway.readyz()[1])
    status, said = gateway.readyz()
    expect_that("/readyz", status == 503 and "pg" in said and "statement mode" in said, (status, said.strip()), "503 and the reason")
    expect_that("the log", "pool_mode" in gateway.log(), gateway.log().splitlines()[-1:], "names the setting to change")
    sink = gateway.status()["sinks"][0]
    expect_that("status", "statement mode" in sink["error"], sink["error"], "the reason")
    comes_true(lambda: gateway.status()["sinks"][0]["outbox_rows"] >= 5)
    expect("rows in the outbox", gateway.status()["sinks"][0]["outbox_rows"], 5)
    expect("rows stored", rows_of(database), {})
    readings.send(100)
    pooler.reload("transaction")
    expect_rows(database, readings)
    comes_true(lambda: gateway.readyz()[0] == 200)
    expect("/readyz afterwards", gateway.readyz()[0], 200)


if PGBOUNCER is None:
    print("skipped: there is no pgbouncer (tests/install.sh tests)")
    sys.exit(77)
cases.main()
