"""What a log says was computed, one result at a time: the one place in which tests read such records.

Knows nothing of what is right. Invariant: results come ascending by position.
Source: an anti-corruption layer, so that a change of the record is a change of this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from weft.content import Cid, Link, Plain, decode
from weft.record import COMPUTED, RESULT_KINDS, Entry, Record
from weft.slot import SlotKey


class Computed(NamedTuple):
    """One result, or one removal, as the log has it."""

    position: int
    epoch: int
    slot: SlotKey
    at: int
    how: str
    """`ran reused passed on built in`, or `removed`."""
    attempt: tuple[int, int]
    call_key: Cid | None
    preimage: bytes | None
    """The bytes that the call key was made from, where this is the key's first result."""
    outcome: dict[str, Plain]
    superseded: bool
    is_stale: bool
    """Whether an input showed something else by then than what the call was given."""
    match: Mapping[str, Plain] | None
    """How the elements of a list were told apart, where a matcher did."""
    given: Sequence[tuple[str, str, str, bytes | None]]
    """Of each input (entity, node, element, content id); None for one without a value."""

    @property
    def is_error(self) -> bool:
        """Whether it holds an error."""
        return "error" in self.outcome

    @property
    def is_final(self) -> bool:
        """Whether nothing is tried again."""
        return bool(self.outcome.get("final", True))

    @property
    def is_ok(self) -> bool:
        """Whether it holds a value."""
        return "ok" in self.outcome

    @property
    def encoded(self) -> bytes | None:
        """The value's bytes, where it is small enough to stand in the log."""
        found = self.outcome.get("value")
        return found if isinstance(found, bytes) else None

    @property
    def value(self) -> Plain:
        """The value, decoded."""
        return None if self.encoded is None else decode(self.encoded)

    @property
    def elements(self) -> Sequence[str]:
        """The ids of a list's elements, where they have some."""
        found = self.outcome.get("ids")
        return [str(id) for id in found] if isinstance(found, list) else []


def computed_in(record: Record) -> Iterator[Computed]:
    """The results in a record, apart from those that were erased; none in one that was told."""
    if record.kind == COMPUTED:
        for entry in record.entries():
            if entry.kind in RESULT_KINDS and not entry.is_erased:
                yield _computed(record.epoch, entry)


def erased_results(record: Record) -> Iterator[tuple[SlotKey, int]]:
    """Of which slots results in a record were erased, and where they stood."""
    if record.kind == COMPUTED:
        for entry in record.entries():
            slot = entry.said.get("slot")
            if entry.is_erased and isinstance(slot, list):
                yield SlotKey(*(str(part) for part in slot)), entry.position


def _computed(by_epoch: int, entry: Entry) -> Computed:
    said = entry.said
    slot, at, attempt, outcome = said["slot"], said["at"], said.get("attempt") or [0, 0], said["outcome"]
    assert isinstance(slot, list) and isinstance(at, int) and isinstance(attempt, list) and isinstance(outcome, dict)
    epoch, number = attempt
    assert isinstance(epoch, int) and isinstance(number, int)
    key, preimage = said.get("key"), said.get("preimage")
    return Computed(
        entry.position,
        by_epoch,
        SlotKey(*(str(part) for part in slot)),
        at,
        str(said["how"]) if entry.kind == "result" else "removed",
        (epoch, number),
        key.cid if isinstance(key, Link) else None,
        preimage if isinstance(preimage, bytes) else None,
        outcome,
        "superseded" in said,
        "stale" in said,
        match if isinstance(match := said.get("match"), dict) else None,
        [_given(one) for one in given] if isinstance(given := said.get("inputs"), list) else (),
    )


def _given(said: Plain) -> tuple[str, str, str, bytes | None]:
    assert isinstance(said, list)
    entity, node, element, content = said
    return str(entity), str(node), str(element), bytes(content.cid) if isinstance(content, Link) else None
