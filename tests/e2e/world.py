"""What an end-to-end test needs of the world: a folder, a mosquitto, a PostgreSQL, the daemon; all ended with it."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PATIENCE = 90  # seconds, for a condition that must come true on a slow machine


def wait_for(condition, what, patience=PATIENCE):
    """Waits until condition() is true and returns what it gave."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"waited {patience} s in vain: {what() if callable(what) else what}")


def comes_true(condition, patience=PATIENCE):
    """Waits as `wait_for` does, and says whether it came true."""
    try:
        wait_for(condition, "", patience)
        return True
    except AssertionError:
        return False


def free_port():
    """None that the system may give to another's outgoing connection before it is used, or while a daemon is down."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.SystemRandom().randrange(10_000, 32_000)))
                return probe.getsockname()[1]
            except OSError:
                pass


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def certificates(folder):
    """A certificate of 127.0.0.1, ca.pem, that signs itself, and key.pem."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    folder.mkdir()
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "ca.pem")
    for file in folder.iterdir():
        file.chmod(0o644)


class World:
    def __init__(self, build):
        self.build = Path(build)
        self.folder = Path(tempfile.mkdtemp(prefix="edgetide-e2e-"))
        self.folder.chmod(0o755)
        self.children = []
        self.at_end = []  # called when the processes have ended
        self.database = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for child in reversed(self.children):
            if child.poll() is None:
                child.kill()
            child.wait()
        if self.database:
            self.database.stop("immediate")
        for step in self.at_end:
            step()
        if error and not isinstance(error, SystemExit):
            for log in sorted(self.folder.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, arguments, name, **more):
        log = open(self.folder / f"{name}.log", "ab")
        child = subprocess.Popen([str(a) for a in arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
        self.children.append(child)
        return child

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def mosquitto(self, port=None, settings=""):
        port = port or free_port()
        config = self.write("mosquitto.conf", f"user root\nallow_anonymous true\npersistence false\n"
                            f"max_queued_messages 0\nmax_inflight_messages 1000\n{settings}listener {port} 127.0.0.1\n")
        child = self.spawn(["mosquitto", "-c", config], "mosquitto")
        wait_for(lambda: listens(port), "mosquitto listens")
        return port, child

    def postgres(self):
        self.database = Postgres(self.folder)
        return self.database

    def run_daemon(self, config, **more):
        return self.spawn([self.build / "edgetide", "run", "--config", config, "--summary", self.folder / "summary.json"],
                          "edgetide", **more)

    def wait_for_log(self, daemon, text):
        log = self.folder / "edgetide.log"
        wait_for(lambda: text in log.read_text() or daemon.poll() is not None, f"the log says '{text}'")
        assert daemon.poll() is None, "the daemon has ended"

    def summary(self):
        return json.loads((self.folder / "summary.json").read_text())

    def simulate(self, *arguments):
        subprocess.run([self.build / "tests/tools/edgetide_simulate", "--quiet", *map(str, arguments)], check=True,
                       timeout=300)


class ServiceManager:
    """The socket that sd_notify writes to; read all the time, as a service manager does."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self.messages.append(self.socket.recv(8192).decode())

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.path, **more}

    def count(self, text):
        return sum(text in message for message in list(self.messages))


class Postgres:
    """A throw-away cluster on a Unix socket, as user postgres when run by root."""

    def __init__(self, folder):
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        self.folder = folder / "pg"
        self.seen = {}  # by table, as `settled` last saw it
        self.folder.mkdir(mode=0o777)
        self.folder.chmod(0o777)
        self.as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync")
        self.start()

    def _run(self, program, *arguments):
        subprocess.run([*self.as_owner, self.bin / program, *map(str, arguments)], check=True, timeout=120,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def start(self):
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-t", "60", "-l", self.folder / "log", "-o",
                  f"-k {self.folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off", "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-m", mode, "stop")

    def connection(self):
        return f"host={self.folder} dbname=postgres user=postgres"

    def query(self, sql, check=True):
        """Rows as lists of texts."""
        run = subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "postgres", "-d", "postgres", "-XAtq", "-F",
                              "\t", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True, timeout=120)
        if check and run.returncode != 0:
            raise AssertionError(run.stderr)
        return [line.split("\t") for line in run.stdout.splitlines()] if run.returncode == 0 else None

    def settled(self, table):
        """No row of this table has changed since the last look, a second ago."""
        time.sleep(1)
        now = self.query(f"SELECT sum(revision), count(*) FROM edgetide.{table}", check=False)
        unchanged = now is not None and self.seen.get(table) == now
        self.seen[table] = now
        return unchanged

    def load_csv(self, table, path):
        subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "postgres", "-d", "postgres", "-XAtq", "-v",
                        "ON_ERROR_STOP=1", "-c", f"\\copy {table} FROM '{path}' CSV HEADER"], check=True, timeout=120)


def stop_daemon(child, within=10):
    """SIGTERM; the daemon must end well and in time."""
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    status = child.wait(timeout=PATIENCE)
    took = time.monotonic() - began
    assert status == 0, f"exit status {status}"
    assert took < within, f"stopping took {took:.1f} s"
