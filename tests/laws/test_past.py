"""The laws of the past: as of any position a node gives what the operations make of all that was told by then, or says
that this is unknown; or, where that is asked for, what the engine showed there."""

from __future__ import annotations

import random
from bisect import bisect_right

from hypothesis import settings
from hypothesis.stateful import invariant

from tests.laws.test_results import Laws, Oracle
from weft.past.as_of import AsOf
from weft.past.difference import differences
from weft.past.index import LogIndex
from weft.past.known import Unknown, content_key
from weft.past.right_then import RightThen
from weft.slot import Err, Gone, Ok
from weft.value import shape_of

ENTITIES = ("left", "other", "right")
Shown = dict[tuple[str, str], object]


class Remembering(Laws):
    """The machine of results, whose every state is kept beside it."""

    @invariant()
    def note(self) -> None:
        if hasattr(self, "world"):
            self.noted: dict[int, Shown] = getattr(self, "noted", {})
            self.noted[self.world.engine.head.position] = self.shown_now()

    def shown_now(self) -> Shown:
        engine, found = self.world.engine, {}
        for entity in ENTITIES:
            for name in self.specs[entity].nodes:
                node = engine.node(entity, name)
                assert node is not None
                outcome = node.outcome()
                # Of several failed elements the whole names one, and which does not matter.
                found[entity, name] = "failed" if isinstance(outcome, Err) else content_key(outcome)
        return found

    def shown_at(self, position: int, index: LogIndex) -> Shown:
        as_of, found = AsOf(self.world.engine, position, index), {}
        for entity in ENTITIES:
            for name in self.specs[entity].nodes:
                outcome = as_of.outcome(entity, name)
                found[entity, name] = "failed" if isinstance(outcome, Err) else content_key(outcome)
        return found

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.engine.commit()
        index = LogIndex()
        for position, shown in self.noted.items():
            assert self.shown_at(position, index) == shown, position
        self.differ(index)
        self.drain(random.Random(1), 1)
        super().teardown()

    def differ(self, index: LogIndex) -> None:
        low, high = min(self.noted), max(self.noted)
        engine = self.world.engine
        found = differences(RightThen(engine, low, index), RightThen(engine, high, index), as_shown=True)
        told = {(one.entity, one.node) for one in found if not one.element and one.kind in ("told", "computed")}
        wholes = {(id, node.name) for id in ENTITIES for node in self.specs[id].nodes.values() if node.kind == "each"}
        before, after = self.noted[low], self.noted[high]
        failed = {place for place in after if "failed" in (before[place], after[place])}
        assert told - failed == {place for place in after if before[place] != after[place]} - wholes - failed


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


class Knowing(Laws):
    """The machine of results: which of its slots were current at each position is kept beside it."""

    @invariant()
    def note(self) -> None:
        if hasattr(self, "world"):
            self.current: dict[int, Shown] = getattr(self, "current", {})
            current = [slot for slot in self.slots() if slot.current and isinstance(slot.outcome(), Ok)]
            self.current[self.world.engine.head.position] = {
                (slot.key.entity, slot.key.node): content_key(slot.outcome())
                for slot in current
                if not slot.key.element
            }

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.engine.commit()
        self.look_back()
        self.drain(random.Random(1), 1)
        self.look_back()
        super().teardown()

    def look_back(self) -> None:
        index, cuts = LogIndex(), sorted(self.cuts)
        for position in range(cuts[0], self.world.engine.head.position + 1):
            state = self.cuts[cuts[bisect_right(cuts, position) - 1]]
            then = RightThen(self.world.engine, position, index)
            for entity in ENTITIES:
                for name in self.specs[entity].nodes:
                    self.check(then, entity, name, Oracle(self, state))

    def check(self, then: RightThen, entity: str, name: str, oracle: Oracle) -> None:
        known, place = then.known(entity, name), (entity, name, then.position)
        if isinstance(known, Ok):
            spec = self.specs[entity].nodes[name]
            shape = spec.code.whole or spec.code.shape if spec.code is not None else shape_of(object)
            expected = oracle.value(entity, name)
            found = shape.decode(known.encoded)
            if spec.kind == "ref":
                found = found["entity"]
            assert (tuple(found) if isinstance(found, list) else found) == expected, place
        elif isinstance(known, Unknown):
            assert content_key(known.shown) == content_key(AsOf.outcome(then, entity, name)), place
        else:
            assert isinstance(known, Err | Gone), place
        shown = self.current.get(then.position, {}).get((entity, name))
        assert shown is None or shown == content_key(known), f"it was current: {place}"


TestKnowing = Knowing.TestCase
TestKnowing.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
