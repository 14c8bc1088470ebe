"""What a due row may be, as far as it is known: what becomes of it when a cut asks for it, and when its slot settles.

Knows nothing of slots or logs.
Invariant: what becomes of a set of rows holds what becomes of each of them.
Source: abstract interpretation over intervals.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

NEVER: Final = 1 << 62
"""The first cut of what is current."""

Row: TypeAlias = tuple[int, int]
"""(first, last), as stores keep it."""


class Bounds(NamedTuple):
    """A row: not known to be right from a cut within the first two on, last asked for by one within the others."""

    first_min: int
    first_max: int
    last_min: int
    last_max: int


Allowed: TypeAlias = "frozenset[Bounds | None]"
"""What a row may be, one of them; None: there is none."""
NO_ROW: Allowed = frozenset({None})


def exactly(row: Row | None) -> Allowed:
    """That row alone."""
    return NO_ROW if row is None else frozenset({Bounds(row[0], row[0], row[1], row[1])})


def made_due(allowed: Allowed, cut: Row, first_before: Row) -> Allowed:
    """After a cut within those bounds made it due. `first_before`: since when it was unsettled without a row."""
    (low, high), (least, most) = cut, first_before
    after: list[Bounds] = []
    for row in allowed:
        if row is None:
            after.append(Bounds(min(low, least), min(high, most), low, high))
        else:
            firsts = min(row.first_min, low), min(row.first_max, high)
            after.append(Bounds(*firsts, max(row.last_min, low), max(row.last_max, high)))
    return frozenset(after)


def settled(allowed: Allowed, at: int, *, is_stale: bool, is_final: bool) -> Allowed:
    """What is left once its slot has a result at a cut: nothing, where nothing newer asked for it and all that it was
    given is shown still; else it begins behind that cut. An error that is tried again leaves it as it was."""
    after: list[Bounds | None] = []
    for had in allowed:
        if had is None and is_final and not is_stale:
            after.append(None)
            continue
        row = had if had is not None else Bounds(at, at, at, at)
        if not is_final:
            after.append(row)
            continue
        if is_stale or row.last_max > at:
            firsts = max(row.first_min, at + 1), max(row.first_max, at + 1)
            after.append(Bounds(*firsts, max(row.last_min, at), max(row.last_max, at)))
        if row.last_min <= at and not is_stale:
            after.append(None)
    return frozenset(after)


def fits(row: Row | None, allowed: Allowed) -> bool:
    """Whether a row is one of those that are allowed."""
    if row is None:
        return None in allowed
    first, last = row
    return any(
        one.first_min <= first <= one.first_max and one.last_min <= last <= one.last_max
        for one in allowed
        if one is not None
    )


def worded(allowed: Allowed) -> str:
    """In words."""
    return " or ".join(sorted("no row" if one is None else _worded(one) for one in allowed))


def _worded(bounds: Bounds) -> str:
    first, last = (f"{low}" if low == high else f"{low}…{high}" for low, high in (bounds[:2], bounds[2:]))
    return f"a row of {first} to {last}"
