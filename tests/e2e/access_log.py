#!/usr/bin/env python3
"""The recipe for access logs in a folder, run as it is: requests per URL and status, also of a long URL, and the file
copied twice doubles the counts; so does a copy after a kill."""
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
::1 - - [31/Jan/2026:12:00:38 +0000] "GET /LONG HTTP/1.1" 200 196
"""
LONG = "/" + "".join(chr(ord("a") + i * i % 26) for i in range(511))


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
        (world.folder / "access.log").write_text(LOG.replace("/LONG", LONG))

        def drop(copy):
            shutil.copy(world.folder / "access.log", folder / f".access.{copy}.log")
            (folder / f".access.{copy}.log").rename(folder / f"access.{copy}.log")

        def wait_for_counts(files):
            expected = {("/apache.gif", "200"): 2 * files, ("/missing", "404"): files, (LONG, "200"): files}
            wait_for(lambda: counts(world) == expected, f"the counts of {files} files")

        for copy in range(copies):
            drop(copy)
        daemon = world.run_daemon(config)
        wait_for_counts(copies)
        daemon.kill()
        daemon.wait()
        drop(copies)
        daemon = world.run_daemon(config)
        wait_for_counts(copies + 1)
        stop_daemon(daemon)


def main():
    run_with(sys.argv[1], 1)
    run_with(sys.argv[1], 2)
    print("requests per URL and status, doubled by a copy, also after a kill")


if __name__ == "__main__":
    main()
