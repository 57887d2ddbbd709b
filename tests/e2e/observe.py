#!/usr/bin/env python3
"""Monitoring of the running daemon: metrics, status page, readiness, the control socket, its commands in a terminal."""
import grp
import http.client
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import fcntl
import time

from world import World, free_port, listens, stop_daemon, wait_for

CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[http]
listen = "127.0.0.1:{http}"
[time]
max_out_of_orderness = "0s"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
[windows.minute]
size = "1m"
allowed_lateness = "1h"
trigger = "100ms"
[windows.all]
size = "1m"
allowed_lateness = "1h"
group_by = ["metric"]
trigger = "100ms"
[sinks.lite]
type = "sqlite"
"""
MINUTE = 60_000_000


class Looker:
    def __init__(self, world, config, port):
        self.world, self.config, self.port = world, config, port

    def get(self, path, method="GET", headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def metrics(self):
        lines = [line for line in self.get("/metrics")[1].splitlines() if not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def edgetide(self, *arguments, status=0):
        run = subprocess.run([self.world.build / "edgetide", *arguments, "--config", self.config], capture_output=True,
                             text=True, timeout=60)
        assert run.returncode == status, run
        return run.stdout if status == 0 else run.stderr


def send(world, *readings):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(world.folder / "readings.sock"))
        for reading in readings:
            peer.sendall((json.dumps(reading) + "\n").encode())


def check_http(look):
    status, page, headers = look.get("/")
    assert status == 200 and "<title>Edgetide</title>" in page and "@NONCE@" not in page
    policy = headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in page and "default-src 'none'" in policy, policy
    assert nonce not in look.get("/")[2]["Content-Security-Policy"], "the nonce is used again"
    assert look.get("/healthz")[:2] == (200, "ok\n")
    assert look.get("/readyz")[:2] == (200, "ok\n")
    assert look.get("/metrics", "HEAD")[:2] == (200, "")
    assert look.get("/nothing")[0] == 404
    assert look.get("/", "POST")[0] == 405
    assert look.get("/", headers={"Host": "evil.example"})[0] == 403
    assert look.get("/", headers={"Host": "localhost:1"})[0] == 200
    assert look.get("/" + "x" * 20_000)[0] in (414, 431)
    # Those who connect and say nothing keep nobody else out for long.
    idle = [socket.create_connection(("127.0.0.1", look.port)) for _ in range(16)]
    assert look.get("/healthz")[0] == 200
    for each in idle:
        each.close()


def check_page(look, status):
    if not shutil.which("node"):
        return print("the script of the status page was not run: no node", file=sys.stderr)
    page, answer = look.world.folder / "page.html", look.world.folder / "status.json"
    page.write_text(look.get("/")[1])
    answer.write_text(json.dumps(status))
    shown = subprocess.run(["node", pathlib.Path(__file__).with_name("status_page.mjs"), page, answer], check=True,
                           capture_output=True, text=True, timeout=60).stdout
    assert "sources: " in shown and " kitchen / " in shown, shown
    unread = [(each["name"], route) for each in status["sources"] for route in each["messages_without_reading"]]
    assert unread, status["sources"]
    for source, route in unread:
        for reason in route.keys() - {"route"}:
            assert f"{source} {route['route'] or '–'} {reason} {route[reason]}" in shown, shown


def check_status(look, now):
    status = json.loads(look.get("/status.json")[1])
    assert status["gateway"] == "e2e" and status["ready"], status
    source, = status["sources"]
    assert (source["readings"], source["late_accepted"], source["messages"]) == (5, 1, 6), source
    assert source["refused"] == {"too_early": 1, "bad_id": 1} and source["bytes"] > 100, source
    minute = status["windows"][0]
    assert minute["spans"] and minute["watermark"]["slowest"] <= minute["watermark"]["median"], minute
    check_page(look, status)
    assert [s["sensor"] for s in status["late_sensors"]] == ["kitchen"], status["late_sensors"]
    assert [s["sensor"] for s in status["skewed_sensors"]] == ["<b>"], status["skewed_sensors"]
    assert json.loads(look.edgetide("status", "--format", "json"))["sources"] == status["sources"]
    text = look.edgetide("status")
    assert "gateway e2e" in text and "ready" in text and "minute  tumbling" in text, text

    metrics = look.metrics()
    assert metrics['edgetide_source_readings_total{source="local"}'] == 5, metrics
    assert metrics['edgetide_late_readings_total{source="local",outcome="accepted"}'] == 1
    assert metrics['edgetide_source_bad_time_total{source="local",reason="too_early"}'] == 1
    assert metrics['edgetide_event_delay_seconds_count{source="local"}'] == 4
    for reason in ("no_value", "bad_id"):
        assert metrics['edgetide_messages_without_reading_total{source="local",route="",reason="%s"}' % reason] == 1
    assert source["messages_without_reading"] == [{"route": "", "bad_id": 1, "no_value": 1}], source
    assert "MESSAGES WITHOUT A READING" in text, text
    assert metrics["edgetide_series"] == 2 and metrics["process_open_fds"] > 5
    assert not any("kitchen" in name for name in metrics), "a sensor is a label"


def check_sensors(look):
    sensors = [json.loads(line) for line in look.edgetide("sensors", "--format", "json").splitlines()]
    assert [(s["sensor"], s["value"]) for s in sensors] == [("<b>", None), ("kitchen", 3)], sensors
    assert "kitchen" in look.edgetide("sensors", "--late") and "<b>" in look.edgetide("sensors", "--skewed")
    assert len(look.edgetide("sensors", "--silent").splitlines()) == 1
    look.edgetide("sensors", "--late", "--silent", status=64)

    why = look.edgetide("why", "minute", "kitchen/t")
    assert "closes at watermark" in why and "more of silence" in why, why
    explained, = json.loads(look.edgetide("why", "minute", "kitchen", "--format", "json"))["keys"]
    assert "open" in [window["state"] for window in explained["windows"]], explained
    assert "held by      kitchen/t" in look.edgetide("why", "all", "metric=t")
    assert "there is no window hour" in look.edgetide("why", "hour", "kitchen", status=1)
    assert "no reading of hall" in look.edgetide("why", "minute", "hall", status=1)


def check_tap(look, world, now):
    assert "there is no source or window" in look.edgetide("tap", "nothing", status=1)
    taps = {}
    for name in ("local", "minute"):
        taps[name] = world.spawn([world.build / "edgetide", "tap", name, "--format", "json", "--config", look.config],
                                 f"tap-{name}")
    log = {name: world.folder / f"tap-{name}.log" for name in taps}

    def seen():
        send(world, {"sensor": "hall", "time": now, "t": 7})
        return all('"hall"' in path.read_text() for path in log.values())
    wait_for(seen, "a reading and a row in the taps")
    reading = [json.loads(line) for line in log["local"].read_text().splitlines()][0]
    assert (reading["metric"], reading["value"]) == ("t", 7), reading
    row = [json.loads(line) for line in log["minute"].read_text().splitlines() if '"hall"' in line][0]
    assert (row["window"], row["avg"]) == ("minute", 7), row
    for tap in taps.values():
        tap.terminate()


def check_top(look, world):
    """In a terminal of its own: draws, follows a resize, ends with q, and leaves the terminal as it was."""
    try:
        main, terminal = pty.openpty()
    except OSError as error:
        print(f"top: skipped: {error}")
        return
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    before = termios.tcgetattr(terminal)
    top = subprocess.Popen([world.build / "edgetide", "top", "--config", look.config], stdin=terminal, stdout=terminal,
                           stderr=terminal, start_new_session=True)
    shown = bytearray()

    def shows(text):
        if select.select([main], [], [], 0.05)[0]:
            shown.extend(os.read(main, 65536))
        return text in shown
    wait_for(lambda: shows(b"readings/s"), "a frame")
    shown.clear()
    wait_for(lambda: shows(b"readings/s"), "a second frame")
    shown.clear()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 30, 0, 0))
    top.send_signal(signal.SIGWINCH)
    wait_for(lambda: shows(b"gateway e2e"), "a frame after the resize")
    os.write(main, b"q")
    wait_for(lambda: shows(b"\x1b[?1049l") and top.poll() is not None, "top ends")
    assert top.returncode == 0 and termios.tcgetattr(terminal) == before
    os.close(main)
    os.close(terminal)
    assert "needs a terminal" in look.edgetide("top", status=1)


def check_control_socket(look, world):
    path = world.folder / "control.sock"
    assert path.stat().st_mode & 0o777 == 0o660, oct(path.stat().st_mode)

    def raw(request):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))  # waits where as many wait already as may; with a timeout it would not
            peer.settimeout(60)
            try:
                peer.sendall(request)
                return b"".join(iter(lambda: peer.recv(65536), b""))
            except (ConnectionResetError, BrokenPipeError):
                return b""
    assert json.loads(raw(b"status\tjson\n"))["gateway"] == "e2e"
    for bad in (b"\n", b"nonsense\tjson\n", b"why\tjson\n", b"status\n", b"tap\t\ttext\n", b"\xff\x00\n"):
        assert raw(bad).startswith(b"error: "), bad
    assert raw(b"x" * 100_000) == b""
    idle = []
    for _ in range(20):  # more than may connect; they say nothing
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(path))
        idle.append(peer)
    wait_for(lambda: raw(b"status\tjson\n"), "those who say nothing are closed")
    for peer in idle:
        peer.close()


def check_names_and_rights(look, world):
    for kind, names in (("windows", ["all", "minute"]), ("sources", ["local"]), ("sinks", ["lite"])):
        assert look.edgetide("names", kind).split() == names, kind
    sensors = look.edgetide("names", "sensors").split()
    assert "kitchen" in sensors and "<b>" not in sensors, sensors  # which a shell would not take for a name
    if os.geteuid() != 0:
        return print("rights: not asked, since the test is not root")
    name, socket_path = grp.getgrgid(1).gr_name, world.folder / "control.sock"
    os.chown(socket_path, 0, 1)
    run = subprocess.run([world.build / "edgetide", "status", "--socket", socket_path], capture_output=True, text=True,
                         timeout=60, user="nobody", group="nogroup", extra_groups=[])
    assert run.returncode == 1 and f"sudo usermod -aG {name} " in run.stderr, run


def main():
    with World(sys.argv[1]) as world:
        port = free_port()
        config = world.write("edgetide.toml", CONFIG.format(folder=world.folder, http=port))
        look = Looker(world, config, port)
        assert "no running gateway answers" in look.edgetide("status", status=1)
        daemon = world.run_daemon(config)
        wait_for(lambda: listens(port), "http listens")
        world.wait_for_log(daemon, "sink lite: ready")
        check_http(look)

        now = int(time.time() * 1e6)
        send(world, {"sensor": "kitchen", "time": now, "t": 1}, {"sensor": "kitchen", "time": now - 10 * MINUTE, "t": 2},
             {"sensor": "kitchen", "time": now, "t": 3}, {"sensor": "<b>", "time": now + 10 * MINUTE, "t": 4},
             "no object", {"sensor": "kitchen", "note": "only words"})
        wait_for(lambda: look.metrics()['edgetide_source_messages_total{source="local"}'] == 6, "six messages")
        wait_for(lambda: json.loads(look.get("/status.json")[1])["sinks"][0]["rows"] > 0, "rows in the store")
        check_status(look, now)
        check_sensors(look)
        check_tap(look, world, now)
        check_top(look, world)
        check_control_socket(look, world)
        check_names_and_rights(look, world)

        second = world.write("second.toml", CONFIG.format(folder=world.folder / "second", http=port))
        (world.folder / "second").mkdir()
        other = world.spawn([world.build / "edgetide", "run", "--config", second], "second")
        wait_for(lambda: "cannot listen on" in (world.folder / "second.log").read_text(), "the taken port is told")
        wait_for(lambda: "ready" in (world.folder / "second.log").read_text(), "the gateway works nevertheless")
        stop_daemon(other)
        stop_daemon(daemon)
        assert not (world.folder / "control.sock").exists()
        print("metrics, page, readiness, control socket and its commands are as they should be")


main()
