"""A real Kafka broker in one process (KRaft, no ZooKeeper), from Maven Central, with a client and a validator of JSON
Schema from PyPI.

They are fetched once, into `kafka` of the build folder. The broker listens on loopback: in plain text, and where it is
asked to with TLS and SASL.
"""
import os
import subprocess
import sys
import venv
from pathlib import Path

from world import free_port, listens, wait_for

VERSION = "3.9.1"
CLIENT = "confluent-kafka==2.16.1"
VALIDATOR = "jsonschema==4.26.0"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>edgetide</groupId><artifactId>broker</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}{more_listeners}
advertised.listeners=PLAIN://127.0.0.1:{plain}{more_listeners}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
inter.broker.listener.name=PLAIN
log.dirs={folder}/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=1000
{more}
"""
SECURE = """
ssl.keystore.type=PEM
ssl.keystore.location={tls}/both.pem
sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_reader="secret";
"""


def prepare(build):
    """Fetches what is missing; the folder of jars. The client can be imported then."""
    folder = Path(build).resolve() / "kafka"
    jars, client = folder / "jars", folder / "client"
    folder.mkdir(exist_ok=True)
    if not (folder / f"has-{VERSION}").exists():
        (folder / "pom.xml").write_text(POM)
        subprocess.run(["mvn", "-q", "-B", "-ntp", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"],
                       cwd=folder, check=True, timeout=600)
        (folder / f"has-{VERSION}").touch()
    for package in (CLIENT, VALIDATOR):
        if not (client / package).exists():
            venv.create(client, with_pip=True)
            subprocess.run([client / "bin/pip", "install", "-q", package], check=True, timeout=600)
            (client / package).touch()
    sys.path += map(str, client.glob("lib/python3*/site-packages"))
    return jars


class Broker:
    def __init__(self, world, jars, more="", tls=None):
        """`tls`: a folder with ca.pem and key.pem; then there is a listener with TLS and SASL as well."""
        self.world, self.folder, self.jars = world, world.folder / "kafka", jars
        self.folder.mkdir()
        self.plain, self.secure, controller = free_port(), free_port(), free_port()
        self.servers = f"127.0.0.1:{self.plain}"
        if tls:
            (tls / "both.pem").write_text((tls / "key.pem").read_text() + (tls / "ca.pem").read_text())
            more += SECURE.format(tls=tls)
        secure = f",SECURE://127.0.0.1:{self.secure}" if tls else ""
        self.properties = self.folder / "server.properties"
        self.properties.write_text(PROPERTIES.format(plain=self.plain, controller=controller, folder=self.folder,
                                                     more_listeners=secure, more=more))
        (self.folder / "log4j.properties").write_text(
            "log4j.rootLogger=WARN, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.PatternLayout\nlog4j.appender.out.layout.ConversionPattern=%p %m%n\n")
        subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c",
                                 self.properties), check=True, capture_output=True, timeout=120)
        self.process = None
        self.start()

    def java(self, tool, *arguments):
        return ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*",
                f"-Dlog4j.configuration=file:{self.folder}/log4j.properties", tool, *map(str, arguments)]

    def start(self):
        self.process = self.world.spawn(self.java("kafka.Kafka", self.properties), "kafka", env=dict(os.environ))
        wait_for(lambda: listens(self.plain) or self.process.poll() is not None, "the broker listens")
        assert self.process.poll() is None, "the broker has ended"
        wait_for(self.answers, "the broker answers")

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def admin(self):
        from confluent_kafka.admin import AdminClient
        self.last_admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})  # it lives while it is used
        return self.last_admin

    def answers(self):
        from confluent_kafka import KafkaException
        try:
            return self.admin().list_topics(timeout=2).brokers
        except KafkaException:
            return None

    def make_topic(self, name, partitions, **settings):
        from confluent_kafka.admin import NewTopic
        config = {key.replace("_", "."): str(value) for key, value in settings.items()}
        for future in self.admin().create_topics([NewTopic(name, partitions, 1, config=config)]).values():
            future.result(30)

    def delete_topic(self, name):
        for future in self.admin().delete_topics([name]).values():
            future.result(30)

    def delete_records(self, topic, partition, before):
        from confluent_kafka import TopicPartition
        for future in self.admin().delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(30)

    def producer(self, **more):
        from confluent_kafka import Producer
        settings = {key.replace("_", "."): value for key, value in more.items()}
        return Producer({"bootstrap.servers": self.servers, "enable.idempotence": True, "log_level": 0, **settings})

    def group_offsets(self, group, *partitions):
        """{(topic, partition): offset}, as tools for the lag read them."""
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": group, "log_level": 0})
        found = consumer.committed([TopicPartition(*each) for each in partitions], timeout=30)
        consumer.close()
        return {(each.topic, each.partition): each.offset for each in found}
