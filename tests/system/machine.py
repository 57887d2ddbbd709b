"""A machine with a real systemd, for tests of the installed package: a small Debian tree, booted by systemd-nspawn.

The tree is created once and kept. Changes of a test disappear with the machine, because it boots on an overlay in
memory. The host is not affected: the machine has a separate network with only a loopback interface.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from world import wait_for  # noqa: E402

SKIPPED = 77
BASE = ["systemd", "systemd-sysv", "dbus", "procps", "mosquitto", "mosquitto-clients", "postgresql", "python3",
        "sqlite3"]
ENVIRONMENT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TERM=dumb", "HOME=/root",
               "DEBIAN_FRONTEND=noninteractive"]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def skip_unless_possible():
    if os.geteuid() != 0:
        skip("only root can boot a machine")
    for program in ("systemd-nspawn", "mmdebstrap", "nsenter"):
        if not shutil.which(program):
            skip(f"{program} is not installed (tests/install.sh system)")


def dependencies(package):
    """Names of the packages that it depends on, the first of alternatives."""
    depends = subprocess.run(["dpkg-deb", "-f", package, "Depends"], capture_output=True, text=True, check=True).stdout
    return sorted(each.split("|")[0].split("(")[0].strip() for each in depends.split(","))


def make_minimal_tree(tree, packages, arch=None):
    """A minimal Debian 12 with these packages, in a new folder."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm"],
                             capture_output=True, text=True, check=True).stdout.split()
    made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *([f"--arch={arch}"] if arch else []),
                           f"--include={','.join(packages)}", "bookworm", tree, "-"],
                          input=f"deb {min(targets)} bookworm main\n", text=True, capture_output=True, timeout=1200)
    if made.returncode != 0:
        print(made.stderr[-2000:])
        skip("no Debian tree could be made")


def make_tree(folder, package):
    """The tree for that package: a minimal Debian, what the package depends on, a broker and a database."""
    wanted = ",".join(BASE + dependencies(package))
    tree = folder / ("tree-" + hashlib.sha256(wanted.encode()).hexdigest()[:12])
    if (tree / "complete").exists():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    make_minimal_tree(tree, BASE + dependencies(package))
    (tree / "complete").touch()
    return tree


class Machine:
    def __init__(self, tree, shared, visible=()):
        self.tree = tree
        self.shared = shared  # a folder, seen as /srv
        self.visible = visible  # folders, seen under their own names
        self.console = shared / "console.log"
        self.container = None
        self.leader = None

    def __enter__(self):
        with open(self.console, "w") as console:
            self.container = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.tree}", "--volatile=overlay",
                 f"--bind-ro={self.shared}:/srv", *(f"--bind-ro={folder}" for folder in self.visible),
                 "--register=no", "--keep-unit", "--private-network",
                 "--console=passive", "--link-journal=no", f"--machine=edgetide-{os.getpid()}"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        try:
            self.leader = wait_for(self._systemd, "systemd as the first process")
            wait_for(lambda: self.text("systemctl", "is-system-running", check=False) in ("running", "degraded"),
                     "the machine is up")
        except AssertionError as reason:
            self._end()
            print(self.console.read_text(errors="replace")[-2000:])
            skip(f"systemd-nspawn cannot boot here: {reason}")
        return self

    def __exit__(self, kind, error, trace):
        if error:
            print(self.text("journalctl", "--no-pager", "-n", "60", "-t", "systemd", "-t", "edgetide", check=False), file=sys.stderr)
        self.run("systemctl", "poweroff", check=False)
        self._end()

    def _end(self):
        """The leader is the first process of the machine: with it all others end."""
        try:
            self.container.wait(timeout=30)
        except subprocess.TimeoutExpired:
            if self.leader:
                os.kill(int(self.leader), 9)
            self.container.kill()
            self.container.wait()

    def _systemd(self):
        """The first process of the machine, once it is systemd; None: not yet."""
        if self.container.poll() is not None:
            raise AssertionError("systemd-nspawn has ended")
        pid = self.container.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return child
        return None

    def run(self, *command, check=True, text=None):
        done = subprocess.run(["nsenter", "-t", self.leader, "-a", *ENVIRONMENT, *map(str, command)],
                              capture_output=True, text=True, input=text or "", timeout=300)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def text(self, *command, check=True):
        return self.run(*command, check=check).stdout.strip()

    def write(self, path, text, mode="644"):
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, text=text)

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0
