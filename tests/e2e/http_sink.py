#!/usr/bin/env python3
"""Rows over HTTP from one real daemon to a second one, and to peers that refuse, stall and have wrong certificates.

    http_sink.py BUILD [CASE...]
"""
import http.server
import json
import random
import ssl
import threading
import time
import warnings

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, SECOND, Gateway, reading, window
from world import certificates, free_port, wait_for

KILLS = 20
SENSORS = 5
SENDER = LINE + """
[windows.second]
size = "1s"
trigger = "100ms"
aggregates = ["count", "sum"]
[sinks.up]
type = "http"
mode = "append"
{keys}
"""
JSON_RECEIVER = """
[sources.push]
type = "http"
listen = "127.0.0.1:{push}"
{keys}
[[sources.push.routes]]
path = "/rows"
format = "json"
each = "[*]"
sensor = {{ path = "sensor" }}
time = {{ path = "start" }}
values = ["count", "sum"]
""" + window("w") + '[windows.w.match]\nmetric = "count"\n' + LITE
INFLUX_RECEIVER = """
[sources.push]
type = "http"
listen = "127.0.0.1:{push}"
influx = true
token = "t0ken"
""" + window("w") + '[windows.w.match]\nmetric = "second.count"\n' + LITE


def receiver(world, text=JSON_RECEIVER, keys="", **more):
    return Gateway(world, text, "receiver", push=free_port(), keys=keys, **more)


def sender(world, *keys, **more):
    return Gateway(world, SENDER, "sender", keys="\n".join(keys), **more)


def readings(first, count):
    """Two of a sensor in each second, in the order of their times."""
    return [reading(f"s{i % SENSORS}", (first + i) * SECOND // (2 * SENSORS), i % 8) for i in range(count)]


def sink(gateway):
    return gateway.status()["sinks"][0]


def error_of(gateway):
    return sink(gateway)["error"]


def killed_again_and_again(world, text, keys):
    target = receiver(world, text, checkpoint="1s").start()
    path = "rows" if text == JSON_RECEIVER else "api/v2/write?org=o&bucket=b"
    source = sender(world, f'url = "http://127.0.0.1:{target.values["push"]}/{path}"', *keys, checkpoint="1s").start()
    sent, part = 0, 10 * SENSORS
    for number in range(KILLS):
        accepted = source.send(*readings(sent, part))
        assert accepted == part, accepted
        sent += part
        time.sleep(random.uniform(0.0, 0.4))
        victim = source if number % 2 else target
        victim.kill()
        time.sleep(random.uniform(0.0, 0.2))
        victim.start()
    source.send(*[reading(f"s{i}", (sent // (2 * SENSORS) + 10) * SECOND, 1) for i in range(SENSORS)])  # ends all windows
    seconds = sent // (2 * SENSORS)
    wait_for(lambda: target.count() >= seconds * SENSORS, lambda: f"{target.count()} rows of {seconds * SENSORS}")
    wait_for(lambda: sink(source)["outbox_rows"] == 0, "no row waits")
    target.flush()
    expect("rows, each once, of all readings, by sensor", target.rows(),
           {(f"s{i}", 0): (seconds, 2 * seconds) for i in range(SENSORS)})
    print(f"{KILLS} kills, {seconds * SENSORS} rows; lost 0, doubled 0")
    assert source.stop() == 0 and target.stop() == 0


@case
def kills_lose_and_double_no_row(world):
    killed_again_and_again(world, JSON_RECEIVER, ['encoding = "json"'])


@case
def kills_lose_and_double_no_row_in_line_protocol(world):
    killed_again_and_again(world, INFLUX_RECEIVER, ['encoding = "influx"', 'token = "t0ken"', "gzip = true", "max_rows = 3"])


@case
def tls_is_checked(world):
    folder = world.folder / "certificates"
    certificates(folder)
    other = world.folder / "other"
    certificates(other)
    (world.folder / "token").write_text("s3cret\n")
    (world.folder / "token").chmod(0o600)
    token = f'token = "${{file:{world.folder}/token}}"'
    target = receiver(world, keys=f'cert_file = "{folder}/ca.pem"\nkey_file = "{folder}/key.pem"\n{token}').start()
    port = target.values["push"]
    source = sender(world)
    ours, others = f'tls = {{ ca = "{folder}/ca.pem" }}', f'tls = {{ ca = "{other}/ca.pem" }}'
    url = f'url = "https://127.0.0.1:{port}/rows"'
    source.configure(SENDER, keys="\n".join([url, token, others]))
    source.start()
    source.send(*readings(0, 40), reading("s0", 60 * SECOND, 1))
    for keys, words in [
        ([url, token, others], "certificate"),
        ([url, token], "certificate"),  # the system's authorities
        ([f'url = "https://localhost:{port}/rows"', token, ours], "localhost"),
        ([url, 'token = "wrong"', ours], "HTTP 401"),
        ([f'url = "http://127.0.0.1:{port}/rows"', token], ""),
        ([f'url = "https://127.0.0.1:{port}/other"', token, ours], "HTTP 404"),
        ([url, token, f'tls = {{ ca = "{world.folder}/none.pem" }}'], "certificate file"),
    ]:
        source.reload(SENDER, keys="\n".join(keys))
        wait_for(lambda: error_of(source) and words in error_of(source), lambda: (words, error_of(source)))
        expect_that("not ready", source.readyz()[0] == 503 or not words, source.readyz(), "503")
    expect("rows without trust", target.rows(), {})
    source.reload(SENDER, keys="\n".join([url, token, ours]))
    wait_for(lambda: target.count() >= 4, lambda: (target.rows(), error_of(source)))
    expect_that("the log", "s3cret" not in source.log() + target.log(), "", "no secret")
    assert source.stop() == 0 and target.stop() == 0


class Peer(http.server.ThreadingHTTPServer):
    """Answers what `answer` says, (status, headers, body) or None for silence; keeps the bodies that it answers 2xx."""

    daemon_threads = True

    def __init__(self, answer, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.rows, self.keys, self.silent = answer, [], [], threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http{'' if context is None else 's'}://127.0.0.1:{self.server_address[1]}/rows"

    def handle_error(self, *_):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.answer(body)
        if answer is None:
            self.server.silent.wait()
            self.close_connection = True
            return
        status, headers, text = answer
        if 200 <= status < 300 and self.headers["Idempotency-Key"] not in self.server.keys:
            self.server.keys.append(self.headers["Idempotency-Key"])
            self.server.rows += body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def keys_of(rows):
    return sorted((row["sensor"], row["start"]) for row in rows)


@each([("500", (500, {}, "out of order")), ("429", (429, {"Retry-After": "1"}, "slowly")), ("silence", None),
       ("redirect", (302, {"Location": "http://127.0.0.1:1/"}, ""))])
def rows_wait_and_then_arrive(world, answer):
    failing = threading.Event()
    peer = Peer(lambda body: (200, {}, "ok") if failing.is_set() else answer)
    source = sender(world, f'url = "{peer.url}"', 'timeout = "1s"').start()
    source.send(*readings(0, 200))
    wait_for(lambda: sink(source)["failures"] > 0, lambda: source.status())
    expect("rows while it fails", len(peer.rows), 0)
    failing.set()
    peer.silent.set()
    source.reload(SENDER + "# \n", keys=f'url = "{peer.url}"\ntimeout = "2s"')  # tried again at once
    source.send(*[reading(f"s{i}", 40 * SECOND, 1) for i in range(SENSORS)])
    wait_for(lambda: len(peer.rows) >= 20 * SENSORS, lambda: (len(peer.rows), error_of(source)))
    expect("rows, and different ones", (len(peer.rows), len(set(keys_of(peer.rows)))), (20 * SENSORS, 20 * SENSORS))
    assert source.stop() == 0


@case
def refused_rows_are_set_aside_and_named(world):
    def answer(body):
        bad = any(row["sensor"] == "s3" for row in body)
        return (400, {}, '{"message":"bad \x1b[31m sensor"}') if bad else (204, {}, "")
    peer = Peer(answer)
    source = sender(world, f'url = "{peer.url}"').start()
    source.send(*readings(0, 100), *[reading(f"s{i}", 40 * SECOND, 1) for i in range(SENSORS)])
    wait_for(lambda: sink(source)["rejected_rows"] == 10, lambda: sink(source))
    wait_for(lambda: len(peer.rows) >= 40, lambda: len(peer.rows))
    expect("rows of the others, and different ones", (len(peer.rows), len(set(keys_of(peer.rows)))), (40, 40))
    expect_that("the log", "s3/level" in source.log() and "HTTP 400" in source.log() and "\x1b" not in source.log(),
                source.log()[-300:], "names the row and the reason")
    assert source.stop() == 0


@case
def old_tls_is_refused(world):
    folder = world.folder / "certificates"
    certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    peer = Peer(lambda body: (200, {}, ""), context)
    source = sender(world, f'url = "{peer.url}"', f'tls = {{ ca = "{folder}/ca.pem" }}').start()
    source.send(*readings(0, 40), reading("s0", 60 * SECOND, 1))
    wait_for(lambda: error_of(source), "an error")
    expect("rows", peer.rows, [])
    assert source.stop() == 0


if __name__ == "__main__":
    cases.main()
