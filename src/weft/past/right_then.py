"""What was right at a position of the log: what each node came to from all that had been told by then.

What was *shown* at a position may have been due there. So a result counts for the cut it was made for and for those
behind it at which nothing was told that it was made from; else what the very same call came to at any time does. A
value that nobody computed from what was told by then is *unknown*, and stands beside what was shown in its place.

Knows nothing of handles and printing; it calls no function.
Invariant: what it gives is unknown, not kept, or what the functions make of all that was told by then.
Source: the results of the design, which hold for one cut; input-addressed stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TypeAlias

from weft.content import Plain, decode
from weft.engine import Engine
from weft.graph import NOT_COMPUTED, Slot, Source, ToldNode, collected, members_of, target_of
from weft.past.as_of import AsOf, of_element
from weft.past.call_then import CallsThen, Given
from weft.past.index import LogIndex, first_within, last_within
from weft.past.known import Known, NotKept, Unknown
from weft.past.made import Around, Made, made_around, made_at, made_today
from weft.past.told_before import ToldBefore
from weft.slot import Err, Gone, Ok, Outcome, SlotKey
from weft.spec import NodeSpec
from weft.store import DUE, NoBlob
from weft.tree import Member

Place: TypeAlias = tuple[str, str, str]
"""(entity, node by its name then, element)"""
_Asked: TypeAlias = "tuple[int, Place, Known | None]"
"""An input: its number as in `Given`, where it was read, and what it gave where that is known."""
BELOW_MAX = 64
"""How many nodes below one are looked at to tell whether it is as it was: more costs more than to ask the log."""
_DUE = Unknown()
"""Stands for what nobody computed while it is not asked what was shown instead."""
_LOST = Gone("its reference leads nowhere")
_NOT_IN_IT = Gone("what it refers to is not there any more")


class _Lacking(Exception):
    """What has to be looked at first."""

    def __init__(self, places: list[Place]) -> None:
        super().__init__(places)
        self.places = places


class RightThen(AsOf):
    """As `AsOf`, but of what was computed it gives what was right then, or `Unknown`; `shown` is as before."""

    def __init__(self, engine: Engine, position: int, index: LogIndex) -> None:
        super().__init__(engine, position, index)
        self._right: dict[Place, Known] = {}
        self._listed: dict[Place, dict[str, Member]] = {}

    # Both are made where they are asked for: with what looks back at it this is a circle, which is let go of late.
    @cached_property
    def told_before(self) -> ToldBefore:
        """Where what something was made from was told last."""
        return ToldBefore(self)

    @cached_property
    def _calls(self) -> CallsThen:
        return CallsThen(self)

    @property
    def size(self) -> int:
        """How much it remembers: entities, fields and computed values."""
        return super().size + len(self._right)

    # ---- what is asked ----
    def known(self, entity: str, name: str, element: str = "") -> Known:
        """What was right for a node, by the name it had then, or for one of its elements."""
        found = self._look((entity, name, element))
        if found is not _DUE:
            return found
        shown = self.outcome(entity, name, element)
        return Unknown(shown, 0 if isinstance(shown, Gone) else self._shown_since(entity, name, element))

    def known_members(self, entity: str, name: str) -> list[Member] | NotKept | Unknown:
        """A node's elements as they were right, in order; of an `each` those that had a value."""
        spec = self.node(entity, name)
        if spec is None or spec.is_told:
            return self.members(entity, name)
        self._look((entity, name, ""))
        found = self._members_right(entity, spec)
        if found is not _DUE:
            return found
        asked = self.known(entity, name)
        return asked if isinstance(asked, NotKept | Unknown) else _DUE

    def _members_right(self, entity: str, spec: NodeSpec) -> list[Member] | NotKept | Unknown:
        try:
            if spec.kind != "each":
                listed = self._elements(entity, spec)
                return list(listed.values()) if isinstance(listed, dict) else _lost(listed)
            base = self._base_right(entity, spec)
            if not isinstance(base, dict):
                return _lost(base)
            shown = self._each_right(entity, spec, base)
        except _Lacking:
            return _DUE
        for _, outcome in shown:
            if isinstance(outcome, NotKept | Unknown):
                return outcome
        return _good(shown)

    def made_anew(self, after: int) -> Iterator[tuple[str, str, str, int]]:
        """What may have come to be another since a position, as something was told that it is made from: entity, node
        by its name then, element, and where that was told last. What nobody ever computed is not in it. O(slots)."""
        index, is_due = self.index, any(True for _ in self.engine.rows(DUE))
        changed = max(
            last_within(index.disturbed, after, self.position), last_within(index.erased_told, after, self.position)
        )
        for key, cuts in index.cuts.items():
            if not cuts or (cuts[-1] <= after and not is_due and not changed):
                continue
            name = self.name_at(key.entity, key.node, known_at=index.shown[key][-1])
            spec = self.node(key.entity, name)
            last = max(changed, self.told_before.last(key.entity, name)) if spec is not None and not spec.is_told else 0
            if last > after:
                yield key.entity, name, key.element, last

    def _shown_since(self, entity: str, name: str, element: str) -> int:
        """The position of the result that was shown; of an `each` the newest one of its elements."""
        spec = self.node(entity, name)
        assert spec is not None
        if spec.kind != "each" or element:
            return _position(self.result_position(entity, spec, element if spec.kind == "each" else ""))
        listed = self.members(entity, name)
        each = listed if isinstance(listed, list) else []
        return max((_position(self.result_position(entity, spec, one.element)) for one in each), default=0)

    # ---- looking, without recursion ----
    def _look(self, place: Place) -> Known:
        """What was right at a place, all that it needs first."""
        begun: set[Place] = set()
        stack = [place]
        while stack:
            one = stack[-1]
            if one in self._right:
                stack.pop()
                continue
            try:
                self._right[one] = self._right_at(*one)
            except _Lacking as lacking:
                begun.add(one)
                if not begun.isdisjoint(lacking.places):
                    self._right[one] = _DUE  # a loop, of references that were told one by one
                else:
                    stack.extend(lacking.places)
        return self._right[place]

    def _all(self, places: Iterable[Place]) -> list[Known]:
        """What was right at some places; raises `_Lacking` with those that are still to be looked at."""
        found = [(place, self._told_or_seen(*place)) for place in places]
        missing = [place for place, outcome in found if outcome is None]
        if missing:
            raise _Lacking(missing)
        return [outcome for _, outcome in found if outcome is not None]

    def _told_or_seen(self, entity: str, name: str, element: str) -> Known | None:
        spec = self.node(entity, name)
        if spec is not None and not spec.is_told:
            return self._right.get((entity, name, element))
        return self._right_at(entity, name, element)

    def _right_at(self, entity: str, name: str, element: str) -> Known:
        spec = self._there(entity, name)
        if not isinstance(spec, NodeSpec):
            return spec
        try:
            if spec.kind == "each" and not element:
                return self._whole_right(entity, spec)
            if spec.kind == "each" or not (element or spec.is_told):
                return self._slot_right(entity, spec, element)
            if not element:
                return self._plain(entity, spec)
            listed = self._elements(entity, spec)
        except NoBlob as lost:
            return NotKept(str(lost))
        if not isinstance(listed, dict):
            return listed
        member = listed.get(element)
        return Ok(member.content, member.encoded) if member is not None else _NOT_IN_IT

    # ---- collections ----
    def _elements(self, entity: str, spec: NodeSpec) -> dict[str, Member] | Known:
        """The elements of a list or a field by id, in order; where there is no value, what there is."""
        place = (entity, spec.name, "")
        if place not in self._listed:
            if spec.is_told:
                found = self._members(entity, spec)
            else:
                (outcome,) = self._all([place])
                if not isinstance(outcome, Ok):
                    return outcome
                found = members_of(spec, outcome)
            if isinstance(found, NotKept):
                return found
            self._listed[place] = {member.element: member for member in found}
        return self._listed[place]

    def _base_right(self, entity: str, spec: NodeSpec) -> dict[str, Member] | Known:
        """What the first `each` of a row of them runs over."""
        place: tuple[str, NodeSpec] | Gone | NotKept = (entity, spec)
        while not isinstance(place, Gone | NotKept) and place[1].kind == "each":
            place = self._source(*place)
        return place if isinstance(place, Gone | NotKept) else self._elements(*place)

    def _each_right(self, entity: str, spec: NodeSpec, base: dict[str, Member]) -> list[tuple[Member, Known]]:
        outcomes = self._all([(entity, spec.name, element) for element in base])
        return list(zip(base.values(), outcomes, strict=True))

    def _whole_right(self, entity: str, spec: NodeSpec) -> Known:
        base = self._base_right(entity, spec)
        if not isinstance(base, dict):
            return base
        shown = self._each_right(entity, spec, base)
        for kind in (NotKept, Unknown, Err):
            for member, outcome in shown:
                if isinstance(outcome, kind):
                    key = SlotKey(entity, spec.name, member.element)
                    return of_element(key, outcome) if isinstance(outcome, Err) else outcome
        members = _good(shown)
        return collected(spec, members) if len(members) == len(shown) else NOT_COMPUTED

    # ---- one slot ----
    def _slot_right(self, entity: str, spec: NodeSpec, element: str) -> Known:
        key = SlotKey(entity, self.name_now(entity, spec.name), element)
        standing = self._standing(key)
        if standing is not None:
            return standing
        today = made_today(self, key)
        if today is not None and (outcome := self._still(today, entity, spec)) is not None:
            return outcome
        around = made_around(self, entity, spec, element)
        then, erased = around.then, around.erased
        if today is None and then is not None and (outcome := self._still(then, entity, spec)) is not None:
            return outcome
        base = self._base_right(entity, spec) if element else {}
        if not isinstance(base, dict):
            return base
        if element and element not in base:
            return _NOT_IN_IT
        member_key = base[element].key if element else None
        found = self._from_inputs(entity, spec, element, around, member_key)
        erased = erased or first_within(self.index.erased_computed, then.position if then else 0, self.index.until)
        return NotKept(f"what was recorded at {erased} was erased") if found is _DUE and erased else found

    def _standing(self, key: SlotKey) -> Outcome | None:
        """What the slot shows today, where that was right then by the graph in memory, which is quickly seen: nothing
        was told since; or all that it is made from has stood since, as what is current was never due in between."""
        graph = self.engine.graph
        if self.engine.cut > self.position and key.entity not in graph.things:
            return None
        node: Source | None = self.engine.node(*key)
        if not isinstance(node, Slot) or not node.current or node.result is None:
            return None
        if self.engine.cut <= self.position:
            return node.result.outcome
        return node.result.outcome if self._has_stood(node) else None

    def _has_stood(self, root: Source) -> bool:
        """Whether a node, and all that it is made from, shows what it showed then. False where that is much to look
        at."""
        seen, stack = {root}, [root]
        while stack:
            node = stack.pop()
            if isinstance(node, Slot) and (node.result is None or node.result.at > self.position):
                return False
            new = (
                [edge.source for edge in node.edges if edge.source not in seen]
                if not isinstance(node, ToldNode)
                else []
            )
            seen.update(new)
            stack.extend(one for one in new if not isinstance(one, ToldNode))
            if len(seen) > BELOW_MAX:
                return False
        return True

    def _from_inputs(self, entity: str, spec: NodeSpec, element: str, around: Around, key: bytes | None) -> Known:
        """What follows from what the inputs gave: an error or an absence passed on, the branch that is chosen, a result
        that was made from the same, or what is kept of the same call."""
        given = list(self._given(entity, spec, element))
        for one in given:
            if isinstance(one.outcome, NotKept | Unknown):
                return one.outcome if isinstance(one.outcome, NotKept) else _DUE
        for one in sorted((one for one in given if one.number >= 0), key=lambda one: one.number):
            if spec.inputs[one.number].mode != "state" and not isinstance(one.outcome, Ok):
                return self._passed_on(one)
        if spec.kind == "choose":
            return given[-1].outcome
        if around.then is not None and self._calls.is_of(around.then, entity, spec, given):
            return self._read(around.then.said)
        known = self._calls.recall(spec, given, self._own(spec, around.then), key)
        if known is not None or around.later is None:
            return known or _DUE
        later = made_at(self, *around.later)
        is_of_these = later is not None and self._calls.is_of(later, entity, spec, given)
        return self._read(later.said) if later is not None and is_of_these else _DUE

    def _own(self, spec: NodeSpec, then: Made | None) -> Plain:
        """What names the last good value, which the operation is given."""
        if then is None or not spec.own:
            return spec.initial
        said = then.said["outcome"] if then.is_good else then.said.get("last")
        return said["ok"] if isinstance(said, dict) else spec.initial

    def _passed_on(self, one: Given) -> Outcome:
        """An error or an absence above is one here."""
        outcome = one.outcome
        if not isinstance(outcome, Err):
            assert isinstance(outcome, Gone)
            return outcome
        entity, name, element = one.place
        spec = self.node(entity, name)
        origin = outcome.origin or str(SlotKey(entity, name, element if spec and spec.kind == "each" else ""))
        said = outcome.message if outcome.origin else f"{origin} failed: {outcome.kind}: {outcome.message}"
        return Err("InputFailed", said, outcome.where, origin)

    # ---- what a slot reads ----
    def _given(self, entity: str, spec: NodeSpec, element: str) -> Iterator[Given]:
        """What each input gave, of a choice the test and the branch that it picked; references before what is read
        through them. Raises `_Lacking`."""
        if spec.kind != "choose":
            yield from self._looked_at(
                one for number in range(len(spec.inputs)) for one in self._asked(entity, spec, number, element)
            )
            return
        test = list(self._looked_at(self._asked(entity, spec, 0, "")))
        yield from test
        outcome = test[-1].outcome
        if isinstance(outcome, Ok):
            yield from self._looked_at(self._asked(entity, spec, 1 if decode(outcome.encoded) is True else 2, ""))

    def _looked_at(self, asked: Iterable[_Asked]) -> Iterator[Given]:
        listed = list(asked)
        found = iter(self._all([place for _, place, outcome in listed if outcome is None]))
        return (Given(number, place, outcome or next(found)) for number, place, outcome in listed)

    def _asked(self, entity: str, spec: NodeSpec, number: int, element: str) -> Iterator[_Asked]:
        """Where an input was read, and what it gave where that is known without a look."""
        entry, inner = spec.inputs[number], element if number == 0 else ""
        place = (entity, entry.node, inner)
        if entry.ref:
            pointed = self.outcome(entity, entry.ref)
            yield ~number, (entity, entry.ref, ""), pointed
            target = target_of(pointed) if isinstance(pointed, Ok) else None
            if target is None:
                yield number, place, pointed if isinstance(pointed, NotKept) else _LOST
                return
            place = (target[0], entry.node or target[1], inner or ("" if entry.node else target[2]))
            if self.node(*place[:2]) is None and not self._entity(place[0]).erased:
                yield number, place, _LOST
                return
        if entry.mode == "settled":
            yield number, place, self._settled(*place)
        else:
            yield number, place, _DUE if entry.ref and place[2] and self._may_have_an_heir(place) else None

    def _may_have_an_heir(self, place: Place) -> bool:
        """Whether an element that is referred to is not in its list: it may have gone into another by then, of which
        today's rows say nothing."""
        spec = self.node(*place[:2])
        if spec is None or spec.kind == "each" or spec.key is None or spec.is_told:
            return False
        listed = self._elements(place[0], spec)
        return isinstance(listed, dict) and place[2] not in listed

    def _settled(self, entity: str, name: str, element: str) -> Known:
        """The elements of an `each` that settled well, as one collection."""
        spec = self.node(entity, name)
        if spec is None or spec.kind != "each" or element:
            return self._all([(entity, name, element)])[0]
        base = self._base_right(entity, spec)
        if not isinstance(base, dict):
            return base
        shown = self._each_right(entity, spec, base)
        lost = next((outcome for _, outcome in shown if isinstance(outcome, NotKept | Unknown)), None)
        return lost if lost is not None else collected(spec, _good(shown))

    # ---- whether anything was told in between ----
    def _still(self, made: Made, entity: str, spec: NodeSpec) -> Outcome | None:
        """What a result came to, where that was right here too, as nothing was told since that could make it another.
        What is tried again is not settled."""
        if not self._is_undisturbed(made, entity, spec):
            return None
        outcome = self._read(made.said)
        return None if isinstance(outcome, Err) and not outcome.final else outcome

    def _is_undisturbed(self, made: Made, entity: str, spec: NodeSpec) -> bool:
        """Whether nothing was told, between the cut of a result and here, that it is made from. O(inputs · log n), and
        for computed inputs O(all that they are made from), once."""
        index = self.index
        if first_within(index.disturbed, made.at, self.position) or first_within(
            index.erased_told, made.at, self.position
        ):
            return False
        if first_within(index.retried.get((entity, spec.name), ()), made.at, self.position):
            return False
        listed = made.said["inputs"]
        assert isinstance(listed, list)
        for one in listed:
            assert isinstance(one, list)
            place = str(one[0]), str(one[1])
            # What was told by its name is a field: its entity need not be looked up.
            told = index.told.get(place)
            if first_within(told, made.at, self.position) if told else self.told_before.last(*place) > made.at:
                return False
        return True


def _lost(found: Known) -> list[Member] | NotKept | Unknown:
    return found if isinstance(found, NotKept | Unknown) else []


def _good(shown: Iterable[tuple[Member, Known]]) -> list[Member]:
    """The elements that have a value."""
    return [Member(m.element, o.content, o.encoded, m.key) for m, o in shown if isinstance(o, Ok)]


def _position(found: int | NotKept) -> int:
    return found if isinstance(found, int) else 0
