"""What `filter`, `order` and `group` make of a collection, maintained from one tree of it to the next.

A rule's function is called for the elements that only the newer tree has; what it made of the others stands, and so
does every node of the outcome that no change falls into. Where a change cannot be followed (the function raised, or
keys have no order that one can rely on) the outcome is made anew.

Knows nothing of slots and stores.
Invariant: what is maintained is what would be made anew: it depends on the elements and their order alone.
Source: incremental view maintenance of databases.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from weft.collection import key_element
from weft.content import Plain, encode
from weft.errors import Unencodable
from weft.failure import is_ctrl_c
from weft.gathered import Gathered, as_member
from weft.tree import Entry, Member, Tree, changed, is_much
from weft.value import Shape

Asked: TypeAlias = "Callable[[Member], Any]"
"""The rule's function, of an element."""


class Maintained(ABC):
    """A rule's outcome for one tree, which it carries on to the next."""

    def __init__(self) -> None:
        self._elements: Tree | None = None

    def follow(self, elements: Tree, ask: Asked) -> Gathered:
        """The outcome for these elements; raises what the function raises. O(changes · log n) function calls and nodes
        where the tree was made from the one before, else O(n)."""
        old, self._elements = self._elements, None  # nothing goes on from what was left half done
        if old is None or not self._followed(old, elements, ask):
            self._begin(elements, ask)
        self._elements = elements
        return self._shown()

    def _followed(self, old: Tree, elements: Tree, ask: Asked) -> bool:
        gone, came = changed(old, elements)
        if is_much(len(gone) + len(came), elements):
            return False
        try:
            return self._follow(gone, came, ask)
        except BaseException as why:  # made anew, it raises what does not depend on the changes that led here
            if is_ctrl_c(why):
                raise
            return False

    @abstractmethod
    def _begin(self, elements: Tree, ask: Asked) -> None:
        """Make the outcome of all elements."""

    @abstractmethod
    def _follow(self, gone: list[Entry], came: list[Entry], ask: Asked) -> bool:
        """Make these changes; returns whether that could be done."""

    @abstractmethod
    def _shown(self) -> Gathered: ...


class Filtered(Maintained):
    """The elements for which the function says so, at their places."""

    def _begin(self, elements: Tree, ask: Asked) -> None:
        self._kept = Tree.of(entry for entry in elements.entries() if ask(entry.member))

    def _follow(self, gone: list[Entry], came: list[Entry], ask: Asked) -> bool:
        kept = [entry for entry in came if ask(entry.member)]
        for entry in gone:
            self._kept = self._kept.without(entry.place)
        for entry in kept:
            self._kept = self._kept.put(entry)
        return True

    def _shown(self) -> Gathered:
        return Gathered.of(self._kept)


class Ordered(Maintained):
    """All elements by the key that the function gives them; those with equal keys stay in their order."""

    def _begin(self, elements: Tree, ask: Asked) -> None:
        keyed = [(ask(entry.member), entry) for entry in elements.entries()]
        keyed.sort(key=lambda pair: _ByKey(pair[0]))
        self._has_places = all(has_order(key) for key, _ in keyed)
        if self._has_places:
            self._keys = {entry.last: key for key, entry in keyed}
            self._placed = Tree.of(_placed(key, entry) for key, entry in keyed)
        else:
            self._placed = Tree.in_order(entry.member for _, entry in keyed)

    def _follow(self, gone: list[Entry], came: list[Entry], ask: Asked) -> bool:
        keys = [ask(entry.member) for entry in came]
        if not self._has_places or not all(map(has_order, keys)):
            return False
        for entry in gone:
            self._placed = self._placed.without((self._keys.pop(entry.last), *entry.place))
        for key, entry in zip(keys, came, strict=True):
            self._keys[entry.last] = key
            self._placed = self._placed.put(_placed(key, entry))
        return True

    def _shown(self) -> Gathered:
        return Gathered.of(self._placed)


def _placed(key: object, entry: Entry) -> Entry:
    return Entry.of((key, *entry.place), entry.member)


class _ByKey:
    """A user's sort key, compared by `<` alone."""

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _ByKey) -> bool:
        return bool(self.key < other.key)


_HAVE_ORDER = frozenset({bool, int, str, bytes, date, datetime, time, timedelta})


def has_order(key: object) -> bool:
    """Whether one can rely on `<` to put such keys into one order: not for NaN, nor for what a program's own class
    says of it."""
    kind = type(key)
    if kind is tuple:
        assert isinstance(key, tuple)
        return all(map(has_order, key))
    return kind in _HAVE_ORDER or (isinstance(key, float | Decimal) and kind in (float, Decimal) and key == key)


class _Named(NamedTuple):
    """A group's key: what Python holds it for, as it is kept, and the bytes of that."""

    key: Any
    plain: Plain
    encoded: bytes


class Grouped(Maintained):
    """Elements by the key that the function gives them: what Python takes for one key is one group, under the key that
    comes first."""

    def __init__(self, shape: Shape) -> None:
        """`shape`: of the keys, as the function is annotated."""
        super().__init__()
        self._shape = shape

    def _begin(self, elements: Tree, ask: Asked) -> None:
        self._names: dict[str, _Named] = {}
        groups: dict[Any, list[Entry]] = {}
        for entry in elements.entries():
            named = self._names[entry.last] = self._named(ask(entry.member))
            groups.setdefault(named.key, []).append(entry)
        self._groups = {key: Tree.of(entries) for key, entries in groups.items()}
        self._entries = {key: self._entry(tree) for key, tree in self._groups.items()}
        self._mapping = Tree.of(sorted(self._entries.values(), key=lambda entry: entry.place))

    def _follow(self, gone: list[Entry], came: list[Entry], ask: Asked) -> bool:
        names = [self._named(ask(entry.member)) for entry in came]
        touched: dict[Any, None] = {}
        for entry in gone:
            key = self._names.pop(entry.last).key
            self._groups[key] = self._groups[key].without(entry.place)
            touched[key] = None
        for named, entry in zip(names, came, strict=True):
            self._names[entry.last] = named
            self._groups[named.key] = self._groups.get(named.key, Tree()).put(entry)
            touched[named.key] = None
        for key in touched:
            old = self._entries.pop(key, None)  # it may have had another name
            if old is not None:
                self._mapping = self._mapping.without(old.place)
            if len(self._groups[key]):
                entry = self._entries[key] = self._entry(self._groups[key])
                self._mapping = self._mapping.put(entry)
            else:
                del self._groups[key]
        return True

    def _entry(self, tree: Tree) -> Entry:
        """A group in the mapping, which is ordered by the bytes of keys."""
        named = self._names[next(tree.entries()).last]
        return Entry.of((named.encoded,), as_member(key_element(named.plain), tree, named.encoded))

    def _named(self, key: object) -> _Named:
        try:
            plain = self._shape.to_plain(key)
            named = _Named(self._shape.from_plain(plain), plain, encode(plain))
            hash(named.key)
        except Unencodable as why:
            why.where = "the key of a group"
            raise
        except TypeError:
            reason = "only what can be hashed names a group, such as a text, a number or a tuple of those"
            raise Unencodable(where="the key of a group", what=repr(key), why=reason) from None
        return named

    def _shown(self) -> Gathered:
        return Gathered.of(self._mapping, is_mapping=True)
