#!/usr/bin/env python3
"""What the daemon needs of a board: memory after an hour's worth of readings, the size of its binary, and how often it
wakes up when no readings arrive. 200 sensors, MQTT in, three windows, PostgreSQL and SQLite out.

    footprint.py BUILD [SECONDS]       a release build; duration of the simulated hour, 60 seconds by default

Fails above: 25.5 MiB resident, 6 MiB of private memory written to, 4.3 MiB of binary, 6 wake-ups a second.
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from world import World, stop_daemon, wait_for

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 60
HOUR, SENSORS, READINGS = 3600, 200, 72_000  # a reading of each sensor every ten seconds
IDLE = 10  # seconds
REDELIVER = 600  # seconds of that hour for which confirmed rows are kept: the default
MIB = 1024 * 1024

CONFIG = """
[gateway]
id = "footprint"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
  [[sources.plant.routes]]
  topic = "sensors/{{device}}/{{metric}}"
  format = "json"
  time = {{ path = "time", format = "unix_us" }}
  values = ["temperature"]
[windows.minute]
size = "1m"
aggregates = ["count", "min", "max", "avg"]
[windows.quarter]
type = "sliding"
size = "15m"
slide = "5m"
aggregates = ["count", "avg", "p95"]
[windows.hour]
size = "1h"
allowed_lateness = "10m"
aggregates = ["count", "min", "max", "avg", "last"]
[sinks.pg]
type = "postgresql"
connection = "{connection}"
redeliver = "{redeliver}s"
[sinks.lite]
type = "sqlite"
redeliver = "{redeliver}s"
"""


def memory(pid):
    """Bytes by name of smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


def resident_by_file(pid):
    """Resident bytes of each mapped file, the largest first; anonymous memory under its own name."""
    sizes, name = {}, ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        fields = line.split()
        if not fields[0].endswith(":"):
            name = Path(fields[5]).name if len(fields) > 5 else "[anonymous]"
        elif fields[0] == "Rss:":
            sizes[name] = sizes.get(name, 0) + int(fields[1]) * 1024
    return sorted(sizes.items(), key=lambda item: -item[1])


def wake_ups(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        total += sum(int(line.split()[1]) for line in task.read_text().splitlines() if line.startswith("voluntary"))
    return total


def binary_bytes(world):
    copy = world.folder / "stripped"
    shutil.copy(world.build / "edgetide", copy)
    subprocess.run(["strip", copy], check=True)
    return copy.stat().st_size


def main():
    os.sync()  # the pages of a program that was only just linked would count as written to
    with World(sys.argv[1]) as world:
        port, _ = world.mosquitto()
        database = world.postgres()
        daemon = world.run_daemon(world.write("edgetide.toml", CONFIG.format(
            folder=world.folder, port=port, connection=database.connection(),
            redeliver=round(REDELIVER * SECONDS / HOUR))))
        world.wait_for_log(daemon, "source plant: connected to")
        before = wake_ups(daemon.pid)
        time.sleep(IDLE)
        per_second = (wake_ups(daemon.pid) - before) / IDLE
        world.spawn([world.build / "tests/tools/edgetide_simulate", "--quiet", "--to", f"mqtt://127.0.0.1:{port}",
                     "--sensors", SENSORS, "--readings", READINGS, "--span", HOUR, "--rate", READINGS / SECONDS],
                    "simulator").wait()
        wait_for(lambda: database.settled("minute"), "all rows are stored")
        time.sleep(IDLE)  # the rows of the last minute of this hour are those of a second here
        used, files = memory(daemon.pid), resident_by_file(daemon.pid)
        binary = binary_bytes(world)
        stop_daemon(daemon)
        assert world.summary()["received"] == READINGS

    figures = [("resident", used["Rss"] / MIB, 25.5, "MiB"), ("private and written to", used["Private_Dirty"] / MIB, 6, "MiB"),
               ("binary, stripped", binary / MIB, 4.3, "MiB"), ("wake-ups when idle", per_second, 6, "a second")]
    print(f"{READINGS} readings of {SENSORS} sensors, three windows, two stores")
    for name, figure, bound, unit in figures:
        print(f"{name:24} {figure:6.2f} {unit}, bound {bound}")
    print("resident, by what is mapped, MiB: " + ", ".join(f"{name} {size / MIB:.1f}" for name, size in files[:14]))
    sys.exit("above a bound" if any(figure > bound for _, figure, bound, _ in figures) else 0)


main()
