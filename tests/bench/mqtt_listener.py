#!/usr/bin/env python3
"""The daemon's CPU time per reading, and messages per second, of an MQTT listener: QoS 1 messages of one reading from so
many connections with so many messages in flight each, with durability crash and power. The cheapest of several rounds counts.

    mqtt_listener.py BUILD [READINGS [CONNECTIONS [WINDOW [ROUNDS]]]]       1,000,000 readings, 10 connections, 100, 3
"""
import multiprocessing
import os
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from mqtt_device import connect, publish
from world import World, free_port, listens, stop_daemon, wait_for

NUMBERS = [int(argument) for argument in sys.argv[2:]] + [None] * 4
READINGS, CONNECTIONS, WINDOW, ROUNDS = (given or standard for given, standard in zip(NUMBERS, [1_000_000, 10, 100, 3]))
SENSORS = 20  # of a connection
POWER_PART = 10

CONFIG = """
[gateway]
id = "bench"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[journal]
durability = "{durability}"
[sources.devices]
type = "mqtt_listener"
listen = "127.0.0.1:{port}"
max_connections_per_peer = 1000
routes = [{{ topic = "s/{{device}}/{{metric}}", format = "number" }}]
[windows.ten]
size = "10s"
aggregates = ["count", "min", "max", "avg"]
[sinks.lite]
type = "sqlite"
"""


def send_all(port, number, count):
    """Blocks of messages, half a window each, so that one is on its way while the other is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect(f"c{number}", clean=True))
        assert connection.recv(4) == b"\x20\x02\x00\x00"
        half = max(WINDOW // 2, 1)
        blocks = [b"".join(publish(f"s/d{number}-{i % SENSORS}/t", f"2{i % 10}.5", 1, (first + i) % 60_000 + 1)
                           for i in range(half)) for first in range(0, 60_000 - half, half)]
        sent = answered = 0
        while answered < count * 4:
            while sent < count and sent * 4 - answered <= half * 4:
                connection.sendall(blocks[sent // half % len(blocks)])
                sent += half
            answered += len(connection.recv(65536))


def cpu_seconds(daemon):
    """User and system."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]


def run_once(durability, readings):
    with World(sys.argv[1]) as world:
        port = free_port()
        config = world.write("edgetide.toml", CONFIG.format(folder=world.folder, durability=durability, port=port))
        daemon = world.run_daemon(config)
        wait_for(lambda: listens(port), "the listener listens")
        each = readings // CONNECTIONS // WINDOW * WINDOW
        senders = [multiprocessing.Process(target=send_all, args=(port, i, each)) for i in range(CONNECTIONS)]
        before, began = cpu_seconds(daemon), time.monotonic()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        took = time.monotonic() - began
        user, system = (after - earlier for after, earlier in zip(cpu_seconds(daemon), before))
        stop_daemon(daemon)
        received = world.summary()["received"]
        assert received >= each * CONNECTIONS, (received, each * CONNECTIONS)
        return (user + system) / received * 1e6, user / received * 1e6, received / took


def main():
    for durability, readings in [("crash", READINGS), ("power", READINGS // POWER_PART)]:
        cpu, user, rate = min(run_once(durability, readings) for _ in range(ROUNDS))
        print(f"{durability}: {cpu:.3f} us of CPU per reading ({user:.3f} in the program), {rate:,.0f} messages/s, "
              f"{CONNECTIONS} connections with {WINDOW} in flight")


main()
