"""Runs the cases of a script one by one: each says what was seen and what was expected, and passes or fails alone.

    @case
    def name_that_says_what_must_hold(world): ...; expect("rows", seen, wanted)

    script.py BUILD [CASE...]     all cases, or those whose names contain one of the words; exit status 1 if any failed
"""
import sys
import time
import traceback

from world import World

CASES = []
findings = []  # of the running case: (what, seen, expected, holds)


def case(function):
    CASES.append((function.__name__, lambda world: function(world)))
    return function


def each(variations):
    """One case per variation, a name and its arguments; the name is added to the function's."""
    def register(function):
        for name, *arguments in variations:
            CASES.append((f"{function.__name__}[{name}]", lambda world, a=tuple(arguments): function(world, *a)))
        return function
    return register


def expect(what, seen, wanted):
    findings.append((what, seen, wanted, seen == wanted))


def expect_that(what, holds, seen, wanted):
    """For what is not an equality; `wanted` says it in words."""
    findings.append((what, seen, wanted, bool(holds)))


def run_case(name, function, build):
    findings.clear()
    began = time.monotonic()
    try:
        with World(build) as world:
            world.quiet = True
            function(world)
    except Exception as error:  # a case that breaks off is a failure with what it had seen so far
        findings.append(("the case", f"{type(error).__name__}: {error}", "runs to its end", False))
        if not isinstance(error, AssertionError):
            traceback.print_exc()
    passed = all(holds for *_, holds in findings)
    print(f"{'PASS' if passed else 'FAIL'} {name} ({time.monotonic() - began:.1f} s)")
    for what, seen, wanted, holds in findings:
        print(f"     {'  ' if holds else '! '}{what}: seen {seen}; expected {wanted}")
    sys.stdout.flush()
    return passed


def main():
    words = sys.argv[2:]
    if words == ["--list"]:
        print("\n".join(name for name, _ in CASES))
        return
    chosen = [(name, function) for name, function in CASES if not words or any(word in name for word in words)]
    assert chosen, f"no case is called {words}"
    failed = [name for name, function in chosen if not run_case(name, function, sys.argv[1])]
    print(f"{len(chosen) - len(failed)} of {len(chosen)} cases passed")
    sys.exit(1 if failed else 0)
