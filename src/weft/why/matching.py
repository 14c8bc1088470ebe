"""Matching decisions, as far as they are recorded: by what an element of a list was known again.

Ids of keyed lists are decided when a list is accepted, and kept in the rows of the list's elements; a new id is made
from the slot, the accepting result and the place, so that an id says whether this very result minted it.

Knows nothing of how lists are matched anew. Invariant: what it says follows from rows and ids alone.
Source: record linkage with recorded decisions.
"""

from __future__ import annotations

from typing import cast

from weft.collection import short_id
from weft.content import Plain, decode
from weft.engine import Engine
from weft.graph import Slot
from weft.store import TREE
from weft.why.reason import Match, Place

GONE_MAX = 12


def match_of(engine: Engine, slot: Slot, place: Place) -> Match | None:
    """How the ids of a list's elements, or of the one at `place`, were decided; None where it is no list."""
    if slot.key.element or slot.spec.sort != "sequence":
        return None
    if not place[2]:
        gone = _gone(engine, slot) if slot.spec.key is not None else ()
        return Match(slot.spec.key, gone=gone) if slot.spec.key is not None else None
    if slot.spec.key is None:
        return Match("content")
    row = engine.row(TREE, place)
    kept = cast("list[Plain]", decode(row[0])) if row is not None and isinstance(row[0], bytes) else None
    key = decode(kept[0]) if kept is not None and isinstance(kept[0], bytes) else None
    return Match(slot.spec.key, key, _is_minted(slot, place[2]))


def _gone(engine: Engine, slot: Slot) -> tuple[Plain, ...]:
    """Keys whose ids are kept for their return."""
    gone: list[Plain] = []
    for _, (row,) in engine.rows(TREE, slot.key[:2]):
        assert isinstance(row, bytes)
        key, is_alive, *_ = cast("list[Plain]", decode(row))
        if not is_alive and isinstance(key, bytes) and len(gone) < GONE_MAX:
            gone.append(decode(key))
    return tuple(gone)


def _is_minted(slot: Slot, element: str) -> bool | None:
    """Whether the result that stands gave the element its id; None where it is not in it."""
    result, ids = slot.result, slot.element_ids()
    if result is None or element not in ids:
        return None
    accepted_by = f"{result.at}/{result.attempt[0]}/{result.attempt[1]}"
    return element == short_id(*slot.key, accepted_by, ids.index(element))
