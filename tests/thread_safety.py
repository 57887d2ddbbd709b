#!/usr/bin/env python3
"""Clang checks the guards that daemon/service/mutex.h declares: tests/thread_safety.py BUILD_FOLDER

Every .cpp of the product that includes a guarded class is read again by clang++, with the flags of the build, whatever
compiler that used. Skipped (77) where there is no clang++.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["pipeline", "sinks", "daemon", "config"]
GUARDS = "daemon/service/mutex.h"
CLANG = ["clang++", "-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Werror=thread-safety"]
# Proves that the check can fail.
BROKEN = f"""
#include "{GUARDS}"
struct Guarded {{
  edgetide::Mutex mutex;
  int value GUARDED_BY(mutex);
}};
int read(Guarded& guarded) {{ return guarded.value; }}
"""


def flags_by_folder(build):
    """Of one target of each folder: what is defined, and where headers are."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        folder = words[words.index("-o") + 1].split("/CMakeFiles/")[0]
        kept = []
        for at, word in enumerate(words):
            if word.startswith(("-I", "-D", "-std=")):
                kept.append(word)
            elif word == "-isystem":
                kept += words[at:at + 2]
        flags.setdefault(folder, kept)
    return flags


def includes(path):
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)


def is_guarded(path):
    """It, or a header that it includes, holds a guarded member."""
    own = includes(path)
    return GUARDS in own or any((ROOT / h).exists() and GUARDS in includes(ROOT / h) for h in own)


def flags_of(path, flags):
    folder = path.parent
    while str(folder.relative_to(ROOT)) not in flags:
        folder = folder.parent
    return flags[str(folder.relative_to(ROOT))]


def check(path, flags):
    run = subprocess.run([*CLANG, *flags_of(path, flags), str(path)], capture_output=True, text=True)
    return run.returncode, run.stderr


def check_can_fail():
    run = subprocess.run([*CLANG, "-std=c++20", f"-I{ROOT}", "-x", "c++", "-"], input=BROKEN, capture_output=True,
                         text=True)
    if "thread-safety" not in run.stderr:
        sys.exit("clang++ does not find a guard that is broken:\n" + run.stderr)


def main():
    if not shutil.which("clang++"):
        print("skipped: no clang++")
        return 77
    check_can_fail()
    flags = flags_by_folder(Path(sys.argv[1]))
    files = [p for f in FOLDERS for p in sorted((ROOT / f).rglob("*.cpp")) if is_guarded(p)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: check(path, flags), files))
    for _, errors in results:
        print(errors, end="")
    failed = sum(1 for status, _ in results if status != 0)
    print(f"{len(files)} files, {failed} with a broken guard")
    return 1 if failed else 0


sys.exit(main())
