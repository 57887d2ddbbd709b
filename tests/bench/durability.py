#!/usr/bin/env python3
"""The cost of the journal: the daemon's CPU time per reading and readings per second with durability none, crash and
power, for MQTT messages of one reading and for lines over TCP. The cheapest of several rounds counts.

    durability.py BUILD [READINGS [ROUNDS]]        a release build; 100,000 readings and 3 rounds by default

Fails if `crash` costs more than 1.3 times the CPU of `none`.
"""
import os
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
from world import World, free_port, listens, stop_daemon, wait_for

READINGS = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
SENSORS = 200
BOUND = 1.3
TCP_TIMES = 10  # as many readings in the same time
POWER_PART = 20  # with `power` each acknowledgement waits for a sync: so many times fewer readings

CONFIG = """
[gateway]
id = "bench"
state_directory = "{folder}"
[clock]
wait_after_boot = "0s"
[journal]
durability = "{durability}"
{source}
[windows.ten]
size = "10s"
aggregates = ["count", "min", "max", "avg"]
[sinks.lite]
type = "sqlite"
"""

MQTT = """
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
  [[sources.plant.routes]]
  topic = "sensors/{{device}}/{{metric}}"
  format = "json"
  time = {{ path = "time", format = "unix_us" }}
  values = ["temperature"]
"""

TCP = """
[sources.line]
type = "tcp"
listen = "127.0.0.1:{port}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
"""


def cpu_seconds(process):
    """Of all threads, to the nanosecond."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def send_mqtt(world, port, readings):
    world.simulate("--to", f"mqtt://127.0.0.1:{port}", "--sensors", SENSORS, "--readings", readings)


def send_tcp(_, port, readings):
    now = int(time.time() - 600) * 1_000_000
    lines = [f'{{"sensor":"tank{i % SENSORS}","time":{now + i * 1000},"level":{i % 64}}}\n' for i in range(readings)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers, acknowledged = connection.makefile("r"), 0
        for begin in range(0, readings, 500):
            part = lines[begin:begin + 500]
            connection.sendall("".join(part).encode())
            while acknowledged < begin + len(part):
                acknowledged = int(answers.readline().split()[1])


def settled(daemon):
    """The CPU seconds of the daemon once it has nothing to do, and since when."""
    used, since = cpu_seconds(daemon), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.02)
        if cpu_seconds(daemon) > used + 0.002:
            used, since = cpu_seconds(daemon), time.monotonic()
    return used, since


def measure(kind, durability):
    """Microseconds of CPU per reading, readings per second."""
    readings = READINGS * (1 if kind == "MQTT" else TCP_TIMES) // (POWER_PART if durability == "power" else 1)
    with World(sys.argv[1]) as world:
        port = world.mosquitto()[0] if kind == "MQTT" else free_port()
        source = (MQTT if kind == "MQTT" else TCP).format(port=port)
        config = world.write("edgetide.toml", CONFIG.format(folder=world.folder, durability=durability, source=source))
        daemon = world.run_daemon(config)
        if kind == "MQTT":
            world.wait_for_log(daemon, "source plant: connected to")
        else:
            wait_for(lambda: listens(port), "the socket listens")
        before, began = cpu_seconds(daemon), time.monotonic()
        (send_mqtt if kind == "MQTT" else send_tcp)(world, port, readings)
        used, ended = settled(daemon)
        stop_daemon(daemon)
        received = world.summary()["received"]
        assert received == readings, (received, readings)
        return (used - before) / readings * 1e6, readings / (ended - began)


def main():
    print("             CPU per reading, us             readings per second")
    print("              none  crash  power                none   crash   power    crash : none")
    worst = 0
    for kind in ("MQTT", "TCP"):
        best = {}
        for _ in range(ROUNDS):
            for durability in ("none", "crash", "power"):
                best.setdefault(durability, []).append(measure(kind, durability))
        cpu = {durability: min(round[0] for round in rounds) for durability, rounds in best.items()}
        rate = {durability: max(round[1] for round in rounds) for durability, rounds in best.items()}
        ratio = cpu["crash"] / cpu["none"]
        worst = max(worst, ratio)
        print(f"{kind:12} {cpu['none']:5.1f}  {cpu['crash']:5.1f}  {cpu['power']:5.1f}             {rate['none']:7.0f} "
              f"{rate['crash']:7.0f} {rate['power']:7.0f}    {ratio:.2f}")
    if worst > BOUND:
        sys.exit(f"crash costs more than {BOUND} times the CPU of none")


main()
