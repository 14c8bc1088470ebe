"""Deliberate mutants: a guard is broken on purpose, in a copy, and the tests that are there for it must notice.

A mutant (tests/mutants/*.toml) names a file of the package, an exact text in it, what to put there instead, the tests
that must catch it, and an unrelated one that must still pass: so that it is the guard that was missed, not the module.

Invariant: the working tree is never changed, and a mutant counts as caught only by a failed test, never by a test that
could not be collected or found.
Source: mutation testing, with the few mutants chosen by hand.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PASSED, FAILED = 0, 1
LIMIT_S = 300
NS_PER_S = 1_000_000_000
FAILED_LINE = re.compile(r"^FAILED (\S+)", re.MULTILINE)
"""How pytest names a test that failed, in its summary."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard, broken. `caught_by` and `unrelated` are pytest ids; `slow` ones are left out of the short form."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]
    unrelated: str
    slow: bool = False
    scenario: str = ""
    """Which stories catch one of the simulated world; those of all kinds, where it names none."""

    def is_unrelated(self, test: str) -> bool:
        """Whether a test, by its whole id, is the one that must still pass, or one of its cases."""
        return test == self.unrelated or test.startswith((f"{self.unrelated}::", f"{self.unrelated}["))


class BadMutant(Exception):
    """A declaration that does not fit the code any more."""


def declared(folder: Path) -> Iterator[Mutant]:
    """Every mutant that the folder's files declare, by file name and place."""
    for path in sorted(folder.glob("*.toml")):
        for each in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            yield Mutant(**{**each, "caught_by": tuple(each["caught_by"])})


def mutated(source: str, mutant: Mutant) -> str:
    """The source with the one replacement. Raises `BadMutant` unless the old text is there exactly once."""
    found = source.count(mutant.old)
    if found != 1:
        raise BadMutant(f"its old text is {found} times in {mutant.file}, not once: bring the mutant up to date")
    if mutant.old == mutant.new:
        raise BadMutant("it changes nothing")
    return source.replace(mutant.old, mutant.new)


class Copy:
    """A copy of the source that takes mutants in, one after another; what was compiled of the rest serves the next too.

    Invariant: each text that a file ever has here has a time of change of its own, so that what was compiled of one
    mutant is not taken for another's."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "src"
        self._taken = 0
        shutil.copytree(ROOT / "src", self.source, ignore=shutil.ignore_patterns("__pycache__"))

    @contextmanager
    def holding(self, mutant: Mutant) -> Iterator[Path]:
        """The copied source with the mutant in it, until the end. Raises `BadMutant`, and OSError for a file that there
        is not."""
        target = self.source / "weft" / mutant.file
        whole, changed = target.read_text(encoding="utf-8"), target.stat().st_mtime_ns
        text = mutated(whole, mutant)
        self._taken += 1
        _write(target, text, self._taken * NS_PER_S)
        try:
            yield self.source
        finally:
            _write(target, whole, changed)


@contextmanager
def new_copy() -> Iterator[Copy]:
    """A copy in a folder of its own, which goes at the end."""
    with tempfile.TemporaryDirectory(prefix="weft-mutant-") as folder:
        yield Copy(Path(folder))


def _write(target: Path, text: str, changed_ns: int) -> None:
    target.write_text(text, encoding="utf-8")
    os.utime(target, ns=(changed_ns, changed_ns))


def fate(mutant: Mutant, copy: Copy) -> str:
    """`caught`, or in words what went wrong instead."""
    try:
        with copy.holding(mutant) as source:
            return _fate_in(source, mutant)
    except (BadMutant, OSError) as why:
        return str(why)


def _fate_in(copy: Path, mutant: Mutant) -> str:
    # The unrelated one first, and in one program with the others: to start one takes longer than most tests.
    code, output = _pytest(copy, [mutant.unrelated, *mutant.caught_by])
    if code == PASSED:
        return "went free: its tests pass without the guard"
    if code != FAILED:
        return f"its tests could not be run\n{output}"
    failed = FAILED_LINE.findall(output)
    # Where none is named it ran for too long; whether that was the unrelated one, it says alone.
    is_broken = any(map(mutant.is_unrelated, failed)) if failed else _pytest(copy, [mutant.unrelated])[0] != PASSED
    return f"broke more than its guard: the unrelated test does not pass\n{output}" if is_broken else "caught"


def environment_of(source: Path) -> dict[str, str]:
    """That of a program that runs a copy of the source, and keeps what it compiles of it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(source)}


def _pytest(source: Path, tests: Sequence[str]) -> tuple[int, str]:
    # A mutant may loop for ever: that is a failed test too. No cache, so that no run learns from another's failure.
    environment = environment_of(source) | {"HYPOTHESIS_PROFILE": "mutant"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return FAILED, "it ran for too long"
    return done.returncode, "\n".join((done.stderr + done.stdout).splitlines()[-15:])


def main(arguments: Sequence[str]) -> int:
    """Run the mutants and print a row for each; 0 if all were caught."""
    parser = argparse.ArgumentParser(description="Break guards on purpose; tests must notice.")
    parser.add_argument("--short", action="store_true", help="leave out the slow ones")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="each N-th only; their tests are run elsewhere")
    parser.add_argument("only", nargs="?", default="", help="only mutants whose name contains this")
    options = parser.parse_args(arguments)
    everything = list(declared(ROOT / "tests" / "mutants"))
    chosen = [each for each in everything if options.only in each.name and not (options.short and each.slow)]
    part, parts = (int(word) for word in options.part.split("/"))
    chosen = chosen[part - 1 :: parts]
    unsound = _tests_that_fail_anyway(chosen) if parts == 1 else ""
    if unsound:
        print(f"tests of mutants must pass on the code as it is:\n{unsound}")
        return 1
    with new_copy() as copy:
        free = [each.name for each in chosen if not _print_row(each, copy)]
    caught = len(chosen) - len(free)
    for name in free:
        print(f"FAILED mutant: {name}")
    print(f"{caught} of {len(chosen)} mutants caught, {len(everything) - len(chosen)} left out")
    return 0 if caught == len(chosen) else 1


def _tests_that_fail_anyway(mutants: Sequence[Mutant]) -> str:
    tests = sorted({test for each in mutants for test in (*each.caught_by, each.unrelated)})
    code, output = _pytest(ROOT / "src", tests) if tests else (PASSED, "")
    return "" if code == PASSED else output


def _print_row(mutant: Mutant, copy: Copy) -> bool:
    began = time.monotonic()
    fated = fate(mutant, copy)
    print(f"{time.monotonic() - began:6.1f} s  {mutant.file:24}  {mutant.name}: {fated}", flush=True)
    return fated == "caught"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
