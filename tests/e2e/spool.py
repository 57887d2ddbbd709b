#!/usr/bin/env python3
"""The daemon is killed repeatedly with SIGKILL while files are dropped into its folders and logs grow.

Plain files and archives are moved, deleted or kept when they are done; a log is followed while it is rotated. Each file
is a sensor: every line of it is in its row once, none is lost and none is there twice.

    spool.py BUILD [KILLS [SEED]]        20 kills by default
"""
import ctypes
import ctypes.util
import gzip
import random
import sys
import threading
import time

from gateway import LITE, START, Gateway, window
from world import World, wait_for

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
PAUSE = (0.02, 0.6)  # seconds between the answer and the kill

SOURCE = """
[sources.{name}]
type = "spool"
folder = "{{folder}}/{name}"
settle_time = "100ms"
format = "csv"
sensor = {{{{ path = "sensor" }}}}
time = {{{{ path = "time", format = "unix_us" }}}}
values = ["level"]
{more}
"""
CONFIG = ("[limits]\nmax_series = 100000\nnew_series_per_minute = 100000\n"
          + SOURCE.format(name="moved", more="") + SOURCE.format(name="deleted", more='when_done = "delete"')
          + SOURCE.format(name="kept", more='when_done = "keep"\nmax_files = 10')
          + SOURCE.format(name="log", more='tail = true\nmatch = "x.log*"\ncolumns = ["sensor", "time", "level"]')
          + window("w") + LITE)


def zstd(content):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    room = library.ZSTD_compressBound(ctypes.c_size_t(len(content)))
    archive = ctypes.create_string_buffer(room)
    size = library.ZSTD_compress(archive, ctypes.c_size_t(room), content, ctypes.c_size_t(len(content)), 3)
    return archive.raw[:size]


class Writer(threading.Thread):
    """Drops files and appends to a log, until it is told to stop; knows what must be in the row of each sensor."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.expected, self.ended, self.files, self.rotations = folder, {}, False, 0, 0
        for name in ("moved", "deleted", "kept", "log"):
            (folder / name).mkdir()

    def lines(self, sensor, count):
        had, total = self.expected.get(sensor, (0, 0))
        levels = [random.randrange(100) for _ in range(count)]
        self.expected[sensor] = (had + count, total + sum(levels))
        return "".join(f"{sensor},{START + (had + i) * 100},{level}\n" for i, level in enumerate(levels))

    def drop(self):
        self.files += 1
        sensor = f"file{self.files}"
        content = ("sensor,time,level\n" + self.lines(sensor, random.choice((1, 50, 2000, 20_000)))).encode()
        if random.random() < 0.3:
            content = content[:-1]  # the last line has no newline
        extension, pack = random.choice((("", bytes), (".gz", gzip.compress), (".zst", zstd)))
        folder = self.folder / random.choice(("moved", "moved", "deleted", "kept"))
        unfinished = folder / f".{sensor}"
        unfinished.write_bytes(pack(content))
        unfinished.rename(folder / f"{sensor}.csv{extension}")

    def append(self):
        log = self.folder / "log" / "x.log"
        text = self.lines("log", random.choice((1, 300, 3000)))
        if not log.exists() and self.rotations > 0 and random.random() < 0.5:
            log = self.folder / "log" / f"x.log.{self.rotations}"  # its writer has it open still
        with open(log, "a") as out:
            out.write(text[:len(text) // 2])
            out.flush()
            out.write(text[len(text) // 2:])
        if log.name == "x.log" and random.random() < 0.1:
            self.rotations += 1
            log.rename(self.folder / "log" / f"x.log.{self.rotations}")

    def run(self):
        while not self.ended:
            self.drop()
            self.append()
            time.sleep(0.1)


def check(gateway, writer):
    def rows():
        return {sensor: row for (sensor, _), row in gateway.rows().items()}

    def difference():
        found = rows()
        return {sensor: (found.get(sensor), wanted) for sensor, wanted in writer.expected.items()
                if found.get(sensor) != wanted}
    total = sum(count for count, _ in writer.expected.values())
    wait_for(lambda: gateway.received() >= total or not difference(), lambda: f"all lines: {str(difference())[:1000]}")
    gateway.flush()
    wait_for(lambda: not difference(), lambda: f"each line once: {str(difference())[:1000]}")
    assert rows().keys() == writer.expected.keys()
    wait_for(lambda: not list((writer.folder / "moved").glob("*.csv*")), "files are moved")
    wait_for(lambda: not list((writer.folder / "deleted").glob("*.csv*")), "files are deleted")
    moved, kept = (len(list((writer.folder / name).glob("*.csv*"))) for name in ("moved/.done", "kept"))
    assert moved > 0 and kept > 0
    return total, moved, kept


def main():
    random.seed(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    with World(sys.argv[1]) as world:
        journal = random.choice(("", 'durability = "power"'))
        gateway = Gateway(world, CONFIG, checkpoint="2s", journal=journal)
        writer = Writer(gateway.folder)
        writer.start()
        for _ in range(KILLS):
            gateway.start()
            time.sleep(random.uniform(*PAUSE))
            gateway.kill()
        writer.ended = True
        writer.join()
        gateway.start()
        total, moved, kept = check(gateway, writer)
        gateway.kill()
        gateway.start()
        time.sleep(2)  # kept files and logs are looked at, and are not read again
        check(gateway, writer)
        assert not any(source["refused"] for source in gateway.status()["sources"]), gateway.status()["sources"]
        assert gateway.stop() == 0
        print(f"{KILLS} kills, {total} lines in {writer.files} files ({moved} moved, {kept} kept) and a log with "
              f"{writer.rotations} rotations: lost 0, doubled 0")


main()
