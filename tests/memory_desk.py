"""A desk without a space: told values in a dict, states as a test sets them, and every intent written down."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, TypeVar

from weft import Absent, Entity, Node, NodeFailed, Ref, Settled, State, WaitTimeout
from weft.entity import entity_at
from weft.handle import Desk, Seat
from weft.spelling import nearest
from weft.told import Counter, Entries, Field, Fold, Items, LiveRef, Target, Text

if TYPE_CHECKING:
    from weft.handle import Awaited

Ent = TypeVar("Ent", bound=Entity)


class MemoryDesk(Desk):
    """Set `held` and `states`, read `said`."""

    def __init__(self) -> None:
        self.held: dict[str, object] = {}
        self.states: dict[str, State[object]] = {}
        self.said: list[tuple[object, ...]] = []

    def seat(self, kind: type[Ent], entity_id: str = "id-1") -> Ent:
        """An entity at this desk."""
        return entity_at(kind, Seat(self, entity_id))

    def read(self, entity_id: str, node: Node[object], /) -> object:
        if node.name in self.held:
            return self.held[node.name]
        match node:
            case Items():
                return ()
            case Counter():
                return 0
            case Text():
                return ""
            case Entries():
                return {}
            case Field():
                return node.default
            case Fold():
                return node.initial
            case _:
                raise AssertionError(node)

    def edit(self, entity_id: str, node: Node[object] | None, verb: str, /, *args: object) -> None:
        self.said.append((entity_id, None if node is None else node.name, verb, *args))

    def state(self, entity_id: str, node: Awaited, key: object, /) -> State[object]:
        return self.states.get(node.name, Absent())

    def wait(self, entity_id: str, node: Awaited, key: object, /, timeout_s: float | None) -> object:
        state = self.state(entity_id, node, key)
        if isinstance(state, Settled):
            return state.value
        if isinstance(state, Absent):
            raise WaitTimeout(node=str(node), entity=entity_id, timeout_s=timeout_s, state="absent")
        raise NodeFailed(node=str(node), entity=entity_id, cause=str(state), last=state.last)

    def wait_async(self, entity_id: str, node: Awaited, key: object, /) -> Awaitable[object]:
        async def settled() -> object:
            return self.wait(entity_id, node, key, timeout_s=None)

        return settled()

    def element(self, entity_id: str, node: Node[object], key: object, /) -> Ref[object]:
        state = self.state(entity_id, node, key)
        known = state.value if isinstance(state, Settled) and isinstance(state.value, Mapping) else {}
        if key not in known:
            raise KeyError(f"{node} has no element {key!r}: {nearest(key, known)}")
        return LiveRef(Seat(self, entity_id), Target(entity_id, node.name, str(key)), type(known[key]))
