#!/usr/bin/env python3
"""One MQTT message of 200 MB and a daemon that may not have so much memory: it lives or comes back by itself, and counts
every other message exactly.

    large_message.py BUILD [CASE...]
"""
import resource
import subprocess
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LITE, SECOND, Gateway, reading, window
from world import wait_for

MAPPING = 'format = "json"\nsensor = {{ path = "sensor" }}\ntime = {{ path = "time", format = "unix_us" }}\nvalues = ["level"]\n'
REST = window("w", "10s", 'allowed_lateness = "5m"\n') + LITE
LARGE = 200_000_000


def mqtt(port, protocol):
    return (f'\n[sources.field]\ntype = "mqtt"\nservers = ["mqtt://127.0.0.1:{port}"]\nprotocol = "{protocol}"\n'
            f'client_id = "field"\n[[sources.field.routes]]\ntopic = "t/#"\n{MAPPING}')


def publish(port, topic, *payloads, retain=False, file=None):
    more = ["-r"] if retain else []
    for payload in payloads or [None]:
        what = ["-f", file] if file else ["-m", payload]
        subprocess.run(["mosquitto_pub", "-V", "5", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", topic, *what, *more],
                       check=True, timeout=60)


def memory_of(process, field="VmHWM"):
    for line in open(f"/proc/{process.pid}/status"):
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def limited(mib):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))
    return {"preexec_fn": limit} if mib else {}


@each([(f"{protocol}-{mib}", protocol, mib) for protocol in ("3.1.1", "5") for mib in (400, 1200)])
def queued_message_of_200_mb(world, protocol, mib):
    port, _ = world.mosquitto()
    large = world.folder / "large"
    large.write_bytes(b"x" * LARGE)
    gateway = Gateway(world, mqtt(port, protocol) + REST).start(**limited(mib))
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
            gateway.launch(**limited(mib))
        return gateway.readyz()[0] == 200
    wait_for(lambda: runs() and gateway.status()["sources"][0]["connected"], "ready", 60)
    time.sleep(3)
    wait_for(lambda: runs() and gateway.status()["sources"][0]["connected"], "ready and stays so", 60)
    publish(port, "t/x", *(reading("after", i * SECOND, 1) for i in range(5)))
    expect("readings in rows", gateway.settles(8, patience=30), 8)
    expect_that("starts until it ran", starts <= 2, starts, "at most 2")
    expect_that("peak of memory", memory_of(gateway.process) < mib << 20, memory_of(gateway.process), "less than the limit")
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
    gateway = Gateway(world, mqtt(port, "3.1.1") + REST).start(**limited(400))
    wait_for(lambda: "has to be cleared at the broker" in gateway.readyz()[1], lambda: f"the reason: {gateway.readyz()}", 60)
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-r", "-n", "-t", "t/big"], timeout=60)
    wait_for(lambda: gateway.status()["sources"][0]["connected"], "connected")
    publish(port, "t/x", reading("s", 0, 1))
    expect("readings in rows", gateway.settles(1, patience=60), 1)
    expect("process", gateway.process.poll(), None)


cases.main()
