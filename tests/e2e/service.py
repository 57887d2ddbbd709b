#!/usr/bin/env python3
"""The daemon as a service manager and a shell user see it."""
import subprocess
import sys
import time
from pathlib import Path

from world import ServiceManager, World, free_port, listens, stop_daemon, wait_for

ROOT = Path(__file__).resolve().parents[2]

MQTT = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
routes = [ {{ topic = "sensors/{{device}}/{{metric}}", format = "json", time = {{ path = "time", format = "unix_us" }} }} ]
[windows.ten]
size = "10s"
trigger = "500ms"
[sinks.lite]
type = "sqlite"
"""

SOCKETS = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[sources.lines]
type = "tcp"
listen = "127.0.0.1:{tcp}"
format = "influx"
[sources.packets]
type = "udp"
listen = "127.0.0.1:{udp}"
format = "influx"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "csv"
columns = ["sensor", "metric", "time", "value"]
sensor = {{ path = "sensor" }}
metric = {{ path = "metric" }}
time = {{ path = "time", format = "unix_us" }}
[windows.ten]
size = "10s"
allowed_lateness = "5m"
trigger = "500ms"
[sinks.lite]
type = "sqlite"
"""


def rows(world, table="ten", where=""):
    import sqlite3
    if not (world.folder / "edgetide.db").exists():
        return []
    with sqlite3.connect(world.folder / "edgetide.db", timeout=30) as lite:
        try:
            return lite.execute(f"SELECT sensor_id, sum(count) FROM {table} {where} GROUP BY 1 ORDER BY 1").fetchall()
        except sqlite3.OperationalError:
            return []


def starts_and_keeps_running_without_broker_and_database(build):
    with World(build) as world:
        port = free_port()
        config = MQTT.format(folder=world.folder, port=port)
        config += '[sinks.away]\ntype = "postgresql"\nconnection = "host=127.0.0.1 port=1 dbname=x user=x"\n'
        manager = ServiceManager(world.folder)
        daemon = world.run_daemon(world.write("edgetide.toml", config), env=manager.environment(WATCHDOG_USEC="400000"))
        wait_for(lambda: manager.count("READY=1") > 0, "READY=1")
        wait_for(lambda: manager.count("WATCHDOG=1") > 0, "WATCHDOG=1")
        wait_for(lambda: manager.count("STATUS=") > 0, "STATUS=")
        world.mosquitto(port)
        world.wait_for_log(daemon, "connected to")
        world.simulate("--to", f"mqtt://127.0.0.1:{port}", "--readings", 200, "--sensors", 2)
        wait_for(lambda: sum(n for _, n in rows(world)) == 200, lambda: f"the rows of a broker that came later: {rows(world)}")
        stop_daemon(daemon)
        wait_for(lambda: manager.count("STOPPING=1") > 0, "STOPPING=1")


def broker_that_comes_back_is_subscribed_again(build):
    with World(build) as world:
        port, broker = world.mosquitto()
        daemon = world.run_daemon(world.write("edgetide.toml", MQTT.format(folder=world.folder, port=port)))
        world.wait_for_log(daemon, "connected to")
        broker.kill()
        broker.wait()
        world.wait_for_log(daemon, "disconnected")
        wait_for(lambda: not listens(port), "the port is free")
        world.mosquitto(port)
        log = world.folder / "edgetide.log"
        wait_for(lambda: log.read_text().count("connected to mqtt") >= 2, "the second connection")
        world.simulate("--to", f"mqtt://127.0.0.1:{port}", "--readings", 100, "--sensors", 2)
        wait_for(lambda: sum(n for _, n in rows(world)) == 100, "rows after the broker came back")
        stop_daemon(daemon)


def sigterm_under_load_loses_nothing_that_was_counted(build):
    with World(build) as world:
        port, _ = world.mosquitto()
        daemon = world.run_daemon(world.write("edgetide.toml", MQTT.format(folder=world.folder, port=port)))
        world.wait_for_log(daemon, "connected to")
        simulator = world.spawn([world.build / "tests/tools/edgetide_simulate", "--to", f"mqtt://127.0.0.1:{port}",
                                 "--readings", 1000000, "--rate", 4000], "simulator")
        wait_for(lambda: rows(world), "the first rows")
        stop_daemon(daemon)
        simulator.kill()
        summary = world.summary()
        stored = sum(n for _, n in rows(world))
        assert stored == summary["on_time"] + summary["late_accepted"], (stored, summary)


def sockets_feed_the_same_windows(build):
    with World(build) as world:
        tcp, udp = free_port(), free_port()
        daemon = world.run_daemon(world.write("edgetide.toml", SOCKETS.format(folder=world.folder, tcp=tcp, udp=udp)))
        world.wait_for_log(daemon, "running")
        for to, form in ((f"tcp://127.0.0.1:{tcp}", "influx"), (f"udp://127.0.0.1:{udp}", "influx"),
                         (f"unix:{world.folder}/readings.sock", "csv")):
            world.simulate("--to", to, "--format", form, "--readings", 300, "--sensors", 3, "--rate", 3000, "--span", 60)
        wait_for(lambda: sum(n for _, n in rows(world)) == 900, "rows of three sockets")
        stop_daemon(daemon)
        summary = world.summary()
        assert summary["received"] == 900, summary
        assert not (world.folder / "readings.sock").exists()


def run(build, *arguments, text=None):
    return subprocess.run([Path(build) / "edgetide", *arguments], capture_output=True, text=True, input=text, timeout=60)


def configuration_errors_are_all_shown_and_exit_78(build):
    with World(build) as world:
        config = world.write("bad.toml", '[windows.w]\nsize = "60"\nallowed_latenes = "1m"\ninputs = ["nosuch"]\n')
        for command in ("run", "check"):
            result = run(build, command, "--config", config)
            assert result.returncode == 78, result
            for part in ("bad.toml:2:", "a duration needs a unit", "did you mean 'allowed_lateness'", "nosuch"):
                assert part in result.stderr, (part, result.stderr)


def usage_errors_exit_64_and_help_fits_a_screen(build):
    assert run(build, "--bogus").returncode == 64
    assert run(build, "nosuch").returncode == 64
    for arguments in (["--help"], ["run", "--help"], ["replay", "--help"], ["check", "--help"], ["schema", "--help"],
                      ["quarantine", "--help"], ["quarantine", "list", "--help"], ["checkpoint", "show", "--help"],
                      ["status", "--help"], ["backup", "--help"], ["sensors", "--help"], ["why", "--help"], ["tap", "--help"]):
        result = run(build, *arguments)
        lines = result.stdout.splitlines()
        assert result.returncode == 0 and 0 < len(lines) <= 24 and max(map(len, lines)) <= 80, result.stdout
    assert "postgresql" in run(build, "--version").stdout


def shipped_configuration_is_fine(build):
    result = run(build, "check", "--config", ROOT / "config/edgetide.toml")
    assert result.returncode == 0, result.stderr
    ddl = run(build, "schema", "--config", ROOT / "config/edgetide.toml")
    assert ddl.returncode == 0 and "CREATE TABLE" in ddl.stdout, ddl


def replay_gives_the_same_final_rows_however_it_is_paced(build):
    import random
    with World(build) as world:
        config = world.write("r.toml", '[time]\nidle_timeout = "none"\n[windows.w]\nsize = "10s"\nallowed_lateness = "5s"\n'
                             'trigger = "1s"\naggregates = ["count", "sum", "last"]\n')
        random.seed(7)
        readings = [{"sensor": f"s{random.randrange(5)}", "time": int((i / 4 - random.random() * 20) * 1e6), "value": i}
                    for i in range(2000)]
        outputs = set()
        for pace in range(6):
            lines = []
            for i, reading in enumerate(readings):
                lines.append(str(reading).replace("'", '"'))
                if pace and random.random() < 0.02:
                    lines.append('{"tick":%d}' % (i * 250_000 + 30_000_000))
                if pace > 2 and random.random() < 0.01:
                    lines.append('{"restart":true}')
            text = "\n".join(lines) + "\n"
            result = run(build, "replay", "--config", config, "--flush", "--mode", "append", "--numeric-time", text=text)
            assert result.returncode == 0, result.stderr
            rows_of = sorted(line.split(',"state"')[0] for line in result.stdout.splitlines())
            outputs.add("\n".join(rows_of))
        assert len(outputs) == 1 and len(next(iter(outputs)).splitlines()) > 100
        bad = run(build, "replay", "--config", config, "--strict", text='{"sensor":"a","time":1,"value":1}\nnonsense\n')
        assert bad.returncode == 1 and ":2: not JSON" in bad.stderr, bad


def main():
    build = sys.argv[1]
    for case in (usage_errors_exit_64_and_help_fits_a_screen, configuration_errors_are_all_shown_and_exit_78,
                 shipped_configuration_is_fine, replay_gives_the_same_final_rows_however_it_is_paced,
                 starts_and_keeps_running_without_broker_and_database, broker_that_comes_back_is_subscribed_again,
                 sigterm_under_load_loses_nothing_that_was_counted, sockets_feed_the_same_windows):
        began = time.monotonic()
        case(build)
        print(f"{case.__name__.replace('_', ' ')}: passed in {time.monotonic() - began:.1f} s", flush=True)


main()
