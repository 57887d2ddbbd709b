#!/usr/bin/env python3
"""Rows to an MQTT broker that is killed, stalled, cut off, full or strict, and from a gateway that is killed: what an
independent subscriber has equals what the windows gave, and what came twice has the same key and revision.

    mqtt_sink.py BUILD [CASE...]
"""
import json
import random
import signal
import subprocess
import sys
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, SECOND, START, Gateway, reading, window
from proxy import DOWN, Proxy
from row_stream import Feed, doubled, newest
from scripted_broker import PUBACK, ScriptedBroker
from world import certificates, comes_true, free_port, listens, wait_for

SINK = """
[sinks.up]
type = "mqtt"
servers = ["{scheme}://{host}:{port}"]
protocol = "{protocol}"
topic = "rows/{{gateway}}/{{window}}/{{sensor}}"
status_topic = "status/{{gateway}}"
{more}
"""
CONFIG = LINE + window("w") + SINK
PROTOCOLS = each([("5", "5"), ("3.1.1", "3.1.1")])


class Subscriber:
    """mosquitto_sub, which has nothing of ours; its messages in a file. QoS 0: the broker hands each on before it
    confirms it."""

    def __init__(self, world, port, name="subscriber"):
        self.path, self.port = world.folder / f"{name}.out", port
        self.file = open(self.path, "ab")
        child = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-q", "0", "-d", "-t",
                                       "#", "-F", "=%r %t %p"], stdout=self.file, stderr=self.file)
        world.children.append(child)
        self.wait_for_subscriptions(1)

    def wait_for_subscriptions(self, count):
        """It connects and subscribes again by itself."""
        wait_for(lambda: self.subscriptions() >= count, "it subscribes")

    def subscriptions(self):
        return self.path.read_text(errors="replace").count("Subscribed")

    def messages(self):
        """(retained, topic, payload), whole lines."""
        lines = self.path.read_text().split("\n")[:-1]
        return [tuple(line[1:].split(" ", 2)) for line in lines if line.startswith("=")]

    def rows(self):
        return [json.loads(payload) for _, topic, payload in self.messages() if topic.startswith("rows/")]

    def statuses(self):
        return [payload for _, topic, payload in self.messages() if topic.startswith("status/")]


def expect_all(feed, rows, what="", may_double=True):
    comes_true(lambda: newest(rows()) == feed.expected)
    found = newest(rows())
    wrong = {sensor: (found.get(sensor), feed.expected[sensor]) for sensor in feed.expected
             if found.get(sensor) != feed.expected[sensor]}
    expect("sensors whose newest row differs", str(wrong)[:300], "{}")
    again, other = doubled(rows())
    expect("rows that came again with other content", str(other)[:300], "[]")
    if not may_double:
        expect("rows that came again", again, 0)
    print(f"     {len(rows())} rows received, lost 0, {again} of them doubled {what}")
    return again


def wait_until_connected(gateway):
    wait_for(lambda: all(sink["connected"] for sink in gateway.status()["sinks"]), "the sink is connected")


def start(world, port, protocol="5", more="", text=CONFIG, **values):
    return Gateway(world, text, **{"port": port, "protocol": protocol, "more": more, "scheme": "mqtt",
                                   "host": "127.0.0.1", **values}).start()


@PROTOCOLS
def rows_arrive_once_where_nothing_goes_wrong(world, protocol):
    port, _ = world.mosquitto()
    subscriber = Subscriber(world, port)
    gateway = start(world, port, protocol)
    feed = Feed(gateway)
    for _ in range(5):
        feed.send(500)
    expect_all(feed, subscriber.rows, may_double=False)
    gateway.wait_until_ready()
    expect("exit status", gateway.stop(), 0)
    wait_for(lambda: len(subscriber.statuses()) == 2, "two statuses")
    expect("statuses", subscriber.statuses(), ["online", "offline"])


@PROTOCOLS
def gateway_that_is_killed_again_and_again(world, protocol):
    port, _ = world.mosquitto()
    subscriber = Subscriber(world, port)
    gateway = start(world, port, protocol)
    feed = Feed(gateway, 200)
    for _ in range(12):
        feed.send(400)
        time.sleep(random.uniform(0, 0.4))
        gateway.kill()
        gateway.start()
    expect_all(feed, subscriber.rows, "after 12 kills")
    expect_that("statuses", "offline" in subscriber.statuses(), subscriber.statuses(), "the last will of a killed one")


@PROTOCOLS
def broker_that_is_killed(world, protocol):
    port, broker = world.mosquitto()
    with Proxy(port) as proxy:
        gateway = start(world, proxy.port, protocol)
        feed, subscriber = Feed(gateway), Subscriber(world, port)
        for turn in range(4):
            feed.send(300)
            time.sleep(random.uniform(0, 0.3))
            broker.kill()
            broker.wait()
            proxy.refuse()
            proxy.cut()
            feed.send(300)
            broker = world.mosquitto(port)[1]
            subscriber.wait_for_subscriptions(turn + 2)  # a broker keeps no message that has no subscriber
            proxy.accept()
        expect_all(feed, subscriber.rows, "after 4 kills of the broker")
    gateway.wait_until_ready()


@case
def broker_that_stalls(world):
    port, broker = world.mosquitto()
    subscriber = Subscriber(world, port)
    gateway = start(world, port)
    feed = Feed(gateway)
    wait_until_connected(gateway)
    broker.send_signal(signal.SIGSTOP)
    feed.send(300)
    wait_for(lambda: "the broker confirms no message any more" in gateway.log(), "it gives up")
    expect("connected", gateway.status()["sinks"][0]["connected"], False)
    feed.send(300)
    broker.send_signal(signal.SIGCONT)
    expect_all(feed, subscriber.rows, "after a stall")
    gateway.wait_until_ready()


@PROTOCOLS
def connection_that_is_cut_in_the_middle_of_a_batch(world, protocol):
    port, _ = world.mosquitto()
    subscriber = Subscriber(world, port)
    with Proxy(port) as proxy:
        gateway = start(world, proxy.port, protocol)
        feed = Feed(gateway, 3000)
        for _ in range(6):
            feed.send(4000)
            target = proxy.forwarded["up"] + random.randrange(10_000, 200_000)
            wait_for(lambda: proxy.forwarded["up"] >= target, "some rows are sent")
            proxy.cut()
        expect_all(feed, subscriber.rows, "after 6 cuts")


@PROTOCOLS
def rows_whose_confirmations_are_lost_come_again_with_the_same_revision(world, protocol):
    port, _ = world.mosquitto()
    subscriber = Subscriber(world, port)
    with Proxy(port) as proxy:
        gateway = start(world, proxy.port, protocol)
        wait_until_connected(gateway)
        feed = Feed(gateway, 40)
        proxy.hold(DOWN)
        feed.send(200)
        wait_for(lambda: len(subscriber.rows()) >= 10, "rows arrive")  # later ones wait for the confirmation of these
        proxy.cut()
        proxy.release()
        wait_for(lambda: doubled(subscriber.rows())[0] >= 10, "what had arrived comes again")
        expect_all(feed, subscriber.rows, "of held confirmations")


@case
def topic_that_is_not_allowed_waits_until_it_is(world):
    acl = world.write("acl", "topic read #\ntopic write status/#\ntopic write rows/gateway/w/s1\n")
    acl.chmod(0o644)
    port, broker = world.mosquitto(settings=f"acl_file {acl}\n")
    subscriber = Subscriber(world, port)
    gateway = start(world, port)
    feed = Feed(gateway, 4)
    feed.send(200)
    wait_for(lambda: "not authorized; check the access list" in gateway.readyz()[1],
             lambda: f"it is said: {gateway.readyz()}")
    acl.write_text("topic readwrite #\n")
    broker.send_signal(signal.SIGHUP)
    expect_all(feed, subscriber.rows, "once the topic is allowed")
    gateway.wait_until_ready()
    expect("rejected", gateway.status()["sinks"][0]["rejected_rows"], 0)


@case
def row_that_the_broker_finds_too_large_is_rejected_and_the_others_go_on(world):
    port, _ = world.mosquitto(settings="message_size_limit 300\n")
    subscriber = Subscriber(world, port)
    gateway = start(world, port)
    gateway.send(reading("x" * 120, 0, 1), reading("bad+topic", 0, 1), reading("a", 0, 1), reading("b", 0, 2))
    wait_for(lambda: newest(subscriber.rows()) == {"a": (1, 1), "b": (1, 2)}, lambda: f"{newest(subscriber.rows())}")
    wait_for(lambda: gateway.status()["sinks"][0]["rejected_rows"] == 2, "two are rejected")
    expect_that("log", "packet too large" in gateway.log() and "NUL of 'bad+topic'" in gateway.log(), "", "says both reasons")


class FullBroker:
    """Of MQTT 5: every other message is over its quota for a while, the rest is taken and noted."""

    def __init__(self):
        self.broker, self.taken, self.refused, self.is_full = ScriptedBroker(), [], 0, True

    def serve(self):
        """Answers what has come since, on all connections."""
        for link in list(self.broker.connects):
            while link.unanswered:
                topic, payload, packet_id = link.unanswered.popleft()
                refuse = self.is_full and topic.startswith("rows/") and random.random() < 0.3
                self.refused += refuse
                if not refuse and topic.startswith("rows/"):
                    self.taken.append(json.loads(payload))
                link.send(PUBACK, packet_id.to_bytes(2, "big") + (b"\x97" if refuse else b""))


@case
def broker_whose_quota_is_exceeded(world):
    full = FullBroker()
    gateway = start(world, full.broker.port)
    feed = Feed(gateway)

    def served(condition):
        full.serve()
        return condition()
    for _ in range(3):
        feed.send(200)
        refused = full.refused
        wait_for(lambda: served(lambda: full.refused > refused), "it refuses some")
    full.is_full = False
    wait_for(lambda: served(lambda: newest(full.taken) == feed.expected), "all are taken")
    expect_all(feed, lambda: full.taken, f"after {full.refused} refusals")
    expect("rejected", gateway.status()["sinks"][0]["rejected_rows"], 0)
    expect_that("log", "quota exceeded" in gateway.log(), "", "says why")


@case
def tls_and_password(world):
    certificates(world.folder / "tls")
    subprocess.run(["mosquitto_passwd", "-b", "-c", world.folder / "passwords", "gw", "right"], check=True)
    (world.folder / "passwords").chmod(0o644)
    secure = free_port()
    settings = (f"per_listener_settings true\nlistener {secure} 127.0.0.1\nallow_anonymous false\n"
                f"password_file {world.folder}/passwords\ncertfile {world.folder}/tls/ca.pem\n"
                f"keyfile {world.folder}/tls/key.pem\n")
    port = free_port()
    config = world.write("mosquitto.conf", f"user root\npersistence false\n{settings}listener {port} 127.0.0.1\n"
                         "allow_anonymous true\n")
    world.spawn(["mosquitto", "-c", config], "mosquitto")
    wait_for(lambda: listens(port) and listens(secure), "mosquitto listens")
    subscriber = Subscriber(world, port)
    secrets = {name: world.write(name, name + "\n") for name in ("right", "wrong")}
    for file in secrets.values():
        file.chmod(0o600)

    def login(name, ca):
        return f'username = "gw"\npassword = "${{file:{secrets[name]}}}"\ntls = {{ ca = "{ca}" }}\n'
    own, system = world.folder / "tls/ca.pem", "/etc/ssl/certs/ca-certificates.crt"
    gateway = start(world, secure, more=login("wrong", own), scheme="mqtts")
    wait_for(lambda: "bad user name or password" in gateway.readyz()[1] or "not authorized" in gateway.readyz()[1],
             lambda: f"a wrong password is named: {gateway.readyz()}")
    feed = Feed(gateway)
    feed.send(100)
    gateway.reload(CONFIG, more=login("right", own))
    expect_all(feed, subscriber.rows, "with TLS")
    gateway.wait_until_ready()
    gateway.reload(CONFIG, more=login("right", own), host="localhost")
    wait_for(lambda: "is for another name than localhost" in gateway.log(), "a certificate for another name is refused")
    expect("password in the log", "right" in gateway.log().replace(str(secrets["right"]), ""), False)


@case
def source_and_sink_of_one_library_do_not_wait_for_each_other(world):
    """The source's callback waits for room that only the sink can make, whose confirmations come on the same thread."""
    port, _ = world.mosquitto()
    upstream_port, upstream = world.mosquitto()
    source = f"""
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
routes = [ {{{{ topic = "plant/{{{{device}}}}", format = "json", time = {{{{ path = "time", format = "unix_us" }}}}, values = ["level"] }}}} ]
"""
    block = 'outbox = {{ max_size = "64KiB", when_full = "block" }}'
    text = source + window("w", "1s") + SINK.replace("{more}", block)
    subscriber = Subscriber(world, upstream_port)
    gateway = start(world, upstream_port, text=text)
    gateway.wait_until_ready()
    wait_until_connected(gateway)
    upstream.send_signal(signal.SIGSTOP)
    count = 6000
    lines = "".join(json.dumps({"time": START + i * SECOND, "level": 1}) + "\n" for i in range(count))
    feeder = subprocess.Popen(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t", "plant/a", "-l"],
                              stdin=subprocess.PIPE, text=True)
    world.children.append(feeder)
    feeder.stdin.write(lines)
    feeder.stdin.close()
    wait_for(lambda: "the broker confirms no message any more" in gateway.log(), "the sink fails")
    held = gateway.received()
    expect_that("readings taken", 0 < held < count, held, f"some of {count}, since the outbox is full")
    upstream.send_signal(signal.SIGCONT)
    wait_for(lambda: newest(subscriber.rows()) == {"a": (count, count)},
             lambda: f"all readings are in rows: {newest(subscriber.rows())}", 120)
    gateway.wait_until_ready(60)


if __name__ == "__main__":
    sys.exit(cases.main())
