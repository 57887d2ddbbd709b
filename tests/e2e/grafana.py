#!/usr/bin/env python3
"""The dashboards in sinks/grafana against real stores with rows: each SQL query runs, each metric of PromQL is there."""
import json
import re
import sqlite3
import sys
from pathlib import Path

from gateway import SECOND, Gateway, reading, window, LINE, LITE, START
from world import World, wait_for

FOLDER = Path(__file__).resolve().parents[2] / "sinks/grafana"
POSTGRES = '\n[sinks.history]\ntype = "postgresql"\nconnection = "{pg}"\n'
AGGREGATES = ("count", "min", "max", "avg")
HOUR = 3600
FROM, TO = START // SECOND - HOUR, START // SECOND + 2 * HOUR


def quoted(values):
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


class Dashboard:
    """Its variables are chosen as Grafana does: all values of a list, the first one otherwise."""

    def __init__(self, path, query):
        self.page = json.loads(path.read_text())
        self.query, self.chosen = query, {}
        self.multiple = set()
        for variable in self.page["templating"]["list"]:
            if variable["type"] != "query":
                continue
            found = [row[0] for row in query(self.filled(variable["query"]))]
            assert found, f"{path.name}: no value of {variable['name']}"
            if variable["multi"]:
                self.multiple.add(variable["name"])
            self.chosen[variable["name"]] = found if variable["multi"] else found[:1]

    def filled(self, sql):
        """Without macros and variables; fails if one is left."""
        sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN to_timestamp({FROM}) AND to_timestamp({TO})", sql)
        sql = re.sub(r"\$__timeGroupAlias\((\w+), \$__interval\)", r'floor(extract(epoch FROM \1) / 60) * 60 AS "time"', sql)
        sql = sql.replace("$__from", str(FROM * 1000)).replace("$__to", str(TO * 1000))
        for name, values in self.chosen.items():
            value = quoted(values) if name in self.multiple else values[0]
            sql = re.sub(rf"\$\{{{name}(:sqlstring)?\}}|\${name}\b", lambda _: value, sql)
        assert "$" not in sql, sql
        return sql

    def targets(self):
        for panel in self.page["panels"]:
            for target in panel["targets"]:
                yield panel, target


def check_sql(kind, key, query):
    count = 0
    for path in sorted(FOLDER.glob(f"*-{kind}.json")):
        dashboard = Dashboard(path, query)
        for panel, target in dashboard.targets():
            rows = query(dashboard.filled(target[key]))
            assert rows, f"{path.name}, {panel['title']}: no row of {target[key]}"
            count += 1
    return count


def check_prometheus(metrics, texts):
    families = {name.partition("{")[0] for name in metrics} | set(re.findall(r"^# TYPE (\S+)", texts, re.M))
    count = 0
    for path in sorted(FOLDER.glob("*-prometheus.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                names = re.findall(r"\b(?:edgetide|process)_\w+", target["expr"])
                assert names and set(names) <= families, f"{path.name}, {panel['title']}: {names} are no metrics"
                count += 1
    return count


def main():
    with World(sys.argv[1]) as world:
        database = world.postgres()
        text = LINE + window("minute", "1m", aggregates=AGGREGATES) + LITE + POSTGRES
        gateway = Gateway(world, text, pg=database.connection())
        gateway.start()
        lines = [reading(f"it's {sensor}", minute * 60 * SECOND + 1, minute + sensor)
                 for minute in range(30) for sensor in range(3)]
        gateway.send(*lines)
        wait_for(lambda: database.query("SELECT 1 FROM edgetide.minute HAVING count(*) >= 80", check=False), "rows in PostgreSQL")
        wait_for(lambda: sum(sink["outbox_rows"] for sink in gateway.status()["sinks"]) == 0, "rows in both stores")
        with sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True, timeout=10) as lite:
            ran = [check_sql("postgresql", "rawSql", database.query),
                   check_sql("sqlite", "rawQueryText", lambda sql: lite.execute(sql).fetchall()),
                   check_prometheus(gateway.metrics(), gateway.get("/metrics")[1])]
        assert all(count >= 10 for count in ran), ran
        assert gateway.stop() == 0
        print(f"{sum(ran)} queries: {ran}")


if __name__ == "__main__":
    main()
