#!/usr/bin/env python3
"""The second listener, for scrapers: on another address than the status page, over TLS, with a token, and without the name
of any sensor.

    metrics_listener.py BUILD [CASE...]
"""
import subprocess

import cases
from cases import case, expect, expect_that
from gateway import LINE, LITE, Gateway, reading, window
from world import certificates, free_port, wait_for

TOKEN = "a-token-of-the-scraper"


def start(world, more="", listen="127.0.0.2"):
    port = free_port()
    text = LINE + window("w", "1h") + LITE + f'\n[metrics]\nlisten = "{listen}:{port}"\n{more}'
    gateway = Gateway(world, text).start()
    gateway.send(reading("secret-sensor", 0, 21.5))
    gateway.flush()
    return gateway, f"{listen}:{port}"


def curl(*arguments):
    """Status and body; status 0: there was no answer."""
    run = subprocess.run(["curl", "-s", "-m", "10", "-w", "\n%{http_code}", *map(str, arguments)], capture_output=True, text=True)
    body, _, status = run.stdout.rpartition("\n")
    return int(status or 0), body


@case
def metrics_and_health_alone_and_no_sensor(world):
    gateway, address = start(world)
    status, body = curl(f"http://{address}/metrics")
    expect("/metrics", status, 200)
    expect_that("readings in it", "edgetide_readings" in body, body[:200], "counters")
    expect("the sensor's name in it", "secret-sensor" in body, False)
    expect("/healthz", curl(f"http://{address}/healthz"), (200, "ok\n"))
    for path in ("/", "/status.json", "/readyz", "/metrics/..", "/status.json?x=/metrics"):
        status, body = curl("--path-as-is", f"http://{address}{path}")
        expect_that(path, status == 404 and "secret-sensor" not in body, (status, body), 404)
    expect("the status page on its address", curl(f"http://127.0.0.2:{gateway.values['http']}/")[0], 0)
    expect("the status page has the sensor", "secret-sensor" in gateway.get("/status.json")[1], True)


TOKENS = [("missing", [], 401), ("wrong", ["-H", "Authorization: Bearer wrong"], 401),
          ("shorter", ["-H", f"Authorization: Bearer {TOKEN[:-1]}"], 401),
          ("longer", ["-H", f"Authorization: Bearer {TOKEN}{TOKEN}"], 401), ("empty", ["-H", "Authorization: Bearer "], 401),
          ("basic", ["-u", f"x:{TOKEN}"], 401), ("in the query", ["-G", "-d", f"token={TOKEN}"], 401),
          ("right", ["-H", f"Authorization: Bearer {TOKEN}"], 200),
          ("right, lower case", ["-H", f"authorization: bearer {TOKEN}"], 200)]


@case
def token_is_needed(world):
    secret = world.write("token", TOKEN + "\n")
    secret.chmod(0o600)
    gateway, address = start(world, f'token = "${{{{file:{secret}}}}}"\n')
    for name, arguments, wanted in TOKENS:
        status, body = curl(*arguments, f"http://{address}/metrics")
        expect(f"status, {name}", status, wanted)
        expect(f"metrics in the answer, {name}", "edgetide_" in body, wanted == 200)
    expect("the token in the log", TOKEN in gateway.log(), False)


@case
def tls_with_its_certificate(world):
    folder = world.folder / "tls"
    certificates(folder)
    gateway, address = start(world, f'cert_file = "{folder}/ca.pem"\nkey_file = "{folder}/key.pem"\ntoken = "{TOKEN}"\n', "127.0.0.1")
    bearer = ["-H", f"Authorization: Bearer {TOKEN}"]
    expect("https", curl("--cacert", folder / "ca.pem", *bearer, f"https://{address}/metrics")[0], 200)
    expect("https without the token", curl("--cacert", folder / "ca.pem", f"https://{address}/metrics")[0], 401)
    expect("https with an unknown authority", curl(*bearer, f"https://{address}/metrics")[0], 0)
    expect("TLS 1.1", curl("--cacert", folder / "ca.pem", "--tls-max", "1.1", *bearer, f"https://{address}/metrics")[0], 0)
    expect_that("http", curl(*bearer, f"http://{address}/metrics")[0] != 200, "no answer", "not 200")
    wait_for(lambda: gateway.get("/healthz")[0] == 200, "the status page goes on without TLS")


cases.main()
