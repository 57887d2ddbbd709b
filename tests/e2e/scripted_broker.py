"""A broker that does what a test says: what is sent, with which packet id and DUP, what is redelivered, and when a
connection ends. MQTT 3.1.1 and 5, one client at a time, QoS 0 and 1; it keeps no queue and no session of its own.

    broker = ScriptedBroker()                        # listens on broker.port
    link = broker.connection()                       # waits for a client that has connected and subscribed
    link.publish("plant/a", "21.5", packet_id=7)     # QoS 1; qos=0 without an id; dup=True, retain=True
    link.wait_for_acks(1)                            # packet ids the client acknowledged: link.acked, in order
    link.close()                                     # a reset; or link.disconnect(142) in MQTT 5
    broker.session_present = False                   # the answer to the next CONNECT; True unless clean start
    broker.lies = {CONNACK: b"...", SUBACK: b""}     # what follows flags and reason, or the packet id, instead of the truth
    link.send(PUBLISH, b"...", flags=2)              # a packet as it is
    ScriptedBroker(web_socket=True)                  # over a WebSocket; link.socket.raw.sendall(b"...") as it is

Thread: one accepts, one per connection reads; all calls may come from the test's thread.
"""
import base64
import collections
import hashlib
import socket
import ssl
import struct
import threading

from world import wait_for

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14


def varint(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Bytes:
    """Reads the fields of one packet, front to back."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def text(self):
        return self.take(self.number(2)).decode()

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.number(1)
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                return value

    def properties(self):
        """By identifier; only those with a number or without interest to a test."""
        end, found = self.varint() + self.at, {}
        while self.at < end:
            kind = self.varint()
            if kind == 0x0B:
                found[kind] = self.varint()
            elif kind == 0x26:
                found[kind] = (self.text(), self.text())
            elif kind in (0x15, 0x16, 0x1F):
                found[kind] = self.text()
            else:
                found[kind] = self.number({0x11: 4, 0x27: 4, 0x21: 2, 0x22: 2}.get(kind, 1))
        return found

    @property
    def left(self):
        return len(self.data) - self.at


class Link:
    """One connection of the client."""

    def __init__(self, broker, peer):
        self.broker, self.socket, self.stream = broker, peer, peer.makefile("rb")
        self.version, self.client_id, self.clean, self.properties = 0, "", False, {}
        self.filters, self.unsubscribed, self.acked, self.pings = {}, [], [], 0
        self.will, self.will_flags, self.published = None, 0, []  # topic and payload; published: with the first byte
        self.unanswered = collections.deque()  # of QoS 1: topic, payload and packet id
        self.identifiers = {}  # by filter, the subscription identifier of MQTT 5
        self.open, self.answers_pings = True, True
        self.sending = threading.Lock()

    # What a test does.
    def publish(self, topic, payload, packet_id=0, qos=1, dup=False, retain=False, identifiers=()):
        self.publish_all([(topic, payload, packet_id)], qos, dup, retain, identifiers)

    def publish_all(self, messages, qos=1, dup=False, retain=False, identifiers=()):
        """(topic, payload, packet id) each, in one write as far as the socket takes it."""
        flags = (8 if dup else 0) | qos << 1 | (1 if retain else 0)
        out = bytearray()
        for topic, payload, packet_id in messages:
            assert packet_id > 0 or qos == 0, "QoS 1 needs a packet id"
            body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
            if self.version == 5:
                properties = b"".join(b"\x0b" + varint(each) for each in identifiers)
                body += varint(len(properties)) + properties
            body += payload.encode() if isinstance(payload, str) else payload
            out += bytes([PUBLISH << 4 | flags]) + varint(len(body)) + body
        with self.sending:
            self.socket.sendall(out)

    def wait_for_acks(self, count, patience=30):
        wait_for(lambda: len(self.acked) >= count or not self.open,
                 lambda: f"{count} acknowledgements, {len(self.acked)} came", patience)
        assert len(self.acked) >= count, f"the client went after {len(self.acked)} of {count} acknowledgements"

    def send(self, kind, body=b"", flags=0):
        """A client that refuses a packet by its first bytes may be gone before the last are written."""
        try:
            self._send(kind, body, flags)
        except OSError:
            pass

    def disconnect(self, reason):
        assert self.version == 5
        self._send(DISCONNECT, bytes([reason]))
        self._end(reset=False)

    def close(self, reset=True):
        self._end(reset)

    # What the broker does by itself.
    def serve(self):
        try:
            while self._packet():
                pass
        except (OSError, ValueError, IndexError):
            pass
        self._end(reset=False)

    def _end(self, reset):
        self.open = False
        try:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.socket.shutdown(socket.SHUT_RD)  # ends the reader, or its use would keep the socket open
                self.stream.close()
            else:
                self.socket.shutdown(socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass
        self.socket.close()

    def _send(self, kind, body=b"", flags=0):
        with self.sending:
            self.socket.sendall(bytes([kind << 4 | flags]) + varint(len(body)) + body)

    def _packet(self):
        head = self.stream.read(1)
        if not head:
            return False
        size, shift = 0, 0
        while True:
            byte = self.stream.read(1)[0]
            size, shift = size | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                break
        packet = Bytes(self.stream.read(size))
        answer = {CONNECT: self._connect, SUBSCRIBE: self._subscribe, UNSUBSCRIBE: self._unsubscribe,
                  PUBACK: self._puback, PUBLISH: lambda packet: self._publish(packet, head[0]), PINGREQ: self._ping}.get(head[0] >> 4)
        if answer is None:
            return False  # DISCONNECT, or what no client of ours sends
        answer(packet)
        return True

    def _connect(self, packet):
        packet.text()
        self.version, flags = packet.number(1), packet.number(1)
        self.keep_alive = packet.number(2)
        self.properties = packet.properties() if self.version == 5 else {}
        self.client_id, self.clean = packet.text(), bool(flags & 2)
        if flags & 4:
            if self.version == 5:
                packet.properties()
            self.will, self.will_flags = (packet.text(), packet.take(packet.number(2))), flags & 0x3C
        present = self.broker.session_present and (self.broker.always_present or not self.clean)
        refusal = self.broker.refuse_with
        truth = b"\0" if self.version == 5 else b""
        self._send(CONNACK, bytes([present and not refusal, refusal]) + self.broker.lies.get(CONNACK, truth))
        self.broker.connects.append(self)

    def _subscribe(self, packet):
        packet_id = packet.take(2)
        properties = packet.properties() if self.version == 5 else {}
        codes = bytearray()
        while packet.left:
            name, options = packet.text(), packet.number(1)
            self.filters[name] = options
            self.identifiers[name] = properties.get(0x0B)
            codes.append(options & 3)
        truth = (b"\0" if self.version == 5 else b"") + codes
        self._send(SUBACK, packet_id + self.broker.lies.get(SUBACK, truth))

    def _unsubscribe(self, packet):
        packet_id = packet.take(2)
        if self.version == 5:
            packet.properties()
        count = len(self.unsubscribed)
        while packet.left:
            self.unsubscribed.append(packet.text())
        codes = b"\0" * (len(self.unsubscribed) - count) if self.version == 5 else b""
        truth = (b"\0" if self.version == 5 else b"") + codes
        self._send(UNSUBACK, packet_id + self.broker.lies.get(UNSUBACK, truth))

    def _publish(self, packet, head):
        """It is noted, and not answered."""
        topic = packet.text()
        packet_id = packet.number(2) if head & 6 else 0
        if self.version == 5:
            packet.properties()
        payload = packet.take(packet.left)
        self.published.append((topic, payload, head))
        if packet_id:
            self.unanswered.append((topic, payload, packet_id))

    def _puback(self, packet):
        self.acked.append(packet.number(2))

    def _ping(self, _):
        self.pings += 1
        if self.answers_pings:
            self._send(PINGRESP)


def frame(first, content):
    """Of a WebSocket, by its first byte."""
    size = len(content)
    if size < 126:
        return bytes([first, size]) + content
    return (struct.pack(">BBH", first, 126, size) if size < 65536 else struct.pack(">BBQ", first, 127, size)) + content


class WebSocket:
    """A socket behind a WebSocket, as far as Link uses one: each write is a frame."""

    def __init__(self, raw):
        self.raw, self.stream, self.content = raw, raw.makefile("rb"), b""
        key = ""
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode().partition(":")
            key = value.strip() if name.lower() == "sec-websocket-key" else key
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        raw.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n").encode())

    def __getattr__(self, name):
        return getattr(self.raw, name)

    def makefile(self, _):
        return self

    def close(self):
        self.stream.close()
        self.raw.close()

    def sendall(self, data):
        self.raw.sendall(frame(0x82, bytes(data)))

    def read(self, size):
        while len(self.content) < size and self._frame():
            pass
        data, self.content = self.content[:size], self.content[size:]
        return data

    def _frame(self):
        head = self.stream.read(2)
        if len(head) < 2:
            return False
        more = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
        size = int.from_bytes(self.stream.read(more), "big") if more else head[1] & 0x7F
        mask, content = self.stream.read(4), self.stream.read(size)
        if head[0] & 0x0F < 8:
            self.content += bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))
        return head[0] & 0x0F != 8


class ScriptedBroker:
    def __init__(self, certificate=None, alpn=None, web_socket=False):
        """With a certificate, the paths of it and of its key, over TLS; `alpn`: a protocol that it takes."""
        self.tls, self.web_socket = None, web_socket
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
            if alpn:
                self.tls.set_alpn_protocols([alpn])
        self.session_present, self.refuse_with = True, 0
        self.lies = {}  # by kind of packet
        self.always_present = False  # also after a clean start
        self.connects = []  # every connection that sent CONNECT, oldest first
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.used = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self.listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                peer = self.tls.wrap_socket(peer, server_side=True) if self.tls else peer
                peer = WebSocket(peer) if self.web_socket else peer
            except OSError:
                continue
            threading.Thread(target=Link(self, peer).serve, daemon=True).start()

    def connection(self, filters=1, patience=30):
        """The next client's connection once it has subscribed to so many filters."""
        wait_for(lambda: len(self.connects) > self.used, "a client connects", patience)
        link = self.connects[self.used]
        self.used += 1
        wait_for(lambda: len(link.filters) >= filters or not link.open, "it subscribes", patience)
        return link
