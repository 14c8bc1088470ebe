"""What stands where something was erased: the words for it, as records and stores keep them.

Knows nothing of how it is found out what goes.
Invariant: nothing here is made of what was erased, nor of a digest of that alone.
Source: tombstones of replicated stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from weft.content import Cid, Link, Plain

ERASED = "erased"
"""The kind of records that say what was erased, and which payloads stand where others once stood; also the verb of an
intent, and the mark of a result, that were."""


class Erasure(Struct, frozen=True):
    """What goes for good: payloads by the last position of their record, with what stands there from now on (None:
    nothing); entries of the inbox by number, likewise replaced; and blobs."""

    payloads: Mapping[int, bytes | None] = field(default_factory=dict)
    inbox: Mapping[int, bytes] = field(default_factory=dict)
    blobs: Sequence[Cid] = ()


def stands_of(said: Mapping[str, Plain]) -> dict[int, Cid | None]:
    """What an erased record says: by the last position of a record, the content id of the payload that stands there
    from then on; None where none does."""
    listed = said.get("stands")
    pairs = [pair for pair in listed if isinstance(pair, list)] if isinstance(listed, list) else []
    return {
        position: named.cid if isinstance(named, Link) else None for position, named in pairs if type(position) is int
    }


def without(intents: list[Plain], is_erased: Callable[[str], bool]) -> list[Plain]:
    """The intents of an event, each in its place; what is said about an erased entity is only that it is gone."""
    return [[one[0], "", ERASED] if isinstance(one, list) and is_erased(str(one[0])) else one for one in intents]


def is_erased(said: Mapping[str, Plain]) -> bool:
    """Whether what a record or a result said is gone; of a result its slot may still be said."""
    return not said or said.get(ERASED) is True
