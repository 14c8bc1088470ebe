"""Definitions that change in an open space: runs wait for code that went, go on with code that came."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, on, op
from weft.driving.beginnings import Beginnings

WAIT_S = 10.0


@dataclass(frozen=True)
class Ring(Effect[int]):
    number: int


class Bells:
    """Rings when it is told to, and keeps count."""

    effects = (Ring,)

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.may_end = Event()

    async def carry_out(self, effect: Ring, key: str, /) -> int:
        self.begun.append(effect.number)
        await asyncio.to_thread(self.may_end.wait, WAIT_S)
        self.ended.append(effect.number)
        return effect.number


called: list[int] = []
may_end = Event()


@op(version=1)
async def slow(number: int) -> int:
    called.append(number)
    await asyncio.to_thread(may_end.wait, WAIT_S)
    return number


class Rings(Entity):
    number: Field[int] = field()

    @on(Entity.created, queue="bells", limit=1)
    async def ring(self, run: Run) -> int:
        return await run.perform(Ring(self.number))


class RingsTwice(Entity):
    number: Field[int] = field()

    @on(Entity.created, queue="bells", limit=1)
    async def ring(self, run: Run) -> int:
        return 2 * await run.perform(Ring(self.number))


class RingsOnce(Entity):
    number: Field[int] = field()

    @on(Entity.created)
    async def ring(self, run: Run) -> int:
        first, second = await run.gather(
            run.perform(Ring(self.number), once="ring"), run.perform(Ring(self.number), once="ring")
        )
        return first + second


class IsQuiet(Entity):
    number: Field[int] = field()


class Calls(Entity):
    number: Field[int] = field()

    @on(Entity.created)
    async def ring(self, run: Run) -> int:
        return await run.call(slow, self.number)


class CallsOtherwise(Entity):
    number: Field[int] = field()

    @on(Entity.created)
    async def ring(self, run: Run) -> int:
        return -await run.call(slow, self.number)


for kind in (Rings, RingsTwice, RingsOnce, IsQuiet, Calls, CallsOtherwise):
    kind.__name__ = kind.__qualname__ = "Bell"


class Other(Entity):
    number: Field[int] = field()


class OtherAnew(Entity):
    number: Field[str] = field(default="none")


OtherAnew.__name__ = OtherAnew.__qualname__ = "Other"


class Follower(Entity):
    number: Field[int] = field(default=0)
    seen: Field[int] = field(default=0)

    @on(number.changes())
    async def follow(self, run: Run) -> None:
        await run.call(slow, 1)
        self.seen = self.seen + 1


@pytest.fixture
def bells() -> Bells:
    return Bells()


@pytest.fixture
def space(bells: Bells) -> Iterator[Space]:
    called.clear()
    may_end.clear()
    with weft.open(drivers=[bells]) as space:
        yield space


def stands(space: Space) -> list[str]:
    return [run.stands for run in space.runs()]


def test_what_was_performed_for_a_flow_that_is_gone_is_heard_when_it_is_back(space: Space, bells: Bells) -> None:
    bell = space.create(Rings, number=3)
    until(lambda: bells.begun == [3])

    space.define(IsQuiet)
    bells.may_end.set()
    until(lambda: bells.ended == [3])
    for _ in range(3):  # turns are taken meanwhile, in which it is said what the effect came to
        space.create(Follower)
    assert stands(space) == ["blocked"]

    space.define(Rings)
    assert bell.ring.wait(WAIT_S) == 3
    assert bells.begun == [3]


def test_what_waits_for_its_turn_when_its_flow_goes_begins_when_it_is_back(space: Space, bells: Bells) -> None:
    made = [space.create(Rings, number=number) for number in range(3)]
    until(lambda: bells.begun == [0])

    space.define(IsQuiet)
    bells.may_end.set()
    space.define(Rings)

    assert [bell.ring.wait(WAIT_S) for bell in made] == [0, 1, 2]
    assert bells.begun == [0, 1, 2]


def test_what_is_to_happen_once_is_waited_for_again_when_its_flow_is_back(space: Space, bells: Bells) -> None:
    bell = space.create(RingsOnce, number=3)
    until(lambda: bells.begun == [3])

    space.define(IsQuiet)
    assert space.create(Follower).seen == 0
    bells.may_end.set()
    space.define(RingsOnce)

    assert bell.ring.wait(WAIT_S) == 6
    assert bells.begun == [3]


def test_a_run_whose_code_changes_in_an_open_space_waits_for_the_code_that_it_began_with(space: Space) -> None:
    bell = space.create(Calls, number=3)
    until(lambda: called == [3])

    space.define(CallsOtherwise)
    may_end.set()
    assert stands(space) == ["blocked"]
    space.define(Calls)

    assert bell.ring.wait(WAIT_S) == 3


def test_a_run_that_waits_to_begin_begins_with_the_code_that_is_there_then(space: Space, bells: Bells) -> None:
    with space.edit():
        first, second = space.create(Rings, number=1), space.create(Rings, number=2)
    until(lambda: bells.begun == [1])
    bells.may_end.set()
    assert first.ring.wait(WAIT_S) == 1 and second.ring.wait(WAIT_S) == 2

    bells.may_end.clear()
    with space.edit():
        first, second = space.create(Rings, number=1), space.create(Rings, number=2)
    until(lambda: bells.begun == [1, 2, 1])
    space.define(RingsTwice)
    space.cancel(first.ring)
    bells.may_end.set()

    assert second.ring.wait(WAIT_S) == 4


def test_a_run_goes_on_undisturbed_where_another_type_changes(space: Space) -> None:
    space.create(Other, number=1)
    bell = space.create(Calls, number=3)
    until(lambda: called == [3])

    space.define(OtherAnew)
    may_end.set()

    assert bell.ring.wait(WAIT_S) == 3
    assert called == [3]


@pytest.mark.parametrize("kind", [Follower, Rings])
def test_a_long_line_is_not_gone_through_at_each_turn(
    space: Space, bells: Bells, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    decide = Beginnings._decide

    def counted(self: Beginnings, id: Any, *of: Any) -> Any:
        looked.append(id[2])
        return decide(self, id, *of)

    monkeypatch.setattr(Beginnings, "_decide", counted)
    firings = 200

    if kind is Follower:
        found = space.create(Follower)
        for number in range(firings):
            found.number = number + 1
        may_end.set()
        until(lambda: found.seen == firings)
    else:
        with space.edit():
            made = [space.create(Rings, number=number) for number in range(firings)]
        bells.may_end.set()
        assert [bell.ring.wait(WAIT_S) for bell in made] == list(range(firings))

    assert firings <= len(looked) <= 8 * firings
