"""What a flow's code reads and says: as of where its run stands, and within the edit that its next step is told with.

Where nothing was told since, the space is read as it is; else, as when the run is replayed, as it was. So a replay
reads what the run has read. What is said is staged, readable at once, and told with what the run asks for next.

Knows nothing of when a run goes on. Invariant: two reads at one position of a run never differ but by what the run
itself has staged between them.
Source: snapshot reads of transactions; Datomic's `as-of`.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Never

from weft.declare import Node
from weft.definition import type_name
from weft.desk import SpaceDesk, TypeNotGiven
from weft.edit import Edit
from weft.engine import Engine
from weft.entity import Entity, entity_at, told_to
from weft.errors import WeftError
from weft.expected import check_type
from weft.handle import Seat, State
from weft.past.known import NotKept
from weft.past.view import PastDesk, ValueNotKept
from weft.reduce import Cell
from weft.runs.replay import Asking
from weft.spec import NodeSpec
from weft.told import LiveRef

if TYPE_CHECKING:
    from weft.handle import Awaited
    from weft.space import Space


class WaitsInRun(WeftError):
    """{node} was asked for by {call} in a flow, whose run may last longer than this program. Await it: await
    entity.{name}."""

    node: str
    call: str
    name: str


class SaysOutside(WeftError):
    """{what} was edited by a flow's entity while its run did not go on, so it belongs to none of its steps. Edit within
    the flow, or through an entity of the space."""

    what: str


class RunEdit(Edit):
    """What a run says between two steps."""

    def __init__(self, desk: RunDesk, *, id: str, actor: str, cause: int) -> None:
        super().__init__(desk.space, id=id, actor=actor, cause=cause)
        self._desk = desk

    def cell_before(self, engine: Engine, entity: str, spec: NodeSpec) -> Cell:
        """A field as it was where the run stands. Raises `ValueNotKept`."""
        past = self._desk.past(engine)
        if past is None:
            return super().cell_before(engine, entity, spec)
        cell = past.as_of(engine).cell(entity, spec)
        if isinstance(cell, NotKept):
            raise ValueNotKept(node=spec.name, entity=entity, position=past.position, why=cell.why)
        return copy.deepcopy(cell)


class RunDesk(SpaceDesk):
    """Answers the handles of one run's code."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.position = 0
        """As of which position the run reads."""
        self._past: PastDesk | None = None

    def enter(self, position: int) -> None:
        """Read as of this position from here on."""
        self.position, self._past = position, None

    def create(self, kind: Callable[..., Entity], /, *args: object, **inputs: object) -> Entity:
        """Stage a new entity. Raises `TypeNotGiven` for a type that the space was not opened with, and what is wrong
        with what it is told."""
        if isinstance(kind, builtins.type) or not callable(kind):
            check_type("run.create", kind)
        draft = kind(*args, **inputs)
        type, edit = type_name(draft.__class__), self.space._staged.get()
        if type not in self.space._host.types:
            raise TypeNotGiven(entity="to be created", type=type)
        assert isinstance(edit, RunEdit), "a run creates where it goes on"
        id = edit.create(self.space._host.types[type], *told_to(draft))
        return entity_at(draft.__class__, Seat(self, id))

    def past(self, engine: Engine) -> PastDesk | None:
        """The space as it was where the run stands; None where that is how it is."""
        if engine.cut == self.position:
            return None
        if self._past is None:
            view, index, open_blob = self.space._host.view, self.space._log_index(), self.space._store.open_blob
            self._past = PastDesk(view, self.position, False, index, open_blob)
        return self._past

    def read(self, entity_id: str, node: Node[Any], /) -> object:
        """What a told node held where the run stands, with what the run has staged."""
        staged = self.space._staged.get()
        with self.space._host.view() as engine:
            past = self.past(engine)
            if past is None or (staged is not None and staged.stages(entity_id)):
                return super().read(entity_id, node)
            found = past.read(entity_id, node)
        return LiveRef[object](Seat(self, entity_id), found.target, found.kind) if isinstance(found, LiveRef) else found

    def edit(self, entity_id: str, node: Node[Any] | None, verb: str, /, *args: object) -> None:
        """Stage one verb. Raises `SaysOutside`."""
        if not isinstance(self.space._staged.get(), RunEdit):
            raise SaysOutside(what="an event" if node is None else str(node))
        super().edit(entity_id, node, verb, *args)

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        """Refuse: what is known now is something else when the run is replayed."""
        self._refuse(node, ".state")

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        """Refuse."""
        self._refuse(node, ".wait()")

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        """A step: what the node settles on, where the run stands or behind that."""
        if isinstance(node, LiveRef) and not node.target.node:
            return self._entity_of(node)
        entity, name, element = self.place(entity_id, node, key)
        return Asking("node", str(node), [entity, name, element], node, key=[entity, name, element])

    async def _entity_of(self, ref: LiveRef[Any]) -> object:
        return self._entity(ref.target.entity)

    def _refuse(self, node: Awaited, call: str) -> Never:
        raise WaitsInRun(node=str(node), call=call, name=getattr(node, "name", "node"))

    def _element_id(self, entity_id: str, node: Node[Any], key: object) -> str:
        with self.space._host.view() as engine:
            past = self.past(engine)
            if past is None:
                return super()._element_id(entity_id, node, key)
            return past.element(entity_id, node, key).target.element
