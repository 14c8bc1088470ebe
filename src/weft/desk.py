"""The desk of a space: what handles ask, answered from the engine's memory, and what they say, staged as edits.

Knows nothing of how edits become durable or values come to be computed.
Invariant: an answer is of one moment: the engine's lock is held while it is read.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

from weft.declare import Node
from weft.edit import UnknownEntity, field_of
from weft.element_names import called
from weft.engine import Engine
from weft.entity import Entity, entity_at
from weft.erased import erased_entity
from weft.errors import OLDER_SHAPE, OLDER_TOLD, Undecodable, WeftError
from weft.flow import Flow
from weft.glance import failed_at, look, shape_in
from weft.graph import Slot, Source, ToldNode, Whole, target_of
from weft.handle import NOTHING, Absent, Failed, Running, Seat, Settled, State
from weft.misfits import Misfits
from weft.reduce import Cell, ItemsCell
from weft.returned import returned, state_of_run
from weft.run_list import waited_for
from weft.settlement import Place, wait_for
from weft.slot import Err, Gone, Ok
from weft.spec import NodeSpec
from weft.spelling import nearest
from weft.store import ENTITY
from weft.told import LiveRef, Ref, Target
from weft.value import Shape

if TYPE_CHECKING:
    from weft.handle import Awaited
    from weft.space import Space


class TypeNotGiven(WeftError, KeyError):
    """The entity {entity} is a {type}, and this program has not said which class that is: open the space with it, as
    in weft.open(…, types=[{type}])."""

    entity: str
    type: str


class SpaceDesk:
    """Answers handles for one space."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def read(self, entity_id: str, node: Node[Any], /) -> object:
        """What a told node holds, the open edit included."""
        staged = self.space._staged.get()
        with self.space._host.view() as engine:
            self.space.read_at = max(self.space.read_at, engine.cut)
            if staged is not None and staged.stages(entity_id):
                spec = field_of(staged.type_of(engine, entity_id), node.name)
                return self._shown(node, entity_id, spec, staged.cell(engine, entity_id, spec))
            found = engine.node(entity_id, node.name)
            if not isinstance(found, ToldNode):
                thing = engine.graph.thing(entity_id)
                if thing is None:
                    raise erased_entity(engine, entity_id) or UnknownEntity(entity=entity_id)
                field_of(thing.type, node.name)
            assert isinstance(found, ToldNode)
            return self._shown(node, entity_id, found.spec, found.cell)

    def _shown(self, node: Node[Any], id: str, spec: NodeSpec, cell: Cell) -> object:
        outcome = cell.outcome()
        if not isinstance(outcome, Ok):
            return None
        if isinstance(node, Ref):
            entity, name, element = target_of(outcome) or ("", "", "")
            return LiveRef[object](Seat(self, entity), Target(entity, name, element), node.kind)
        place = f"{node} of {id}"
        try:
            return self._decoded(place, spec, shape_in(spec), outcome.encoded)
        except Undecodable:
            if not isinstance(cell, ItemsCell) or spec.code is None or spec.code.element is None:
                raise
            return Misfits(place, spec.code.element, list(cell.tree()), self.space._store.open_blob)

    def _decoded(self, place: str, spec: NodeSpec, shape: Shape, encoded: bytes) -> object:
        """A kept value. Raises `Undecodable`, which names its place, where its class has changed too much since."""
        try:
            return shape.decode(encoded, self.space._store.open_blob)
        except Undecodable as why:
            why.where, why.why = f"{place}, {why.where}", f"{why.why}. {OLDER_TOLD if spec.is_told else OLDER_SHAPE}"
            raise

    def edit(self, entity_id: str, node: Node[Any] | None, verb: str, /, *args: object) -> None:
        """Stage one verb, and tell it unless an edit is open."""
        with self.space._editing("an event" if node is None else str(node)) as edit, self.space._host.view() as engine:
            edit.say(engine, entity_id, node, verb, args)

    def place(self, entity_id: str, node: Awaited, key: object) -> Place:
        """Where a handle looks: (entity, node, element)."""
        if isinstance(node, LiveRef):
            entity, name, element = node.target.entity, node.target.node, node.target.element
            with self.space._host.view() as engine:
                found = engine.node(entity, name) if element else None
                return (entity, name, engine.survivor(found, element) if found is not None else element)
        if isinstance(node, Flow):
            return entity_id, node.name, ""
        return (entity_id, node.name, "" if key is NOTHING else self._element_id(entity_id, node, key))

    def _element_id(self, entity_id: str, node: Node[Any], key: object) -> str:
        with self.space._host.view() as engine:
            found = engine.node(entity_id, node.name)
            if isinstance(found, Slot | Whole) and not isinstance(found.outcome(), Ok):
                first = f"await entity.{node.name}" if self.space._host.is_async else ".wait() for it"
                raise KeyError(f"{node} is not settled yet, so nothing in it can be picked: {first} first")
            keys, places = called(found) if found is not None else ({}, {})
        if key not in keys and key not in places:
            raise KeyError(f"{node} has no element {key!r}: {nearest(key, keys or places)}")
        return keys[key] if key in keys else places[key]

    def element(self, entity_id: str, node: Node[Any], key: object, /) -> Ref[object]:
        """A reference to the element that has `key` now."""
        element = self._element_id(entity_id, node, key)
        kind: object = NOTHING
        if node.owner is not None:
            from weft.node_type import annotation_of, element_of

            kind = element_of(annotation_of(node.owner, node))
        return LiveRef[object](Seat(self, entity_id), Target(entity_id, node.name, element), kind)

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        """What is known now; starts nothing."""
        entity, name, element = self.place(entity_id, node, key)
        with self.space._host.view() as engine:
            if isinstance(node, Flow):
                return state_of_run(engine, engine.node(entity, name), node, entity)
            try:
                return self._state(f"{node} of {entity}", engine, engine.node(entity, name), element)
            except Undecodable as why:
                return Failed(str(why))

    def _state(self, place: str, engine: Engine, found: Source | None, element: str) -> State[object]:
        node, shape, outcome = look(engine, found, element)
        if node is None or shape is None:
            return Absent()

        def value(encoded: bytes | None) -> object:
            return None if encoded is None else self._decoded(place, node.spec, shape, encoded)

        last = node.last if isinstance(node, Slot) and not element else None
        if not node.current:
            frame = node.frame if isinstance(node, Slot) else None
            old = outcome if isinstance(outcome, Ok) else last
            tries = node.tries + 1 if isinstance(node, Slot) else 1
            if frame is None and old is None and not node.demand:
                return Absent()
            return Running(value(frame), value(old.encoded if old is not None else None), tries)
        match outcome:
            case Ok():
                return Settled(value(outcome.encoded))
            case Err():
                return Failed(f"{outcome.kind}: {outcome.message}", value(last.encoded if last is not None else None))
            case Gone():
                return Absent()

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        """Demand a node and block until it is settled."""
        self.space._check_blocking(".wait()", f"await entity.{getattr(node, 'name', 'node')}")
        place = self.place(entity_id, node, key)
        wait_for(
            self.space.settlement(place), timeout_s, str(node), place[0], lambda: self._stands(entity_id, node, key)
        )
        return self._settled(place, node)

    def _stands(self, entity_id: str, node: Awaited, key: object) -> str:
        """How it stands, for whoever waited in vain: of a flow, what its run waits for."""
        if isinstance(node, Flow):
            with self.space._host.view() as engine:
                return waited_for(engine, entity_id, node.name) or str(self.state(entity_id, node, key))
        return str(self.state(entity_id, node, key))

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        """`wait`, for a coroutine."""
        return self._wait_async(self.place(entity_id, node, key), node)

    async def _wait_async(self, place: Place, node: Awaited) -> object:
        import asyncio

        await asyncio.wrap_future(self.space.settlement(place))
        return self._settled(place, node)

    def _settled(self, place: Place, node: Awaited) -> object:
        entity, name, element = place
        if not name:
            return self._entity(entity)
        with self.space._host.view() as engine:
            found = engine.node(entity, name)
            if isinstance(node, Flow):
                return returned(engine, found, node, entity)
            seen, shape, outcome = look(engine, found, element)
            if isinstance(outcome, Ok) and shape is not None and seen is not None:
                return self._decoded(f"{node} of {entity}", seen.spec, shape, outcome.encoded)
            if found is None and (erased := erased_entity(engine, entity)) is not None:
                raise erased
            raise failed_at(engine, found, outcome, shape, node=str(node), entity=entity)

    def _entity(self, id: str) -> Entity:
        with self.space._host.view() as engine:
            row, erased = engine.row(ENTITY, (id,)), erased_entity(engine, id)
        if erased is not None:
            raise erased
        if row is None:
            raise UnknownEntity(entity=id)
        kind = self.space._host.kinds.get(str(row[0]))
        if kind is None:
            raise TypeNotGiven(entity=id, type=str(row[0]))
        return entity_at(cast("type[Entity]", kind), Seat(self, id))
