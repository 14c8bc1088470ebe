"""A case: something that is timed, by the unit, again and again, in turns with all others.

Each `bench_*.py`, each module of `peers` and `yardsticks.py` has a function `cases(folder)` that yields its cases; what
it keeps goes into that folder, which all share, so that all write to one disk. A `bench_*.py` may have a function
`large_cases(folder)`, too: what is measured instead where somebody asks for it.
Invariant: `measure` does all its work anew each time it is called, and returns seconds per unit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Limit(NamedTuple):
    """At most this many times the case named `of` (a yardstick, or a case of the same file). Passing it is printed."""

    times: float
    of: str


@dataclass(frozen=True, slots=True)
class Case:
    """Something to time. Cases with the same `group` are compared with the one of them that is `ours`."""

    name: str
    group: str
    unit: str
    measure: Callable[[], float]
    ours: bool = False
    limit: Limit | None = None
    rounds_max: int = 1000
    is_time: bool = True
    """Else it measures something that yardsticks say nothing of, as memory."""
    garbage: int = 2
    """What is collected before, so that nothing which others left is collected in this one's time: all of it, or 1, the
    young alone. After all of it Python looks through a dict of a million once more, at its next change."""
    prepare: Callable[[], None] | None = None
    """What has to be there first, each time; it may take long, so the yardsticks are measured behind it."""
    close: Callable[[], None] = lambda: None


def seconds_each(do: Callable[[], object], times: int) -> float:
    """The mean time of one `do()`, over `times` of them in a row."""
    began = time.perf_counter()
    for _ in range(times):
        do()
    return (time.perf_counter() - began) / times
