"""Runs that go on for ever, wait for a limited time, begin others, put things right, and share queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.until import until
from weft import Effect, Entity, Field, Run, Running, Space, field, items, on
from weft.driver import EffectRefused
from weft.flow import WhenInDoubt
from weft.returned import RunFailed
from weft.runs.live_run import DeadlinePassed
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BATCHES = 40


@dataclass(frozen=True)
class Cursor:
    at: int
    total: int


@dataclass(frozen=True)
class Say(Effect[bool]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    text: str


@dataclass(frozen=True)
class Go:
    on: bool


def batch(at: int) -> int:
    return at


class Reader(Entity):
    is_stopped: Field[bool] = field(default=False)

    @on(Entity.created)
    async def read(self, run: Run) -> int:
        cursor = run.carried(Cursor) or Cursor(0, 0)
        for _ in range(4):
            if cursor.at == BATCHES:
                return cursor.total
            cursor = Cursor(cursor.at + 1, cursor.total + await run.call(batch, cursor.at))
        return await run.continue_as_new(cursor)


class Waiter(Entity):
    @on(Entity.created)
    async def slow(self, run: Run) -> str:
        try:
            await run.within(HOUR, run.sleep(DAY))
        except DeadlinePassed as why:
            return str(why)
        return "it was quick"

    @on(Entity.created)
    async def quick(self, run: Run) -> int:
        return await run.within(HOUR, run.call(batch, 7))


class Child(Entity):
    name: Field[str] = field()
    log = items(str)

    @on(Entity.created)
    async def work(self, run: Run) -> str:
        try:
            await run.ask(f"go {self.name}", Go)
        finally:
            self.log.add("over")
        return self.name


class Parent(Entity):
    is_asked: Field[bool] = field(default=False)

    @on(Entity.created)
    async def lead(self, run: Run) -> list[str]:
        children = [await run.create(Child, name=name) for name in ("a", "b")]
        return await run.gather(*(child.work for child in children))


class Saga(Entity):
    @on(Entity.created)
    async def book(self, run: Run) -> str:
        async with AsyncExitStack() as undo:
            for what in ("flight", "hotel", "car"):
                await run.perform(Say(f"book {what}"))
                undo.push_async_callback(run.perform, Say(f"cancel {what}"))
            await run.ask("pay", Go)
            undo.pop_all()
        return "booked"


class Job(Entity):
    name: Field[str] = field()
    weight: Field[int] = field(default=0)

    @on(Entity.created, queue="jobs", limit=2, priority=weight)
    async def work(self, run: Run) -> str:
        await run.ask(self.name, Go)
        return self.name


class Outside:
    effects: tuple[type[Effect[Any]], ...] = (Say,)

    def __init__(self) -> None:
        self.said: list[str] = []

    async def carry_out(self, effect: Say, key: str, /) -> bool:
        if effect.text == "book car":
            raise EffectRefused(effect="Say", why="there is none")
        self.said.append(effect.text)
        return True


TYPES: list[type[Entity]] = [Reader, Waiter, Child, Parent, Saga, Job]


class Place:
    def __init__(self, path: str) -> None:
        self.path, self.outside, self.time = path, Outside(), VirtualTime()
        self.space = self.opened()

    def opened(self) -> Space:
        return self.time.open(self.path, types=TYPES, drivers=[self.outside]).__enter__()

    def again(self) -> None:
        self.space.close()
        self.space = self.opened()

    def asked(self) -> list[str]:
        return sorted(one.name for one in self.space.questions())

    def answer(self, name: str) -> None:
        (id,) = [one.id for one in self.space.questions() if one.name == name]
        self.space.answer(id, Go(on=True))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(str(tmp_path / "space.weft"))
    yield place
    place.space.close()


def test_a_run_continues_as_new_with_what_it_carries(place: Place) -> None:
    reader = place.space.create(Reader)

    assert reader.read.wait(WAIT_S) == sum(range(BATCHES))

    with place.space.view() as engine:
        cell: Any = engine.node(reader.id, "read")
        assert len(cell.cell.runs) == 1
        (run,) = cell.cell.runs.values()
    assert run.restarts == 0
    assert isinstance(run.carried, dict)


def test_what_a_run_waits_for_is_bounded(place: Place) -> None:
    waiter = place.space.create(Waiter)
    assert waiter.quick.wait(WAIT_S) == 7
    assert isinstance(waiter.slow.state, Running)

    place.time.advance(place.space, HOUR)

    assert waiter.slow.wait(WAIT_S) == "What a run waited for took longer than 1:00:00."
    assert place.space.runs() == []


@pytest.mark.parametrize("restarts", [False, True])
def test_a_run_waits_for_those_that_it_began(place: Place, restarts: bool) -> None:
    parent = place.space.create(Parent)
    until(lambda: place.asked() == ["go a", "go b"])
    place.answer("go b")
    if restarts:
        place.again()
        (parent,) = place.space.find(Parent)
    until(lambda: place.asked() == ["go a"])
    place.answer("go a")

    assert parent.lead.wait(WAIT_S) == ["a", "b"]


@pytest.mark.parametrize("restarts", [False, True])
def test_who_is_cancelled_takes_those_along_that_it_began(place: Place, restarts: bool) -> None:
    parent = place.space.create(Parent)
    until(lambda: place.asked() == ["go a", "go b"])
    if restarts:
        place.again()
        (parent,) = place.space.find(Parent)

    place.space.cancel(parent.lead)

    until(lambda: place.space.runs() == [])
    for child in place.space.find(Child):
        assert [*child.log] == ["over"]
        with pytest.raises(RunFailed, match="was cancelled"):
            child.work.wait(WAIT_S)


def test_a_child_that_is_cancelled_alone_fails_who_waits_for_it(place: Place) -> None:
    parent = place.space.create(Parent)
    until(lambda: place.asked() == ["go a", "go b"])

    (child,) = [child for child in place.space.find(Child) if child.name == "a"]
    place.space.cancel(child.work)

    with pytest.raises(RunFailed, match="was cancelled"):
        parent.lead.wait(WAIT_S)
    assert place.asked() == ["go b"], "others go on"


def test_what_was_done_is_put_right_in_reverse_where_something_fails(place: Place) -> None:
    saga = place.space.create(Saga)

    with pytest.raises(RunFailed, match="there is none"):
        saga.book.wait(WAIT_S)

    assert place.outside.said == ["book flight", "book hotel", "cancel hotel", "cancel flight"]


def test_of_one_queue_so_many_are_under_way_and_the_greatest_first(place: Place) -> None:
    for name in ("first", "second"):
        place.space.create(Job, name=name)
    until(lambda: place.asked() == ["first", "second"])
    for name, weight in (("a", 0), ("b", 0), ("c", 1), ("d", 5), ("e", 1)):
        place.space.create(Job, name=name, weight=weight)
    place.answer("first")
    until(lambda: place.asked() == ["d", "second"])
    place.answer("second")
    until(lambda: place.asked() == ["c", "d"])

    place.answer("d")
    until(lambda: place.asked() == ["c", "e"])
    place.again()
    until(lambda: place.asked() == ["c", "e"])
    place.answer("e")
    until(lambda: place.asked() == ["a", "c"])
    place.answer("c")
    until(lambda: place.asked() == ["a", "b"])


def test_a_queue_lets_somebody_begin() -> None:
    for queue, limit in (("jobs", 0), ("", 1), ("jobs", -1)):
        with pytest.raises(ValueError, match="has a name, and a limit of 1 or more"):
            on(Entity.created, queue=queue, limit=limit)
