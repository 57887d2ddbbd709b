#!/usr/bin/env python3
"""A late and a too early reading are sent to the running daemon, listed in the quarantine, exported and replayed; the late
one is then added to the row it belongs to, once. Messages that cannot be decoded are listed too, and replayed when the
configuration has been mended."""
import json
import socket
import sqlite3
import subprocess
import sys
import time

from world import World, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[time]
max_out_of_orderness = "0s"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
labels = {{ site = "site" }}
[windows.minute]
size = "1m"
trigger = "100ms"
aggregates = ["count", "avg", "last", "last_time"]
[sinks.lite]
type = "sqlite"
path = "{folder}/rows.db"
"""
MINUTE = 60_000_000


def stored(world, time_us):
    with sqlite3.connect(f"file:{world.folder}/rows.db?mode=ro", uri=True) as rows:
        return rows.execute("SELECT count, avg, last, last_time, revision, is_final FROM minute_data WHERE time = ?",
                            [time_us - time_us % MINUTE]).fetchall()


def main():
    with World(sys.argv[1]) as world:
        config = world.write("edgetide.toml", CONFIG.format(folder=world.folder))

        def quarantine(*arguments, config=config):
            run = subprocess.run([world.build / "edgetide", "quarantine", *arguments, "--config", config],
                                 capture_output=True, text=True, timeout=60)
            assert run.returncode == 0, run.stderr
            return run.stdout

        def listed(*arguments):
            return [json.loads(line) for line in quarantine("list", "--format", "json", *arguments).splitlines()]

        assert listed() == []
        daemon = world.run_daemon(config)
        world.wait_for_log(daemon, "running")
        now = int(time.time() * 1e6)
        readings = [{"time": now, "t": 1}, {"time": now - 10 * MINUTE, "t": 2}, {"time": now + 10 * MINUTE, "t": 3}]
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(world.folder / "readings.sock"))
            peer.sendall(b'{"sensor":"hall", \\\xff\n{"t":7}\n')
            for reading in readings:
                peer.sendall((json.dumps({"sensor": "kitchen", "site": "lyon", **reading}) + "\n").encode())
        wait_for(lambda: len(listed()) == 4, lambda: f"two messages and two readings in the quarantine: {listed()}")

        broken, unread, late, early = listed()
        assert (broken["source"], broken["reason"], broken["cut"]) == ("local", "bad_syntax", False), broken
        assert broken["payload"] == '{"sensor":"hall", \\\\\\xff' and broken["bytes"] == 20, broken
        assert (unread["reason"], unread["payload"]) == ("bad_id", '{"t":7}'), unread
        assert listed("--reason", "bad_id") == [unread], listed("--reason", "bad_id")
        assert '7 bytes: {"t":7}' in quarantine("list", "--reason", "bad_id")
        assert (late["reason"], late["value"]) == ("late_dropped", 2), late
        assert (early["reason"], early["value"]) == ("too_early", 3), early
        for reading in (late, early):
            assert (reading["source"], reading["sensor"], reading["metric"]) == ("local", "kitchen", "t"), reading
            assert reading["labels"] == {"site": "lyon"} and reading["arrival"] >= "2026", reading
        assert listed("--reason", "too_early") == [early] and listed("--limit", "1") == [early]
        assert listed("--sensor", "kit*") == [late, early] and listed("--sensor", "hall") == []
        assert "late_dropped" in quarantine("list").splitlines()[3]

        rows = [json.loads(line) for line in quarantine("replay").splitlines()]
        assert [(row["sensor"], row["count"], row["avg"], row["state"]) for row in rows] == [
            ("kitchen", 1, 2, "final"), ("kitchen", 1, 3, "final")], rows
        again = subprocess.run([world.build / "edgetide", "replay", "--config", config, "--flush"], text=True,
                               input=quarantine("export"), capture_output=True, timeout=60)
        assert [json.loads(line) for line in again.stdout.splitlines()] == rows, again

        mended = world.write("mended.toml", CONFIG.format(folder=world.folder).replace(
            'sensor = { path = "sensor" }', 'sensor = "hall"'))
        assert [(row["sensor"], row["avg"]) for row in map(json.loads, quarantine("replay", config=mended).splitlines())
                if row["sensor"] == "hall"] == [("hall", 7)], "the mended route takes what was refused"

        assert "1 reading added to 1 row" in quarantine("apply", "--since", "2026-01-01T00:00:00Z")
        assert "0 readings leave" in quarantine("apply", "--sensor", "hall"), "the choice is of sensors"
        daemon.kill()
        daemon.wait()
        daemon = world.run_daemon(config)
        wait_for(lambda: (world.folder / "edgetide.log").read_text().count(": running,") == 2, "the daemon runs again")
        assert "added" not in quarantine("apply", "--format", "json"), "it was added already"
        wait_for(lambda: listed() == [broken, unread, early], "the late one leaves the quarantine")
        row = (1, 2, 2, now - 10 * MINUTE, 1, 1)
        wait_for(lambda: stored(world, now - 10 * MINUTE) == [row], lambda: stored(world, now - 10 * MINUTE))

        stop_daemon(daemon)
        assert listed() == [broken, unread, early]
        assert stored(world, now - 10 * MINUTE) == [row]
        print("late and too early readings are seen, exported, tried again and added")


main()
