"""Trees as they are kept: node by node, each written once, and read again when somebody looks into it.

A node's bytes are its level and what it holds: of a leaf the elements (id, value, and of a mapping the key), of others
the nodes below (last element, how many elements, id). An element that has a tree of its own names its root in place of
the value (level, last element, how many elements, id), and the nodes of that tree are kept as all others are.

Knows nothing of slots, records and where nodes lie.
Invariant: a tree that was read back has the id, and the elements in the order, of the one that was written.
Source: prolly trees' chunks; lazily loaded B-trees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias, cast

from weft.content import Cid, Link, Plain, content_id, decode, encode_shallow
from weft.gathered import Nested
from weft.tree import Child, Entry, Member, Node, Tree

Fetch: TypeAlias = "Callable[[Cid], bytes]"
"""The bytes of a node, by its id."""


class KeptNode(Node):
    """A node that is read when it is first looked into. Elements are placed by their numbers."""

    __slots__ = ("_fetch", "_first")

    def __init__(self, level: int, named: Sequence[Any], first: int, fetch: Fetch) -> None:
        """`named`: its last element, how many it has, its id. `first`: the number of its first one in the whole
        tree."""
        self.last, self.size, link = named
        self._id, self._listed, self._folds, self.keeper = link.cid, None, None, None
        self.level, self.place, self._first, self._fetch = level, (first + self.size - 1,), first, fetch

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
    root = KeptNode(level, (children[-1].last, sum(child.size for child in children), Link(id)), 0, fetch)
    root.children = children
    return Tree(root)


def written(node: Node) -> bytes:
    """A node's bytes."""
    return encode_shallow([node.level, [_named(child) for child in node.children]])


def _named(child: Child) -> list[Plain]:
    if isinstance(child, Node):
        return [child.last, child.size, Link(child.id)]
    member, root = child.member, child.member.root
    return [member.element, member.encoded if root is None else [root.level, *_named(root)], member.key]


def unkept(tree: Tree, is_kept: Callable[[Node], bool]) -> list[Node]:
    """The nodes that are still to be written: those that are not kept, each behind all that it holds. What a kept one
    holds is kept too."""
    stack, found = [tree.root] if tree.root is not None else [], list[Node]()
    while stack:
        node = stack.pop()
        if not is_kept(node):
            found.append(node)
            stack.extend(_below(node))
    return found[::-1]


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        root = child if isinstance(child, Node) else child.member.root
        if root is not None:
            yield root


def nodes_in(encoded: bytes) -> list[Cid]:
    """The ids of the nodes that a written node holds: those below it, or the roots of its elements."""
    level, held = cast("tuple[int, list[list[Any]]]", decode(encoded))
    named = held if level else [value for _, value, _ in held if not isinstance(value, bytes)]
    return [link.cid for *_, link in named]


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
        children.append(KeptNode(level - 1, one, first, fetch) if level else Entry.of((first,), _member(one, fetch)))
        first += children[-1].size
    return level, children


def _member(named: Sequence[Any], fetch: Fetch) -> Member:
    element, value, key = named
    if isinstance(value, bytes):
        return Member(element, content_id(value), value, key)
    level, *root = value
    return Nested.of(element, Tree(KeptNode(level, root, 0, fetch)), key)
