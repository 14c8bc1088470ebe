"""Which plan each type had at each cut: what the log's definitions say, as far as a story told them.

A program that opens a space says what its definitions are planned as; the log says which came into force, and when.

Knows nothing of values. Invariant: a definition that no program gave breaks a rule.
Source: model-based testing; schemas in force by position.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from weft.content import Cid, Plain, content_id, encode
from weft.slot import SlotKey
from weft.spec import TypeSpec
from weft.testing.graph_plan import EACHES, FIELDS, LOOSE, UNTOLD, GraphPlan, NodePlan, Value
from weft.testing.rule import RuleBroken

Nodes = dict[str, NodePlan]


class Plans:
    """The plans of a space's types, by cut."""

    def __init__(self) -> None:
        self._offered: dict[Cid, tuple[Nodes, tuple[int, int]]] = {}
        self._since: dict[str, list[int]] = {}
        self._plans: dict[str, list[Nodes]] = {}
        self._defaults: list[tuple[int, int]] = []
        self._loose: set[str] = set()
        self._steady: set[str] = {*FIELDS}

    def offer(self, plan: GraphPlan, specs: Mapping[str, TypeSpec]) -> None:
        """Remember what each definition is planned as, for when the log says that it is in force."""
        for name, spec in specs.items():
            self._offered[spec.content()] = {each.name: each for each in plan.of(name)}, plan.defaults

    def read(self, position: int, said: Mapping[str, Plain]) -> list[str]:
        """Take in a definition of the log; returns the nodes that are gone with it. Raises `RuleBroken`."""
        name = str(said["name"])
        found = self._offered.get(content_id(encode({key: part for key, part in said.items() if key != "renamed"})))
        if found is None:
            raise RuleBroken(rule="definitions are those given", what=f"nobody gave the one of {name} at {position}")
        nodes, defaults = found
        before = self.of(name, position)
        self._since.setdefault(name, []).append(position)
        self._plans.setdefault(name, []).append(nodes)
        if name == "Left":
            self._defaults.append(defaults)
            self._steady = self._steady_in(nodes, before or nodes)
        newest = [plan for plans in self._plans.values() for plan in plans[-1].values()]
        while not (found_loose := _loose_in(newest, self._loose)) <= self._loose:  # also of types that read this one
            self._loose |= found_loose
        return [node for node in before if node not in nodes]

    def of(self, type: str, cut: int) -> Nodes:
        """The computed nodes of a type at a cut, in order."""
        place = bisect_right(self._since.get(type, []), cut)
        return self._plans[type][place - 1] if place else {}

    def default(self, field: str, cut: int) -> Value:
        """What a field of Left shows that was never told."""
        if field in UNTOLD:
            return UNTOLD[field]
        return self._defaults[bisect_right(self._since["Left"], cut) - 1][field == "y"]

    def names(self) -> Mapping[str, Iterable[str]]:
        """The nodes of each type, as they are now."""
        return {type: plans[-1] for type, plans in self._plans.items()}

    def is_loose(self, node: str) -> bool:
        """Whether a node's value ever depended on which calls broke, too."""
        return node in self._loose

    def is_steady(self, slot: SlotKey, type: str) -> bool:
        """Whether it has read the same nodes of its own entity from the beginning."""
        return type == "Left" and slot.node in self._steady

    def _steady_in(self, nodes: Nodes, before: Nodes) -> set[str]:
        found = {*FIELDS}
        for name, plan in nodes.items():
            is_first = len(self._plans["Left"]) == 1
            is_same = before.get(name) == plan and (is_first or name in self._steady)
            if is_same and plan.kind not in (*EACHES, "choose") and all(read in found for read in plan.reads):
                found.add(name)
        return found


def _loose_in(plans: Iterable[NodePlan], known: Iterable[str]) -> set[str]:
    """Nodes whose value depends on which calls broke. Names stand for the same in every type that reads by them."""
    found = set(known)
    for plan in plans:
        below = any(read.rpartition(".")[2] in found for read in plan.reads)
        if plan.kind in LOOSE or below or "of" in plan.reads:
            found.add(plan.name)
    return found
