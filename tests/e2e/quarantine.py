#!/usr/bin/env python3
"""A late and a too early reading are sent to the running daemon, listed in the quarantine, exported and replayed."""
import json
import socket
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
[sinks.lite]
type = "sqlite"
"""
MINUTE = 60_000_000


def main():
    with World(sys.argv[1]) as world:
        config = world.write("edgetide.toml", CONFIG.format(folder=world.folder))

        def quarantine(*arguments):
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
            for reading in readings:
                peer.sendall((json.dumps({"sensor": "kitchen", "site": "lyon", **reading}) + "\n").encode())
        wait_for(lambda: len(listed()) == 2, lambda: f"two readings in the quarantine: {listed()}")

        late, early = listed()
        assert (late["reason"], late["value"]) == ("late_dropped", 2), late
        assert (early["reason"], early["value"]) == ("too_early", 3), early
        for reading in (late, early):
            assert (reading["source"], reading["sensor"], reading["metric"]) == ("local", "kitchen", "t"), reading
            assert reading["labels"] == {"site": "lyon"} and reading["arrival"] >= "2026", reading
        assert listed("--reason", "too_early") == [early] and listed("--limit", "1") == [early]
        assert listed("--sensor", "kit*") == [late, early] and listed("--sensor", "hall") == []
        assert "late_dropped" in quarantine("list").splitlines()[1]

        rows = [json.loads(line) for line in quarantine("replay").splitlines()]
        assert [(row["sensor"], row["count"], row["avg"], row["state"]) for row in rows] == [
            ("kitchen", 1, 2, "final"), ("kitchen", 1, 3, "final")], rows
        again = subprocess.run([world.build / "edgetide", "replay", "--config", config, "--flush"], text=True,
                               input=quarantine("export"), capture_output=True, timeout=60)
        assert [json.loads(line) for line in again.stdout.splitlines()] == rows, again

        stop_daemon(daemon)
        assert listed() == [late, early]
        print("late and too early readings are seen, exported and tried again")


main()
