"""What becomes due, from which cut, and when it is settled: the arithmetic of due rows, as pure functions.

A due row says that a slot is not known to be right from cut `first` on, and that `last` is the newest cut that asked
for it. The settled mark of a set is the least `first` among its slots, minus one: up to there everything shown is
right.

Knows nothing of stores, graphs or runners.
Invariant: a slot's `first` only falls by a row being written for it, and a row takes along what was unsettled before.
Source: low watermarks of stream processors, kept per slot instead of per stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from weft.graph import NEVER, Due


def due_by(cut: int, had: Due | None, first_before: int) -> Due:
    """The row of a slot made due by `cut`. `first_before` is its first() until now; a row it had says no later one."""
    if had is not None:
        return had if had.first <= cut <= had.last else Due(min(had.first, cut), max(had.last, cut))
    return _row(min(cut, first_before), cut)


@lru_cache(maxsize=64)
def _row(first: int, last: int) -> Due:
    """One edit makes many slots due from the same cut: they share their row."""
    return Due(first, last)


def due_after(settled_at: int, had: Due | None, *, is_stale: bool, is_final: bool) -> Due | None:
    """What is left of a row once the slot has a result at `settled_at`.

    Cleared when nothing newer asked for it and every input still shows what was used; an error with a retry left keeps
    it."""
    if had is None and is_final and not is_stale:
        return None
    first, last = had if had is not None else Due(settled_at, settled_at)
    if not is_final:
        return Due(first, last)
    if last > settled_at or is_stale:
        return Due(max(first, settled_at + 1), max(last, settled_at))
    return None


def mark_of(head: int, firsts: Iterable[int]) -> int:
    """The position up to which all is settled."""
    return min(head, min(firsts, default=NEVER) - 1)
