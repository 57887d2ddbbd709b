#!/usr/bin/env python3
"""Rows of `edgetide replay` against Spark 3.5, window by window.

In batch, of readings that are all on time: tumbling, sliding and session windows by sensor, groups and cubes of labels
that change, with exact percentiles. Streaming, with readings that come late: `scope = "stream"`. The watermark of Spark
moves between micro-batches and that of Edgetide with every reading; so each batch has one reading that moves it, the
last one, and both judge a reading alike.

PySpark is installed from PyPI into a folder of this run, or used from the folder given; it needs Java 8, 11 or 17. Where
that cannot be, the test is skipped.

    spark.py BUILD [--seed N] [--readings N] [--pyspark FOLDER]
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

LIBRARY = "pyspark==3.5.5"
START = 1_760_000_000_000  # milliseconds, as all times here: Spark's watermark knows no smaller ones
DELAY = 10_000
NAMES = ["count", "sum", "min", "max", "avg", "stddev", "variance", "p50", "p90", "p99"]
ALL = ", ".join(f'"{name}"' for name in NAMES)
EXACT = {"count", "min", "max"}

CONFIG = f"""
[time]
max_out_of_orderness = "10s"
idle_timeout = "none"
max_future = "none"
oldest = "none"
scope = "SCOPE"

[limits]
max_series = 100000

[windows.tumbling]
size = "1m"
aggregates = [{ALL}]

[windows.shifted]
size = "90s"
offset = "35s"
aggregates = [{ALL}]

[windows.sliding]
type = "sliding"
size = "2m"
slide = "30s"
aggregates = ["count", "sum", "min", "max", "avg", "stddev", "variance"]
"""
ON_TIME_ONLY = """
[windows.session]
type = "session"
gap = "25s"
max_length = "36500d"
aggregates = ["count", "sum", "min", "max", "avg", "stddev", "variance"]

[windows.site]
size = "1m"
group_by = ["site"]
aggregates = ["count", "sum", "min", "max", "avg", "stddev", "variance"]

[windows.cubed]
type = "sliding"
size = "2m"
slide = "1m"
group_by = ["site", "status"]
cube = true
aggregates = ["count", "sum", "min", "max", "avg", "stddev", "variance"]
"""


def readings_of(dice, count, batch, late):
    """(sensor, site, status, time, value), as they arrive. The last one of a batch is newer than all before, and no other
    one is newer than the batch before. None of the first batch is late: Spark has no watermark yet."""
    readings = []
    for i in range(count):
        is_last = i % batch == batch - 1
        now = START + (i if is_last else i - i % batch) * 40
        behind = 0 if is_last else 40 + dice.randrange(8_000)
        if late and i > batch and not is_last and dice.random() < 0.2:
            behind = 40 + dice.randrange(300_000)
        # Sensor 0 to 3 often, the others so seldom that their sessions end.
        sensor = dice.randrange(4) if dice.random() < 0.9 else dice.randrange(4, 24)
        readings.append((f"s{sensor}", f"site{sensor % 3}", dice.choice(["200", "200", "404", "500"]), now - behind,
                         round(dice.gauss(20, 15), 2)))
    return readings


def replay(build, folder, config, readings):
    path = folder / "edgetide.toml"
    path.write_text(config)
    lines = "".join(json.dumps({"sensor": sensor, "time": time * 1000, "value": value,
                                "labels": {"site": site, "status": status}}) + "\n"
                    for sensor, site, status, time, value in readings)
    done = subprocess.run([build / "edgetide", "replay", "--config", path, "--mode", "append", "--flush",
                           "--numeric-time", "--summary", folder / "summary.json"], input=lines, text=True,
                          capture_output=True, check=True)
    rows = {}
    for row in map(json.loads, done.stdout.splitlines()):
        if row["window"] in ("site", "cubed"):
            key = tuple((column, row["labels"][column]) for column in ("site", "status") if column in row["labels"])
        else:
            key = row["sensor"]
        place = (row["window"], key, row["start"] // 1000, row["end"] // 1000)
        assert place not in rows, place
        rows[place] = {name: row.get(name) for name in NAMES}
    return rows, json.loads((folder / "summary.json").read_text())


def aggregates(F, percentiles):
    columns = [F.count("value").alias("count"), F.sum("value").alias("sum"), F.min("value").alias("min"),
               F.max("value").alias("max"), F.avg("value").alias("avg"), F.stddev_samp("value").alias("stddev"),
               F.var_samp("value").alias("variance")]
    if percentiles:
        columns += [F.expr(f"percentile(value, {share})").alias(name)
                    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))]
    return columns


def put(rows, window, key, spark_row):
    place = (window, key, int(spark_row["start"] * 1000), int(spark_row["end"] * 1000))
    assert place not in rows, place
    rows[place] = {name: spark_row[name] if name in spark_row else None for name in NAMES}


def ends(F):
    return [F.col("w.start").cast("double").alias("start"), F.col("w.end").cast("double").alias("end")]


def times_of(F):
    return {"tumbling": F.window("time", "1 minute"), "shifted": F.window("time", "90 seconds", startTime="35 seconds"),
            "sliding": F.window("time", "2 minutes", "30 seconds")}


def in_batch(spark, F, table):
    rows = {}
    for name, time in {**times_of(F), "session": F.session_window("time", "25 seconds")}.items():
        found = table.groupBy(time.alias("w"), "sensor").agg(*aggregates(F, name in ("tumbling", "shifted")))
        for row in found.select(*ends(F), *[c for c in found.columns if c != "w"]).collect():
            put(rows, name, row["sensor"], row.asDict())
    found = table.groupBy(F.window("time", "1 minute").alias("w"), "site").agg(*aggregates(F, False))
    for row in found.select(*ends(F), *[c for c in found.columns if c != "w"]).collect():
        put(rows, "site", (("site", row["site"]),), row.asDict())
    for columns in (["site", "status"], ["site"], ["status"], []):
        found = table.groupBy(F.window("time", "2 minutes", "1 minute").alias("w"), *columns).agg(*aggregates(F, False))
        for row in found.select(*ends(F), *[c for c in found.columns if c != "w"]).collect():
            put(rows, "cubed", tuple((column, row[column]) for column in columns), row.asDict())
    return rows


def streaming(spark, F, folder, readings, batch):
    """A file is a micro-batch."""
    source = folder / "batches"
    source.mkdir()
    for number, first in enumerate(range(0, len(readings), batch)):
        file = source / f"{number:06}.json"
        file.write_text("".join(json.dumps({"sensor": sensor, "ms": time, "value": value}) + "\n"
                                for sensor, _, _, time, value in readings[first:first + batch]))
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    rows = {}
    for name, time in times_of(F).items():
        table = (spark.readStream.schema("sensor string, ms long, value double").option("maxFilesPerTrigger", 1)
                 .json(str(source)).withColumn("time", F.timestamp_millis("ms"))
                 .withWatermark("time", f"{DELAY} milliseconds"))
        found = table.groupBy(time.alias("w"), "sensor").agg(*aggregates(F, name != "sliding"))
        found = found.select(*ends(F), *[c for c in found.columns if c != "w"])

        def take(frame, _, name=name):
            for row in frame.collect():
                put(rows, name, row["sensor"], row.asDict())
        query = (found.writeStream.outputMode("append").foreachBatch(take)
                 .option("checkpointLocation", str(folder / f"checkpoint-{name}")).trigger(availableNow=True).start())
        query.awaitTermination()
    return rows


def same(name, ours, theirs, readings):
    """Of many readings a percentile is an estimate, which aggregate_test.cpp and growing_parts_test.cpp judge."""
    if ours is not None and name[0] == "p" and readings > 64:
        return theirs is not None
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if name in EXACT:
        return ours == theirs
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def compare(what, ours, theirs):
    differences = []
    for place in sorted(ours.keys() | theirs.keys(), key=str):
        if place not in ours or place not in theirs:
            differences.append(f"{place}: only {'Edgetide' if place in ours else 'Spark'}")
            continue
        for name in NAMES:
            if not same(name, ours[place][name], theirs[place][name], ours[place]["count"]):
                differences.append(f"{place} {name}: {ours[place][name]} here, {theirs[place][name]} with Spark")
    assert ours and not differences, f"{what}: {len(differences)} of {len(ours)} rows\n" + "\n".join(differences[:10])
    kinds = {}
    for window, *_ in ours:
        kinds[window] = kinds.get(window, 0) + 1
    print(f"{what}: {len(ours)} rows equal {kinds}", flush=True)


def find_pyspark(folder, given):
    target = given or folder / "library"
    if not given and subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", target, LIBRARY],
                                    timeout=1200).returncode != 0:
        print(f"skipped: {LIBRARY} cannot be installed")
        sys.exit(77)
    if subprocess.run(["java", "-version"], capture_output=True).returncode != 0:
        print("skipped: no java")
        sys.exit(77)
    sys.path.insert(0, str(target))
    os.environ["PYTHONPATH"] = str(target)
    os.environ["TZ"] = "UTC"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--pyspark", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgetide-spark-") as name:
        folder = Path(name)
        find_pyspark(folder, options.pyspark)
        from pyspark.sql import SparkSession
        from pyspark.sql import functions as F
        spark = (SparkSession.builder.master("local[2]").appName("edgetide").config("spark.ui.enabled", False)
                 .config("spark.sql.shuffle.partitions", 2).config("spark.sql.session.timeZone", "UTC")
                 .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
                 .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
                 # Both the rows that are late and those that are final by the same watermark.
                 .config("spark.sql.streaming.statefulOperator.allowMultiple", False).getOrCreate())
        spark.sparkContext.setLogLevel("ERROR")
        dice = random.Random(options.seed)

        readings = readings_of(dice, options.readings, 50, late=False)
        ours, summary = replay(options.build, folder, CONFIG.replace("SCOPE", "sensor") + ON_TIME_ONLY, readings)
        assert summary["on_time"] == len(readings), summary
        table = spark.createDataFrame(readings, "sensor string, site string, status string, ms long, value double")
        theirs = in_batch(spark, F, table.withColumn("time", F.timestamp_millis("ms")).cache())
        compare(f"{len(readings)} readings in batch", ours, theirs)

        # An hour of readings in 120 batches, and one far behind them, which makes all others final.
        count, batch = 6_000, 50
        readings = readings_of(dice, count, batch, late=True)
        last = ("last", "", "", START + count * 40 + 100 * 60_000, 0.0)
        ours, summary = replay(options.build, folder, CONFIG.replace("SCOPE", "stream"), readings + [last])
        assert summary["late_dropped"] > count / 100, summary
        ours = {place: row for place, row in ours.items() if place[1] != "last"}
        theirs = streaming(spark, F, folder, readings + [last], batch)
        compare(f"{count} readings as a stream, {summary['late_dropped']} of them late for all windows", ours, theirs)
        spark.stop()


main()
