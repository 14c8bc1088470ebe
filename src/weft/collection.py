"""Ordered collections: element ids, order keys, and the root id that stands for the whole in a call key.

A collection is a sequence of (element id, content id). Its root id is that of a tree whose node boundaries come from
the element ids alone: an id that ends in k times the letter "a" closes the nodes of the k lowest levels. Ids are
hashes in base32, so a node has 32 children on average, wherever in the order a change falls.

Knows nothing of where elements come from, and never hashes an order key: keys place elements, contents name them.
Invariant: equal elements in equal order have one root id, however the collection came to be.
Source: prolly trees (Noms, Dolt) and Merkle search trees; fractional indexing for order keys.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NewType

from weft.content import Cid, Plain, content_id, encode, link

ElementId = NewType("ElementId", str)
"""26 letters of base32: the first 16 bytes of a sha-256."""

_BOUNDARY = "a"
_ORDER_DIGITS = 12


def short_id(*parts: Plain) -> str:
    """26 letters of base32 that stand for these parts, and for no others."""
    digest = hashlib.sha256(encode(list(parts))).digest()
    return base64.b32encode(digest[:16]).decode("ascii").rstrip("=").lower()


def content_element(content: Cid) -> ElementId:
    """The id of an element that is known by its content alone."""
    return ElementId(base64.b32encode(content[4:20]).decode("ascii").rstrip("=").lower())


def key_element(key: Plain) -> ElementId:
    """The id of an element that is known by its declared key."""
    return ElementId(short_id("key", key))


def content_elements(contents: Sequence[Cid]) -> tuple[ElementId, ...]:
    """Ids for a plain sequence: by content, equal contents told apart by how often they have come before."""
    seen: Counter[Cid] = Counter()
    ids: list[ElementId] = []
    for content in contents:
        before = seen[content]
        ids.append(content_element(content) if before == 0 else ElementId(short_id(bytes(content), before)))
        seen[content] += 1
    return tuple(ids)


def root_id(elements: Iterable[tuple[ElementId, Cid]]) -> Cid:
    """The content id of the whole: O(n), no recursion."""
    level = 0
    nodes = _tree_nodes([(element, bytes(content)) for element, content in elements], level)
    while len(nodes) > 1:
        level += 1
        nodes = _tree_nodes(nodes, level)
    return Cid(nodes[0][1])


def _tree_nodes(children: Sequence[tuple[ElementId, bytes]], level: int) -> list[tuple[ElementId, bytes]]:
    """The children cut into nodes: each is named by its last element, so that one more level can be cut by it."""
    closing = _BOUNDARY * (level + 1)
    nodes: list[tuple[ElementId, bytes]] = []
    pending: list[Plain] = []
    last = ElementId("")
    for element, content in children:
        last = element
        pending.append([element, link(Cid(content))])
        if element.endswith(closing):
            nodes.append((last, content_id(encode([level, pending]))))
            pending = []
    if pending or not nodes:
        nodes.append((last, content_id(encode([level, pending]))))
    return nodes


def order_key_after(low: str) -> str:
    """An order key behind `low`, for an author who appends; "" stands for an empty collection."""
    number = int(low[:_ORDER_DIGITS] or "0", 16) + 1
    return low + "8" if number >= 16**_ORDER_DIGITS else f"{number:0{_ORDER_DIGITS}x}"


def order_key_between(low: str, high: str) -> str:
    """An order key between two others; "" as `low` is the very front. Two authors may mint one key: ids then decide."""
    size = max(len(low), len(high), _ORDER_DIGITS) + 1
    middle = (int(low.ljust(size, "0") or "0", 16) + int(high.ljust(size, "0"), 16)) // 2
    text = f"{middle:0{size}x}"
    return text[:_ORDER_DIGITS] + text[_ORDER_DIGITS:].rstrip("0")
