#!/usr/bin/env python3
"""A pause of ours or of the network is no sensor's silence: what waited meanwhile is not late. With an idle timeout of
a second, so that a pause of a few seconds does what two minutes do with the defaults.

    pauses.py BUILD [CASE...]
"""
import os
import socket
import subprocess
import sys
import threading
import time

import cases
from cases import case, each, expect, expect_that
from gateway import HEAD, LINE, LITE, Gateway, reading, window
from proxy import DOWN, UP, Proxy
from scripted_broker import ScriptedBroker
from world import comes_true, wait_for

IDLE = 1  # seconds
PAUSE = 4
SENSORS = 10
IDLE_HEAD = HEAD.replace('idle_timeout = "none"', f'idle_timeout = "{IDLE}s"')
MQTT = """
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
keep_alive = "{keep_alive}"
routes = [ {{ topic = "plant", format = "json", sensor = {{ path = "sensor" }}, time = {{ path = "time", format = "unix_us" }}, values = ["level"] }} ]
"""
# Event time goes slower than the clock, so that all that comes belongs to the window that an idle sensor would close.
WINDOW = window("w", "3s")


def mqtt(port, keep_alive="1m"):
    return MQTT.replace("{port}", str(port)).replace("{keep_alive}", keep_alive)


class Stream(threading.Thread):
    """A reading of each sensor every 50 ms; what is published while nobody listens waits where it may."""

    def __init__(self, publish):
        super().__init__(daemon=True)
        self.publish, self.sent, self.ending = publish, 0, threading.Event()
        self.start()

    def run(self):
        round = 0
        while not self.ending.wait(0.05):
            self.publish([(f"s{i}", round * 10_000 + i, 1) for i in range(SENSORS)])
            self.sent += SENSORS
            round += 1

    def end(self):
        self.ending.set()
        self.join(30)
        return self.sent


def publisher_of(world, port):
    """Publishes into a real broker, which keeps what a client does not take."""
    child = subprocess.Popen(["mosquitto_pub", "-p", str(port), "-q", "1", "-l", "-t", "plant"], stdin=subprocess.PIPE, text=True)
    world.children.append(child)

    def publish(readings):
        child.stdin.write("".join(reading(*each) + "\n" for each in readings))
        child.stdin.flush()
    return publish


def line_sender(gateway):
    peer = socket.create_connection(("127.0.0.1", gateway.values["tcp"]), timeout=30)
    threading.Thread(target=lambda: [None for _ in iter(lambda: peer.recv(65536), b"")], daemon=True).start()
    return lambda readings: peer.sendall("".join(reading(*each) + "\n" for each in readings).encode())


def nothing_was_late(gateway, sent):
    wait_for(lambda: gateway.received() >= sent, lambda: f"{sent} readings, {gateway.received()} came")
    gateway.flush()
    expect("late_dropped", gateway.dropped_late(), 0)
    expect("readings in rows", gateway.settles(sent), sent)


def flowing(gateway):
    at = gateway.received()
    wait_for(lambda: gateway.received() >= at + 5 * SENSORS, "readings flow")


@each([("mqtt", "mqtt"), ("mqtt_and_the_broker_gives_up", "mqtt", "1s"), ("tcp", "tcp"), ("both", "both")])
def stopped_process_makes_nobody_idle(world, kind, keep_alive="1m"):
    port, _ = world.mosquitto()
    text = (mqtt(port, keep_alive) if kind != "tcp" else "") + (LINE if kind != "mqtt" else "") + WINDOW + LITE
    gateway = Gateway(world, text, head=IDLE_HEAD).start()
    gateway.wait_until_ready()
    publishers = [publisher_of(world, port)] if kind != "tcp" else []
    if kind != "mqtt":
        send = line_sender(gateway)
        publishers.append((lambda readings: send([("t" + name, at, level) for name, at, level in readings]))
                          if kind == "both" else send)
    streams = [Stream(publish) for publish in publishers]
    flowing(gateway)
    for _ in range(2):
        gateway.pause()
        time.sleep(PAUSE)  # the fault
        gateway.resume()
        flowing(gateway)
    nothing_was_late(gateway, sum(stream.end() for stream in streams))


@each([("both_ways", (UP, DOWN)), ("from_the_broker", (DOWN,)), ("to_the_broker", (UP,))])
def stalled_network_with_the_connection_kept_makes_nobody_idle(world, directions):
    server, _ = world.mosquitto()
    with Proxy(server) as proxy:
        gateway = Gateway(world, mqtt(proxy.port) + WINDOW + LITE, head=IDLE_HEAD).start()
        gateway.wait_until_ready()
        stream = Stream(publisher_of(world, server))
        flowing(gateway)
        proxy.hold(*directions)
        time.sleep(PAUSE)  # the fault
        proxy.release()
        flowing(gateway)
        nothing_was_late(gateway, stream.end())
        expect("connections made", proxy.connections, 1)


def in_a_network_of_its_own():
    """Again, in a namespace whose only network is a loopback device: it can be taken down. True there."""
    if os.environ.get("OWN_NETWORK"):
        return True
    again = ["unshare", "-rn", sys.executable, *sys.argv[:2], "stalled_network_with_the_peers_of_a_socket"]
    finished = subprocess.run(again, env={**os.environ, "OWN_NETWORK": "1"}, capture_output=True, text=True)
    if "unshare failed" in finished.stderr:
        print(f"skipped: no network namespace can be made here: {finished.stderr.strip()}")
    else:
        expect_that("in a network of its own", finished.returncode == 0, finished.stdout + finished.stderr, "all holds")
    return False


@case
def stalled_network_with_the_peers_of_a_socket_kept_makes_nobody_idle(world):
    """No relay: what is sent is lost on the way, until the peer's kernel sends it again."""
    if not in_a_network_of_its_own():
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    gateway = Gateway(world, LINE + WINDOW + LITE, head=HEAD.replace('idle_timeout = "none"', 'idle_timeout = "9s"')).start()
    gateway.wait_until_ready()
    stream = Stream(line_sender(gateway))
    flowing(gateway)
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
    time.sleep(12)  # the fault
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    flowing(gateway)
    nothing_was_late(gateway, stream.end())


@case
def slow_network_makes_nobody_idle(world):
    server, _ = world.mosquitto()
    with Proxy(server) as proxy:
        gateway = Gateway(world, mqtt(proxy.port) + WINDOW + LITE, head=IDLE_HEAD).start()
        gateway.wait_until_ready()
        stream = Stream(publisher_of(world, server))
        flowing(gateway)
        proxy.delay(DOWN, 2.5)  # once longer than the timeout, then as many bytes as before
        time.sleep(3)
        flowing(gateway)
        proxy.delay(DOWN, 0)
        nothing_was_late(gateway, stream.end())


@case
def connection_that_is_cut_and_taken_again_makes_nobody_idle(world):
    server, _ = world.mosquitto()
    with Proxy(server) as proxy:
        gateway = Gateway(world, mqtt(proxy.port) + WINDOW + LITE, head=IDLE_HEAD).start()
        gateway.wait_until_ready()
        stream = Stream(publisher_of(world, server))
        flowing(gateway)
        proxy.refuse()
        proxy.cut()
        time.sleep(2)  # the fault
        proxy.accept()
        flowing(gateway)
        nothing_was_late(gateway, stream.end())


@each([("mqtt_20_in_flight", "mqtt"), ("tcp", "tcp")])
def stopped_process_makes_nobody_idle_while_much_waits(world, kind):
    """So many sensors and readings that a trigger comes before all of them are read."""
    server, _ = world.mosquitto(settings="max_inflight_messages 20\n")
    with Proxy(server) as proxy:
        plant = mqtt(proxy.port).replace("keep_alive", 'protocol = "3.1.1"\nkeep_alive')
        text = '[limits]\nnew_series_per_minute = 100000\n' + (plant if kind == "mqtt" else LINE) + WINDOW + LITE
        gateway = Gateway(world, text, head=IDLE_HEAD).start()
        gateway.wait_until_ready()
        send = publisher_of(world, server) if kind == "mqtt" else line_sender(gateway)
        sensors, rounds = (300, 20) if kind == "mqtt" else (500, 100)
        send([(f"s{i}", 0, 1) for i in range(sensors)])
        wait_for(lambda: gateway.received() == sensors, "readings flow")
        proxy.delay(DOWN, 0.01)
        gateway.pause()
        waiting = threading.Thread(target=lambda: [send([(f"s{i}", n * 1000, 1) for i in range(sensors)]) for n in range(1, rounds)])
        waiting.start()
        time.sleep(PAUSE)  # the fault
        gateway.resume()
        waiting.join()
        nothing_was_late(gateway, sensors * rounds)


# What must not be lost in the mending: real silence is still seen.


def window_of(gateway, sensor):
    return gateway.full_rows().get((sensor, 0), (None,) * 4)


@case
def silent_sensor_beside_others_still_becomes_idle(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + WINDOW + LITE, head=IDLE_HEAD).start()
    link = broker.connection()
    link.publish("plant", reading("silent", 0, 1), 1)
    for number in range(2, 100):
        link.publish("plant", reading("other", number * 1000, 1), number)
        if window_of(gateway, "silent")[2]:
            break
        time.sleep(0.1)
    expect("final row of the silent sensor", window_of(gateway, "silent")[2], 1)
    expect("final row of the other", window_of(gateway, "other")[2], 0)


@case
def silence_with_pings_answered_closes_windows(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, "1s") + WINDOW + LITE, head=IDLE_HEAD).start()
    link = broker.connection()
    link.publish("plant", reading("silent", 0, 1), 1)
    comes_true(lambda: window_of(gateway, "silent")[2])
    expect("final row", window_of(gateway, "silent")[2], 1)
    expect_that("pings", link.pings > 0, link.pings, "some")


@case
def silence_with_pings_unanswered_closes_no_window(world):
    """No answer comes: no proof that nothing was sent to us."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, "20s") + WINDOW + LITE, head=IDLE_HEAD).start()
    link = broker.connection()
    link.answers_pings = False
    link.publish("plant", reading("held", 0, 1), 1)
    link.wait_for_acks(1)
    time.sleep(4 * IDLE + 3)  # the fault
    expect("final row", window_of(gateway, "held")[2], 0)


@case
def silent_peers_of_a_socket_still_become_idle(world):
    gateway = Gateway(world, LINE + WINDOW + LITE, head=IDLE_HEAD).start()
    gateway.send(reading("silent", 0, 1))
    comes_true(lambda: window_of(gateway, "silent")[2])
    expect("final row", window_of(gateway, "silent")[2], 1)


cases.main()
