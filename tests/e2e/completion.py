#!/usr/bin/env python3
"""`edgetide completion` and `edgetide manual`: run as a shell and as `man` would run them, and checked for completeness."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EDGETIDE = Path(sys.argv[1]) / "edgetide"

# The words so far, and some of what must be offered for the last one.
OFFERED = [
    (["edgetide", ""], ["run", "check", "quarantine", "--config"]),
    (["edgetide", "quarantine", ""], ["list", "replay", "export"]),
    (["edgetide", "quarantine", "list", "--for"], ["--format"]),
    (["edgetide", "quarantine", "list", "--format", ""], ["text", "json"]),
    (["edgetide", "replay", "--mode", "co"], ["complete"]),
    (["edgetide", "check", "-c", "/etc/passw"], ["/etc/passwd"]),
    (["edgetide", "presets", ""], ["ttn", "tasmota", "zigbee2mqtt"]),
    (["edgetide", "presets", "shel"], ["shelly", "shelly_gen1"]),
    (["edgetide", "why", ""], ["windows-a", "sensors-a"]),
    (["edgetide", "tap", ""], ["windows-a", "sources-a"]),
    (["edgetide", "sink", "take", "si"], ["sinks-a"]),
    (["edgetide", "schema", "--sink", ""], ["sinks-a"]),
    (["edgetide", "decode", "--source", ""], ["sources-a"]),
]

ASK_BASH = """
compopt() { :; }
edgetide() { [ "$1" = names ] && echo "$2-a"; }
source /dev/stdin
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_edgetide
printf '%s\\n' "${COMPREPLY[@]}"
"""


def printed(*arguments):
    return subprocess.run([EDGETIDE, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def ask_bash(script, words):
    return subprocess.run(["bash", "-c", ASK_BASH, "ask", *words], input=script, capture_output=True, text=True,
                          check=True, timeout=60).stdout.split()


def ask_fish(script, words):
    line = " ".join(words)
    return subprocess.run(["fish", "--no-config", "-c", f"function edgetide; echo $argv[2]-a; end; source; complete -C '{line}'"], input=script, text=True,
                          capture_output=True, check=True, timeout=60).stdout.split()


def bash_offers_commands_options_and_values():
    script = printed("completion", "bash")
    for words, expected in OFFERED:
        offered = ask_bash(script, words)
        assert set(expected) <= set(offered), (words, offered)
    assert ask_bash(script, ["edgetide", "quarantine", "list", "--limit", ""]) == []


def fish_offers_commands_and_values():
    if not shutil.which("fish"):
        return print("fish: not installed, not asked")
    script = printed("completion", "fish")
    for words, expected in OFFERED:
        offered = ask_fish(script, words)
        expected = {word for word in expected if not word.startswith("-") or words[-1]}
        assert expected <= set(offered), (words, offered)


def zsh_takes_the_script():
    if not shutil.which("zsh"):
        return print("zsh: not installed, not asked")
    subprocess.run(["zsh", "-n"], input=printed("completion", "zsh"), text=True, check=True, timeout=60)


def help_of_each_command_has_examples():
    def commands(*path):
        said = printed(*path, "--help")
        inner = re.findall(r"^  (\w+) +\S", said.split("Subcommands:")[1], re.MULTILINE) if "Subcommands:" in said else []
        return [one for name in inner for one in commands(*path, name)] or [(path, said)]
    found = commands()
    assert len(found) > 15, found
    for path, said in found:
        lines = said.split("Examples:\n")[1].splitlines() if "Examples:" in said else []
        assert lines and all(f"edgetide {' '.join(path)}" in line for line in lines), (path, said)


def manual_pages_leave_nothing_out():
    commands = printed("manual", "edgetide.1")
    told = printed("--help").split("Subcommands:")[1].split("Examples:")[0]
    for command in re.findall(r"^  (\w+) ", told, re.MULTILINE):
        assert f".SS edgetide {command}\n" in commands, command
    keys = printed("manual", "edgetide.toml.5").replace("\\-", "-")
    reference = (ROOT / "config/REFERENCE.md").read_text()
    for table in re.findall(r"^\| key \|.*\n\|[-|]*\n((?:\|.*\n)*)", reference, re.MULTILINE):
        for key in re.findall(r"^\| `(\w+)`", table, re.MULTILINE):
            assert f"\\fB{key}\\fR" in keys, key


def man_takes_the_pages_without_warning():
    if not shutil.which("man"):
        return print("man: not installed, not asked")
    for page in ("edgetide.1", "edgetide.toml.5"):
        run = subprocess.run(["man", "--warnings", "-l", "-"], input=printed("manual", page), text=True,
                             capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        assert run.returncode == 0 and not run.stderr and run.stdout, run.stderr


for case in (bash_offers_commands_options_and_values, fish_offers_commands_and_values, zsh_takes_the_script,
             help_of_each_command_has_examples, manual_pages_leave_nothing_out, man_takes_the_pages_without_warning):
    case()
    print(f"{case.__name__.replace('_', ' ')}: passed", flush=True)
