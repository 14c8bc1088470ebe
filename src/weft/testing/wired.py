"""Who reads what, by the plans in force and the references that were told: names alone, without values.

Knows nothing of engines, rows or results.
Invariant: whoever reads a place at that moment is among its readers, and reads no other place than its needs.
Source: model-based testing; the adjacency lists of a graph, made anew whenever a reference is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from weft.testing.graph_plan import EACHES, FIELDS, REFERENCES, NodePlan
from weft.testing.plain_fold import Place, State
from weft.testing.plans import Nodes, Plans


class Reading(NamedTuple):
    """One input of a node: who reads, which of its inputs that is, what is read, and through which reference."""

    reader: Place
    number: int
    target: Place
    ref: str

    @property
    def is_pinned(self) -> bool:
        """Whether it reads one element alone, which may have gone, or gone into another."""
        return self.ref == "of"

    @property
    def edge(self) -> Place:
        """The reference that it reads through; of what it reads of its own entity, none."""
        return self.reader[0], self.ref


class Wiring:
    """Who reads what at one cut."""

    def __init__(self, state: State, plans: Plans, cut: int) -> None:
        self.plans: dict[Place, NodePlan] = {}
        self.readers: dict[Place, list[Reading]] = {}
        self.needs: dict[Place, list[Reading]] = {}
        self.through: dict[Place, list[Place]] = {}
        """By reference (entity, name), the nodes of that entity that read through it."""
        in_force = {type: plans.of(type, cut) for type in {told.type for told in state.values()}}
        for entity, told in state.items():
            for name, plan in in_force[told.type].items():
                self.plans[entity, name] = plan
                self.needs[entity, name] = [*self._readings(entity, plan, state, in_force)]
        for readings in self.needs.values():
            for reading in readings:
                self.readers.setdefault(reading.target, []).append(reading)

    def _readings(self, entity: str, plan: NodePlan, state: State, in_force: dict[str, Nodes]) -> Iterator[Reading]:
        reader = (entity, plan.name)
        for number, read in enumerate(plan.reads):
            held, dot, node = read.partition(".")
            if not dot and held not in REFERENCES:
                yield Reading(reader, number, (entity, read), "")
                continue
            self.through.setdefault((entity, held), []).append(reader)
            target = state[entity].cells.get(held)
            there = state.get(target.entity) if target is not None else None
            if target is None or there is None:
                continue
            name = node or target.node
            if name in in_force[there.type] or (there.type == "Left" and name in FIELDS):
                yield Reading(reader, number, (target.entity, name), held)

    def is_each(self, place: Place) -> bool:
        """Whether a node has a slot for each element of what it reads first."""
        plan = self.plans.get(place)
        return plan is not None and plan.kind in EACHES

    def is_certain(self, reading: Reading) -> bool:
        """Whether it is read for sure: of a `choose` only one branch is, and an element that is pinned may be gone."""
        return not reading.is_pinned and (reading.number == 0 or self.plans[reading.reader].kind != "choose")

    def above(self, place: Place) -> Iterator[tuple[Reading, bool]]:
        """Who reads a place, and (True) who reads it through collections that run over it."""
        todo: list[tuple[Place, bool]] = [(place, False)]
        seen = {place}
        while todo:
            node, is_through = todo.pop()
            for reading in self.readers.get(node, ()):
                yield reading, is_through
                if reading.number == 0 and self.is_each(reading.reader) and reading.reader not in seen:
                    seen.add(reading.reader)
                    todo.append((reading.reader, True))
