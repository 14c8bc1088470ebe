"""Told collections as an entity shows them: what is there now, and verbs, each of which is one event.

Knows nothing of how verbs fold; whatever is asked is asked from the desk, each time.
Invariant: reading never changes anything, and a verb is durable when it returns (in a batch: when the batch ends).
Source: the intents of operation-based replicated types, under the names of Python's own collections.
"""

from __future__ import annotations

from collections.abc import Hashable, ItemsView, Iterator, KeysView, Mapping
from typing import TYPE_CHECKING, Generic, Never, TypeVar, cast

from weft.handle import Seat, escaped, short_repr, value_html
from weft.meant import no_addition, no_assignment, no_deletion, no_place, no_subtraction, unknown_verb
from weft.spelling import nearest

if TYPE_CHECKING:
    from weft.collection import ElementId
    from weft.declare import Node

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Verbs(Generic[T_co]):
    """A told collection of one entity: always there, changed by verbs."""

    __slots__ = ("_desk", "_node", "entity_id")

    def __init__(self, seat: Seat, node: Node[T_co]) -> None:
        self._desk = seat.desk
        self.entity_id = seat.entity_id
        self._node = node

    @property
    def node(self) -> Node[T_co]:
        """What it is declared as."""
        return self._node

    def _read(self) -> T_co:
        return cast("T_co", self._desk.read(self.entity_id, self._node))

    def _say(self, verb: str, *args: object) -> None:
        self._desk.edit(self.entity_id, self._node, verb, *args)

    def __bool__(self) -> Never:
        """Refuse, as every handle does: a test for "any" must not read like a test for "is there"."""
        raise TypeError(f"{self._node} is a handle and has no truth value. Compare what you mean: {self._meant()}")

    def _meant(self) -> str:
        return "len(…) > 0"

    if not TYPE_CHECKING:  # Checkers know every verb; at run time the refusal names the one that was meant.

        def __getattr__(self, name):
            raise unknown_verb(self._node, type(self), name)

    def __repr__(self) -> str:
        """The place and what it holds now."""
        return f"<{self._node} of {self.entity_id[:12]}: {short_repr(self._read())}>"

    def _repr_html_(self) -> str:
        return f"<code>{escaped(str(self._node))}</code> {value_html(self._read())}"


class LiveItems(_Verbs[tuple[T, ...]]):
    """An entity's `items`: an ordered set. What an item is known by is its content, or its element key."""

    __slots__ = ()

    def add(self, *items: T) -> None:
        """Put items at the end, as one edit. An item that is there changes nothing; a known key gets the new value."""
        if items:
            self._say("add", *items)

    def remove(self, item: T | ElementId) -> None:
        """Take an item out, as far as you have seen it: somebody's later add of it stays. One that cannot be read any
        more goes by its element id, which the error says."""
        self._say("remove", item)

    def move(self, item: T, *, before: T | None) -> None:
        """Put an item in front of another; None: at the end."""
        self._say("move", item, before)

    def __iter__(self) -> Iterator[T]:
        """The items in their order, as they are now. Raises `ItemMisfit` at one that does not fit its type any more."""
        return iter(self._read())

    def __len__(self) -> int:
        """How many there are now, with those that do not fit."""
        return len(self._read())

    def __contains__(self, item: object) -> bool:
        """Whether an equal item is there now."""
        return item in self._read()

    def __getitem__(self, index: int) -> T:
        """The item at this place now. Places shift under other people's edits: keep items, not places.

        Raises IndexError where there is none, and TypeError for a key, with what to write.
        """
        held = self._read()
        try:
            return held[index]
        except (IndexError, TypeError):
            raise no_place(self._node, self._node.name, held, index) from None

    if not TYPE_CHECKING:  # Checkers know that there is neither.
        __delitem__, __setitem__ = no_deletion, no_assignment


class LiveCounter(_Verbs[int]):
    """An entity's `counter`: a number that everybody may add to at once."""

    __slots__ = ()

    def increment(self, by: int = 1) -> None:
        """Add to it; `by` may be negative."""
        self._say("increment", by)

    if not TYPE_CHECKING:  # As above.
        __iadd__, __isub__ = no_addition, no_subtraction

    def __int__(self) -> int:
        """The number now."""
        return self._read()

    def _meant(self) -> str:
        return "int(…) > 0"


class LiveText(_Verbs[str]):
    """An entity's `text`: characters that several people may edit at once. Places count characters, as in slices."""

    __slots__ = ()

    def insert(self, at: int, text: str) -> None:
        """Put text in front of the character at `at`."""
        self._check(at, at)
        self._say("insert", at, text)

    def delete(self, start: int, stop: int) -> None:
        """Take out the characters from `start` to before `stop`."""
        self._check(start, stop)
        self._say("delete", start, stop)

    def replace(self, start: int, stop: int, text: str) -> None:
        """Put text in the place of the characters from `start` to before `stop`."""
        self._check(start, stop)
        self._say("replace", start, stop, text)

    def __str__(self) -> str:
        """The text now."""
        return self._read()

    def __len__(self) -> int:
        """How many characters there are now."""
        return len(self._read())

    def _check(self, start: int, stop: int) -> None:
        length = len(self._read())
        if not 0 <= start <= stop <= length:
            raise IndexError(f"{self._node} has {length} characters: {start}…{stop} is not a stretch of it")


class LiveEntries(_Verbs[Mapping[K, V]]):
    """An entity's `entries`: values by key, each key a field of its own."""

    __slots__ = ()

    def __getitem__(self, key: K) -> V:
        """The value at `key`. Raises KeyError, naming the nearest keys."""
        held = self._read()
        if key not in held:
            raise KeyError(f"{self._node} has no entry {key!r}: {nearest(key, held)}")
        return held[key]

    def __setitem__(self, key: K, value: V) -> None:
        """Set the value at `key`."""
        self._say("put", key, value)

    def __delitem__(self, key: K) -> None:
        """Take the entry at `key` out. Raises KeyError, naming the nearest keys."""
        self[key]
        self._say("drop", key)

    def get(self, key: K, default: V | None = None) -> V | None:
        """The value at `key`, else `default`."""
        return self._read().get(key, default)

    def items(self) -> ItemsView[K, V]:
        """Keys with values, as they are now."""
        return self._read().items()

    def keys(self) -> KeysView[K]:
        """The keys, as they are now."""
        return self._read().keys()

    def __iter__(self) -> Iterator[K]:
        """The keys, as they are now."""
        return iter(self._read())

    def __len__(self) -> int:
        """How many entries there are now."""
        return len(self._read())

    def __contains__(self, key: object) -> bool:
        """Whether `key` has an entry now."""
        return key in self._read()
