"""Beginnings: of the runs that were fired and have not begun, which begin now, and which never will.

Knows nothing of what beginning is. Invariant: of a flow's runs that queue, one begins when all before it are over; one
with a guard, or for some actors alone, only once those are settled at the cut that fired it, or behind it.
Source: per-key queues of workflow engines, with limits and priorities; guards of event-condition-action rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from msgspec import Struct, field

from weft.driving.run_log import RunLog
from weft.flow_spec import FlowSpec
from weft.glance import look
from weft.graph import target_of
from weft.runs.firing import actor_of
from weft.settlement import Place, is_settled
from weft.slot import Err, Ok
from weft.steps.carrier import RunId
from weft.told_runs import RunsCell
from weft.value import shape_of


class Beginning(NamedTuple):
    """A run that need not wait any more: it begins, unless it is known why it never will."""

    id: RunId
    never: str = ""


class _Line(Struct, eq=False):
    """Runs of which few can begin at a time: those of a queue, or those of one flow of one entity that has none."""

    queue: str
    ids: dict[RunId, None] = field(default_factory=dict)
    """In the order in which they are to begin, where `is_in_order`."""
    is_in_order: bool = True
    limit: int = 0
    """The largest of their flows' limits."""
    follows_nodes: bool = False
    """Whether a node says what comes first."""


class Beginnings:
    """Those of one engine."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._waiting: dict[RunId, _Line] = {}
        self._lines: dict[str | tuple[str, str], _Line] = {}
        self._demanded: dict[RunId, list[Place]] = {}
        """What is demanded for those that wait."""
        self._begun: dict[str, set[RunId]] = {}
        """Those that began, by queue; some of them may be over."""

    def add(self, id: RunId) -> None:
        """One that is to begin."""
        spec = self._log.flow(id)[0]
        line = self._lines.setdefault(spec.queue or id[:2], _Line(spec.queue))
        line.ids[id], line.is_in_order, self._waiting[id] = None, False, line
        line.limit = max(line.limit, spec.limit)
        line.follows_nodes |= not isinstance(spec.priority, int)

    def drop(self, id: RunId) -> None:
        """One that waits no longer. Harmless where it never did."""
        for place in self._demanded.pop(id, ()):
            self._log.engine.watch(*place, by=-1)
        if (line := self._waiting.pop(id, None)) is not None:
            del line.ids[id]

    def clear(self) -> None:
        """Forget all."""
        for id in list(self._waiting):
            self.drop(id)
        self._lines.clear()
        self._begun.clear()

    def come(self) -> Iterator[Beginning]:
        """Those that need not wait any more, one by one, as each may be what the next has to wait for. Looks at as many
        as can begin, and in a queue at those before them that cannot."""
        for name, line in list(self._lines.items()):
            if line.queue and not self._has_room(line.queue, line.limit):
                continue
            for id in self._in_order(line):
                spec, cell = self._log.flow(id)
                if line.queue and not self._has_room(line.queue, spec.limit):
                    break
                found = self._decide(id, spec, cell)
                if found is not None:
                    self.drop(id)
                    self.went_on(id)
                    yield found
                elif not line.queue:
                    break  # those behind it wait for it
            if not line.ids:
                self._lines.pop(name, None)

    def _in_order(self, line: _Line) -> list[RunId]:
        if not line.is_in_order or line.follows_nodes:
            line.ids = dict.fromkeys(sorted(line.ids, key=lambda id: (-self._priority(id), self._fired(id))))
            line.is_in_order = True
        return list(line.ids)

    def went_on(self, id: RunId) -> None:
        """One that has begun: it counts in its queue."""
        if queue := self._log.flow(id)[0].queue:
            self._begun.setdefault(queue, set()).add(id)

    def _has_room(self, queue: str, limit: int) -> bool:
        begun = self._begun.get(queue, set())
        if len(begun) >= limit:  # some may have ended since
            rows = [(id, self._log.row(id)) for id in begun]
            begun = self._begun[queue] = {id for id, row in rows if row is not None and row.began and not row.ending}
        return len(begun) < limit

    def _fired(self, id: RunId) -> int:
        row = self._log.row(id)
        return 0 if row is None else row.fired

    def _priority(self, id: RunId) -> int:
        said = self._log.flow(id)[0].priority
        if isinstance(said, int):
            return said
        node = self._log.engine.node(id[0], said)
        outcome = node.outcome() if node is not None else None
        return int(shape_of(int).decode(outcome.encoded)) if isinstance(outcome, Ok) else 0

    def _decide(self, id: RunId, spec: FlowSpec, cell: RunsCell) -> Beginning | None:
        if spec.overlap == "restart":
            newest = cell.newest()
            if newest is not None and newest[0] != id[2]:
                return Beginning(id, "it was fired anew before it began")
            self._cancel_others(id, cell)
        other = next((run for run, row in cell.under_way() if row.began and run != id[2]), "")
        if other and spec.overlap == "skip":
            return Beginning(id, f"another run, {other}, was under way")
        if other or next(cell.under_way())[0] != id[2]:
            return None
        cause = cell.runs[id[2]].cause
        if spec.names and (actor := actor_of(self._log.engine, cause)) not in spec.names:
            return Beginning(id, f"{actor} is not among {', '.join(spec.names)}, who may fire it")
        for condition in self._conditions(id, spec, cause):
            never = self._never(id, condition)
            if never is None or never:
                return None if never is None else Beginning(id, never)
        return Beginning(id)

    def _cancel_others(self, id: RunId, cell: RunsCell) -> None:
        for run, row in list(cell.under_way()):
            if run != id[2] and row.began and not row.is_cancelled:
                self._log.note((*id[:2], run), "cancel")

    def _conditions(self, id: RunId, spec: FlowSpec, cause: int) -> Iterator[_Condition]:
        if spec.actors:
            actor = actor_of(self._log.engine, cause)
            why = f"{actor} is not among its {spec.actors}, who may fire it"
            place = self._place_of_actors(id[0], spec.actors)
            yield _Condition(place, cause, lambda value: actor in _names(value), why)
        if spec.guard:
            yield _Condition((id[0], spec.guard, ""), cause, bool, f"its guard {spec.guard} did not hold")

    def _place_of_actors(self, entity: str, node: str) -> Place:
        """Where the names stand: of a reference, at the entity that it leads to."""
        found = self._log.engine.node(entity, node)
        if found is None or found.spec.kind != "ref":
            return entity, node, ""
        target, name, element = target_of(found.outcome()) or ("", "", "")
        return target, name or "actor", element

    def _never(self, id: RunId, condition: _Condition) -> str | None:
        """Why a condition does not hold; empty where it does, None while that is not known."""
        engine, place = self._log.engine, condition.place
        demanded = self._demanded.setdefault(id, [])
        if place not in demanded:
            engine.watch(*place)
            demanded.append(place)
        if not is_settled(engine, place, condition.cause):
            return None
        _, shape, outcome = look(engine, engine.node(*place[:2]), place[2])
        if isinstance(outcome, Err):
            return None  # it is parked: who mends what raised has it begin
        value = shape.decode(outcome.encoded) if isinstance(outcome, Ok) and shape is not None else None
        return "" if condition.holds(value) else condition.why


class _Condition(NamedTuple):
    """What has to hold for a run to begin: something of a value, which is known when it is settled at its cause."""

    place: Place
    cause: int
    holds: Callable[[Any], bool]
    why: str


def _names(value: object) -> Iterable[object]:
    """The names of actors in a value: one, or several."""
    return value if isinstance(value, Iterable) and not isinstance(value, str) else (value,)
