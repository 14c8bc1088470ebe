"""Results as they were recorded: which of them were made for a cut, and which for the next one.

Knows nothing of whether they were right at any other cut than their own.
Invariant: no shown result of the slot was made for a cut between those of the two that are found.
Source: multi-version reads of databases: the newest version that is not newer than the reader.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

from weft.content import Plain
from weft.past.as_of import AsOf
from weft.slot import SlotKey
from weft.spec import NodeSpec
from weft.standing import is_erased
from weft.store import VERSION
from weft.written_result import parse_result


class Made(NamedTuple):
    """A result: the cut it was made for, its position, and what its record says."""

    at: int
    position: int
    said: Mapping[str, Plain]

    @property
    def is_good(self) -> bool:
        """Whether it is a value."""
        outcome = self.said["outcome"]
        return isinstance(outcome, dict) and "ok" in outcome


class Around(NamedTuple):
    """The results of a slot around a cut: the newest that was made for it or an older one, and where the first for a
    newer cut stands: (cut, position). `erased`: the position of one that was erased and may have been made for it; 0
    where there is none."""

    then: Made | None
    later: tuple[int, int] | None
    erased: int = 0


def made_today(as_of: AsOf, key: SlotKey) -> Made | None:
    """The result that stands today, where it was made for the position or an older one. `key`: by the name of today."""
    index = as_of.at_hand
    if index is not None and key in index.cuts and index.cuts[key][-1] > as_of.position:
        return None
    row = as_of.engine.row(VERSION, key)
    if row is None or not isinstance(row[0], int) or row[0] > as_of.position:
        return None
    assert isinstance(row[1], int) and isinstance(row[2], bytes)
    said = parse_result(row[2])
    return Made(row[0], row[1], said) if "how" in said else None


def made_around(as_of: AsOf, entity: str, spec: NodeSpec, element: str) -> Around:
    """The shown results of a slot around a position, under every name that its node has had. O(log n), and the records
    that are found."""
    index, cut, later, erased = as_of.index, as_of.position, None, 0
    spans = index.spans(as_of.type_name(entity), spec.name, cut, is_told=False)
    for name, after, until in spans:
        key = SlotKey(entity, name, element)
        positions, cuts = index.shown.get(key, ()), index.cuts.get(key, ())
        first, place = bisect_right(positions, after), bisect_right(cuts, cut)
        if later is None and place < len(positions) and (until == cut or positions[place] <= until):
            later = cuts[place], positions[place]
        for one in range(place - 1, first - 1, -1):
            found = made_at(as_of, cuts[one], positions[one])
            if found is not None:
                return Around(found if "how" in found.said else None, later, erased)
            erased = erased or positions[one]
    return Around(None, later, erased)


def made_at(as_of: AsOf, at: int, position: int) -> Made | None:
    """The result at a position, which was made for the cut `at`; None where it was erased."""
    said = as_of.engine.said_at(position)
    return Made(at, position, said) if not is_erased(said) else None
