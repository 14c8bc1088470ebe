"""Told nodes: fields, items, counters, texts, entries, references and folds. Events say what they hold.

What is always there reads as a value on an entity and is assigned; what has verbs reads as a handle.

Knows nothing of how events fold: a kind of node and its arguments are all it says.
Invariant: a told node's value comes from events alone, so none can be assigned that is not told.
Source: dataclass fields; the intents are those of operation-based replicated types.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Never, NoReturn, Self, TypeVar, cast, get_args, get_type_hints, overload

from msgspec import Struct

from weft.declare import Node, Through, Unassigned
from weft.handle import NOTHING, Nothing, Seat, Seated, Value
from weft.live import LiveCounter, LiveEntries, LiveItems, LiveText
from weft.meant import not_of_its_own

A = TypeVar("A")
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
S = TypeVar("S")
Ev = TypeVar("Ev")


# One value ---------------------------------------------------------------------------------------------------------


class Field(Node[T]):
    """One value, always there: given at creation, or its default. An entity shows it; assigning it is an event."""

    def __init__(self, default: T | Nothing = NOTHING) -> None:
        super().__init__()
        self.default = default

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> T: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | T:
        """The node on the class, its value on an entity."""
        return self if obj is None else cast("T", read_told(obj, self))

    def __set__(self, obj: Seated, value: T, /) -> None:
        """Say `set`."""
        desk, entity_id = obj.__weft_seat__
        desk.edit(entity_id, self, "set", value)


@overload
def field() -> Field[Any]: ...
@overload
def field(*, default: T) -> Field[T]: ...
def field(*, default: object = NOTHING) -> Field[Any]:
    """A field: annotate it `Field[str]`. Without a default it must be given at creation."""
    return Field(default)


class Fold(Unassigned[S]):
    """State of one's own: how events, told to the entity, become it. Handlers use the state and the event alone."""

    def __init__(self, initial: S, handlers: tuple[tuple[type, Callable[[S, Any], S]], ...] = ()) -> None:
        super().__init__()
        self.initial = initial
        self.handlers = handlers

    def on(self, event: type[Ev], fold: Callable[[S, Ev], S], /) -> Fold[S]:
        """The same fold, that also takes `event`; a second handler of one event type replaces the first."""
        if self.name:
            raise TypeError(f"{self} has its name: add its handlers in the class body, where it is declared")
        others = tuple(one for one in self.handlers if one[0] is not event)
        return Fold(self.initial, (*others, (event, fold)))

    def _changes_by(self) -> str:
        return "it is folded from events; tell one"

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> S: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | S:
        """The node on the class, its value on an entity."""
        return self if obj is None else cast("S", read_told(obj, self))


def fold(initial: S, /) -> Fold[S]:
    """State that starts as `initial` and changes by `.on(Event, fn)`."""
    return Fold(initial)


# Collections with verbs --------------------------------------------------------------------------------------------


class Items(Unassigned[tuple[T, ...]]):
    """An ordered set of values of one type."""

    def __init__(self, kind: type[T]) -> None:
        super().__init__()
        self.kind = kind

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> LiveItems[T]: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | LiveItems[T]:
        """The node on the class, a handle on an entity."""
        return self if obj is None else LiveItems(obj.__weft_seat__, self)


def items(kind: type[T], /) -> Items[T]:
    """An ordered set, empty at first. Identity is the content, or the key of an `@element`."""
    return Items(kind)


class Counter(Unassigned[int]):
    """A number that everybody may add to at once."""

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> LiveCounter: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | LiveCounter:
        """The node on the class, a handle on an entity."""
        return self if obj is None else LiveCounter(obj.__weft_seat__, self)


def counter() -> Counter:
    """A number, 0 at first."""
    return Counter()


class Text(Unassigned[str]):
    """Characters that several people may edit at once."""

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> LiveText: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | LiveText:
        """The node on the class, a handle on an entity."""
        return self if obj is None else LiveText(obj.__weft_seat__, self)


def text() -> Text:
    """A text, empty at first."""
    return Text()


class Entries(Unassigned[Mapping[K, V]]):
    """Values by key, each set on its own."""

    def __init__(self, key_type: type[K], value_type: type[V]) -> None:
        super().__init__()
        self.key_type = key_type
        self.value_type = value_type

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> LiveEntries[K, V]: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | LiveEntries[K, V]:
        """The node on the class, a handle on an entity."""
        return self if obj is None else LiveEntries(obj.__weft_seat__, self)


def entries(key_type: type[K], value_type: type[V], /) -> Entries[K, V]:
    """A mapping, empty at first."""
    return Entries(key_type, value_type)


# References --------------------------------------------------------------------------------------------------------


class Target(Struct, frozen=True):
    """What a reference points to, by id and never by place: an entity, or an element of one of its nodes.

    This is what events, inputs and rows hold of a reference.
    """

    entity: str
    node: str = ""
    element: str = ""
    seen: bytes = b""
    """The content id of the value that was last seen there."""


class Ref(Node[T]):
    """A reference to an entity, or to an element inside a value. It stays with what it points to, wherever that goes.

    In a class body it is a declaration, annotated `Ref[Topic]`. What an entity shows, and what `handle[key]` returns,
    is a reference made by the space; only that one can be waited for.
    """

    _kind: object = NOTHING

    @property
    def kind(self) -> object:
        """The type of what it may point to, by its annotation; `NOTHING` where that cannot be resolved yet."""
        if self._kind is NOTHING and self.owner is not None:
            self._kind = _annotated(self.owner, self.name)
        return self._kind

    @kind.setter
    def kind(self, kind: object) -> None:
        self._kind = kind

    @overload
    def __get__(self, obj: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, obj: Seated, owner: type, /) -> Ref[T]: ...
    def __get__(self, obj: Seated | None, owner: type, /) -> Self | Ref[T]:
        """The node on the class; on an entity the reference that it holds now."""
        return self if obj is None else cast("Ref[T]", read_told(obj, self))

    def __set__(self, obj: Seated, value: Ref[T] | T, /) -> None:
        """Say `set`, with the target."""
        desk, entity_id = obj.__weft_seat__
        desk.edit(entity_id, self, "set", target_of(self, value))

    def at(self, node: Node[A], /) -> Node[A]:
        """`node` of the entity that this points to: `shelf.at(Bookshelf.photos)`."""
        if not isinstance(cast("object", node), Node):
            raise TypeError(f"at() takes a node of a class, as in ref.at(Bookshelf.photos), not {node!r}")
        return Through(self, node)

    @property
    def value(self) -> Value[T]:
        """The handle on what it points to: `.value.state`, `.value.wait()`."""
        raise self._unpointed("value")

    @property
    def target(self) -> Target:
        """Its ids."""
        raise self._unpointed("target")

    @property
    def id(self) -> str:
        """The id of the element, or of the entity, it points to."""
        raise self._unpointed("id")

    def wait(self, timeout_s: float | None = None) -> T:
        """What it points to, as `Value.wait` gives it."""
        return self.value.wait(timeout_s)

    def __await__(self) -> Generator[object, None, T]:
        """`wait`, in a coroutine."""
        return self.value.__await__()

    def _unpointed(self, what: str) -> TypeError:
        return TypeError(f"{self} is a declaration and points to nothing: the {what} is that of an entity's reference")


class LiveRef(Ref[T]):
    """A reference that points to something. Made by a space alone.

    `kind` is the type of what it points to, where the space knows it. Equal targets are equal references.
    """

    def __init__(self, seat: Seat, target: Target, kind: object = NOTHING) -> None:
        super().__init__()
        self._seat = seat
        self._target = target
        self._kind = kind
        self.name = ".".join(part for part in (target.node, target.element[:12]) if part)

    @property
    def value(self) -> Value[T]:
        """The handle on what it points to."""
        return Value(Seat(self._seat.desk, self._target.entity), self)

    @property
    def target(self) -> Target:
        """Its ids."""
        return self._target

    @property
    def id(self) -> str:
        """The id of the element, or of the entity, it points to."""
        return self._target.element or self._target.entity

    @property
    def state(self) -> NoReturn:
        """Refuse: `state` of a declared reference is an edge; what this one points to is asked by its value."""
        raise TypeError(f"{self} points to a value: read .value.state")

    def at(self, node: Node[A], /) -> Never:
        """Refuse: reading through a reference is declared, on the class."""
        raise TypeError(f"{self} is one entity's reference: declare {node} through the class's ref, or read the entity")

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            raise not_of_its_own(self, name)

        def __setattr__(self, name, value):
            if not name.startswith("_") and name not in {"name", "owner"}:
                raise not_of_its_own(self, name)
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        """Whether both point to the same thing, whatever was last seen there."""
        if not isinstance(other, LiveRef):
            return NotImplemented
        mine, others = self._target, cast("LiveRef[object]", other).target
        return (mine.entity, mine.node, mine.element) == (others.entity, others.node, others.element)

    def __hash__(self) -> int:
        """By what it points to."""
        return hash((self._target.entity, self._target.node, self._target.element))

    def __str__(self) -> str:
        """The ids, shortened."""
        return (
            f"ref to {self.name} of {self._target.entity[:12]}" if self.name else f"ref to {self._target.entity[:12]}"
        )

    def _repr_html_(self) -> str:
        return self.value.html()


def ref() -> Ref[Any]:
    """A reference, given at creation: annotate it `Ref[Topic]`."""
    return Ref()


def target_of(node: Ref[Any], value: object) -> Target:
    """The target of what was given for a declared reference: another reference, or an entity.

    Raises TypeError for what has no id, and where both types are known and differ.
    """
    if isinstance(value, LiveRef):
        kind, target = cast("LiveRef[object]", value).kind, cast("LiveRef[object]", value).target
    elif isinstance(value, Seated):
        kind, target = type(value), Target(value.__weft_seat__.entity_id)
    else:
        raise TypeError(
            f"{node} takes a reference or an entity, not {value!r}: a value has no id of its own; "
            "pick the element by its key, as in entity.node[key]"
        )
    if isinstance(kind, type) and isinstance(node.kind, type) and not issubclass(kind, node.kind):
        raise TypeError(f"{node} points to {node.kind.__name__}, and this is a reference to {kind.__name__}")
    return target


def _annotated(owner: type, name: str) -> object:
    """`Topic`, of an attribute annotated `Ref[Topic]`: alone, so that no other annotation of the class can spoil it."""
    alone = type(owner.__name__, (), {"__annotations__": {name: inspect.get_annotations(owner).get(name)}})
    alone.__module__ = owner.__module__
    try:
        pointed: tuple[object, ...] = get_args(get_type_hints(alone, localns=dict(vars(owner)))[name])
    except NameError:  # named inside a function, or not defined yet: the next use looks again
        return NOTHING
    return pointed[0] if pointed else NOTHING


def read_told(obj: Seated, node: Node[object]) -> object:
    """What a told node holds now."""
    desk, entity_id = obj.__weft_seat__
    return desk.read(entity_id, node)
