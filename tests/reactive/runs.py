"""A world that notes which slots' calls were sent: the run log that these tests assert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft.call import Call
from weft.content import Plain
from weft.reduce import element_identity
from weft.store import entries_of, entry_at
from weft.testing.world import World


class Runs(World):
    """Entities are told and watched by short names; `ran` says which slots were called since it was last asked."""

    def __init__(self, *types: type, **how: Any) -> None:
        self.noted: list[str] = []
        super().__init__(*types, **how)

    def create(self, kind: type, id: str = "a", *, watch: str = "", **fields: Plain) -> str:
        """A new entity; `watch` names nodes to demand."""
        sets: list[list[Plain]] = [[id, name, "set", value] for name, value in fields.items()]
        self.tell([id, "", "create", kind.__name__], *sets)
        self.watch(watch, id)
        return id

    def watch(self, nodes: str, id: str = "a") -> None:
        """Demand nodes, by their names with blanks between."""
        for node in nodes.split():
            self.engine.watch(id, node)

    def set(self, id: str = "a", /, **fields: Plain) -> int:
        """One event that sets fields."""
        sets: list[list[Plain]] = [[id, name, "set", value] for name, value in fields.items()]
        return self.tell(*sets)

    def add(self, id: str, node: str, *values: Plain) -> int:
        """One event that adds items, behind those there are."""
        base = self.engine.head.position * 100
        adds: list[list[Plain]] = [[id, node, "add", f"{base + n:012x}", value] for n, value in enumerate(values)]
        return self.tell(*adds)

    def remove(self, id: str, node: str, *values: Plain) -> int:
        """One event that removes items."""
        gone: list[list[Plain]] = [[id, node, "remove", element_identity(value, None)] for value in values]
        return self.tell(*gone)

    def point(self, id: str, node: str, to: str, inner: str = "", element: str = "") -> int:
        """Set a reference."""
        return self.tell([id, node, "set", {"entity": to, "node": inner, "element": element}])

    def redefine(self, *types: type) -> None:
        """The program ends, and opens the space again with these definitions."""
        self.types = types
        self.crash()

    def step(self) -> list[Call]:
        """Begin what can begin, and note it."""
        calls = super().step()
        self.noted += [self.node_of(call) for call in calls]
        return calls

    def node_of(self, call: Call) -> str:
        """The node that a call was sent for; with its entity where that is not `a`."""
        slot = self.attempts.open[call.id].slot
        return slot.node if slot.entity == "a" else f"{slot.entity}.{slot.node}"

    def ran(self) -> list[str]:
        """What was called since the last time, in the order in which it was sent."""
        noted, self.noted = self.noted, []
        return noted

    def settled(self, *, choose: Callable[[list[Call]], Call] = lambda calls: calls[0]) -> list[str]:
        """Let everything come back; returns what ran for it."""
        self.rest(choose=choose)
        return self.ran()

    def answer(self, node: str, value: object = None) -> None:
        """The oldest held call of a node comes back."""
        self.finish(self.call_of(node), value)

    def call_of(self, node: str) -> Call:
        """The oldest held call of a node."""
        return next(call for call in self.held() if call.id in self.attempts.open and self.node_of(call) == node)

    def at(self, id: str, node: str) -> int:
        """The cut of what a node shows."""
        result = self.slot(id, node).result
        assert result is not None
        return result.at

    def results(self) -> list[int]:
        """The positions of all results of calls."""
        return [
            position for position, kind, said in entries_of(self.store) if kind == "result" and said["how"] == "ran"
        ]

    def node_of_record(self, position: int) -> str:
        """The node whose result stands at a position."""
        entry = entry_at(self.store, position)
        assert entry is not None
        slot = entry.said["slot"]
        assert isinstance(slot, list)
        return str(slot[1])

    def settled_until_held(self) -> list[str]:
        """Begin what can begin, without letting anything come back; returns what ran since it was last asked."""
        self.step()
        return self.ran()
