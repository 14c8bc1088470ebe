"""The log, read one position at a time: what was told or computed there.

Whoever reads the log in order to explain it reads it here, so that how records are laid out is known in one place.

Knows nothing of what an entry changes. Invariant: `entries` ascends by position, and gives every position once.
Source: event stores' readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from weft.content import Plain
from weft.store import Log

COMPUTED_KINDS = ("result", "removed")


class Entry(NamedTuple):
    """What stands at a position. `said` is None where it was erased."""

    position: int
    kind: str
    """`event refused definition service result removed`."""
    said: Mapping[str, Plain] | None


def entries(log: Log, after: int = 0, *, until: int | None = None) -> Iterator[Entry]:
    """What stands at each position, `after` < position <= `until`, ascending. Raises `SpaceDamaged`."""
    for record in log.records(after, until=until):
        for position, kind, said in record.entries(after):
            if until is not None and position > until:
                return
            yield Entry(position, kind, said or None)


def entry_at(log: Log, position: int) -> Entry | None:
    """What stands at one position; None where nothing does. O(log n)."""
    return next(entries(log, position - 1, until=position), None) if position > 0 else None
