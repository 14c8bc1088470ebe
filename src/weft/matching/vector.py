"""Vectors as they are kept: four bytes a number, of length 1, each under its text and the service that made it.

Knows nothing of how they are asked for. Invariant: reading what was kept gives the same numbers everywhere, so that the
same vectors are compared before and after a restart.
Source: vector stores, which keep single precision.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from operator import mul
from typing import NamedTuple, TypeVar

from weft.content import Cid, Link, Plain, content_id, decode, encode, link
from weft.matching.assignment import DimensionChanged, MatcherFailed, naming
from weft.matching.matcher import Embedded, Vector

K = TypeVar("K")


class Vectors(NamedTuple):
    """Packed vectors by text, and the fingerprint of the service that made them."""

    fingerprint: Cid | None
    by_text: Mapping[str, bytes]

    def plain(self) -> list[Plain]:
        """As a record keeps them."""
        name = None if self.fingerprint is None else link(self.fingerprint)
        return [name, [[text, vector] for text, vector in self.by_text.items()]]


def vectors_of_plain(said: Plain) -> Vectors:
    """The vectors that a record keeps."""
    assert isinstance(said, list)
    name, listed = said
    assert isinstance(listed, list)
    pairs = [pair for pair in listed if isinstance(pair, list)]
    fingerprint = name.cid if isinstance(name, Link) else None
    return Vectors(fingerprint, {str(text): vector for text, vector in pairs if isinstance(vector, bytes)})


def vector_key(fingerprint: Cid | None, text: str) -> Cid:
    """What the vector of a text is kept under: made once by each service that says it is another."""
    return content_id(encode(["weft/vector", "1", None if fingerprint is None else link(fingerprint), text]))


def texts_of(matcher: Embedded, encoded: bytes) -> list[str]:
    """The texts of a list's elements, in order; empty for what is no element."""
    elements = decode(encoded)
    assert isinstance(elements, list)
    return [_text(matcher, one) if isinstance(one, dict) else "" for one in elements]


def _text(matcher: Embedded, element: Mapping[str, Plain]) -> str:
    """The text of an element; empty where its matcher fails, which is said when the list is matched."""
    with suppress(MatcherFailed), naming("", matcher):
        return matcher.text(element)
    return ""


def vectors_by(matcher: Embedded | None, elements: Mapping[K, Plain], vectors: Mapping[str, bytes]) -> dict[K, Vector]:
    """The vectors of elements, given those of texts."""
    texts = {name: matcher.text(one) for name, one in elements.items() if matcher is not None and isinstance(one, dict)}
    return {name: unpack(vectors[text]) for name, text in texts.items() if text in vectors}


def kept_vectors(
    matcher: Embedded,
    lists: Sequence[bytes],
    fingerprint: Cid | None,
    told: Vectors | None,
    kept: Callable[[Cid, str], bytes | None],
) -> dict[str, bytes]:
    """The vectors there are of what some lists hold, by text: those kept before those just told."""
    fresh = told.by_text if told is not None and told.fingerprint == fingerprint else {}
    texts = dict.fromkeys(text for each in lists for text in texts_of(matcher, each) if text)
    found = {text: kept(vector_key(fingerprint, text), text) or fresh.get(text) for text in texts}
    return {text: vector for text, vector in found.items() if vector is not None}


def check_lengths(slot: str, service: str, before: Collection[Vector], now: Collection[Vector]) -> None:
    """Refuse vectors of one service that differ in length."""
    was = next((len(vector) for vector in (*before, *now)), 0)
    other = next((len(vector) for vector in (*before, *now) if len(vector) != was), was)
    if other != was:
        raise DimensionChanged(slot=slot, service=service, before=was, now=other)


def pack(numbers: Sequence[float]) -> bytes:
    """The direction of a vector. Raises ValueError for one without a direction: empty, zero or not finite."""
    length = math.sqrt(sum(number * number for number in numbers))
    if not numbers or not math.isfinite(length) or length == 0.0:
        raise ValueError(f"a vector of {len(numbers)} numbers and length {length} has no direction")
    return struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))


def unpack(kept: bytes) -> Vector:
    """The vector that was packed."""
    return struct.unpack(f"<{len(kept) // 4}f", kept)


def near(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of one length, no less than 0 and no more than 1."""
    assert len(one) == len(other), "vectors of one service have one length"
    cosine: float = sum(map(mul, one, other))
    return max(0.0, min(1.0, cosine))
