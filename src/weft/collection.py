"""The elements of collections: their ids, the order keys that place them, and how mappings are kept.

Knows nothing of where elements come from. Invariant: what is the same has one id, and what differs another.
Source: content addressing; fractional indexing for order keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NewType

from weft.content import Cid, Plain, encode

ElementId = NewType("ElementId", str)
"""26 letters of base32: the first 16 bytes of a sha-256."""

_ORDER_DIGITS = 12
_MINTED_DIGITS = 64
"""No order key is minted longer than this while others can make room."""
_OPEN_STEP = 1 << 16


def short_id(*parts: Plain) -> str:
    """26 letters of base32 that stand for these parts, and for no others."""
    return _letters(hashlib.sha256(encode(list(parts))).digest()[:16])


def content_element(content: Cid) -> ElementId:
    """The id of an element that is known by its content alone."""
    return ElementId(_letters(content[4:20]))


def key_element(key: Plain) -> ElementId:
    """The id of an element that is known by its declared key."""
    return ElementId(short_id("key", key))


def is_element_id(text: str) -> bool:
    """Whether it has the form of one."""
    return len(text) == 26 and not set(text) - set("abcdefghijklmnopqrstuvwxyz234567")


def content_elements(contents: Sequence[Cid]) -> tuple[ElementId, ...]:
    """Ids for a plain sequence: by content, equal contents told apart by how often they have come before."""
    seen: Counter[Cid] = Counter()
    ids: list[ElementId] = []
    for content in contents:
        before = seen[content]
        ids.append(content_element(content) if before == 0 else ElementId(short_id(bytes(content), before)))
        seen[content] += 1
    return tuple(ids)


def mapping_plain(pairs: Iterable[tuple[Plain, Plain]]) -> Plain:
    """A mapping as it is kept: a map where all keys are text, else pairs sorted by their keys' canonical bytes."""
    listed = list(pairs)
    if all(isinstance(key, str) for key, _ in listed):
        return {key: value for key, value in listed if isinstance(key, str)}
    return [[key, value] for key, value in sorted(listed, key=lambda pair: encode(pair[0]))]


def order_key_after(low: str) -> str:
    """An order key behind `low`, for an author who appends; "" stands for an empty collection."""
    number = int(low[:_ORDER_DIGITS].ljust(_ORDER_DIGITS, "0"), 16) + 1
    return low + "8" if number >= 16**_ORDER_DIGITS else f"{number:0{_ORDER_DIGITS}x}"


def order_key_between(low: str, high: str) -> str:
    """An order key between two others; "" as `low` is the very front. Two authors may mint one key: ids then decide."""
    size = max(len(low), len(high), _ORDER_DIGITS) + 1
    middle = (int(low.ljust(size, "0") or "0", 16) + int(high.ljust(size, "0"), 16)) // 2
    return _order_key(middle, size)


def order_key_at(order: Sequence[str], place: int) -> tuple[str, dict[int, str]]:
    """An order key for what comes in front of `order[place]`, or at the end of all; and new keys, by place, for those
    around it, where their own are equal, or so near to each other that one between them would grow too long.

    `order` ascends and may hold equal keys. As few as the room that is found allows get a new one: a short one.
    """
    low, high = order[place - 1] if place else "", order[place] if place < len(order) else None
    key = order_key_after(low) if high is None else order_key_between(low, high)
    if low < key and (high is None or key < high) and len(key) <= _MINTED_DIGITS:
        return key, {}
    reach = 1
    while True:
        first, end = max(0, place - reach), min(len(order), place + reach)
        keys = _spread(order[first - 1] if first else "", order[end] if end < len(order) else None, end - first + 1)
        if keys:  # at the latest where all get new ones
            key = keys.pop(place - first)
            return key, dict(enumerate(keys, first))
        reach *= 2


def _spread(low: str, high: str | None, count: int) -> list[str]:
    """So many keys between two others, far from each other; none where those would be long."""
    for size in range(_ORDER_DIGITS, _MINTED_DIGITS // 2 + 1):
        begin = int(low[:size].ljust(size, "0"), 16)
        open_end = min(begin + (count + 1) * _OPEN_STEP, 16**size)
        end = open_end if high is None else int(high[:size].ljust(size, "0"), 16)
        step = (end - begin) // (count + 1)
        if step >= 16:
            return [_order_key(begin + step * number, size) for number in range(1, count + 1)]
    return []


def _order_key(number: int, size: int) -> str:
    text = f"{number:0{size}x}"
    return text[:_ORDER_DIGITS] + text[_ORDER_DIGITS:].rstrip("0")


def _letters(sixteen: bytes) -> str:
    """16 bytes in base32, without padding, in small letters."""
    return base64.b32encode(sixteen).decode("ascii").rstrip("=").lower()
