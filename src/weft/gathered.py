"""The value of a collection, put together when somebody asks for it.

Who counts or sums the elements, or only has to know whether they changed, asks for the tree or the content id alone. A
large list that is an element of another collection, as a group is, is known by its tree there, too.

Knows nothing of nodes and of how elements came to be.
Invariant: it is what an `Ok` with the same content id, bytes and ids would be; two with one content id have equal
elements.
Source: lazy rope strings.
"""

from __future__ import annotations

from typing import TypedDict

from msgspec import field

from weft.collection import mapping_plain
from weft.content import content_id, decode, encode, encoded_list
from weft.slot import Ok
from weft.tree import Member, Node, Tree

LARGE = 64
"""From so many elements on a collection is kept node by node: a change then writes the nodes on its way."""
_NULL = encode(None)


class _Made(TypedDict, total=False):
    encoded: bytes
    elements: tuple[str, ...]


class Gathered(Ok, frozen=True, gc=True):
    """A collection's value: bytes and ids take O(n) when they are first asked for."""

    tree: Tree = field(default_factory=Tree)
    is_mapping: bool = False
    made: _Made = field(default_factory=_Made)
    """What was asked for before."""

    @staticmethod
    def of(tree: Tree, *, is_mapping: bool = False) -> Gathered:
        """The value that these elements are; of a mapping they know their keys."""
        return Gathered(tree.id, b"", None, tree, is_mapping)

    @property  # type: ignore[misc]
    def encoded(self) -> bytes:
        """The canonical bytes of the plain list or mapping."""
        if "encoded" not in self.made:
            self.made["encoded"] = self._encode()
        return self.made["encoded"]

    def _encode(self) -> bytes:
        if not self.is_mapping:
            return encoded_list([member.encoded for member in self.tree])
        return encode(mapping_plain((decode(one.key or _NULL), decode(one.encoded)) for one in self.tree))

    @property  # type: ignore[misc]
    def elements(self) -> tuple[str, ...] | None:
        """The ids of a list's elements, in order; those of a mapping follow from its keys."""
        if self.is_mapping:
            return None
        if "elements" not in self.made:
            self.made["elements"] = tuple(member.element for member in self.tree)
        return self.made["elements"]

    @property
    def is_large(self) -> bool:
        """Whether it is kept node by node: it has many elements, or one that is kept so."""
        return len(self.tree) >= LARGE or any(member.root is not None for member in self.tree)

    def has_elements_of(self, other: Ok) -> bool:
        """Its content id stands for its elements too."""
        return isinstance(other, Gathered) or self.elements == other.elements

    def __eq__(self, other: object) -> bool:
        """As any value compares."""
        return isinstance(other, Ok) and self.content == other.content and self.has_elements_of(other)

    def __hash__(self) -> int:
        """By its content."""
        return hash(self.content)


class Nested(Member, frozen=True, gc=True, kw_only=True):
    """A large list as an element: its content id is that of its tree, and its bytes take O(n) when they are first asked
    for."""

    value: Gathered

    @staticmethod
    def of(element: str, tree: Tree, key: bytes | None) -> Nested:
        """These elements as one, under its own id, and of a mapping its key's bytes."""
        return Nested(element, tree.id, b"", key, value=Gathered.of(tree))

    @property  # type: ignore[misc]
    def encoded(self) -> bytes:
        """The canonical bytes of the plain list."""
        return self.value.encoded

    @property
    def root(self) -> Node | None:
        """The root of the list's tree."""
        return self.value.tree.root


def as_member(element: str, tree: Tree, key: bytes) -> Member:
    """A list as an element of a mapping: a small one is its bytes, and known by them."""
    if len(tree) >= LARGE:
        return Nested.of(element, tree, key)
    encoded = encoded_list([member.encoded for member in tree])
    return Member(element, content_id(encoded), encoded, key)
