"""One gateway of a test, from outside: its configuration, its process, its status page, its rows in SQLite."""
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3

from world import PATIENCE, ServiceManager, comes_true, free_port, wait_for

START = 1_800_000_000_000_000  # an event time, in microseconds; a whole hour
SECOND = 1_000_000

HEAD = """
[gateway]
id = "{id}"
state_directory = "{state}"
[http]
listen = "127.0.0.1:{http}"
[log]
target = "stderr"
[clock]
wait_after_boot = "0s"
[time]
max_future = "none"
oldest = "none"
idle_timeout = "none"
max_out_of_orderness = "0s"
[journal]
sync_interval = "10ms"
{journal}
[checkpoint]
interval = "{checkpoint}"
keep = {keep}
"""

LINE = """
[sources.line]
type = "tcp"
listen = "127.0.0.1:{tcp}"
ack = true
format = "json"
sensor = {{ path = "sensor" }}
time = {{ path = "time", format = "unix_us" }}
values = ["level"]
"""

LITE = """
[sinks.lite]
type = "sqlite"
path = "{database}"
"""


def copy_if_there(source, target):
    """A running gateway renames its files while they are copied."""
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        pass


def copy_files(source, target):
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.sock", "lock"), copy_function=copy_if_there)


def window(name, size="1h", more="", aggregates=("count", "sum")):
    listed = ", ".join(f'"{each}"' for each in aggregates)
    return f'\n[windows.{name}]\nsize = "{size}"\ntrigger = "100ms"\naggregates = [{listed}]\n{more}'


def reading(sensor, offset_us, level):
    return json.dumps({"sensor": sensor, "time": START + offset_us, "level": level})


class Gateway:
    """Text is a template; {tcp}, {http}, {state}, {database}, {id} are filled in here, the rest by `values`."""

    def __init__(self, world, text, name="gateway", head=HEAD, **values):
        self.world, self.name = world, name
        self.folder = world.folder / name
        self.folder.mkdir()
        self.state, self.database = self.folder / "state", self.folder / "rows.db"
        self.values = {"id": name, "http": free_port(), "tcp": free_port(), "state": self.state, "folder": self.folder,
                       "database": self.database, "checkpoint": "1h", "keep": 2, "journal": "", **values}
        self.config, self.process, self.head = self.folder / "edgetide.toml", None, head
        self.log_path = world.folder / f"{name}.log"
        self.manager = ServiceManager(self.folder)
        self.configure(text)

    def configure(self, text, **values):
        self.text = text
        self.values.update(values)
        self.config.write_text((self.head + text).format(**self.values))

    # The process.
    def launch(self, **more):
        self.log_before = len(self.log())
        self.process = self.world.spawn([self.world.build / "edgetide", "run", "--config", self.config], self.name,
                                        env=self.manager.environment(), **more)

    def start(self, patience=PATIENCE, **more):
        """Until it has recovered and answers; returns self."""
        self.launch(**more)
        wait_for(lambda: self.process.poll() is not None or self.answers(), f"{self.name} answers", patience)
        assert self.process.poll() is None, f"{self.name} ended with {self.process.poll()}: {self.log()[-400:]}"
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def reload(self, text, **values):
        self.configure(text, **values)
        before = self.manager.count("RELOADING=1\nMONOTONIC_USEC=")
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.manager.count("RELOADING=1\nMONOTONIC_USEC=") > before, "RELOADING=1")
        wait_for(lambda: self.manager.count("READY=1") > self.manager.count("RELOADING=1"), "READY=1")

    # What it says.
    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.values["http"], timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def answers(self):
        try:
            return self.get("/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def readyz(self):
        """Status and text, (0, '') when it does not answer."""
        try:
            return self.get("/readyz")
        except (OSError, http.client.HTTPException):
            return 0, ""

    def wait_until_ready(self, patience=PATIENCE):
        wait_for(lambda: self.readyz()[0] == 200, lambda: f"{self.name} is ready: {self.readyz()}", patience)

    def status(self):
        return json.loads(self.get("/status.json")[1])

    def metrics(self):
        lines = [line for line in self.get("/metrics")[1].splitlines() if line and not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def received(self):
        return sum(source["readings"] for source in self.status()["sources"])

    def dropped_late(self):
        return sum(source["late_dropped"] for source in self.status()["sources"])

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def new_log(self):
        """Since the last start."""
        return self.log()[self.log_before:]

    # What it stored.
    def rows(self, table="w"):
        """{(sensor, start in us since START): (count, sum)}; empty while there is no table."""
        return {key: row[:2] for key, row in self.full_rows(table).items()}

    def full_rows(self, table="w"):
        """As `rows`, with is_final and revision."""
        found = self.query(f"SELECT sensor_id, time_us, count, sum, is_final, revision FROM {table}")
        return {(sensor, start - START): tuple(values) for sensor, start, *values in found}

    def query(self, sql):
        """Rows of SQLite; none while the file or its tables are not there yet."""
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as lite:
                return lite.execute(sql).fetchall()
        except sqlite3.Error:
            return []

    def count(self, table="w"):
        return sum(row[0] for row in self.rows(table).values())

    def settles(self, wanted, table="w", patience=PATIENCE):
        """Waits until so many readings are in rows, or until it cannot be hoped for; returns how many are."""
        comes_true(lambda: self.count(table) == wanted, patience)
        return self.count(table)

    def flush(self):
        """Until all that was taken so far has met a trigger and no row waits for a sink."""
        epoch = self.status()["epoch"]
        wait_for(lambda: self.status()["epoch"] > epoch + 4, "five more triggers")  # rows leave when their tick is synced
        wait_for(lambda: all(sink["outbox_rows"] == 0 for sink in self.status()["sinks"]), "no row waits")

    def send(self, *lines, port=None):
        """Over TCP, with one acknowledgement for all of them; returns N of the last `ack N`."""
        with socket.create_connection(("127.0.0.1", port or self.values["tcp"]), timeout=20) as peer:
            peer.sendall(("\n".join(lines) + "\n").encode())
            peer.shutdown(socket.SHUT_WR)
            answers = peer.makefile().read().splitlines()
        return int(answers[-1].split()[1]) if answers else 0

    # Its files.
    def copy_state(self, name):
        target = self.folder / name
        copy_files(self.state, target)
        return target

    def put_back(self, copy):
        shutil.rmtree(self.state)
        copy_files(copy, self.state)

    def files(self, part):
        """journal, checkpoint or outbox; oldest first."""
        return sorted(p for p in (self.state / part).iterdir() if p.is_file() and os.path.basename(p).startswith(part))
