#!/usr/bin/env python3
"""An edge node of Sparkplug B and the daemon over mosquitto: values by alias after a birth, after the daemon was killed,
and after it started too late to see the birth, which it asks for.
"""
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from world import World, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}/{state}"
[clock]
wait_after_boot = "0s"
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:{port}"]
client_id = "{state}"
routes = [ {{ topic = "spBv1.0/#", format = "sparkplug" }} ]
[windows.total]
type = "running"
trigger = "200ms"
aggregates = ["last"]
[sinks.lite]
type = "sqlite"
path = "{folder}/{state}.db"
"""
INT16, FLOAT, BOOLEAN = 2, 9, 11


def varint(number):
    encoded = b""
    while number > 127:
        encoded += bytes([number % 128 + 128])
        number //= 128
    return encoded + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number * 8) + varint(value)
    if isinstance(value, float):
        return varint(number * 8 + 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number * 8 + 2) + varint(len(value)) + value


def metric(value_field, value, name=None, alias=None, datatype=None):
    parts = [field(1, name)] if name is not None else []
    parts += [field(2, alias)] if alias is not None else []
    parts += [field(4, datatype)] if datatype is not None else []
    return field(2, b"".join([*parts, field(value_field, value)]))


def payload(seq, *metrics):
    return field(1, int(time.time() * 1000)) + b"".join(metrics) + field(3, seq)


class EdgeNode:
    """The node plant/press with a device; it answers each request for a birth."""

    def __init__(self, world, port):
        self.port = port
        self.seq = 0
        self.lock = threading.Lock()
        self.requests = []
        self.commands = subprocess.Popen(["mosquitto_sub", "-p", str(port), "-t", "spBv1.0/plant/NCMD/press", "-t", "ready",
                                          "-F", "%x"], stdout=subprocess.PIPE, text=True)
        world.children.append(self.commands)
        self.is_ready = threading.Event()
        threading.Thread(target=self._obey, daemon=True).start()

        def heard():
            self._send("ready", b"?")
            return self.is_ready.is_set()
        wait_for(heard, "the node is subscribed")

    def _obey(self):
        for line in self.commands.stdout:
            command = bytes.fromhex(line.strip())
            if command == b"?":
                self.is_ready.set()
            elif b"Node Control/Rebirth" in command:
                self.requests.append(command)
                self.bear()

    def _send(self, topic, text):
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-t", topic, "-s"], input=text, check=True, timeout=60)

    def _publish(self, kind, *metrics):
        with self.lock:
            self.seq = 0 if kind == "NBIRTH" else (self.seq + 1) % 256
            device = "" if kind.startswith("N") else "/motor"
            self._send(f"spBv1.0/plant/{kind}/press{device}", payload(self.seq, *metrics))

    def bear(self):
        self._publish("NBIRTH", metric(11, 7, name="bdSeq", datatype=8),
                      metric(14, 0, name="Node Control/Rebirth", datatype=BOOLEAN),
                      metric(12, 20.5, name="temperature", alias=1, datatype=FLOAT))
        self._publish("DBIRTH", metric(10, 0, name="speed", alias=2, datatype=INT16))

    def send(self, temperature, speed):
        self._publish("NDATA", metric(12, temperature, alias=1))
        self._publish("DDATA", metric(10, speed & 0xFFFF, alias=2))


def stored(world, state):
    try:
        with sqlite3.connect(world.folder / f"{state}.db", timeout=30) as lite:
            return dict(lite.execute("SELECT sensor_id || '/' || metric, last FROM total"))
    except sqlite3.OperationalError:
        return {}


def expect(world, state, temperature, speed):
    expected = {"plant/press/temperature": temperature, "plant/press/motor/speed": speed}
    wait_for(lambda: stored(world, state) == expected, lambda: f"{expected}, not {stored(world, state)}")


def main():
    with World(sys.argv[1]) as world:
        port, _ = world.mosquitto()
        node = EdgeNode(world, port)

        def start(state):
            log = world.folder / "edgetide.log"
            before = log.read_text().count("connected to") if log.exists() else 0
            (world.folder / state).mkdir(exist_ok=True)
            text = CONFIG.format(folder=world.folder, state=state, port=port)
            daemon = world.run_daemon(world.write(f"{state}.toml", text))
            wait_for(lambda: log.exists() and log.read_text().count("connected to") > before or daemon.poll() is not None,
                     "the daemon is connected")
            assert daemon.poll() is None, "the daemon has ended"
            return daemon

        daemon = start("first")
        node.bear()
        node.send(21.5, -3)
        expect(world, "first", 21.5, -3)
        assert not node.requests, "it saw the birth and asked for it"

        daemon.kill()
        daemon.wait()
        node.bear = lambda: None  # so that what it knows comes from its state alone
        daemon = start("first")
        node.send(22.5, -4)
        expect(world, "first", 22.5, -4)
        del node.bear
        stop_daemon(daemon)

        requests = len(node.requests)
        daemon = start("late")
        node.send(23.5, -5)
        wait_for(lambda: len(node.requests) > requests, "the daemon asks for the birth")
        expect(world, "late", 20.5, 0)
        node.send(24.5, -6)
        expect(world, "late", 24.5, -6)
        stop_daemon(daemon)
        refused = world.summary()["sources"] if "sources" in world.summary() else world.summary()
        assert "unknown_alias" in str(refused), refused
        print(f"names of aliases were known after a kill; a birth that was missed was asked for {len(node.requests)} times")


main()
