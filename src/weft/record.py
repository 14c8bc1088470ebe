"""One entry of the log: a header that chains, and a payload beside it.

Told records say what came from outside (event, definition, service, refused …); computed ones say what was derived
(result, removed). The header holds the content id of the payload and the digest of the header before it, so a payload
can be erased without breaking the chain, and no header can be changed without breaking every later one.

Knows nothing of what payloads mean.
Invariant: positions are gap-free, and each header names the digest of its predecessor.
Source: git's and certificate transparency's hash chains; payloads beside headers as in Secure Scuttlebutt's metafeeds.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from weft.content import Cid, Plain, content_id, decode, encode, encode_shallow, link

GENESIS = bytes(32)
"""The digest that the first record names as its predecessor."""


class Record(NamedTuple):
    """A log entry. `kind` is told (`event definition service refused`) or computed (`result removed`)."""

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

    def content(self) -> dict[str, Plain]:
        """The payload, decoded; empty when it was erased."""
        found = {} if self.payload is None else decode(self.payload)
        assert isinstance(found, dict)
        return found


COMPUTED = frozenset({"result", "removed"})


def make_record(position: int, kind: str, *, epoch: int, previous: bytes, payload: dict[str, Plain]) -> Record:
    """The record that follows the header with digest `previous`."""
    # Computed records hold values as bytes; what people told stands in events as it is, and may be deep.
    body = encode_shallow(payload) if kind in COMPUTED else encode(payload)
    payload_id = content_id(body)
    header = encode_shallow(
        {"position": position, "kind": kind, "epoch": epoch, "previous": previous, "payload": link(payload_id)}
    )
    return Record(position, kind, epoch, payload_id, header, body)
