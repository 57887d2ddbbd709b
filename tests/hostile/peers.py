#!/usr/bin/env python3
"""What a hostile peer may do to the real daemon, which runs below the memory limit of its service: it lives, answers,
has the rows of a sensor that behaves, and comes up again after a kill.

    peers.py BUILD [CASE...]
"""
import http.client
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import cases  # noqa: E402
from cases import case, each, expect, expect_that  # noqa: E402
from gateway import LINE, LITE, SECOND, START, Gateway, reading, window  # noqa: E402
from memory_cage import MemoryCage  # noqa: E402
from world import free_port, wait_for  # noqa: E402

DAY = 86_400 * SECOND
STOP_SECONDS = 30
FEW = 'max_connections = 8\nmax_connections_per_peer = 4\n'


def caged(world, text, **values):
    cage = MemoryCage(world)
    gateway = Gateway(world, text, checkpoint="1s", **values)
    gateway.cage = cage
    return gateway.start(**cage.arguments)


def lives(gateway, before=0):
    """It runs, and a sensor that behaves has its rows, also in the next process."""
    expect("process", gateway.process.poll(), None)
    for sent in (3, 6):
        gateway.send(*(reading("good", i * SECOND, 1) for i in range(sent - 3, sent)))
        wait_for(lambda: good(gateway) == sent, lambda: f"{sent} readings of the good sensor, {good(gateway)} are there")
        expect("its readings in rows", good(gateway), sent)
        peak = gateway.cage.peak(gateway.process)
        expect_that("peak of memory", peak < gateway.cage.limit, peak, f"below {gateway.cage.limit}")
        gateway.kill()
        gateway.start(**gateway.cage.arguments)
    expect("its readings after a start", good(gateway), 6)


def good(gateway):
    return sum(row[0] for (sensor, _), row in gateway.rows().items() if sensor == "good")


def answers_soon(gateway, seconds, patience=2):
    """/healthz answers within the patience, all that time."""
    worst, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        status = gateway.get("/healthz")[0]
        worst = max(worst, time.monotonic() - began)
        if status != 200:
            return False, worst
        time.sleep(0.05)
    return worst < patience, worst


def source_of(gateway, name):
    return next(each for each in gateway.status()["sources"] if each["name"] == name)


# Event times that differ only in their high bits, where a table without a seed would put them all into one place.
@each([(f"steps_of_2^{bits}", bits) for bits in (18, 12)])
def chosen_times_of_deduplicate_cost_no_more_than_others(world, bits):
    gateway = caged(world, LINE + window("w", "1d", 'deduplicate = "event_time"\nallowed_lateness = "1d"\n') + LITE)
    took = {}
    for name, step in (("other", 7919), ("chosen", 1 << bits)):
        began = time.monotonic()
        lines = [f'{{"sensor":"{name}","time":{START + i * step},"level":1}}' for i in range(50_000)]
        expect("acknowledged", gateway.send(*lines), len(lines))
        took[name] = time.monotonic() - began
    expect_that("seconds", took["chosen"] < 5 * took["other"] + 1, took, "about the same")
    soon, worst = answers_soon(gateway, 0.5)
    expect_that("/healthz", soon, f"{worst:.2f} s", "within 2 s")
    lives(gateway)


def own_address():
    """Of this machine, but not loopback, which is always allowed and one peer; nothing if it has none."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("198.51.100.1", 9))  # sends nothing
            address = probe.getsockname()[0]
            return None if address.startswith("127.") else address
    except OSError:
        return None


def needs_own_address():
    address = own_address()
    if address is None:
        print("     skipped: this machine has no address but loopback")
    return address


@case
def datagrams_of_strangers_cost_nothing_on_disk(world):
    address, port = needs_own_address(), free_port()
    if address is None:
        return
    udp = f'\n[sources.udp]\ntype = "udp"\nlisten = "0.0.0.0:{port}"\nallow = ["203.0.113.0/24"]\nformat = "number"\nsensor = "x"\n'
    gateway = caged(world, LINE + udp + window("w", "1h") + LITE)
    gateway.flush()
    before = gateway.status()["journal"]["written_bytes"]
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(100_000):
            stranger.sendto(b"1", (address, port))
    lasted = time.monotonic() - began
    wait_for(lambda: sum(source_of(gateway, "udp")["refused"].values()) > 0, "they are counted")
    grown = gateway.status()["journal"]["written_bytes"] - before
    # Ticks, ten a second, and a record of refusals with each.
    expect_that("bytes of journal", grown < 20_000 + 10_000 * lasted, grown, "those of ticks")
    lives(gateway)


@case
def one_peer_holds_not_all_connections(world):
    address = needs_own_address()
    if address is None:
        return
    line = LINE.replace("127.0.0.1:", "0.0.0.0:") + f'allow = ["{address}/32"]\n' + FEW
    gateway = caged(world, line + window("w", "1h") + LITE)
    held = [socket.create_connection((address, gateway.values["tcp"])) for _ in range(20)]
    for peer in held:
        try:
            peer.sendall(b'{"sensor": "never ends')
        except OSError:
            pass  # it was turned away
    lives(gateway)
    for peer in held:
        peer.close()


@case
def slow_requests_leave_the_status_page_alone(world):
    gateway = caged(world, LINE + window("w", "1h") + LITE)
    slow = [socket.create_connection(("127.0.0.1", gateway.values["http"])) for _ in range(40)]
    stop = threading.Event()

    def drip():
        while not stop.wait(0.3):
            for peer in slow:
                try:
                    peer.sendall(b"G")
                except OSError:
                    pass
    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        soon, worst = answers_soon(gateway, 3)
        expect_that("/healthz", soon, f"{worst:.2f} s", "within 2 s")
    finally:
        stop.set()
        dripping.join()
    lives(gateway)


@each([(name, host, wanted) for name, host, wanted in (
    ("address", "127.0.0.1", 200), ("localhost", "localhost", 200), ("begins_as_an_address", "127.attacker.example", 403),
    ("ends_as_localhost", "attacker.localhost.example", 403), ("address_in_a_name", "127.0.0.1.attacker.example", 403),
    ("number", "2130706433", 403), ("user_info", "127.0.0.1@attacker.example", 403))])
def host_header(world, host, wanted):
    gateway = Gateway(world, LINE + window("w", "1h") + LITE).start()
    for path in ("/status.json", "/metrics"):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.values["http"], timeout=10)
        connection.request("GET", path, headers={"Host": host})
        expect(path, connection.getresponse().status, wanted)
        connection.close()


class SilentPostgres:
    """Lets a client in, then begins an answer to its first question and never ends it."""

    def __init__(self, answer, endless=False):
        self.endless = endless
        self.listener, self.answer = socket.create_server(("127.0.0.1", 0)), answer
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            while struct.unpack(">II", self._take(peer, 8))[1] in (80877103, 80877104):  # TLS, GSS
                peer.sendall(b"N")
            ready = b"".join(self._message(b"S", f"{name}\0{value}\0".encode()) for name, value in (
                ("server_version", "15.4"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"),
                ("integer_datetimes", "on"), ("default_transaction_read_only", "off"), ("in_hot_standby", "off")))
            peer.sendall(self._message(b"R", struct.pack(">I", 0)) + ready + self._message(b"Z", b"I"))
            while peer.recv(65536):
                peer.sendall(self.answer)
                while self.endless:
                    peer.sendall(b"x" * 65536)
                time.sleep(600)
        except (OSError, struct.error):
            pass

    @staticmethod
    def _take(peer, count):
        return peer.recv(count, socket.MSG_WAITALL)

    @staticmethod
    def _message(kind, body):
        return kind + struct.pack(">I", len(body) + 4) + body


@each([("nothing", b""), ("half_a_message", b"T\0\0\0\x40\0"), ("endless_message", b"D\x3f\xff\xff\xff" + b"x" * 1000)])
def postgresql_that_stops_in_an_answer_is_said_and_the_rest_runs(world, answer):
    server = SilentPostgres(answer)
    sink = (f'\n[sinks.pg]\ntype = "postgresql"\nconnection = "host=127.0.0.1 port={server.port} dbname=x user=x"\n'
            'statement_timeout = "1s"\nconnect_timeout = "2s"\n')
    gateway = caged(world, LINE + window("w", "1h") + LITE + sink)
    gateway.send(reading("first", 0, 1))
    error = lambda: next(sink for sink in gateway.status()["sinks"] if sink["name"] == "pg")["error"]
    wait_for(lambda: "stopped in the middle of an answer" in error(), lambda: f"the reason: {error()}")
    lives(gateway)


class StallingPostgres(SilentPostgres):
    """Stalls at one point of a connection, for ever or with a byte a second."""

    def __init__(self, stall):
        self.stall, self.reached = stall, threading.Event()
        super().__init__(b"")

    def _serve(self, peer):
        try:
            if self.stall != "accepts":
                while struct.unpack(">II", self._take(peer, 8))[1] in (80877103, 80877104):  # TLS, GSS
                    peer.sendall(b"N")
            getattr(self, "_" + self.stall)(peer)
        except (OSError, struct.error):
            pass

    def _stop(self, peer, slowly=b""):
        self.reached.set()
        while slowly:
            peer.sendall(slowly)
            time.sleep(1)
        time.sleep(600)

    def _let_in(self, peer):
        ready = b"".join(self._message(b"S", f"{name}\0{value}\0".encode()) for name, value in (
            ("server_version", "15.4"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"),
            ("integer_datetimes", "on"), ("default_transaction_read_only", "off"), ("in_hot_standby", "off")))
        peer.sendall(self._message(b"R", struct.pack(">I", 0)) + ready + self._message(b"Z", b"I"))
        peer.recv(65536)

    def _accepts(self, peer):
        self._stop(peer)

    def _begins_to_let_in(self, peer):
        peer.sendall(self._message(b"R", struct.pack(">I", 0)))
        self._stop(peer)

    def _lets_in_slowly(self, peer):
        peer.sendall(b"R\0\0\x07\xd0")
        self._stop(peer, slowly=b"x")

    def _counts_on_rounds(self, peer):
        peer.sendall(self._message(b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0"))
        nonce = peer.recv(65536).rpartition(b"r=")[2]
        peer.sendall(self._message(b"R", struct.pack(">I", 11) + b"r=" + nonce + b"more,s=c2FsdHNhbHQ=,i=2147483647"))
        self._stop(peer)

    def _lets_in(self, peer):
        self._let_in(peer)
        self._stop(peer)

    def _begins_an_answer(self, peer):
        self._let_in(peer)
        peer.sendall(b"T\0\0\0\x40\0")
        self._stop(peer)

    def _answers_slowly(self, peer):
        self._let_in(peer)
        peer.sendall(b"D\0\0\xff\xff")
        self._stop(peer, slowly=b"x")

    def _notices_slowly(self, peer):
        self._let_in(peer)
        self._stop(peer, slowly=self._message(b"N", b"SWARNING\0\0"))

    def _copies_out(self, peer):
        self._let_in(peer)
        peer.sendall(self._message(b"H", b"\0\0\0") + self._message(b"d", b"1\n"))
        self._stop(peer)

    def _copies_in(self, peer):
        self._let_in(peer)
        peer.sendall(self._message(b"G", b"\0\0\0"))
        self._stop(peer)


STALLS = ("accepts", "begins_to_let_in", "lets_in_slowly", "counts_on_rounds", "lets_in", "begins_an_answer",
          "answers_slowly", "notices_slowly", "copies_out", "copies_in")


# The time that the unit gives a stop (TimeoutStopSec), at whose end systemd kills.
@each([(stall, stall) for stall in STALLS])
def stop_ends_wherever_postgresql_stalls(world, stall):
    server = StallingPostgres(stall)
    sink = (f'\n[sinks.pg]\ntype = "postgresql"\nconnection = "host=127.0.0.1 port={server.port} dbname=x user=x"\n'
            'password = "x"\n')
    gateway = Gateway(world, LINE + window("w", "1h") + sink).start()
    gateway.send(reading("first", 0, 1))
    expect("the server stalls", server.reached.wait(60), True)
    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    expect("exit status", gateway.process.wait(120), 0)
    took = time.monotonic() - began
    expect_that("seconds until it ended", took < STOP_SECONDS, round(took, 1), f"below {STOP_SECONDS}")


class LyingPostgres(SilentPostgres):
    """Lets a client in without a word about itself, then answers each of its questions in the same way."""

    def _serve(self, peer):
        try:
            while struct.unpack(">II", self._take(peer, 8))[1] in (80877103, 80877104):  # TLS, GSS
                peer.sendall(b"N")
            peer.recv(65536)
            peer.sendall(self._message(b"R", struct.pack(">I", 0)) +
                         b"".join(self._message(b"S", name + value) for name, value in (
                             (b"server_version\0", b"15.4\0"), (b"client_encoding\0", b"UTF8\0"))) +
                         self._message(b"Z", b"I"))
            while peer.recv(65536):
                for part in self.answer():
                    peer.sendall(part)
        except (OSError, struct.error):
            pass


def row_without_columns():
    message = SilentPostgres._message
    yield (message(b"1", b"") + message(b"2", b"") + message(b"T", b"\0\0") + message(b"D", b"\0\0") +
           message(b"C", b"SELECT 1\0") + message(b"Z", b"I"))


def rows_without_end():
    message = SilentPostgres._message
    yield message(b"T", b"\0\1a\0" + struct.pack(">IHIhIH", 0, 0, 25, -1, 0xffffffff, 0))
    while True:
        yield message(b"D", b"\0\1" + struct.pack(">I", 1000) + b"x" * 1000) * 50


def parameters_without_end():
    for i in range(1 << 30):
        yield SilentPostgres._message(b"S", b"p%d\0" % i + b"x" * 500 + b"\0") * 50


def byte_a_second():
    yield b"D\0\0\xff\xff"
    while True:
        time.sleep(1)
        yield b"x"


def copy_in():
    yield SilentPostgres._message(b"G", b"\0\0\1\0\0")


def pg_sink(server):
    return (f'\n[sinks.pg{server.port}]\ntype = "postgresql"\n'
            f'connection = "host=127.0.0.1 port={server.port} dbname=x user=x"\n')


# libpq would read a value of such a row through a null pointer, where it asks by itself.
@case
def row_without_columns_of_postgresql_is_an_error_at_each_start(world):
    server = LyingPostgres(row_without_columns)
    gateway = caged(world, LINE + window("w", "1h") + LITE + pg_sink(server))
    gateway.send(reading("first", 0, 1))
    error = lambda: next(sink for sink in gateway.status()["sinks"] if sink["name"].startswith("pg"))["error"]
    wait_for(lambda: "0 columns, 1 were expected" in error(), lambda: f"the reason: {error()}")
    lives(gateway)


CHECK_SECONDS, CHECK_MEMORY = 60, 128 << 20


# All at once, so that the time is that of one.
@case
def check_is_bounded_whatever_postgresql_answers(world):
    answers = (row_without_columns, rows_without_end, parameters_without_end, byte_a_second, copy_in)
    servers = [LyingPostgres(answer) for answer in answers] + [StallingPostgres(stall) for stall in STALLS]
    gateway = Gateway(world, LINE + window("w", "1h") + "".join(pg_sink(server) for server in servers))
    began, errors = time.monotonic(), world.folder / "check.err"
    with open(errors, "w") as out:
        check = subprocess.Popen([world.build / "edgetide", "check", "-c", gateway.config], stdout=subprocess.DEVNULL,
                                 stderr=out)
        _, status, usage = os.wait4(check.pid, 0)
    took, said = time.monotonic() - began, errors.read_text()
    expect("exit status", os.waitstatus_to_exitcode(status), 0)
    expect_that("seconds", took < CHECK_SECONDS, round(took, 1), f"below {CHECK_SECONDS}")
    expect_that("memory", usage.ru_maxrss * 1024 < CHECK_MEMORY, usage.ru_maxrss * 1024, f"below {CHECK_MEMORY}")
    unsaid = [server.port for server in servers if f"warning: sinks.pg{server.port}: " not in said]
    expect("servers without a warning", unsaid, [])


@each([("row", b"D\x3f\xff\xff\xff"), ("notice", b"N\x3f\xff\xff\xff"), ("columns", b"T\x3f\xff\xff\xff\xff\xff")])
def endless_answer_of_postgresql_is_left_and_the_rest_runs(world, answer):
    server = SilentPostgres(answer, endless=True)
    sink = (f'\n[sinks.pg]\ntype = "postgresql"\nconnection = "host=127.0.0.1 port={server.port} dbname=x user=x"\n'
            'statement_timeout = "30s"\nconnect_timeout = "30s"\n')
    gateway = caged(world, LINE + window("w", "1h") + LITE + sink)
    gateway.send(reading("first", 0, 1))
    error = lambda: next(sink for sink in gateway.status()["sinks"] if sink["name"] == "pg")["error"]
    wait_for(lambda: "larger than" in error(), lambda: f"the reason: {error()}")
    lives(gateway)


class WouldBeProxy:
    """Keeps the first bytes of each connection."""

    def __init__(self):
        self.listener, self.seen = socket.create_server(("127.0.0.1", 0)), []
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self.listener.accept()
            self.seen.append(peer.recv(100))
            peer.close()


# Paho would connect to it for each broker, one of this machine too.
@case
def proxy_that_the_environment_names_gets_nothing(world):
    proxy, port = WouldBeProxy(), free_port()
    mqtt = (f'\n[sources.mqtt]\ntype = "mqtt"\nservers = ["mqtt://127.0.0.1:{port}"]\n'
            '[[sources.mqtt.routes]]\ntopic = "x"\nformat = "number"\nsensor = "x"\n'
            f'[sinks.out]\ntype = "mqtt"\nservers = ["mqtt://127.0.0.1:{port}"]\ntopic = "rows"\n')
    gateway = Gateway(world, LINE + window("w", "1h") + mqtt)
    variables = {name: proxy.url for name in ("http_proxy", "https_proxy", "all_proxy")}
    os.environ.update(variables)
    try:
        gateway.start()
    finally:
        for name in variables:
            del os.environ[name]
    error = lambda: next(sink for sink in gateway.status()["sinks"] if sink["name"] == "out")["error"]
    wait_for(lambda: error() or proxy.seen, "the sink has tried to connect")
    expect("what the proxy has seen", proxy.seen, [])
    expect_that("error of the sink", "refused" in error(), error(), "the broker's own")


@case
def connections_of_sources_leave_descriptors_for_the_status_page(world):
    line = LINE + 'max_connections = 1000\nmax_connections_per_peer = 1000\n'
    gateway = Gateway(world, line + window("w", "1h") + LITE, checkpoint="1s")
    gateway.cage = MemoryCage(world)

    def few_descriptors():
        gateway.cage.arguments["preexec_fn"]()
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    gateway.start(preexec_fn=few_descriptors)
    expect_that("warning at the start", "LimitNOFILE" in gateway.log(), gateway.log()[-300:], "one")
    held = [socket.create_connection(("127.0.0.1", gateway.values["tcp"])) for _ in range(300)]
    wait_for(lambda: source_of(gateway, "line")["connections_turned_away"]["descriptors"] > 0, "some are turned away")
    soon, worst = answers_soon(gateway, 2)
    expect_that("/healthz", soon, f"{worst:.2f} s", "within 2 s")
    for peer in held:
        peer.close()
    lives(gateway)


if __name__ == "__main__":
    cases.main()
