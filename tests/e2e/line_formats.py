#!/usr/bin/env python3
"""Lines of logs, text, ships and electricity meters become rows: regex, nmea0183 and dsmr over TCP, UDP and MQTT."""
import socket
import subprocess
import sys

from gateway import Gateway
from world import World, free_port, wait_for

SOURCES = """
[sources.access]
type = "tcp"
listen = "127.0.0.1:{tcp}"
format = "regex"
pattern = '^(?P<client>\\S+) \\S+ \\S+ \\[(?P<time>[^\\]]+)\\] "\\S+ (?P<url>[^" ]+)(?: [^"]*)?" (?P<status>\\d{{3}})'
sensor = "{{url}}"
metric = "{{status}}"
time = {{ format = "%d/%b/%Y:%H:%M:%S %z" }}
[sources.words]
type = "tcp"
listen = "127.0.0.1:{words}"
format = "regex"
pattern = '(?P<sensor>\\pL+)'
metric = "word"
all = true
[sources.tags]
type = "tcp"
listen = "127.0.0.1:{tags}"
format = "regex"
pattern = '(?P<sensor>#[\\pL\\pN_]+)'
all = true
[sources.meter]
type = "tcp"
listen = "127.0.0.1:{meter}"
format = "dsmr"
[sources.boat]
type = "udp"
listen = "127.0.0.1:{boat}"
format = "nmea0183"
[sources.house]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{broker}"]
routes = [ {{ topic = "p1/{{device}}", format = "dsmr" }} ]
[windows.total]
type = "running"
trigger = "100ms"
aggregates = ["count", "last"]
[windows.second]
size = "1s"
trigger = "100ms"
inputs = ["words"]
aggregates = ["count"]
[windows.hour]
size = "1h"
trigger = "100ms"
inputs = ["boat"]
aggregates = ["count"]
[sinks.lite]
type = "sqlite"
path = "{database}"
"""

HIT = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET {} HTTP/1.0" {} 2326\n'
TELEGRAM = ("/ISk5\\2MT382-1000\r\n\r\n0-0:96.1.1(4B38)\r\n1-0:1.7.0(01.193*kW)\r\n0-1:24.1.0(3)\r\n"
            "0-1:24.3.0(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)\r\n!\r\n")


def send(port, *parts):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
        for part in parts:
            peer.sendall(part.encode())


def expect(gateway, wanted, query):
    wait_for(lambda: gateway.query(query) == wanted, lambda: f"{query}: {gateway.query(query)}, not {wanted}")


def refused(gateway, name):
    """{reason: count} of a source."""
    return next(source["refused"] for source in gateway.status()["sources"] if source["name"] == name)


def main():
    with World(sys.argv[1]) as world:
        broker, _ = world.mosquitto()
        ports = {name: free_port() for name in ("words", "tags", "meter", "boat")}
        gateway = Gateway(world, SOURCES, broker=broker, **ports).start()
        totals = "SELECT sensor_id, metric, count, last FROM total WHERE {} ORDER BY sensor_id, metric"

        send(gateway.values["tcp"], HIT.format("/a", 200) * 3 + HIT.format("/a", 404), HIT.format("/b", 200),
             "not of this log\n", HIT.format("/" + "x" * 128, 200))
        expect(gateway, [("/a", "200", 3, 1), ("/a", "404", 1, 1), ("/b", "200", 1, 1)], totals.format("sensor_id LIKE '/%'"))
        wait_for(lambda: refused(gateway, "access") == {"no_match": 1, "bad_id": 1}, "both bad lines are counted")

        send(ports["words"], "to be, or not ", "to be\n")
        expect(gateway, [("be", 2), ("not", 1), ("or", 1), ("to", 2)],
               "SELECT sensor_id, sum(count) FROM second GROUP BY sensor_id ORDER BY sensor_id")
        send(ports["tags"], "#Lyon is in #Europe\n#Lyon again\nno tag\n")
        expect(gateway, [("#Europe", "value", 1, 1), ("#Lyon", "value", 2, 1)], totals.format("sensor_id LIKE '#%'"))

        # Joined in the middle of a telegram, in pieces, with one that is cut.
        send(ports["meter"], TELEGRAM[40:], TELEGRAM[:30], TELEGRAM[30:], TELEGRAM[:50] + "\n", TELEGRAM)
        expect(gateway, [("K8", "gas", 2, 1.001), ("K8", "power_import", 2, 1.193)], totals.format("sensor_id = 'K8'"))
        wait_for(lambda: refused(gateway, "meter") == {"bad_syntax": 2}, "both parts of telegrams are counted")
        subprocess.run(["mosquitto_pub", "-p", str(broker), "-q", "1", "-t", "p1/house", "-m", TELEGRAM], check=True)
        expect(gateway, [("house", "gas", 1, 1.001), ("house", "power_import", 1, 1.193)],
               totals.format("sensor_id = 'house'"))

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for datagram in ("$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
                             "$YXMTW,17.75,C*26\r\n$YXMTW,99,C*26\r\n", "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n"):
                peer.sendto(datagram.encode(), ("127.0.0.1", ports["boat"]))
        expect(gateway, [("YXMTW", "water_temperature", 1, 17.75)], totals.format("sensor_id = 'YXMTW'"))
        expect(gateway, [("GPRMC", 4)], "SELECT sensor_id, count(*) FROM total WHERE sensor_id = 'GPRMC'")
        # The sentence without a time has that of the one before.
        expect(gateway, [("YXMTW", "1994-03-23 12:00:00")],
               "SELECT sensor_id, datetime(time_us / 1000000, 'unixepoch') FROM hour WHERE sensor_id = 'YXMTW'")
        wait_for(lambda: refused(gateway, "boat") == {"bad_checksum": 1, "unsupported": 1}, "what is not taken is counted")
        assert gateway.stop() == 0


main()
