#!/usr/bin/env python3
"""The life cycle of the package on a machine with a real systemd: installed, configured, started with credentials, fed over
MQTT, killed, frozen, misconfigured, upgraded, stopped, removed, purged. Each step is checked.

    tests/system/service.py PACKAGE.deb     as root; exit status 77: skipped, with the reason
"""
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import Machine, dependencies, make_tree, skip, skip_unless_possible, wait_for

CONFIG = """
[gateway]
id = "system-test"
[clock]
wait_after_boot = "0s"
[sources.plant]
type = "mqtt"
servers = ["mqtt://127.0.0.1:1883"]
username = "edgetide"
password = "${credential:mqtt_password}"
routes = [ { topic = "sensors/{device}/{metric}", format = "number" } ]
[windows.second]
size = "1s"
trigger = "500ms"
[sinks.lite]
type = "sqlite"
[sinks.history]
type = "postgresql"
connection = "host=127.0.0.1 dbname=plant user=edgetide"
password = "${credential:pg_password}"
"""
CONFIG_FILE = "/etc/edgetide/edgetide.toml"
BROKER = "listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /etc/mosquitto/passwords\n"
# The example that the package ships, with both of its passwords, and a short patience of the watchdog.
WATCHDOG = "[Service]\nWatchdogSec=3s\n"


def show(machine, property):
    return machine.text("systemctl", "show", "edgetide", "--value", "-p", property)


def is_running(machine):
    return show(machine, "ActiveState") == "active" and show(machine, "SubState") == "running"


def journal_of(machine):
    return machine.text("journalctl", "--no-pager", "-o", "cat", "-u", "edgetide")


def stored(machine):
    """How many readings are in the rows of either store; -1: no store yet."""
    sqlite = machine.text("sqlite3", "/var/lib/edgetide/edgetide.db", "SELECT coalesce(sum(count), 0) FROM second",
                          check=False)
    postgres = machine.text("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", "plant", "-c",
                            "SELECT coalesce(sum(count), 0) FROM edgetide.second", check=False)
    return int(sqlite or -1), int(postgres or -1)


class Feed:
    """Publishes readings with the credentials of the gateway, and waits for all that were ever sent in both stores."""

    def __init__(self, machine):
        self.machine = machine
        self.sent = 0

    def readings_arrive_in_both_stores(self, readings=50):
        self.machine.run("mosquitto_pub", "-u", "edgetide", "-P", "from the credential", "-q", "1", "-l", "-t",
                         "sensors/kitchen/temperature", text="".join(f"{20 + i / 10}\n" for i in range(readings)))
        self.sent += readings
        wait_for(lambda: stored(self.machine) == (self.sent, self.sent),
                 lambda: f"{self.sent} readings in both stores: {stored(self.machine)}")


def broker_and_database_are_set_up(machine):
    machine.write("/etc/mosquitto/conf.d/test.conf", BROKER)
    machine.run("mosquitto_passwd", "-b", "-c", "/etc/mosquitto/passwords", "edgetide", "from the credential")
    machine.run("chown", "mosquitto", "/etc/mosquitto/passwords")
    machine.run("systemctl", "restart", "mosquitto")
    machine.run("systemctl", "start", "postgresql")
    for statement in ("CREATE ROLE edgetide LOGIN PASSWORD 'also from a credential'",
                      "CREATE DATABASE plant OWNER edgetide"):
        machine.run("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-c", statement)


def installing_starts_nothing(machine):
    machine.run("dpkg", "-i", "/srv/first.deb")
    assert show(machine, "ActiveState") == "inactive"
    assert machine.text("systemctl", "is-enabled", "edgetide", check=False) == "disabled"
    machine.run("edgetide", "check")
    verified = machine.run("systemd-analyze", "verify", "--man=no", "edgetide.service")
    assert not verified.stderr.strip(), verified.stderr
    for path in ("/usr/share/man/man1/edgetide.1.gz", "/usr/share/man/man5/edgetide.toml.5.gz",
                 "/usr/share/bash-completion/completions/edgetide"):
        assert machine.exists(path), path
    assert machine.text("stat", "-c", "%a %U", "/etc/edgetide/credentials") == "700 root"


def it_starts_with_credentials(machine):
    machine.write(CONFIG_FILE, CONFIG)
    machine.write("/etc/edgetide/credentials/mqtt_password", "from the credential\n", "600")
    machine.write("/etc/edgetide/credentials/pg_password", "also from a credential\n", "600")
    example = machine.text("cat", "/usr/share/doc/edgetide/examples/systemd/credentials.conf")
    machine.write("/etc/systemd/system/edgetide.service.d/credentials.conf",
                  example.replace("#LoadCredential=", "LoadCredential="))
    machine.write("/etc/systemd/system/edgetide.service.d/watchdog.conf", WATCHDOG)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "edgetide")
    assert is_running(machine)
    assert "readings" in show(machine, "StatusText"), show(machine, "StatusText")


def journal_is_selected_by_event_and_sink(machine):
    for sink in ("lite", "history"):
        lines = machine.text("journalctl", "--no-pager", "-o", "cat", "-u", "edgetide", "EDGETIDE_EVENT=sink_ready",
                             f"EDGETIDE_SINK={sink}")
        assert set(lines.splitlines()) == {f"sink {sink}: ready"}, lines


def it_is_confined(machine):
    status = machine.text("cat", f"/proc/{show(machine, 'MainPID')}/status")
    fields = {line.split(":")[0]: line.split(":")[1].split() for line in status.splitlines()}
    assert machine.text("id", "-nu", fields["Uid"][0]).strip() == "edgetide"
    assert fields["CapEff"] == fields["CapBnd"] == ["0" * 16], "no capability"
    assert fields["NoNewPrivs"] == ["1"] and fields["Seccomp"] == ["2"]
    assert machine.text("stat", "-L", "-c", "%a", "/var/lib/edgetide") == "750"


def members_of_its_group_ask_it_and_read_rows(machine):
    for name in ("member", "stranger"):
        machine.run("useradd", "--create-home", name)
    machine.run("usermod", "-aG", "edgetide", "member")
    assert "ready" in machine.text("runuser", "-u", "member", "--", "edgetide", "status")
    rows = machine.text("runuser", "-u", "member", "--", "sqlite3", "-readonly", "/var/lib/edgetide/edgetide.db",
                        "SELECT count(*) FROM second")
    assert int(rows) > 0, rows
    refused = machine.run("runuser", "-u", "stranger", "--", "edgetide", "status", check=False)
    assert refused.returncode == 1 and "usermod -aG edgetide" in refused.stderr, refused
    assert machine.run("runuser", "-u", "stranger", "--", "ls", "/var/lib/edgetide", check=False).returncode != 0


def killed_it_comes_back(machine):
    machine.run("systemctl", "kill", "-s", "KILL", "edgetide")
    wait_for(lambda: show(machine, "NRestarts") == "1" and is_running(machine), "a start after SIGKILL")


def frozen_it_is_ended_by_the_watchdog_and_comes_back(machine):
    machine.run("systemctl", "kill", "-s", "STOP", "--kill-whom=main", "edgetide")
    wait_for(lambda: show(machine, "NRestarts") == "2" and is_running(machine), "a start after the watchdog")
    assert "Watchdog timeout" in journal_of(machine), journal_of(machine)


def changed_configuration_is_taken_at_reload_by_the_same_process(machine):
    def windows():
        status = json.loads(machine.text("edgetide", "status", "--format", "json"))
        return {window["name"] for window in status["windows"]}
    pid = show(machine, "MainPID")
    machine.write(CONFIG_FILE, CONFIG + '[windows.minute]\nsize = "1m"\n')
    machine.run("systemctl", "reload", "edgetide")
    wait_for(lambda: windows() == {"second", "minute"}, "the new window")
    machine.write(CONFIG_FILE, CONFIG)
    machine.run("systemctl", "reload", "edgetide")
    wait_for(lambda: windows() == {"second"}, "the new window is gone")
    assert show(machine, "MainPID") == pid


def wrong_configuration_is_refused_at_reload_and_does_not_loop_at_start(machine):
    pid = show(machine, "MainPID")
    machine.write(CONFIG_FILE, CONFIG + "nonsense = 1\n")
    assert machine.run("systemctl", "reload", "edgetide", check=False).returncode != 0
    assert is_running(machine) and show(machine, "MainPID") == pid
    assert "unknown key 'nonsense'" in journal_of(machine), journal_of(machine)
    assert machine.run("systemctl", "restart", "edgetide", check=False).returncode != 0
    wait_for(lambda: show(machine, "ActiveState") == "failed", "the service has given up")
    assert (show(machine, "ExecMainStatus"), show(machine, "NRestarts")) == ("78", "0")
    machine.write(CONFIG_FILE, CONFIG)
    machine.run("systemctl", "start", "edgetide")
    assert is_running(machine)


def upgraded_it_runs_the_new_version_with_the_old_configuration(machine):
    before = show(machine, "MainPID")
    machine.run("dpkg", "-i", "/srv/second.deb")
    wait_for(lambda: is_running(machine) and show(machine, "MainPID") != before, "the new process")
    assert machine.text("dpkg-query", "-W", "-f", "${Version}", "edgetide").endswith("+test")
    assert machine.text("cat", CONFIG_FILE) == CONFIG.strip()
    assert machine.text("systemctl", "is-enabled", "edgetide") == "enabled"


def stopped_it_ends_well_and_in_time(machine):
    machine.run("systemctl", "stop", "edgetide")
    assert (show(machine, "Result"), show(machine, "ActiveState")) == ("success", "inactive")
    machine.run("systemctl", "start", "edgetide")


def removed_it_leaves_state_and_configuration(machine):
    machine.run("dpkg", "-r", "edgetide")
    assert show(machine, "ActiveState") in ("inactive", "failed") and not machine.exists("/usr/bin/edgetide")
    for path in ("/var/lib/edgetide/edgetide.db", CONFIG_FILE, "/etc/edgetide/credentials/pg_password"):
        assert machine.exists(path), path


def purged_it_leaves_nothing(machine):
    machine.run("dpkg", "-P", "edgetide")
    for path in ("/var/lib/edgetide", "/var/lib/private/edgetide", "/etc/edgetide", "/run/edgetide",
                 "/etc/systemd/system/multi-user.target.wants/edgetide.service"):
        assert not machine.exists(path), path


def repack(package, folder):
    """The same package with a later version."""
    subprocess.run(["dpkg-deb", "-R", package, folder / "unpacked"], check=True)
    control = folder / "unpacked/DEBIAN/control"
    control.write_text("".join(line + ("+test" if line.startswith("Version:") else "") + "\n"
                               for line in control.read_text().splitlines()))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", folder / "unpacked", folder / "second.deb"], check=True,
                   stdout=subprocess.DEVNULL)


def step(case, *arguments):
    began = time.monotonic()
    case(*arguments)
    print(f"{case.__name__.replace('_', ' ')}: passed in {time.monotonic() - began:.1f} s", flush=True)


def main():
    packages = [Path(argument) for argument in sys.argv[1:] if Path(argument).exists()]
    if not packages:
        skip("no package (cross/build.sh amd64 makes it)")
    skip_unless_possible()
    package = packages[0].resolve()
    tree = make_tree(package.parent, package)
    with tempfile.TemporaryDirectory(prefix="edgetide-system-") as name:
        folder = Path(name)
        (folder / "first.deb").write_bytes(package.read_bytes())
        repack(package, folder)
        with Machine(tree, folder) as machine:
            feed = Feed(machine)
            step(broker_and_database_are_set_up, machine)
            step(installing_starts_nothing, machine)
            step(it_starts_with_credentials, machine)
            step(feed.readings_arrive_in_both_stores)
            for case in (journal_is_selected_by_event_and_sink, it_is_confined,
                         members_of_its_group_ask_it_and_read_rows, killed_it_comes_back,
                         frozen_it_is_ended_by_the_watchdog_and_comes_back,
                         changed_configuration_is_taken_at_reload_by_the_same_process,
                         wrong_configuration_is_refused_at_reload_and_does_not_loop_at_start,
                         upgraded_it_runs_the_new_version_with_the_old_configuration):
                step(case, machine)
                feed.readings_arrive_in_both_stores()
            for case in (stopped_it_ends_well_and_in_time, removed_it_leaves_state_and_configuration,
                         purged_it_leaves_nothing):
                step(case, machine)


main()
