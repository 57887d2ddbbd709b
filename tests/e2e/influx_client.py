#!/usr/bin/env python3
"""InfluxDB's client library for Python writes to the real daemon: point by point, in batches, packed, in each precision.

It is installed from PyPI into a folder of this run; where that cannot be, the test is skipped.

    influx_client.py BUILD
"""
import subprocess
import sys

from gateway import START, Gateway, window
from http_source import LITE
from world import World, free_port, wait_for

LIBRARY = "influxdb-client"
CONFIG = """
[sources.push]
type = "http"
listen = "127.0.0.1:{push}"
influx = true
token = "t0ken"
""" + window("w") + LITE
WRITER = """
import sys
from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from influxdb_client.rest import ApiException

url, start_us = sys.argv[1], int(sys.argv[2])
units = {WritePrecision.S: 1_000_000, WritePrecision.MS: 1000, WritePrecision.US: 1, WritePrecision.NS: None}
for packed in (False, True):
    with InfluxDBClient(url=url, token="t0ken", org="o", enable_gzip=packed) as client:
        assert client.ping()
        assert client.health().status == "pass"
        with client.write_api(write_options=SYNCHRONOUS) as api:
            for precision, unit in units.items():
                at = start_us * 1000 if unit is None else start_us // unit
                api.write("bucket", record=Point("m").tag("host", f"{precision}").field("v", 2).time(at, precision))
        failed = []
        options = WriteOptions(batch_size=500, flush_interval=200)
        with client.write_api(write_options=options, error_callback=lambda *what: failed.append(what)) as api:
            for i in range(2000):
                point = Point("m").tag("host", f"h{i % 4}").field("v", 1.5).field("on", True).time(start_us + i, "us")
                api.write("bucket", record=point)
        assert not failed, failed
        with client.write_api(write_options=SYNCHRONOUS) as api:
            try:
                api.write("bucket", record="m,host=bad v=1\\nm,host=bad v=oops")
                raise AssertionError("a bad line was taken")
            except ApiException as error:
                assert error.status == 400 and "line 2" in str(error.body), error
with InfluxDBClient(url=url, token="wrong", org="o") as client, client.write_api(write_options=SYNCHRONOUS) as api:
    try:
        api.write("bucket", record="m v=1")
        raise AssertionError("a wrong token was taken")
    except ApiException as error:
        assert error.status == 401, error
"""


def main():
    with World(sys.argv[1]) as world:
        python = world.folder / "library/bin/python"
        subprocess.run([sys.executable, "-m", "venv", world.folder / "library"], check=True)
        if subprocess.run([python, "-m", "pip", "install", "--quiet", LIBRARY], timeout=300).returncode != 0:
            print(f"skipped: {LIBRARY} cannot be installed")
            sys.exit(77)
        one = Gateway(world, CONFIG, push=free_port()).start()
        url = f"http://127.0.0.1:{one.values['push']}"
        subprocess.run([python, "-c", WRITER, url, str(START)], check=True, timeout=120)
        one.flush()
        counts = {host: one.rows()[(host, 0)][0] for host in ("s", "ms", "us", "ns")}
        assert counts == {"s": 2, "ms": 2, "us": 2, "ns": 2}, counts
        wanted = 2 * (4 + 2 * 2000 + 1)  # twice: as it is and packed
        wait_for(lambda: one.status()["sources"][0]["readings"] >= wanted, "all readings")
        on_time = one.status()["sources"][0]["on_time"]
        assert on_time == wanted, (on_time, wanted)
        assert one.stop() == 0
        print(f"{on_time} readings of {LIBRARY} taken, each once")


main()
