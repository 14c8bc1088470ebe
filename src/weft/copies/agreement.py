"""Agreement: up to where the logs of two spaces are the same.

Each header names the one before it, so where two logs hold the same record they hold the same ones before it too: a
search by halves finds the last one that they share.

Knows nothing of how spaces came to agree. Invariant: what is found is the end of a record that both have, or 0.
Source: Merkle's hash chains; git's merge base.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.engine import Engine
from weft.store import Head, Log, entries_of

RecordAt = Callable[[int], "Head | None"]
"""Of one log: the head of the record that holds a position; None where there is none."""


def record_at(log: Log, position: int) -> Head | None:
    """The head of the record that holds a position, from 1 on; None behind the end."""
    return next((Head(one.position, one.digest) for one in log.records(position - 1, until=position)), None)


def agreed(one: RecordAt, other: RecordAt, until: int) -> int:
    """The last position that two logs share; `until`: where the shorter one ends. O(log positions) looks at each."""
    shared, low, high = 0, 1, until
    middle = until  # what was just forked goes on from the other's end
    while low <= high:
        found = one(middle)
        if found is not None and found == other(middle):
            shared, low = found.position, found.position + 1
        else:
            high = middle - 1
        middle = (low + high) // 2
    return shared


def has_event(engine: Engine, until: int) -> bool:
    """Whether anything was told by a position, beside what types there are: programs of the same types begin alike,
    and have no history in common for that. O(what stands before the first event)."""
    return any(entry.kind == "event" for entry in entries_of(engine.store, until=until))
