"""Trees of elements: ordered collections, never changed, only replaced, at the cost of the way to the change.

Leaves hold elements, nodes above them nodes. Where one ends is said by element ids alone: an id that ends in k times
the letter "a" closes the nodes of the k lowest levels. Ids are hashes in base32, so a node has 32 children on average,
wherever in the order a change falls, and equal elements in equal order make one tree, however they came to be. The id
of its root stands for the whole collection in call keys.

What is made of all elements by an associative function is kept node by node, so that a change asks only for the nodes
on its way.

Knows nothing of where elements come from. Places order elements, and are never hashed: contents name them.
Invariant: a tree depends on its elements and their order alone, not on the changes that led to it.
Source: prolly trees (Noms, Dolt) and Merkle search trees; path copying.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

from msgspec import Struct

from weft.content import Cid, content_id, encode_shallow, encoded_link, encoded_list, encoded_text

Place: TypeAlias = "tuple[Any, ...]"
"""By what the elements of one collection are ordered, with `<`; no two have one place."""
P = TypeVar("P")
_BOUNDARY = "a"
_place_of = attrgetter("place")
_PAIR = b"\x82"
"""How the canonical bytes of a list of two begin."""


class Member(Struct, frozen=True, gc=False):
    """An element of a collection: its id, content id and bytes; of a mapping also the bytes of its key."""

    element: str
    content: Cid
    encoded: bytes
    key: bytes | None = None

    @property
    def root(self) -> Node | None:
        """The root of its own tree, where it is a collection that has one."""
        return None


class Entry(Struct, frozen=True, gc=False):
    """An element at its place. `last` and `id` are what a leaf knows it by: its own id, and its content's."""

    place: Place
    last: str
    id: Cid
    member: Member
    level: ClassVar[int] = -1
    """Below every node."""
    size: ClassVar[int] = 1

    @classmethod
    def of(cls, place: Place, member: Member) -> Entry:
        """An element at a place."""
        return cls(place, member.element, member.content, member)

    @property
    def listed(self) -> bytes:
        """What stands for it in its leaf."""
        return _PAIR + encoded_text(self.last) + encoded_link(self.id)


class Node:
    """A run of elements, or of nodes of the level below. Never changed; what follows from it is kept when asked for."""

    __slots__ = ("_folds", "_id", "_listed", "children", "keeper", "last", "level", "place", "size")

    def __init__(self, level: int, children: Sequence[Child]) -> None:
        self.level, self.children = level, children
        end = children[-1]
        self.last: str = end.last
        self.place: Place = end.place
        """The id and the place of its last element."""
        self.size: int = sum(child.size for child in children) if level else len(children)
        self._id: Cid | None = None
        self._listed: bytes | None = None
        self._folds: dict[Hashable, object] | None = None
        self.keeper: object = None
        """For whom it is known to be kept."""

    @property
    def id(self) -> Cid:
        """The content id of the node: of its level, and of a list of (last element id, link) of what it holds."""
        if self._id is None:
            # Put together from bytes: the way to a change has a hundred children, all but a few as they were.
            listed = [child.listed for child in self.children]
            self._id = content_id(_PAIR + encode_shallow(self.level) + encoded_list(listed))
        return self._id

    @property
    def listed(self) -> bytes:
        """What stands for it in the node above."""
        if self._listed is None:
            self._listed = _PAIR + encoded_text(self.last) + encoded_link(self.id)
        return self._listed

    @property
    def is_closed(self) -> bool:
        """Whether it ends where its last element says so; else it ends because nothing follows."""
        return self.last.endswith(_BOUNDARY * (self.level + 1))

    def entries(self) -> Iterator[Entry]:
        """Its elements, in order."""
        stack: list[Child] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, Entry):
                yield node
            else:
                stack.extend(reversed(node.children))

    def fold(self, name: Hashable, of_members: Callable[[list[Member]], P], join: Callable[[list[P]], P]) -> P:
        """What `of_members` makes of a leaf's elements and `join` of what it made of nodes, each kept under `name`."""
        folds = self._folds
        if folds is None:
            folds = self._folds = {}
        if name not in folds:
            if self.level:
                nodes = cast("Sequence[Node]", self.children)
                folds[name] = join([node.fold(name, of_members, join) for node in nodes])
            else:
                folds[name] = of_members([entry.member for entry in cast("Sequence[Entry]", self.children)])
        return folds[name]  # type: ignore[return-value]


Child: TypeAlias = "Node | Entry"


class Tree:
    """An ordered collection of elements."""

    __slots__ = ("root",)

    def __init__(self, root: Node | None = None) -> None:
        self.root = root

    @staticmethod
    def of(entries: Iterable[Entry]) -> Tree:
        """The tree of elements that ascend by place. O(n)."""
        return Tree(_root(_cut(0, list(entries))))

    @staticmethod
    def in_order(members: Iterable[Member]) -> Tree:
        """The tree of a sequence; places are its numbers. O(n)."""
        return Tree.of(Entry.of((number,), member) for number, member in enumerate(members))

    @property
    def id(self) -> Cid:
        """The content id that stands for all of it. O(nodes not asked before)."""
        return self.root.id if self.root is not None else content_id(encode_shallow([0, []]))

    def __len__(self) -> int:
        """How many elements it has."""
        return self.root.size if self.root is not None else 0

    def __iter__(self) -> Iterator[Member]:
        """The elements, in order."""
        return (entry.member for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """The elements with their places, in order."""
        return self.root.entries() if self.root is not None else iter(())

    def put(self, entry: Entry) -> Tree:
        """With an element at its place, instead of what stood there. O(log n)."""
        if self.root is None:
            return Tree.of([entry])
        return Tree(_root(_edited(self.root, entry.place, entry)))

    def without(self, place: Place) -> Tree:
        """Without what stands at a place. O(log n)."""
        return Tree(_root(_edited(self.root, place, None))) if self.root is not None else self


def _between(level: int, before: Sequence[Child], made: Sequence[Child], after: Sequence[Child]) -> list[Node]:
    """One node's children as nodes, of which only those that were `made` may close anew: mostly one node again."""
    closing = _BOUNDARY * (level + 1)
    if any(child.last.endswith(closing) for child in made) and (after or len(made) > 1):
        return _cut(level, [*before, *made, *after])
    return [Node(level, [*before, *made, *after])] if before or made or after else []


def _cut(level: int, children: Sequence[Child]) -> list[Node]:
    """Children as nodes, each up to the next one that closes."""
    closing = _BOUNDARY * (level + 1)
    nodes: list[Node] = []
    begin = 0
    for end, child in enumerate(children, 1):
        if child.last.endswith(closing):
            nodes.append(Node(level, children[begin:end]))
            begin = end
    if begin < len(children):
        nodes.append(Node(level, children[begin:]))
    return nodes


def _root(nodes: list[Node]) -> Node | None:
    """The lowest node that holds all of these."""
    while len(nodes) > 1:
        nodes = _cut(nodes[0].level + 1, nodes)
    root = nodes[0] if nodes else None
    while root is not None and len(root.children) == 1:
        below = root.children[0]
        if isinstance(below, Entry):
            break
        root = below
    return root


def _edited(node: Node, place: Place, entry: Entry | None) -> list[Node]:
    """What stands for a node once `entry`, or nothing, is at a place in it: none, or several, of which the last may be
    one that has to go on with what follows."""
    children = node.children
    at = bisect_left(children, place, key=_place_of)
    if at == len(children) and node.level:
        at -= 1
    before, found, after = children[:at], children[at] if at < len(children) else None, children[at + 1 :]
    if not isinstance(found, Node):
        here: list[Child] = [] if entry is None else [entry]
        if found is None:  # behind the last one, which may close
            return _between(0, before[:-1], [*before[-1:], *here], [])
        return _between(0, before, here, [*([found] if found.place != place else []), *after])
    made = _edited(found, place, entry)
    if made and after and not made[-1].is_closed:
        made[-1], after = _joined(made[-1], after[0]), after[1:]
    return _between(node.level, before, made, after)


def _joined(one: Node, other: Child) -> Node:
    """Two nodes as one: the first does not end where an element says so."""
    assert isinstance(other, Node)
    *before, end = one.children
    if isinstance(end, Entry) or end.is_closed:
        return Node(one.level, [*one.children, *other.children])
    return Node(one.level, [*before, _joined(end, other.children[0]), *other.children[1:]])


def changed(old: Tree, new: Tree) -> tuple[list[Entry], list[Entry]]:
    """The entries that went and those that came, in order: an element that moved or is another is in both. Nodes that
    one tree has from the other are passed by, so the newer should have been made from the older: O(changes · log n);
    else it is O(n)."""
    gone: list[Child] = [old.root] if old.root is not None else []
    came: list[Child] = [new.root] if new.root is not None else []
    while True:
        was, now = set(map(id, gone)), set(map(id, came))
        gone = [child for child in gone if id(child) not in now]
        came = [child for child in came if id(child) not in was]
        level = max([child.level for child in gone] + [child.level for child in came], default=-1)
        if level < 0:
            return cast("list[Entry]", gone), cast("list[Entry]", came)
        gone, came = _opened(level, gone), _opened(level, came)


def _opened(level: int, children: list[Child]) -> list[Child]:
    """The same, with what nodes of that level hold in their place."""
    opened: list[Child] = []
    for child in children:
        if isinstance(child, Node) and child.level == level:
            opened += child.children
        else:
            opened.append(child)
    return opened


def is_much(changes: int, tree: Tree) -> bool:
    """Whether it is quicker to make a tree anew than to make so many changes to this one."""
    return changes * 16 > len(tree) + 64


class ById:
    """The elements of the newest tree that was asked about, by their ids."""

    __slots__ = ("_entries", "_tree")

    def __init__(self) -> None:
        self._tree = Tree()
        self._entries: dict[str, Entry] = {}

    def entry(self, tree: Tree, element: str) -> Entry | None:
        """An element of a tree, at its place. As `changed` for a tree that was not asked about before."""
        if tree is not self._tree:
            gone, came = changed(self._tree, tree)
            for entry in gone:
                del self._entries[entry.last]
            self._entries.update((entry.last, entry) for entry in came)
            self._tree = tree
        return self._entries.get(element)


class Grown:
    """A tree that follows its elements: they are said to have changed, and looked at when the tree is asked for."""

    __slots__ = ("_base", "_changed", "_places", "_tree")

    def __init__(self) -> None:
        self._tree: Tree | None = None
        self._base = Tree()
        self._places: dict[str, Place] = {}
        self._changed: set[str] = set()

    def touch(self, element: str) -> None:
        """An element came, went, moved, or is another."""
        if self._tree is not None:
            self._changed.add(element)

    def forget(self) -> None:
        """Any of them may have."""
        self._tree = None
        self._places.clear()
        self._changed.clear()

    def tree(
        self,
        find: Callable[[str], Entry | None],
        everything: Callable[[], Iterable[Entry]],
        base: Tree | None = None,
    ) -> Tree:
        """The tree of today. O(changed · log n), or O(n) where much has changed. `base`: what says which elements there
        are, and where, in case nobody else does."""
        tree = self._tree
        if base is not None and base is not self._base:
            if tree is not None:
                for entries in changed(self._base, base):
                    self._changed.update(entry.last for entry in entries)
            self._base = base
        if tree is None or is_much(len(self._changed), tree):
            tree = Tree.of(everything())
            self._places = {entry.last: entry.place for entry in tree.entries()}
        else:
            # First all that go: another may be at the place of one by now.
            for element in self._changed:
                old, now = self._places.get(element), find(element)
                if old is not None and (now is None or now.place != old):
                    del self._places[element]
                    tree = tree.without(old)
            for now in filter(None, map(find, self._changed)):
                self._places[now.last] = now.place
                tree = tree.put(now)
        self._changed.clear()
        self._tree = tree
        return tree
