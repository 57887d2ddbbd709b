#!/usr/bin/env python3
"""The bound of an outbox holds while its store is away: SQLite, locked by another process, and readings that come as fast
as they can be sent.

    outbox_bounds.py BUILD [CASE...]
"""
import socket
import sqlite3
import threading
import time

import cases
from cases import case, each, expect, expect_that
from gateway import LINE, SECOND, Gateway, reading, window
from world import wait_for

BOUND = 256 * 1024
SINK = '\n[sinks.lite]\ntype = "sqlite"\npath = "{database}"\nmode = "MODE"\noutbox = {{ max_size = "256KiB", when_full = "POLICY" }}\n'


class Flood:
    """Rounds of one reading per sensor, a second of event time each, until it is stopped."""

    def __init__(self, gateway, sensors):
        self.sent, self.stopped = 0, False
        self.acknowledged = 0
        self.peer = socket.create_connection(("127.0.0.1", gateway.values["tcp"]), timeout=120)
        self.threads = [threading.Thread(target=self._send, args=(sensors,)), threading.Thread(target=self._read)]
        for thread in self.threads:
            thread.start()

    def _send(self, sensors):
        second = 0
        while not self.stopped:
            lines = [reading(f"s{i}", second * SECOND, 1) for i in range(sensors)]
            self.peer.sendall(("\n".join(lines) + "\n").encode())
            self.sent += sensors
            second += 1
        self.peer.shutdown(socket.SHUT_WR)

    def _read(self):
        for line in self.peer.makefile():
            self.acknowledged = int(line.split()[1])

    def stop(self):
        self.stopped = True
        for thread in self.threads:
            thread.join(120)


def watched(gateway, seconds):
    """The most that the outbox held, in memory and on disk."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        sink = gateway.status()["sinks"][0]
        most = max(most, sink["memory_bytes"] + sink["disk_bytes"])
        time.sleep(0.02)
    return most


def locked(gateway):
    """The database, held by a transaction that nobody ends."""
    gateway.send(reading("first", 0, 1))
    wait_for(lambda: gateway.count() >= 1, "a first row")
    holder = sqlite3.connect(gateway.database, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    return holder


def gateway_with(world, policy, mode, size, lateness, trigger="100ms", sync="10ms"):
    text = LINE + window("w", size, f'allowed_lateness = "{lateness}"\n') + SINK.replace("POLICY", policy).replace("MODE", mode)
    gateway = Gateway(world, text.replace('trigger = "100ms"', f'trigger = "{trigger}"'))
    gateway.config.write_text(gateway.config.read_text().replace('sync_interval = "10ms"', f'sync_interval = "{sync}"'))
    return gateway.start()


@each([(f"{mode}-{name}", mode, *shape) for mode in ("update", "append") for name, shape in {
    "many_windows": (100, "1s", "0s"), "one_sensor": (1, "1s", "5s"), "slow_trigger": (100, "1s", "0s", "3s"),
    "slow_sync": (100, "1s", "2s", "100ms", "1s"), "sliding": (20, '4s"\ntype = "sliding"\nslide = "1s', "0s")}.items()])
def block_holds_intake_before_the_outbox_is_too_full(world, mode, sensors, size, lateness, trigger="100ms", sync="10ms"):
    gateway = gateway_with(world, "block", mode, size, lateness, trigger, sync)
    holder = locked(gateway) if mode == "update" else None
    if holder is None:
        gateway.database.touch()
        holder = sqlite3.connect(gateway.database, isolation_level=None)
        wait_for(lambda: gateway.status()["sinks"][0]["connected"], "the sink has its tables")
        holder.execute("BEGIN EXCLUSIVE")
    flood = Flood(gateway, sensors)
    most = watched(gateway, 8)
    bound = int(BOUND * 1.1)
    expect_that("most bytes in the outbox", 50_000 < most <= bound, most, f"at most {bound}")
    sent = flood.sent
    time.sleep(1)
    expect_that("sent meanwhile", flood.sent - sent < 20_000, flood.sent - sent, "intake is held back")
    expect_that("/readyz", gateway.readyz()[0] == 503, gateway.readyz()[1].strip(), "503")
    holder.rollback()
    holder.close()
    flood.stop()
    expect("acknowledged of what was sent", flood.acknowledged, flood.sent)
    expect("dropped rows", gateway.status()["sinks"][0]["dropped_rows"], 0)
    if mode == "update" and "slide" not in size:
        wanted = flood.sent + 1
        expect("readings in rows", gateway.settles(wanted), wanted)


@case
def drop_oldest_keeps_its_bound(world):
    gateway = gateway_with(world, "drop_oldest", "update", "1s", "1h")
    holder = locked(gateway)
    most, second = 0, 0
    end = time.monotonic() + 10
    while time.monotonic() < end:
        gateway.send(*(reading(f"s{i}", second * SECOND, 1) for i in range(200)))
        second += 1
        most = max(most, watched(gateway, 0.05))
    expect_that("most bytes in the outbox", 100_000 < most <= BOUND * 1.1, most, f"at most {int(BOUND * 1.1)}")
    expect_that("dropped rows", gateway.status()["sinks"][0]["dropped_rows"] > 0, gateway.status()["sinks"][0]["dropped_rows"], "some")
    holder.rollback()
    holder.close()
    wait_for(lambda: gateway.status()["sinks"][0]["outbox_rows"] == 0, "the rest is delivered")


def files_of(gateway):
    return sum(path.stat().st_size for path in (gateway.state / "outbox").iterdir())


@each([("many_windows", 100, "1s"), ("many_series", 2000, "1h")])
def bound_holds_after_a_kill_while_the_store_is_away(world, sensors, size):
    gateway = gateway_with(world, "block", "update", size, "0s")
    second, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        gateway.send(*(reading(f"s{i}", second * SECOND, 1) for i in range(sensors)))
        second += 1
    for start in ("first", "second"):
        gateway.kill()
        if start == "first":
            holder = sqlite3.connect(gateway.database, isolation_level=None)
            holder.execute("BEGIN EXCLUSIVE")
        gateway.start()
        most = watched(gateway, 1)
        expect_that(f"most bytes in the outbox after the {start} start", most <= BOUND * 1.1, most, f"at most {int(BOUND * 1.1)}")
        files = files_of(gateway)
        expect_that("bytes of its files", files <= BOUND + 2 * BOUND // 8, files, f"at most {BOUND + 2 * BOUND // 8}")
    holder.rollback()
    holder.close()
    wait_for(lambda: gateway.status()["sinks"][0]["outbox_rows"] == 0, "the rest is delivered")
    expect("readings in rows", gateway.settles(second * sensors), second * sensors)
    expect("dropped rows", gateway.status()["sinks"][0]["dropped_rows"], 0)


@case
def epoch_that_is_larger_than_the_bound_is_cut_while_the_store_fails(world):
    gateway = gateway_with(world, "drop_oldest", "update", "1s", "1h")
    holder = locked(gateway)
    gateway.send(reading("s", 0, 1))
    wait_for(lambda: gateway.status()["sinks"][0]["error"], "the sink fails")
    most, second, files, end = 0, 0, 0, time.monotonic() + 5
    while time.monotonic() < end:
        gateway.send(*(reading(f"s{i}", second * SECOND, 1) for i in range(5000)))
        second += 1
        most = max(most, watched(gateway, 0.05))
        files = max(files, files_of(gateway))
    one_epoch = 5000 * 2 * 56  # that the sink has while it waits for the lock, of two messages at most
    expect_that("most bytes in the outbox", most <= one_epoch + BOUND, most, f"at most {one_epoch + BOUND}")
    gateway.kill()
    gateway.start()
    wait_for(lambda: gateway.status()["sinks"][0]["error"], "the sink fails")
    most = watched(gateway, 1)
    expect_that("after a kill", most <= BOUND * 1.1, most, f"at most {int(BOUND * 1.1)}")
    holder.rollback()
    holder.close()
    wait_for(lambda: gateway.status()["sinks"][0]["outbox_rows"] == 0, "the rest is delivered")


@case
def healthy_sink_with_a_small_bound_gets_everything(world):
    gateway = gateway_with(world, "block", "update", "1s", "0s")
    flood = Flood(gateway, 100)
    most = watched(gateway, 5)
    flood.stop()
    expect_that("most bytes in the outbox", most <= BOUND * 1.1, most, f"at most {int(BOUND * 1.1)}")
    expect("acknowledged of what was sent", flood.acknowledged, flood.sent)
    expect_that("sent in 5 s", flood.sent > 20_000, flood.sent, "it gets on")
    expect("readings in rows", gateway.settles(flood.sent), flood.sent)


cases.main()
