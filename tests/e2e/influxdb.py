#!/usr/bin/env python3
"""Rows in line protocol into a real InfluxDB, made from its source by Go, which is killed, as the daemon is.

A point replaces the one of the same series and time. Where it cannot be made, the test is skipped.

    influxdb.py BUILD [KILLS]
"""
import json
import os
import random
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from gateway import LINE, SECOND, Gateway, reading
from world import World, free_port, listens, wait_for

SERVER = "github.com/influxdata/influxdb/cmd/influxd@v1.8.3"
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SENSORS = 5
CONFIG = LINE + """
[windows.second]
size = "1s"
trigger = "100ms"
aggregates = ["count", "sum"]
[sinks.influx]
type = "http"
url = "http://127.0.0.1:{influx}/api/v2/write?org=o&bucket=plant"
encoding = "influx"
gzip = true
"""


def server_of(build):
    folder = Path(build).resolve() / "influxdb"
    folder.mkdir(exist_ok=True)
    server = folder / "influxd"
    if not server.exists():
        environment = {**os.environ, "GOBIN": str(folder), "GOPATH": str(folder / "go"), "GOCACHE": str(folder / "cache"),
                       "GOFLAGS": "-modcacherw"}
        subprocess.run(["go", "install", SERVER], env=environment, check=True, timeout=1800)
        for made in ("go", "cache"):
            shutil.rmtree(folder / made, ignore_errors=True)
    return server


class InfluxDb:
    def __init__(self, world, server):
        self.world, self.server, self.port, self.folder = world, server, free_port(), world.folder / "influx"

    def start(self):
        settings = {"REPORTING_DISABLED": "true", "BIND_ADDRESS": f"127.0.0.1:{free_port()}",
                    "HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}", "META_DIR": self.folder / "meta",
                    "DATA_DIR": self.folder / "data", "DATA_WAL_DIR": self.folder / "wal"}
        environment = {**os.environ, **{f"INFLUXDB_{name}": str(value) for name, value in settings.items()}}
        self.process = self.world.spawn([self.server], "influxdb", env=environment)
        wait_for(lambda: listens(self.port), "InfluxDB listens", 180)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def query(self, sql):
        """The first row of the answer, without its time; nothing: there is none."""
        body = urllib.parse.urlencode({"db": "plant", "q": sql}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/query", body, timeout=60) as answer:
            result = json.load(answer)["results"][0]
        assert "error" not in result, result
        return result["series"][0]["values"][0][1:] if "series" in result else None


def main():
    try:
        server = server_of(sys.argv[1])
    except (OSError, subprocess.SubprocessError) as error:
        print(f"InfluxDB cannot be made: {error}")
        sys.exit(77)
    with World(sys.argv[1]) as world:
        influx = InfluxDb(world, server)
        influx.start()
        influx.query("CREATE DATABASE plant")
        one = Gateway(world, CONFIG, influx=influx.port, checkpoint="1s").start()
        sent, part = 0, 10 * SENSORS
        for number in range(KILLS):
            lines = [reading(f"s{i % SENSORS}", i * SECOND // (2 * SENSORS), i % 8) for i in range(sent, sent + part)]
            assert one.send(*lines) == part
            sent += part
            time.sleep(random.uniform(0.0, 0.4))
            victim = influx if number % 2 else one
            victim.kill()
            victim.start()
        seconds = sent // (2 * SENSORS)
        sql = 'SELECT count("count"), sum("count"), sum("sum") FROM second'
        wanted = [seconds * SENSORS, sent, sum(i % 8 for i in range(sent))]
        wait_for(lambda: one.status()["sinks"][0]["outbox_rows"] == 0, lambda: one.status()["sinks"])
        wait_for(lambda: influx.query(sql) == wanted, lambda: (influx.query(sql), wanted))
        print(f"{KILLS} kills; {seconds * SENSORS} rows of {sent} readings in InfluxDB: lost 0, doubled 0")
        assert one.stop() == 0


main()
