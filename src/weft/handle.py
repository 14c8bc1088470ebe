"""What an entity's attributes read as where a value may not be there yet, and the desk that all handles ask.

A handle holds no value. It names a place (entity, node, and for an element its key) and asks the desk, which a space
provides, each time it is used; so an old handle never shows old values.

Knows nothing of how values are kept, folded or computed, and of a node only what it is called. Nodes and references are
imported for their types alone: at run time the arrow goes from declarations to handles.
Invariant: a handle never answers for a value that may be absent: it has no truth value, no length, no items, and says
how to get the value instead.
Source: futures, without their silent truth.
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    NamedTuple,
    Never,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    overload,
    runtime_checkable,
)

from weft.errors import WeftError
from weft.meant import unready, unready_attribute

if TYPE_CHECKING:
    from weft.declare import Node
    from weft.flow import Flow
    from weft.told import Ref

    Awaited: TypeAlias = Node[object] | Flow[object]
    """What can be waited for: a node; a `Ref` a space made (what it points to is meant); or a flow (its newest run)."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Nothing(Enum):
    """The type of `NOTHING`."""

    NOTHING = "nothing"

    def __repr__(self) -> str:
        """Its name."""
        return "NOTHING"


NOTHING: Final = Nothing.NOTHING
"""No value was given; None is a value."""


# What may be known of a value --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was computed yet, and nothing runs."""


@dataclass(frozen=True, slots=True)
class Running(Generic[T_co]):
    """An attempt runs. `partial` is the whole value so far; `last` the last good value, now older than its inputs."""

    partial: T_co | None = None
    last: T_co | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Settled(Generic[T_co]):
    """The value, right for its inputs."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Failed(Generic[T_co]):
    """The newest attempt failed; `last` is the last good value, older than the inputs that failed."""

    error: str
    last: T_co | None = None


State: TypeAlias = Absent | Running[T] | Settled[T] | Failed[T]


class NodeFailed(WeftError):
    """{node} of {entity} failed: {cause}. Mend the cause and try it again, by space.retry(value) or `weft retry SPACE
    NODE`, or change its inputs; space.why(value), or `weft why SPACE NODE`, tells how it came to it."""

    node: str
    entity: str
    cause: str
    last: object
    where: str = ""
    """The places in code that it was raised at, the innermost last, a line each; told by its traceback too."""

    def __str__(self) -> str:
        """The message, with places in it as commands print them; of the last good value only where there is one."""
        from weft.slot import short_places

        said = short_places(super().__str__(), {self.entity: self.node.partition(".")[0]})
        return said if self.last is None else f"{said} The last good value is in the error's `last` field."


class WaitTimeout(WeftError, TimeoutError):
    """{node} of {entity} was not settled after {timeout_s} s: {state}. Wait longer, or look at its .state; the work
    goes on."""

    node: str
    entity: str
    timeout_s: float
    state: str


class NotFired(WeftError):
    """{flow} of {entity} was not started by the last edit: {reason}. Make the edit that it waits for, then await it."""

    flow: str
    entity: str
    reason: str


# Where handles ask -------------------------------------------------------------------------------------------------


class Desk(Protocol):
    """Where handles ask and tell. A space has one.

    An entity is named by its id. Verbs: `set add remove move increment insert delete replace put drop tell`; only
    `tell` comes without a node. `key` is `NOTHING` for a node's whole value, else the key of one of its elements.
    """

    def read(self, entity_id: str, node: Node[object], /) -> object:
        """What a told node holds: a field's or fold's value, a tuple, int, str, mapping, or a `LiveRef`."""
        ...

    def edit(self, entity_id: str, node: Node[object] | None, verb: str, /, *args: object) -> None:
        """Say one intent, durably, before it returns."""
        ...

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        """What is known now; starts nothing."""
        ...

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        """Demand it, and return its first value settled since the last acknowledged edit.

        Raises `NodeFailed`, `WaitTimeout`; for a flow `NotFired`.
        """
        ...

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        """`wait`, for a coroutine."""
        ...

    def element(self, entity_id: str, node: Node[object], key: object, /) -> Ref[object]:
        """A reference to the element that has `key` now. Raises KeyError, naming the nearest keys."""
        ...


class Seat(NamedTuple):
    """Where an entity is: its space's desk, and its id there."""

    desk: Desk
    entity_id: str


@runtime_checkable
class Seated(Protocol):
    """An entity, as its nodes see it."""

    @property
    def __weft_seat__(self) -> Seat:
        """Its desk and id. A draft's desk refuses everything that needs a space."""
        ...


# Handles -----------------------------------------------------------------------------------------------------------


class Value(Generic[T_co]):
    """A value that may not be there yet: of a derived node, of an element, or of what a reference points to."""

    __slots__ = ("_desk", "entity_id", "key", "node")

    def __init__(self, seat: Seat, node: Node[T_co] | Flow[T_co], key: object = NOTHING) -> None:
        self._desk = seat.desk
        self.entity_id = seat.entity_id
        self.node = node
        self.key = key

    def wait(self, timeout_s: float | None = None) -> T_co:
        """Demand it and block until it is settled, at a moment not before your last edit.

        Raises `NodeFailed` (with the cause and the last good value) or `WaitTimeout`.
        """
        return cast("T_co", self._desk.wait(self.entity_id, self.node, self.key, timeout_s=timeout_s))

    def __await__(self) -> Generator[object, None, T_co]:
        """`wait`, in a coroutine."""
        return cast(
            "Generator[object, None, T_co]", self._desk.wait_async(self.entity_id, self.node, self.key).__await__()
        )

    @property
    def state(self) -> State[T_co]:
        """What is known now; asks for nothing to be computed."""
        return cast("State[T_co]", self._desk.state(self.entity_id, self.node, self.key))

    @overload
    def __getitem__(self: Value[Sequence[E]], key: Hashable, /) -> Ref[E]: ...
    @overload
    def __getitem__(self: Value[Mapping[K, E]], key: K, /) -> Ref[E]: ...
    def __getitem__(self, key: object, /) -> Ref[Any]:
        """A reference to the element with `key`, by its id: it stays with the element through renames and moves. In a
        list whose keys are no numbers, a number is the place (from 0) at which the element stands now."""
        from weft.declare import Node

        if not isinstance(self.node, Node) or self.key is not NOTHING:
            raise TypeError(f"{self.node} is not a node's whole value, so nothing in it has a key")
        return self._desk.element(self.entity_id, self.node, key)

    def __bool__(self) -> Never:
        """Refuse: an absent value is neither true nor false."""
        raise unready(self.node, "truth value")

    def __repr__(self) -> str:
        """The place it names, not the value."""
        part = "" if self.key is NOTHING else f"[{self.key!r}]"
        return f"<{self.node}{part} of {self.entity_id[:12]}>"

    def html(self) -> str:
        """Its place and state as a fragment of HTML."""
        return f"<code>{escaped(str(self.node))}</code> {state_html(self.state)}"

    _repr_html_ = html

    if TYPE_CHECKING:
        __iter__: ClassVar[None]  # else items by key would count as something to go through
    else:  # Checkers refuse these by their absence; at run time the refusal says what to do instead.

        def __len__(self):
            raise unready(self.node, "length")

        def __iter__(self):
            raise unready(self.node, "items to go through")

        def __contains__(self, item):
            raise unready(self.node, "items to look among")

        def __eq__(self, other):
            if not isinstance(other, Value):
                raise unready(self.node, f"equality with {type(other).__name__}")
            mine = (self._desk, self.entity_id, self.node, self.key)
            return mine == (other._desk, other.entity_id, other.node, other.key)

        def __hash__(self):
            return hash((self.entity_id, id(self.node)))

        def __call__(self, *args, **kwargs):
            from weft.flow import Flow

            if isinstance(self.node, Flow):
                raise TypeError(
                    f"{self.node} is a flow: it starts when its transition happens and cannot be called. "
                    "Make the edit that it waits for; await it to wait for its run"
                )
            raise unready(self.node, "value to call")

        def __getattr__(self, name):
            if name.startswith("_") or name in Value.__slots__:
                raise AttributeError(name)
            raise unready_attribute(self, self.node, name)


# How a notebook shows them -----------------------------------------------------------------------------------------


def state_html(state: State[object]) -> str:
    """A state as a fragment of HTML; text from values is escaped and cut."""
    match state:
        case Absent():
            return "<i>absent</i>"
        case Running(partial, last, attempt):
            shown = partial if partial is not None else last
            return f"<i>running (attempt {attempt})</i>" + ("" if shown is None else f" {value_html(shown)}")
        case Settled(value):
            return value_html(value)
        case Failed(error, last):
            kept = "" if last is None else f" <i>last good:</i> {value_html(last)}"
            return f"<i>failed:</i> {escaped(error)}{kept}"


def value_html(value: object) -> str:
    """A value's short text as HTML."""
    return f"<code>{escaped(short_repr(value))}</code>"


def short_repr(value: object, length_max: int = 200) -> str:
    """The value's repr, cut."""
    text = repr(value)
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"


def escaped(text: str) -> str:
    """Text, safe inside HTML."""
    from html import escape

    return escape(text)
