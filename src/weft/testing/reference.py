"""A reference: what every node of a planned graph should show at every cut, made from scratch from the log.

Told records are folded here once more, in the plainest way; values are evaluated by the plan. What no function can say
is taken from the log: what dice came to, the first time that they were thrown for a call, and what a node that is given
its own last value was. That each of these follows from what was before it is checked as it is read.

Knows nothing of engines, stores or due rows. Invariant: it never asks the engine what is right.
Source: model-based testing; the model of Weft's results, apart from the code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

from weft.collection import mapping_plain
from weft.content import Cid, Link, Plain, content_id, decode, encode
from weft.errors import WeftError
from weft.record import COMPUTED, Record
from weft.reduce import element_identity
from weft.slot import SlotKey
from weft.testing.computed import Computed, computed_in
from weft.testing.graph_plan import (
    ABSENT,
    ERROR,
    LOOSE,
    UNKNOWN,
    GraphPlan,
    Groups,
    NodePlan,
    Value,
    evaluated,
    fragile_value,
    two_value,
)
from weft.testing.story import ELEMENTS


class RuleBroken(WeftError):
    """The rule "{rule}" does not hold: {what}. Run the same seed again with --story to see what happened."""

    rule: str
    what: str


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

    __slots__ = ("cells", "order", "xs")

    def __init__(self, cells: dict[str, Any], xs: dict[int, Item]) -> None:
        self.cells, self.xs = cells, xs
        self.order = tuple(sorted(xs, key=lambda value: (xs[value].place, element_identity(value, None))))


class Reference:
    """What is right, as far as the log says so far."""

    def __init__(self, plan: GraphPlan, *, calls_break: bool = False) -> None:
        self.plan, self._calls_break = plan, calls_break
        self.cuts: list[int] = []
        """Positions of told records, ascending."""
        self._states: list[dict[str, Told]] = []
        self.position = 0
        self.names: dict[str, int] = {element_identity(value, None): value for value in ELEMENTS}
        """What the id of a number stands for."""
        self._named: dict[str, str] = {}
        self.ids: dict[tuple[str, str], dict[str, str]] = {}
        """Of each list whose elements have identity: name to id."""
        self._dice: dict[tuple[int, bytes], Plain] = {}
        self._own: dict[tuple[str, str], list[tuple[int, Plain]]] = {}
        self._made: dict[Cid, Plain] = {}
        self._values: dict[tuple[str, str, int], Value] = {}
        self._plans = {name: {p.name: p for p in plan.of(name)} for name in ("left", "other", "right")}
        left = _loose_in(plan.left, frozenset())
        self.loose = {"left": left, "other": left, "right": _loose_in(plan.right, left)}
        """Nodes whose value depends on which calls broke, too."""

        self.steady = _steady_in(plan.left)
        """Nodes of Left that read the same nodes for ever."""

    # ---- reading the log ----
    def read(self, records: Iterable[Record]) -> None:
        """Take in what was appended. Raises `RuleBroken` for what does not follow from what was before."""
        for record in records:
            self.position = record.position
            if record.kind != COMPUTED:
                self._read_told(record)
                continue
            for result in computed_in(record):
                self._read_result(result)

    def _read_told(self, record: Record) -> None:
        state = dict(self._states[-1]) if self._states else {}
        self.cuts.append(record.position)
        self._states.append(state)
        if record.kind != "event":
            return
        said = record.content()
        intents, base = said["intents"], said["base"]
        assert isinstance(intents, list) and isinstance(base, int)
        for intent in intents:
            assert isinstance(intent, list)
            _fold(state, intent, record.position, base, self.names)

    def _read_result(self, result: Computed) -> None:
        plan = self._plans.get(result.slot.entity, {}).get(result.slot.node)
        if plan is None or not result.is_ok or result.encoded is None:
            return
        if plan.kind == "tops":
            self._read_elements(result)
        elif plan.kind == "dice" and result.preimage is not None:
            self._read_dice(result.preimage, result.value)
        elif plan.kind == "keep" and not result.superseded:
            self._read_own(plan, result)

    def _read_dice(self, preimage: bytes, value: Plain) -> None:
        _, _, settings, _, inputs = _list(decode(preimage))
        (name,) = _list(inputs)
        assert isinstance(settings, dict) and isinstance(name, Link) and isinstance(settings["tag"], int)
        self._dice.setdefault((settings["tag"], bytes(name.cid)), value)
        self._values.clear()

    def _read_elements(self, result: Computed) -> None:
        """Ids of elements last: one stands for one name for ever, and one name has one id."""
        known = self.ids.setdefault((result.slot.entity, result.slot.node), {})
        for id, top in zip(result.elements, _list(result.value), strict=True):
            assert isinstance(top, dict)
            name = str(top["name"])
            if name not in known:
                self._values.clear()
            if known.setdefault(name, id) != id or self._named.setdefault(id, name) != name:
                raise RuleBroken(rule="L14 ids last", what=f"{result.slot} calls {name} {id} at {result.position}")

    def _read_own(self, plan: NodePlan, result: Computed) -> None:
        """What is given its own last value follows from that one and its input."""
        entity = result.slot.entity
        own = self._own.setdefault((entity, plan.name), [])
        taken = self.value(entity, plan.reads[0], result.at)
        last = own[-1] if own else None
        is_loose = self._calls_break and plan.name in self.loose[entity]
        if result.how == "ran" and taken not in (UNKNOWN, ABSENT, ERROR) and not is_loose:
            before = last[1] if last is not None else 0
            expected = (before * 3 + taken + plan.tag) % 7  # type: ignore[operator]
            if result.value != expected:
                raise RuleBroken(
                    rule="L7 of a node's own last value",
                    what=f"{result.slot} shows {result.value!r} at {result.at}, after {before!r} with {taken!r}",
                )
        own.append((result.at, result.value))
        self._values.clear()

    # ---- what is right ----
    def state(self, cut: int) -> dict[str, Told]:
        """What was told up to a cut."""
        place = bisect_right(self.cuts, cut)
        return self._states[place - 1] if place else {}

    def cuts_from(self, mark: int) -> list[int]:
        """The cuts at which something may be right that claims to be right from `mark` on."""
        return self.cuts[max(0, bisect_right(self.cuts, mark) - 1) :]

    def shown(self, slot: SlotKey, cut: int) -> Value:
        """What a slot should show at a cut, as plain content."""
        value = self.value(slot.entity, slot.node, cut)
        if slot.element:
            # Of a list that failed there are no elements.
            return (
                dict(value).get(self.names.get(slot.element, slot.element), ABSENT)
                if isinstance(value, tuple)
                else ABSENT
            )
        if isinstance(value, tuple):
            return ERROR if any(part is ERROR for _, part in value) else [part for _, part in value]
        return mapping_plain((key, list(group)) for key, group in value.items()) if isinstance(value, Groups) else value

    def value(self, entity: str, name: str, cut: int) -> Value:
        """What a node should show at a cut."""
        place = bisect_right(self.cuts, cut)
        known = self._values.get((entity, name, place))
        if known is None:
            known = self._values[entity, name, place] = self._value(entity, name, cut)
        return known

    def _value(self, entity: str, name: str, cut: int) -> Value:
        if name.startswith("to."):
            target = self._cell(entity, "to", cut)
            return ABSENT if target is None else self.value(target.entity, name[3:], cut)
        if name == "of":
            return self._pinned(self._cell(entity, "of", cut), cut)
        plan = self._plans[entity].get(name)
        if plan is None:
            told = self.state(cut).get(entity)
            if told is None or name not in ("x", "y", "xs"):  # a story cut down may name what is not there
                return ABSENT
            return tuple((value, value) for value in told.order) if name == "xs" else told.cells.get(name, 0)
        if self.state(cut).get(entity) is None:
            return ABSENT
        return self._computed(plan, entity, cut)

    def _cell(self, entity: str, name: str, cut: int) -> Pointed | None:
        told = self.state(cut).get(entity)
        return told.cells.get(name) if told is not None else None

    def _pinned(self, target: Pointed | None, cut: int) -> Value:
        if target is None:
            return ABSENT
        value = self.value(target.entity, target.node, cut)
        if not isinstance(value, tuple):
            return value
        return dict(value).get(self.names.get(target.element, target.element), ABSENT)

    def _computed(self, plan: NodePlan, entity: str, cut: int) -> Value:
        inputs = [self.value(entity, read, cut) for read in plan.reads]
        if any(_is_unknown(value) for value in inputs):
            return UNKNOWN
        match plan.kind:
            case "choose":
                return inputs[0] if inputs[0] in (ERROR, ABSENT) else inputs[1] if inputs[0] else inputs[2]
            case "each":
                return self._each(plan, inputs)
            case "keep":
                return self._kept(plan, entity, inputs[0], cut)
            case "dice":
                if inputs[0] in (ERROR, ABSENT):
                    return inputs[0]
                return self._dice.get((plan.tag, bytes(content_id(encode(inputs[0])))), UNKNOWN)
            case _:
                if any(value is ABSENT for value in inputs) and not any(value is ERROR for value in inputs):
                    return ABSENT
                value = evaluated(plan, inputs)
                if plan.kind == "tops" and isinstance(value, tuple):
                    ids = self.ids.get((entity, plan.name), {})
                    return tuple((ids.get(name, name), top) for name, top in value)
                return value

    def _each(self, plan: NodePlan, inputs: list[Value]) -> Value:
        source, *more = inputs
        if not isinstance(source, tuple):
            return source
        if not more:
            return tuple((key, ERROR if x is ERROR else fragile_value(plan.tag, x)) for key, x in source)
        if more[0] is ERROR:
            return tuple((key, ERROR) for key, _ in source)
        return tuple((key, ERROR if x is ERROR else two_value(plan.tag, x, more[0])) for key, x in source)

    def _kept(self, plan: NodePlan, entity: str, taken: Value, cut: int) -> Value:
        """Its value at a cut is the one made last, if its input is what it was then."""
        if taken in (ERROR, ABSENT):
            return taken
        own = self._own.get((entity, plan.name), [])
        place = bisect_right(own, cut, key=lambda made: made[0])
        if not place or self.value(entity, plan.reads[0], own[place - 1][0]) != taken:
            return UNKNOWN
        return own[place - 1][1]


def _loose_in(plans: tuple[NodePlan, ...], through: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for plan in plans:
        below = any(read[3:] in through if read.startswith("to.") else read in found for read in plan.reads)
        if plan.kind in LOOSE or below or "of" in plan.reads:
            found.add(plan.name)
    return frozenset(found)


def _steady_in(plans: tuple[NodePlan, ...]) -> frozenset[str]:
    found = {"x", "y", "xs"}
    for plan in plans:
        if plan.kind not in ("each", "sizes", "choose") and all(read in found for read in plan.reads):
            found.add(plan.name)
    return frozenset(found)


def _is_unknown(value: Value) -> bool:
    return value is UNKNOWN or (isinstance(value, tuple) and any(part is UNKNOWN for _, part in value))


def _list(said: Plain) -> list[Plain]:
    assert isinstance(said, list)
    return said


# Folding, in the plainest way --------------------------------------------------------------------------------------


def _fold(state: dict[str, Told], intent: list[Plain], position: int, base: int, names: dict[str, int]) -> None:
    entity, node, verb, *args = intent
    entity, node = str(entity), str(node)
    if verb == "create":
        state[entity] = Told({"x": 0, "y": 0}, {})
        return
    told = state[entity]
    if verb == "set":
        state[entity] = Told({**told.cells, node: _cell_value(args[0])}, told.xs)
    elif verb in ("add", "remove", "move"):
        state[entity] = Told(told.cells, _items(told.xs, str(verb), args, position, base, names))


def _cell_value(said: Plain) -> Any:
    if not isinstance(said, dict):
        return said
    return Pointed(str(said["entity"]), str(said["node"]), str(said["element"]))


def _items(
    xs: dict[int, Item], verb: str, args: list[Plain], position: int, base: int, names: dict[str, int]
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
