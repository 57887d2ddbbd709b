#!/usr/bin/env python3
"""The daemon reads from a real Kafka broker.

    kafka.py BUILD [CASE...]     all cases, or those whose names contain one of the words
"""
import random
import sys
import threading
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LITE, START, Gateway, reading, window
from kafka_broker import Broker, prepare
from world import certificates, comes_true, wait_for

JARS = prepare(sys.argv[1])
KILLS = 20
SOURCE = """
[limits]
max_series = 100000
new_series_per_minute = 100000
[sources.stream]
type = "kafka"
servers = ["{servers}"]
group_id = "group"
session_timeout = "6s"
{topics}
{more}
[[sources.stream.routes]]
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
"""
CONFIG = SOURCE + window("w") + LITE
ONE = 'subscribe = ["readings"]'


class Writer(threading.Thread):
    """Sends readings until it is told to stop, some in transactions, of which it ends some with an abort; knows what
    must be in the row of each sensor."""

    def __init__(self, broker, topic, partitions, sensors=20, pause=0.01):
        super().__init__(daemon=True)
        self.broker, self.topic, self.partitions, self.sensors, self.pause = broker, topic, partitions, sensors, pause
        self.expected, self.ended, self.sent, self.aborted, self.failed = {}, False, 0, 0, []
        self.plain = broker.producer(linger_ms=5, compression_type="zstd")
        self.transactional = broker.producer(transactional_id="writer")
        self.transactional.init_transactions(30)

    def send(self, producer, count, counts):
        for _ in range(count):
            sensor, level = f"s{random.randrange(self.sensors)}", random.randrange(100)
            had, total = self.expected.get(sensor, (0, 0)) if counts else (0, 0)
            text = reading(sensor, had * 100 if counts else 0, level if counts else 1_000_000)
            if counts:
                self.expected[sensor] = (had + 1, total + level)
                self.sent += 1
            producer.produce(self.topic, text, key=sensor, partition=random.randrange(self.partitions))

    def turn(self):
        if random.random() < 0.5:
            self.send(self.plain, random.choice((1, 100, 1000)), True)
            assert self.plain.flush(30) == 0
            return
        commits = random.random() < 0.6
        self.transactional.begin_transaction()
        self.send(self.transactional, random.choice((1, 50)), commits)
        if commits:
            self.transactional.commit_transaction(30)
        else:
            self.aborted += 1
            assert self.transactional.flush(30) == 0  # so that the broker has them
            self.transactional.abort_transaction(30)

    def run(self):
        try:
            while not self.ended:
                self.turn()
                time.sleep(self.pause)
        except Exception as error:  # seen by the case
            self.failed.append(repr(error))

    def stop(self):
        self.ended = True
        self.join()
        expect("what failed at the producer", self.failed, [])


def send(broker, topic, partition, *levels, sensor="a", first=0):
    producer = broker.producer()
    for i, level in enumerate(levels):
        producer.produce(topic, reading(sensor, (first + i) * 100, level), key=sensor, partition=partition)
    assert producer.flush(30) == 0


def sums(*gateways):
    """{sensor: (count, sum)} over the rows of all of them."""
    found = {}
    for gateway in gateways:
        for (sensor, _), (count, total) in gateway.rows().items():
            had = found.get(sensor, (0, 0))
            found[sensor] = (had[0] + count, had[1] + total)
    return found


def difference(expected, *gateways):
    found = sums(*gateways)
    return {sensor: (found.get(sensor), expected.get(sensor)) for sensor in {*found, *expected}
            if found.get(sensor) != expected.get(sensor)}


def expect_all_once(expected, *gateways, patience=40):
    comes_true(lambda: not difference(expected, *gateways), patience)
    expect("rows that differ from what was sent", str(difference(expected, *gateways))[:600], "{}")


def start(world, broker, topics, more="", name="gateway", text=CONFIG, **values):
    return Gateway(world, text, name=name, servers=broker.servers, topics=topics, more=more, **values).start()


@each([("subscribe", ONE), ("subscribe_pattern", 'subscribe_pattern = "read.*"'),
       ("assign", 'assign = ["readings:0", "readings:1", "readings:2"]')])
def killed_again_and_again_loses_and_doubles_nothing(world, topics):
    broker = Broker(world, JARS)
    broker.make_topic("readings", 3)
    gateway = Gateway(world, CONFIG, checkpoint="2s", journal=random.choice(("", 'durability = "power"')),
                      servers=broker.servers, topics=topics, more="")
    writer = Writer(broker, "readings", 3)
    writer.start()
    for _ in range(KILLS):
        gateway.start()
        time.sleep(random.uniform(0.02, 1.5))
        gateway.kill()
    gateway.start()
    before = gateway.received()
    wait_for(lambda: gateway.received() > before, "it reads while more is sent")
    writer.stop()
    expect_all_once(writer.expected, gateway)
    expect("refused", [source["refused"] for source in gateway.status()["sources"] if source["refused"]], [])
    expect("exit status", gateway.stop(), 0)
    gateway.start()
    time.sleep(2)
    expect_all_once(writer.expected, gateway)
    expect_that("transactions that were aborted", writer.aborted > 0, writer.aborted, "some")
    print(f"     {KILLS} kills, {writer.sent} readings, {writer.aborted} aborted transactions: lost 0, doubled 0")


@case
def broker_that_stops_and_starts(world):
    broker = Broker(world, JARS)
    broker.make_topic("readings", 2)
    gateway = start(world, broker, ONE)
    send(broker, "readings", 0, 1, 2)
    gateway.wait_until_ready()
    wait_for(lambda: gateway.received() == 2, "two readings")
    broker.stop()
    status, text = wait_for(lambda: gateway.readyz() if gateway.readyz()[0] != 200 else None, "it is not ready")
    expect_that("readyz", status == 503 and "stream" in text, (status, text), "503 that names the source")
    wait_for(lambda: "no broker can be used" in gateway.log(), "the log says why")
    broker.start()
    gateway.wait_until_ready(60)
    send(broker, "readings", 1, 3, first=2)
    expect_all_once({"a": (3, 6)}, gateway)


@case
def topic_that_is_missing_and_made_later(world):
    broker = Broker(world, JARS)
    broker.make_topic("other", 1)
    gateway = start(world, broker, 'subscribe = ["readings", "other"]')
    wait_for(lambda: "readings" in gateway.readyz()[1] and "Unknown topic" in gateway.readyz()[1],
             lambda: f"the missing topic is named: {gateway.readyz()}")
    send(broker, "other", 0, 1)
    wait_for(lambda: gateway.received() == 1, "the other topic is read")
    broker.make_topic("readings", 1)
    send(broker, "readings", 0, 2, first=1)
    gateway.wait_until_ready(60)
    expect_all_once({"a": (2, 3)}, gateway)


@case
def pattern_that_matches_nothing_yet(world):
    broker = Broker(world, JARS)
    gateway = start(world, broker, 'subscribe_pattern = "read.*"')
    wait_for(lambda: "no topic matches" in gateway.readyz()[1], lambda: f"it is named: {gateway.readyz()}", 90)
    broker.make_topic("readings", 1)
    send(broker, "readings", 0, 2)
    gateway.wait_until_ready(60)
    expect_all_once({"a": (1, 2)}, gateway)


def fall_behind(world, more):
    """A gateway whose next record was deleted while it was stopped, and one that was not."""
    broker = Broker(world, JARS)
    broker.make_topic("readings", 2)
    gateway = start(world, broker, ONE, more)
    send(broker, "readings", 0, 1, 2)
    wait_for(lambda: gateway.received() == 2, "two readings")
    gateway.stop()
    send(broker, "readings", 0, 4, 8, 16, first=2)
    send(broker, "readings", 1, 32, first=5)
    broker.delete_records("readings", 0, 4)
    gateway.start()
    return broker, gateway


@case
def records_deleted_by_the_broker_stop_their_partition(world):
    broker, gateway = fall_behind(world, "")
    wait_for(lambda: "no offset 2" in gateway.readyz()[1], lambda: f"it is named: {gateway.readyz()}")
    expect_all_once({"a": (3, 35)}, gateway)
    gateway.reload(CONFIG, more="fail_on_data_loss = false")
    gateway.wait_until_ready(60)
    expect_all_once({"a": (4, 51)}, gateway)
    expect_that("log", "2 records are lost, offset 2 to 3" in gateway.log(), "", "how many are lost")
    send(broker, "readings", 0, 64, first=6)
    expect_all_once({"a": (5, 115)}, gateway)


@case
def records_deleted_by_the_broker_are_counted_where_that_is_accepted(world):
    _, gateway = fall_behind(world, "fail_on_data_loss = false")
    expect_all_once({"a": (4, 51)}, gateway)
    gateway.wait_until_ready()
    expect_that("log", "2 records are lost, offset 2 to 3" in gateway.log(), "", "how many are lost")


@case
def marks_of_transactions_that_are_deleted_are_no_loss(world):
    """The mark at the end of a transaction has an offset and is no record."""
    broker = Broker(world, JARS)
    broker.make_topic("readings", 1)
    gateway = start(world, broker, ONE)
    producer = broker.producer(transactional_id="one")
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce("readings", reading("a", 0, 1), key="a")
    producer.commit_transaction(30)
    wait_for(lambda: gateway.received() == 1, "one reading")
    wait_for(lambda: broker.group_offsets("group", ("readings", 0)) == {("readings", 0): 2}, "the mark is read")
    gateway.kill()
    broker.delete_records("readings", 0, 2)
    gateway.start()
    gateway.wait_until_ready()
    send(broker, "readings", 0, 2, first=1)
    expect_all_once({"a": (2, 3)}, gateway)


@case
def compacted_topic_has_gaps(world):
    broker = Broker(world, JARS)
    broker.make_topic("readings", 1, cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.01,
                      min_compaction_lag_ms=0, max_compaction_lag_ms=100, segment_bytes=1024 * 1024)
    for i in range(20):
        send(broker, "readings", 0, 1, sensor="a", first=i)
        time.sleep(0.15)
    producer = broker.producer()
    producer.produce("readings", None, key="deleted")
    producer.flush(30)

    def offsets():
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": broker.servers, "group.id": "look", "log_level": 0})
        consumer.assign([TopicPartition("readings", 0, 0)])
        found = [message.offset() for message in consumer.consume(100, timeout=3) if not message.error()]
        consumer.close()
        return found
    wait_for(lambda: len(offsets()) < 21, "the broker has compacted")
    gateway = start(world, broker, ONE)
    wait_for(lambda: gateway.received() > 0, "readings")
    gateway.flush()
    kept = gateway.received()
    send(broker, "readings", 0, 1, sensor="b")
    wait_for(lambda: sums(gateway).get("b") == (1, 1), "the newest record")
    expect_that("readings of the key", 0 < kept < 20, kept, "fewer than were sent")
    expect("loss in the log", "lost" in gateway.log(), False)
    gateway.wait_until_ready()


@case
def two_gateways_of_a_group_share_the_partitions(world):
    broker = Broker(world, JARS)
    broker.make_topic("readings", 6)
    writer = Writer(broker, "readings", 6, pause=0.05)
    writer.start()
    one = start(world, broker, ONE, name="one")
    wait_for(lambda: one.received() > 1000, "the first one reads")
    two = start(world, broker, ONE, name="two")
    wait_for(lambda: two.received() > 1000, "the second one reads")
    had = one.received()
    wait_for(lambda: one.received() > had, "both read")
    two.stop()  # after the session timeout the first one has all
    had = writer.sent
    time.sleep(8)
    wait_for(lambda: one.received() > had - 20_000, "the first one reads all")
    two.start()
    taken = two.received()
    wait_for(lambda: two.received() > taken + 100, "the second one reads again")
    one.kill()
    one.start()  # within the session timeout: nothing changes hands
    time.sleep(3)
    writer.stop()
    wait_for(lambda: one.received() >= 0 and not difference(writer.expected, one, two),
             lambda: str(difference(writer.expected, one, two))[:600], 60)
    expect_all_once(writer.expected, one, two)
    print(f"     {writer.sent} readings, {two.received()} of them by the second gateway since its last start")


@case
def gateway_that_is_gone_loses_nothing_to_the_others(world):
    """What it took and had not told the group is read by another one too: at least once, never less."""
    broker = Broker(world, JARS)
    broker.make_topic("readings", 4)
    writer = Writer(broker, "readings", 4, pause=0.05)
    one, two = (start(world, broker, ONE, name=name) for name in ("one", "two"))
    writer.start()
    wait_for(lambda: one.received() > 500 and two.received() > 500, "both read")
    two.kill()
    time.sleep(8)
    writer.stop()
    total = writer.sent
    two.start()  # its journal has what it took
    wait_for(lambda: one.count() + two.count() >= total, lambda: f"{one.count()} + {two.count()} of {total}")
    time.sleep(3)
    doubled = one.count() + two.count() - total
    expect_that("doubled", 0 <= doubled < 5000, doubled, "what two took after the last second's commit")


@case
def lag_tools_see_what_is_safe(world):
    broker = Broker(world, JARS)
    broker.make_topic("readings", 1)
    gateway = start(world, broker, ONE)
    send(broker, "readings", 0, *range(100))
    wait_for(lambda: broker.group_offsets("group", ("readings", 0)) == {("readings", 0): 100}, "offset 100")
    expect("readings", gateway.received(), 100)


@case
def tls_and_sasl(world):
    certificates(world.folder / "tls")
    broker = Broker(world, JARS, tls=world.folder / "tls")
    broker.make_topic("readings", 1)
    send(broker, "readings", 0, 5)
    secret = world.write("secret", "secret\n")
    wrong = world.write("wrong", "wrong\n")
    for file in (secret, wrong):
        file.chmod(0o600)
    login = (f'username = "reader"\npassword = "${{file:{wrong}}}"\n'
             f'tls = {{ ca = "{world.folder}/tls/ca.pem" }}\n')
    gateway = Gateway(world, CONFIG, servers=f"127.0.0.1:{broker.secure}", topics=ONE, more=login).start()
    wait_for(lambda: "uthentication" in gateway.readyz()[1], lambda: f"a wrong password is named: {gateway.readyz()}")
    gateway.reload(CONFIG, more=login.replace("/wrong", "/secret"))
    gateway.wait_until_ready()
    expect_all_once({"a": (1, 5)}, gateway)
    expect("password in the log", "secret" in gateway.log().replace(str(secret), ""), False)
    gateway.reload(CONFIG, more=login.replace("/wrong", "/secret"), servers=f"localhost:{broker.secure}")
    wait_for(lambda: "certificate" in gateway.log() or "ertificate" in gateway.readyz()[1],
             lambda: f"a certificate of another name is refused: {gateway.readyz()}")
    gateway.reload(CONFIG, more="", servers=f"127.0.0.1:{broker.secure}")
    wait_for(lambda: gateway.readyz()[0] == 503 and "no broker can be used" in gateway.readyz()[1],
             lambda: f"plain text to a port with TLS: {gateway.readyz()}")


@case
def key_header_and_record_time(world):
    broker = Broker(world, JARS)
    broker.make_topic("plant.a.temp", 1)
    text = """
[sources.stream]
type = "kafka"
servers = ["{servers}"]
assign = ["plant.a.temp:0@1"]
[[sources.stream.routes]]
topic = "plant/{{line}}/{{metric}}"
format = "number"
sensor = "{{line}}/{{message.property.site}}/{{message.key}}"
""" + window("w") + LITE
    producer = broker.producer()
    for level in ("1", "2"):
        producer.produce("plant.a.temp", level, key="s1", headers=[("site", "lyon")], timestamp=START // 1000 + 1)
    producer.flush(30)
    gateway = Gateway(world, text, servers=broker.servers).start()
    expect_all_once({"a/lyon/s1": (1, 2)}, gateway)


@case
def full_intake_pauses_and_nothing_is_lost(world):
    """The journal may not grow while the only sink waits for a folder that is not there."""
    broker = Broker(world, JARS)
    broker.make_topic("readings", 3)
    gateway = Gateway(world, CONFIG.replace("[sinks.lite]", "[sinks.lite]\noutbox = {{ max_size = \"64KiB\", "
                                            "when_full = \"block\" }}"),
                      servers=broker.servers, topics=ONE, more='max_queued = "64KiB"', checkpoint="1s",
                      database=world.folder / "away/rows.db").start()
    gateway.database = world.folder / "away/rows.db"
    writer = Writer(broker, "readings", 3, sensors=3000, pause=0.05)
    writer.start()
    time.sleep(15)
    writer.stop()
    (world.folder / "away").mkdir()
    expect_all_once(writer.expected, gateway, patience=180)
    gateway.wait_until_ready(60)


if __name__ == "__main__":
    sys.exit(cases.main())
