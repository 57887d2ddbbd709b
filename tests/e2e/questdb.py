#!/usr/bin/env python3
"""Rows in line protocol into a real store: QuestDB, from Maven Central, which is killed, as the daemon is.

Its table replaces rows of the same time, sensor and metric. Where it cannot be fetched, the test is skipped.

    questdb.py BUILD [KILLS]
"""
import json
import os
import random
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from gateway import LINE, SECOND, Gateway, reading
from world import World, free_port, listens, wait_for

VERSION = "7.4.2"
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SENSORS = 5
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>edgetide</groupId><artifactId>store</artifactId><version>1</version><dependencies><dependency>
<groupId>org.questdb</groupId><artifactId>questdb</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""
SETTINGS = """
http.bind.to=127.0.0.1:{http}
http.min.enabled=false
pg.enabled=false
line.tcp.enabled=false
telemetry.enabled=false
shared.worker.count=1
"""
CONFIG = LINE + """
[windows.second]
size = "1s"
trigger = "100ms"
aggregates = ["count", "sum"]
[sinks.quest]
type = "http"
url = "http://127.0.0.1:{quest}/write"
encoding = "influx"
gzip = true
"""
TABLE = """CREATE TABLE second (sensor SYMBOL, metric SYMBOL, count LONG, sum DOUBLE, "end" LONG, state STRING,
revision LONG, epoch LONG, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(timestamp, sensor, metric)"""


def jar_of(build):
    folder = Path(build).resolve() / "questdb"
    jar = folder / "jars" / f"questdb-{VERSION}.jar"
    folder.mkdir(exist_ok=True)
    if not jar.exists():
        (folder / "pom.xml").write_text(POM)
        subprocess.run(["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies", f"-DoutputDirectory={jar.parent}"],
                       cwd=folder, check=True, timeout=600)
    return jar


class QuestDb:
    def __init__(self, world, jar):
        self.world, self.jar, self.port, self.folder = world, jar, free_port(), world.folder / "quest"
        (self.folder / "conf").mkdir(parents=True)
        (self.folder / "conf/server.conf").write_text(SETTINGS.format(http=self.port))

    def start(self):
        self.process = self.world.spawn(["java", "-Xmx256m", "-p", self.jar, "-m", "io.questdb/io.questdb.ServerMain",
                                         "-d", self.folder], "questdb")
        wait_for(lambda: listens(self.port), "QuestDB listens", 180)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def query(self, sql):
        url = f"http://127.0.0.1:{self.port}/exec?query={urllib.parse.quote(sql)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer).get("dataset")


def main():
    try:
        jar = jar_of(sys.argv[1])
    except (OSError, subprocess.SubprocessError) as error:
        print(f"QuestDB cannot be fetched: {error}")
        sys.exit(77)
    with World(sys.argv[1]) as world:
        quest = QuestDb(world, jar)
        quest.start()
        wait_for(lambda: quest.query(TABLE) is None, "the table is made")
        one = Gateway(world, CONFIG, quest=quest.port, checkpoint="1s").start()
        sent, part = 0, 10 * SENSORS
        for number in range(KILLS):
            lines = [reading(f"s{i % SENSORS}", i * SECOND // (2 * SENSORS), i % 8) for i in range(sent, sent + part)]
            assert one.send(*lines) == part
            sent += part
            time.sleep(random.uniform(0.0, 0.4))
            victim = quest if number % 2 else one
            victim.kill()
            victim.start()
        seconds = sent // (2 * SENSORS)
        sql = "SELECT count(), sum(count), sum(sum) FROM second"
        wanted = [[seconds * SENSORS, sent, float(sum(i % 8 for i in range(sent)))]]
        wait_for(lambda: one.status()["sinks"][0]["outbox_rows"] == 0, lambda: one.status()["sinks"])
        wait_for(lambda: quest.query(sql) == wanted, lambda: (quest.query(sql), wanted))
        print(f"{KILLS} kills; {seconds * SENSORS} rows of {sent} readings in QuestDB {VERSION}: lost 0, doubled 0")
        assert one.stop() == 0


main()
