#!/usr/bin/env python3
"""Measures the speed of `edgetide replay`. Usage: tests/bench/replay_speed.py [BUILD_DIR [LINES [SENSORS]]]"""
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONFIG = '[time]\nidle_timeout = "none"\n[windows.minute]\nsize = "1m"\n'


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release")
    lines = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    sensors = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    with tempfile.TemporaryDirectory() as folder:
        config, recorded = Path(folder, "edgetide.toml"), Path(folder, "readings.jsonl")
        config.write_text(CONFIG)
        with recorded.open("w") as out:
            for i in range(lines):
                out.write(f'{{"sensor":"s{i % sensors}","metric":"t","time":{i * 1000},"value":{i % 977 / 10}}}\n')
        began = time.monotonic()
        child = subprocess.Popen([build / "edgetide", "replay", "--config", config, "--input", recorded, "--flush"],
                                 stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        took = time.monotonic() - began
        assert status == 0, status
        cpu = used.ru_utime + used.ru_stime
        print(f"{lines} lines of {sensors} sensors: {took:.2f} s, {cpu:.2f} s of CPU "
              f"({lines / cpu / 1e6:.2f} million lines a second), {used.ru_maxrss / 1024:.0f} MiB")


main()
