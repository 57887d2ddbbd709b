#!/usr/bin/env python3
"""What a peer may send to make the daemon large: it stays below 256 MiB, the limit of its service, also at the next
start, and the rows of a sensor that behaves are exact.

    memory.py BUILD [CASE...]
"""
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import cases  # noqa: E402
from cases import each, expect, expect_that  # noqa: E402
from gateway import HEAD, LITE, START, Gateway, window  # noqa: E402
from memory_cage import MemoryCage  # noqa: E402
from world import wait_for  # noqa: E402

MOST = 256 * 1024  # kB, as the service's own limit
MOST_STATE = 11 * (64 << 20) // 10  # a tenth above limits.memory
MINUTE = 60_000_000
INFLUX = """
[limits]
new_series_per_minute = 1000000000
[sources.line]
type = "tcp"
listen = "127.0.0.1:{tcp}"
ack = true
format = "influx"
"""


def peak(gateway):
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def line(sensor, offset_us, value, tags=""):
    return f"m,sensor={sensor}{tags} level={value} {(START + offset_us) * 1000}"


def settled_down(gateway):
    """What was due has left, in as many epochs as it needs."""
    def rows(status):
        return [each["rows"] for each in status["sinks"] + status["windows"]]

    def quiet():
        before = now = gateway.status()
        while now["epoch"] < before["epoch"] + 5:
            time.sleep(0.2)
            now = gateway.status()
        return rows(now) == rows(before) and not any(sink["outbox_rows"] for sink in now["sinks"])
    wait_for(quiet, "rows have left", 900)


def good(gateway):
    return max((row[0] for (sensor, _), row in gateway.rows().items() if sensor == "good"), default=0)


def send(gateway, lines):
    """Over one connection that reads its acknowledgements; returns how many lines were settled."""
    settled, sent = "", 0
    with socket.create_connection(("127.0.0.1", gateway.values["tcp"]), timeout=60) as peer:
        peer.settimeout(60)
        block = []
        for text in lines:
            block.append(text)
            sent += 1
            if len(block) == 500:
                peer.sendall(("\n".join(block) + "\n").encode())
                settled, block = peer.recv(65536).decode() or settled, []
        peer.sendall(("\n".join(block + [""])).encode())
        peer.shutdown(socket.SHUT_WR)
        while more := peer.recv(65536).decode():
            settled = more
    return sent, settled


def long_labels():
    tags = "".join(f",tag{i}={'x' * 120}" for i in range(31))
    return (line(f"s{i}", 0, 1, tags) for i in range(20_000))


def many_windows():
    return (line(f"s{i % 500}", i // 500 * MINUTE, 1) for i in range(2_000_000))


def empty_windows():
    return (line(f"s{i % 2000}", i // 2000 * 1440 * MINUTE, 1) for i in range(4000))


def magnitudes():
    return (line(f"s{i % 5000}", 0, f"{'-' if i % 3 == 0 else ''}1e{i // 5000 * 15 - 290}") for i in range(200_000))


def readings_kept():
    return (line(f"s{i % 10}", i, i) for i in range(4_000_000))


def spaced_readings():
    return (line(f"s{i % 20_000}", -(i // 20_000) * 20 * MINUTE, 1) for i in range(400_000))


ONCE = ("the next start",)
# 11,000 panes of which each is in 1,440 windows: 12 million rows, which a store would take minutes for.
OVERLAPPING = window("w", "1m") + window("day", "1d", 'type = "sliding"\nslide = "1m"\n') + LITE + 'inputs = ["w"]\n'
ATTACKS = [
    ("long_labels", window("w", "1m"), long_labels, ONCE),
    ("many_windows", window("w", "1m", 'allowed_lateness = "7d"\n'), many_windows, ONCE),
    ("empty_windows", window("w", "1m", "emit_empty = true\n"), empty_windows, ONCE),
    ("magnitudes", window("w", "1m", aggregates=("count", "sum", "p99")), magnitudes, ONCE),
    ("readings_kept", window("w", "1d", aggregates=("count", "sum", "increase")), readings_kept, ONCE),
    ("sliding", OVERLAPPING, spaced_readings, (*ONCE, "the one after it")),
]


@each(ATTACKS)
def daemon_stays_small(world, windows, lines, starts):
    cage = MemoryCage(world)
    text = INFLUX + windows + ("" if LITE in windows else LITE)
    gateway = Gateway(world, text, head=HEAD, checkpoint="2s").start(**cage.arguments)
    gateway.wait_until_ready()
    send(gateway, [line("good", i, 1) for i in range(10)])
    gateway.flush()
    sent, settled = send(gateway, lines())
    settled_down(gateway)
    first = good(gateway)
    send(gateway, [line("good", 20 + i, 1) for i in range(10)])
    written = gateway.status()["checkpoint"]["written"]
    wait_for(lambda: gateway.status()["checkpoint"]["written"] > written, "a checkpoint", 60)
    running = peak(gateway)
    expect_that("peak while running, kB", running < MOST, running, f"below {MOST}")
    expect("the row of a sensor that behaves, before", first, 10)
    most_state = gateway.status()["state_bytes"]
    for start in starts:
        gateway.kill()
        gateway.start(patience=120, **cage.arguments)
        settled_down(gateway)
        again = peak(gateway)
        expect_that(f"peak after {start}, kB", again < MOST, again, f"below {MOST}")
        expect_that(f"its row after {start}", good(gateway) >= 10, good(gateway), "at least 10")
        most_state = max(most_state, gateway.status()["state_bytes"])
    expect_that("state, bytes", most_state <= MOST_STATE, most_state, f"at most {MOST_STATE}")
    expect_that("lines settled", settled.strip() != "", f"{settled.strip()[-40:]!r} of {sent}", "an answer")


if __name__ == "__main__":
    cases.main()
