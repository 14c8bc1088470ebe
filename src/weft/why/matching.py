"""Matching decisions, as far as they are recorded: by what an element of a list was known again.

Ids of keyed lists are decided when a list is accepted, and kept in the rows of the list's elements; a new id is made
from the slot, the accepting result and the place, so that an id says whether this very result minted it.

Knows nothing of how lists are matched anew. Invariant: what it says follows from rows and ids alone.
Source: record linkage with recorded decisions.
"""

from __future__ import annotations

from weft.collection import short_id
from weft.content import decode
from weft.engine import Engine
from weft.graph import Slot
from weft.matching.known import parse_known
from weft.store import TREE
from weft.why.reason import Match, Place

GONE_MAX = 12


def match_of(engine: Engine, slot: Slot, place: Place) -> Match | None:
    """How the ids of a list's elements, or of the one at `place`, were decided; None where it is no list."""
    if slot.key.element or slot.spec.sort != "sequence":
        return None
    if slot.spec.key is None:
        return Match("content") if place[2] else None
    if not place[2]:
        gone = [decode(one.key) for one in engine.elements(slot.key) if not one.is_alive and not one.alias]
        return Match(slot.spec.key, gone=tuple(gone[:GONE_MAX]))
    row = engine.row(TREE, place)
    if row is None or not isinstance(row[0], bytes):
        return Match(slot.spec.key)
    known = parse_known(place[2], row[0])
    return Match(slot.spec.key, decode(known.key), _is_minted(slot, known.id), known.by, known.alias, known.flags)


def _is_minted(slot: Slot, element: str) -> bool | None:
    """Whether the result that stands gave the element its id; None where it is not in it."""
    result, ids = slot.result, slot.element_ids()
    if result is None or element not in ids:
        return None
    accepted_by = f"{result.at}/{result.attempt[0]}/{result.attempt[1]}"
    return element == short_id(*slot.key, accepted_by, ids.index(element))
