#!/usr/bin/env python3
"""Readings that are pushed over HTTP to the real daemon, with curl and as writers of InfluxDB send them.

    http_source.py BUILD [CASE...]
"""
import base64
import gzip
import http.client
import json
import random
import socket
import subprocess
import threading
import time

import cases
from cases import case, expect
from gateway import LITE, START, Gateway, window
from world import certificates, free_port, wait_for

PUSH = """
[sources.push]
type = "http"
listen = "127.0.0.1:{push}"
{keys}
[[sources.push.routes]]
path = "/ingest/{{device}}"
format = "json"
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
[[sources.push.routes]]
path = "/batch"
format = "json"
each = "[*]"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
"""
KILLS = 25
SENSORS = 8


def gateway(world, name, keys="", **values):
    return Gateway(world, PUSH + window("w") + LITE, name, push=free_port(), keys=keys, **values)


def curl(*arguments, data=None):
    """Status and body."""
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}",
                           *map(str, arguments)], input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stderr)
    body, _, status = done.stdout.decode().rpartition("\n")
    return int(status), body


def level(offset_us, value):
    return json.dumps({"time": START + offset_us, "level": value})


@case
def curl_sends_readings_that_become_rows(world):
    one = gateway(world, "curl").start()
    url = f"http://127.0.0.1:{one.values['push']}"
    status, body = curl(f"{url}/ingest/kitchen", "--json", level(0, 4))
    assert (status, json.loads(body)) == (200, {"accepted": 1, "refused": 0}), (status, body)
    assert curl(f"{url}/ingest/kitchen", "-X", "PUT", "-d", level(1, 5))[0] == 200
    packed = gzip.compress(level(2, 6).encode())
    assert curl(f"{url}/ingest/kitchen", "-H", "Content-Encoding: gzip", "--data-binary", "@-", data=packed)[0] == 200
    large = json.dumps([{"sensor": "s", "time": START + i, "level": 1} for i in range(4000)])
    assert len(large) > 160_000
    assert curl(f"{url}/batch", "--json", "@-", data=large.encode())[0] == 200
    status, body = curl(f"{url}/batch", "--json", '[{"sensor":"s","time":1,"level":"x"}]')
    assert status == 400 and json.loads(body)["first_refusal"]["reason"] == "bad_number", (status, body)
    assert curl(f"{url}/other", "--json", "{}")[0] == 404
    assert curl(f"{url}/ingest/kitchen")[0] == 405
    status, body = curl(f"{url}/api/v1/write", "-H", "Content-Type: application/x-protobuf", "-H",
                        "Content-Encoding: snappy", "-d", "x")
    assert status == 415 and "remote-write" in body, (status, body)
    assert one.settles(4003) == 4003 and one.rows()[("kitchen", 0)] == (3, 15), one.rows()
    source = one.status()["sources"][0]
    assert source["on_time"] == 4003 and source["connected"] and source["acknowledges"], source
    metrics = one.metrics()
    assert metrics['edgetide_readings_refused_total{source="push",reason="no_route"}'] == 1, metrics
    assert one.stop() == 0


@case
def refused_peers_learn_why(world):
    folder = world.folder / "certificates"
    certificates(folder)
    (world.folder / "token").write_text("s3cret\n")
    (world.folder / "token").chmod(0o600)
    keys = f'cert_file = "{folder}/ca.pem"\nkey_file = "{folder}/key.pem"\ntoken = "${{file:{world.folder}/token}}"'
    one = gateway(world, "tls", keys).start()
    url = f"https://127.0.0.1:{one.values['push']}/ingest/kitchen"
    trusting = ["--cacert", folder / "ca.pem", "--json", level(0, 1)]
    assert curl(url, *trusting)[0] == 401
    assert curl(url, *trusting, "-H", "Authorization: Bearer s3crex")[0] == 401
    assert curl(url, *trusting, "-H", "Authorization: Bearer s3cret")[0] == 200
    assert curl(url, *trusting, "-H", "Authorization: Token s3cret")[0] == 200
    plain = subprocess.run(["curl", "--silent", "--max-time", "20", url.replace("https", "http")], timeout=60)
    assert plain.returncode != 0
    assert one.settles(2) == 2
    assert "s3cret" not in one.log()
    assert one.stop() == 0


@case
def port_in_use_is_tried_again(world):
    one = gateway(world, "busy")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", one.values["push"]))
        taken.listen()
        one.start()
        wait_for(lambda: one.readyz()[0] == 503 and "cannot listen" in one.readyz()[1], lambda: one.readyz())
    one.wait_until_ready()
    assert curl(f"http://127.0.0.1:{one.values['push']}/ingest/a", "--json", level(0, 1))[0] == 200
    assert one.stop() == 0


@case
def slow_peers_cost_no_other(world):
    one = gateway(world, "slow", 'request_timeout = "2s"\nmax_connections_per_peer = 12\nmax_connections = 16').start()
    address = ("127.0.0.1", one.values["push"])
    slow = [socket.create_connection(address) for _ in range(8)]
    for i, peer in enumerate(slow):
        peer.sendall(b"POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{" if i % 2 else b"POST /in")
    assert curl(f"http://127.0.0.1:{address[1]}/ingest/a", "--json", level(0, 1))[0] == 200
    for peer in slow:
        peer.settimeout(20)
        assert peer.recv(1000) == b"", "closed without an answer"
        peer.close()
    assert one.stop() == 0


@case
def writers_of_influxdb_only_change_the_address(world):
    """The requests that influxdb-client 1.x for Python, Telegraf's influxdb_v2 and influxdb outputs make."""
    config = """
[sources.push]
type = "http"
listen = "127.0.0.1:{push}"
influx = true
token = "t0ken"
""" + window("w") + LITE
    one = Gateway(world, config, "influx", push=free_port()).start()

    def ask(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", one.values["push"], timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    assert ask("GET", "/ping")[0] == 204 and ask("HEAD", "/ping")[0] == 204
    status, body, _ = ask("GET", "/health", Accept="application/json")
    assert status == 200 and json.loads(body)["status"] == "pass", body
    lines = "".join(f"cpu,host=h{i % 4} usage={i % 8} {START // 1000 + i}\n" for i in range(1000))
    as_python = {"Authorization": "Token t0ken", "Content_Type": "text/plain; charset=utf-8", "Accept": "application/json",
                 "Content_Encoding": "identity", "User_Agent": "influxdb-client-python/1.49.0"}
    assert ask("POST", "/api/v2/write?org=o&bucket=b&precision=ms", lines, **as_python)[0] == 204
    as_python["Content_Encoding"] = "gzip"
    assert ask("POST", "/api/v2/write?org=o&bucket=b&precision=ms", gzip.compress(lines.encode()), **as_python)[0] == 204
    ns = f"mem,host=h0 used=5i {START * 1000}\n"
    assert ask("POST", "/api/v2/write?bucket=b&org=o", ns, Authorization="Token t0ken", User_Agent="Telegraf")[0] == 204
    assert ask("POST", "/write?consistency=any&db=telegraf&rp=", ns, Authorization="Bearer t0ken")[0] == 204
    status, body, _ = ask("POST", "/api/v2/write?org=o&bucket=b", "m v=1\nm v=oops\n", Authorization="Token t0ken")
    assert status == 400 and json.loads(body)["code"] == "invalid" and "line 2" in json.loads(body)["message"], body
    status, body, _ = ask("POST", "/api/v2/write?org=o&bucket=b", ns)
    assert status == 401 and json.loads(body)["code"] == "unauthorized", body
    basic = "Basic " + base64.b64encode(b"user:wrong").decode()
    assert ask("POST", "/write?db=telegraf", ns, Authorization=basic)[0] == 401
    expect("readings", one.status()["sources"][0]["on_time"] + one.status()["sources"][0]["late_dropped"], 2003)
    one.flush()
    expect("mean of a row", one.rows()[("h1", 0)][1] / one.rows()[("h1", 0)][0], 3)
    assert one.stop() == 0


class Sender(threading.Thread):
    """Sends bodies with a key each, and each again until it is answered 200; after `enough` no further one."""

    def __init__(self, port, number, enough):
        super().__init__(daemon=True)
        self.port, self.number, self.enough, self.connection = port, number, enough, None
        self.statuses = set()
        self.answered = self.again = self.replayed = 0

    def run(self):
        while not self.enough.is_set():
            while not self.is_taken():
                self.again += 1
                time.sleep(0.02)
            self.answered += 1
            time.sleep(0.005)

    def body(self):
        first = START + (self.number * 100_000 + self.answered) * 100
        return json.dumps([{"sensor": f"s{(self.number + i) % SENSORS}", "time": first + i, "level": i} for i in range(10)])

    def is_taken(self):
        try:
            self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            key = {"Idempotency-Key": f"{self.number}-{self.answered}"}
            self.connection.request("POST", "/batch", self.body(), key)
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            return False
        self.statuses.add(answer.status)
        self.replayed += answer.headers["Idempotent-Replayed"] is not None
        return answer.status == 200 and random.random() > 0.05  # now and then the answer is lost on its way


def killed_again_and_again(world, durability):
    one = gateway(world, f"killed_{durability}", journal=f'durability = "{durability}"', checkpoint="1s").start()
    enough = threading.Event()
    senders = [Sender(one.values["push"], number, enough) for number in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        before = sum(sender.answered for sender in senders)
        wait_for(lambda: sum(sender.answered for sender in senders) != before, "an answer")
        time.sleep(random.uniform(0.0, 0.4))
        one.kill()
        one.start()
    enough.set()
    wait_for(lambda: not any(sender.is_alive() for sender in senders), "everything is answered")
    sent = sum(10 * sender.answered for sender in senders)
    again, replayed = sum(s.again for s in senders), sum(s.replayed for s in senders)
    print(f"{durability}: {KILLS} kills, {sent} readings, {again} requests sent again, {replayed} answered as before")
    one.flush()
    expect("readings in rows", one.settles(sent), sent)
    expect("their sum", sum(row[1] for row in one.rows().values()), sent * 4.5)
    expect("other answers", set().union(*(sender.statuses for sender in senders)) - {200, 409, 503}, set())
    assert replayed > 0
    assert one.stop() == 0


@case
def kills_lose_and_double_nothing(world):
    killed_again_and_again(world, "crash")


@case
def kills_lose_and_double_nothing_with_power(world):
    killed_again_and_again(world, "power")


if __name__ == "__main__":
    cases.main()
