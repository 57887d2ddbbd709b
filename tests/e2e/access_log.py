#!/usr/bin/env python3
"""The recipe for access logs in a folder, run as it is: requests per URL and status, and the file copied twice doubles
the counts."""
import pathlib
import shutil
import sqlite3
import sys

from world import World, stop_daemon, wait_for

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "config/recipes/access_log_files.toml"
LOG = """\
127.0.0.1 - frank [31/Jan/2026:13:00:36 +0100] "GET /apache.gif HTTP/1.0" 200 2326
::1 - - [31/Jan/2026:12:00:37 +0000] "GET /apache.gif HTTP/1.1" 200 2326 "http://example.com/" "Mozilla/5.0"
::1 - - [31/Jan/2026:12:00:38 +0000] "GET /missing HTTP/1.1" 404 196
"""


def counts(world):
    if not (world.folder / "rows.db").exists():
        return {}
    with sqlite3.connect(f"file:{world.folder}/rows.db?mode=ro", uri=True) as rows:
        try:
            return {(url, status): count for url, status, count
                    in rows.execute("SELECT sensor_id, metric, count FROM requests")}
        except sqlite3.OperationalError:  # no table yet
            return {}


def run_with(build, copies):
    with World(build) as world:
        folder = world.folder / "in"
        folder.mkdir()
        text = RECIPE.read_text().replace("/var/spool/edgetide/access", str(folder))
        text = text.replace('type = "sqlite"', f'type = "sqlite"\npath = "{world.folder}/rows.db"')
        text = text.replace("[sources.access]", f'[gateway]\nid = "e2e"\nstate_directory = "{world.folder}"\n'
                            "[clock]\nwait_after_boot = \"0s\"\n[sources.access]", 1)
        config = world.write("edgetide.toml", text)
        (world.folder / "access.log").write_text(LOG)
        for copy in range(copies):
            shutil.copy(world.folder / "access.log", folder / f"access.{copy}.log")
        daemon = world.run_daemon(config)
        expected = {("/apache.gif", "200"): 2 * copies, ("/missing", "404"): copies}
        wait_for(lambda: counts(world) == expected, f"{expected}, not {counts(world)}")
        stop_daemon(daemon)


def main():
    run_with(sys.argv[1], 1)
    run_with(sys.argv[1], 2)
    print("requests per URL and status, doubled by a copy")


if __name__ == "__main__":
    main()
