"""Every benchmark in one run: in turns, so that a busy machine is busy for all of them; told in ratios.

`python -m benchmarks.run [--rounds N] [--only TEXT] [--times] [--large] [--sync-ms N]`. A case that cannot be set up
(its package is not installed) is named with the reason, and the others go on. Times themselves are printed on demand
only: they say more about the machine than about the code.

With `--large` the cases are those of a million of something instead, which take tens of minutes to make and some GB
where temporary files lie (`TMPDIR`): they are run once in a while, and told in a decision. With `--sync-ms` each sync
takes so much longer, as on a disk that is slower than the one here.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.case import Case
from benchmarks.figures import Figures, measured
from benchmarks.slower_disk import NoCompiler, environment
from benchmarks.yardsticks import GROUP, NAMES

HERE = Path(__file__).resolve().parent
YARDSTICKS = "benchmarks.yardsticks"
ROUNDS = 7
LETTERS = "ABC"


def found(folder: Path, only: str, *, large: bool = False) -> tuple[list[Case], list[str]]:
    """The cases of all files, or the `large` ones of those that have some, and why some of them are not there."""
    names = [YARDSTICKS]
    names += sorted(f"benchmarks.{path.stem}" for path in HERE.glob("bench_*.py"))
    if not large:
        names += sorted(f"benchmarks.peers.{path.stem}" for path in (HERE / "peers").glob("[a-z]*.py"))
    cases: list[Case] = []
    missing = []
    for name in names:
        try:
            module = importlib.import_module(name)
            is_usual = not large or name == YARDSTICKS
            cases += module.cases(folder) if is_usual else getattr(module, "large_cases", _none)(folder)
        except ImportError as why:
            missing.append(f"{name.rpartition('.')[2]}: {why}")
    return [case for case in cases if case.group == GROUP or only in f"{case.group} {case.name}"], missing


def _none(folder: Path) -> tuple[Case, ...]:
    return ()


def report(cases: Sequence[Case], figures: Figures, *, times: bool) -> list[str]:
    """The lines to print: by group, each case as multiples of ours and of the yardsticks; then limits passed."""
    lines = [f"yardstick {letter}: {name}" for letter, name in zip(LETTERS, NAMES, strict=True)]
    for group in dict.fromkeys(case.group for case in cases if case.group != GROUP):
        within = [case for case in cases if case.group == group]
        ours = next((case.name for case in within if case.ours), None)
        lines += ["", f"{group}, by the {within[0].unit}"]
        lines += [_row(case, figures, ours, times=times) for case in within]
    if times:
        lines += ["", *(f"{figures.seconds(name) * 1e6:12.2f} µs  {name}" for name in NAMES)]
    return lines + _passed(cases, figures)


def _row(case: Case, figures: Figures, ours: str | None, *, times: bool) -> str:
    name = case.name
    against = f"{figures.times(name, ours):9.2f} × ours" if ours else " " * 16
    if not case.is_time:
        return f"  {name:40}{against}"
    yardsticks = "".join(f"{figures.times(name, of):12.1f} {letter}" for letter, of in zip(LETTERS, NAMES, strict=True))
    return f"  {name:40}{against}{yardsticks}" + (f"{figures.seconds(name) * 1e6:12.1f} µs" if times else "")


def _passed(cases: Iterable[Case], figures: Figures) -> list[str]:
    limits = [(case, case.limit) for case in cases if case.limit is not None]
    return [
        f"over its limit: {case.name} takes {figures.times(case.name, limit.of):.1f} times {limit.of}, "
        f"not {limit.times:g} at most"
        for case, limit in limits
        if figures.times(case.name, limit.of) > limit.times
    ]


def on_slower_disk(arguments: Sequence[str], more_ms: float) -> int:
    """Measure with these arguments in a program of its own, whose syncs take so much longer; its exit code."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        try:
            slower = environment(Path(folder), more_ms / 1000)
        except NoCompiler as why:
            print(f"not measured: {why}")
            return 1
        print(f"each sync takes {more_ms:g} ms longer than the disk itself", flush=True)
        command = [sys.executable, "-m", "benchmarks.run", *arguments]
        return subprocess.run(command, env=slower, check=False).returncode


def main(arguments: Sequence[str]) -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Ours against peers and yardsticks, in one run.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="only cases whose group or name contains this")
    parser.add_argument("--times", action="store_true", help="microseconds too")
    parser.add_argument("--large", action="store_true", help="cases of a million, for tens of minutes, instead")
    parser.add_argument("--sync-ms", type=float, default=0.0, metavar="N", help="as if each sync took N ms more")
    options = parser.parse_args(arguments)
    if options.sync_ms > 0:
        kept = ["--rounds", str(options.rounds), "--only", options.only]
        kept += [flag for flag, is_on in (("--times", options.times), ("--large", options.large)) if is_on]
        return on_slower_disk(kept, options.sync_ms)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        cases, missing = found(Path(folder), options.only, large=options.large)
        try:
            figures = measured(cases, options.rounds)
        finally:
            for case in cases:
                case.close()
    print("\n".join(report(cases, figures, times=options.times)))
    for each in missing:
        print(f"not measured: {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
