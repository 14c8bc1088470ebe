"""The law of the past: read as of any position, every node gives what the engine showed there."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis.stateful import invariant

from tests.laws.test_results import Laws
from weft.past.as_of import AsOf, content_key
from weft.past.difference import differences
from weft.past.index import LogIndex
from weft.slot import Err

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
        found = differences(AsOf(engine, low, index), AsOf(engine, high, index))
        told = {(one.entity, one.node) for one in found if not one.element and one.kind in ("told", "computed")}
        wholes = {(id, node.name) for id in ENTITIES for node in self.specs[id].nodes.values() if node.kind == "each"}
        before, after = self.noted[low], self.noted[high]
        failed = {place for place in after if "failed" in (before[place], after[place])}
        assert told - failed == {place for place in after if before[place] != after[place]} - wholes - failed


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
