"""The chain check: whether a record is what its header says, and follows the record that it should follow.

Made before a record is written and again whenever one is read, by every store alike.

Knows nothing of where records lie.
Invariant: of records that pass, position, kind, epoch, payload and predecessor are all bound by the header's digest.
Source: git's and certificate transparency's hash chains.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.content import Link, Plain, content_id, decode, encode_shallow
from weft.errors import Undecodable, WeftError
from weft.record import GENESIS, Record
from weft.store import Head

EMPTY = Head(0, GENESIS)
"""The head of a log without records."""


class Unchained(WeftError):
    """Record {position} cannot follow record {head}: {why}. Nothing was written; make it again on the newest head."""

    position: int
    head: int
    why: str


def flaw(record: Record, previous: bytes) -> str | None:
    """What is wrong with a record whose predecessor's digest is `previous`, in words; None when nothing is."""
    expected: dict[str, Plain] = {
        "position": record.position,
        "kind": record.kind,
        "epoch": record.epoch,
        "previous": previous,
        "payload": Link(record.payload_id),
    }
    if record.header != encode_shallow(expected):
        return _header_flaw(record.header, expected)
    if record.payload is not None and content_id(record.payload) != record.payload_id:
        return "its payload does not match its content id"
    return None


def follow(head: Head, records: Iterable[Record]) -> Head:
    """The head after `records`. Raises `Unchained` when they do not follow `head` and each other."""
    for record in records:
        if record.position != head.position + 1:
            raise Unchained(position=record.position, head=head.position, why=f"{head.position + 1} is next")
        if why := flaw(record, head.digest):
            raise Unchained(position=record.position, head=head.position, why=why)
        head = Head(record.position, record.digest)
    return head


def _header_flaw(header: bytes, expected: dict[str, Plain]) -> str:
    try:
        said = decode(header)
    except Undecodable:
        return "its header cannot be read"
    if isinstance(said, dict) and said | {"previous": expected["previous"]} == expected:
        return "it does not follow the record before it"
    return "its header says something else than what stands beside it"
