"""`space.at(position)`: entities as they were, read through the same classes and handles.

A read gives what was right then, also where that was computed later, or says that it is unknown; or it gives what was
shown then, right or not, where that is asked for. Nothing is computed, and nothing can be told.

Knows nothing of how the past is found. Invariant: two reads of one view never differ, whatever is told meanwhile; but
for what was erased since, and for what was unknown and has been computed since.
Source: Datomic's `as-of`; database snapshots.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from weft.blob import Opener
from weft.content import decode
from weft.declare import Node
from weft.definition import type_name
from weft.engine import Engine
from weft.entity import Entity, entity_at
from weft.errors import WeftError
from weft.expected import check_type
from weft.flow import Flow
from weft.graph import target_of
from weft.handle import NOTHING, Absent, Desk, Failed, NodeFailed, Seat, Settled, State
from weft.node_type import annotation_of, element_of
from weft.past.as_of import AsOf
from weft.past.index import LogIndex
from weft.past.known import Known, NotKept, Unknown
from weft.past.right_then import RightThen
from weft.slot import Err, Ok, Outcome
from weft.spec import NodeSpec
from weft.spelling import nearest
from weft.store import Head
from weft.subscription import shortened
from weft.told import LiveRef, Ref, Target
from weft.tree import Member
from weft.value import Shape, shape_of

if TYPE_CHECKING:
    from weft.handle import Awaited

Ent = TypeVar("Ent", bound=Entity)
ROWS_MAX = 1000
"""How many entities and fields a view remembers between two reads, before it begins anew."""
View = Callable[[], AbstractContextManager[Engine]]


class PastIsReadOnly(WeftError):
    """{what} was edited in a view of position {position}, and what was is not changed. Edit it in the space itself."""

    exit_code = 2
    what: str
    position: int


class ValueNotKept(WeftError):
    """What {node} of {entity} was at position {position} is not kept: {why}."""

    node: str
    entity: str
    position: int
    why: str


class ValueUnknown(WeftError):
    """What {node} of {entity} was at position {position} is not known: it was due then, and nobody computed it from
    what had been told by then; {said}. Read what was shown by space.at({position}, as_shown=True)."""

    node: str
    entity: str
    position: int
    shown: State[object]
    """What was shown in its place."""
    since: int
    """The position from which on that was shown; 0 where nothing was."""
    said: str
    """What was shown, in words."""


class PastSpace:
    """A space as it was at `position`, to be read; made by `space.at(position)`, and good while the space is open.
    `as_shown`: what was computed is given as it was shown then, though it may have been due."""

    def __init__(
        self, view: View, position: int, as_shown: bool = False, *, index: LogIndex, open_blob: Opener
    ) -> None:
        self.position, self.as_shown = position, as_shown
        # The desk knows nothing of its space: what is in no circle is let go of as soon as nobody holds it any more.
        self.desk = PastDesk(view, position, as_shown, index, open_blob)
        with view() as engine:
            self.desk.as_of(engine)  # refuses a position that the log does not hold

    def __repr__(self) -> str:
        return f"<PastSpace at {self.position}{', as shown' if self.as_shown else ''}>"

    def get(self, kind: type[Ent], id: str, /) -> Ent:
        """The entity of this type and id, if it was there. Raises KeyError, naming the nearest."""
        check_type("get", kind)
        with self.desk.view() as engine:
            as_of = self.desk.as_of(engine)
            if as_of.type_name(id) != type_name(kind) or as_of.type_of(id) is None:
                near = nearest(id, as_of.entities(type_name(kind)))
                raise KeyError(f"at {self.position} there was no {kind.__name__} {id}: {near}")
        return entity_at(kind, Seat(self.desk, id))

    def find(self, kind: type[Ent], /) -> Sequence[Ent]:
        """All entities of a type that were there, in order of creation."""
        check_type("find", kind)
        with self.desk.view() as engine:
            as_of = self.desk.as_of(engine)
            ids = as_of.entities(type_name(kind))
        return [entity_at(kind, Seat(self.desk, id)) for id in ids]


class PastDesk(Desk):
    """Answers handles for one position."""

    def __init__(self, view: View, position: int, as_shown: bool, index: LogIndex, open_blob: Opener) -> None:
        self.view, self.position, self.as_shown = view, position, as_shown
        self._index, self._open_blob = index, open_blob
        self._kept: tuple[Head, RightThen] | None = None

    def as_of(self, engine: Engine) -> RightThen:
        """What is read, within a view; the same again while the log has not grown since."""
        if self._kept is None or self._kept[0] != engine.head or self._kept[1].size > ROWS_MAX:
            self._kept = engine.head, RightThen(engine, self.position, self._index)
        return self._kept[1]

    def outcome(self, as_of: RightThen, entity: str, name: str, element: str = "") -> Known:
        """What a node, by its name then, is given as."""
        return as_of.outcome(entity, name, element) if self.as_shown else as_of.known(entity, name, element)

    def members(self, as_of: RightThen, entity: str, name: str) -> list[Member] | NotKept | Unknown:
        """The elements that a node is given with."""
        return as_of.members(entity, name) if self.as_shown else as_of.known_members(entity, name)

    def read(self, entity_id: str, node: Node[Any], /) -> object:
        """What a told node held. Raises `ValueNotKept`."""
        with self.view() as engine:
            as_of = self.as_of(engine)
            name, spec = _then(as_of, entity_id, node.name)
            outcome = as_of.outcome(entity_id, name)
            if isinstance(outcome, NotKept):
                raise self._lost(entity_id, node, outcome)
            if not isinstance(outcome, Ok):
                return None
            if isinstance(node, Ref):
                return LiveRef[object](Seat(self, entity_id), Target(*(target_of(outcome) or ("", "", ""))), node.kind)
            return shape_then(as_of, entity_id, spec, "").decode(outcome.encoded, self._open_blob)

    def edit(self, entity_id: str, node: Node[Any] | None, verb: str, /, *args: object) -> None:
        """Refuse: raises `PastIsReadOnly`."""
        raise PastIsReadOnly(what="an entity" if node is None else str(node), position=self.position)

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        """What it was; absent where nothing was computed by then. Raises `ValueUnknown`, `ValueNotKept`."""
        try:
            return self._state(entity_id, node, key)
        except ValueUnknown as unknown:
            if isinstance(unknown.shown, Absent):
                return Absent()
            raise

    def _state(self, entity_id: str, node: Awaited, key: object) -> State[object]:
        with self.view() as engine:
            as_of = self.as_of(engine)
            entity, name, element = self._place(as_of, entity_id, node, key)
            if not name:
                return Absent()
            then, spec = _then(as_of, entity, name)
            outcome = self.outcome(as_of, entity, then, element)
            if isinstance(outcome, Unknown):
                raise self._unknown(as_of, (entity, then, element), node, outcome)
            if isinstance(outcome, NotKept):
                raise self._lost(entity, node, outcome)
            return self._read(as_of, entity, spec, element, outcome)

    def _read(self, as_of: AsOf, entity: str, spec: NodeSpec | None, element: str, outcome: Outcome) -> State[object]:
        if isinstance(outcome, Err):
            return Failed(f"{outcome.kind}: {outcome.message}")
        if not isinstance(outcome, Ok):
            return Absent()
        return Settled(shape_then(as_of, entity, spec, element).decode(outcome.encoded, self._open_blob))

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        """What it was; there is nothing to wait for. Raises `NodeFailed`, `ValueUnknown`, `ValueNotKept`."""
        if isinstance(node, LiveRef) and not node.target.node:
            return entity_at(cast("type[Entity]", node.kind), Seat(self, node.target.entity))
        state = self._state(entity_id, node, key)
        if isinstance(state, Settled):
            return state.value
        said = state.error if isinstance(state, Failed) else f"at {self.position} it showed no value"
        raise NodeFailed(node=str(node), entity=entity_id, cause=said, last=None)

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        """`wait`, for a coroutine."""
        return self._wait_async(entity_id, node, key)

    async def _wait_async(self, entity_id: str, node: Awaited, key: object) -> object:
        return self.wait(entity_id, node, key, None)

    def element(self, entity_id: str, node: Node[Any], key: object, /) -> Ref[object]:
        """A reference to the element that had `key`."""
        with self.view() as engine:
            as_of = self.as_of(engine)
            element = self._element_id(as_of, entity_id, node, key)
        kind: object = NOTHING if node.owner is None else element_of(annotation_of(node.owner, node))
        return LiveRef[object](Seat(self, entity_id), Target(entity_id, node.name, element), kind)

    def _place(self, as_of: RightThen, entity_id: str, node: Awaited, key: object) -> tuple[str, str, str]:
        if isinstance(node, LiveRef):
            return (node.target.entity, node.target.node, node.target.element)
        assert not isinstance(node, Flow)
        return (entity_id, node.name, "" if key is NOTHING else self._element_id(as_of, entity_id, node, key))

    def _element_id(self, as_of: RightThen, entity_id: str, node: Node[Any], key: object) -> str:
        name, spec = _then(as_of, entity_id, node.name)
        found = self.members(as_of, entity_id, name)
        if isinstance(found, Unknown):
            raise self._unknown(as_of, (entity_id, name, ""), node, found)
        if isinstance(found, NotKept):
            raise self._lost(entity_id, node, found)
        keys = {key_of(spec, member): member.element for member in found}
        if key not in keys:
            raise KeyError(f"at {self.position} {node} had no element {key!r}: {nearest(key, keys)}")
        return keys[key]

    def _unknown(self, as_of: AsOf, place: tuple[str, str, str], node: Awaited, unknown: Unknown) -> WeftError:
        if isinstance(unknown.shown, NotKept):
            return self._lost(place[0], node, unknown.shown)
        shown = self._read(as_of, place[0], as_of.node(*place[:2]), place[2], unknown.shown)
        position, since = self.position, unknown.since
        said = _words(shown, since)
        return ValueUnknown(node=str(node), entity=place[0], position=position, shown=shown, since=since, said=said)

    def _lost(self, entity: str, node: Awaited, lost: NotKept) -> ValueNotKept:
        return ValueNotKept(node=str(node), entity=entity, position=self.position, why=lost.why)


def _words(shown: State[object], since: int) -> str:
    match shown:
        case Settled(value):
            return f"{shortened(repr(value))} was shown, from {since} on"
        case Failed(error):
            return f"a failure was shown, from {since} on ({error})"
        case _:
            return "nothing was shown"


def _then(as_of: AsOf, entity: str, name: str) -> tuple[str, NodeSpec | None]:
    """The name that a node of today had then, and what it was declared as."""
    then = as_of.name_at(entity, name, known_at=as_of.engine.head.position)
    return then, as_of.node(entity, then)


def shape_then(as_of: AsOf, entity: str, spec: NodeSpec | None, element: str) -> Shape:
    """How a value of then decodes: by today's annotation of the node, where there is code; else as it is."""
    assert spec is not None
    now = as_of.engine.in_force.get(as_of.type_name(entity))
    mine = now.nodes.get(as_of.name_now(entity, spec.name)) if now is not None else None
    code = mine.code if mine is not None else None
    if code is None:
        return shape_of(object)
    if element and spec.kind != "each":
        return code.element or shape_of(object)
    return code.whole if code.whole is not None and not element else code.shape


def key_of(spec: NodeSpec | None, member: Member) -> object:
    """What people call an element: its key, declared or of a mapping; else its id."""
    if member.key is not None:
        return _hashable(decode(member.key))
    value = decode(member.encoded) if spec is not None and spec.key is not None else None
    return _hashable(value[spec.key]) if isinstance(value, dict) and spec is not None and spec.key else member.element


def _hashable(key: object) -> object:
    return tuple(_hashable(part) for part in key) if isinstance(key, list) else key
