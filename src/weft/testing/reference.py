"""A reference: what every node of a planned graph should show at every cut, made from scratch from the log.

Told records are folded here once more, in the plainest way; values are evaluated by the plan. What no function can say
is taken from the log: what dice came to, the first time that they were thrown for a call, and what a node that is given
its own last value was. That each of these follows from what was before it is checked as it is read.

Knows nothing of engines, stores or due rows. Invariant: it never asks the engine what is right.
Source: model-based testing; the model of Weft's results, apart from the code.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

from weft.collection import mapping_plain
from weft.content import Link, Plain, content_id, decode, encode
from weft.record import COMPUTED, Record
from weft.reduce import element_identity
from weft.slot import SlotKey
from weft.standing import ERASED
from weft.testing.computed import Computed, computed_in
from weft.testing.graph_plan import (
    ABSENT,
    EACHES,
    ERROR,
    FIELDS,
    REFERENCES,
    UNKNOWN,
    Groups,
    NodePlan,
    Value,
    evaluated,
    fragile_value,
    is_broken,
    two_value,
)
from weft.testing.known_elements import KnownElements, Listed, heir_of
from weft.testing.plain_fold import Marks, Page, Place, Pointed, State, find_ring, folded, why_refused
from weft.testing.plans import Plans
from weft.testing.rule import RuleBroken, require
from weft.testing.story import ELEMENTS


class Unidentified(tuple[Any, ...]):
    """A collection of which the rules leave open by which ids its elements are known there."""

    __slots__ = ()


class Reference:
    """What is right, as far as the log says so far."""

    def __init__(self, *, calls_break: bool = False) -> None:
        self._calls_break = calls_break
        self.cuts: list[int] = []
        """Positions of told records, ascending."""
        self._states: list[State] = []
        self.position = 0
        self.names: dict[str, int] = {element_identity(value, None): value for value in ELEMENTS}
        """What the id of a number stands for."""
        self._named: dict[str, str] = {}
        self.ids: dict[tuple[str, str], dict[str, str]] = {}
        """Of each list whose elements have identity: name to id."""
        self.erased: dict[str, int] = {}
        """Entities that were erased, and where that is said."""
        self.elements: dict[tuple[str, str], KnownElements] = {}
        """Of each list whose elements a matcher tells apart: all that there was."""
        self._dice: dict[tuple[int, bytes], Plain] = {}
        self._own: dict[tuple[str, str], list[tuple[int, Plain]]] = {}
        self._values: dict[tuple[str, str, int], Value] = {}
        self.plans = Plans()

    # ---- reading the log ----
    def read(self, records: Iterable[Record]) -> list[tuple[Record, list[Computed]]]:
        """Take in what was appended; returns it with the results of each record. Raises `RuleBroken` for what does not
        follow from what was before."""
        found: list[tuple[Record, list[Computed]]] = []
        for record in records:
            self.position = record.position
            results = [*computed_in(record)]
            found.append((record, results))
            if record.kind != COMPUTED:
                self._read_told(record)
            for result in results:
                self._read_result(result)
        return found

    def _read_told(self, record: Record) -> None:
        before = self._states[-1] if self._states else {}
        self.cuts.append(record.position)
        self._states.append(before)
        said = record.content()
        match record.kind:
            case "event":
                self._read_event(record.position, said, before)
            case "refused" if said:
                intents = _list(said["intents"])
                after = folded(before, intents, record.position, 0, self.names)
                why = why_refused(before, intents, self.erased) or self._ring(after)
                require(bool(why), "refused for a reason", f"event {said['id']!r} was refused: {said['why']!r}")
            case "definition":
                self._read_definition(record.position, said)
            case "erased" if "created" in said:
                self._read_erased(record.position, str(said["what"]), before)

    def _read_event(self, position: int, said: dict[str, Plain], before: State) -> None:
        if not said:
            return  # it was erased before it was read
        intents, base = _list(said["intents"]), said["base"]
        assert isinstance(base, int)
        spoken = [one for one in intents if _list(one)[2] != ERASED]
        after = folded(before, spoken, position, base, self.names)
        why = why_refused(before, spoken, self.erased) or (self._ring(after) if _points(spoken) else "")
        require(not why, "what cannot be is refused", f"the event at {position} was folded, but {why}")
        self._states[-1] = after

    def _read_erased(self, position: int, what: str, before: State) -> None:
        """Its calls may be made again: what dice came to once is nothing that they must come to again."""
        self.erased[what] = position
        self.elements.clear()  # what was matched with what was erased is told by what stands in the log, and is another
        self._states[-1] = {name: told for name, told in before.items() if name != what}
        self._dice = dict.fromkeys(self._dice, UNKNOWN)
        self._values.clear()

    def _read_definition(self, position: int, said: dict[str, Plain]) -> None:
        dropped = self.plans.read(position, said)
        for key in [key for key in self._own if key[1] in dropped]:
            self._own[key].append((position, None))
        for key in [key for key in self.elements if key[1] in dropped]:
            self.elements[key].forget()

    def _ring(self, state: State) -> str:
        return find_ring(state, lambda place: self._needs(state, place), self.plans.names())

    def _needs(self, state: State, place: Place) -> Iterator[Place]:
        told = state.get(place[0])
        plan = self.plans.of(told.type, self.position).get(place[1]) if told is not None else None
        for read in plan.reads if plan is not None else ():
            held, dot, node = read.partition(".")
            if not dot and held not in REFERENCES:
                yield place[0], read
                continue
            target = told.cells.get(held) if told is not None else None
            if target is not None:
                yield target.entity, node or target.node

    def _read_result(self, result: Computed) -> None:
        plan = self._plan(result.slot.entity, result.slot.node, result.at)
        if plan is None or not result.is_ok or result.encoded is None:
            return
        if plan.kind == "tops":
            self._read_elements(result)
        elif plan.kind == "topics" and not self.erased:
            self.elements.setdefault(result.slot[:2], KnownElements()).read(result)
            self._values.clear()
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
        is_loose = self._calls_break and self.plans.is_loose(plan.name)
        if result.how == "ran" and taken not in (UNKNOWN, ABSENT, ERROR) and not is_loose:
            before = last[1] if last is not None and last[1] is not None else 0
            expected = (before * 3 + taken + plan.tag) % 7  # type: ignore[operator]
            if result.value != expected:
                raise RuleBroken(
                    rule="L7 of a node's own last value",
                    what=f"{result.slot} shows {result.value!r} at {result.at}, after {before!r} with {taken!r}",
                )
        own.append((result.at, result.value))
        self._values.clear()

    def _plan(self, entity: str, name: str, cut: int) -> NodePlan | None:
        told = self.state(cut).get(entity)
        return self.plans.of(told.type, cut).get(name) if told is not None else None

    # ---- what is right ----
    def state(self, cut: int) -> State:
        """What was told up to a cut."""
        place = bisect_right(self.cuts, cut)
        return self._states[place - 1] if place else {}

    def cuts_from(self, mark: int) -> list[int]:
        """The cuts at which something may be right that claims to be right from `mark` on."""
        return self.cuts[max(0, bisect_right(self.cuts, mark) - 1) :]

    def shown(self, slot: SlotKey, cut: int) -> Value:
        """What a slot should show at a cut, as plain content."""
        value = self.value(slot.entity, slot.node, cut)
        if slot.element and isinstance(value, Unidentified):
            return UNKNOWN
        if slot.element and value is not UNKNOWN:
            # Of a list that failed there are no elements.
            return (
                dict(value).get(self.names.get(slot.element, slot.element), ABSENT)
                if isinstance(value, tuple)
                else ABSENT
            )
        if isinstance(value, tuple):
            return ERROR if any(part is ERROR for _, part in value) else [part for _, part in value]
        return mapping_plain((key, list(group)) for key, group in value.items()) if isinstance(value, Groups) else value

    def ids_at(self, slot: SlotKey, cut: int) -> tuple[str, ...] | None:
        """The ids of a list's elements at a cut, where a matcher told them apart and they are known."""
        if slot.element or slot[:2] not in self.elements:
            return None
        value = self.value(slot.entity, slot.node, cut)
        is_known = isinstance(value, tuple) and not isinstance(value, Unidentified)
        return tuple(id for id, _ in value) if is_known else None

    def value(self, entity: str, name: str, cut: int) -> Value:
        """What a node should show at a cut."""
        place = bisect_right(self.cuts, cut)
        known = self._values.get((entity, name, place))
        if known is None:
            known = self._values[entity, name, place] = self._value(entity, name, cut)
        return known

    def _value(self, entity: str, name: str, cut: int) -> Value:
        told = self.state(cut).get(entity)
        if told is None:
            return ABSENT
        held, dot, node = name.partition(".")
        if dot:
            target = told.cells.get(held)
            return ABSENT if target is None else self.value(target.entity, node, cut)
        if name == "of":
            return self._pinned(told.cells.get("of"), cut)
        plan = self.plans.of(told.type, cut).get(name)
        if plan is not None:
            return self._computed(plan, entity, cut)
        if (
            told.type != "Left" or name not in FIELDS
        ):  # a story cut down, or pointed elsewhere, may name what is not there
            return ABSENT
        if name == "xs":
            return tuple((value, value) for value in told.order)
        cell = told.cells.get(name)
        if isinstance(cell, Page):
            return cell.text
        if isinstance(cell, Marks):
            return cell.values
        return self.plans.default(name, cut) if cell is None else cell

    def _pinned(self, target: Pointed | None, cut: int) -> Value:
        if target is None:
            return ABSENT
        value = self.value(target.entity, target.node, cut)
        plan = self._plan(target.entity, target.node, cut)
        if plan is not None and plan.kind not in EACHES:
            return UNKNOWN  # once it was one of those: its elements go by other ids now
        if not isinstance(value, tuple):
            return value
        if isinstance(value, Unidentified):
            return UNKNOWN
        if plan is not None and plan.kind == "texts":
            return dict(value).get(self._heir(target, plan, cut), ABSENT)
        return dict(value).get(self.names.get(target.element, target.element), ABSENT)

    def _heir(self, target: Pointed, plan: NodePlan, cut: int) -> str:
        """What an element is by then that a matcher tells apart from others."""
        place = (target.entity, plan.reads[0])
        found = self._listed(place, self.value(*place, cut), cut)
        return heir_of(target.element, found.aliases) if found is not None else target.element

    def _listed(self, place: Place, value: Value, cut: int) -> Listed | None:
        known = self.elements.get(place)
        return known.at(cut, [one for _, one in value]) if known is not None else None

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
                # The first that says nothing, or only why it cannot, speaks for all.
                lacking = next((value for value in inputs if value is ABSENT or is_broken(value)), None)
                if lacking is ABSENT:
                    return ABSENT
                return self._identified((entity, plan.name), plan.kind, evaluated(plan, inputs), inputs[0], cut)

    def _identified(self, place: Place, kind: str, value: Value, source: Value, cut: int) -> Value:
        """A value, by the ids of its elements where they have some."""
        if not isinstance(value, tuple):
            return value
        match kind:
            case "tops":
                ids = self.ids.get(place, {})
                return tuple((ids.get(name, name), top) for name, top in value)
            case "topics":
                found = self._listed(place, value, cut)
                return Unidentified(value) if found is None else tuple(zip(found.ids, found.elements, strict=True))
            case "texts" if isinstance(source, Unidentified):
                return Unidentified(value)
            case _:
                return value

    def _each(self, plan: NodePlan, inputs: list[Value]) -> Value:
        source, *more = inputs
        if not isinstance(source, tuple):
            return source
        tag, version = plan.tag, plan.version
        if not more:
            return tuple((key, ERROR if x is ERROR else fragile_value(tag, x, version)) for key, x in source)
        if more[0] is ERROR:
            return tuple((key, ERROR) for key, _ in source)
        return tuple((key, ERROR if x is ERROR else two_value(tag, x, more[0], version)) for key, x in source)

    def _kept(self, plan: NodePlan, entity: str, taken: Value, cut: int) -> Value:
        """Its value at a cut is the one made last, if its input, and the node, are what they were then."""
        if taken in (ERROR, ABSENT):
            return taken
        own = self._own.get((entity, plan.name), [])
        place = bisect_right(own, cut, key=lambda made: made[0])
        made_at, made = own[place - 1] if place else (0, None)
        is_same = made is not None and self._plan(entity, plan.name, made_at) == plan
        return made if is_same and self.value(entity, plan.reads[0], made_at) == taken else UNKNOWN


def _is_unknown(value: Value) -> bool:
    return value is UNKNOWN or (isinstance(value, tuple) and any(part is UNKNOWN for _, part in value))


def _points(intents: list[Plain]) -> bool:
    """Whether an edit points references anywhere: else no ring can have come of it."""
    return any(isinstance(one, list) and one[1] in REFERENCES for one in intents)


def _list(said: Plain) -> list[Plain]:
    assert isinstance(said, list)
    return said
