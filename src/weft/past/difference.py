"""What differs between two positions: fields that were told something else, and values that were right, or were shown.

Only what the log between the two speaks of is looked at, and what may have been due at the later one.

Knows nothing of what is printed. Invariant: what is the same at both positions is not in it, whatever lay between.
Source: `git diff`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from weft.content import Plain
from weft.past.index import places_of
from weft.past.known import Known, NotKept, Unknown, content_key
from weft.past.right_then import RightThen
from weft.record import RESULT_KINDS, Entry
from weft.slot import Gone
from weft.spec import NodeSpec
from weft.standing import ERASED
from weft.store import entries_of

Kind: TypeAlias = Literal["created", "told", "computed", "definition", "service", "erased"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. Of a definition or service `node` is its name; of an entity that was created, empty.

    `entered` and `left` are elements of a collection that are only in `after`, or only in `before`: (id, bytes)."""

    kind: Kind
    type: str
    entity: str
    node: str
    element: str
    before: Known
    after: Known
    position: int
    """The last position in between that spoke of it."""
    entered: tuple[tuple[str, bytes], ...] = ()
    left: tuple[tuple[str, bytes], ...] = ()


Touched: TypeAlias = dict[tuple[Kind, str, str, str], int]
"""(kind, entity, node, element) to the last position."""


def differences(
    before: RightThen, after: RightThen, *, as_shown: bool = False, wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[Difference]:
    """What differs, in the order in which it was last spoken of. `before` may be the later one. `as_shown`: values that
    were computed are compared as they were shown, right or not. `wanted`: of which entities, by their ids; "" stands
    for definitions and services. Things are compared as they are asked for."""
    low, high = sorted((before.position, after.position))
    newest = after if after.position == high else before
    touched: Touched = {}
    for entry in entries_of(newest.engine.store, low, until=high):
        for place in _touched(entry, newest):
            touched.pop(place, None)
            touched[place] = entry.position
    if not as_shown:
        touched = _with_due(touched, newest, low)
    for (kind, entity, node, element), position in touched.items():
        if not wanted(entity):
            continue
        if kind in ("definition", "service", "erased"):
            yield Difference(kind, "", entity, node, element, Gone(), Gone(), position)
            continue
        yield from _compared(before, after, kind, (entity, node, element), position, as_shown=as_shown)


def _with_due(touched: Touched, newest: RightThen, low: int) -> Touched:
    """The same, and all that may have been due at the later position, by what was told since the earlier one."""
    due: Touched = dict(touched)
    for entity, node, element, position in newest.made_anew(low):
        place: tuple[Kind, str, str, str] = ("computed", entity, node, element)
        due[place] = max(position, due.get(place, 0))
    # What was told comes before what follows from it.
    return dict(sorted(due.items(), key=lambda one: (one[1], one[0][0] == "computed")))


def _touched(entry: Entry, newest: RightThen) -> Iterator[tuple[Kind, str, str, str]]:
    said = entry.said
    if entry.kind == ERASED:
        yield "erased", str(said["what"]), "", ""
    elif entry.is_erased and "slot" not in said:
        yield "erased", "", str(entry.position), ""
    elif entry.kind in RESULT_KINDS:
        slot = said["slot"]
        assert isinstance(slot, list)
        if "superseded" not in said:
            entity, node, element = (str(part) for part in slot)
            yield "computed", entity, newest.name_at(entity, node, known_at=entry.position), element
    elif entry.kind in ("definition", "service"):
        yield ("definition" if entry.kind == "definition" else "service"), "", str(said["name"]), ""
    elif entry.kind == "event":
        yield from _spoken_of(said, entry.position, newest)


def _spoken_of(said: Mapping[str, Plain], position: int, newest: RightThen) -> Iterator[tuple[Kind, str, str, str]]:
    intents = said["intents"]
    assert isinstance(intents, list)
    created = {str(intent[0]) for intent in intents if isinstance(intent, list) and intent[2] == "create"}
    for entity, node in dict.fromkeys(places_of(said)):
        if node:
            yield "told", entity, newest.name_at(entity, node, known_at=position), ""
        elif entity in created:
            yield "created", entity, "", ""
        else:
            for fold in _folds(newest, entity):
                yield "told", entity, fold.name, ""


def _folds(as_of: RightThen, entity: str) -> list[NodeSpec]:
    type = as_of.type_of(entity)
    return [node for node in type.nodes.values() if node.kind == "fold"] if type is not None else []


def _compared(
    before: RightThen, after: RightThen, kind: Kind, place: tuple[str, str, str], position: int, *, as_shown: bool
) -> Iterator[Difference]:
    entity, node, element = place
    newest = after if after.position >= before.position else before
    type = newest.type_name(entity)
    if kind == "created":
        yield Difference(kind, type, entity, "", "", Gone(), Gone(), position)
        return
    names = [each.name_at(entity, node, known_at=newest.position) for each in (before, after)]
    pairs = tuple(zip((before, after), names, strict=True))
    shown = [each.outcome(entity, n, element) if as_shown else each.known(entity, n, element) for each, n in pairs]
    if content_key(shown[0]) == content_key(shown[1]) and not isinstance(shown[0], NotKept | Unknown):
        return
    entered, left = ((), ()) if element else _elements(pairs, entity, as_shown=as_shown)
    yield Difference(kind, type, entity, node, element, shown[0], shown[1], position, entered, left)


def _elements(
    pairs: Sequence[tuple[RightThen, str]], entity: str, *, as_shown: bool
) -> tuple[tuple[tuple[str, bytes], ...], tuple[tuple[str, bytes], ...]]:
    """The elements that are only in one of two collections; nothing where it is none, or one of them is not known."""
    specs = [each.node(entity, name) for each, name in pairs]
    if not any(spec is not None and (spec.sort != "plain" or spec.kind in ("items", "entries")) for spec in specs):
        return (), ()
    found = [each.members(entity, name) if as_shown else each.known_members(entity, name) for each, name in pairs]
    if any(isinstance(one, Unknown) for one in found):
        return (), ()
    old, new = (one if isinstance(one, list) else [] for one in found)
    was, now = {(one.element, one.content) for one in old}, {(one.element, one.content) for one in new}
    entered = tuple((one.element, one.encoded) for one in new if (one.element, one.content) not in was)
    left = tuple((one.element, one.encoded) for one in old if (one.element, one.content) not in now)
    return entered, left
