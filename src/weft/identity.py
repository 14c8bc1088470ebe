"""Which element of a new list is which of the old one: the assignment of ids that last.

Matching is a computation whose outcome is recorded with the accepted list; replay reads the record and matches nothing.
Here the declared key decides: an element whose key was there keeps its id, a key that comes back revives its tombstone,
a new one gets an id made from the slot, the accepting result and its place in the list.

Knows nothing of stores and of how the list was made.
Invariant: no two elements of one list have one id, and an id never passes to another key while its element lives.
Source: keyed reconciliation of lists (React); record linkage with recorded decisions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.collection import short_id
from weft.content import Plain, encode
from weft.errors import WeftError
from weft.slot import SlotKey


class KeyTwice(WeftError):
    """{slot} holds two elements whose {key} is {value!r}: a declared key names one element. Make the operation merge or
    tell apart what has the same {key}."""

    slot: str
    key: str
    value: object


class KeyMissing(WeftError):
    """{slot} holds an element without {key}, which is its declared key, at place {place}. Have the operation give it;
    where the key is a new one, declare a higher version of the operation."""

    slot: str
    key: str
    place: int


def assigned(
    slot: SlotKey, key: str, elements: Sequence[Plain], known: Mapping[bytes, str], *, accepted_by: str
) -> tuple[str, ...]:
    """Ids for the elements of a list, in order. `known` maps the canonical bytes of each key ever seen to its id."""
    ids: list[str] = []
    seen: set[bytes] = set()
    for place, element in enumerate(elements):
        if not isinstance(element, dict) or key not in element:
            raise KeyMissing(slot=str(slot), key=key, place=place)
        name = encode(element[key])
        if name in seen:
            raise KeyTwice(slot=str(slot), key=key, value=element[key])
        seen.add(name)
        ids.append(known.get(name) or short_id(*slot, accepted_by, place))
    return tuple(ids)
