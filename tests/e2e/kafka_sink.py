#!/usr/bin/env python3
"""Rows to a real Kafka broker, killed, stalled and cut off, as the daemon is: what an independent consumer of committed
records has equals what the readings give, computed here; each row fits the published schema.

    kafka_sink.py BUILD [CASE...]
"""
import json
import random
import signal
import sys
import time
from pathlib import Path

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, Gateway, reading, window
from kafka_broker import Broker, prepare
from row_stream import Feed, doubled, newest
from world import certificates, comes_true, wait_for

JARS = prepare(sys.argv[1])
KILLS = 10
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "sinks/kafka_row.schema.json").read_text())
SINK = """
[sinks.up]
type = "kafka"
servers = ["{servers}"]
topic = "rows.{{window}}"
exactly_once = {exactly_once}
{more}
"""
CONFIG = LINE + window("w") + SINK
GUARANTEES = each([("at_least_once", "false"), ("exactly_once", "true")])


class Consumer:
    """Reads all committed records of a topic, from the beginning, whenever it is asked."""

    def __init__(self, broker, topic="rows.w", partitions=3):
        self.broker, self.topic, self.partitions, self.records = broker, topic, partitions, []
        self.consumer, self.ended = None, set()

    def open(self):
        from confluent_kafka import OFFSET_BEGINNING, Consumer as Client, TopicPartition
        self.consumer = Client({"bootstrap.servers": self.broker.servers, "group.id": "reader", "log_level": 0,
                                "isolation.level": "read_committed", "enable.auto.commit": False,
                                "enable.partition.eof": True})
        self.consumer.assign([TopicPartition(self.topic, i, OFFSET_BEGINNING) for i in range(self.partitions)])

    def read(self):
        """What has come so far; waits for the end of each partition."""
        from confluent_kafka import KafkaError
        if self.consumer is None:
            self.open()
        ended, until = set(), time.monotonic() + 30
        while len(ended) < self.partitions and time.monotonic() < until:
            message = self.consumer.poll(0.5)
            if message is None:
                if self.records or ended:
                    break
                continue
            if message.error():
                if message.error().code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                continue
            self.records.append((message.partition(), message.key().decode(), message.value().decode(),
                                 dict(message.headers() or [])))
        return self.records

    def rows(self):
        return [json.loads(payload) for _, _, payload, _ in self.read()]

    def close(self):
        if self.consumer is not None:
            self.consumer.close()
            self.consumer = None


def misplaced(consumer):
    """Records whose key is not the series, whose headers are not the row's, or whose series is in two partitions."""
    found, partition_of = [], {}
    for partition, key, payload, headers in consumer.records:
        row = json.loads(payload)
        says = {"gateway": row["gateway"], "epoch": str(row["epoch"]), "run": str(row["run"])}
        has = {name: headers.get(name, b"").decode() for name in says}
        fits = key == f"{row['sensor']}/{row['metric']}" and partition_of.setdefault(key, partition) == partition
        if not fits or says != has or len(headers.get("state", b"")) != 16:
            found.append((partition, key, headers))
    return found


def schema_faults(rows):
    from jsonschema import Draft202012Validator
    validator = Draft202012Validator(SCHEMA)
    return [str(error.message) for row in rows for error in validator.iter_errors(row)]


def expect_all(feed, consumer, what="", may_double=True):
    comes_true(lambda: newest(consumer.rows()) == feed.expected, 120)
    rows = consumer.rows()
    found = newest(rows)
    wrong = {sensor: (found.get(sensor), wanted) for sensor, wanted in feed.expected.items()
             if found.get(sensor) != wanted}
    expect("sensors whose newest row differs", str(wrong)[:300], "{}")
    again, other = doubled(rows)
    expect("rows that came again with other content", str(other)[:300], "[]")
    if not may_double:
        expect("rows that came again", again, 0)
    expect("misplaced records", str(misplaced(consumer))[:300], "[]")
    expect("rows that do not fit the schema", str(schema_faults(rows))[:300], "[]")
    print(f"     {len(rows)} rows received of {feed.sent} readings, lost {len(wrong)}, doubled {again} {what}")
    return again


def start(world, broker, exactly_once="false", more="", text=CONFIG, **values):
    return Gateway(world, text, **{"servers": broker.servers, "exactly_once": exactly_once, "more": more,
                                   "checkpoint": "1s", **values}).start()


def kill(broker):
    broker.process.kill()
    broker.process.wait()


@GUARANTEES
def rows_arrive_once_where_nothing_goes_wrong(world, exactly_once):
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    gateway = start(world, broker, exactly_once, 'compression = "zstd"')
    feed = Feed(gateway)
    for _ in range(5):
        feed.send(500)
    expect_all(feed, Consumer(broker), may_double=False)
    gateway.wait_until_ready()
    expect("exit status", gateway.stop(), 0)


@GUARANTEES
def gateway_that_is_killed_again_and_again(world, exactly_once):
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    gateway = start(world, broker, exactly_once)
    feed = Feed(gateway, 200)
    for _ in range(KILLS):
        feed.send(400)
        time.sleep(random.uniform(0, 0.6))
        gateway.kill()
        gateway.start()
    expect_all(feed, Consumer(broker), f"after {KILLS} kills", may_double=exactly_once == "false")
    gateway.wait_until_ready()


@GUARANTEES
def broker_that_is_killed_and_stalled(world, exactly_once):
    """Twice killed, twice stopped for a while."""
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    gateway = start(world, broker, exactly_once)
    feed = Feed(gateway)
    for turn in range(4):
        feed.send(300)
        time.sleep(random.uniform(0, 0.4))
        if turn % 2:
            kill(broker)
            feed.send(300)
            time.sleep(2)
            broker.start()
        else:
            broker.process.send_signal(signal.SIGSTOP)
            feed.send(300)
            time.sleep(5 if turn == 0 else 25)  # shorter and longer than the sink waits for reports
            broker.process.send_signal(signal.SIGCONT)
    expect_all(feed, Consumer(broker), "after 2 kills and 2 stalls of the broker", may_double=exactly_once == "false")
    gateway.wait_until_ready()


@GUARANTEES
def both_are_killed(world, exactly_once):
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    gateway = start(world, broker, exactly_once)
    feed = Feed(gateway)
    for _ in range(3):
        feed.send(300)
        time.sleep(random.uniform(0, 0.4))
        kill(broker)
        feed.send(100)
        gateway.kill()
        gateway.start()
        feed.send(100)
        broker.start()
    expect_all(feed, Consumer(broker), "after 3 kills of both", may_double=exactly_once == "false")
    gateway.wait_until_ready()


@GUARANTEES
def broker_that_is_away_and_topic_that_is_not_there(world, exactly_once):
    broker = Broker(world, JARS)
    gateway = start(world, broker, exactly_once)
    feed = Feed(gateway)
    feed.send(100)
    wait_for(lambda: "the topic does not exist; create it" in gateway.readyz()[1], gateway.readyz)
    broker.make_topic("rows.w", 3)
    expect_all(feed, Consumer(broker), may_double=False)
    gateway.wait_until_ready()
    kill(broker)
    feed.send(100)
    wait_for(lambda: gateway.readyz()[0] == 503 and "refused" in gateway.readyz()[1], gateway.readyz)
    broker.start()
    gateway.wait_until_ready()
    expect_all(feed, Consumer(broker))
    sink = gateway.status()["sinks"][0]
    expect("rejected", sink["rejected_rows"], 0)


@GUARANTEES
def rows_that_are_too_large_for_the_topic_are_set_aside(world, exactly_once):
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 1, max_message_bytes=480)
    gateway = start(world, broker, exactly_once)
    names = [f"s{i}" for i in range(40)]
    large = ["x" * 120 + str(i) for i in range(2)]  # in the key and in the payload
    expect("acknowledged", gateway.send(*[reading(name, 0, 5) for name in (*names, *large)]), 42)
    wait_for(lambda: gateway.status()["sinks"][0]["rejected_rows"] == 2, lambda: (gateway.readyz(), gateway.log()[-600:]), 90)
    wait_for(lambda: gateway.status()["sinks"][0]["outbox_rows"] == 0, gateway.readyz)
    consumer = Consumer(broker, partitions=1)
    rows = consumer.rows()
    expect("sensors", sorted({row["sensor"] for row in rows}), sorted(names))
    expect("rejected", gateway.status()["sinks"][0]["rejected_rows"], 2)
    expect_that("the log", "the broker refuses its record" in gateway.log(), gateway.log()[-300:], "names the refusal")
    if exactly_once == "true":
        expect("rows that came again", doubled(rows)[0], 0)


@case
def second_gateway_of_the_same_name_takes_over(world):
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    more = 'transactional_id = "same"'
    one = start(world, broker, "true", more)
    feed = Feed(one)
    feed.send(100)
    consumer = Consumer(broker)
    expect_all(feed, consumer, may_double=False)
    two = start(world, broker, "true", more, name="second", id="gateway")
    two.wait_until_ready()
    feed.send(100)
    wait_for(lambda: "has taken over gateway gateway, sink up" in one.log(), lambda: one.log()[-400:])
    expect("rows of the first one wait", one.status()["sinks"][0]["outbox_rows"] > 0, True)
    expect("the second one goes on", two.readyz()[0], 200)
    two.stop()
    one.kill()
    one.start()
    expect_all(feed, consumer, may_double=False)


@case
def position_survives_the_loss_of_the_journal(world):
    """Without a journal's rows, what the broker has is known by its position: nothing comes twice."""
    broker = Broker(world, JARS)
    broker.make_topic("rows.w", 3)
    gateway = start(world, broker, "true", checkpoint="1h")
    feed = Feed(gateway)
    feed.send(300)
    consumer = Consumer(broker)
    expect_all(feed, consumer, may_double=False)
    for _ in range(3):
        gateway.kill()  # the journal is replayed from its beginning, so all rows are made again
        gateway.start()
    gateway.wait_until_ready()
    feed.send(100)
    expect_all(feed, consumer, "after 3 replays", may_double=False)


@case
def tls_and_sasl(world):
    certificates(world.folder / "tls")
    broker = Broker(world, JARS, tls=world.folder / "tls")
    broker.make_topic("rows.w", 3)
    secret, wrong = world.write("secret", "secret\n"), world.write("wrong", "wrong\n")
    for file in (secret, wrong):
        file.chmod(0o600)
    login = (f'username = "reader"\npassword = "${{file:{wrong}}}"\n'
             f'tls = {{ ca = "{world.folder}/tls/ca.pem" }}\n')
    gateway = start(world, broker, "true", login, servers=f"127.0.0.1:{broker.secure}")
    feed = Feed(gateway)
    feed.send(100)
    wait_for(lambda: "uthentication" in gateway.readyz()[1], lambda: f"a wrong password is named: {gateway.readyz()}")
    gateway.reload(CONFIG, more=login.replace("/wrong", "/secret"))
    expect_all(feed, Consumer(broker), may_double=False)
    gateway.wait_until_ready()
    expect("password in the log", "secret" in gateway.log().replace(str(secret), ""), False)


if __name__ == "__main__":
    sys.exit(cases.main())
