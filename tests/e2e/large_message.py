#!/usr/bin/env python3
"""One MQTT message of 200 MB and a daemon below the memory limit of its service: it refuses the message at its length,
and counts every other message exactly.

    large_message.py BUILD [CASE...]
"""
import subprocess
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LITE, SECOND, Gateway, reading, window
from memory_cage import MemoryCage
from world import free_port, wait_for

MAPPING = 'format = "json"\nsensor = {{ path = "sensor" }}\ntime = {{ path = "time", format = "unix_us" }}\nvalues = ["level"]\n'
REST = window("w", "10s", 'allowed_lateness = "5m"\n') + LITE
LARGE = 200_000_000
MOST = 64 << 20


def mqtt(port, protocol):
    return (f'\n[sources.field]\ntype = "mqtt"\nservers = ["mqtt://127.0.0.1:{port}"]\nprotocol = "{protocol}"\n'
            f'client_id = "field"\n[[sources.field.routes]]\ntopic = "t/#"\n{MAPPING}')


def publish(port, topic, *payloads, retain=False, file=None):
    more = ["-r"] if retain else []
    for payload in payloads or [None]:
        what = ["-f", file] if file else ["-m", payload]
        subprocess.run(["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", topic, *what, *more],
                       check=True, timeout=60)


@each([(protocol, protocol, "mqtt") for protocol in ("3.1.1", "5")] + [("3.1.1_web_socket", "3.1.1", "ws")])
def queued_message_of_200_mb(world, protocol, scheme):
    cage = MemoryCage(world)
    web_port = free_port()
    port, _ = world.mosquitto(settings=f"listener {web_port} 127.0.0.1\nprotocol websockets\n")
    large = world.folder / "large"
    large.write_bytes(b"x" * LARGE)
    source = mqtt(web_port if scheme == "ws" else port, protocol).replace("mqtt://", f"{scheme}://")
    gateway = Gateway(world, source + REST).start(**cage.arguments)
    gateway.wait_until_ready()
    publish(port, "t/x", *(reading("before", i * SECOND, 1) for i in range(3)))
    expect("before it", gateway.settles(3), 3)
    gateway.kill()
    publish(port, "t/x", file=large)
    starts = 0

    def runs():
        nonlocal starts
        if gateway.process.poll() is not None:
            starts += 1
            gateway.launch(**cage.arguments)
        return gateway.readyz()[0] == 200
    wait_for(lambda: runs() and gateway.status()["sources"][0]["connected"], "ready")
    time.sleep(3)
    wait_for(lambda: runs() and gateway.status()["sources"][0]["connected"], "ready and stays so")
    publish(port, "t/x", *(reading("after", i * SECOND, 1) for i in range(5)))
    expect("readings in rows", gateway.settles(8), 8)
    expect_that("starts until it ran", starts <= 1, starts, "at most 1")
    peak = cage.peak(gateway.process)
    expect_that("peak of memory", peak < MOST, peak, f"less than {MOST}: it is not read")
    if protocol == "3.1.1":
        expect("the loss is said", "the session was ended" in gateway.log() and "message_size_limit" in gateway.log(), True)
        expect("lost_sessions", gateway.status()["sources"][0]["lost_sessions"], 1)


@case
def message_that_fits_is_refused_and_acknowledged_and_loses_nothing(world):
    port, _ = world.mosquitto()
    large = world.folder / "large"
    large.write_bytes(b"x" * 20_000_000)
    gateway = Gateway(world, mqtt(port, "3.1.1") + REST).start()
    gateway.wait_until_ready()
    gateway.kill()
    publish(port, "t/x", file=large)
    publish(port, "t/x", *(reading("s", i * SECOND, 1) for i in range(5)))
    gateway.start()
    expect("readings in rows", gateway.settles(5), 5)
    expect("refused as too large", gateway.status()["sources"][0]["refused"], {"too_large": 1})
    gateway.kill()
    gateway.start()
    gateway.wait_until_ready()
    time.sleep(1)
    expect("refused as too large, as before", gateway.status()["sources"][0]["refused"], {"too_large": 1})


@each([("that fit alone", 30_000_000), ("too large", LARGE)])
def nine_sources_with_large_messages(world, size):
    """At once, at the start: below the service's limit all are read one after the other, or set aside, in one process."""
    cage = MemoryCage(world)
    ports = [world.mosquitto()[0] for _ in range(3)]
    large = world.folder / "large"
    large.write_bytes(b"x" * size)
    names = [f"field{i}" for i in range(9)]
    sources = "".join(mqtt(ports[i % 3], "3.1.1").replace("field", name).replace("t/#", f"t/{name}/#")
                      for i, name in enumerate(names))
    gateway = Gateway(world, sources + REST.replace('"field"', ", ".join(f'"{name}"' for name in names)))
    gateway.start(**cage.arguments)
    gateway.wait_until_ready()
    gateway.kill()
    for i, name in enumerate(names):
        publish(ports[i % 3], f"t/{name}/x", file=large)
    large.unlink()
    gateway.start(**cage.arguments)
    met = {"refused": {"too_large": 1}} if size < LARGE else {"lost_sessions": 1}

    def all_have_met_it():
        expect("process", gateway.process.poll(), None)
        return all(all(source.get(key) == value for key, value in met.items()) for source in gateway.status()["sources"])
    wait_for(all_have_met_it, lambda: f"{met} of all: {gateway.status()['sources']}", 120)
    for i, name in enumerate(names):
        wait_for(lambda i=i: gateway.status()["sources"][i]["connected"], "connected")
        publish(ports[i % 3], f"t/{name}/x", reading(name, 0, 1))
    expect("readings in rows", gateway.settles(9), 9)
    peak = cage.peak(gateway.process)
    expect_that("peak of memory", peak < cage.limit * 3 // 4, peak, f"less than {cage.limit * 3 // 4}")


@case
def limit_at_the_broker_keeps_it_away(world):
    port, _ = world.mosquitto(settings="message_size_limit 262144\n")
    large = world.folder / "large"
    large.write_bytes(b"x" * 1_000_000)
    gateway = Gateway(world, mqtt(port, "3.1.1") + REST).start()
    gateway.wait_until_ready()
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", "t/x", "-f", large], timeout=60)
    publish(port, "t/x", reading("s", 0, 1))
    expect("readings in rows", gateway.settles(1), 1)
    expect("refused", gateway.status()["sources"][0]["refused"], {})


@case
def retained_message_of_200_mb_is_said_until_it_is_cleared(world):
    port, _ = world.mosquitto()
    large = world.folder / "large"
    large.write_bytes(b"x" * LARGE)
    publish(port, "t/big", file=large, retain=True)
    gateway = Gateway(world, mqtt(port, "3.1.1") + REST).start(**MemoryCage(world).arguments)
    wait_for(lambda: "has to be cleared at the broker" in gateway.readyz()[1], lambda: f"the reason: {gateway.readyz()}")
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-r", "-n", "-t", "t/big"], timeout=60)
    wait_for(lambda: gateway.status()["sources"][0]["connected"], "connected")
    publish(port, "t/x", reading("s", 0, 1))
    expect("readings in rows", gateway.settles(1), 1)
    expect("process", gateway.process.poll(), None)


cases.main()
