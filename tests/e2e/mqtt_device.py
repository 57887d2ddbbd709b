"""A device that publishes over MQTT with QoS 1 or 2, in bytes: so many messages in flight, and after each broken
connection what was not answered is sent again, as the standard has it."""
import collections
import random
import socket
import threading
import time

CONNACK, PUBACK, PUBREC, PUBCOMP = 2, 4, 5, 7


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return len(value).to_bytes(2, "big") + value


def packet(head, body):
    length, size = b"", len(body)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([head]) + length + bytes([size]) + body


def connect(client_id, version=4, clean=False, keep_alive=60, expiry=3600, user=None, password=None):
    flags = (2 if clean else 0) | (0x80 if user else 0) | (0x40 if password else 0)
    properties = packet(0x11, b"")[:1] + expiry.to_bytes(4, "big")
    body = text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big")
    body += bytes([len(properties)]) + properties if version == 5 else b""
    body += text(client_id) + (text(user) if user else b"") + (text(password) if password else b"")
    return packet(0x10, body)


def publish(topic, payload, qos=0, packet_id=0, dup=False, version=4):
    body = text(topic) + (packet_id.to_bytes(2, "big") if qos else b"") + (b"\0" if version == 5 else b"")
    return packet(0x30 | dup << 3 | qos << 1, body + (payload.encode() if isinstance(payload, str) else payload))


def pubrel(packet_id):
    return packet(0x62, packet_id.to_bytes(2, "big"))


class Answers:
    """The packets of a server, taken off a socket one by one."""

    def __init__(self, connection):
        self.connection, self.bytes = connection, b""

    def more(self, count):
        while len(self.bytes) < count:
            part = self.connection.recv(65536)
            if not part:
                raise ConnectionError("closed")
            self.bytes += part
        taken, self.bytes = self.bytes[:count], self.bytes[count:]
        return taken

    def next(self):
        """Type, flags and body."""
        head, size, shift = self.more(1)[0], 0, 0
        while True:
            byte = self.more(1)[0]
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return head >> 4, head & 15, self.more(size)


class Device(threading.Thread):
    """Publishes `payload(n)` to its topic until `enough` is set, and ends when all of it is answered. With `ids` it uses
    these packet ids only, one after the other. Now and then it breaks its connection itself, at any packet."""

    def __init__(self, port, client_id, topic, payload, enough, qos=1, version=4, window=20, ids=60_000, pause=0.002,
                 breaks=0.002):
        super().__init__(daemon=True)
        self.port, self.client_id, self.topic, self.payload, self.enough = port, client_id, topic, payload, enough
        self.qos, self.version, self.window, self.ids, self.pause, self.breaks = qos, version, window, ids, pause, breaks
        self.waiting = collections.OrderedDict()  # packet id: its message, or None once PUBREL is due
        self.sent = self.answered = self.connections = self.again = 0
        self.had_session, self.errors = False, []
        self.random = random.Random(client_id)

    def run(self):
        while not self.enough.is_set() or self.waiting:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.talk(connection, Answers(connection))
            except OSError:
                time.sleep(0.02)

    def talk(self, connection, answers):
        connection.sendall(connect(self.client_id, self.version))
        kind, _, body = answers.next()
        if kind != CONNACK or body[1] != 0:
            self.errors.append(("CONNACK", body))
            raise ConnectionError("refused")
        if self.had_session and not body[0] & 1:
            self.errors.append("the session was forgotten")
        self.had_session, self.connections = True, self.connections + 1
        for packet_id, message in self.waiting.items():
            self.again += 1
            connection.sendall(pubrel(packet_id) if message is None else self.bytes_of(packet_id, message, True))
        while not self.enough.is_set() or self.waiting:
            while not self.enough.is_set() and len(self.waiting) < self.window:
                self.publish_next(connection)
            self.take(connection, answers)
            if self.random.random() < self.breaks:
                raise ConnectionError("broken by the device")

    def bytes_of(self, packet_id, message, dup):
        return publish(self.topic, message, self.qos, packet_id, dup, self.version)

    def publish_next(self, connection):
        packet_id = self.sent % self.ids + 1
        message = self.payload(self.sent)
        self.waiting[packet_id] = message
        self.sent += 1
        connection.sendall(self.bytes_of(packet_id, message, False))
        if self.pause:
            time.sleep(self.random.random() * self.pause)

    def take(self, connection, answers):
        kind, _, body = answers.next()
        packet_id = int.from_bytes(body[:2], "big")
        if packet_id not in self.waiting:
            return
        if kind == PUBREC:
            self.waiting[packet_id] = None
            connection.sendall(pubrel(packet_id))
        elif kind in (PUBACK, PUBCOMP):
            del self.waiting[packet_id]
            self.answered += 1
