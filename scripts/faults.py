"""Faults on real processes and files, and what they came to: kills, power cuts, refusing disks, damage, clocks.

    python -m scripts.faults                                        the long form, about an hour
    python -m scripts.faults --short                                what the tests run
    python -m scripts.faults --only "disk full" --seed 16 --times 1    one case again
    python -m scripts.faults --write docs/decisions/faults-report.md

After each fault the space is opened again: `weft doctor` finds nothing, or names the damage; every acknowledged edit is
there once and in order; the log's chain is whole; a rebuild makes the same tables; it goes on to what an undisturbed
run comes to, and calls nothing again whose result it has. `tests/faults/catalogue.py` lists the faults.

Invariant: exits with 0 only if nothing was violated.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.parts import ROOT
from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault, Tally, inflict_often
from tests.kill.scene import make_scene

HEAD = """---
orphan: true
---

# What faults came to

A report of what was measured, not a decision. Each fault was made to real processes and files; what must be true
afterwards stands in `scripts/faults.py`. A violation is any case in which it was not.

"""


def main(arguments: Sequence[str]) -> int:
    """Make the faults, print each one's counts, write them down if asked; 1 if anything was violated."""
    asked = _parser().parse_args(arguments)
    chosen = [fault for fault in FAULTS if asked.only.lower() in fault.name.lower()]
    if not chosen:
        sys.stderr.write(f"no fault is called {asked.only!r}; there are:\n" + "".join(f"  {f.name}\n" for f in FAULTS))
        return 2
    if asked.list:
        for fault in chosen:
            print(f"{fault.name}: {fault.short} in the short form, {fault.long} in the long one")
        return 0
    where = commit()
    tallies = make_faults(chosen, short=asked.short, times=asked.times, first_seed=asked.seed)
    violations = sum(len(each.violations) for each in tallies)
    print(f"{sum(each.times for each in tallies)} faults, {violations} violations")
    if asked.write:
        command = " ".join(["python -m scripts.faults", *arguments])
        Path(asked.write).write_text(report(tallies, command, where), encoding="utf-8")
    return 1 if violations else 0


def make_faults(faults: Sequence[Fault], *, short: bool, times: int | None, first_seed: int) -> list[Tally]:
    """One after another, each printed when it is done."""
    tallies: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="weft-scene-") as folder:
        scene = make_scene(Path(folder))
        for fault in faults:
            often = times or (fault.short if short else fault.long)
            tallies.append(inflict_often(fault, scene, often, first_seed=first_seed))
            print(tallies[-1], flush=True)
            for violation in tallies[-1].violations:
                print(f"  violated: {violation}", flush=True)
    return tallies


def report(tallies: Sequence[Tally], command: str, commit: str) -> str:
    """A page in Markdown."""
    rows = ["| fault | times | came to | violations | what it shows |", "|---|---|---|---|---|", *map(_row, tallies)]
    total = f"{sum(each.times for each in tallies)} faults, {sum(len(each.violations) for each in tallies)} violations."
    notes = [
        f"- Command: `{command}`, at commit {commit}, in {sum(each.took_s for each in tallies) / 60:.0f} minutes.",
        f"- On {machine()}.",
        *(f"- Violated, {each.fault.name}: {line}" for each in tallies for line in each.violations),
    ]
    return HEAD + "\n".join([*rows, "", total, "", *notes, ""])


def _row(tally: Tally) -> str:
    if tally.absence is not None:
        return f"| {tally.fault.name} | – | not possible here: {tally.absence.why} | – | {tally.fault.shows} |"
    came_to = ", ".join(f"{count} {name}" for name, count in sorted(tally.came_to.items()))
    return f"| {tally.fault.name} | {tally.times} | {came_to} | {len(tally.violations)} | {tally.fault.shows} |"


def machine() -> str:
    """What it was measured on."""
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{platform.system()} {kernel}, {os.cpu_count()} shared cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}"
    )


def commit() -> str:
    """The commit of the code that was measured."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return f"`{git('rev-parse', '--short', 'HEAD')}`" + (" with changes that were not committed" if changed else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="as often as the tests do")
    parser.add_argument("--only", default="", metavar="WORDS", help="the faults whose name has these words")
    parser.add_argument("--times", type=positive, metavar="N", help="each so often instead")
    parser.add_argument("--seed", type=int, default=0, metavar="SEED", help="the first one; 0 unless told")
    parser.add_argument("--write", metavar="PATH", help="the counts, as a page in Markdown")
    parser.add_argument("--list", action="store_true", help="which faults there are; makes none")
    return parser


def positive(word: str) -> int:
    """A number above zero; raises ArgumentTypeError."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} times is not often enough")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
