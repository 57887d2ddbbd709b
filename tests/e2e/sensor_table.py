#!/usr/bin/env python3
"""The running daemon reads its sensor table again at SIGHUP; a table with an error changes nothing."""
import json
import signal
import socket
import sqlite3
import sys

from world import World, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "json"
sensor = {{ path = "sensor" }}
table = "site"
[tables.site]
file = "sensors.csv"
[windows.total]
type = "running"
trigger = "200ms"
aggregates = ["last"]
[sinks.lite]
type = "sqlite"
"""


def main():
    with World(sys.argv[1]) as world, socket.socket(socket.AF_UNIX) as peer:
        table = world.write("sensors.csv", "sensor,scale,site\nboiler,10,lyon\n")
        daemon = world.run_daemon(world.write("edgetide.toml", CONFIG.format(folder=world.folder)))
        world.wait_for_log(daemon, "running")
        peer.connect(str(world.folder / "readings.sock"))

        def last(value):
            """What is stored last, and with which labels, of a value that is sent again and again."""
            peer.sendall((json.dumps({"sensor": "boiler", "t": value}) + "\n").encode())
            try:
                with sqlite3.connect(world.folder / "edgetide.db", timeout=30) as lite:
                    return lite.execute("SELECT last, labels FROM total WHERE metric = 't'").fetchall()
            except sqlite3.OperationalError:
                return []

        wait_for(lambda: last(7) == [(70, '{"site":"lyon"}')], "the scale and label of the first table")
        table.write_text("sensor,scale,site\nboiler,100,paris\n")
        daemon.send_signal(signal.SIGHUP)
        world.wait_for_log(daemon, "new labels: table site (1 sensor)")
        wait_for(lambda: last(7) == [(700, '{"site":"paris"}')], "the scale and label of the second table")

        table.write_text("sensor,scale\nboiler,ten\n")
        daemon.send_signal(signal.SIGHUP)
        world.wait_for_log(daemon, "sensors.csv")
        wait_for(lambda: last(8) == [(800, '{"site":"paris"}')], "the second table, still")
        stop_daemon(daemon)
        print("the sensor table was read again, and one with an error was not taken")


main()
