"""Every benchmark in one run: in turns, so that a busy machine is busy for all of them; told in ratios.

`python -m benchmarks.run [--rounds N] [--only TEXT] [--times]`. A case that cannot be set up (its package is not
installed) is named with the reason, and the others go on. Times themselves are printed on demand only: they say more
about the machine than about the code.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import statistics
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.case import Case
from benchmarks.yardsticks import GROUP, NAMES

HERE = Path(__file__).resolve().parent
ROUNDS = 7
LETTERS = "ABC"


def found(folder: Path, only: str) -> tuple[list[Case], list[str]]:
    """The cases of all files, and why some of them are not there."""
    names = ["benchmarks.yardsticks"]
    names += sorted(f"benchmarks.{path.stem}" for path in HERE.glob("bench_*.py"))
    names += sorted(f"benchmarks.peers.{path.stem}" for path in (HERE / "peers").glob("[a-z]*.py"))
    cases: list[Case] = []
    missing = []
    for name in names:
        try:
            cases += importlib.import_module(name).cases(folder)
        except ImportError as why:
            missing.append(f"{name.rpartition('.')[2]}: {why}")
    return [case for case in cases if case.group == GROUP or only in f"{case.group} {case.name}"], missing


def measured(cases: Sequence[Case], rounds: int) -> dict[str, float]:
    """The median seconds per unit of each case, by name; every round takes each once, in order."""
    samples: dict[str, list[float]] = {case.name: [] for case in cases}
    assert len(samples) == len(cases), "two cases have one name"
    for number in range(rounds):
        for case in cases:
            if number < case.rounds_max:
                gc.collect()
                samples[case.name].append(case.measure())
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: statistics.median(each) for name, each in samples.items()}


def report(cases: Sequence[Case], medians: Mapping[str, float], *, times: bool) -> list[str]:
    """The lines to print: by group, each case as multiples of ours and of the yardsticks; then limits passed."""
    lines = [f"yardstick {letter}: {name}" for letter, name in zip(LETTERS, NAMES, strict=True)]
    for group in dict.fromkeys(case.group for case in cases if case.group != GROUP):
        within = [case for case in cases if case.group == group]
        ours = next((medians[case.name] for case in within if case.ours), None)
        lines += ["", f"{group}, by the {within[0].unit}"]
        lines += [_row(case, medians, ours, times=times) for case in within]
    if times:
        lines += ["", *(f"{medians[name] * 1e6:12.2f} µs  {name}" for name in NAMES)]
    return lines + _passed(cases, medians)


def _row(case: Case, medians: Mapping[str, float], ours: float | None, *, times: bool) -> str:
    took = medians[case.name]
    against = f"{took / ours:9.2f} × ours" if ours else " " * 16
    if not case.is_time:
        return f"  {case.name:40}{against}"
    yardsticks = "".join(f"{took / medians[name]:12.1f} {letter}" for letter, name in zip(LETTERS, NAMES, strict=True))
    return f"  {case.name:40}{against}{yardsticks}" + (f"{took * 1e6:12.1f} µs" if times else "")


def _passed(cases: Iterable[Case], medians: Mapping[str, float]) -> list[str]:
    limits = [(case, case.limit) for case in cases if case.limit is not None]
    return [
        f"over its limit: {case.name} takes {medians[case.name] / medians[limit.of]:.1f} times {limit.of}, "
        f"not {limit.times:g} at most"
        for case, limit in limits
        if medians[case.name] > limit.times * medians[limit.of]
    ]


def main(arguments: Sequence[str]) -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Ours against peers and yardsticks, in one run.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="only cases whose group or name contains this")
    parser.add_argument("--times", action="store_true", help="microseconds too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        cases, missing = found(Path(folder), options.only)
        try:
            medians = measured(cases, options.rounds)
        finally:
            for case in cases:
                case.close()
    print("\n".join(report(cases, medians, times=options.times)))
    for each in missing:
        print(f"not measured: {each}")


if __name__ == "__main__":
    main(sys.argv[1:])
