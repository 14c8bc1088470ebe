"""What was tried in vain rests until it is tried again: by the clock of the log, whoever computes the space then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.until import until
from weft import Effect, Entity, Field, Retry, Run, Space, field, on, op
from weft.driver import InDoubt, NotReached
from weft.flow import WhenInDoubt
from weft.returned import RunFailed
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0
MINUTE, MOMENT = timedelta(minutes=1), timedelta(microseconds=1)
called: list[int] = []


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"


@dataclass(frozen=True)
class Launch(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"


@dataclass(frozen=True)
class Post(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "ask"


EFFECTS: dict[str, type[Effect[str]]] = {"retry": Ring, "at_most_once": Launch, "ask": Post}


class Line:
    """Comes to what a test says, try by try: an error, a receipt, or nothing for ever."""

    effects: tuple[type[Effect[Any]], ...] = tuple(EFFECTS.values())

    def __init__(self, *outcomes: Exception | str | None) -> None:
        self.outcomes, self.keys = list(outcomes), list[str]()

    async def carry_out(self, effect: Effect[str], key: str, /) -> str:
        self.keys.append(key)
        outcome = self.outcomes.pop(0)
        if outcome is None:
            await asyncio.Event().wait()
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)


def down() -> NotReached:
    return NotReached(effect="it", why="nobody is there", after_s=60.0)


def dead() -> InDoubt:
    return InDoubt(effect="it", why="the line went dead", after_s=60.0)


class Sender(Entity):
    policy: Field[str] = field()

    @on(Entity.created)
    async def send(self, run: Run) -> str:
        return await run.perform(EFFECTS[self.policy]())


@op(version=1, retry=Retry(attempts=3, delay_s=60.0, factor=1.0))
def flaky(number: int) -> int:
    called.append(number)
    if len(called) < 3:
        raise OSError("not yet")
    return number


class Caller(Entity):
    @on(Entity.created)
    async def call(self, run: Run) -> int:
        return await run.call(flaky, 7)


class Place:
    """A space that is opened again and again, and the clock by which it goes."""

    def __init__(self, path: str) -> None:
        self.path, self.time = path, VirtualTime()

    def open(self, *lines: Line) -> Space:
        return self.time.open(self.path, types=[Sender, Caller], drivers=lines)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "space.weft"))


def tries(space: Space) -> list[tuple[int, str]]:
    (sender,) = space.find(Sender)
    return [(step.tries, step.error) for step in space.steps(sender.send)]


@pytest.mark.parametrize("policy", EFFECTS)
def test_what_reached_nobody_is_in_no_doubt_after_a_restart_and_is_tried_when_it_is_due(
    place: Place, policy: str
) -> None:
    line = Line(down(), down(), "done")
    with place.open(line) as space:
        space.create(Sender, policy=policy)
        place.time.advance(space, MOMENT)
    for _ in range(3):
        with place.open(line) as space:
            place.time.advance(space, MOMENT)
            assert tries(space) == [(1, "nobody is there")], "nobody tries it meanwhile"
            assert space.questions() == []

    with place.open(line) as space:
        place.time.advance(space, MINUTE)
        assert tries(space) == [(2, "nobody is there")]
    with place.open(line) as space:
        place.time.advance(space, MINUTE)
        (sender,) = space.find(Sender)
        assert sender.send.wait(WAIT_S) == "done"
    assert len(line.keys) == 3
    assert len({*line.keys}) == 1


def test_a_try_that_was_under_way_when_its_program_ended_is_in_doubt_whatever_those_before_it_were(
    place: Place,
) -> None:
    line = Line(down(), None)
    with place.open(line) as space:
        sender = space.create(Sender, policy="at_most_once")
        place.time.advance(space, MOMENT)
        place.time.now += MINUTE
        until(lambda: len(line.keys) == 2)

    with place.open(line) as space:
        (sender,) = space.find(Sender)
        with pytest.raises(RunFailed, match="InDoubt"):
            sender.send.wait(WAIT_S)
    assert len(line.keys) == 2


def test_what_one_try_may_have_done_is_in_doubt_when_those_behind_it_reached_nobody(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.steps.effects.TRIES", Retry(attempts=3, delay_s=1.0))
    line = Line(dead(), down(), down())
    with place.open(line) as space:
        space.create(Sender, policy="retry")
        place.time.advance(space, MOMENT)
    with place.open(line) as space:
        place.time.advance(space, 3 * MINUTE)

        assert [question.doubt for question in space.questions()] == ["nobody is there"]


@pytest.mark.parametrize(
    ("outcome", "said"), [(dead(), "whether a try before did is not known"), (down(), "nobody has")]
)
def test_of_what_nobody_here_carries_out_it_is_said_whether_a_try_before_may_have(
    place: Place, outcome: Exception, said: str
) -> None:
    line = Line(outcome, "done")
    with place.open(line) as space:
        space.create(Sender, policy="retry")
        place.time.advance(space, MOMENT)
    with place.open() as space:
        place.time.advance(space, MINUTE)
        assert [said in question.doubt for question in space.questions()] == [True]

    with place.open(line) as space:
        (sender,) = space.find(Sender)
        assert sender.send.wait(WAIT_S) == "done"


def test_a_call_rests_by_the_clock_of_the_log_and_over_a_restart(place: Place) -> None:
    called.clear()
    with place.open() as space:
        space.create(Caller)
        place.time.advance(space, MINUTE - MOMENT)
        assert called == [7]
        place.time.advance(space, MOMENT)
        assert called == [7, 7]
    with place.open() as space:
        (caller,) = space.find(Caller)
        place.time.advance(space, MOMENT)
        assert called == [7, 7]
        place.time.advance(space, MINUTE)
        assert caller.call.wait(WAIT_S) == 7
    assert called == [7, 7, 7]
