#!/usr/bin/env python3
"""What happens to the state directory and to the definitions that it was made with: older, cloned, damaged, changed.

    state_faults.py BUILD [CASE...]
"""
import os
import re
import resource
import shutil
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import cases
from cases import case, each, expect, expect_that
from gateway import HEAD, LINE, LITE, SECOND, Gateway, copy_files, reading, window
from journal_file import Journal, batch_payload, series_payload, write_records
from world import comes_true, wait_for

REST = LINE + window("w", "10s", 'allowed_lateness = "1h"\n') + LITE


def send_and_settle(gateway, *lines):
    before = gateway.count()
    gateway.send(*lines)
    gateway.settles(before + len(lines))


def lost_rows(before, after):
    """Rows that were stored and are gone or have fewer readings."""
    return {key: (row[0], after.get(key, (0,))[0]) for key, row in before.items() if after.get(key, (0,))[0] < row[0]}


# --- 4: an older copy of the state directory


@each([("same_run", False), ("two_runs_older", True)])
def older_copy_of_the_state_never_replaces_fuller_rows(world, restarted):
    gateway = Gateway(world, REST, checkpoint="1s").start()
    send_and_settle(gateway, *(reading(f"s{i % 4}", i * SECOND, 1) for i in range(8)))
    written = gateway.status()["checkpoint"]["written"]
    wait_for(lambda: gateway.status()["checkpoint"]["written"] > written + 1, "a checkpoint")
    copy = gateway.copy_state("copy")
    if restarted:
        gateway.kill()
        gateway.start()
    send_and_settle(gateway, *(reading(f"s{i % 4}", i % 10 * SECOND + 500, 2) for i in range(40)))
    stored = gateway.rows()
    gateway.kill()
    gateway.put_back(copy)
    gateway.start()
    gateway.send(*(reading(f"s{i % 4}", i * SECOND + 700, 4) for i in range(4)))
    gateway.flush()
    expect("rows replaced by rows with fewer readings", lost_rows(stored, gateway.rows()), {})
    expect_that("the log", re.search(r"incomplete|older (copy|state)|newer than this|never made", gateway.new_log()),
                [line for line in gateway.new_log().splitlines() if "warn" in line][-1:], "says from when to when rows may be incomplete")
    send_and_settle(gateway, reading("s9", 30 * SECOND, 1))
    expect("new windows are stored", gateway.rows().get(("s9", 30 * SECOND)), (1, 1))


@case
def older_copy_of_the_state_keeps_final_rows(world):
    text = LINE + window("w", "10s") + LITE
    gateway = Gateway(world, text, checkpoint="1s").start()
    send_and_settle(gateway, reading("s", 0, 1))
    written = gateway.status()["checkpoint"]["written"]
    wait_for(lambda: gateway.status()["checkpoint"]["written"] > written + 1, "a checkpoint")
    copy = gateway.copy_state("copy")
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(1, 30)))
    stored = gateway.rows()
    gateway.kill()
    gateway.put_back(copy)
    gateway.start()
    gateway.send(reading("s", 2 * SECOND, 1), reading("s", 25 * SECOND, 1), reading("s", 60 * SECOND, 1))
    gateway.flush()
    expect("rows replaced by rows with fewer readings", lost_rows(stored, gateway.rows()), {})


# --- 5: a clone, and fencing


def cloned(world):
    """The gateway, and how many of its readings there are after a clone of it has written and gone."""
    gateway = Gateway(world, REST, id="same", checkpoint="1s").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(20)))
    clone = Gateway(world, REST, name="clone", id="same", database=gateway.database, checkpoint="1s")
    copy_files(gateway.state, clone.state)
    clone.start()
    clone.send(reading("c", 0, 1))
    clone.settles(21, patience=3)
    clone.database = gateway.database
    wait_for(lambda: ("c", 0) in gateway.rows(), "the clone has written")
    gateway.send(*(reading("s", i * SECOND, 1) for i in range(20, 60)))
    return gateway, clone


def readings_of(gateway, sensor):
    return sum(row[0] for (name, _), row in gateway.rows().items() if name == sensor)


def delivered(gateway, wanted):
    comes_true(lambda: readings_of(gateway, "s") == wanted)
    return readings_of(gateway, "s")


@each([("restart_after_stop", "stop"), ("restart_after_kill", "kill"), ("sink_take", "take")])
def fenced_sink_is_seen_and_loses_nothing(world, how):
    gateway, clone = cloned(world)
    comes_true(lambda: gateway.readyz()[0] == 503)
    status, said = gateway.readyz()
    expect("/readyz while fenced", status, 503)
    expect_that("its reason", "lite" in said and re.search(r"took|taken|another|take", said), said.strip(), "the sink and who took it over")
    clone.stop()
    if how == "take":
        take = subprocess.run([world.build / "edgetide", "sink", "take", "lite", "--config", gateway.config],
                              capture_output=True, text=True, timeout=20)
        expect("exit status of sink take", take.returncode, 0)
    else:
        gateway.stop() if how == "stop" else gateway.kill()
        gateway.start()
    expect("readings of the original in rows", delivered(gateway, 60), 60)


@case
def idle_instance_that_was_taken_over_takes_the_store_back_when_it_is_told(world):
    gateway = Gateway(world, REST, id="same", checkpoint="1s").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(20)))
    clone = Gateway(world, REST, name="clone", id="same", database=gateway.database, checkpoint="1s")
    copy_files(gateway.state, clone.state)
    clone.start()
    wait_for(lambda: clone.status()["sinks"][0]["connected"], "the clone has the store")
    clone.stop()
    take = subprocess.run([world.build / "edgetide", "sink", "take", "lite", "--config", gateway.config],
                          capture_output=True, text=True, timeout=20)
    expect_that("sink take", take.returncode == 0, take.stdout + take.stderr, "takes it back")
    gateway.send(reading("s", 30 * SECOND, 1))
    expect("readings in rows", delivered(gateway, 21), 21)
    expect("/readyz", gateway.readyz()[0], 200)


# --- 6: a lost journal record costs only itself


def journaled(world, restarts_after=()):
    """A state whose journal holds everything, several runs and connections in it; and how the rows should be."""
    text = LINE + window("w", "100ms", 'allowed_lateness = "1h"\n') + LITE
    gateway = Gateway(world, text, head=HEAD_UNHURRIED, keep=16).start()
    readings = [("s%d" % (i % 3), i * 40_000 + 20_000, i % 7) for i in range(36)]
    for first in range(0, 36, 4):
        gateway.send(*(reading(*each) for each in readings[first:first + 4]))
        time.sleep(0.12)  # so that ticks lie between
        if first in restarts_after:
            gateway.kill()
            gateway.start()
    gateway.flush()
    gateway.kill()
    rows = {}
    for sensor, at, level in readings:
        count, total = rows.get((sensor, at // 100_000 * 100_000), (0, 0))
        rows[sensor, at // 100_000 * 100_000] = (count + 1, total + level)
    return gateway, rows


HEAD_UNHURRIED = HEAD.replace('max_out_of_orderness = "0s"', 'max_out_of_orderness = "1h"')


def restarted_with(gateway, copy, damage):
    """Rows that the journal alone gives after `damage`."""
    gateway.put_back(copy)
    for file in gateway.folder.glob("rows.db*"):
        file.unlink()
    damage()
    gateway.start()
    gateway.flush()
    rows = gateway.rows()
    gateway.kill()
    return rows


TYPES = {"start": 1, "series": 2, "batch": 3, "tick": 4, "connection": 5}


@each([(f"{name}-{'with' if kept else 'without'}_checkpoints", kind, kept) for name, kind in TYPES.items()
       for kept in (True, False)])
def flipped_bit_in_a_record_of_type(world, kind, kept):
    # A checkpoint is written at each start: with those, only the first run has rows that a replay makes again.
    gateway, wanted = journaled(world, () if kept else (8, 20))
    copy = gateway.copy_state("copy")
    count = sum(1 for file in gateway.files("journal") for record in Journal(file).records if record.type == kind)
    expect_that("records of this type", count > 0, count, "some")
    for which in sorted({0, count // 2, count - 1}) if count else []:
        def damage():
            for file in [] if kept else gateway.files("checkpoint"):
                file.unlink()
            found = [(f, r) for f in gateway.files("journal") for r in Journal(f).records if r.type == kind]
            file, record = found[which]
            data = bytearray(file.read_bytes())
            data[record.at + 12 + (len(record.payload) // 2)] ^= 0x10
            file.write_bytes(data)

        rows = restarted_with(gateway, copy, damage)
        misplaced = sorted(key for key, row in rows.items() if key not in wanted or row[0] > wanted[key][0])
        expect(f"record {which + 1} of {count}: rows where no such reading belongs", misplaced[:3], [])
        missing = sum(row[0] for row in wanted.values()) - sum(row[0] for row in rows.values())
        most = {2: 12, 3: 4}.get(kind, 0)
        expect_that(f"record {which + 1} of {count}: readings missing", missing <= most, missing, f"at most {most}")
        if kind != TYPES["tick"] or which < count - 1:  # the last record of all is a torn tail, which is normal life
            said = re.search(r".*(lost|damage).*", gateway.new_log())
            expect_that("the log", said, said and said.group(), "says that a record was lost")


@each([("sector_of_512", 512), ("page_of_4096", 4096)])
def overwritten_sectors_put_no_reading_elsewhere(world, size):
    gateway, wanted = journaled(world, (8, 20))
    copy = gateway.copy_state("copy")
    for number in range(6):
        def damage():
            for file in gateway.files("checkpoint"):
                file.unlink()
            file = gateway.files("journal")[number % 3]
            data = bytearray(file.read_bytes())
            at = number // 3 * len(data) // 2
            data[at:at + size] = os.urandom(len(data[at:at + size]))
            file.write_bytes(data)

        rows = restarted_with(gateway, copy, damage)
        misplaced = sorted(key for key, row in rows.items() if key not in wanted or row[0] > wanted[key][0])
        expect(f"damage {number + 1}: rows where no such reading belongs", misplaced[:3], [])
        expect_that(f"damage {number + 1}: the log", re.search(r"(lost|damage|set aside|cut off)", gateway.new_log()),
                    gateway.new_log().splitlines()[-1:], "says that records were lost")


def emptied(file):
    file.write_bytes(b"")


def cut_to_header(file):
    file.write_bytes(file.read_bytes()[:36])


@each([("newest_missing", -1, os.unlink), ("newest_empty", -1, emptied), ("newest_only_header", -1, cut_to_header),
       ("oldest_missing", 0, os.unlink), ("oldest_empty", 0, emptied), ("middle_missing", 1, os.unlink),
       ("middle_empty", 1, emptied)])
def journal_file_that_a_checkpoint_names_is_reported(world, index, damage):
    gateway = Gateway(world, REST, checkpoint="1h", keep=16).start()
    for number in range(3):  # a run a file
        send_and_settle(gateway, *(reading("s", number * 20 * SECOND + i * SECOND, 1) for i in range(20)))
        gateway.kill()
        if number < 2:
            gateway.start()
    files = [file for file in gateway.files("journal") if len(Journal(file).records) > 2]
    expect_that("journal files", len(files) >= 3, len(files), "at least 3")
    damage(files[index])
    gateway.start()
    said = [line for line in gateway.new_log().splitlines() if re.search(r"(lost|missing|empty)", line)]
    expect_that("the log", any("record" in line or "reading" in line or "journal" in line for line in said), said[-1:],
                "says that records were lost, and which file")
    send_and_settle(gateway, reading("s", 100 * SECOND, 1))
    expect("it goes on", gateway.rows().get(("s", 100 * SECOND)), (1, 1))


@case
def journal_file_that_no_checkpoint_names_yet_is_reported(world):
    gateway = Gateway(world, FLOODED, checkpoint="1h", journal='max_size = "16MiB"').start()
    Flood(gateway.values["tcp"], 8)
    wait_for(lambda: gateway.received() == 160_000, "all are taken")
    gateway.kill()
    files = gateway.files("journal")
    expect_that("journal files", len(files) > 1, len(files), "at least 2: the newest was begun after the checkpoint")
    os.unlink(files[-1])
    gateway.start()
    said = [line for line in gateway.new_log().splitlines() if "is missing" in line]
    expect("lines of the log that say that a journal file is missing", len(said), 1)


@each([("after_a_kill", False), ("after_a_stop", True)])
def journal_whose_only_file_is_missing_is_reported(world, stopped):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(20)))
    gateway.stop() if stopped else gateway.kill()
    checkpoints = gateway.files("checkpoint")
    for file in checkpoints[:-1] + gateway.files("journal"):
        file.unlink()
    gateway.start()
    said = [line for line in gateway.new_log().splitlines() if "missing" in line]
    expect("lines of the log that say that a journal file is missing", len(said), 1)
    send_and_settle(gateway, reading("s", 100 * SECOND, 1))
    expect("it goes on", gateway.rows().get(("s", 100 * SECOND)), (1, 1))


def zeros_at_the_end(file):
    last = Journal(file).records[-1]
    data = file.read_bytes()
    file.write_bytes(data[:last.at] + bytes(len(data) - last.at))


def cut_at_the_end(file):
    file.write_bytes(file.read_bytes()[:Journal(file).records[-1].at])


@each([("zeros", zeros_at_the_end), ("cut", cut_at_the_end), ("missing", os.unlink)])
def journal_that_is_shortened_after_a_stop_is_reported(world, damage):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(20)))
    gateway.stop()
    damage(gateway.files("journal")[-1])
    gateway.start()
    expect_that("the log", re.search("missing, empty or shortened", gateway.new_log()), gateway.new_log().splitlines()[:2],
                "says so")


@case
def journal_that_is_shortened_after_a_kill_is_reported_by_what_the_store_has(world):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    for number in range(10):
        send_and_settle(gateway, reading("s", number * 10 * SECOND, 1))
    stored = gateway.rows()
    gateway.kill()
    file = gateway.files("journal")[-1]
    file.write_bytes(file.read_bytes()[:Journal(file).records[-8].at])
    gateway.start()
    gateway.send(reading("s", 0, 1))
    gateway.flush()
    expect_that("the log", re.search(r"open from 20\S+ until 20\S+ may be incomplete", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "says from when to when rows may be incomplete")
    expect("rows replaced by rows with fewer readings", lost_rows(stored, gateway.rows()), {})


def with_records(gateway, *records, after=0):
    """Appends records with right checksums to the newest journal file."""
    file = gateway.files("journal")[-1]
    write_records(file, *records)


def starts_with(gateway, wanted, **more):
    """Whether it starts and has the rows it had."""
    try:
        gateway.start(patience=8, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)), **more)
    except AssertionError as error:
        return expect("the start", str(error)[:160], "succeeds")
    gateway.flush()
    expect("rows", gateway.rows(), wanted)
    send_and_settle(gateway, reading("t", 0, 1))
    expect("a new sensor", gateway.rows().get(("t", 0)), (1, 1))
    expect_that("memory", gateway.status()["process"]["resident_bytes"] < 300 << 20,
                gateway.status()["process"]["resident_bytes"], "below 300 MiB")


CRAFTED = [
    ("series_id_2^32-1", lambda: (2, series_payload(2**32 - 1, 0, "x", "level"))),
    ("series_id_2^32-2", lambda: (2, series_payload(2**32 - 2, 0, "x", "level"))),
    ("series_id_2^40", lambda: (2, series_payload(2**40, 0, "x", "level"))),
    ("series_of_source_2^32-1", lambda: (2, series_payload(1, 2**32 - 1, "x", "level"))),
    ("series_with_2^32_labels", lambda: (2, series_payload(1, 0, "x", "level", labels=2**32 - 1))),
    ("batch_of_series_2^32-1", lambda: (3, batch_payload(0, [(2**32 - 2, 0, 8)]))),
    ("batch_with_2^40_readings", lambda: (3, batch_payload(0, [(0, 0, 8)], count=2**40))),
    ("batch_of_source_2^32-1", lambda: (3, batch_payload(2**32 - 1, [(0, 0, 8)]))),
    ("start_with_2^40_sources", lambda: (1, b"\x07\x09" + b"\x00\x00" + b"\x80" * 5 + b"\x01")),
    ("unknown_type", lambda: (99, b"what is this")),
    ("empty_payloads", lambda: (3, b"")),
]


@each(CRAFTED)
def crafted_record_does_no_harm(world, make):
    gateway = Gateway(world, REST).start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    wanted = gateway.rows()
    gateway.kill()
    with_records(gateway, make())
    starts_with(gateway, wanted)


@each([("by_12_bytes", 12), ("by_16_bytes", 16)])
def scan_after_damage_is_linear(world, step):
    """Each head of the crafted part promises all the rest as its payload, with a number that may come next."""
    gateway = Gateway(world, REST).start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    wanted = gateway.rows()
    gateway.kill()
    file, size = gateway.files("journal")[-1], 512 << 10
    last = Journal(file).records[-1].number
    heads = b"".join(struct.pack("<IBBBBI", max(0, size - at - 12), 3, *struct.pack("<I", last + 1 + at // step)[:3], 0) + b"\1" * (step - 12)
                     for at in range(0, size, step))
    with open(file, "ab") as out:
        out.write(b"\xff" + heads)
    began = time.monotonic()
    starts_with(gateway, wanted)
    took = time.monotonic() - began
    expect_that("seconds", took < 6, round(took, 1), "below 6")


# --- 7: no start ends because of a damaged file of ours


def first_bytes(count, text=b"\x5a"):
    return lambda data: (text * count)[:count] + data[count:]


@each([("first_byte", first_bytes(1)), ("first_8_bytes", first_bytes(8)), ("first_4096_bytes", first_bytes(4096)),
       ("text_file", lambda data: b"hello, this is no checkpoint\n"), ("version_0", lambda d: d[:8] + b"\0\0" + d[10:]),
       ("version_9_without_checksum", lambda d: d[:8] + b"\x09\0" + d[10:]), ("last_byte", lambda d: d[:-1] + b"\x00"),
       ("empty", lambda data: b""), ("half", lambda data: data[:len(data) // 2])])
def damaged_checkpoints_do_not_end_a_start(world, damage):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    wanted = gateway.rows()
    gateway.kill()
    files = gateway.files("checkpoint")
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    starts_with(gateway, wanted)
    expect_that("checkpoints damaged", files, len(files), "at least 1")
    expect_that("the log", re.search(r"checkpoint", gateway.new_log()), gateway.new_log().splitlines()[:1], "reports the checkpoint")


@case
def damaged_head_of_every_journal_file_does_not_end_a_start(world):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    wanted = gateway.rows()
    gateway.kill()
    for file in gateway.files("journal"):
        file.write_bytes(first_bytes(8)(file.read_bytes()))
    starts_with(gateway, wanted)


@each([("outbox", "outbox/lite-0000000000000001.log"), ("journal", "journal/journal-00000000ffffffff.log"),
       ("quarantine", "quarantine/quarantine-0000000000000001.log")])
def foreign_file_in_the_state_does_not_end_a_start(world, name):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    wanted = gateway.rows()
    gateway.kill()
    path = gateway.state / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(os.urandom(3000))
    starts_with(gateway, wanted)


def unix_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(path))


@each([(f"{where}-{what}", where, make) for where in ("journal", "outbox")
       for what, make in [("folder", os.mkdir), ("fifo", os.mkfifo), ("socket", unix_socket),
                          ("link", lambda path: os.symlink("/dev/zero", path))]])
def log_file_of_another_kind_does_not_end_a_start(world, where, make):
    gateway = Gateway(world, REST, checkpoint="1s").start()
    send_and_settle(gateway, reading("s", 0, 1))
    with sqlite3.connect(gateway.database, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        gateway.send(*(reading(f"s{i}", 0, 1) for i in range(10)))
        wait_for(lambda: gateway.status()["sinks"][0]["spilled_rows"] == 10, "10 rows on disk")
        gateway.kill()
    file = sorted((gateway.state / where).glob("*.log"))[-1]
    file.unlink()
    make(file)
    gateway.start()
    expect_that("the log", re.search(f"{file.name}: .*set aside", gateway.new_log()), gateway.new_log().splitlines()[:2], "says so")
    send_and_settle(gateway, reading("s", 100 * SECOND, 1))
    expect("it goes on", gateway.rows().get(("s", 100 * SECOND)), (1, 1))


def plain_file(path):
    shutil.move(path, f"{path}.moved")
    path.write_text("not a folder")


def dangling_link(path):
    shutil.move(path, f"{path}.moved")
    path.symlink_to(path.parent / "nowhere")


@each([(f"{part}-{damage.__name__}", part, damage) for part in ("journal", "checkpoint", "outbox")
       for damage in (plain_file, dangling_link)])
def damaged_folder_does_not_end_a_start(world, part, damage):
    gateway = Gateway(world, REST, checkpoint="1h").start()
    send_and_settle(gateway, *(reading("s", i * SECOND, 1) for i in range(12)))
    gateway.kill()
    damage(gateway.state / part)
    gateway.start()
    expect_that("the log", re.search(f"{part}: .*set aside", gateway.new_log()), gateway.new_log().splitlines()[:1], "says so")
    gateway.send(reading("s", 100 * SECOND, 1))
    gateway.flush()
    expect("it goes on", gateway.rows().get(("s", 100 * SECOND)), (1, 1))


# --- the outbox on disk


def cut_to_half(file):
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])


@each([("missing", os.unlink), ("cut", cut_to_half), ("zeros", lambda file: file.write_bytes(bytes(file.stat().st_size)))])
def damaged_outbox_is_reported_with_what_is_lost(world, damage):
    gateway = Gateway(world, REST, checkpoint="1s").start()
    send_and_settle(gateway, reading("s", 0, 1))
    holder = sqlite3.connect(gateway.database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    for number in range(1, 4):
        gateway.send(*(reading(f"s{number}-{i}", 0, 1) for i in range(10)))
        wait_for(lambda: gateway.status()["sinks"][0]["spilled_rows"] == number * 10, f"{number * 10} rows on disk")
    gateway.kill()
    damage(sorted((gateway.state / "outbox").glob("*.log"))[-1])
    gateway.start()
    sink = gateway.status()["sinks"][0]
    expect_that("lost records", sink["lost_records"] >= 1, sink["lost_records"], "at least 1")
    expect_that("lost rows", 10 <= sink["lost_rows"] <= 30, sink["lost_rows"], "10 to 30")
    expect("in the metrics", gateway.metrics()['edgetide_outbox_lost_records{sink="lite"}'], sink["lost_records"])
    expect_that("the log", re.search(r"outbox: \d+ record.* up to \d+ rows", gateway.new_log()), gateway.new_log().splitlines()[:2], "says so")
    holder.rollback()
    gateway.send(reading("s", 100 * SECOND, 1))
    gateway.flush()
    expect("it goes on", gateway.rows().get(("s", 100 * SECOND)), (1, 1))
    expect("readings in rows", gateway.count(), 32 - sink["lost_rows"])
    gateway.kill()
    gateway.start()
    expect("lost records after another start", gateway.status()["sinks"][0]["lost_records"], 0)


# --- 13: a changed window definition takes effect at a window boundary

DAY_BEGAN = -8 * 3600 * SECOND  # START is eight o'clock
BEFORE = window("w", "1h", 'allowed_lateness = "1m"\n')
EDITS = {
    "aggregate_added": window("w", "1h", 'allowed_lateness = "1m"\n', ("count", "sum", "max")),
    "aggregate_removed": window("w", "1h", 'allowed_lateness = "1m"\n', ("count", "sum")).replace('"count", "sum"', '"sum", "count"'),
    "lateness_longer": window("w", "1h", 'allowed_lateness = "1h"\n'),
    "lateness_shorter": window("w", "1h"),
    "size_half": window("w", "30m", 'allowed_lateness = "1m"\n'),
    "size_double": window("w", "2h", 'allowed_lateness = "1m"\n'),
    "offset": window("w", "1h", 'allowed_lateness = "1m"\noffset = "10m"\n'),
    "deduplicate": window("w", "1h", 'allowed_lateness = "1m"\ndeduplicate = "event_time"\n'),
}
BEFORE_OF = {"aggregate_removed": window("w", "1h", 'allowed_lateness = "1m"\n', ("count", "sum", "max", "p50"))}
MINUTE = 60 * SECOND


@each([(f"{edit}-{how}-{mode}", edit, how, mode) for edit in EDITS for how, mode in
       (("reload", "update"), ("restart", "update"), ("restart", "append"))])
def changed_window_is_finished_by_the_definition_it_began_with(world, edit, how, mode):
    sink = LITE + f'mode = "{mode}"\n'
    gateway = Gateway(world, LINE + BEFORE_OF.get(edit, BEFORE) + sink, checkpoint="1s").start()
    gateway.send(*(reading("s", i * MINUTE, 1) for i in range(1, 11)))
    gateway.flush()
    after = LINE + EDITS[edit] + sink
    if how == "reload":
        gateway.reload(after)
    else:
        gateway.stop()
        gateway.configure(after)
        gateway.start()
    gateway.send(reading("s", 11 * MINUTE, 1))
    gateway.flush()
    if mode == "update":
        expect("the open window after one more reading", gateway.rows().get(("s", 0)), (11, 11))
    gateway.send(reading("s", 250 * MINUTE, 1), reading("s", 500 * MINUTE, 1), reading("s", 900 * MINUTE, 1))
    gateway.flush()
    expect("the window when it is final", gateway.full_rows().get(("s", 0), ())[:3], (11, 11, 1))
    expect_that("readings in rows", gateway.count() >= (14 if mode == "update" else 13), gateway.count(),
                "all of 14, in append mode of which the last is open")
    expect("late_dropped", gateway.dropped_late(), 0)


@each([("reload", True), ("restart", False)])
def window_of_a_day_loses_nothing_when_it_is_changed(world, reload):
    text = LINE + window("w", "1d") + LITE
    gateway = Gateway(world, text, checkpoint="1s").start()
    gateway.send(*(reading(f"s{i % 3}", i * MINUTE, 1) for i in range(60)))
    gateway.flush()
    after = LINE + window("w", "1d", aggregates=("count", "sum", "avg")) + LITE
    for _ in range(2):  # and back again
        if reload:
            gateway.reload(after)
        else:
            gateway.stop()
            gateway.configure(after)
            gateway.start()
        after = text
    gateway.send(*(reading(f"s{i}", 120 * MINUTE, 1) for i in range(3)))
    gateway.flush()
    expect("rows", {key: row[0] for key, row in gateway.rows().items()}, {(f"s{i}", DAY_BEGAN): 21 for i in range(3)})


@each([("running", '[windows.w]\ntype = "running"\ntrigger = "100ms"\naggregates = ["count", "sum"]\n',
        '[windows.w]\ntype = "running"\ntrigger = "100ms"\naggregates = ["count", "sum", "max"]\n'),
       ("group_by", window("w"), window("w", more='group_by = ["sensor"]\n'))])
def change_that_cannot_wait_for_a_boundary_is_said_before(world, before, after):
    gateway = Gateway(world, LINE + before + LITE, checkpoint="1s").start()
    send_and_settle(gateway, *(reading("s", i * MINUTE, 1) for i in range(10)))
    written = gateway.status()["checkpoint"]["written"]
    wait_for(lambda: gateway.status()["checkpoint"]["written"] > written + 1, "a checkpoint")
    gateway.configure(LINE + after + LITE)
    check = subprocess.run([world.build / "edgetide", "check", "--against-state", "--config", gateway.config],
                           capture_output=True, text=True, timeout=20)
    said = check.stdout + check.stderr
    expect_that("check --against-state", re.search(r"\bw\b.*(since|from .*on|begins|counts)", said), said.strip()[-200:],
                "names the window and since when its rows count")
    gateway.reload(LINE + after + LITE)
    expect_that("the log of the reload", re.search(r"\bw\b.*(since|from .*on|begins|counts)", gateway.new_log()),
                gateway.new_log().splitlines()[-2:], "the same")


# --- 15: the journal never stops intake while a checkpoint can be written


class Flood(threading.Thread):
    """Lines over TCP as fast as they are taken: values of eight bytes in turn from far sensors, so that journal grows."""

    def __init__(self, port, size):
        super().__init__(daemon=True)
        block = b"".join(b'{"sensor":"s%d","time":%d,"level":%.17g}\n' % (
            i * 37 % 600, 1_800_000_000_000_000 + i * 997 % 3_000_000_007, (i * 7919 % 10007) / 3) for i in range(20_000))
        self.block, self.lines, self.port, self.sent, self.broken = block, 20_000, port, 0, None
        self.blocks, self.drained = size, threading.Event()
        self.start()

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port)) as peer:
                threading.Thread(target=self._drain, args=(peer,), daemon=True).start()
                for _ in range(self.blocks):
                    peer.sendall(self.block)
                    self.sent += self.lines
                peer.shutdown(socket.SHUT_WR)
                self.drained.wait(60)
        except OSError as error:
            self.broken = error

    def _drain(self, peer):
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass
        self.drained.set()


BLOCKS = 150  # some 35 MiB of journal
FLOODED = LINE + window("w", "1h", 'allowed_lateness = "1d"\n') + LITE


def longest_standstill(gateway, flood, wanted, give_up):
    """Seconds without a reading taken while more waited; with what /readyz said meanwhile."""
    taken, since, longest, said = 0, time.monotonic(), 0.0, (200, "")
    while taken < wanted and longest < give_up:
        now = gateway.received()
        if now > taken:
            taken, since = now, time.monotonic()
        elif time.monotonic() - since > max(longest, 0.5):
            longest, said = time.monotonic() - since, gateway.readyz()
        if flood.broken and time.monotonic() - since > 2:
            break
        time.sleep(0.05)
    return taken, longest, said


@case
def journal_asks_for_a_checkpoint_before_it_is_full(world):
    gateway = Gateway(world, FLOODED, checkpoint="30s", journal='max_size = "16MiB"').start()
    flood = Flood(gateway.values["tcp"], BLOCKS)
    taken, longest, said = longest_standstill(gateway, flood, BLOCKS * 20_000, 4)
    expect_that("longest standstill, seconds", longest < 4, round(longest, 1), f"below 4; /readyz meanwhile {said}")
    expect("readings taken", taken, BLOCKS * 20_000)


def is_made(folder):
    try:
        folder.mkdir(parents=True)
    except (FileExistsError, NotADirectoryError, FileNotFoundError):
        return False
    return True


@case
def held_back_intake_is_not_ready_and_sends_no_peer_away(world):
    line = LINE + 'line_timeout = "1s"\nconnection_timeout = "2s"\n'
    gateway = Gateway(world, line + FLOODED[len(LINE):], checkpoint="3s", journal='max_size = "16MiB"').start()
    in_the_way = gateway.state / "checkpoint/checkpoint.new"
    wait_for(lambda: is_made(in_the_way / "so that it cannot be replaced"), "no checkpoint is just being written")
    flood = Flood(gateway.values["tcp"], BLOCKS)
    _, longest, said = longest_standstill(gateway, flood, BLOCKS * 20_000, 4)
    expect_that("it is held back, seconds", longest >= 4, round(longest, 1), "4, no checkpoint can be written")
    expect("/readyz while held back", said[0], 503)
    expect_that("its reason", "journal" in said[1], said[1].strip(), "the journal is full and holds intake back")
    expect_that("the log", re.search(r"held? back|holds intake back|journal.*full", gateway.new_log()),
                gateway.new_log().splitlines()[-1:], "says that intake is held back")
    shutil.rmtree(in_the_way)
    taken, _, _ = longest_standstill(gateway, flood, BLOCKS * 20_000, 8)
    expect("connection of the peer", flood.broken, None)
    expect("readings taken", taken, BLOCKS * 20_000)


# --- 16: acknowledged lines


@case
def ack_counts_every_line_including_refused_ones(world):
    gateway = Gateway(world, REST).start()
    lines = [reading("s", 0, 1), "{not json", reading("s", SECOND, 1), '{"sensor":"s","level":"high"}', "", reading("s", 2 * SECOND, 1)]
    with socket.create_connection(("127.0.0.1", gateway.values["tcp"]), timeout=20) as peer:
        peer.sendall(("\n".join(lines) + "\n").encode())
        peer.shutdown(socket.SHUT_WR)
        answers = peer.makefile().read().splitlines()
    expect("last answer to three lines, an empty one and two that make no sense", answers[-1], "ack 6 refused 3")
    gateway.flush()
    expect("readings in rows", gateway.count(), 3)


cases.main()
