"""A clock that a test moves: it is the clock of the spaces that were opened by it, and is moved by times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import weft
from tests.surface.test_mistakes import SlowDoor, refusal
from weft import Entity, Field, Run, derive, field, on
from weft.testing.virtual_time import VirtualTime

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Yes:
    ok: bool


class Child(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> bool:
        return (await run.ask("seen", Yes, expires=3 * DAY, default=Yes(False))).ok


def twice(number: int) -> int:
    return 2 * number


class Parent(Entity):
    number: Field[int] = field(default=1)
    twice = derive(twice, number)

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        child = await run.create(Child)
        self.number = 4
        return f"{await child.go}, {await self.twice}"


def test_a_space_that_goes_by_another_clock_is_refused() -> None:
    time, other = VirtualTime(), VirtualTime()
    with weft.open() as space, other.open() as by_other:
        for one in (space, by_other):
            for move in (lambda at=one: time.advance(at, timedelta(days=1)), lambda at=one: time.rest(at)):
                assert "does not go by this clock: open it by time.open(…), in place of" in refusal(move)


@pytest.mark.parametrize("by", [3600, "1 hour"])
def test_a_clock_is_moved_by_a_timedelta(by: Any) -> None:
    time = VirtualTime()
    with time.open() as space:
        assert "time.advance takes a timedelta, not" in refusal(lambda: time.advance(space, by))


def test_what_is_given_to_open_is_checked() -> None:
    given: list[Any] = [SlowDoor()]

    assert "SlowDoor.carry_out is no coroutine function" in refusal(lambda: VirtualTime().open(drivers=given))


def test_a_run_that_waits_for_another_is_at_rest_while_that_is() -> None:
    time = VirtualTime()
    with time.open(types=[Parent, Child]) as space:
        parent = space.create(Parent)
        time.advance(space, 2 * DAY)
        assert [question.name for question in space.questions()] == ["seen"]

        time.advance(space, DAY)

        assert parent.go.wait(0) == "False, 8"
