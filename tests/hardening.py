#!/usr/bin/env python3
"""Reads from a built program what protects it: hardening.py BUILD [COMPILER]. What is missing is named, and fails.

Control-flow protection is a mark that the linker sets if every object has it. The C library's start files may lack it; then
the program cannot have it, and the test names them and passes if all of our objects have it. 77: this machine has no readelf, or the program is not of
an architecture that is known here.
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

START_FILES = ("Scrt1.o", "crti.o", "crtn.o", "crtbeginS.o", "crtendS.o")
MARKS = {"X86-64": "IBT, SHSTK", "AArch64": "BTI, PAC"}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def marks(path):
    found = re.search(r"(?:x86|AArch64) feature: (.+)", run("readelf", "-nW", path))
    return found.group(1) if found else ""


def our_objects(build):
    """Objects of the program's libraries, by file; of an archive its members together."""
    files = [*build.rglob("libedgetide_*.a"), *build.glob("daemon/CMakeFiles/edgetide.dir/**/*.o")]
    return [(file, re.findall(r"(?:x86|AArch64) feature: (.+)", run("readelf", "-nW", file)),
             len(run("ar", "t", file).splitlines()) if file.suffix == ".a" else 1) for file in files]


def main():
    build = Path(sys.argv[1])
    program = build / "edgetide"
    compiler = sys.argv[2] if len(sys.argv) > 2 else "c++"
    if shutil.which("readelf") is None:
        sys.exit(77)
    head, segments = run("readelf", "-hW", program), run("readelf", "-lW", program)
    dynamic, symbols = run("readelf", "-dW", program), run("readelf", "--dyn-syms", "-W", program)
    stack = re.search(r"GNU_STACK.*", segments)
    checks = {
        "position independent": re.search(r"Type:\s+DYN", head) and "PIE" in dynamic,
        "RELRO": "GNU_RELRO" in segments,
        "bound at the start": re.search(r"FLAGS.*BIND_NOW", dynamic) or re.search(r"FLAGS_1.*NOW", dynamic),
        "stack not executable": stack and "RWE" not in stack.group(),
        "no segment both writable and executable": not re.search(r"LOAD.*RWE", segments),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified": re.search(r"__(mem|str|snprintf|read|recv|poll|vsnprintf|fd)\w*_chk", symbols),
        "no run path": "RUNPATH" not in dynamic and "RPATH" not in dynamic,
        "checks of the standard library": "__glibcxx_assert_fail" in symbols,
    }
    missing = [name for name, holds in checks.items() if not holds]
    for name, holds in checks.items():
        print(f"{name}: {'yes' if holds else 'NO'}")
    machine = re.search(r"Machine:\s+(.*)", head).group(1)
    wanted = next((marks for name, marks in MARKS.items() if name in machine), None)
    if wanted is not None and marks(program) != wanted:
        files = [run(compiler, f"-print-file-name={name}").strip() for name in START_FILES]
        without = [file for file in files if file.startswith("/") and marks(file) != wanted]
        print(f"control-flow protection ({wanted}): not marked; without it are {', '.join(without) or 'none of the start files'}")
        bare = [str(file) for file, found, members in our_objects(build) if found != [wanted] * members]
        print(f"objects of our own without it: {', '.join(bare) or 'none'}")
        if bare or not without:
            missing.append("control-flow protection")
    elif wanted is not None:
        print(f"control-flow protection ({wanted}): yes")
    sys.exit(f"missing: {', '.join(missing)}" if missing else 0)


main()
