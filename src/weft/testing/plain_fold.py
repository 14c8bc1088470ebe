"""Folding in the plainest way: what entities were told, as of any cut, and whether an edit should have been refused.

Knows nothing of engines, stores, or of what is computed.
Invariant: a state is never changed; each edit makes another.
Source: model-based testing; event sourcing without its tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from weft.content import Plain
from weft.reduce import element_identity
from weft.testing.plan_operations import HEAP_MAX, TOO_MANY


class Pointed(NamedTuple):
    """Where a reference leads."""

    entity: str
    node: str
    element: str


class Item(NamedTuple):
    """An element of an ordered set: its place, and the position at which it was last added."""

    place: str
    added: int


class Page(NamedTuple):
    """A text that several edit at once: the edits, in no order that counts."""

    updates: tuple[bytes, ...] = ()

    @property
    def text(self) -> str:
        """What they come to."""
        return _merged(self.updates)


@lru_cache(maxsize=256)
def _merged(updates: tuple[bytes, ...]) -> str:
    """In an order of its own: what edits come to is the same in any."""
    if not updates:
        return ""
    import loro  # an extra

    document: loro.LoroDoc = loro.LoroDoc()  # type: ignore[no-untyped-call]  # its stub lacks `-> None`
    for update in sorted(updates):
        document.import_(update)
    return document.get_text("text").to_string()


class Marks(NamedTuple):
    """Values by key, each with the position at which it was put."""

    put: tuple[tuple[int, int, int], ...] = ()

    @property
    def values(self) -> dict[int, int]:
        """What they say."""
        return {key: value for key, value, _ in self.put}


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
        elif told.type == "Left" and verb in _MORE:
            field, fold = _MORE[str(verb)]
            cell = fold(told.cells.get(field), args, position, base)
            after[id] = Told(told.type, {**told.cells, field: cell}, told.xs)
    return after


def _counted(cell: int | None, args: list[Plain], position: int, base: int) -> int:
    (by,) = args
    assert isinstance(by, int)
    return (cell or 0) + by


def _edited(cell: Page | None, args: list[Plain], position: int, base: int) -> Page:
    update = args[0]
    assert isinstance(update, bytes)
    had = (cell or Page()).updates
    return Page(had if update in had else (*had, update))


def _put(cell: Marks | None, args: list[Plain], position: int, base: int) -> Marks:
    key, value = args
    assert isinstance(key, int) and isinstance(value, int)
    return Marks((*(one for one in (cell or Marks()).put if one[0] != key), (key, value, position)))


def _dropped(cell: Marks | None, args: list[Plain], position: int, base: int) -> Marks:
    """Without what its author had seen there."""
    return Marks(tuple(one for one in (cell or Marks()).put if one[0] != args[0] or base < one[2] < position))


def _heaped(cell: int | None, args: list[Plain], position: int, base: int) -> int:
    return (cell or 0) + (_by(args) if (cell or 0) < HEAP_MAX else 0)


def _by(args: list[Plain]) -> int:
    said = args[1]
    assert isinstance(said, dict) and isinstance(said["by"], int)
    return said["by"]


_MORE: dict[str, tuple[str, Callable[[Any, list[Plain], int, int], Any]]] = {
    "increment": ("clicks", _counted), "edit": ("page", _edited), "put": ("marks", _put), "drop": ("marks", _dropped),
    "tell": ("heap", _heaped),
}  # fmt: skip
"""Verbs of the fields that are woven into some stories: which field each is of, and what it makes of that."""


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
    known, gone = {id: told.type for id, told in state.items()}, set(erased)
    for intent in intents:
        assert isinstance(intent, list)
        entity, verb = str(intent[0]), intent[2]
        if entity in gone:
            return f"{entity} was erased"
        if (verb == "create") == (entity in known):
            return f"{entity} is there already" if verb == "create" else f"there is no {entity}"
        if verb == "create":
            known[entity] = str(intent[3])
        if verb == "tell" and known[entity] == "Left" and _by(intent[3:]) == TOO_MANY:
            return f"its fold cannot heap {TOO_MANY} at once"
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
