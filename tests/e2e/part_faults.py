#!/usr/bin/env python3
"""A part that cannot start is one part: it says why, the gateway is not ready and runs on with the others, and the part
works without a restart as soon as the cause is gone.

    part_faults.py BUILD [CASE...]
"""
import os
import shutil
import socket
import subprocess
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, LITE, Gateway, reading, window
from world import certificates, free_port, wait_for

REST = LINE + window("w", "10s", 'allowed_lateness = "5m"\n') + LITE
MAPPING = 'format = "json"\nsensor = { path = "sensor" }\ntime = { path = "time", format = "unix_us" }\nvalues = ["level"]\n'
MAPPING = MAPPING.replace("{", "{{").replace("}", "}}")


def socket_source(kind, listen, more=""):
    return f'\n[sources.bad]\ntype = "{kind}"\nlisten = "{listen}"\n{more}{MAPPING}'


def source_of(gateway, name):
    return next(each for each in gateway.status()["sources"] if each["name"] == name)


def is_impaired(gateway, reason):
    """The bad source alone, with this reason; the other one works."""
    code, text = gateway.readyz()
    expect("/readyz", code, 503)
    expect_that("its reason", "bad" in text and reason in text, text.strip(), f"source bad, {reason}")
    expect_that("the reason in the status", reason in source_of(gateway, "bad")["impairment"],
                source_of(gateway, "bad")["impairment"], reason)
    expect("acknowledged by the other source", gateway.send(reading("good", 0, 1)), 1)
    expect("its reading in a row", gateway.settles(1), 1)
    expect("process", gateway.process.poll(), None)


def works_again(gateway, send):
    gateway.wait_until_ready(40)
    expect("/readyz", gateway.readyz()[0], 200)
    wait_for(lambda: source_of(gateway, "bad")["impairment"] == "", "no impairment")  # the page is shared for a second
    send()
    expect("readings in rows", gateway.settles(2), 2)
    expect("the log says so", "source bad: works again" in gateway.log(), True)


def occupied(kind=socket.SOCK_STREAM):
    taken = socket.socket(socket.AF_INET, kind)
    taken.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        taken.listen()
    return taken, taken.getsockname()[1]


@case
def tcp_port_in_use(world):
    taken, port = occupied()
    gateway = Gateway(world, REST + socket_source("tcp", f"127.0.0.1:{port}", "ack = true\n")).start()
    is_impaired(gateway, "Address already in use")
    taken.close()
    works_again(gateway, lambda: gateway.send(reading("bad", 0, 1), port=port))


@case
def udp_port_in_use(world):
    taken, port = occupied(socket.SOCK_DGRAM)
    gateway = Gateway(world, REST + socket_source("udp", f"127.0.0.1:{port}")).start()
    is_impaired(gateway, "Address already in use")
    taken.close()
    works_again(gateway, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
        reading("bad", 0, 1).encode(), ("127.0.0.1", port)))


@case
def all_sources_fail(world):
    taken, port = occupied()
    gateway = Gateway(world, REST, tcp=port).start()
    expect("/readyz", gateway.readyz()[0], 503)
    taken.close()
    gateway.wait_until_ready(40)
    expect("acknowledged", gateway.send(reading("s", 0, 1)), 1)


@case
def unix_socket_whose_folder_is_missing(world):
    path = world.folder / "later" / "readings.sock"
    gateway = Gateway(world, REST + socket_source("unix", path)).start()
    is_impaired(gateway, "No such file or directory")
    path.parent.mkdir()

    def send():
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(reading("bad", 0, 1).encode() + b"\n")
    works_again(gateway, send)


@case
def unix_socket_where_another_process_listens_stays_its(world):
    path = world.folder / "readings.sock"
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(path))
    other.listen(0)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]  # its queue is full: a blocking probe would hang
    for peer in waiting:
        peer.setblocking(False)
        peer.connect_ex(str(path))
    gateway = Gateway(world, REST + socket_source("unix", path)).start()
    is_impaired(gateway, "another process listens there")
    time.sleep(3)
    expect("the other's socket is still there", path.exists(), True)
    epoch = gateway.status()["epoch"]
    wait_for(lambda: gateway.status()["epoch"] > epoch, "triggers go on")
    other.close()
    gateway.wait_until_ready(40)


@case
def file_that_is_not_a_socket_stays(world):
    path = world.write("readings.sock", "mine")
    gateway = Gateway(world, REST + socket_source("unix", path)).start()
    is_impaired(gateway, "is not a socket")
    expect("the file", path.read_text(), "mine")
    path.unlink()
    gateway.wait_until_ready(40)


@case
def interface_address_that_is_not_there_yet(world):
    text = socket_source("tcp", "192.0.2.77:9999", 'allow = ["192.0.2.0/24"]\nack = true\n')
    gateway = Gateway(world, REST + text).start()
    is_impaired(gateway, "Cannot assign requested address")
    if os.geteuid() == 0 and subprocess.run(["ip", "address", "add", "192.0.2.77/32", "dev", "lo"],
                                            capture_output=True).returncode == 0:
        try:
            gateway.wait_until_ready(40)
            expect("/readyz with the address", gateway.readyz()[0], 200)
        finally:
            subprocess.run(["ip", "address", "del", "192.0.2.77/32", "dev", "lo"], capture_output=True)


def tls_broker(world):
    folder = world.folder / "tls"
    certificates(folder)
    port = free_port()
    world.mosquitto(settings=f"listener {port} 127.0.0.1\ncertfile {folder}/ca.pem\nkeyfile {folder}/key.pem\n")
    return folder, port


def mqtts(port, tls, protocol="5"):
    return (f'\n[sources.bad]\ntype = "mqtt"\nservers = ["mqtts://127.0.0.1:{port}"]\nprotocol = "{protocol}"\n'
            f'tls = {{{{ {tls} }}}}\n[[sources.bad.routes]]\ntopic = "t/#"\n{MAPPING}')


def publish(world, folder, port):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "--cafile", folder / "ca.pem", "-q", "1", "-t", "t/x",
                    "-m", reading("bad", 0, 1)], check=True, timeout=30)


@case
def ca_file_that_is_missing(world):
    folder, port = tls_broker(world)
    late = world.folder / "late.pem"
    gateway = Gateway(world, REST + mqtts(port, f'ca = "{late}"')).start()
    is_impaired(gateway, "No such file or directory")
    late.mkdir()
    wait_for(lambda: "is not a regular file" in gateway.readyz()[1], "a folder in its place is not a file")
    late.rmdir()
    shutil.copy(folder / "ca.pem", late)
    works_again(gateway, lambda: publish(world, folder, port))


@case
def ca_file_that_goes_while_the_daemon_runs(world):
    folder, port = tls_broker(world)
    ca = world.folder / "ca.pem"
    shutil.copy(folder / "ca.pem", ca)
    gateway = Gateway(world, REST + mqtts(port, f'ca = "{ca}"')).start()
    gateway.wait_until_ready()
    ca.unlink()
    broker = next(child for child in world.children if "mosquitto" in str(child.args))
    broker.kill()
    broker.wait()
    wait_for(lambda: "cannot read" in gateway.readyz()[1], "the gateway says which file is missing")
    is_impaired(gateway, "cannot read")
    world.spawn(broker.args, "mosquitto")
    shutil.copy(folder / "ca.pem", ca)
    works_again(gateway, lambda: publish(world, folder, port))


@case
def reload_with_a_source_that_cannot_start_is_applied(world):
    taken, port = occupied()
    gateway = Gateway(world, REST).start()
    gateway.wait_until_ready()
    gateway.reload(REST + socket_source("tcp", f"127.0.0.1:{port}", "ack = true\n"))
    expect("reload", gateway.status()["reload"]["successful"], True)
    is_impaired(gateway, "Address already in use")
    gateway.reload(REST)
    gateway.wait_until_ready(10)
    gateway.reload(REST + socket_source("tcp", f"127.0.0.1:{port}", "ack = true\nmax_connections = 7\n"))
    is_impaired(gateway, "Address already in use")
    taken.close()
    works_again(gateway, lambda: gateway.send(reading("bad", 0, 1), port=port))


@case
def port_of_the_monitor_in_use(world):
    taken, port = occupied()
    gateway = Gateway(world, REST, http=port)
    gateway.launch()
    wait_for(lambda: gateway.manager.count("READY=1") > 0, "the gateway runs")
    wait_for(lambda: "http: cannot listen on" in gateway.log(), "the log says so")
    expect("acknowledged meanwhile", gateway.send(reading("s", 0, 1)), 1)
    status = subprocess.run([world.build / "edgetide", "status", "--config", gateway.config], capture_output=True, text=True)
    expect_that("edgetide status", "not ready: http: cannot listen on" in status.stdout, status.stdout[:200], "the reason")
    taken.close()
    wait_for(gateway.answers, "the page")
    expect("listener_error", gateway.status()["listener_error"], "")
    gateway.wait_until_ready()
    expect("reading in a row", gateway.settles(1), 1)


def metrics_text(port, tls=""):
    return REST + f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n{tls}'


def listener_is_missing(gateway, reason):
    """The gateway is not ready for this reason, and runs."""
    code, text = gateway.readyz()
    expect("/readyz", code, 503)
    expect_that("its reason", text.startswith("metrics: ") and reason in text, text.strip(), f"metrics, {reason}")
    expect_that("listener_error", reason in gateway.status()["listener_error"], gateway.status()["listener_error"], reason)
    expect("control_error", gateway.status()["control_error"], "")
    expect_that("log", reason in gateway.log(), gateway.log()[-200:], reason)
    expect("acknowledged meanwhile", gateway.send(reading("s", 0, 1)), 1)
    expect("reading in a row", gateway.settles(1), 1)


def check(gateway):
    """Exit status and what it says of listeners."""
    done = subprocess.run([gateway.world.build / "edgetide", "check", "--config", gateway.config], capture_output=True,
                          text=True, timeout=30)
    return done.returncode, "\n".join(line for line in done.stderr.splitlines() if "if it were started now" in line)


@case
def port_of_the_metrics_in_use(world):
    taken, port = occupied()
    gateway = Gateway(world, metrics_text(port))
    status, warnings = check(gateway)
    expect("check", status, 0)
    expect_that("its warning", f"metrics: cannot listen on 127.0.0.1:{port}: Address already in use" in warnings, warnings,
                "the reason")
    gateway.start()
    listener_is_missing(gateway, "Address already in use")
    taken.close()
    gateway.wait_until_ready(40)
    expect("check while the gateway listens there", check(gateway), (0, ""))


@case
def certificate_of_the_metrics_is_missing(world):
    folder, port = world.folder / "tls", free_port()
    gateway = Gateway(world, metrics_text(port, f'cert_file = "{folder}/ca.pem"\nkey_file = "{folder}/key.pem"\n')).start()
    listener_is_missing(gateway, "cannot read")
    for state in ("running", "stopped"):
        status, warnings = check(gateway)
        expect(f"check, {state}", status, 0)
        expect_that(f"its warning, {state}", f"metrics: cannot read {folder}/ca.pem" in warnings, warnings, "the reason")
        if state == "running":
            gateway.stop()
    certificates(folder)
    expect("check with the certificate", check(gateway), (0, ""))
    gateway.start()
    gateway.wait_until_ready()
    (folder / "key.pem").write_text("another key\n")
    status, warnings = check(gateway)
    expect_that("check with another key", "are certificate and key a pair?" in warnings, warnings, "the reason")


@case
def control_socket_that_cannot_be_made_is_said_and_the_gateway_is_ready(world):
    gateway = Gateway(world, REST)
    (gateway.state / "control.sock" / "in_the_way").mkdir(parents=True)
    gateway.start()
    gateway.wait_until_ready()
    status = gateway.status()
    expect("listener_error", status["listener_error"], "")
    expect_that("control_error", "control.sock" in status["control_error"], status["control_error"], "names the socket")


SINKS = {
    "sqlite": ('type = "sqlite"\npath = "{place}/rows.db"\n', lambda place: (place / "rows.db").exists()),
    "file": ('type = "file"\nfolder = "{place}/rows"\n', lambda place: any((place / "rows").glob("bad-*"))),
}


@each([(f"{kind}-{fault}", kind, fault) for kind in SINKS for fault in ("missing", "file_in_its_place", "position")
       if (kind, fault) not in (("sqlite", "position"), ("file", "missing"))])
def sink_that_cannot_be_made(world, kind, fault):
    text, stored = SINKS[kind]
    place = world.folder / "place"
    if fault == "file_in_its_place":
        place.write_text("in the way")
    if fault == "position":
        (place / "rows" / "bad.position").mkdir(parents=True)
    gateway = Gateway(world, REST + "\n[sinks.bad]\n" + text.format(place=place)).start()
    gateway.send(reading("s", 0, 1))
    wait_for(lambda: gateway.readyz()[0] == 503, "not ready")
    expect_that("its reason", "sink bad: " in gateway.readyz()[1], gateway.readyz()[1].strip(), "names the sink")
    expect("rows of the other sink", gateway.settles(1), 1)
    if place.is_file():
        place.unlink()
    if fault == "position":
        (place / "rows" / "bad.position").rmdir()
    place.mkdir(exist_ok=True)
    wait_for(lambda: stored(place), "the sink works")
    gateway.wait_until_ready(45)
    expect("/readyz", gateway.readyz()[0], 200)


@case
def bad_value_ends_the_daemon_with_78(world):
    gateway = Gateway(world, REST + socket_source("tcp", "not-an-address"))
    gateway.launch()
    expect("exit status", gateway.process.wait(30), 78)


cases.main()
