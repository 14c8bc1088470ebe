"""Merge rule two: of two results for one slot, the one from the newer cut stands.

A slot is the place of one derived value: (entity, node, element); the element is empty for a node that runs once. A
result says only: at this cut, the value is that. Merging is commutative, associative, idempotent and only moves up, so
replicas agree whatever order results arrive in.

Knows nothing of events, or of how results were made.
Invariant: `dominates` is a strict total order over the results of a slot that stand at different positions.
Source: conditional writes in place of locks; last-writer-wins registers, with the cut in place of a clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from weft.content import Cid, Plain, content_id


class SlotKey(NamedTuple):
    """Where a derived value lives."""

    entity: str
    node: str
    element: str = ""

    def __str__(self) -> str:
        """The way people write it: ENTITY.NODE[ELEMENT]."""
        return f"{self.entity}.{self.node}" + (f"[{self.element}]" if self.element else "")


_WRITTEN = re.compile(r"\b([a-z2-7]{26})\.(\w+)(?:\[([a-z2-7]{26})\])?")
_SHOWN = 8


def short_places(text: str, types: Mapping[str, str]) -> str:
    """A text for people, in which each place reads as commands print it: TYPE ID.NODE[ELEMENT], ids by their
    beginnings, and the type where `types` has it by the entity's id."""

    def short(found: re.Match[str]) -> str:
        entity, node, element = found.groups()
        kind = f"{types[entity]} " if types.get(entity) else ""
        return f"{kind}{entity[:_SHOWN]}.{node}" + (f"[{element[:_SHOWN]}]" if element else "")

    return _WRITTEN.sub(short, text)


class Ok(Struct, frozen=True, gc=False):
    """A value: its content id, its canonical bytes, and, for a list whose elements have identity, their ids in order.

    For a collection the content id is its root id; the bytes are always those of the plain list or mapping.
    """

    content: Cid
    encoded: bytes
    elements: tuple[str, ...] | None = None

    @staticmethod
    def of_bytes(encoded: bytes) -> Ok:
        """The value with these canonical bytes, known by them alone."""
        return Ok(content_id(encoded), encoded)

    def has_elements_of(self, other: Ok) -> bool:
        """Whether their elements, if they have any, have the same ids in the same order."""
        return self.elements == other.elements


class Err(Struct, frozen=True, gc=False):
    """An error: what was raised, what it said, where, which slot it began in, and whether a retry is still to come."""

    kind: str
    message: str
    where: str = ""
    origin: str = ""
    tries: int = 1
    final: bool = True


class Gone(Struct, frozen=True, gc=False):
    """No value: the slot, or what it refers to, is not there at that cut."""

    why: str = ""


WAS_ERASED = Gone("it was erased")
"""What is shown in place of whatever an erased entity showed."""

Outcome: TypeAlias = Ok | Err | Gone


class Result(Struct, frozen=True, gc=False):
    """At cut `at` the slot's outcome is this. `call_key` is None where no call was made (a tombstone, an error passed
    on)."""

    at: int
    outcome: Outcome
    call_key: Cid | None
    attempt: tuple[int, int]
    position: int


def rank(result: Result) -> tuple[int, int, tuple[int, int], int]:
    """Greater cut; then ok over error over nothing; then the later attempt among errors; then the lower log position.

    Nothing comes last: a collection that begins to read what is still being made loses elements that are back at that
    very cut, and what they come to must stand over their tombstones. No older result has a tombstone's cut."""
    is_ok = not isinstance(result.outcome, Err)
    worth = 2 if isinstance(result.outcome, Ok) else int(not is_ok)
    return (result.at, worth, (0, 0) if is_ok else result.attempt, -result.position)


def dominates(one: Result, other: Result) -> bool:
    """Whether `one` stands over `other`."""
    return rank(one) > rank(other)


def reason_superseded(lost: Result, stands: Result) -> str:
    """Why `lost` is not shown, in words for the log."""
    if lost.at < stands.at:
        return f"made at {lost.at}, older than what stands from {stands.at}"
    if isinstance(lost.outcome, Err) and not isinstance(stands.outcome, Err):
        return f"an error, and there is a value at the same cut {stands.at}"
    return f"another result stands at the same cut {stands.at}"


def is_same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes are alike to whoever reads them: then readers need not look again."""
    match one:
        case Ok():
            return isinstance(other, Ok) and one.content == other.content and one.has_elements_of(other)
        case Err(kind, message, _, origin):
            return isinstance(other, Err) and (kind, message, origin) == (other.kind, other.message, other.origin)
        case Gone():
            return isinstance(other, Gone)


def unmade_plain(outcome: Err | Gone) -> dict[str, Plain]:
    """An outcome without a value as it stands in records and rows."""
    match outcome:
        case Err(kind, message, where, origin, tries, final):
            return {"error": kind, "message": message, "where": where, "origin": origin, "tries": tries, "final": final}
        case Gone(why):
            return {"gone": why}
