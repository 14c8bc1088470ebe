"""The first seed that catches each mutant of the simulated world, as a table in the reference.

Each mutant is put into a copy of the source, and stories are told to that copy, seed after seed, until one breaks a
rule; the code as it is must pass that seed.

Invariant: the table has a row for each simulated mutant, and names the command and the commit that made it.
Source: mutation testing, in which what a test suite is worth is counted by what it finds, and how soon.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.mutants import ROOT, Mutant, declared, environment_of, new_copy

PAGE = ROOT / "docs" / "reference" / "simulated-mutants.md"
PREFIX = "simulated: "
STORIES = "stories"
"""What is told where a mutant names no scenario: stories of all kinds."""
SEEDS_MAX = 1000
LIMIT_S = 1800


class Caught(NamedTuple):
    """A mutant, what was told, the first seed that caught it, and the rule that did not hold."""

    mutant: str
    told: str
    seed: int
    rule: str

    def __str__(self) -> str:
        """A row."""
        return f"| {self.mutant} | {self.told} | {self.seed} | {self.rule} |"


class NotCaught(Exception):
    """A mutant that no seed catches, or one that the code as it is does not pass."""


def simulated() -> list[Mutant]:
    """The mutants that the simulated world is there to miss, in the order in which they are declared."""
    return [each for each in declared(ROOT / "tests" / "mutants") if each.name.startswith(PREFIX)]


def first_seed(mutant: Mutant, *, seeds: int = SEEDS_MAX) -> Caught:
    """Tell stories to a copy with the mutant, until one breaks a rule. Raises `NotCaught`."""
    told = mutant.scenario or STORIES
    with new_copy() as copy, copy.holding(mutant) as source:
        said = _tell(source, mutant.scenario, "--seeds", str(seeds))
    if not said:
        raise NotCaught(f"{mutant.name}: no seed below {seeds} of the {told} catches it")
    seed, _, rule = said.strip().partition("\t")
    anyway = _tell(ROOT / "src", mutant.scenario, "--seed", seed)
    if anyway:
        raise NotCaught(f"{mutant.name}: seed {seed} of the {told} breaks a rule without it, too: {anyway}")
    return Caught(mutant.name.removeprefix(PREFIX), told, int(seed), rule)


def _tell(source: Path, scenario: str, *how: str) -> str:
    command = [sys.executable, "-m", "scripts.simulate", "--brief", *how]
    command += ["--scenario", scenario] if scenario else []
    done = subprocess.run(
        command, cwd=ROOT, env=environment_of(source), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if done.returncode not in (0, 1) or (done.returncode and not done.stdout):
        raise NotCaught(f"the seeds could not be run:\n{done.stderr[-2000:]}")
    return done.stdout


def page(rows: Iterable[Caught], *, commit: str) -> str:
    """The page of the reference."""
    return "\n".join(
        [
            "# Mutants of the simulated world",
            "",
            "Each guard that the simulated world is there to miss is broken on purpose in a copy, and stories are told",
            "to that copy from seed 0 on. The table says which seed is the first that notices, and by which rule. What",
            "is told are stories of all kinds, or those of a scenario, a narrow world that presses on one guard; see",
            "[how to test your types in a simulated world](../how-to/simulate.md).",
            "",
            f"Made by `python -m scripts.first_seeds --write` at commit {commit}; `python -m scripts.first_seeds NAME`",
            "prints the rows of the mutants whose names hold that.",
            "",
            "| Guard that is broken | Told | First seed | Rule |",
            "|---|---|---|---|",
            *map(str, rows),
            "",
        ]
    )


def rows_of(text: str) -> list[Caught]:
    """The rows of a page."""
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [Caught(mutant, told, int(seed), rule) for mutant, told, seed, rule in cells[1:]]


def main(arguments: Sequence[str]) -> int:
    """Print a row for each mutant, or write them all; 0 if every one was caught."""
    parser = argparse.ArgumentParser(description="Find the first seed that catches each mutant of the simulated world.")
    parser.add_argument("only", nargs="?", default="", help="only mutants whose name contains this")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help=f"how many are tried (default {SEEDS_MAX})")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}, with every mutant")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("--write writes every row: leave out the name")
    if options.seeds < 1:
        parser.error("--seeds is at least 1")
    rows: list[Caught] = []
    free = 0
    for mutant in simulated():
        if options.only not in mutant.name:
            continue
        try:
            rows.append(first_seed(mutant, seeds=options.seeds))
            print(rows[-1], flush=True)
        except NotCaught as why:
            free += 1
            print(f"FAILED {why}", flush=True)
    if options.write and not free:
        PAGE.write_text(page(rows, commit=_commit()), encoding="utf-8")
    return 1 if free else 0


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
