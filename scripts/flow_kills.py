"""Programs whose flows go on are killed a thousand times, and thousands of runs go on in a space that is disturbed.

    python -m scripts.flow_kills                                 the long form, about half an hour
    python -m scripts.flow_kills --kills 100 --runs 500          what the tests do
    python -m scripts.flow_kills --seed 7                        the kills of one space again
    python -m scripts.flow_kills --write docs/decisions/flow-kills-report.md

After each kill, and when all has come to its end, what must be true is looked for in the log and in the file of the
effects' receiver (`tests/kill/errand_remains.py` says what that is).

Invariant: exits with 0 only if nothing was violated.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.faults import commit, machine, positive
from tests.kill.disturbance import disturb_runs
from tests.kill.errand_kills import RANDOM, kill_often, seeds
from tests.kill.errand_remains import Remains
from tests.kill.errands import RECEIVED

KILLS, RUNS = 1000, 5000
HEAD = """---
orphan: true
---

# What kills came to while flows went on

A report of what was measured, not a decision. A program whose space has flows of many shapes (they ask, sleep, call,
perform, begin others, are continued and cancelled) was killed by `kill -9`, again and again on each space, beside a
client that answers and a receiver that both outlive the kills. What must be true afterwards stands in
`tests/kill/errand_remains.py`. A violation is any case in which it was not.

"""


@dataclass
class Came:
    """What the kills came to, of all spaces."""

    kills: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    violations: list[str] = field(default_factory=list)

    def take(self, found: Remains) -> None:
        """One more space, at rest."""
        log, counts = found.log, self.counts
        counts["spaces"] += 1
        counts["runs that ended"] += sum(len(run.endings) for run in log.runs.values())
        counts["steps whose outcome was told once"] += sum(len(run.outcomes) for run in log.runs.values())
        counts["times that a run was taken up from where it stood"] += sum(run.recovered for run in log.runs.values())
        counts["times that a run was set aside after five such in a row, and told to go on"] += sum(
            run.rewinds for run in log.runs.values()
        )
        for (effect, _), keys in found.tries.items():
            if effect != "weigh":
                counts[f"effects `{effect}`"] += 1
                counts[f"effects `{effect}` that were tried more than once, under one key"] += len(keys) > 1
        for run in log.runs.values():
            counts["times that an effect was told to be in doubt"] += sum(run.doubts.values())
            for key, (outcome, *_) in run.outcomes.items():
                is_left = isinstance(outcome, dict) and outcome.get("error") is not None
                counts["effects left at that, as nobody knew what became of them"] += (
                    key.startswith("perform ") and is_left
                )


def main(arguments: Sequence[str]) -> int:
    """Make the kills and the disturbances, print what they came to, write it down if asked; 1 for any violation."""
    asked = _parser().parse_args(arguments)
    where, came, began = commit(), Came(), time.monotonic()
    for seed, kills, first in seeds(asked.kills):
        if asked.seed in (None, seed):
            _kill(came, seed, kills, first)
    if asked.runs and asked.seed is None:
        _disturb(came, asked.runs)
    minutes = (time.monotonic() - began) / 60
    print(f"{came.kills.total()} kills, {came.runs} disturbed runs, {len(came.violations)} violations")
    for violation in came.violations:
        print(f"  violated: {violation}")
    if asked.write:
        command = " ".join(["python -m scripts.flow_kills", *arguments])
        Path(asked.write).write_text(report(came, command, where, minutes), encoding="utf-8")
    return 1 if came.violations else 0


def _kill(came: Came, seed: int, kills: int, first: int) -> None:
    with tempfile.TemporaryDirectory(prefix="weft-kills-") as folder:
        os.environ[RECEIVED] = str(Path(folder) / "received")
        try:
            space, found = kill_often(Path(folder), seed, kills, first=first)
            came.kills += space.kills
            came.take(found)
        except Exception as why:  # noqa: BLE001  whatever it is, it is a violation, and the next space is tried
            came.violations.append(f"seed {seed}: {_said(why)}")
            print(f"  violated: {came.violations[-1]}", flush=True)
    print(f"seed {seed}: {came.kills.total()} kills so far, {len(came.violations)} violations", flush=True)


def _disturb(came: Came, runs: int) -> None:
    with tempfile.TemporaryDirectory(prefix="weft-kills-") as folder:
        try:
            came.refused = disturb_runs(Path(folder), runs)
            came.runs = runs
        except Exception as why:  # noqa: BLE001  as above
            came.violations.append(f"disturbed: {_said(why)}")


def _said(why: Exception) -> str:
    place = traceback.extract_tb(why.__traceback__)[-1]
    return f"{type(why).__name__}: {why} ({os.path.basename(place.filename)}:{place.lineno})".replace("\n", " ")[:600]


def report(came: Came, command: str, where: str, minutes: float) -> str:
    """A page in Markdown."""
    points = {name: count for name, count in came.kills.items() if name != RANDOM}
    listed = ", ".join(f"{count} {name}" for name, count in sorted(points.items()))
    rows = ["| what | count |", "|---|---|"]
    rows += [f"| kills at {len(points)} named points ({listed}) | {sum(points.values())} |"]
    rows += [f"| kills {RANDOM} | {came.kills[RANDOM]} |"]
    rows += [f"| {name} | {count} |" for name, count in came.counts.items()]
    if came.runs:
        refused = ", ".join(f"{count} times as {why}" for why, count in sorted(came.refused.items()))
        rows += [f"| runs in a space that was disturbed, each of which came to the right value once | {came.runs} |"]
        rows += [f"| writes that its store refused meanwhile ({refused}) | {came.refused.total()} |"]
    notes = [
        f"- Command: `{command}`, at commit {where}, in {minutes:.0f} minutes.",
        f"- On {machine()}.",
        *(f"- Violated: {line}" for line in came.violations),
    ]
    total = f"{came.kills.total()} kills, {came.runs} disturbed runs, {len(came.violations)} violations."
    return HEAD + "\n".join([*rows, "", total, "", *notes, ""])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.flow_kills", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=positive, default=KILLS, metavar="N", help=f"{KILLS} unless told")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"that are disturbed; {RUNS} unless told")
    parser.add_argument("--seed", type=int, metavar="SEED", help="the kills of this one alone")
    parser.add_argument("--write", metavar="PATH", help="the counts, as a page in Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
