#!/usr/bin/env python3
"""Builds the program without the parts that a build option may leave out, one option at a time, and tests that.

Each time the configuration tests pass, and `edgetide check` and `--version` name the missing part with its option. The
build is that of the release, so that with ccache little is compiled behind a release build.

    options.py [BUILD]        a folder for the builds, build/without by default
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/without").resolve()
PART = re.compile(r'PART\((\w+), "(\w+)", \w+, (EDGETIDE_\w+)\)')
CONFIGURATIONS = {
    "sources": '[sources.x]\ntype = "{}"\n',
    "formats": '[sources.x]\ntype = "tcp"\nlisten = "127.0.0.1:1"\nformat = "{}"\n',
    "windows": '[windows.x]\ntype = "{}"\n',
    "sinks": '[windows.w]\nsize = "1m"\n[sinks.x]\ntype = "{}"\n',
}
TARGETS = ["edgetide", "config_test", "parts_test"]


def parts_by_option():
    """{option: [(kind, name)]}, from the table of parts."""
    found = {}
    for kind, name, option in PART.findall((ROOT / "config/built_in_parts.cpp").read_text()):
        found.setdefault(option, []).append((kind, name))
    assert found, "no part of the table depends on an option"
    return found


def run(*command):
    environment = {**os.environ, "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
    result = subprocess.run([str(word) for word in command], cwd=ROOT, env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout[-6000:]}"


def says_what_is_missing(kind, name, option):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIGURATIONS[kind].format(name))
        config.flush()
        check = subprocess.run([BUILD / "edgetide", "check", "--config", config.name], capture_output=True, text=True)
    wanted = f"{name} is not in this build; -D{option}=ON brings it"
    assert check.returncode != 0 and wanted in check.stdout + check.stderr, check.stdout + check.stderr
    version = subprocess.run([BUILD / "edgetide", "--version"], capture_output=True, text=True).stdout
    assert f"without {name} (-D{option}=ON)" in version, version


def main():
    options = parts_by_option()
    for off, parts in options.items():
        began = time.monotonic()
        choices = [f"-D{option}={'OFF' if option == off else 'ON'}" for option in options]
        run("cmake", "--preset", "release", "-B", BUILD, "-DEDGETIDE_MANUAL=OFF", *choices)
        run("cmake", "--build", BUILD, "--parallel", "2", "--target", *TARGETS)
        run(BUILD / "tests/config/config_test")
        run(BUILD / "tests/config/parts_test")
        for kind, name in parts:
            says_what_is_missing(kind, name, off)
        names = ", ".join(name for _, name in parts)
        print(f"without {names} ({off}=OFF): passed in {time.monotonic() - began:.0f} s")


main()
