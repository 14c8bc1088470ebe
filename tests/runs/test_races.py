"""Two things that happen to a run in one turn of its engine, in either order: each is told, and it ends once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest

from tests.until import until
from weft import Entity, Field, Run, field, items, on
from weft.content import Plain
from weft.edit import Edit
from weft.home import Home
from weft.reduce import Refused
from weft.store import entries_of
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0
HOUR = timedelta(hours=1)
Act = Callable[[], object]


@dataclass(frozen=True)
class Go:
    on: bool


class Worker(Entity):
    """Waits for the clock or for an answer, and puts things right where it is cancelled."""

    asks: Field[bool] = field(default=False)
    log = items(str)

    @on(Entity.created)
    async def work(self, run: Run) -> str:
        try:
            await (run.ask("go", Go) if self.asks else run.sleep(HOUR))
        except BaseException:
            self.log.add("put right")
            raise
        self.log.add("done")
        return "done"


class Child(Entity):
    @on(Entity.created)
    async def work(self, run: Run) -> str:
        await run.ask("child", Go)
        return "grown"


class Parent(Entity):
    """Waits for its child, behind some time of its own."""

    sleeps: Field[bool] = field(default=False)
    log = items(str)

    @on(Entity.created)
    async def lead(self, run: Run) -> str:
        child = await run.create(Child)
        if self.sleeps:
            await run.sleep(HOUR)
        came = await child.work
        self.log.add(f"heard {came}")
        return came


class Switch(Entity):
    """Counts how often it was turned on."""

    is_on: Field[bool] = field(default=False)
    log = items(int)

    @on(is_on.becomes(True))
    async def turned(self, run: Run) -> str:
        self.log.add(await run.call(one))
        return run.id


def one() -> int:
    return 1


class Place:
    """A space, and what is done to it in one turn of its engine."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.space = self.time.open(types=[Worker, Child, Parent, Switch]).__enter__()

    def in_one_turn(self, *acts: Act) -> list[Future[object]]:
        """What edits say, told in this order; returns what became of each."""
        events = [self._said(act) for act in acts]
        home = self.space._host
        assert isinstance(home, Home)
        with home.lock:  # the engine takes no turn until all are there
            return [home._running().submit(partial(home.engine.tell, event)) for event in events]

    def _said(self, act: Act) -> dict[str, Plain]:
        """The event that an edit would tell."""
        edits: list[Edit] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.space, "_tell", edits.append)
            act()
        (edit,) = edits
        return self.space._event(edit)

    def answer(self, name: str) -> Act:
        (question,) = [one for one in self.space.questions() if one.name == name]
        return lambda: self.space.answer(question, Go(True))

    def told(self, verb: str, flow: str) -> list[list[Plain]]:
        """What was told of runs of a flow, by verb, as far as it was not refused."""
        return [
            intent
            for entry in entries_of(self.space._store)
            if entry.kind == "event"
            for intent in entry.said["intents"]  # type: ignore[union-attr]
            if isinstance(intent, list) and intent[1:3] == [flow, verb]
        ]

    def endings(self, flow: str) -> list[object]:
        return [intent[4] for intent in self.told("end", flow)]


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.space.close()


def is_refused(future: Future[object]) -> bool:
    return isinstance(future.exception(WAIT_S), Refused)


@pytest.mark.parametrize("first", ["answer", "cancel"])
def test_an_answer_and_a_cancel_in_one_turn_end_a_run_once(place: Place, first: str) -> None:
    worker = place.space.create(Worker, asks=True)
    until(lambda: place.space.questions() != [])
    acts = {"answer": place.answer("go"), "cancel": lambda: place.space.cancel(worker.work)}

    futures = place.in_one_turn(acts.pop(first), *acts.values())

    assert [is_refused(future) for future in futures] == [False, False]
    until(lambda: place.space.runs() == [])
    expected = {"answer": ("returned", "done"), "cancel": ("cancelled", "put right")}[first]
    assert (place.endings("work"), [*worker.log]) == ([expected[0]], [expected[1]])


@pytest.mark.parametrize("first", ["timer", "cancel"])
def test_a_timer_and_a_cancel_end_a_run_once(place: Place, first: str) -> None:
    worker = place.space.create(Worker)
    place.time.rest(place.space)

    if first == "timer":
        place.time.advance(place.space, HOUR)
        with pytest.raises(Refused, match="it has returned already"):
            place.space.cancel(worker.work)
    else:  # both in one turn, which takes edits first

        def cancel() -> None:
            place.space.cancel(worker.work)

        with place.space.view():
            place.time.now += HOUR
        (future,) = place.in_one_turn(cancel)
        future.result(WAIT_S)
        place.time.rest(place.space)

    expected = {"timer": ("returned", "done"), "cancel": ("cancelled", "put right")}[first]
    assert (place.endings("work"), [*worker.log]) == ([expected[0]], [expected[1]])


@pytest.mark.parametrize("first", ["child", "cancel"])
def test_a_child_that_ends_as_its_parent_is_cancelled_ends_once_and_so_does_its_parent(
    place: Place, first: str
) -> None:
    parent = place.space.create(Parent)
    until(lambda: place.space.questions() != [])
    acts = {"child": place.answer("child"), "cancel": lambda: place.space.cancel(parent.lead)}

    futures = place.in_one_turn(acts.pop(first), *acts.values())

    assert [is_refused(future) for future in futures] == [False, False]
    until(lambda: place.space.runs() == [])
    assert len(place.endings("work")) == len(place.endings("lead")) == 1
    heard = ["heard grown"] if place.endings("lead") == ["returned"] else []
    assert [*parent.log] == heard
    assert place.endings("lead") == ["cancelled"]


def test_what_happened_before_somebody_waits_for_it_is_not_missed(place: Place) -> None:
    parent = place.space.create(Parent, sleeps=True)
    until(lambda: place.space.questions() != [])
    place.answer("child")()
    until(lambda: place.endings("work") == ["returned"])

    place.time.advance(place.space, HOUR)

    assert parent.lead.wait(WAIT_S) == "grown"
    assert [*parent.log] == ["heard grown"]


def test_what_happens_as_somebody_begins_to_wait_for_it_is_heard_once(place: Place) -> None:
    parent = place.space.create(Parent, sleeps=True)
    until(lambda: place.space.questions() != [])
    answer = place.answer("child")

    with place.space.view():
        place.time.now += HOUR
    (future,) = place.in_one_turn(answer)

    future.result(WAIT_S)
    assert parent.lead.wait(WAIT_S) == "grown"
    assert [*parent.log] == ["heard grown"]
    assert len(place.told("done", "lead")) == 2, "its sleep, and what it has heard"


def test_one_edit_that_two_say_fires_once(place: Place) -> None:
    switch = place.space.create(Switch)

    def turn_on() -> None:
        with place.space.edit(once="turn it on"):
            switch.is_on = True

    futures = place.in_one_turn(turn_on, turn_on)

    first, second = [future.result(WAIT_S) for future in futures]
    assert first == second, "the second is told what became of the first"
    assert switch.turned.wait(WAIT_S) == place.told("fire", "turned")[0][3]
    assert len(place.told("fire", "turned")) == len(place.told("begin", "turned")) == 1
    assert [*switch.log] == [1]
