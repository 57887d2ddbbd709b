#!/usr/bin/env python3
"""Devices that publish straight to the real daemon: clients of mosquitto and Paho, a bridge of mosquitto, and devices of
bytes, with kills, cuts, certificates and passwords.

    mqtt_listener.py BUILD [CASE...]
"""
import json
import os
import random
import resource
import socket
import subprocess
import threading
import time

import cases
from cases import case, expect, expect_that
from gateway import LITE, START, Gateway, window
from mqtt_device import Answers, Device, connect, publish, pubrel
from world import certificates, free_port, wait_for

LISTENER = """
[sources.devices]
type = "mqtt_listener"
listen = "127.0.0.1:{mqtt}"
{keys}
[[sources.devices.routes]]
topic = "sensors/{{device}}/level"
format = "json"
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
[[sources.devices.routes]]
topic = "plain/{{device}}"
format = "number"
"""
KILLS = 20


def gateway(world, name, keys="", text=LISTENER, **values):
    return Gateway(world, text + window("w") + LITE, name, mqtt=free_port(), keys=keys, **values)


def level(number, value):
    return json.dumps({"time": START + number * 1000, "level": value})


def mosquitto_pub(one, *arguments, message=None, topic="sensors/a/level", lines=None, patience=60):
    how = ["-m", message] if lines is None else ["-l"]
    return subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(one.values["mqtt"]), "-t", topic,
                           *map(str, arguments), *how], input=lines, capture_output=True, text=True, timeout=patience)


@case
def clients_of_mosquitto_publish_with_every_qos_and_version(world):
    one = gateway(world, "mosquitto").start()
    for i, version in enumerate(["311", "5"]):
        for qos in [0, 1, 2]:
            done = mosquitto_pub(one, "-V", f"mqttv{version}", "-q", qos, "-i", "pub", message=level(i * 3 + qos, 2))
            assert done.returncode == 0, done
        lines = "".join(level(100 + i * 500 + j, 3) + "\n" for j in range(500))
        assert mosquitto_pub(one, "-V", f"mqttv{version}", "-q", 2, "-c", "-i", "kept", lines=lines).returncode == 0
    expect("readings", one.settles(1006), 1006)
    expect("their sum", one.rows()[("a", 0)], (1006, 6 * 2 + 1000 * 3))
    for version in ["311", "5"]:
        refused = subprocess.run(["mosquitto_sub", "-p", str(one.values["mqtt"]), "-V", f"mqttv{version}", "-t", "#"],
                                 capture_output=True, text=True, timeout=60)
        expect_that("SUBSCRIBE", "denied" in refused.stderr + refused.stdout, refused, "is denied")
    source = one.status()["sources"][0]
    assert source["connected"] and source["acknowledges"], source
    assert one.metrics()['edgetide_readings_refused_total{source="devices",reason="unsupported"}'] == 2
    assert one.stop() == 0


@case
def client_of_paho_publishes(world):
    one = gateway(world, "paho", text=LISTENER.replace("sensors/{{device}}/level", "sensors/{{device}}/{{metric}}")
                  .replace('["level"]', '["temperature"]')).start()
    world.simulate("--to", f"mqtt://127.0.0.1:{one.values['mqtt']}", "--sensors", 5, "--readings", 2000, "--span", 60)
    wait_for(lambda: one.received() == 2000, lambda: f"2000 readings, {one.received()}")
    assert one.stop() == 0


@case
def bridge_of_mosquitto_hands_on_what_its_clients_publish(world):
    one = gateway(world, "bridge", 'max_connections = 8').start()
    settings = (f"connection edgetide\naddress 127.0.0.1:{one.values['mqtt']}\ntopic # out 1\nremote_clientid site\n"
                "cleansession false\nnotifications false\ntry_private false\nbridge_outgoing_retain false\n"
                "restart_timeout 1\n")
    broker, _ = world.mosquitto(settings=settings)
    publisher = subprocess.Popen(["mosquitto_pub", "-p", str(broker), "-q", "1", "-l", "-t", "sensors/b/level"],
                                 stdin=subprocess.PIPE, text=True)
    world.children.append(publisher)
    for i in range(3000):
        publisher.stdin.write(level(i, i % 7) + "\n")
        if i % 1000 == 500:
            publisher.stdin.flush()
            wait_for(lambda: one.received() > 0, "the first readings")
            one.kill()
            one.start()
    publisher.stdin.close()
    assert publisher.wait(60) == 0
    expect("readings", one.settles(3000), 3000)
    one.flush()
    expect("their sum", one.rows()[("b", 0)], (3000, sum(i % 7 for i in range(3000))))
    assert one.stop() == 0


@case
def tls_lets_in_who_trusts_and_is_trusted(world):
    server, client = world.folder / "server", world.folder / "client"
    certificates(server)
    certificates(client)
    keys = (f'cert_file = "{server}/ca.pem"\nkey_file = "{server}/key.pem"\nclient_ca_file = "{client}/ca.pem"\n')
    one = gateway(world, "tls", keys).start()
    ours = ["--cert", client / "ca.pem", "--key", client / "key.pem"]
    for version in ["311", "5"]:
        lines = "".join(level(i, 1) + "\n" for i in range(2000))
        done = mosquitto_pub(one, "--cafile", server / "ca.pem", *ours, "-V", f"mqttv{version}", "-q", 1, lines=lines)
        assert done.returncode == 0, done
    expect("readings", one.settles(4000), 4000)
    bad = {"another CA": ["--cafile", client / "ca.pem", *ours],
           "no certificate": ["--cafile", server / "ca.pem"],
           "a foreign certificate": ["--cafile", server / "ca.pem", "--cert", server / "ca.pem", "--key", server / "key.pem"],
           "no TLS": []}
    for name, arguments in bad.items():
        refused = mosquitto_pub(one, *arguments, "-q", 1, message=level(0, 1))
        expect_that(name, refused.returncode != 0, refused, "is refused")
    versions = {version: subprocess.run(
        ["openssl", "s_client", version, "-cipher", "DEFAULT@SECLEVEL=0", "-connect", f"127.0.0.1:{one.values['mqtt']}",
         "-CAfile", server / "ca.pem", "-cert", client / "ca.pem", "-key", client / "key.pem"], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60).returncode for version in ["-tls1_1", "-tls1_2", "-tls1_3"]}
    expect("versions of TLS", {version: status == 0 for version, status in versions.items()},
           {"-tls1_1": False, "-tls1_2": True, "-tls1_3": True})
    large = json.dumps({"time": START, "level": 1, "note": "x" * 200_000})
    (world.folder / "large").write_text(large)
    done = subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(one.values["mqtt"]), "--cafile",
                           server / "ca.pem", *ours, "-q", "1", "-t", "sensors/a/level", "-f", world.folder / "large"],
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    expect("with a large one", one.settles(4001), 4001)
    assert one.stop() == 0


@case
def passwords_of_edgetide_and_of_mosquitto_count(world):
    file = world.folder / "passwords"
    made = subprocess.run([world.build / "edgetide", "password", "joe", "--prefix", "sensors/joe/"], input="s3cret\n",
                          capture_output=True, text=True, timeout=60)
    file.write_text(made.stdout)
    file.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-b", file, "ann", "0ther"], check=True, timeout=60)
    one = gateway(world, "users", f'password_file = "{file}"').start()
    outcomes = {("joe", "s3cret", "sensors/joe/level"): 0, ("ann", "0ther", "sensors/ann/level"): 0,
                ("joe", "0ther", "sensors/joe/level"): 5, ("jim", "s3cret", "sensors/joe/level"): 5}
    for (user, password, topic), status in outcomes.items():
        done = mosquitto_pub(one, "-u", user, "-P", password, "-q", 1, topic=topic, message=level(0, 1))
        expect_that(f"{user} {password}", (done.returncode == 0) == (status == 0), done, "let in" if status == 0 else "refused")
    assert mosquitto_pub(one, "-u", "joe", "-P", "s3cret", "-q", 1, message=level(0, 1)).returncode == 0
    expect("readings", one.settles(2), 2)
    refused = one.metrics()['edgetide_readings_refused_total{source="devices",reason="unauthorised"}']
    expect("refused", refused, 3)
    assert "s3cret" not in one.log() and "0ther" not in one.log()
    assert one.stop() == 0


def opened(one, client_id, version=4, clean=False):
    connection = socket.create_connection(("127.0.0.1", one.values["mqtt"]), timeout=60)
    connection.sendall(connect(client_id, version, clean))
    answers = Answers(connection)
    assert answers.next()[0] == 2
    return connection, answers


@case
def message_of_qos_2_counts_once_wherever_the_connection_is_cut(world):
    one = gateway(world, "cut").start()
    number = 0
    for kills in [False, True]:
        for version in [4, 5]:
            for cut_after in ["publish", "pubrec", "pubrel", "pubcomp"]:
                number += 1
                name = f"c{number}"
                connection, answers = opened(one, name, version)
                message = lambda dup: publish("plain/x", "1", 2, 9, dup, version)
                connection.sendall(message(False))
                steps = ["publish", "pubrec", "pubrel", "pubcomp"].index(cut_after)
                if steps == 0:
                    wait_for(lambda: one.received() == number, "the reading")
                if steps >= 1:
                    assert answers.next()[0] == 5
                if steps >= 2:
                    connection.sendall(pubrel(9))
                if steps >= 3:
                    assert answers.next()[0] == 7
                connection.close()
                if kills:
                    one.kill()
                    one.start()
                if steps == 3:
                    continue
                connection, answers = opened(one, name, version)
                if steps < 1:
                    connection.sendall(message(True))
                    assert answers.next()[0] == 5
                connection.sendall(pubrel(9))
                kind, _, body = answers.next()
                assert kind == 7 and int.from_bytes(body[:2], "big") == 9, (kind, body)
                connection.close()
    expect("readings", one.settles(number), number)
    assert one.stop() == 0


def killed_again_and_again(world, durability):
    one = gateway(world, f"killed_{durability}", journal=f'durability = "{durability}"', checkpoint="1s").start()
    enough, port = threading.Event(), one.values["mqtt"]
    devices = []
    for i, (qos, version, ids) in enumerate([(1, 4, 60_000), (1, 5, 60_000), (2, 4, 60_000), (2, 5, 25), (1, 4, 200), (2, 4, 60_000)]):
        payload = lambda n, i=i: level(i * 50_000_000 + n, n % 8)
        devices.append(Device(port, f"d{i}", f"sensors/s{i}/level", payload, enough, qos, version, ids=ids))
    equal = [Device(port, f"e{i}", f"plain/e{i}", lambda n: "1", enough, i, 4, window=5, pause=0.01) for i in (1, 2)]
    for device in devices + equal:
        device.start()
    for _ in range(KILLS):
        before = [device.answered for device in devices]
        wait_for(lambda: all(d.answered != b for d, b in zip(devices, before)), "an answer to each")
        time.sleep(random.uniform(0.0, 0.4))
        one.kill()
        one.start()
    enough.set()
    wait_for(lambda: not any(device.is_alive() for device in devices + equal), "everything is answered")
    sent = sum(device.sent for device in devices + equal)
    again, connections = (sum(getattr(d, name) for d in devices + equal) for name in ("again", "connections"))
    print(f"{durability}: {KILLS} kills, {sent} readings over {connections} connections, {again} packets sent again")
    one.flush()
    expect("readings in rows", one.settles(sent), sent)
    for i, device in enumerate(devices):
        rows = [row for (sensor, _), row in one.rows().items() if sensor == f"s{i}"]
        wanted = (device.sent, sum(n % 8 for n in range(device.sent)))
        expect(f"device {i}", (sum(row[0] for row in rows), sum(row[1] for row in rows)), wanted)
    expect("errors", [device.errors for device in devices + equal if device.errors], [])
    assert again > 0 and all(device.connections > KILLS / 2 for device in devices)
    assert one.stop() == 0


@case
def kills_lose_and_double_nothing(world):
    killed_again_and_again(world, "crash")


@case
def kills_lose_and_double_nothing_with_power(world):
    killed_again_and_again(world, "power")


@case
def stopped_and_reloaded_gateway_loses_and_doubles_nothing(world):
    one = gateway(world, "stopped").start()
    enough = threading.Event()
    devices = [Device(one.values["mqtt"], f"d{i}", f"plain/d{i}", lambda n: "1", enough, 1 + i % 2, 4 + i % 2) for i in range(4)]
    for device in devices:
        device.start()
    for i in range(8):
        before = sum(device.answered for device in devices)
        wait_for(lambda: sum(device.answered for device in devices) > before + 100, "answers")
        if i % 2:
            one.reload(one.text, keys=f"max_topic_bytes = {500 + i}")
        else:
            assert one.stop() == 0
            one.start()
    enough.set()
    wait_for(lambda: not any(device.is_alive() for device in devices), "everything is answered")
    sent = sum(device.sent for device in devices)
    expect("readings", one.settles(sent), sent)
    expect("errors", [device.errors for device in devices if device.errors], [])
    assert one.stop() == 0


@case
def many_idle_connections_and_slow_peers_cost_no_other(world):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(5000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 400), hard))
    keys = f"max_connections = {wanted + 50}\nmax_connections_per_peer = {wanted + 50}\nconnect_timeout = \"60s\""
    one = gateway(world, "idle", keys).start()
    try:
        idle = []
        for i in range(wanted):
            connection = socket.create_connection(("127.0.0.1", one.values["mqtt"]), timeout=60)
            if i % 2:
                connection.sendall(connect(f"idle{i}", clean=True))
            else:
                connection.sendall(b"\x10")  # and nothing more for now
            idle.append(connection)
        for i, connection in enumerate(idle):
            if i % 2:
                assert connection.recv(4) == b"\x20\x02\x00\x00", i
        began = time.monotonic()
        lines = "".join(level(i, 1) + "\n" for i in range(1000))
        assert mosquitto_pub(one, "-q", 1, lines=lines).returncode == 0
        print(f"1000 messages beside {wanted} idle connections: {time.monotonic() - began:.2f} s")
        expect("readings", one.settles(1000), 1000)
        memory = [line for line in open(f"/proc/{one.process.pid}/status") if line.startswith("VmRSS")]
        print(f"memory with {wanted} connections: {memory[0].split()[1]} KiB")
        for connection in idle:
            connection.close()
        wait_for(lambda: open_files(one) < 200, lambda: f"the connections are closed: {open_files(one)}")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert one.stop() == 0


def open_files(one):
    return len(os.listdir(f"/proc/{one.process.pid}/fd"))


@case
def client_whose_keep_alive_is_over_is_disconnected_and_comes_again(world):
    one = gateway(world, "silent").start()
    with socket.create_connection(("127.0.0.1", one.values["mqtt"]), timeout=60) as connection:
        connection.sendall(connect("c", 5, keep_alive=1))
        answers = Answers(connection)
        assert answers.next()[0] == 2
        began = time.monotonic()
        kind, _, body = answers.next()
        expect("DISCONNECT", (kind, body), (14, b"\x8d"))
        expect_that("after", 1.4 < time.monotonic() - began, time.monotonic() - began, "one and a half keep alives")
    connection, answers = opened(one, "c")
    connection.sendall(publish("plain/c", "1", 1, 1))
    expect("PUBACK", answers.next()[0], 4)
    expect("readings", one.settles(1), 1)
    assert one.stop() == 0


if __name__ == "__main__":
    cases.main()
