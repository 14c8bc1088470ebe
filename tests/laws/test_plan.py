"""The law of plans: what a dry run says is what then happens, and to make one changes nothing."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.laws.test_rebuild import tables
from tests.laws.test_results import KEYS, Laws, V, element_of
from weft.plan.forecast import Forecast, Verdict
from weft.slot import SlotKey
from weft.store import entries_of

HAPPENS: dict[Verdict, set[str]] = {
    "call": {"ran", "reused"},  # the second of two equal calls may find the first one's value
    "known": {"reused"},
    "built in": {"built in"},
    "passed on": {"passed on"},
    "untouched": {""},
    "unknown": {"", "ran", "reused", "built in", "passed on"},
}


class Planning(Laws):
    """The machine of results, in which events are told to a space at rest and planned for."""

    @rule(entity=st.sampled_from(["left", "other"]), name=st.sampled_from("xy"), v=V)
    def plan_a_set(self, entity: str, name: str, v: int) -> None:
        self.drain(random.Random(1), 1)
        self.set(entity, name, v)
        self.planned()

    @rule(entity=st.sampled_from(["left", "other"]), key=st.sampled_from(KEYS), comes=st.booleans())
    def plan_an_element(self, entity: str, key: int, comes: bool) -> None:
        self.drain(random.Random(1), 1)
        xs = self.state[entity]["xs"]
        if comes and key not in xs:
            xs.append(key)
            self.tell([entity, "xs", "add", f"{len(self.cuts):012x}", key])
        elif not comes and key in xs:
            xs.remove(key)
            self.tell([entity, "xs", "remove", element_of(key)])
        self.planned()

    @rule(entity=st.sampled_from(["left", "other"]))
    def plan_a_reference(self, entity: str) -> None:
        self.drain(random.Random(1), 1)
        self.point(entity)
        self.planned()

    def planned(self) -> None:
        engine = self.world.engine
        before = (engine.head, self.view(), tables(self.world.store), dict(engine.watched))
        forecast = Forecast(engine)
        forecast.run(list(engine.demanded()))
        assert (engine.head, self.view(), tables(self.world.store), dict(engine.watched)) == before
        assert engine.batch.is_empty()
        foreseen: dict[SlotKey, Verdict] = {slot.key: verdict for slot, verdict in forecast.verdicts.items()}

        self.drain(random.Random(1), 1)

        happened: dict[SlotKey, str] = {}
        for _, kind, said in entries_of(self.world.store, before[0].position):
            if kind == "result":
                slot = said["slot"]
                assert isinstance(slot, list)
                happened[SlotKey(*map(str, slot))] = str(said["how"])
        for key, verdict in foreseen.items():
            assert happened.get(key, "") in HAPPENS[verdict], (key, verdict)
        assert happened.keys() <= foreseen.keys()


TestPlanning = Planning.TestCase
TestPlanning.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
