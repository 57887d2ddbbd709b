#!/usr/bin/env python3
"""The alert rules among the examples against the metrics of a running gateway, and both against promtool if it is installed."""
import http.client
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from world import World, free_port, listens, stop_daemon, wait_for

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "daemon/monitor/examples/alerts.yml"
# A store that is away, so that rows wait.
CONFIG = """
[gateway]
id = "e2e"
state_directory = "{folder}"
[http]
listen = "127.0.0.1:{http}"
[clock]
wait_after_boot = "0s"
[checkpoint]
interval = "1s"
[sources.local]
type = "unix"
listen = "{folder}/readings.sock"
format = "json"
sensor = {{ path = "sensor" }}
[windows.minute]
size = "1m"
trigger = "100ms"
[sinks.away]
type = "postgresql"
connection = "host={folder} dbname=none user=none"
max_lag = "1h"
"""


def metrics_of(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


def values_of(text):
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in samples}


def send(folder):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(folder / "readings.sock"))
        line.sendall(b'{"sensor":"a","t":1}\n' * 5 + b"not a document\n")


def rules_name_metrics_that_are_there(text):
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")} | {"up"}
    samples = {re.match(r"\w+", line)[0] for line in text.splitlines() if not line.startswith("#")} | {"up"}
    rules = re.split(r"^ +- alert: ", RULES.read_text(), flags=re.MULTILINE)[1:]
    assert len(rules) > 10, len(rules)
    for rule in rules:
        expression = re.search(r"expr:(.*?)^ +(?:for|labels):", rule, re.MULTILINE | re.DOTALL)[1]
        used = set(re.findall(r"\b(?:edgetide_\w+|up\b)", expression))
        assert used and used <= names and used <= samples, (rule, used - names, used - samples)
        assert re.search(r"severity: (critical|warning) ", rule), rule
        assert "summary:" in rule, rule
        assert re.search(r"for: \d+m", rule) or "increase(" in expression, f"flaps: {rule}"


def counters_restart_together(world, config, folder, port, before):
    """Of those that count what came in: after a restart none goes on while others begin again."""
    assert before['edgetide_source_readings_total{source="local"}'] == 6, before
    daemon = world.run_daemon(config)
    try:
        wait_for(lambda: listens(port), "the status page")
        after = values_of(metrics_of(port))
    finally:
        stop_daemon(daemon)
    # What is written at the start is counted from there too.
    own = ("edgetide_journal_", "edgetide_checkpoints_total", "process_", "edgetide_sink_errors_total")
    counted = {name: value for name, value in after.items() if "_total" in name and value and not name.startswith(own)}
    assert not counted, counted


def promtool_agrees(text):
    promtool = shutil.which("promtool")
    if not promtool:
        return print("promtool: not installed, not asked")
    for arguments, said in ((["check", "metrics"], text), (["check", "rules", RULES], ""),
                            (["test", "rules", ROOT / "tests/e2e/alerts.yml"], "")):
        run = subprocess.run([promtool, *arguments], input=said, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run


def main():
    with World(sys.argv[1]) as world:
        folder, port = world.folder, free_port()
        config = folder / "edgetide.toml"
        config.write_text(CONFIG.format(folder=folder, http=port))
        daemon = world.run_daemon(config)
        try:
            wait_for(lambda: (folder / "readings.sock").exists(), "the socket")
            wait_for(lambda: listens(port), "the status page")
            send(folder)
            expected = ("edgetide_outbox_oldest_timestamp_seconds{", "edgetide_watermark_lag_seconds{",
                        "edgetide_checkpoint_last_success_timestamp_seconds ", 'reason="bad_syntax"')
            wait_for(lambda: all(re.search(rf"^[^#].*{re.escape(name)}|^{re.escape(name)}", metrics_of(port), re.MULTILINE)
                                 for name in expected), "rows that wait")
            text = metrics_of(port)
            rules_name_metrics_that_are_there(text)
            promtool_agrees(text)
        finally:
            stop_daemon(daemon)
        counters_restart_together(world, config, folder, port, values_of(text))
    print("alerts: fine")


main()
