#!/usr/bin/env python3
"""The style that can be checked, as a test: prints every breach as file:line: reason, and fails if there is one."""
import graphlib
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["pipeline", "sinks", "daemon", "config", "tests"]
LINE_MOST = 120
FUNCTION_LINES_MOST = 70

# The core computes: no clock, thread, stream, file or log.
PURE_REFUSED = re.compile(
    r"#include <(chrono|ctime|thread|mutex|condition_variable|atomic|future|iostream|fstream|cstdio|filesystem|unistd\.h|sys/.*|random)>"
    r"|\b(std::cout|std::cerr|printf|spdlog|system_clock|steady_clock)\b")
# What each folder may include besides itself; a folder is the longest of these that a path begins with.
MAY_INCLUDE = {
    "pipeline": [],
    "daemon/service": ["pipeline"],
    "daemon/broker": ["daemon/service", "pipeline"],
    "sinks": ["daemon/broker", "daemon/service", "pipeline"],
    "daemon/storage": ["daemon/service", "pipeline"],
    "daemon/enrichment": ["pipeline"],
    "daemon/decoders": ["pipeline"],
    "daemon/mqtt": ["daemon/decoders", "pipeline"],
    "daemon/sources": ["daemon/broker", "daemon/decoders", "daemon/mqtt", "daemon/service", "pipeline"],
    "daemon/outbox": ["daemon/service", "daemon/storage", "sinks", "pipeline"],
    "daemon/intake": ["daemon/decoders", "daemon/enrichment", "daemon/outbox", "daemon/service", "daemon/sources",
                      "daemon/storage", "sinks", "pipeline"],
    "daemon/recovery": ["daemon/intake", "daemon/outbox", "daemon/service", "daemon/storage", "sinks", "pipeline"],
    "daemon/monitor": ["daemon/intake", "daemon/outbox", "daemon/recovery", "daemon/service", "daemon/sources",
                       "daemon/storage", "sinks", "pipeline"],
    "daemon/reload": ["daemon/gateway_options.h", "daemon/outbox", "pipeline"],
    "daemon/gateway_options.h": ["daemon/enrichment", "daemon/monitor", "daemon/outbox", "daemon/service",
                                 "daemon/sources", "daemon/storage", "sinks", "pipeline"],
    "daemon/main.cpp": ["daemon/commands"],
    "daemon/commands": ["config", "daemon/decoders", "daemon/enrichment", "daemon/gateway.h", "daemon/gateway_options.h",
                        "daemon/intake", "daemon/monitor", "daemon/outbox", "daemon/recovery", "daemon/service",
                        "daemon/sources", "daemon/storage", "sinks", "pipeline"],
    "daemon": ["daemon/gateway_options.h", "daemon/reload", "daemon/monitor", "daemon/recovery", "daemon/intake",
               "daemon/outbox", "daemon/enrichment", "daemon/storage", "daemon/sources", "daemon/decoders",
               "daemon/service", "sinks", "pipeline"],
    "config": ["daemon/decoders", "daemon/enrichment", "daemon/broker", "daemon/gateway_options.h", "daemon/service",
               "daemon/sources", "sinks", "pipeline"],
}
# Third-party headers, and the only files that may see them.
ONLY_IN = {
    r"mqtt/|MQTTAsync": {"daemon/broker/paho_connect.h", "daemon/broker/paho_trace.cpp", "daemon/sources/mqtt_source.cpp",
                         "sinks/mqtt_sink.cpp"},
    r"openssl/": {"daemon/service/tls_server.cpp", "daemon/service/password_hash.cpp"},
    r"simdjson": {"daemon/decoders/json.cpp"},
    r"cbor/": {"daemon/decoders/cbor_json.cpp"},
    r"spdlog/": {"daemon/service/log.cpp"},
    r"toml\+\+/": {"config/toml_document.cpp"},
    r"CLI/": {"daemon/commands/command_line.cpp", "daemon/commands/command_tree.cpp"},
    r"microhttpd": {"daemon/service/http_head.cpp", "daemon/service/http_listener.cpp"},
    r"curl/": {"sinks/http_client.cpp"},
    r"zlib\.h": {"sinks/gzip_text.cpp", "daemon/sources/gunzip.cpp", "daemon/sources/gzip_bytes.cpp"},
    r"zstd\.h": {"daemon/sources/zstd_bytes.cpp"},
    r"systemd/sd-daemon": {"daemon/service/service_notify.cpp"},
    r"systemd/sd-journal": {"daemon/service/journald.cpp"},
    r"sqlite3\.h": {"sinks/sqlite_sink.cpp", "sinks/sqlite_database.cpp"},
    r"re2/": {"daemon/decoders/line_pattern.cpp"},
    r"pqxx/": {"sinks/postgres_sink.cpp", "sinks/pqxx_versions.h"},
}
# Locks whose guards the compiler checks (tests/thread_safety.py), and where they still have to come.
UNCHECKED_LOCK = re.compile(r"\bstd::(mutex|lock_guard|unique_lock|scoped_lock|condition_variable)\b")
MAY_LOCK_UNCHECKED = ("daemon/service/mutex.h", "tests/")
THREAD_STATED = re.compile(r"\b[Tt]hread|\b[Pp]ure\b|constexpr|[Mm]acro")
BAD_NAMES = re.compile(r"(^|_)(util|utils|common|helper|helpers|misc|manager|handler|processor)(_|\.|$)")
LEFT_OVER = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|X" + r"XX|HA" + r"CK)\b")
MACHINE_PATHS = re.compile(r"/wo" + r"rk/|/tm" + r"p/b-")

# The English of documents, comments and messages: patterns that a native reader stumbles over, and former names.
REFUSED_WORDS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in [
    (r"(?<!there )\bis no (?!longer\b|more than\b)", "is not a"),
    (r"\banew\b", "again"),
    (r"\b(nobody|no one|whoever|for who)\b", "name the thing that acts"),
    (r"\bseldom\b", "rarely"),
    (r"\b(is|are|be|been|as|all|was|must be) told\b|\btold (of|by|so|at|in|as|for|once)\b", "reported, given, configured"),
    (r"\btroubles?\b", "error"),
    (r"\bcomplaints?\b", "error, refusal, warning"),
    (r"\btakes? nothing\b", "cannot be written"),
    (r"\b(becomes|became|become) of\b|\bcomes of\b", "the outcome, the consequence"),
    (r"\bcomes? and goe?s?\b", "is added or removed"),
    (r"\bof (its|their|his) own\b", "own, separate"),
    (r"\btexts\b", "strings"),
    (r"\bcouriers?\b", "SinkWorker"),
    (r"\bfates?\b", "outcome"),
    (r"\bsurplus\b", "further, the outbox"),
    (r"\bleavers?\b", "emit, evict, idle, drop"),
    (r"windows_fired|source_decode_errors|idle_sensors|sink_buffer|limit_bytes", "the new name; CHANGELOG.md lists it"),
    (r"\bsink buffers?\b|undelivered", "outbox, waiting"),
]]
# Of the same kind, in the words of an identifier: spill_surplus and SpillSurplus are "spill surplus".
REFUSED_NAMES = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in [
    (r"(?<!there )\bis no\b", "is_not_a"),
    (r"\banew\b", "again, reset"),
    (r"\b(nobody|no one|whoever)\b", "the thing that acts"),
    (r"\b(is|are|stays) told\b|\btold (of|by|so|at|in|as|for|once)\b", "reported, given"),
    (r"\btroubles?\b", "error"),
    (r"\bcomplaints?\b", "error, refusal, warning"),
    (r"\btakes nothing\b", "cannot_be_written"),
    (r"\bcomes? and goe?s?\b", "is_added_or_removed"),
    (r"\bof (its|their|his) own\b", "own, separate"),
    (r"\bcouriers?\b", "sink_worker"),
    (r"\bfates?\b", "outcome"),
    (r"\bsurplus\b", "excess, outbox"),
    (r"\bleavers?\b", "emit, evict, idle, drop"),
    (r"\blook at\b", "view, check"),
    (r"\b(rows|bytes) max$", "max_rows, max_bytes"),
    (r"\bundelivered\b|\bsink buffers?\b", "outbox"),
]]
IDENTIFIER = re.compile(r"[A-Za-z_]\w+")
WORD_BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
# Sentences of C++ are its comments and strings; these files are sentences as a whole.
CPP_TEXT = re.compile(r"""'(?:[^'\\\n]|\\.)'|R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|//[^\n]*""", re.DOTALL)
WORDED_FILES = ["*.md", "*.html", "*.yml", "*.service", "*.conf", "*.toml", "CMakeLists.txt", "*.cmake", "*.sh"]

breaches = []


def breach(path, line, reason):
    breaches.append(f"{path.relative_to(ROOT)}:{line}: {reason}")


def longest_prefix(name, prefixes):
    return max((p for p in prefixes if name == p or name.startswith(p + "/")), key=len, default=None)


def check_arrows():
    """The arrows lead one way."""
    arrows = {folder: {longest_prefix(other, MAY_INCLUDE) for other in others} for folder, others in MAY_INCLUDE.items()}
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        breach(Path(__file__).resolve(), 1, "a circle of folders in MAY_INCLUDE: " + ", ".join(error.args[1]))


def check_includes(path, name, number, line):
    found = re.match(r'#include [<"]([^>"]+)[>"]', line)
    if not found or name.startswith("tests/"):
        return
    header = found.group(1)
    folder = longest_prefix(name, MAY_INCLUDE)
    if folder == "daemon" and name.count("/") > 1:
        breach(path, 1, "a folder without arrows: add it to MAY_INCLUDE")
    own = longest_prefix(header, MAY_INCLUDE) == folder
    if '"' in line and not own and longest_prefix(header, MAY_INCLUDE[folder]) is None:
        breach(path, number, f"{folder} may not include {header}")
    for pattern, files in ONLY_IN.items():
        if re.match(pattern, header) and name not in files:
            breach(path, number, f"<{header}> belongs in {', '.join(sorted(files))} alone")


def check_functions(path, lines):
    """A function is a line that opens a brace at column 0 or inside a class, up to the brace that closes it."""
    start = None
    for number, line in enumerate(lines, 1):
        opens = re.match(r"^( {0,2})(?!namespace|class|struct|enum|extern|union)[\w\[:<~].*\)[^;=]*\{$", line)
        if start is None and opens:
            start, indent = number, opens.group(1)
        elif start is not None and line.rstrip() == indent + "}":
            if number - start > FUNCTION_LINES_MOST:
                breach(path, start, f"a function of {number - start} lines; {FUNCTION_LINES_MOST} are the most")
            start = None


def head_of(lines):
    """The comment at the top of a file."""
    return "\n".join(itertools.takewhile(lambda line: line.startswith("//"), lines))


def check_source(path):
    name = str(path.relative_to(ROOT))
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MOST:
            breach(path, number, f"{len(line)} columns; {LINE_MOST} are the most")
        if LEFT_OVER.search(line):
            breach(path, number, "left over: " + line.strip())
        if MACHINE_PATHS.search(line):
            breach(path, number, "a path of one machine")
        if name.startswith("pipeline/") and PURE_REFUSED.search(line):
            breach(path, number, "the core is pure: " + line.strip())
        if UNCHECKED_LOCK.search(line) and not name.startswith(MAY_LOCK_UNCHECKED):
            breach(path, number, "a lock that clang does not check; take daemon/service/mutex.h")
        check_includes(path, name, number, line)
    if path.suffix == ".h":
        if not lines or not lines[0].startswith("//"):
            breach(path, 1, "a header opens with what it is")
        if name.startswith(tuple(MAY_INCLUDE)) and not THREAD_STATED.search(head_of(lines)):
            breach(path, 1, "a header says from which thread it may be used: Thread:")
        if "#pragma once" not in lines:
            breach(path, 1, "no #pragma once")
    if BAD_NAMES.search(path.stem.lower()):
        breach(path, 1, "a file is named after what it is about")
    check_functions(path, lines)


def comments_and_strings(text):
    """What a person reads of C++, by line: [(number, text)]."""
    return [(text.count("\n", 0, found.start()) + i, part)
            for found in CPP_TEXT.finditer(text) for i, part in enumerate(found.group(0).split("\n"), 1)]


def check_words():
    """No refused word in a document, comment or message; the changelog's table of former names has them all."""
    files = sorted(ROOT.glob("*.md")) + [ROOT / "CMakeLists.txt", ROOT / "quickstart.sh"]
    for folder in [*FOLDERS, "systemd", "cross"]:
        files += sorted({p for glob in [*WORDED_FILES, "*.cpp", "*.h"] for p in (ROOT / folder).rglob(glob)})
    for path in files:
        text = path.read_text(encoding="utf-8")
        is_code = path.suffix in (".cpp", ".h")
        for number, line in comments_and_strings(text) if is_code else enumerate(text.splitlines(), 1):
            if path.name == "CHANGELOG.md" and line.startswith("|"):
                continue
            for pattern, instead in REFUSED_WORDS:
                found = pattern.search(line)
                if found:
                    breach(path, number, f"'{found.group(0).strip()}': write {instead}")


def check_identifiers(path):
    """No refused word among the words of an identifier of C++."""
    code = CPP_TEXT.sub(lambda found: "\n" * found.group(0).count("\n"), path.read_text(encoding="utf-8"))
    for found in IDENTIFIER.finditer(code):
        words = WORD_BORDER.sub(" ", found.group(0)).strip()
        for pattern, instead in REFUSED_NAMES:
            refused = pattern.search(words)
            if refused:
                breach(path, code.count("\n", 0, found.start()) + 1,
                       f"'{refused.group(0)}' in {found.group(0)}: write {instead}")


def named_in_cmake(path):
    """The files that a CMakeLists.txt names, as their paths."""
    text = re.sub(r"#.*", "", path.read_text(encoding="utf-8")).replace("${CMAKE_SOURCE_DIR}", str(ROOT))
    words = re.split(r"[\s()\"]+", text)
    return {(path.parent / word).resolve() for word in words if word.endswith(".cpp")}


def check_tests_are_built():
    """Every test file is in a target, by its own name; fuzz targets are found by theirs."""
    files = set((ROOT / "tests/fuzz").glob("*_fuzz.cpp"))
    for lists in (ROOT / "tests").rglob("CMakeLists.txt"):
        files |= named_in_cmake(lists)
    for path in sorted((ROOT / "tests").rglob("*.cpp")):
        if path not in files:
            breach(path, 1, "in no target")


def check_formats_are_fuzzed():
    """Each payload format has a fuzz target of its name, and a corpus to begin with."""
    table = ROOT / "config/built_in_parts.cpp"
    fuzz = ROOT / "tests/fuzz"
    for number, line in enumerate(table.read_text().splitlines(), 1):
        found = re.match(r' *PART\(formats, "(\w+)"', line)
        if not found:
            continue
        name = found.group(1)
        if not (fuzz / f"{name}_fuzz.cpp").exists():
            breach(table, number, f"the format has no fuzz target {name} in tests/fuzz")
        if not any((fuzz / "corpus" / name).glob("*")):
            breach(table, number, f"the fuzz target has no corpus in tests/fuzz/corpus/{name}")


def check_named_tests():
    """Tests that the pages name by Suite.name, or Suite.begin_of_name*, are there."""
    tests = {m.groups() for p in (ROOT / "tests").rglob("*.cpp")
             for m in re.finditer(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", p.read_text(), re.M)}
    for page in ("tests/FAULTS.md", "daemon/storage/DURABILITY.md"):
        for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
            for suite, name in re.findall(r"`([A-Z]\w+)\.([\w*]+)`", line):
                pattern = re.compile(name.replace("*", r"\w*"))
                if not any(s == suite and pattern.fullmatch(n) for s, n in tests):
                    breach(ROOT / page, number, f"no test is named {suite}.{name}")
            for path in re.findall(r"`(tests/[\w./]+)`", line):
                if not (ROOT / path).exists():
                    breach(ROOT / page, number, f"there is no {path}")


def check_example_metrics():
    """Dashboards and alerts speak of metrics that there are."""
    source = (ROOT / "daemon/monitor/prometheus_text.cpp").read_text()
    for path in sorted((ROOT / "daemon/monitor/examples").iterdir()):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in re.findall(r"\bedgetide_(\w+)", line):
                if f'"{name.removesuffix("_bucket")}"' not in source:
                    breach(path, number, f"no metric is named edgetide_{name}")


def check_format(sources):
    if not shutil.which("clang-format"):
        return
    run = subprocess.run(["clang-format", "--dry-run", *map(str, sources)], capture_output=True, text=True, cwd=ROOT)
    for line in run.stderr.splitlines():
        found = re.match(r"(.*?):(\d+):\d+: warning: code should be clang-formatted", line)
        if found:
            breach(Path(found.group(1)), int(found.group(2)), "not clang-formatted")


def main():
    sources = sorted(p for f in FOLDERS for p in (ROOT / f).rglob("*") if p.suffix in (".cpp", ".h"))
    for path in sources:
        check_source(path)
        check_identifiers(path)
    check_words()
    check_arrows()
    check_tests_are_built()
    check_formats_are_fuzzed()
    check_named_tests()
    check_example_metrics()
    check_format(sources)
    print("\n".join(breaches) or f"{len(sources)} files, no breach")
    return 1 if breaches else 0


sys.exit(main())
