"""Parts: commands that do not depend on each other, run two at a time, each with its time and its output in one piece.

Knows nothing of what a part checks: it has a name, a command, and it passed if the command exited with 0 (or with a
code that the part allows).
Invariant: the output of two parts is never mixed, and a part that outlives its limit is ended with all it started.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 2
LAST_LINES = 5
"""How many lines of a part's output are told again, where none of them names what failed."""
SHOWN_CHARACTERS = 160
NAMES_FAILURE = re.compile(r'FAILED|ERROR|Timeout \(|  File ".*/tests/.*", line \d+ in ')
"""The beginning of a line that names what failed, in pytest's summary or in faulthandler's stacks."""


@dataclass(frozen=True, slots=True)
class Part:
    """A command by name. `may_exit`: codes that count as passed beside 0."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    may_exit: frozenset[int] = frozenset()
    limit_s: float = 1800


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a part went."""

    part: Part
    code: int
    output: str
    took_s: float

    @property
    def passed(self) -> bool:
        """Whether the part's command exited as it should."""
        return self.code == 0 or self.code in self.part.may_exit

    @property
    def failures(self) -> list[str]:
        """The lines that name what failed: those that begin with FAILED or ERROR and, where a test hung, its line in
        each thread's stack; the last lines if there is none of them."""
        if self.passed:
            return []
        lines = [line for line in self.output.splitlines() if line.strip()]
        return [line for line in lines if NAMES_FAILURE.match(line)] or lines[-LAST_LINES:]


def run_parts(parts: Sequence[Part]) -> list[Outcome]:
    """Run all parts, two at a time, the first ones first; print each when it is done; return in the order given."""
    for part in parts[:AT_ONCE]:
        print(f"… {part.name}", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as lanes:
        running = [lanes.submit(run_part, part) for part in parts]
        for done in as_completed(running):
            _print(done.result())
    return [each.result() for each in running]


def run_part(part: Part) -> Outcome:
    """Run one part to its end or its limit."""
    began = time.monotonic()
    with subprocess.Popen(
        part.command,
        cwd=ROOT,
        env={**os.environ, **part.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=part.limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            output += f"\nended after {part.limit_s:.0f} s, its limit\n"
    return Outcome(part, process.returncode, output, time.monotonic() - began)


def print_times(outcomes: Sequence[Outcome]) -> None:
    """One line a part: its name, whether it passed, its time."""
    width = max(len(each.part.name) for each in outcomes)
    for each in outcomes:
        print(f"{each.part.name:{width}}  {_verdict(each):6}  {each.took_s:7.1f} s")


def print_failures(outcomes: Sequence[Outcome]) -> None:
    """What failed, by part: for whoever sees only the end of it all."""
    for each in outcomes:
        for line in each.failures:
            print(f"{each.part.name}: {line[:SHOWN_CHARACTERS]}")


def _print(outcome: Outcome) -> None:
    print(f"\n── {outcome.part.name}: {_verdict(outcome)}, {outcome.took_s:.1f} s", flush=True)
    sys.stdout.write(outcome.output.rstrip() + "\n" if outcome.output.strip() else "")
    sys.stdout.flush()


def _verdict(outcome: Outcome) -> str:
    return "ok" if outcome.passed else "FAILED"
