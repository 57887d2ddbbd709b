#!/usr/bin/env python3
"""What a broker, its session and the network before it do to readings: each is counted once, and what happened is said.

    mqtt_faults.py BUILD [CASE...]
"""
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import cases
from cases import case, each, expect, expect_that
from gateway import HEAD, LITE, START, Gateway, window
from proxy import DOWN, UP, Proxy
from scripted_broker import CONNACK, DISCONNECT, PUBACK, PUBLISH, SUBACK, UNSUBACK, ScriptedBroker, frame
from world import certificates, comes_true, free_port, listens, wait_for

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
[sources.{name}]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
protocol = "{protocol}"
{more}
routes = [ {routes} ]
"""
NUMBER = '{{ topic = "plant/{{device}}", format = "number" }}'
RUNNING = '\n[windows.w]\ntype = "running"\ntrigger = "100ms"\naggregates = ["count", "sum"]\n'


def mqtt(port, name="plant", protocol="5", more="", routes=NUMBER):
    return SOURCE.format(name=name, port=port, protocol=protocol, more=more, routes=routes)


def json_route(topic):
    topic = topic.replace("{", "{{").replace("}", "}}")
    sensor = '' if "{device}" in topic or "{{device}}" in topic else 'sensor = "all", '
    return (f'{{{{ topic = "{topic}", format = "json", {sensor}'
            'time = {{ path = "time", format = "unix_us" }}, values = ["level"] }}')


def timed(number):
    return f'{{"time":{START + number * 1000},"level":1}}'


def total(gateway, wanted):
    """Readings in rows after all that came so far has left; more would be seen, less is waited for."""
    gateway.flush()
    return gateway.settles(wanted)


# --- 1: deduplication is exact, per source


def unacknowledged(link, count, first=1, topic="plant/a", payload=str):
    link.publish_all([(topic, payload(i), i) for i in range(first, first + count)])
    link.wait_for_acks(count)  # which this broker forgets, as if the PUBACKs were held on the way


def redeliver(link, count, first=1, topic="plant/a", payload=str):
    link.publish_all([(topic, payload(i), i) for i in range(first, first + count)], dup=True)


@case
def unacknowledged_messages_of_one_source_outlive_a_flood_of_another(world):
    one, other = ScriptedBroker(), ScriptedBroker()
    gateway = Gateway(world, mqtt(one.port, "one") + mqtt(other.port, "other") + RUNNING + LITE).start()
    link, flood = one.connection(), other.connection()
    unacknowledged(link, 1000)
    for part in range(6):
        flood.publish_all([("plant/b", str(i + part), 1 + part * 1000 + i) for i in range(1000)])
        flood.wait_for_acks((part + 1) * 1000)
    link.close()
    link = one.connection()
    redeliver(link, 1000)
    link.wait_for_acks(1000)
    expect("readings in rows", total(gateway, 7000), 7000)


@each([("5", "5", 1000), ("3.1.1_unlimited_in_flight", "3.1.1", 6000)])
def redelivered_messages_are_counted_once_after_a_cut(world, protocol, count):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol) + RUNNING + LITE).start()
    link = broker.connection()
    unacknowledged(link, count)
    link.close()
    link = broker.connection()
    redeliver(link, count)
    link.wait_for_acks(count)
    expect("readings in rows", total(gateway, count), count)


@each([("5", "5", 1000, 1), ("3.1.1_unlimited_in_flight", "3.1.1", 6000, 1), ("3.1.1_equal_texts", "3.1.1", 6000, 0)])
def redelivered_messages_are_counted_once_after_a_kill(world, protocol, count, factor):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol) + RUNNING + LITE).start()
    payload = lambda i: str(i * factor)
    unacknowledged(broker.connection(), count, payload=payload)
    gateway.kill()
    gateway.start()
    link = broker.connection()
    redeliver(link, count, payload=payload)
    link.wait_for_acks(count)
    expect("readings in rows", total(gateway, count), count)


@each([("cut", False), ("kill", True)])
def equal_text_with_another_packet_id_is_another_message(world, kill):
    """Messages 1 to 5 are taken; 6 was sent and lost on the way, so that it comes with DUP, as the first of its id."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    link = broker.connection()
    unacknowledged(link, 5, payload=lambda _: "21.5")
    if kill:
        gateway.kill()
        gateway.start()
    else:
        link.close()
    link = broker.connection()
    redeliver(link, 3, first=3, payload=lambda _: "21.5")  # 3 and 4 again, 5 again
    redeliver(link, 1, first=6, payload=lambda _: "21.5")
    link.publish("plant/a", "21.5", 7)
    link.wait_for_acks(5)
    expect("readings in rows", total(gateway, 7), 7)


@case
def packet_id_that_was_used_long_ago_is_free_again(world):
    """17,000 messages later the id cannot be sent again any more: the client allows 1,000 at once, and knows 16,000."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    link = broker.connection()
    for first in range(1, 17001, 500):
        link.publish_all([("plant/a", "21.5", first + i) for i in range(500)])
        link.wait_for_acks(first + 499)
    link.close()
    link = broker.connection()
    redeliver(link, 1, first=5, payload=lambda _: "21.5")
    link.wait_for_acks(1)
    expect("readings in rows", total(gateway, 17001), 17001)


@case
def same_packet_id_with_another_topic_or_text_is_another_message(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    link = broker.connection()
    unacknowledged(link, 3, payload=lambda _: "21.5")
    link.close()
    link = broker.connection()
    link.publish("plant/b", "21.5", 1, dup=True)
    link.publish("plant/a", "22", 2, dup=True)
    link.publish("plant/a", "21.5", 3, dup=True)
    link.wait_for_acks(3)
    expect("readings in rows", total(gateway, 5), 5)


@case
def forgotten_session_forgets_its_packet_ids(world):
    """Without a session at the broker nothing is sent again: an id that comes is a new message."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    link = broker.connection()
    unacknowledged(link, 3, payload=lambda _: "21.5")
    broker.session_present = False
    link.close()
    link = broker.connection()
    broker.session_present = True
    link.close()  # before anything: ids 1 to 3 of the new session were lost on the way and come with DUP
    link = broker.connection()
    redeliver(link, 3, payload=lambda _: "21.5")
    link.wait_for_acks(3)
    expect("readings in rows", total(gateway, 6), 6)


# --- 2: overlapping routes count a message once


def publish(port, topic, payload, *more):
    subprocess.run(["mosquitto_pub", "-p", str(port), "-q", "1", "-t", topic, "-m", payload, *more], check=True, timeout=20)


@each([("one_covers_all_5", "5", ["plant/{device}/temp", "plant/{device}/+", "plant/#"]),
       ("one_covers_all_3.1.1", "3.1.1", ["plant/{device}/temp", "plant/{device}/+", "plant/#"]),
       ("partial_5", "5", ["+/{device}/temp", "plant/{device}/+", "plant/a/#"]),
       ("partial_3.1.1", "3.1.1", ["+/{device}/temp", "plant/{device}/+", "plant/a/#"])])
def overlapping_routes_count_a_message_once(world, protocol, topics):
    port, _ = world.mosquitto()
    routes = ", ".join(json_route(topic) for topic in topics)
    gateway = Gateway(world, mqtt(port, protocol=protocol, routes=routes) + window("w") + LITE).start()
    gateway.wait_until_ready()
    for number in range(4):
        publish(port, "plant/a/temp", timed(number))
    expect("readings in rows", total(gateway, 4), 4)
    expect("sensors, by the first route that fits", sorted({sensor for sensor, _ in gateway.rows()}), ["a"])


@case
def equal_messages_over_overlapping_routes_count_each(world):
    """Two messages of equal text are two readings, six copies or not."""
    port, _ = world.mosquitto()
    routes = ", ".join(f'{{{{ topic = "{topic}", format = "number", sensor = "all" }}}}' for topic in
                       ("plant/+/temp", "plant/a/+", "+/a/#"))
    gateway = Gateway(world, mqtt(port, routes=routes) + RUNNING + LITE).start()
    gateway.wait_until_ready()
    for _ in range(5):
        publish(port, "plant/a/temp", "21.5")
    expect("readings in rows", total(gateway, 5), 5)


@each([("together", None), ("over_a_kill", 2)])
def copies_of_a_3_1_1_broker_count_once(world, killed_after):
    """It sends a message once for each filter that matches; equal texts are not taken for copies beyond that."""
    broker = ScriptedBroker()
    routes = ", ".join(f'{{{{ topic = "{topic}", format = "number", sensor = "all" }}}}' for topic in
                       ("+/+/temp", "plant/+/+", "+/a/+"))
    gateway = Gateway(world, mqtt(broker.port, protocol="3.1.1", routes=routes) + RUNNING + LITE).start()
    link = broker.connection(filters=3)
    texts = ["21.5"] * 3 + ["22"] * 3 + ["22"] * 3
    messages = [("plant/a/temp", text, number + 1) for number, text in enumerate(texts)]
    link.publish_all(messages[:killed_after])
    link.wait_for_acks(killed_after or len(messages))
    if killed_after:
        gateway.kill()
        gateway.start()
        link = broker.connection(filters=3)
        link.publish_all(messages[:killed_after], dup=True)
        link.publish_all(messages[killed_after:])
        link.wait_for_acks(len(messages))
    expect("readings in rows", total(gateway, 3), 3)
    expect_that("the log", "copies" in gateway.log(), gateway.log().splitlines()[-2:], "says that copies are dropped")


# --- 10: a combination that loses


@each([("3.1.1", "3.1.1", 78), ("5", "5", None)])
def qos_2_with_protocol(world, protocol, status):
    gateway = Gateway(world, mqtt(1883, protocol=protocol, more="qos = 2") + window("w") + LITE)
    run = subprocess.run([world.build / "edgetide", "check", "--config", gateway.config], capture_output=True, text=True)
    if status is None:
        return expect("exit status of check", run.returncode, 0)
    expect("exit status of check", run.returncode, status)
    said = run.stdout + run.stderr
    expect_that("the reason", "qos" in said and "3.1.1" in said, said.strip()[-200:], "names qos and 3.1.1")


@each([("of_3.1.1", b"\x01", b""), ("of_5", b"\x84", b"\0")])
def broker_that_refuses_mqtt_5_is_named(world, code, rest):
    broker = ScriptedBroker()
    broker.refuse_with, broker.lies[CONNACK] = code[0], rest
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    seconds_until(lambda: "does not take MQTT 5" in gateway.readyz()[1], 5)
    expect_that("/readyz", "does not take MQTT 5; set protocol" in gateway.readyz()[1], gateway.readyz(), "503 and what to set")
    expect_that("the log", "does not take MQTT 5" in gateway.log(), gateway.log().splitlines()[-1:], "names it")


@each([(f"{protocol}_{code}", protocol, code, words) for protocol, code, words in (
    ("3.1.1", 1, "protocol version not supported (1)"), ("3.1.1", 2, "client id refused (2); set client_id"),
    ("3.1.1", 3, "server unavailable (3)"), ("3.1.1", 4, "bad user name or password (4); check"),
    ("3.1.1", 5, "not authorized (5); check"), ("5", 128, "unspecified error (128)"),
    ("5", 133, "client id refused (133); set client_id"), ("5", 134, "bad user name or password (134); check"),
    ("5", 135, "not authorized (135); check"), ("5", 136, "server unavailable (136)"), ("5", 137, "server busy (137)"),
    ("5", 138, "banned (138)"), ("5", 151, "quota exceeded (151)"), ("5", 156, "use another server (156)"),
    ("5", 159, "connection rate exceeded (159)"))])
def answer_to_connect_is_said_in_words(world, protocol, code, words):
    broker = ScriptedBroker()
    broker.refuse_with = code
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol) + RUNNING + LITE).start()
    wait_for(lambda: f"connect: the broker refuses: {words}" in gateway.log(), "the log has the words")
    status = subprocess.run([world.build / "edgetide", "status", "--config", gateway.config], capture_output=True, text=True)
    expect_that("edgetide status", words in status.stdout, status.stdout, words)


# --- 11: back-off fits short outages


def seconds_until(condition, patience):
    began = time.monotonic()
    comes_true(condition, patience)
    return time.monotonic() - began


@case
def connection_that_delivered_ends_the_back_off(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    delays = []
    for number in range(6):
        link = broker.connection()
        link.publish("plant/a", str(number), number + 1)
        link.wait_for_acks(1)
        link.close()
        delays.append(round(seconds_until(lambda: len(broker.connects) > broker.used, 5), 1))
        if delays[-1] > 3:
            break
    expect_that("seconds to each reconnect", max(delays) <= 3, delays, "six, each at most 3")
    expect("readings in rows", total(gateway, 6), 6)


@case
def refused_connects_do_not_drive_the_delay_up(world):
    broker = ScriptedBroker()
    with Proxy(broker.port) as proxy:
        Gateway(world, mqtt(proxy.port) + RUNNING + LITE).start()
        link = broker.connection()
        for _ in range(2):  # restarts of a broker, three seconds each
            link.publish("plant/a", "1", 1)
            link.wait_for_acks(1)
            proxy.refuse()
            proxy.cut()
            time.sleep(3)
            proxy.accept()
            took = seconds_until(lambda: len(broker.connects) > broker.used, 8)
            expect_that("seconds until it is back", took <= 4, round(took, 1), "at most 4")
            if took > 4:
                break
            link = broker.connection()


@case
def forgotten_session_is_said_and_counted_every_time(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE, checkpoint="1s").start()
    broker.connection().close()
    broker.session_present = False
    broker.connection().close()
    broker.connection()
    gateway.kill()
    gateway.start()
    link = broker.connection()
    link.publish("plant/a", "1", 1)
    link.wait_for_acks(1)
    said = len(re.findall(r"forgotten (?:our|the|its) session", gateway.log()))
    expect("times it was said, once of them after a restart", said, 3)
    counts = {name: value for name, value in gateway.metrics().items() if re.search(r"session.*(lost|forgotten)|"
                                                                                    r"(lost|forgotten).*session", name)}
    expect_that("a metric for it", any(value >= 1 for value in counts.values()), counts,
                "edgetide_source_sessions_lost_total, counted since the start")


# --- 12: our id is ours

HEAD_WITHOUT_ID = "\n".join(line for line in HEAD.splitlines() if not line.startswith("id = "))


@case
def default_client_id_is_more_than_the_host_name(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE, head=HEAD_WITHOUT_ID).start()
    first = broker.connection().client_id
    gateway.stop()
    gateway.start()
    expect_that("client id", first != f"edgetide-{socket.gethostname()}-plant", first,
                "with a short machine id beside the host name")
    expect("after a restart", broker.connection().client_id, first)


@case
def take_over_by_reason_142_is_named(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    broker.connection()
    gateway.wait_until_ready()
    broker.connects[0].disconnect(142)
    named = re.compile(r"take[- ]?over|took over|taken over|same client id|another client", re.I)
    seconds_until(lambda: named.search(gateway.readyz()[1]), 4)
    expect_that("/readyz", named.search(gateway.readyz()[1]), gateway.readyz(), "503 and names the take-over, client id")
    expect_that("the log", named.search(gateway.new_log()), gateway.new_log().splitlines()[-1:], "names the take-over")


@case
def ping_pong_of_two_clients_with_3_1_1_is_named(world):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, protocol="3.1.1") + RUNNING + LITE).start()
    named = re.compile(r"take[- ]?over|took over|taken over|same client id|another client", re.I)
    until = time.monotonic() + 12
    for _ in range(6):  # each connection stands for a moment, then the other client's takes its place
        if time.monotonic() > until or named.search(gateway.readyz()[1]):
            break
        broker.connection().close(reset=False)
    expect_that("/readyz after six", named.search(gateway.readyz()[1]), gateway.readyz(), "503 and names the take-over, client id")


def other_client(world, protocol, *more):
    """Connects again a second after it was sent away."""
    version = {"5": "mqttv5", "3.1.1": "mqttv311"}[protocol]
    return world.spawn(["mosquitto_sub", "-h", "127.0.0.1", "-V", version, "-i", "shared-id", "-t", "other/#", *more], "other")


@each([("5", "5", False), ("3.1.1", "3.1.1", False), ("tls_5", "5", True), ("tls_3.1.1", "3.1.1", True)])
def ping_pong_at_mosquitto_is_named_after_few_changes(world, protocol, over_tls):
    folder, port, plain_port = world.folder / "tls", free_port(), free_port()
    certificates(folder)
    world.mosquitto(plain_port, settings=f"listener {port} 127.0.0.1\ncertfile {folder}/ca.pem\nkeyfile {folder}/key.pem\n")
    more, others = "", ("-p", plain_port)
    if over_tls:
        more, others = f'tls = {{{{ ca = "{folder}/ca.pem" }}}}\n', ("-p", port, "--cafile", folder / "ca.pem")
    text = mqtt(port if over_tls else plain_port, protocol=protocol, more='client_id = "shared-id"\n' + more)
    gateway = Gateway(world, (text.replace("mqtt://", "mqtts://") if over_tls else text) + RUNNING + LITE).start()
    gateway.wait_until_ready()
    other = other_client(world, protocol, *others)
    took = seconds_until(lambda: "shared-id" in gateway.readyz()[1], 30)
    status, said = gateway.readyz()
    expect_that("/readyz", status == 503 and "another client" in said, (status, said.strip(), f"{took:.1f} s"), "503 and names it")
    changes = len(re.findall(r"disconnected: ", gateway.new_log()))
    expect_that("lost connections until then", changes <= 4, changes, "at most 4")
    expect_that("the log", re.search(r"another client (seems to use|uses) the client id shared-id", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "names it too")
    other.kill()
    other.wait()


def comes_back(port, pause):
    """Another client with our id, until the broker is gone."""
    body = struct.pack(">H", 4) + b"MQTT\x04\x02\0\x3c" + struct.pack(">H", 9) + b"shared-id"
    try:
        while True:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
                link.sendall(bytes([0x10, len(body)]) + body)
                while link.recv(64):
                    pass
            time.sleep(pause)
    except OSError:
        pass


@each([("5", "5"), ("3.1.1", "3.1.1")])
def ping_pong_with_a_client_that_waits_is_named(world, protocol):
    port, _ = world.mosquitto()
    text = mqtt(port, protocol=protocol, more='client_id = "shared-id"\n') + RUNNING + LITE
    gateway = Gateway(world, text).start()
    gateway.wait_until_ready()
    threading.Thread(target=comes_back, args=(port, 6), daemon=True).start()
    took = seconds_until(lambda: "another client" in gateway.readyz()[1], 45)
    expect_that("/readyz", "another client" in gateway.readyz()[1], (gateway.readyz(), f"{took:.1f} s"), "names it")


@each([("5", "5"), ("3.1.1", "3.1.1")])
def cut_network_is_not_another_client(world, protocol):
    port, _ = world.mosquitto()
    with Proxy(port) as proxy:
        gateway = Gateway(world, mqtt(proxy.port, protocol=protocol) + RUNNING + LITE).start()
        for number in range(8):
            gateway.wait_until_ready()
            publish(port, "plant/a", str(number))
            proxy.cut()
            wait_for(lambda: gateway.new_log().count("disconnected") > number, "the cut is seen")
            expect_that(f"/readyz after cut {number + 1}", "another client" not in gateway.readyz()[1], gateway.readyz(),
                        "names no other client")
    expect_that("the log", "another client" not in gateway.new_log(), gateway.new_log().splitlines()[-2:], "names none")


@each([("5", "5"), ("3.1.1", "3.1.1")])
def restarts_of_mosquitto_are_not_another_client(world, protocol):
    port, broker = world.mosquitto()
    gateway = Gateway(world, mqtt(port, protocol=protocol) + RUNNING + LITE).start()
    for number in range(5):
        gateway.wait_until_ready()
        broker.terminate()
        broker.wait()
        _, broker = world.mosquitto(port)  # at once: none of our tries may meet the pause
        wait_for(lambda: gateway.new_log().count("disconnected") > number, "the restart is seen")
    gateway.wait_until_ready()
    expect_that("the log", "another client" not in gateway.new_log(), gateway.new_log().splitlines()[-2:], "names none")


# --- 14: edited routes leave no subscription behind


@each([("stop", False, "5"), ("kill", True, "5"), ("stop_3.1.1", False, "3.1.1")])
def edited_routes_end_their_subscriptions_at_a_restart(world, kill, protocol):
    port, _ = world.mosquitto()
    rest = window("w") + LITE
    gateway = Gateway(world, mqtt(port, protocol=protocol, routes=json_route("plant/{device}/+")) + rest).start()
    gateway.wait_until_ready()
    gateway.kill() if kill else gateway.stop()
    gateway.configure(mqtt(port, protocol=protocol, routes=json_route("+/{device}/temp")) + rest)
    gateway.start()
    gateway.wait_until_ready()
    for number in range(3):
        publish(port, "plant/a/temp", timed(number))
    publish(port, "plant/a/other", timed(9))  # only the filter of before fits
    publish(port, "hall/a/temp", timed(10))
    expect("readings in rows", total(gateway, 4), 4)
    expect("readings received", gateway.received(), 4)


@case
def filters_of_a_session_are_unsubscribed_even_two_edits_later(world):
    broker = ScriptedBroker()
    rest = RUNNING + LITE
    gateway = Gateway(world, mqtt(broker.port, routes=NUMBER) + rest).start()
    broker.connection()
    gateway.kill()
    gateway.configure(mqtt(broker.port + 0, routes=NUMBER.replace("plant/", "hall/")) + rest)
    broker.refuse_with = 0x88  # server unavailable: this configuration never reached the broker
    gateway.start()
    seconds_until(lambda: len(broker.connects) > 1, 5)
    gateway.kill()
    broker.used, broker.refuse_with = len(broker.connects), 0
    gateway.configure(mqtt(broker.port, routes=NUMBER.replace("plant/", "yard/")) + rest)
    gateway.start()
    link = broker.connection()
    seconds_until(lambda: link.unsubscribed, 3)
    expect_that("unsubscribed", "plant/+" in link.unsubscribed, link.unsubscribed, "with plant/+, of the session")


@each([("one_filter", ["other/+"], bytes([17])), ("two_filters", ["other/+", "more/+"], bytes([17, 0]))])
def filter_that_was_ended_already_is_no_failure(world, filters, codes):
    """A run was killed before it heard the answer."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, routes=numbers(*filters)) + RUNNING + LITE).start()
    broker.connection(filters=len(filters))
    broker.lies[UNSUBACK] = b"\0" + codes
    gateway.reload(mqtt(broker.port) + RUNNING + LITE)
    link = broker.connection()
    wait_for(lambda: len(link.unsubscribed) == len(filters), "it unsubscribes")
    gateway.wait_until_ready()
    link.publish("plant/a", "1", 1)
    link.wait_for_acks(1)
    expect("readings in rows", total(gateway, 1), 1)


@case
def shared_subscription_of_before_is_unsubscribed(world):
    broker = ScriptedBroker()
    rest = RUNNING + LITE
    gateway = Gateway(world, mqtt(broker.port, more='share = "g"') + rest).start()
    link = broker.connection()
    expect("subscribed", list(link.filters), ["$share/g/plant/+"])
    gateway.wait_until_ready()
    gateway.reload(mqtt(broker.port) + rest)
    link = broker.connection()
    wait_for(lambda: link.unsubscribed, "it unsubscribes")
    expect("unsubscribed", link.unsubscribed, ["$share/g/plant/+"])
    gateway.wait_until_ready()
    link.publish("plant/a", "1", 1)
    link.wait_for_acks(1)
    expect("readings in rows", total(gateway, 1), 1)


@case
def broker_without_shared_subscriptions_is_named(world):
    broker = ScriptedBroker()
    broker.lies[CONNACK] = properties(b"\x2a\0")
    gateway = Gateway(world, mqtt(broker.port, more='share = "g"') + RUNNING + LITE).start()
    wait_for(lambda: "the broker has no shared subscriptions" in gateway.log(), "the log names it")


# --- birth and last will


def retained(port, topic):
    run = subprocess.run(["mosquitto_sub", "-p", str(port), "-t", topic, "-C", "1", "-W", "2", "--retained-only"],
                         capture_output=True, text=True)
    return run.stdout.strip()


@each([(f"{how}_{protocol}", how, protocol) for how in ("stop", "kill", "cut") for protocol in ("5", "3.1.1")])
def status_is_online_and_offline(world, how, protocol):
    server, _ = world.mosquitto()
    topic = "edgetide/gateway/status"
    with Proxy(server) as proxy:
        more = 'status_topic = "edgetide/{{gateway}}/status"'
        gateway = Gateway(world, mqtt(proxy.port, protocol=protocol, more=more) + RUNNING + LITE).start()
        gateway.wait_until_ready()
        expect("the status", retained(server, topic), "online")
        if how == "cut":
            proxy.refuse()
            proxy.cut()
        else:
            gateway.stop() if how == "stop" else gateway.kill()
        wait_for(lambda: retained(server, topic) == "offline", "it is offline")
        proxy.accept() if how == "cut" else gateway.start()
        wait_for(lambda: retained(server, topic) == "online", "it is online again")
        publish(server, "plant/a", "1")
        expect("readings in rows", total(gateway, 1), 1)


@each([("5", "5"), ("3.1.1", "3.1.1")])
def status_that_the_broker_does_not_answer_costs_no_reading(world, protocol):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol, more='status_topic = "s"') + RUNNING + LITE).start()
    link = broker.connection()
    link.publish("plant/a", "1", 1)
    link.wait_for_acks(1)
    wait_for(lambda: "the status cannot be published" in gateway.log(), "the log says so")
    gateway.wait_until_ready()
    expect("the will", (link.will, link.will_flags), (("s", b"offline"), 0x2C))
    expect("the birth", link.published[:1], [("s", b"online", 0x33)])
    gateway.stop()
    expect("at the end", link.published[-1:], [("s", b"offline", 0x33)])
    expect("connections", len(broker.connects), 1)


class Stream:
    """Messages on one topic, of equal text or numbered, some hundred a second, until it ends; then `sent`."""

    def __init__(self, world, port, topic, text="21.5"):
        self.child = subprocess.Popen(["mosquitto_pub", "-p", str(port), "-q", "1", "-l", "-t", topic],
                                      stdin=subprocess.PIPE, text=True)
        world.children.append(self.child)
        self.text, self.sent, self.ending = text, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.01):
            texts = [self.text or self.sent + number for number in range(3)]
            self.child.stdin.write("".join(f"{text}\n" for text in texts))
            self.child.stdin.flush()
            self.sent += 3
        self.child.stdin.close()

    def end(self):
        self.ending.set()
        self.thread.join(30)
        assert self.child.wait(30) == 0
        return self.sent


def numbers(*topics):
    return ", ".join(f'{{{{ topic = "{topic}", format = "number", sensor = "all" }}}}' for topic in topics)


@each([(f"{how}_{protocol}{fault}", how, protocol, fault) for how, protocol, fault in
       (("reload", "5", ""), ("restart", "5", ""), ("kill", "5", ""), ("reload", "3.1.1", ""), ("reload", "5", "_cut"),
        ("reload", "5", "_kill"), ("reload", "5", "_two_filters"))])
def message_during_an_edit_of_the_routes_counts_once(world, how, protocol, fault):
    """Between SUBSCRIBE and UNSUBSCRIBE both filters are there, here for half a second and more."""
    server, _ = world.mosquitto(settings="max_inflight_messages 20\n")
    with Proxy(server) as proxy:
        before = ("plant/+/temp", "plant/a/+") if fault == "_two_filters" else ("plant/+/temp",)
        after = ("+/a/temp", "+/+/temp/#") if fault == "_two_filters" else ("+/a/temp",)
        text = lambda topics: mqtt(proxy.port, protocol=protocol, routes=numbers(*topics)) + RUNNING + LITE
        gateway = Gateway(world, text(before)).start()
        gateway.wait_until_ready()
        stream = Stream(world, server, "plant/a/temp")
        wait_for(lambda: gateway.received() > 30, "messages come")
        connections = proxy.connections
        proxy.delay(UP, 0.5)  # the answers come half a second and more after the questions
        if how == "reload":
            gateway.reload(text(after))
        else:
            gateway.stop() if how == "restart" else gateway.kill()
            gateway.configure(text(after))
            gateway.start()
        wait_for(lambda: proxy.connections > connections, "it connects again")
        if fault in ("_cut", "_kill"):
            time.sleep(1.7)  # SUBSCRIBE was answered; UNSUBSCRIBE is on its way, or its answer
            proxy.cut()
            if fault == "_kill":
                gateway.kill()
                gateway.start()
        time.sleep(2.5)
        proxy.delay(UP, 0)
        gateway.wait_until_ready()
        received = gateway.received()
        wait_for(lambda: gateway.received() > received + 30, "messages come")
        sent = stream.end()
        expect("readings in rows", total(gateway, sent), sent)


@each([(f"second_at_{seconds}_s_{how}", seconds, how) for seconds in (0.3, 0.8, 1.4, 1.8) for how in ("reload", "kill")])
def message_during_two_edits_of_the_routes_counts_once(world, seconds, how):
    """The second edit comes while the answers to the first are on their way: to CONNECT, SUBSCRIBE, UNSUBSCRIBE. It can
    fall between two copies of a message, which then count both."""
    server, _ = world.mosquitto(settings="max_inflight_messages 20\n")
    with Proxy(server) as proxy:
        text = lambda *topics: mqtt(proxy.port, routes=numbers(*topics)) + RUNNING + LITE
        gateway = Gateway(world, text("plant/+/temp")).start()
        gateway.wait_until_ready()
        stream = Stream(world, server, "plant/a/temp", text=None)
        wait_for(lambda: gateway.received() > 30, "messages come")
        connections = proxy.connections
        proxy.delay(UP, 0.5)
        gateway.reload(text("+/a/temp"))
        wait_for(lambda: proxy.connections > connections, "it connects again")
        time.sleep(seconds)
        if how == "reload":
            gateway.reload(text("plant/a/+"))
        else:
            gateway.kill()
            gateway.configure(text("plant/a/+"))
            gateway.start()
        time.sleep(2.5)
        proxy.delay(UP, 0)
        gateway.wait_until_ready()
        received = gateway.received()
        wait_for(lambda: gateway.received() > received + 30, "messages come")
        sent = stream.end()
        seen = total(gateway, sent)
        expect_that("readings in rows", sent <= seen <= sent + 1, seen, f"{sent}, or one more")


@each([("kill", "kill"), ("reload", "reload"), ("cut", "cut")])
def copies_of_a_message_around_the_end_of_a_run_count_once(world, how):
    """The broker had both filters when it sent the message, and has ended the former one since."""
    broker = ScriptedBroker()
    text = lambda *topics: mqtt(broker.port, routes=numbers(*topics)) + RUNNING + LITE
    gateway = Gateway(world, text("plant/+/temp")).start()
    broker.connection()
    gateway.wait_until_ready()
    gateway.reload(text("+/a/temp"))
    link = broker.connection()
    wait_for(lambda: link.unsubscribed, "it unsubscribes")
    gateway.wait_until_ready()
    link.publish("plant/a/temp", "21.5", 1, identifiers=[1])
    link.wait_for_acks(1)
    if how == "kill":
        gateway.kill()
        gateway.start()
    elif how == "reload":
        gateway.reload(text("+/a/temp", "hall/b"))
    else:
        link.close()
    link = broker.connection(filters=2 if how == "reload" else 1)
    link.publish("plant/a/temp", "21.5", 2, dup=True, identifiers=[2])
    link.publish("plant/a/temp", "21.5", 3, identifiers=[2])  # another one
    link.wait_for_acks(2)
    expect("readings in rows", total(gateway, 2), 2)


# --- a broker that is restarted


CROSSING = ("plant/+/temp", "plant/a/+")


@each([(f"{name}_{how}", before, after, how) for how in ("stop", "kill") for name, before, after in
       (("same_routes", CROSSING, CROSSING), ("in_the_other_order", CROSSING[::-1], CROSSING[::-1]),
        ("one_taken_away", CROSSING, CROSSING[:1]), ("other_taken_away", CROSSING, CROSSING[1:]),
        ("one_added", CROSSING[:1], CROSSING), ("other_added", CROSSING[1:], CROSSING),
        ("both_exchanged", CROSSING, ("+/a/temp", "plant/a/temp/#")))])
def crossing_routes_lose_nothing_to_a_broker_that_was_restarted(world, before, after, how):
    """What mosquitto publishes to a session that it has read from its file comes once, however many filters match."""
    store = world.folder / "store"
    store.mkdir()
    settings = f"persistence true\npersistence_location {store}/\n"
    port, broker = world.mosquitto(settings=settings)
    text = lambda topics: mqtt(port, routes=numbers(*topics)) + RUNNING + LITE
    gateway = Gateway(world, text(before)).start()
    gateway.wait_until_ready()
    for _ in range(2):
        publish(port, "plant/a/temp", "21.5")
    gateway.settles(2)
    gateway.stop() if how == "stop" else gateway.kill()
    for _ in range(4):
        publish(port, "plant/a/temp", "21.5")
    broker.terminate()
    broker.wait(30)
    world.mosquitto(port, settings=settings)
    for _ in range(8):
        publish(port, "plant/a/temp", "21.5")
    gateway.configure(text(after))
    gateway.start()
    gateway.wait_until_ready()
    for _ in range(4):
        publish(port, "plant/a/temp", "21.5")
    expect("readings in rows", total(gateway, 18), 18)


@each([("to_one_before", "plant/+/temp", "plant/a/+", "+/+/temp"), ("to_one_behind", "plant/a/+", "plant/+/temp", "+/a/temp"),
       ("and_back", "plant/+/temp", "plant/a/+", "plant/+/temp"), ("no_other", "plant/+/temp", "plant/a/+", "plant/a/+")])
def broker_restarted_within_an_edit_of_the_routes_costs_nothing(world, first, second, third):
    """The broker has subscribed us to the new filter, and the gateway dies before it hears of it. Then the broker restarts."""
    store = world.folder / "store"
    store.mkdir()
    settings = f"log_type all\npersistence true\npersistence_location {store}/\n"
    port, broker = world.mosquitto(settings=settings)
    broker_log = lambda: (world.folder / "mosquitto.log").read_text(errors="replace")
    with Proxy(port) as proxy:
        text = lambda topic: mqtt(proxy.port, routes=numbers(topic)) + RUNNING + LITE
        gateway = Gateway(world, text(first)).start()
        gateway.wait_until_ready()
        proxy.delay(DOWN, 2)
        gateway.reload(text(second))
        wait_for(lambda: f"{second} (QoS 1)" in broker_log(), "mosquitto subscribes to the second")
        proxy.hold(DOWN)
        gateway.kill()
        for _ in range(3):
            publish(port, "plant/a/temp", "21.5")
        broker.terminate()
        broker.wait(30)
        world.mosquitto(port, settings=settings)
        for _ in range(8):
            publish(port, "plant/a/temp", "21.5")
        proxy.release()
        proxy.delay(DOWN, 0)
        gateway.configure(text(third))
        gateway.start()
        gateway.wait_until_ready()
        for _ in range(4):  # of equal ones, the first behind the end of a filter could be taken for a copy
            publish(port, "plant/a/temp", "22")
        expect("readings in rows", total(gateway, 15), 15)


# --- the reference configuration of mosquitto


def substituted(world, plain_port, tls_port):
    """config/mosquitto.conf with paths and ports of the test; each of them must be in it."""
    folder = world.folder / "tls"
    certificates(folder)
    passwords, store = world.folder / "passwd", world.folder / "store"
    store.mkdir()
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "edgetide", "secret"], check=True)
    passwords.chmod(0o600)
    text = (ROOT / "config/mosquitto.conf").read_text()
    for written, here in (("/etc/mosquitto/passwd", passwords), ("/etc/mosquitto/certs/server.crt", folder / "ca.pem"),
                          ("/etc/mosquitto/certs/server.key", folder / "key.pem"), ("/var/lib/mosquitto/", f"{store}/"),
                          ("/run/mosquitto/mosquitto.pid", world.folder / "mosquitto.pid"),
                          ("listener 1883 127.0.0.1", f"listener {plain_port} 127.0.0.1"),
                          ("listener 8883", f"listener {tls_port} 127.0.0.1")):
        assert written in text, f"{written} is not in config/mosquitto.conf"
        text = text.replace(written, str(here))
    return world.write("reference.conf", "user root\n" + text), folder


@case
def reference_broker_keeps_a_burst_for_a_gateway_that_is_away(world):
    count, login = 20_000, ["-u", "edgetide", "-P", "secret"]
    plain_port, tls_port = free_port(), free_port()
    config, folder = substituted(world, plain_port, tls_port)
    start = lambda: world.spawn(["mosquitto", "-c", config], "reference")
    broker = start()
    wait_for(lambda: listens(plain_port) and listens(tls_port), "mosquitto listens")
    more = f'username = "edgetide"\npassword = "secret"\ntls = {{{{ ca = "{folder}/ca.pem" }}}}'
    source = mqtt(tls_port, more=more).replace("mqtt://", "mqtts://")
    gateway = Gateway(world, source + RUNNING + LITE).start()
    gateway.wait_until_ready()
    gateway.stop()
    burst = subprocess.Popen(["mosquitto_pub", "-p", str(plain_port), *login, "-q", "1", "-l", "-t", "plant/a"],
                             stdin=subprocess.PIPE, text=True)
    burst.communicate("".join(f"{number}\n" for number in range(count)), timeout=120)
    expect("exit status of the publisher", burst.returncode, 0)
    broker.terminate()  # a restart keeps them too
    broker.wait(30)
    start()
    wait_for(lambda: listens(tls_port), "mosquitto listens again")
    gateway.start()
    expect("readings in rows", total(gateway, count), count)


# --- 16: a retained value is a reading once


@each([("stop", "stop"), ("kill", "kill"), ("cut", "cut")])
def retained_value_is_counted_once_over_restarts(world, how):
    server, _ = world.mosquitto()
    publish(server, "plant/a", "21.5", "-r")
    with Proxy(server) as proxy:
        gateway = Gateway(world, mqtt(proxy.port, more='retained = "use"') + RUNNING + LITE, checkpoint="1s").start()
        expect("readings in rows at first", total(gateway, 1), 1)
        for _ in range(2):
            connections = proxy.connections
            proxy.cut() if how == "cut" else (gateway.stop() if how == "stop" else gateway.kill())
            if how != "cut":
                gateway.start()
            wait_for(lambda: proxy.connections > connections, "it connects again")
            gateway.wait_until_ready()
        expect("readings in rows after two more connections", total(gateway, 1), 1)
        publish(server, "plant/a", "22.5", "-r")
        expect("readings in rows after a new value", total(gateway, 2), 2)


@case
def retained_value_that_came_while_connected_is_not_counted_again(world):
    server, _ = world.mosquitto()
    gateway = Gateway(world, mqtt(server, more='retained = "use"') + RUNNING + LITE).start()
    gateway.wait_until_ready()
    publish(server, "plant/a", "21.5", "-r")
    expect("readings in rows at first", total(gateway, 1), 1)
    gateway.kill()
    gateway.start()
    gateway.wait_until_ready()
    publish(server, "plant/a", "21.5", "-r")  # an equal one is another reading
    expect("readings in rows", total(gateway, 2), 2)


@case
def retained_value_that_changed_meanwhile_is_counted(world):
    server, _ = world.mosquitto()
    publish(server, "plant/a", "21.5", "-r")
    gateway = Gateway(world, mqtt(server, more='retained = "use"\nclean_start = true') + RUNNING + LITE).start()
    total(gateway, 1)
    gateway.stop()
    publish(server, "plant/a", "22.5", "-r")
    gateway.start()
    expect("readings in rows", total(gateway, 2), 2)


# --- a broker is not trusted


def lives_and_reads(broker, gateway):
    """An honest connection gets its readings into rows, in the process that met the lie."""
    link = broker.connection()
    for number in range(3):
        link.publish("plant/a", str(number), number + 1)
    link.wait_for_acks(3)
    expect("readings in rows", total(gateway, 3), 3)
    expect("exit status", gateway.process.poll(), None)


NONE, TWO = b"", bytes([1, 1])


def disconnects(link, gateway):
    wait_for(lambda: not link.open or gateway.process.poll() is not None, "it disconnects")


def lied_once(broker, gateway, reason):
    """The log has the reason, and an honest broker is read from."""
    expect_that("the log", reason in gateway.log(), gateway.log().splitlines()[-1:], reason)
    broker.lies.clear()
    lives_and_reads(broker, gateway)


@each([(f"{name}_{protocol}", protocol, answer, reason) for protocol in ("5", "3.1.1") for name, answer, reason in (
    ("no_code", NONE, "a SUBACK with 0 reason codes"), ("two_codes", TWO, "a SUBACK with 2 reason codes"), ("code_2", bytes([2]), "granted at another QoS, 2"),
    ("code_0", bytes([0]), "granted at another QoS, 0"), ("code_77", bytes([77]), "subscription to"),
    ("code_128", bytes([128]), "subscription to"), ("half_a_packet", None, "subscription to"))])
def lying_suback(world, protocol, answer, reason):
    broker = ScriptedBroker()
    broker.lies[SUBACK] = b"\x7f" if answer is None else (b"\0" if protocol == "5" else b"") + answer
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol) + RUNNING + LITE).start()
    for _ in range(3):
        link = broker.connection()
        disconnects(link, gateway)
    wait_for(lambda: "subscription to" in gateway.log(), "the log names it")
    lied_once(broker, gateway, reason)


@each([("no_code", b"\0", "a UNSUBACK with 0 reason codes"), ("two_codes", b"\0" + bytes([0, 0]), "2 reason codes"),
       ("refused", b"\0" + bytes([0x87]), "Not authorized")])
def lying_unsuback(world, answer, reason):
    broker = ScriptedBroker()
    other = NUMBER.replace("plant/", "other/")
    gateway = Gateway(world, mqtt(broker.port, routes=other) + RUNNING + LITE).start()
    broker.connection()
    broker.lies[UNSUBACK] = answer
    gateway.reload(mqtt(broker.port) + RUNNING + LITE)
    for _ in range(2):
        link = broker.connection()
        disconnects(link, gateway)
    wait_for(lambda: "end of the subscription" in gateway.log(), "the log names it")
    lied_once(broker, gateway, reason)


def properties(*parts):
    body = b"".join(parts)
    return bytes([len(body)]) + body


@each([("receive_maximum_0", properties(b"\x21\0\0"), "receive maximum 0"),
       ("packet_size_0", properties(b"\x27\0\0\0\0"), "maximum packet size 0"),
       ("qos_0", properties(b"\x24\0"), "allows QoS 0 at most"), ("qos_9", properties(b"\x24\x09"), "maximum QoS 9"),
       ("another_client_id", properties(b"\x12\0\x03abc"), "another client id"),
       ("unknown_property", properties(b"\x7f\0"), "a malformed CONNACK"), ("of_3.1.1", b"", "does not take MQTT 5"),
       ("length_beyond_the_end", b"\x7f", "a malformed CONNACK"),
       ("length_without_end", b"\xff\xff\xff\xff\xff", "a malformed CONNACK"),
       ("text_beyond_the_end", b"\x06\x12\xff\xffabc", "a malformed CONNACK")])
def lying_connack(world, answer, reason):
    broker = ScriptedBroker()
    broker.lies[CONNACK] = answer
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    for _ in range(2):
        wait_for(lambda: len(broker.connects) > broker.used, "a client connects")
        link = broker.connects[broker.used]
        broker.used += 1
        disconnects(link, gateway)
    expect_that("the log", reason in gateway.log(), gateway.log().splitlines()[-1:], reason)
    expect("subscriptions", [link.filters for link in broker.connects], [{}] * len(broker.connects))
    broker.lies.clear()
    broker.used = len(broker.connects)
    lives_and_reads(broker, gateway)


@case
def session_that_was_not_asked_for(world):
    broker = ScriptedBroker()
    broker.always_present = True
    gateway = Gateway(world, mqtt(broker.port, more="clean_start = true") + RUNNING + LITE).start()
    wait_for(lambda: "it has a session though" in gateway.log(), "the log names it")
    broker.always_present = False
    broker.used = len(broker.connects)
    lives_and_reads(broker, gateway)


def named(topic, packet_id=1, payload=b"1", end=b"\0"):
    return len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + end + payload


MALFORMED = "the broker sent a malformed PUBLISH"


@each([("topic_with_nul", named(b"plant/a\0b"), True), ("topic_with_wildcard", named(b"plant/#"), True),
       ("topic_with_plus", named(b"plant/+"), True), ("empty_topic", named(b""), True),
       ("topic_of_65535_bytes", named(b"plant/" + b"x" * 65529), True),
       ("topic_that_is_not_utf8", named(b"plant/\xff\xfe\x1b[2J"), True),
       ("packet_id_0", named(b"plant/a", 0), "packet id 0"), ("topic_beyond_the_end", b"\xff\xffplant", MALFORMED),
       ("no_packet_id", b"\0\x07plant/a\x01", MALFORMED), ("nothing", b"", MALFORMED),
       ("property_length_beyond_the_end", named(b"plant/a", 1, b"", b"\x7f"), MALFORMED),
       ("property_length_without_end", named(b"plant/a", 1, b"", b"\xff\xff\xff\xff"), MALFORMED),
       ("text_property_beyond_the_end", named(b"plant/a", 1, b"", b"\x09\x03\xff\xffab"), MALFORMED)])
def lying_publish(world, body, answer):
    """True: it stays and acknowledges what it refused; else it disconnects and the log says why."""
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port) + RUNNING + LITE).start()
    link = broker.connection()
    link.send(PUBLISH, body, flags=2)
    if answer is True:
        link.wait_for_acks(1)
        expect_that("the refusal", wait_for_refusal(gateway), gateway.log().splitlines()[-1:], "one is counted")
    else:
        disconnects(link, gateway)
        expect("acknowledged", link.acked, [])
        wait_for(lambda: answer in gateway.log(), "the log names it")
    expect("exit status", gateway.process.poll(), None)
    link.close()
    lives_and_reads(broker, gateway)


NOT_FOR_US = "which a broker does not send to this client"


@each([("puback_5", "5", PUBACK, b"\0\1", 0, NOT_FOR_US), ("puback_3.1.1", "3.1.1", PUBACK, b"\0\1", 0, NOT_FOR_US),
       ("auth", "5", 15, b"", 0, NOT_FOR_US), ("disconnect", "3.1.1", DISCONNECT, b"", 0, NOT_FOR_US),
       ("connack", "5", CONNACK, b"\0\0\0", 0, "a second CONNACK"),
       ("suback_of_300000_codes", "5", SUBACK, b"\0\1\0" + bytes(300_000), 0, "300000 reason codes"),
       ("suback_of_30000000_codes", "3.1.1", SUBACK, b"\0\1" + bytes(30_000_000), 0, "a SUBACK"),
       ("qos_2", "3.1.1", PUBLISH, named(b"plant/a", 1, b"1", b""), 4, "a PUBLISH of QoS 2"),
       ("too_large", "5", PUBLISH, named(b"plant/a", 1, bytes(400_000)), 2, "a PUBLISH of 400012 bytes")])
def lying_packet(world, protocol, kind, body, flags, reason):
    broker = ScriptedBroker()
    gateway = Gateway(world, mqtt(broker.port, protocol=protocol) + RUNNING + LITE).start()
    link = broker.connection()
    link.send(kind, body, flags=flags)
    disconnects(link, gateway)
    wait_for(lambda: "the broker sent a" in gateway.log() and reason in gateway.log(), "the log names it")
    expect("acknowledged", link.acked, [])
    lives_and_reads(broker, gateway)


@each([("malformed", named(b"plant/a", 1, b"", b"\x7f"), MALFORMED),
       ("too_large", named(b"plant/a", 1, bytes(400_000)), "a PUBLISH of 400012 bytes")])
def lying_over_tls(world, body, reason):
    folder = world.folder / "tls"
    certificates(folder)
    broker = ScriptedBroker(certificate=(folder / "ca.pem", folder / "key.pem"))
    source = mqtt(broker.port, more=f'tls = {{{{ ca = "{folder}/ca.pem" }}}}').replace("mqtt://", "mqtts://")
    gateway = Gateway(world, source + RUNNING + LITE).start()
    link = broker.connection()
    link.send(PUBLISH, body, flags=2)
    disconnects(link, gateway)
    wait_for(lambda: reason in gateway.log(), "the log names it")
    lives_and_reads(broker, gateway)


@each([("asked_for", "x-amzn-mqtt-ca"), ("not_asked_for", None)])
def protocol_of_alpn(world, alpn):
    folder = world.folder / "tls"
    certificates(folder)
    broker = ScriptedBroker(certificate=(folder / "ca.pem", folder / "key.pem"), alpn="x-amzn-mqtt-ca")
    more = f', alpn = "{alpn}"' if alpn else ""
    source = mqtt(broker.port, more=f'tls = {{{{ ca = "{folder}/ca.pem"{more} }}}}').replace("mqtt://", "mqtts://")
    Gateway(world, source + RUNNING + LITE).start()
    expect("the protocol of TLS", broker.connection().socket.selected_alpn_protocol(), alpn)


@each([("5", "5"), ("3.1.1", "3.1.1")])
def web_socket_is_read(world, protocol):
    port = free_port()
    server, _ = world.mosquitto(settings=f"listener {port} 127.0.0.1\nprotocol websockets\n")
    gateway = Gateway(world, mqtt(port, protocol=protocol).replace("mqtt://", "ws://") + RUNNING + LITE).start()
    gateway.wait_until_ready()
    for number in range(20):
        publish(server, "plant/a", str(number))
    expect("readings in rows", total(gateway, 20), 20)
    expect("connections", gateway.log().count("connected to"), 1)


@each([("plain", False), ("tls", True)])
def web_socket_is_read_in_any_pieces(world, is_tls):
    """60 packets, cut into frames and writes without regard to each other."""
    certificate, more = None, ""
    if is_tls:
        folder = world.folder / "tls"
        certificates(folder)
        certificate = (folder / "ca.pem", folder / "key.pem")
        more = f'tls = {{{{ ca = "{folder}/ca.pem" }}}}'
    broker = ScriptedBroker(certificate, web_socket=True)
    source = mqtt(broker.port, more=more).replace("mqtt://", "wss://" if is_tls else "ws://")
    gateway = Gateway(world, source + RUNNING + LITE).start()
    link = broker.connection()
    packets = b"".join(bytes([PUBLISH << 4 | 2, len(body)]) + body
                       for body in (named(b"plant/a", i + 1, b"%d" % i) for i in range(60)))
    large = named(b"plant/a", 61, b"1" + b" " * 40_000)
    packets += bytes([PUBLISH << 4 | 2]) + struct.pack("<I", 0x80 | len(large) & 0x7F | (0x80 | len(large) >> 7 & 0x7F) << 8
                                                       | len(large) >> 14 << 16)[:3] + large
    sizes, frames = [1, 90, 7, 0, 25, 1300, 3], b""
    for i in range(10_000):
        part, packets = packets[:sizes[i % 7]], packets[sizes[i % 7]:]
        frames += frame((0x02 if i % 3 == 0 else 0x00) | (0x80 if i % 3 == 2 or not packets else 0), part)
        frames += frame(0x89, b"ping") if i % 5 == 0 else b""
        if not packets:
            break
    for at, size in enumerate([1, 2, 4, 700, 90] * 200):
        part, frames = frames[:size], frames[size:]
        link.socket.raw.sendall(part)
        time.sleep(0.01 if at < 100 else 0)
    link.socket.raw.sendall(frames)
    link.wait_for_acks(61)
    expect("readings in rows", total(gateway, 61), 61)
    expect("connections", gateway.log().count("connected to"), 1)


def over_web_socket(broker, name="plant", protocol="5"):
    return mqtt(broker.port, name, protocol).replace("mqtt://", "ws://")


ELSEWHERE = bytes([PUBLISH << 4, 11]) + b"\0\x07other/a\x00" + b"1"


@each([("head", b"\x82"), ("long_head", b"\x82\x7e\1"), ("frame", frame(0x82, ELSEWHERE)[:7]),
       ("frame_of_a_large_packet", frame(0x82, bytes([PUBLISH << 4]) + b"\xff\x0f" + bytes(70_000))[:60_000]),
       ("packet", frame(0x82, ELSEWHERE[:7])), ("packet_in_two", frame(0x82, ELSEWHERE[:1]) + frame(0x82, ELSEWHERE[1:5])),
       ("message", frame(0x02, ELSEWHERE[:7])), ("message_of_packets", frame(0x02, ELSEWHERE)),
       ("ping_in_a_packet", frame(0x82, ELSEWHERE[:7]) + frame(0x89, b"ping")), ("ping", b"\x89\4pi"),
       ("no_content", frame(0x82, b"")), ("close", frame(0x88, b"")), ("close_in_a_packet", frame(0x82, ELSEWHERE[:7]) + frame(0x88, b"\3\xe8"))])
def web_socket_that_ends_within(world, sent):
    """What has come of it does not reach the next connection."""
    broker = ScriptedBroker(web_socket=True)
    gateway = Gateway(world, over_web_socket(broker) + RUNNING + LITE).start()
    for reset in (False, True):
        link = broker.connection()
        link.socket.raw.sendall(sent)
        time.sleep(0.2)
        link.close(reset)
    lives_and_reads(broker, gateway)


@each([("continuation", frame(0x80, b"abcd"), "continues no message"), ("text", frame(0x81, b"abcd"), "not binary"),
       ("reserved_bits", frame(0xff, b"abcd"), "reserved bits"), ("mask", b"\x82\x84\1\2\3\4abcd", "with a mask"),
       ("long_ping", frame(0x89, bytes(126)), "control frame"), ("two_messages", frame(0x02, ELSEWHERE[:3]) + frame(0x82, ELSEWHERE), "inside of another"),
       ("frames_without_end", frame(0x82, b"") * 5000, "more WebSocket frames")])
def web_socket_that_lies(world, sent, reason):
    """Two such brokers and an honest one, to which it does nothing."""
    liars, honest = [ScriptedBroker(web_socket=True) for _ in range(2)], ScriptedBroker(web_socket=True)
    sources = over_web_socket(liars[0], "one") + over_web_socket(liars[1], "two", "3.1.1") + over_web_socket(honest)
    gateway = Gateway(world, sources + RUNNING.replace("trigger", 'inputs = ["one", "two", "plant"]\ntrigger') + LITE).start()
    link = honest.connection()
    for number in range(3):
        for liar in liars:
            lie = liar.connection()
            lie.socket.raw.sendall(sent)
            link.publish("plant/a", str(number), number + 1)
            disconnects(lie, gateway)
    expect_that("the log", reason in gateway.log(), gateway.log().splitlines()[-1:], reason)
    link.wait_for_acks(6)
    expect("readings in rows", total(gateway, 6), 6)
    expect("connections", gateway.log().count(f"connected to ws://127.0.0.1:{honest.port}"), 1)
    expect("exit status", gateway.process.poll(), None)


@each([("status_502", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), ("half", b"HTTP/1.1 101 Switch"), ("no_http", b"\x82\x04\x20\x02\0\0" * 9),
       ("without_end", b"HTTP/1.1 101 " + bytes(4000))])
def web_socket_that_is_not_opened(world, sent):
    """Its server answers something else again and again, beside an honest one."""
    listener, honest = socket.create_server(("127.0.0.1", 0)), ScriptedBroker(web_socket=True)
    answered = []

    def answer():
        while True:
            peer, _ = listener.accept()
            peer.recv(1000)
            peer.sendall(sent)
            time.sleep(0.1)
            peer.close()
            answered.append(sent)
    threading.Thread(target=answer, daemon=True).start()
    other = mqtt(listener.getsockname()[1], "other").replace("mqtt://", "ws://")
    sources = other + over_web_socket(honest)
    gateway = Gateway(world, sources + RUNNING.replace("trigger", 'inputs = ["other", "plant"]\ntrigger') + LITE).start()
    link = honest.connection()
    for number in range(3):
        count = len(answered)
        wait_for(lambda: len(answered) > count, "it answers")
        link.publish("plant/a", str(number), number + 1)
    link.wait_for_acks(3)
    expect("readings in rows", total(gateway, 3), 3)
    expect("connections", gateway.log().count("connected to"), 1)


def wait_for_refusal(gateway):
    refused = lambda: sum(value for name, value in gateway.metrics().items() if "readings_refused_total" in name) > 0
    wait_for(refused, "a refusal is counted")
    return refused()


cases.main()
