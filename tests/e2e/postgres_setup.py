#!/usr/bin/env python3
"""`edgetide schema --setup` on an empty PostgreSQL: what it prints is run, and then a gateway writes its first rows and a
dashboard reads them. By a superuser, by an administrator who is not one as on managed servers, and with tables that are
not the gateway's to make."""
import socket
import subprocess
import sys

from world import World, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}/state"
[http]
listen = ""
[clock]
wait_after_boot = "0s"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "json"
sensor = {{ path = "sensor" }}
[windows.minute]
size = "1m"
trigger = "100ms"
[sinks.history]
type = "postgresql"
connection = "host={pg} dbname={database} user=gateway"
schema = "{schema}"
{more}
"""


def psql(world, user, database, sql, check=True):
    run = subprocess.run([world.database.bin / "psql", "-h", world.database.folder, "-U", user, "-d", database, "-XAt"],
                         input=sql, capture_output=True, text=True, timeout=120)
    assert not check or run.returncode == 0, run
    return run


def printed(world, config, *arguments):
    return subprocess.run([world.build / "edgetide", "schema", *arguments, "--config", config], capture_output=True,
                          text=True, check=True, timeout=60).stdout


def rows_arrive(world, config, database, schema, reader):
    daemon = world.run_daemon(config)
    try:
        wait_for(lambda: (world.folder / "readings.sock").exists(), "the socket")
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(world.folder / "readings.sock"))
            line.sendall(b'{"sensor":"a","t":1}\n')
        count = f'SELECT count(*) FROM "{schema}".minute'
        wait_for(lambda: psql(world, reader, database, count, check=False).stdout.strip() == "1", "a row that Grafana sees")
    finally:
        stop_daemon(daemon)
    for statement in (f'DELETE FROM "{schema}".minute_data', f'CREATE TABLE "{schema}".mine ()', "CREATE SCHEMA mine"):
        run = psql(world, reader, database, "\\set ON_ERROR_STOP on\n" + statement, check=False)
        assert run.returncode != 0 and "permission denied" in run.stderr, run


def case(world, name, admin, database, schema, more=""):
    (world.folder / "state").mkdir(exist_ok=True)
    config = world.write(f"{name}.toml", CONFIG.format(folder=world.folder, pg=world.database.folder, database=database,
                                                      schema=schema, more=more))
    setup = printed(world, config, "--setup")
    for _ in range(2):  # it may run again
        run = psql(world, admin, "postgres", setup)
        assert "password" in run.stdout and not run.stderr, run
    if more:
        psql(world, admin, database, "\\set ON_ERROR_STOP on\n" + printed(world, config))
    rows_arrive(world, config, database, schema, f"{schema}_grafana")
    psql(world, admin, "postgres", setup)  # also with tables that are there


def main():
    with World(sys.argv[1]) as world:
        world.postgres()
        case(world, "superuser", "postgres", "my-plant", "edgetide")
        world.database.query("CREATE ROLE managed LOGIN CREATEDB CREATEROLE")
        case(world, "managed", "managed", "other", "s2")
        case(world, "made_by_others", "postgres", "third", "s3", "create_tables = false")
        lite = world.write("lite.toml", '[windows.w]\nsize = "1m"\n[sinks.d]\ntype = "sqlite"\n')
        run = subprocess.run([world.build / "edgetide", "schema", "--setup", "-c", lite], capture_output=True, text=True,
                             timeout=60)
        assert run.returncode == 1 and "nothing to set up" in run.stderr, run
    print("schema --setup: fine")


main()
