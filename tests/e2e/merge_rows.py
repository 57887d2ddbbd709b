#!/usr/bin/env python3
"""Rows of three gateways and of minutes, merged by DDSketch's library for Python, against one gateway with an hour.

Readings go to three gateways at random, one of which is killed in between. Their rows, from SQLite and from files of
JSON, are merged as pipeline/SEMANTICS.md says: count, sum and standard deviation are those of all readings, percentiles
are within 1 % of the readings and those of the sketch of the gateway that got them all; the SQL of that page gives the
same. Other sinks of the window have no further column.

The library is installed from PyPI into a folder of this run, or used from the folder given. Where that cannot be, the
test is skipped.

    merge_rows.py BUILD [--library FOLDER]
"""
import argparse
import base64
import json
import math
import random
import statistics
import subprocess
import sys
from pathlib import Path

from gateway import LINE, SECOND, Gateway, reading, window
from world import World, wait_for

LIBRARIES = ["ddsketch==3.0.1", "protobuf"]
MERGED = "count, sum, m2, sketch"
SINKS = """
[sinks.lite]
type = "sqlite"
path = "{database}"
mode = "append"
mergeable = true
[sinks.lines]
type = "file"
mode = "append"
mergeable = true
[sinks.plain]
type = "file"
mode = "append"
"""
SHAPES = {
    "warm": lambda dice: dice.gauss(20, 3),
    "signs": lambda dice: round(dice.gauss(0, 5)),
    "wide": lambda dice: dice.lognormvariate(0, 3),
    "few": lambda dice: 1e6 + dice.random(),
}


def find_library(folder, given):
    target = given or folder / "library"
    if not given and subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", target, *LIBRARIES],
                                    timeout=600).returncode != 0:
        print(f"skipped: {LIBRARIES} cannot be installed")
        sys.exit(77)
    sys.path.insert(0, str(target))


class Merged:
    """What a reader of the rows makes of them."""

    def __init__(self, rows):
        from ddsketch.pb.ddsketch_pb2 import DDSketch
        from ddsketch.pb.proto import DDSketchProto
        self.count, self.sum, self.m2, self.sketch = 0, 0.0, 0.0, None
        for count, total, m2, sketch in rows:
            if count == 0:
                continue
            if self.count:
                apart = total / count - self.sum / self.count
                self.m2 += apart * apart * self.count * count / (self.count + count)
            self.count, self.sum, self.m2 = self.count + count, self.sum + total, self.m2 + m2
            read = DDSketchProto.from_proto(DDSketch.FromString(sketch))
            if self.sketch is None:
                self.sketch = read
            else:
                self.sketch.merge(read)

    def stddev(self):
        return math.sqrt(self.m2 / (self.count - 1))

    def percentiles(self):
        return [self.sketch.get_quantile_value(share) for share in (0, 0.5, 0.9, 0.99, 1)]


def exact_percentiles(values):
    ordered = sorted(values)
    return [ordered[int(share * (len(ordered) - 1))] for share in (0, 0.5, 0.9, 0.99, 1)]


def rows_of_files(gateway, sink):
    folder = gateway.state / "rows"
    files = sorted(folder.glob(f"{sink}-*.jsonl*"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def sql_of_page():
    """The only one that pipeline/SEMANTICS.md has."""
    page = (Path(__file__).parents[2] / "pipeline" / "SEMANTICS.md").read_text()
    return page.split("```sql\n")[1].split("```")[0]


def compare(sensor, values, merged, whole):
    assert merged.count == whole.count == merged.sketch.count == len(values), (sensor, merged.count, len(values))
    assert math.isclose(merged.sum, math.fsum(values), rel_tol=1e-12, abs_tol=1e-9), (sensor, merged.sum)
    wanted = statistics.stdev(values)
    for each in (merged, whole):
        assert math.isclose(each.stddev(), wanted, rel_tol=1e-9), (sensor, each.stddev(), wanted)
    assert merged.percentiles() == whole.percentiles(), (sensor, merged.percentiles(), whole.percentiles())
    for got, exact in zip(merged.percentiles(), exact_percentiles(values)):
        assert math.isclose(got, exact, rel_tol=0.010001), (sensor, got, exact)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--library", type=Path)
    options = parser.parse_args()
    with World(options.build) as world:
        find_library(world.folder, options.library)
        aggregates = ("stddev", "p90", "avg")
        parts = [Gateway(world, LINE + window("minute", "1m", aggregates=aggregates) + SINKS, f"part{i}").start()
                 for i in range(3)]
        whole = Gateway(world, LINE + window("minute", "1h", aggregates=aggregates) + SINKS, "whole").start()

        dice = random.Random(4)
        values = {sensor: [] for sensor in SHAPES}
        count = 6000
        for first in range(0, count, 500):
            lines = {gateway: [] for gateway in (*parts, whole)}
            for i in range(first, first + 500):
                sensor = dice.choice(list(SHAPES))
                values[sensor].append(SHAPES[sensor](dice))
                line = reading(sensor, 3600 * SECOND * i // count, values[sensor][-1])
                for gateway in (dice.choice(parts), whole):
                    lines[gateway].append(line)
            for gateway, part in lines.items():
                assert gateway.send(*part) == len(part)
            if first == count // 2:
                parts[0].kill()
                parts[0].start()
        for gateway in (*parts, whole):  # closes all windows
            gateway.send(*[reading(sensor, 7200 * SECOND, 0) for sensor in SHAPES])

        def stored(gateway, sensor):
            return gateway.query(f"SELECT {MERGED} FROM minute WHERE sensor_id = '{sensor}' AND is_final = 1")

        def all_rows(sensor):
            return [row for gateway in parts for row in stored(gateway, sensor)]

        for sensor in SHAPES:
            wait_for(lambda: sum(row[0] for row in all_rows(sensor)) == len(values[sensor]), f"the rows of {sensor}")
            wait_for(lambda: stored(whole, sensor), f"the hour of {sensor}")
            compare(sensor, values[sensor], Merged(all_rows(sensor)), Merged(stored(whole, sensor)))

        for gateway in parts:
            [row] = gateway.query(sql_of_page())
            merged = Merged(row for sensor in SHAPES for row in stored(gateway, sensor))
            wanted = [merged.count, merged.sum, merged.sum / merged.count, merged.stddev()]
            assert row[0] == "level" and all(map(math.isclose, row[1:], wanted)), (row, wanted)

        for gateway in (*parts, whole):
            assert gateway.stop() == 0
            rows = rows_of_files(gateway, "lines")
            assert list(rows[0])[5:12] == ["stddev", "p90", "avg", "count", "sum", "m2", "sketch"], list(rows[0])
            in_lines = {(row["sensor"], row["count"], row["sum"], row["m2"], base64.b64decode(row["sketch"]))
                        for row in rows}
            in_table = {(sensor, *row) for sensor in SHAPES for row in stored(gateway, sensor)}
            assert in_table and in_table <= in_lines, gateway.name
            plain = rows_of_files(gateway, "plain")
            assert len(plain) == len(rows) and not {"sum", "m2", "sketch"} & set(plain[0]), list(plain[0])
        rows = sum(len(all_rows(sensor)) for sensor in SHAPES)
        print(f"{count} readings: {rows} rows of three gateways are those of one hour")


main()
