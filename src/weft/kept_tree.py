"""Trees as they are kept: node by node, each written once, and read again when somebody looks into it.

A node's bytes are its level and what it holds: of a leaf the elements (id, value, and of a mapping the key), of others
the nodes below (last element, how many elements, id).

Knows nothing of slots, records and where nodes lie.
Invariant: a tree that was read back has the id, and the elements in the order, of the one that was written.
Source: prolly trees' chunks; lazily loaded B-trees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

from weft.content import Cid, Link, Plain, content_id, decode, encode_shallow
from weft.tree import Child, Entry, Member, Node, Tree

Fetch: TypeAlias = "Callable[[Cid], bytes]"
"""The bytes of a node, by its id."""


class KeptNode(Node):
    """A node that is read when it is first looked into. Elements are placed by their numbers."""

    __slots__ = ("_fetch", "_first")

    def __init__(self, id: Cid, level: int, last: str, size: int, first: int, fetch: Fetch) -> None:
        """`first`: the number of its first element in the whole tree."""
        self.level, self.last, self.size, self.place = level, last, size, (first + size - 1,)
        self._id, self._listed, self._folds, self.keeper = id, None, None, None
        self._first, self._fetch = first, fetch

    def __getattr__(self, name: str) -> Any:
        # Asked for only as long as there are none.
        if name != "children":
            raise AttributeError(name)
        assert self._id is not None
        _, self.children = _held(self._fetch(self._id), self._first, self._fetch)
        return self.children


def kept_tree(id: Cid, fetch: Fetch) -> Tree:
    """The tree whose root has this id, which is read at once."""
    level, children = _held(fetch(id), 0, fetch)
    root = KeptNode(id, level, children[-1].last, sum(child.size for child in children), 0, fetch)
    root.children = children
    return Tree(root)


def written(node: Node) -> bytes:
    """A node's bytes."""
    held: list[Plain]
    if node.level:
        nodes = cast("list[Node]", node.children)
        held = [[one.last, one.size, Link(one.id)] for one in nodes]
    else:
        members = [entry.member for entry in cast("list[Entry]", node.children)]
        held = [[one.element, one.encoded, one.key] for one in members]
    return encode_shallow([node.level, held])


def unkept(tree: Tree, is_kept: Callable[[Node], bool]) -> list[Node]:
    """The nodes that are still to be written: those that are not kept, each behind all that it holds. What a kept one
    holds is kept too."""
    stack, found = [tree.root] if tree.root is not None else [], list[Node]()
    while stack:
        node = stack.pop()
        if not is_kept(node):
            found.append(node)
            stack.extend(cast("list[Node]", node.children) if node.level else ())
    return found[::-1]


def nodes_in(encoded: bytes) -> list[Cid]:
    """The ids of the nodes that a written node holds; none of a leaf."""
    level, held = cast("tuple[int, list[tuple[str, int, Link]]]", decode(encoded))
    return [link.cid for _, _, link in held] if level else []


def in_parts(nodes: Iterable[Node], bytes_max: int) -> Iterator[list[Plain]]:
    """Nodes as pairs of link and bytes, in lists that are closed when they have grown beyond so many bytes."""
    part: list[Plain] = []
    size = 0
    for node in nodes:
        encoded = written(node)
        part.append([Link(node.id), encoded])
        size += len(encoded)
        if size > bytes_max:
            yield part
            part, size = [], 0
    if part:
        yield part


def _held(encoded: bytes, first: int, fetch: Fetch) -> tuple[int, list[Child]]:
    """A node's level, and what it holds from that element on."""
    level, held = cast("tuple[int, list[list[Any]]]", decode(encoded))
    children: list[Child] = []
    for one in held:
        if level:
            last, size, link = one
            children.append(KeptNode(link.cid, level - 1, last, size, first, fetch))
            first += size
        else:
            element, value, key = one
            children.append(Entry.of((first,), Member(element, content_id(value), value, key)))
            first += 1
    return level, children
