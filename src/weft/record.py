"""One record of the log: a header that chains, and a payload beside it.

A told record says one thing that came from outside (event, definition, service, refused …) at one position. A computed
one says what was derived from them since: many results, each at a position of its own, since one header and one check
for all of them cost a tenth of one for each. The record stands at the last of its positions.

The header holds the content id of the payload and the digest of the header before it, so a payload can be erased
without breaking the chain, and no header can be changed without breaking every later one.

Knows nothing of what payloads mean.
Invariant: positions are gap-free, and each header names the digest of its predecessor.
Source: git's and certificate transparency's hash chains; payloads beside headers as in Secure Scuttlebutt's metafeeds;
Kafka's record batches, in which each record keeps an offset of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from weft.content import BYTES_MAX, Cid, Plain, content_id, decode, encode, encode_shallow, link
from weft.errors import Undecodable, WeftError
from weft.standing import is_erased
from weft.written_result import parse_result

GENESIS = bytes(32)
"""The digest that the first record names as its predecessor."""
COMPUTED = "computed"
"""The kind of records that hold results; every other kind is told."""
RESULT_KINDS = ("result", "removed")
"""What a computed record holds of slots; beside them `checked`: what a call that was made again showed, and `nodes` of
the trees that results show."""
_MARKS = (("how", "result"), ("found", "checked"), ("nodes", "nodes"))


class EditTooLarge(WeftError, ValueError):
    """What is said at once has {size_bytes} bytes, more than the {size_bytes_max} that a record may hold. Say it in
    several edits, or make its large parts Blobs (Blob.from_bytes, Blob.read)."""

    size_bytes: int
    size_bytes_max: int


class Entry(NamedTuple):
    """One thing that happened: where it stands, its kind (`event definition service refused`, or for what was derived
    `result removed checked nodes`) and what is said of it, which is empty when it was erased."""

    position: int
    kind: str
    said: dict[str, Plain]

    @property
    def is_erased(self) -> bool:
        """Whether what was said is gone; of a result its slot may still be said."""
        return is_erased(self.said)


class Record(NamedTuple):
    """A log record; `position` is the last one that it holds."""

    position: int
    kind: str
    epoch: int
    payload_id: Cid
    header: bytes
    payload: bytes | None

    @property
    def digest(self) -> bytes:
        """The sha-256 of the header: what the next record names."""
        return hashlib.sha256(self.header).digest()

    @property
    def span(self) -> int:
        """How many positions it holds, as its header says; 1 where the header cannot be read."""
        return count_in(self.header) if self.kind == COMPUTED else 1

    def content(self) -> dict[str, Plain]:
        """The payload, decoded; empty when it was erased."""
        found = {} if self.payload is None else decode(self.payload)
        assert isinstance(found, dict)
        return found

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """What happened at each of its positions behind `after`, ascending."""
        if self.kind != COMPUTED:
            yield Entry(self.position, self.kind, self.content())
            return
        first, results = self.position - self.span + 1, self.results()
        for position in range(max(first, after + 1), self.position + 1):
            said = {} if results is None else parse_result(results[position - first])
            yield Entry(position, next((kind for mark, kind in _MARKS if mark in said), "removed"), said)

    def results(self) -> list[bytes] | None:
        """The encoded results of a computed record, None when they were erased. Raises `Undecodable`."""
        if self.payload is None:
            return None
        said = decode(self.payload, depth_max=len(self.payload))  # (it is not deep, where it is what is asked for here)
        found = said["results"] if isinstance(said, dict) and said.keys() == {"results"} else None
        if not isinstance(found, list) or len(found) != self.span or not {*map(type, found)} <= {bytes}:
            raise Undecodable(where=f"record {self.position}", wanted=f"{self.span} results", why="it holds others")
        return cast("list[bytes]", found)


def make_record(position: int, kind: str, *, epoch: int, previous: bytes, payload: dict[str, Plain]) -> Record:
    """The told record that follows the header with digest `previous`. Raises `EditTooLarge` for what could not be read
    again, as it is longer than `decode` takes."""
    body = encode(payload)
    if len(body) > BYTES_MAX:
        raise EditTooLarge(size_bytes=len(body), size_bytes_max=BYTES_MAX)
    return _record(position, 1, kind, epoch, previous, body)


def computed_record(first: int, results: Sequence[bytes], *, epoch: int, previous: bytes) -> Record:
    """The record of these encoded results, at the positions from `first` on."""
    return _record(first + len(results) - 1, len(results), COMPUTED, epoch, previous, computed_body(results))


def computed_body(results: Sequence[bytes]) -> bytes:
    """The payload of these encoded results."""
    # They hold values as bytes, so this is not deep.
    return encode_shallow({"results": list(results)})


def _record(position: int, count: int, kind: str, epoch: int, previous: bytes, body: bytes) -> Record:
    payload_id = content_id(body)
    header = header_of(position, count, kind, epoch, previous, payload_id)
    return Record(position, kind, epoch, payload_id, header, body)


def header_of(position: int, count: int, kind: str, epoch: int, previous: bytes, payload_id: Cid) -> bytes:
    """The header's bytes; the count is left out where it is 1."""
    said: dict[str, Plain] = {
        "position": position,
        "kind": kind,
        "epoch": epoch,
        "previous": previous,
        "payload": link(payload_id),
    }
    if count != 1:
        said["count"] = count
    return encode_shallow(said)


def count_in(header: bytes) -> int:
    """How many positions a header says that its record holds; 1 where it cannot be read."""
    try:
        said = decode(header)
    except Undecodable:
        return 1
    count = said.get("count", 1) if isinstance(said, dict) else 1
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 1
