"""What was shown at a position of the log: fields as they were told by then, computed values as they stood.

What has not changed since is read from the rows of today. Else a computed value is the last result up to the position
that was not superseded, found by bisection, and a field is the fold of the events that spoke of it. What cannot be
known any more, as a payload was erased, is *not kept*: never a guess.

Knows nothing of handles, or of what was due then: see `right_then`.
Invariant: at the head it gives what the engine shows.
Source: temporal databases' as-of queries; event sourcing's state at a position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from weft.cells import make_cell
from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.failure import message_of
from weft.graph import NOT_COMPUTED, collected, members_of, target_of
from weft.past.index import Created, LogIndex, first_within, last_within, within
from weft.past.known import NotKept, Past
from weft.reduce import Cell, CellSpec, ItemsCell, Told
from weft.slot import WAS_ERASED, Err, Gone, Ok, Outcome, SlotKey
from weft.spec import NodeSpec, TypeSpec
from weft.standing import is_erased
from weft.store import DEFINITION, ENTITY, KIND, STATE, VERSION, NoBlob, entry_at
from weft.tree import Member
from weft.written_result import parse_result

ONE_VALUE = ("field", "ref")
"""Fields that hold what they were told last."""
SEVERAL_ROWS = ("items", "entries")
"""Fields of many rows: which of them there were, and in which order, today's rows do not say."""


class NoSuchPosition(WeftError):
    """There is no position {position} in this space: its log ends at {head}. Give a position from 0, which is before
    the first record, to {head}."""

    exit_code = 2
    position: int
    head: int


def check_position(position: object, head: int) -> int:
    """The position. Raises TypeError for what is no whole number, `NoSuchPosition` for what the log does not hold."""
    if not isinstance(position, int) or isinstance(position, bool):
        raise TypeError(f"a position is a whole number, not {position!r}")
    if not 0 <= position <= head:
        raise NoSuchPosition(position=position, head=head)
    return position


class AsOf:
    """A space at one position. Look quickly: it reads through the engine's view, so keep it no longer than that.

    `index` may be shared by many; it is read only when today's rows do not answer. Raises `NoSuchPosition`."""

    def __init__(self, engine: Engine, position: int, index: LogIndex) -> None:
        self.engine, self.position = engine, check_position(position, engine.head.position)
        self._index = index
        self._entities: dict[str, Created] = {}
        self._defined: dict[str, int] = {}
        self._types: dict[str, TypeSpec | None] = {}
        self._cells: dict[tuple[str, str], Cell | NotKept] = {}

    @property
    def index(self) -> LogIndex:
        """The log's index, up to its end."""
        if self._index.until != self.engine.head.position:
            self._index.read(self.engine.store)
        return self._index

    @property
    def at_hand(self) -> LogIndex | None:
        """The log's index, where it was read up to the log's end already: then it spares looks at rows."""
        return self._index if self._index.until == self.engine.head.position else None

    @property
    def size(self) -> int:
        """How much it remembers: entities and fields."""
        return len(self._entities) + len(self._cells)

    # ---- what there was ----
    def type_of(self, entity: str) -> TypeSpec | None:
        """The definition in force then of an entity's type; None where there was no such entity."""
        found = self._entity(entity)
        is_there = 0 < found.position <= self.position and not 0 < found.erased <= self.position
        return self.definition(found.type) if is_there else None

    def _entity(self, id: str) -> Created:
        found = self._entities.get(id)
        if found is None:
            index = self.at_hand
            found = (index.created.get(id) if index is not None else None) or self._entity_row(id)
            self._entities[id] = found
        return found

    def _entity_row(self, id: str) -> Created:
        type, created, erased = self.engine.row(ENTITY, (id,)) or ("", 0, 0)
        assert isinstance(created, int)
        return Created(str(type), created, erased if isinstance(erased, int) else 0)

    def type_name(self, entity: str) -> str:
        """The name of an entity's type; empty where it never was."""
        return self._entity(entity).type

    def definition(self, type: str) -> TypeSpec | None:
        """The definition in force then; with its code, where that is the one of today."""
        found = self._types.get(type)
        if found is None and type not in self._types:
            found = self._types[type] = self._definition(type)
        return found

    def _definition(self, type: str) -> TypeSpec | None:
        if 0 < self._defined_at(type) <= self.position:
            return self.engine.in_force[type]
        defined = [one.position for one in self.index.defined.get(type, ())]
        at = last_within(defined, 0, self.position)
        entry = entry_at(self.engine.store, at)
        return None if entry is None or not entry.said else TypeSpec.of_plain(entry.said)

    def _defined_at(self, type: str) -> int:
        """The position of the definition that is in force today; 0 where there is none."""
        if type not in self._defined and (index := self.at_hand) is not None and type in index.defined:
            self._defined[type] = index.defined[type][-1].position
        elif type not in self._defined:
            row = self.engine.row(DEFINITION, (type,))
            self._defined[type] = row[0] if row is not None and isinstance(row[0], int) else 0
        return self._defined[type]

    def entities(self, type: str) -> list[str]:
        """The ids of a type's entities, in order of creation."""
        rows = sorted(key for key, _ in self.engine.rows(KIND, (type,)))
        return [str(id) for _, created, id in rows if isinstance(created, int) and created <= self.position]

    def node(self, entity: str, name: str) -> NodeSpec | None:
        """What a node was declared as; None where it was not there."""
        spec = self.type_of(entity)
        return spec.nodes.get(name) if spec is not None else None

    # ---- what it showed ----
    def outcome(self, entity: str, name: str, element: str = "") -> Past:
        """What a node showed, by the name it had then, or one of its elements."""
        spec = self._there(entity, name)
        if not isinstance(spec, NodeSpec):
            return spec
        try:
            return self._outcome(entity, spec, element)
        except NoBlob as lost:
            return NotKept(str(lost))

    def _there(self, entity: str, name: str) -> NodeSpec | Gone | NotKept:
        """A node of an entity, where it was there and nobody has erased it since."""
        spec, erased = self.node(entity, name), self._entity(entity).erased
        if spec is None:
            return WAS_ERASED if 0 < erased <= self.position else Gone("it was not there")
        return NotKept(f"it was erased at {erased}") if erased else spec

    def _outcome(self, entity: str, spec: NodeSpec, element: str) -> Past:
        if spec.kind == "each":
            return self._slot(entity, spec, element) if element else self._whole(entity, spec)
        if not element:
            return self._plain(entity, spec)
        found = self._members(entity, spec)
        if isinstance(found, NotKept):
            return found
        member = next((member for member in found if member.element == element), None)
        return Ok(member.content, member.encoded) if member is not None else Gone("it was not there")

    def members(self, entity: str, name: str) -> list[Member] | NotKept:
        """A node's elements, in order; of an `each`, those that had a value."""
        spec = self.node(entity, name)
        if spec is None:
            return []
        return self._whole_members(entity, spec) if spec.kind == "each" else self._members(entity, spec)

    def _plain(self, entity: str, spec: NodeSpec) -> Past:
        if not spec.is_told:
            return self._slot(entity, spec, "")
        cell = self.cell(entity, spec)
        return cell if isinstance(cell, NotKept) else cell.outcome()

    def _members(self, entity: str, spec: NodeSpec) -> list[Member] | NotKept:
        if spec.is_told:
            cell = self.cell(entity, spec)
            if isinstance(cell, ItemsCell):
                return list(cell.tree())
        outcome = self._plain(entity, spec)
        return outcome if isinstance(outcome, NotKept) else members_of(spec, outcome)

    # ---- of each element ----
    def _whole(self, entity: str, spec: NodeSpec) -> Past:
        """All that an `each` showed, as one collection; what is wrong with one of its elements is wrong with it."""
        base = self._base(entity, spec)
        if not isinstance(base, list):
            return base
        shown = [(member, self._slot(entity, spec, member.element)) for member in base]
        for member, outcome in shown:
            if isinstance(outcome, NotKept):
                return outcome
            if isinstance(outcome, Err):
                return of_element(SlotKey(entity, spec.name, member.element), outcome)
        members = [Member(m.element, o.content, o.encoded, m.key) for m, o in shown if isinstance(o, Ok)]
        return collected(spec, members) if len(members) == len(shown) else NOT_COMPUTED

    def _whole_members(self, entity: str, spec: NodeSpec) -> list[Member] | NotKept:
        base = self._base(entity, spec)
        found: list[Member] = []
        for member in base if isinstance(base, list) else ():
            outcome = self._slot(entity, spec, member.element)
            if isinstance(outcome, NotKept):
                return outcome
            if isinstance(outcome, Ok):
                found.append(Member(member.element, outcome.content, outcome.encoded, member.key))
        return base if isinstance(base, NotKept) else found

    def _base(self, entity: str, spec: NodeSpec) -> list[Member] | NotKept | Gone | Err:
        """What the first `each` of a row of them ran over; where that showed no value, what it showed."""
        place: tuple[str, NodeSpec] | Gone | NotKept = (entity, spec)
        while not isinstance(place, Gone | NotKept) and place[1].kind == "each":
            place = self._source(*place)
        if isinstance(place, Gone | NotKept):
            return place
        shown = self._plain(*place)
        return self._members(*place) if isinstance(shown, Ok) else shown

    def _source(self, entity: str, spec: NodeSpec) -> tuple[str, NodeSpec] | Gone | NotKept:
        entry = spec.inputs[0]
        if entry.ref:
            pointed = self.outcome(entity, entry.ref)
            if isinstance(pointed, NotKept):
                return pointed
            target = target_of(pointed)
            if target is None:
                return Gone("its reference led nowhere")
            entity, name = target[0], entry.node or target[1]
        else:
            name = entry.node
        found = self.node(entity, name)
        return (entity, found) if found is not None else Gone("what it ran over was not there")

    # ---- what was computed ----
    def _slot(self, entity: str, spec: NodeSpec, element: str) -> Past:
        key = SlotKey(entity, self.name_now(entity, spec.name), element)
        index = self.at_hand
        is_newer = index is not None and key in index.shown and index.shown[key][-1] > self.position
        row = self.engine.row(VERSION, key) if not is_newer else None
        if row is not None and isinstance(row[1], int) and row[1] <= self.position:
            assert isinstance(row[2], bytes)
            return self._read(parse_result(row[2]))
        at = self.result_position(entity, spec, element)
        if isinstance(at, NotKept):
            return at
        said = self.engine.said_at(at) if at else {}
        if at and is_erased(said):
            return NotKept(f"what was recorded at {at} was erased")
        return self._read(said) if at else NOT_COMPUTED

    def _read(self, said: Mapping[str, Plain]) -> Outcome:
        return self.engine.outcome_of(said["outcome"])

    def result_position(self, entity: str, spec: NodeSpec, element: str) -> int | NotKept:
        """The position of the result that a slot showed; 0 where it had none."""
        index = self.index
        for name, after, until in index.spans(self.type_name(entity), spec.name, self.position, is_told=False):
            at = last_within(index.shown.get(SlotKey(entity, name, element), ()), after, until)
            erased = first_within(index.erased_computed, max(at, after), until)
            if erased:
                return NotKept(f"what was recorded at {erased} was erased")
            if at:
                return at
        return 0

    def name_now(self, entity: str, name: str) -> str:
        """The name that a node of then has today."""
        type = self.type_name(entity)
        if self.definition(type) is self.engine.in_force.get(type):
            return name
        return self.index.name_at(type, name, known_at=self.position, position=self.engine.head.position)

    def name_at(self, entity: str, name: str, *, known_at: int) -> str:
        """The name at this position of the node that was called `name` at `known_at`."""
        if self._defined_at(self.type_name(entity)) <= min(known_at, self.position):
            return name  # nothing was renamed in between
        return self.index.name_at(self.type_name(entity), name, known_at=known_at, position=self.position)

    # ---- what was told ----
    def cell(self, entity: str, spec: NodeSpec) -> Cell | NotKept:
        """A field's state."""
        place = (entity, spec.name)
        if place not in self._cells:
            told = self._index.told.get(place) if spec.kind in ONE_VALUE else None
            # Where the index is known to say that it was told since, rows of today are the second place to look.
            found = self._folded(entity, spec) if told is not None and told[-1] > self.position else None
            if found is None or isinstance(found, NotKept):
                found = self._cell_of_rows(entity, spec) or found or self._folded(entity, spec)
            self._cells[place] = found
        return self._cells[place]

    def _cell_of_rows(self, entity: str, spec: NodeSpec) -> Cell | None:
        """Today's cell, where nothing was told since."""
        name = self.name_now(entity, spec.name)
        rows = list(self.engine.rows(STATE, (entity, name)))
        if spec.kind in SEVERAL_ROWS:
            index = self.index
            told = index.told.get((entity, name), ())
            if (told and told[-1] > self.position) or first_within(index.erased_told, self.position, index.until):
                return None
        elif any(not isinstance(row[1], int) or row[1] > self.position for _, row in rows):
            return None
        return make_cell(spec.cell, rows)

    def _folded(self, entity: str, spec: NodeSpec) -> Cell | NotKept:
        cell = make_cell(spec.cell)
        if spec.kind in ONE_VALUE:
            return self._last(cell, entity, spec)
        for step in self.told(entity, spec):
            if isinstance(step, NotKept):
                return step
            _, cell = step
        return cell

    def _last(self, cell: Cell, entity: str, spec: NodeSpec) -> Cell | NotKept:
        """A field that holds what it was told last: one record says it, found by bisection."""
        index = self.index
        for name, after, until in index.spans(self.type_name(entity), spec.name, self.position, is_told=True):
            at = last_within(index.told.get((entity, name), ()), after, until)
            erased = first_within(index.erased_told, max(at, after, self._entity(entity).position - 1), until)
            if erased:
                return NotKept(f"what was told at {erased} was erased")
            if at:
                return self._fold(cell, at, entity, name, is_fold=False) or cell
        return cell

    def told(self, entity: str, spec: NodeSpec) -> Iterator[tuple[int, Cell] | NotKept]:
        """A field's state after each event that spoke of it, oldest first: (position, the cell, which goes on being
        changed). Ends early with what is not kept."""
        index = self.index
        cell = make_cell(self._with_steps(entity, spec))
        for name, after, until in reversed(
            [*index.spans(self.type_name(entity), spec.name, self.position, is_told=True)]
        ):
            positions = {*within(index.told.get((entity, name), ()), after, until)}
            if spec.kind == "fold":
                positions |= {*within(index.told.get((entity, ""), ()), after, until)}
            created = self._entity(entity).position
            positions |= {*within(index.erased_told, max(after, created - 1), until)}
            for position in sorted(positions):
                problem = self._fold(cell, position, entity, name, is_fold=spec.kind == "fold")
                if problem is not None:
                    yield problem
                    return
                yield position, cell

    def _with_steps(self, entity: str, spec: NodeSpec) -> CellSpec:
        """A fold's steps are code: that of today serves, if it is of the versions of then."""
        assert spec.cell is not None
        now = self.engine.in_force.get(self.type_name(entity))
        mine = now.nodes.get(self.name_now(entity, spec.name)) if now is not None else None
        return mine.cell if mine is not None and mine.cell is not None and mine.cell == spec.cell else spec.cell

    def _fold(self, cell: Cell, position: int, entity: str, name: str, *, is_fold: bool) -> NotKept | None:
        record = next(iter(self.engine.store.records(position - 1, until=position)), None)
        said = record.content() if record is not None else {}
        if is_erased(said):
            return NotKept(f"what was told at {position} was erased")
        told = Told(position, cast("int", said["base"]), str(said["actor"]))
        for intent in cast("list[list[Plain]]", said["intents"]):
            if intent[0] != entity or intent[2] in ("create", "retry"):
                continue
            is_told = intent[2] == "tell"
            if is_told and is_fold and not _has_steps(cell):
                return NotKept("its fold is a program's code, which is not here")
            if (is_told and is_fold) or (intent[1] == name and not is_told):
                try:
                    cell.apply(str(intent[2]), intent[3:], told)
                except Exception as refused:  # noqa: BLE001 - a fold is user code
                    return NotKept(f"what was told at {position} cannot be folded any more: {message_of(refused)}")
        return None


def of_element(key: SlotKey, failed: Err) -> Err:
    """An element's error as that of the whole."""
    said = failed.message if failed.origin else f"{key} failed: {failed.kind}: {failed.message}"
    return Err(failed.kind, said, failed.where, failed.origin or str(key))


def _has_steps(cell: Cell) -> bool:
    spec: CellSpec | None = getattr(cell, "spec", None)
    return spec is not None and spec.versions.keys() <= spec.steps.keys()
