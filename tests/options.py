#!/usr/bin/env python3
"""Builds the program without the parts that a build option may leave out, and tests that: EDGETIDE_MINIMAL, and the
PostgreSQL sink; with --each one option at a time.

Each time the configuration tests pass, and `edgetide check` and `--version` name the missing part with its option. The
build is that of the release, so that with ccache little is compiled behind a release build.

    options.py [--each] [BUILD]        a folder for the builds, build/without by default
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EACH = "--each" in sys.argv
FOLDERS = [word for word in sys.argv[1:] if word != "--each"]
BUILD = Path(FOLDERS[0] if FOLDERS else ROOT / "build/without").resolve()
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


def builds_without(off, options, *choices):
    began = time.monotonic()
    run("cmake", "--preset", "release", "--fresh", "-B", BUILD, "-DEDGETIDE_MANUAL=OFF", *choices)
    run("cmake", "--build", BUILD, "--parallel", "2", "--target", *TARGETS)
    run(BUILD / "tests/config/config_test")
    run(BUILD / "tests/config/parts_test")
    missing = [(kind, name, option) for option in off for kind, name in options[option]]
    for kind, name, option in missing:
        says_what_is_missing(kind, name, option)
    print(f"without {', '.join(name for _, name, _ in missing) or off[0]}: passed in {time.monotonic() - began:.0f} s")


def main():
    options = parts_by_option()
    always = "EDGETIDE_POSTGRESQL"
    if EACH:
        for off in options:
            builds_without([off], options, f"-D{off}=OFF")
    else:
        builds_without([option for option in options if option != always], options, "-DEDGETIDE_MINIMAL=ON")
        builds_without(list(options), options, "-DEDGETIDE_MINIMAL=ON", f"-D{always}=OFF")


main()
