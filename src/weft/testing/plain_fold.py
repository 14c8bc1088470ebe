"""Folding in the plainest way: what entities were told, as of any cut, and whether an edit should have been refused.

Knows nothing of engines, stores, or of what is computed.
Invariant: a state is never changed; each edit makes another.
Source: model-based testing; event sourcing without its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from weft.content import Plain
from weft.reduce import element_identity


class Pointed(NamedTuple):
    """Where a reference leads."""

    entity: str
    node: str
    element: str


class Item(NamedTuple):
    """An element of an ordered set: its place, and the position at which it was last added."""

    place: str
    added: int


class Told:
    """What one entity was told, as of some cut; never changed."""

    __slots__ = ("cells", "order", "type", "xs")

    def __init__(self, type: str, cells: dict[str, Any], xs: dict[int, Item]) -> None:
        self.type, self.cells, self.xs = type, cells, xs
        self.order = tuple(sorted(xs, key=lambda value: (xs[value].place, element_identity(value, None))))


State: TypeAlias = "dict[str, Told]"
Place: TypeAlias = tuple[str, str]
"""(entity, node)"""


def folded(state: State, intents: Iterable[Plain], position: int, base: int, names: Mapping[str, int]) -> State:
    """The state after an edit; what it says of an entity that is not there changes nothing. `names`: what the ids of
    elements stand for."""
    after = dict(state)
    for intent in intents:
        assert isinstance(intent, list)
        entity, node, verb, *args = intent
        id, name = str(entity), str(node)
        if verb == "create":
            after[id] = Told(str(args[0]), {}, {})
            continue
        told = after.get(id)
        if told is None:
            continue
        if verb == "set":
            after[id] = Told(told.type, {**told.cells, name: _cell_value(args[0])}, told.xs)
        elif verb in ("add", "remove", "move"):
            after[id] = Told(told.type, told.cells, _items(told.xs, str(verb), args, position, base, names))
    return after


def _cell_value(said: Plain) -> Any:
    if not isinstance(said, dict):
        return said
    return Pointed(str(said["entity"]), str(said["node"]), str(said["element"]))


def _items(
    xs: dict[int, Item], verb: str, args: list[Plain], position: int, base: int, names: Mapping[str, int]
) -> dict[int, Item]:
    now = dict(xs)
    if verb == "add":
        place, value = args
        assert isinstance(value, int)
        now[value] = Item(now[value].place if value in now else str(place), position)
        return now
    found = names.get(str(args[0]))
    if not isinstance(found, int) or found not in now:
        return now
    if verb == "move":
        now[found] = Item(str(args[1]), now[found].added)
    elif not base < now[found].added < position:
        del now[found]
    return now


def why_refused(state: State, intents: Iterable[Plain], erased: Iterable[str]) -> str:
    """Why an edit cannot be folded, by what it speaks of alone; empty where nothing is wrong with that."""
    known, gone = set(state), set(erased)
    for intent in intents:
        assert isinstance(intent, list)
        entity, verb = str(intent[0]), intent[2]
        if entity in gone:
            return f"{entity} was erased"
        if (verb == "create") == (entity in known):
            return f"{entity} is there already" if verb == "create" else f"there is no {entity}"
        known.add(entity)
    return ""


def find_ring(state: State, needs: Callable[[Place], Iterable[Place]], nodes: Mapping[str, Iterable[str]]) -> str:
    """A node of any entity that needs itself, and how; empty where there is none. `nodes`: of each type."""
    done: set[Place] = set()
    for entity, told in state.items():
        for node in nodes.get(told.type, ()):
            path: list[Place] = []
            if _is_in_ring((entity, node), needs, done, path):
                return " needs ".join(".".join(place) for place in path)
    return ""


def _is_in_ring(place: Place, needs: Callable[[Place], Iterable[Place]], done: set[Place], path: list[Place]) -> bool:
    if place in done:
        return False
    path.append(place)
    if place in path[:-1]:
        return True
    if any(_is_in_ring(need, needs, done, path) for need in needs(place)):
        return True
    done.add(path.pop())
    return False
