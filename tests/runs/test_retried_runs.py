"""Runs that failed, and are told to go on: what went well stands, and so does what their code has caught."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Retry, Run, Space, counter, field, on, op
from weft.reduce import Refused
from weft.returned import RunFailed
from weft.steps.carrier import StepFailed

WAIT_S = 30.0
BROKEN: set[str] = set()
"""What fails now."""
CALLED: list[str] = []


def visit(place: str) -> str:
    CALLED.append(place)
    if place in BROKEN:
        raise ValueError(f"nobody is at {place}")
    return f"was at {place}"


class Visitor(Entity):
    tidies: Field[bool] = field(default=False)

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        try:
            first = await run.call(visit, "home")
        except StepFailed:
            first = await run.call(visit, "work")
            if self.tidies:
                raise
        return f"{first}, {await run.call(visit, 'the pub')}"


class Insister(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        raise ValueError("no")


@pytest.fixture
def space() -> Iterator[Space]:
    BROKEN.clear()
    CALLED.clear()
    with weft.open(types=[Visitor, Insister]) as space:
        yield space


def test_a_failure_that_was_caught_stays_caught_when_a_later_one_is_tried_again(space: Space) -> None:
    BROKEN.update(("home", "the pub"))
    visitor = space.create(Visitor)
    with pytest.raises(RunFailed, match="nobody is at the pub"):
        visitor.go.wait(WAIT_S)
    BROKEN.clear()

    space.retry(visitor.go)

    assert visitor.go.wait(WAIT_S) == "was at work, was at the pub"
    assert CALLED == ["home", "work", "the pub", "the pub"]


def test_each_of_several_failures_is_tried_again_in_turn(space: Space) -> None:
    BROKEN.update(("home", "work", "the pub"))
    visitor = space.create(Visitor)
    for left in ("work", "the pub"):
        with pytest.raises(RunFailed, match=f"nobody is at {left}"):
            visitor.go.wait(WAIT_S)
        BROKEN.discard(left)
        space.retry(visitor.go)

    assert visitor.go.wait(WAIT_S) == "was at work, was at the pub"
    assert CALLED == ["home", "work", "work", "the pub", "the pub"]


def test_a_run_that_fails_by_its_own_code_and_is_tried_again_fails_again(space: Space) -> None:
    insister = space.create(Insister)
    for _ in range(2):
        with pytest.raises(RunFailed, match="ValueError: no"):
            insister.go.wait(WAIT_S)
        space.retry(insister.go)

    with pytest.raises(RunFailed, match="ValueError: no"):
        insister.go.wait(WAIT_S)
    assert [one.stands for one in space.runs()] == ["failed"]


def test_a_run_that_put_things_right_before_it_failed_goes_on_where_it_did(space: Space) -> None:
    BROKEN.add("home")
    visitor = space.create(Visitor, tidies=True)
    with pytest.raises(RunFailed, match="nobody is at home"):
        visitor.go.wait(WAIT_S)
    BROKEN.clear()

    space.retry(visitor.go)

    assert visitor.go.wait(2) == "was at home, was at the pub"


FAULTS: set[str] = set()
"""What the flow's own code raises now."""


class Clerk(Entity):
    entered = counter()

    @on(Entity.created)
    async def work(self, run: Run) -> str:
        if "at once" in FAULTS:
            raise ValueError("nothing to begin with")
        first = await run.call(visit, "home")
        self.entered.increment()
        if "behind the first" in FAULTS:
            raise ValueError("a slip of the pen")
        return f"{first}, {await run.call(visit, 'work')}"


@pytest.fixture
def office() -> Iterator[Space]:
    FAULTS.clear()
    BROKEN.clear()
    CALLED.clear()
    with weft.open(types=[Clerk]) as space:
        yield space


def test_a_run_whose_own_code_failed_goes_on_from_the_last_that_it_was_told(office: Space) -> None:
    FAULTS.add("behind the first")
    clerk = office.create(Clerk)
    with pytest.raises(RunFailed, match="a slip of the pen"):
        clerk.work.wait(WAIT_S)
    FAULTS.clear()

    office.retry(clerk.work)

    assert clerk.work.wait(WAIT_S) == "was at home, was at work"
    assert CALLED == ["home", "work"]
    assert int(clerk.entered) == 2, "what it did behind that, it did again"


def test_a_run_whose_own_code_fails_again_has_failed_again(office: Space) -> None:
    FAULTS.add("behind the first")
    clerk = office.create(Clerk)
    for _ in range(3):
        with pytest.raises(RunFailed, match="a slip of the pen"):
            clerk.work.wait(WAIT_S)
        office.retry(clerk.work)

    with pytest.raises(RunFailed, match="a slip of the pen"):
        clerk.work.wait(WAIT_S)
    assert CALLED == ["home"]
    assert int(clerk.entered) == 4


def test_a_run_that_failed_before_its_first_step_begins_anew(office: Space) -> None:
    FAULTS.add("at once")
    clerk = office.create(Clerk)
    with pytest.raises(RunFailed, match="nothing to begin with"):
        clerk.work.wait(WAIT_S)
    FAULTS.clear()

    office.retry(clerk.work)

    assert clerk.work.wait(WAIT_S) == "was at home, was at work"
    assert CALLED == ["home", "work"]


def test_a_run_goes_on_before_any_of_its_steps(office: Space) -> None:
    BROKEN.add("work")
    clerk = office.create(Clerk)
    with pytest.raises(RunFailed, match="nobody is at work"):
        clerk.work.wait(WAIT_S)
    BROKEN.clear()
    first, second = office.steps(clerk.work)
    assert (first.kind, first.name, first.error) == ("call", "tests.runs.test_retried_runs/visit", "")
    assert second.error == "ValueError: nobody is at work"
    assert first.at < second.at

    office.retry(clerk.work, before=first)

    assert clerk.work.wait(WAIT_S) == "was at home, was at work"
    assert CALLED == ["home", "work", "home", "work"]


def test_a_step_that_a_run_has_not_asked_for_is_named(office: Space) -> None:
    BROKEN.add("work")
    clerk = office.create(Clerk)
    with pytest.raises(RunFailed, match="nobody is at work"):
        clerk.work.wait(WAIT_S)

    with pytest.raises(Refused, match="it has asked for no 'call home'"):
        office.retry(clerk.work, before="call home")
    with pytest.raises(TypeError, match="is no step"):
        office.retry(clerk.work, before=3)  # type: ignore[arg-type]


@op(retry=Retry(attempts=3, delay_s=0.3, factor=1))
def knock(place: str) -> str:
    CALLED.append(place)
    raise ValueError(f"nobody is at {place}")


class Knocker(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> str:
        return await run.call(knock, "home")


def test_how_often_a_call_was_tried_is_known_to_whoever_takes_its_run_up(tmp_path: Path) -> None:
    CALLED.clear()
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[Knocker]) as space:
        knocker = space.create(Knocker)
        until(lambda: [step.tries for step in space.steps(knocker.go)] == [1])

    with weft.open(path, types=[Knocker]) as space:
        (knocker,) = space.find(Knocker)
        with pytest.raises(RunFailed, match="nobody is at home"):
            knocker.go.wait(WAIT_S)
        assert [step.tries for step in space.steps(knocker.go)] == [2]

    assert CALLED == ["home"] * 3


@dataclass(frozen=True)
class Leave:
    now: bool


class Guest(Entity):
    place: Field[str] = field()

    @on(Entity.created, queue="door", limit=1)
    async def go(self, run: Run) -> str:
        await run.call(visit, self.place)
        await run.ask(f"leave {self.place}", Leave)
        return self.place


def test_a_run_that_is_tried_again_has_its_place_in_its_queue() -> None:
    BROKEN.clear()
    with weft.open(types=[Guest]) as space:
        BROKEN.add("home")
        first = space.create(Guest, place="home")
        until(lambda: [one.stands for one in space.runs()] == ["failed"])
        BROKEN.clear()
        between = space.create(Guest, place="the pub")
        until(lambda: [one.name for one in space.questions()] == ["leave the pub"])
        space.answer(space.questions()[0], Leave(now=True))
        assert between.go.wait(WAIT_S) == "the pub"
        space.retry(first.go)
        until(lambda: [one.name for one in space.questions()] == ["leave home"])

        second = space.create(Guest, place="work")
        assert [one.stands for one in space.runs()] == ["goes on", "waits to begin"]
        space.answer(space.questions()[0], Leave(now=True))
        assert first.go.wait(WAIT_S) == "home"

        until(lambda: [one.name for one in space.questions()] == ["leave work"])
        space.answer(space.questions()[0], Leave(now=True))
        assert second.go.wait(WAIT_S) == "work"
