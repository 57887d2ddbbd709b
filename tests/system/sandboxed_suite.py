#!/usr/bin/env python3
"""The tests in the sandbox of the shipped unit, on a machine with a real systemd as in service.py. A forbidden system call,
file or address ends a test here, while in the service it only fails.

    tests/system/sandboxed_suite.py BUILD PACKAGE.deb     as root; exit status 77: skipped, with the reason
"""
import sys
import tempfile
import time
from pathlib import Path

from machine import Machine, make_tree, skip, skip_unless_possible

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd/edgetide.service"
# What is about running a daemon for ever, rather than about what it may do. A test has a user that is known by name,
# since PostgreSQL wants one. The daemons of the end-to-end tests are
# to log to their standard error, as without a service manager.
NOT_SANDBOX = ("Type", "NotifyAccess", "Exec", "Restart", "Watchdog", "Timeout", "DynamicUser", "User", "Group", "TasksMax",
               "SystemCallErrorNumber")
MORE = """
Type=oneshot
User=suite
BindReadOnlyPaths={root} {build}
Environment=HOME=/tmp
UnsetEnvironment=JOURNAL_STREAM RUNTIME_DIRECTORY
ExecStart={command}
"""


def unit_for(command, build):
    settings = UNIT.read_text().split("[Service]")[1].split("[Install]")[0]
    kept = [line for line in settings.splitlines() if not line.startswith(NOT_SANDBOX)]
    return "[Service]\n" + "\n".join(kept) + MORE.format(root=ROOT, build=build, command=command)


def commands(build):
    """Every test program and end-to-end script, by name."""
    programs = {path.name: str(path) for path in build.glob("tests/**/*_test") if path.is_file()}
    scripts = {path.stem: f"/usr/bin/python3 {path} {build}" for path in (ROOT / "tests/e2e").glob("*.py")
               if path.stem != "world"}
    return {**programs, **scripts}


def run(machine, name, command, build):
    machine.write(f"/run/systemd/system/suite-{name}.service", unit_for(command, build))
    machine.run("systemctl", "daemon-reload")
    began = time.monotonic()
    passed = machine.run("systemctl", "start", f"suite-{name}", check=False).returncode == 0
    print(f"{name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.1f} s", flush=True)
    if not passed:
        print(machine.text("journalctl", "--no-pager", "-o", "cat", "-n", "60", "-u", f"suite-{name}"))
    return passed


def main():
    if len(sys.argv) < 3 or not Path(sys.argv[2]).exists():
        skip("no package (cross/build.sh amd64 makes it)")
    skip_unless_possible()
    build, package = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    tree = make_tree(package.parent, package)
    with tempfile.TemporaryDirectory(prefix="edgetide-system-") as folder:
        with Machine(tree, Path(folder), visible=[ROOT, build]) as machine:
            machine.run("useradd", "--system", "--shell", "/usr/sbin/nologin", "suite")
            failed = [name for name, command in sorted(commands(build).items())
                      if not run(machine, name, command, build)]
    if failed:
        sys.exit("not passed in the sandbox: " + ", ".join(failed))


main()
