"""The chain check: whether a record is what its header says, and follows the record that it should follow.

Made before a record is written and again whenever one is read, by every store alike.

Knows nothing of where records lie.
Invariant: of records that pass, position, kind, epoch, payload and predecessor are all bound by the header's digest.
Source: git's and certificate transparency's hash chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from weft.content import Cid, content_id, decode
from weft.errors import Undecodable, WeftError
from weft.record import GENESIS, Record, header_of
from weft.store import Head

EMPTY = Head(0, GENESIS)
"""The head of a log without records."""


class Unchained(WeftError):
    """Record {position} cannot follow record {head}: {why}. Nothing was written; make it again on the newest head."""

    position: int
    head: int
    why: str


def nothing_stands(position: int) -> Cid | None:
    """Of a log in which nothing was erased: which payload stands in place of the one that a header names."""
    return None


def flaw(record: Record, head: Head, stands: Callable[[int], Cid | None] = nothing_stands) -> str | None:
    """What is wrong with a record that should follow `head`, in words; None when nothing is. `stands`: by position, the
    content id of the payload that an erased record of the log says to stand there."""
    # How many positions it holds is bound by the header too: all from behind the head to its own.
    count = record.position - head.position
    if record.header != header_of(record.position, count, record.kind, record.epoch, head.digest, record.payload_id):
        return _header_flaw(record, head)
    found = record.payload_id if record.payload is None else content_id(record.payload)
    if found != record.payload_id and found != stands(record.position):
        return "its payload does not match its content id"
    return None


def follow(head: Head, records: Iterable[Record]) -> Head:
    """The head after `records`. Raises `Unchained` when they do not follow `head` and each other."""
    for record in records:
        if why := flaw(record, head):
            raise Unchained(position=record.position, head=head.position, why=why)
        head = Head(record.position, record.digest)
    return head


def _header_flaw(record: Record, head: Head) -> str:
    try:
        said = decode(record.header)
    except Undecodable:
        return "its header cannot be read"
    previous = said.get("previous") if isinstance(said, dict) else None
    own = header_of(
        record.position,
        record.span,
        record.kind,
        record.epoch,
        previous if isinstance(previous, bytes) else b"",
        record.payload_id,
    )
    if record.header != own:
        return "its header says something else than what stands beside it"
    return f"it does not follow the record before it, at {head.position}"
