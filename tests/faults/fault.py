"""A fault: what is done to a real space, and the record of how often, what it came to, and what was wrong afterwards.

Knows nothing of any one fault. Invariant: whatever a case raises is kept as a violation, with the seed that makes it
happen again.
Source: the tables of Jepsen's reports.
"""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kill.garden import CALLS
from tests.kill.scene import Scene

Inflict = Callable[[Scene, Path, int], Counter[str]]
"""Do it once or several times, in an empty folder, as the seed says; returns what each came to. Raises for a violation.
"""


@dataclass(frozen=True)
class Absence:
    """Why a fault cannot be made here; `could_be_here` where installing something would help."""

    why: str
    could_be_here: bool


ENDED = "had ended"
"""What a case comes to whose program was at its end before the fault: it counts as none."""


def nothing_missing() -> Absence | None:
    """For a fault that can be made anywhere."""
    return None


@dataclass(frozen=True)
class Fault:
    """One kind of fault: how often it is made in the short form and in the long one, and what it shows."""

    name: str
    inflict: Inflict
    short: int
    long: int
    shows: str
    absence: Callable[[], Absence | None] = nothing_missing


@dataclass
class Tally:
    """What became of one kind of fault."""

    fault: Fault
    absence: Absence | None = None
    came_to: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def times(self) -> int:
        """How often it was made."""
        return self.came_to.total() - self.came_to[ENDED]

    def __str__(self) -> str:
        """One line."""
        if self.absence is not None:
            return f"{self.fault.name}: not possible here: {self.absence.why}"
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.came_to.items()))
        return f"{self.fault.name}: {self.times} ({outcomes}), {len(self.violations)} violations, {self.took_s:.0f} s"


def inflict_often(fault: Fault, scene: Scene, times: int, *, first_seed: int = 0) -> Tally:
    """Make it so often, each seed in a folder of its own. A seed may make it several times, or find its program at its
    end; after three times as many seeds it is enough."""
    tally = Tally(fault, fault.absence())
    began = time.monotonic()
    seed = first_seed
    while tally.absence is None and tally.times < times and seed < first_seed + 3 * times + 10:
        with tempfile.TemporaryDirectory(prefix="weft-fault-") as folder, pytest.MonkeyPatch.context() as patch:
            patch.setenv(CALLS, os.path.join(folder, "calls"))  # what it becomes meanwhile ends with this too
            try:
                tally.came_to += fault.inflict(scene, Path(folder), seed)
            except Exception as why:  # noqa: BLE001  whatever it is, it is a violation, and the next seed is tried
                tally.came_to["violated"] += 1
                tally.violations.append(f"seed {seed}: {_said(why)}")
        seed += 1
    tally.took_s = time.monotonic() - began
    return tally


def _said(why: Exception) -> str:
    where = traceback.extract_tb(why.__traceback__)[-1]
    said = "; ".join([str(why), *getattr(why, "__notes__", ())])
    return f"{type(why).__name__}: {said} ({os.path.basename(where.filename)}:{where.lineno})"
