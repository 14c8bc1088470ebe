"""Traces: what is known again of a value wherever it stands: its content id, its texts, the blobs that it names.

Knows nothing of records or entities.
Invariant: bytes that hold a text or some bytes of an erased value, word for word and long enough, are found.
Source: data-loss prevention by exact match.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.content import Cid, Plain, decode
from weft.errors import Undecodable

LEAF_BYTES_MIN = 4
"""Shorter texts stand in too much that has nothing to do with them."""


def leaves(value: Plain) -> Iterator[bytes]:
    """The texts and bytes in a value, keys of maps left out, as they stand in canonical bytes; also those within bytes
    that are a value themselves."""
    waiting: list[Plain] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, str):
            yield one.encode()
        elif isinstance(one, bytes):
            yield one
            waiting.extend(_within(one))


def _within(encoded: bytes) -> Iterator[Plain]:
    try:
        inner = decode(encoded)
    except Undecodable:
        return
    if isinstance(inner, str | list | dict):
        yield inner


class Traces:
    """Everything by which an erased value is known again."""

    def __init__(self) -> None:
        self.leaves: set[bytes] = set()
        self.contents: set[Cid] = set()
        self.blobs: set[Cid] = set()

    def take(self, values: Iterable[Plain]) -> None:
        """Remember what is erased."""
        for value in values:
            self.leaves.update(leaf for leaf in leaves(value) if len(leaf) >= LEAF_BYTES_MIN)

    def are_in(self, content: bytes) -> bool:
        """Whether bytes repeat something of it."""
        return any(leaf in content for leaf in self.leaves)
