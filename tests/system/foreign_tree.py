#!/usr/bin/env python3
"""The package is installed, started, fed and purged in a Debian 12 tree of its architecture. Foreign programs run under
qemu-user, which is registered with the kernel (binfmt_misc) while this script runs.

    tests/system/foreign_tree.py PACKAGE.deb     as root; exit status 77: skipped, with the reason
"""
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from machine import ENVIRONMENT, dependencies, make_minimal_tree, skip, wait_for

BINFMT = Path("/proc/sys/fs/binfmt_misc")
EMULATORS = {"arm64": "qemu-aarch64", "armhf": "qemu-arm"}
READINGS = 100
CONFIG = """
[gateway]
id = "foreign"
[clock]
wait_after_boot = "0s"
[sources.local]
type = "unix"
listen = "/run/edgetide/readings.sock"
format = "json"
sensor = { path = "sensor" }
[windows.second]
size = "1s"
trigger = "500ms"
[sinks.lite]
type = "sqlite"
"""


def run_foreign_programs(arch, until):
    """Programs of the architecture run, until the end."""
    name = EMULATORS.get(arch)
    if name is None:
        skip(f"{arch} is not emulated")
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=False, capture_output=True)
    rule = Path(f"/usr/lib/binfmt.d/{name}.conf")
    if not (BINFMT / "register").exists() or not rule.exists():
        skip("the kernel has no binfmt_misc, or there is no qemu-user-static")
    if (BINFMT / name).exists():
        return
    (BINFMT / "register").write_text(rule.read_text().strip())
    until.callback(lambda: (BINFMT / name).write_text("-1"))


def feed(tree):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(tree / "run/edgetide/readings.sock"))
        for i in range(READINGS):
            peer.sendall(json.dumps({"sensor": f"s{i % 10}", "t": i}).encode() + b"\n")


def stored(tree):
    path = tree / "var/lib/edgetide/edgetide.db"
    if not path.exists():
        return 0
    with sqlite3.connect(path, timeout=30) as lite:
        try:
            return lite.execute("SELECT coalesce(sum(count), 0) FROM second").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def main():
    package = Path(sys.argv[1])
    if os.geteuid() != 0:
        skip("only root can change into a tree")
    arch = subprocess.run(["dpkg-deb", "-f", package, "Architecture"], capture_output=True, text=True,
                          check=True).stdout.strip()
    native = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    with ExitStack() as until, tempfile.TemporaryDirectory(prefix="edgetide-tree-") as folder:
        if arch != native:
            run_foreign_programs(arch, until)
        tree = Path(folder) / "tree"
        make_minimal_tree(tree, ["procps"] + dependencies(package), arch)
        (tree / "package.deb").write_bytes(package.read_bytes())

        def inside(*command):
            return subprocess.run([*ENVIRONMENT, "chroot", tree, *command], check=True, capture_output=True, text=True,
                                  timeout=300).stdout.strip()
        inside("dpkg", "-i", "/package.deb")
        assert inside("dpkg-query", "-W", "-f", "${Architecture} ${Status}", "edgetide") == f"{arch} install ok installed"
        machine = inside("uname", "-m")
        for folder in ("run/edgetide", "var/lib/edgetide"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / "etc/edgetide/edgetide.toml").write_text(CONFIG)
        inside("edgetide", "check")

        daemon = subprocess.Popen([*ENVIRONMENT, "chroot", tree, "edgetide", "run"])
        try:
            wait_for(lambda: (tree / "run/edgetide/readings.sock").exists() or daemon.poll() is not None, "the socket")
            feed(tree)
            wait_for(lambda: stored(tree) == READINGS, lambda: f"{READINGS} readings stored: {stored(tree)}")
            assert json.loads(inside("edgetide", "status", "--format", "json"))["gateway"] == "foreign"
            daemon.terminate()
            assert daemon.wait(60) == 0
        finally:
            daemon.kill()
            daemon.wait()
        inside("dpkg", "-P", "edgetide")
        assert not (tree / "usr/bin/edgetide").exists() and not (tree / "var/lib/edgetide").exists()
        print(f"{package.name} is installed, started, fed and purged in a tree of its own ({machine})")


main()
