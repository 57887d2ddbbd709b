#!/usr/bin/env python3
"""Rows of `edgetide replay` against Flink 1.20, window by window, and how many readings were late for all of them.

Readings of 24 sensors, a fifth of them late, go through tumbling, sliding and session windows with and without
`allowed_lateness`. Flink's watermark is made to move with every reading (`scope = "stream"` here); of each window its last
firing counts, and a session that a later firing contains was merged into that one.

One thing differs: in Flink a late reading joins a newer session across one that is final, and the rows of both have its
span; here it is late. So sensors with sessions that overlap may differ; they are counted.

Flink comes from Maven Central, once, into `flink` of the build folder. Where it, a JDK or Maven cannot be had, the test
is skipped.

    flink.py BUILD [--seed N] [--readings N]
"""
import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "1.20.1"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>edgetide</groupId><artifactId>flink</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.flink</groupId><artifactId>flink-streaming-java</artifactId><version>{VERSION}</version>
</dependency><dependency><groupId>org.apache.flink</groupId><artifactId>flink-clients</artifactId>
<version>{VERSION}</version></dependency></dependencies></project>
"""
START = 1_760_000_000_000  # milliseconds, as all times here: Flink knows no smaller ones
DELAY = 10_000
CONFIG = """
[time]
max_out_of_orderness = "{delay}ms"
idle_timeout = "none"
max_future = "none"
oldest = "none"
scope = "stream"

[windows.w]
{window}
allowed_lateness = "{lateness}ms"
aggregates = ["count", "sum", "min", "max"]
"""
WINDOWS = {
    ("tumbling", 60_000, 0): 'size = "1m"',
    ("tumbling", 90_000, 35_000): 'size = "90s"\noffset = "35s"',
    ("sliding", 120_000, 30_000): 'type = "sliding"\nsize = "2m"\nslide = "30s"',
    ("session", 25_000): 'type = "session"\ngap = "25s"\nmax_length = "36500d"',
}
# Of modules that Flink reaches into; from its own start scripts.
OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED"
          for package in ("java.lang", "java.util", "java.time", "java.util.concurrent", "java.util.concurrent.atomic")]


def prepare(build):
    folder = Path(build).resolve() / "flink"
    missing = [tool for tool in ("java", "javac", "mvn") if not shutil.which(tool)]
    if missing:
        print("skipped: no " + ", ".join(missing))
        sys.exit(77)
    folder.mkdir(exist_ok=True)
    if not (folder / f"has-{VERSION}").exists():
        (folder / "pom.xml").write_text(POM)
        fetched = subprocess.run(["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies",
                                  f"-DoutputDirectory={folder}/jars"], cwd=folder, timeout=1200)
        if fetched.returncode != 0:
            print("skipped: Flink cannot be fetched")
            sys.exit(77)
        (folder / f"has-{VERSION}").touch()
    subprocess.run(["javac", "-nowarn", "-cp", f"{folder}/jars/*", "-d", folder / "classes",
                    Path(__file__).with_name("Windows.java")], check=True, timeout=600)
    return f"{folder}/classes:{folder}/jars/*"


def readings_of(dice, count):
    """(sensor, time, value), as they arrive. Sensor 0 to 3 often, the others so seldom that their sessions end."""
    readings = []
    for i in range(count):
        behind = dice.randrange(300_000) if dice.random() < 0.2 else dice.randrange(8_000)
        sensor = dice.randrange(4) if dice.random() < 0.9 else dice.randrange(4, 24)
        readings.append((f"s{sensor}", START + i * 40 - behind, round(dice.gauss(20, 15), 2)))
    return readings


def in_flink(classes, folder, readings, lateness, window):
    (folder / "readings.csv").write_text("".join(f"{sensor},{time},{value}\n" for sensor, time, value in readings))
    subprocess.run(["java", *OPENED, "-cp", classes, "Windows", folder / "readings.csv", folder / "rows.csv", str(DELAY),
                    str(lateness), *map(str, window)], check=True, timeout=1200, stderr=subprocess.DEVNULL)
    rows, late = {}, 0
    for line in (folder / "rows.csv").read_text().splitlines():
        if line == "late":
            late += 1
            continue
        sensor, start, end, *values = line.split(",")
        start, end = int(start), int(end)
        if window[0] == "session":
            for place in [p for p in rows if p[0] == sensor and start <= p[1] and p[2] <= end]:
                del rows[place]
        rows[sensor, start, end] = tuple(map(float, values))
    return rows, late


def replayed(build, folder, readings, lateness, window):
    path = folder / "edgetide.toml"
    path.write_text(CONFIG.format(delay=DELAY, lateness=lateness, window=window))
    lines = "".join(json.dumps({"sensor": sensor, "time": time * 1000, "value": value}) + "\n"
                    for sensor, time, value in readings)
    done = subprocess.run([build / "edgetide", "replay", "--config", path, "--mode", "append", "--flush",
                           "--numeric-time", "--summary", folder / "summary.json"], input=lines, text=True,
                          capture_output=True, check=True)
    rows = {}
    for row in map(json.loads, done.stdout.splitlines()):
        place = (row["sensor"], row["start"] // 1000, row["end"] // 1000)
        assert place not in rows, place
        rows[place] = (row["count"], row["sum"], row["min"], row["max"])
    return rows, json.loads((folder / "summary.json").read_text())["late_dropped"]


def same(ours, theirs):
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(ours, theirs))


def sensors_with_overlaps(rows):
    places = sorted(rows)
    return {a[0] for a, b in zip(places, places[1:]) if a[0] == b[0] and b[1] < a[2]}


def compare(what, ours, theirs, is_session):
    (rows, late), (flink_rows, flink_late) = ours, theirs
    differ = [place for place in sorted(rows.keys() | flink_rows.keys())
              if place not in rows or place not in flink_rows or not same(rows[place], flink_rows[place])]
    left_out = {place[0] for place in differ} & (sensors_with_overlaps(rows) if is_session else set())
    differences = [f"{place}: {rows.get(place)} here, {flink_rows.get(place)} in Flink"
                   for place in differ if place[0] not in left_out]
    assert rows and not differences, f"{what}: {len(differences)} of {len(rows)} rows\n" + "\n".join(differences[:10])
    assert late == flink_late or (left_out and late > flink_late), f"{what}: {late} late here, {flink_late} in Flink"
    equal = sum(place[0] not in left_out for place in rows)
    but = f", {len(left_out)} sensors differ by that" if left_out else ""
    print(f"{what}: {equal} rows equal, {late} readings late for all windows{but}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readings", type=int, default=20_000)
    options = parser.parse_args()
    classes = prepare(options.build)
    readings = readings_of(random.Random(options.seed), options.readings)
    with tempfile.TemporaryDirectory(prefix="edgetide-flink-") as name:
        folder = Path(name)
        for window, keys in WINDOWS.items():
            for lateness in (0, 45_000):
                compare(" ".join(map(str, (*window, "lateness", lateness))),
                        replayed(options.build, folder, readings, lateness, keys),
                        in_flink(classes, folder, readings, lateness, window), window[0] == "session")


main()
