"""Budgets: what a run has spent is known however often it is taken up, and one that has spent all of it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

import weft
from tests.until import until
from weft import Budget, BudgetSpent, Entity, Field, Run, Space, field, on
from weft.returned import RunFailed
from weft.runs.purse import ENDING_STEPS
from weft.spent import Prices, spend
from weft.steps.carrier import StepFailed
from weft.store import WAIT, entries_of
from weft.testing.virtual_time import VirtualTime

WAIT_S = 30.0
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Guess:
    number: int


class Guesser(Protocol):
    """Guesses numbers, and tells what that took."""

    async def object(self, prompt: str, form: type[Guess], /) -> Guess: ...


class Oracle:
    """Guesses in order, each for 40 tokens and 2 cents; or not, where it is `silent`."""

    def __init__(self) -> None:
        self.asked, self.silent = 0, False

    async def object(self, prompt: str, form: type[Guess], /) -> Guess:
        self.asked += 1
        spend(30, 10, prices=Prices("500", "500"))
        if self.silent:
            raise ValueError("it says nothing")
        return Guess(self.asked)


async def guess(number: int, *, guesser: Guesser) -> int:
    return number + (await guesser.object("a number", Guess)).number


def count(number: int) -> int:
    return number + 1


def by_rule(about: object) -> Guess | None:
    return Guess(7) if about == "seven" else None


class Counting(Entity):
    """Counts until its budget is spent, and then as long as it is let."""

    kind: Field[str] = field()
    ends: Field[str] = field(default="badly")
    reached: Field[int] = field(default=0)

    async def _go_on(self, run: Run) -> None:
        while True:
            match self.kind:
                case "guess":
                    self.reached = await run.call(guess, self.reached)
                case "decide":
                    self.reached += (await run.ask("next", Guess, to=Oracle(), about=self.reached)).number
                case _:
                    self.reached = await run.call(count, self.reached)

    async def _spend(self, run: Run) -> str:
        try:
            await self._go_on(run)
        except BudgetSpent as why:
            if self.ends == "badly":
                raise
            while self.ends == "never":
                await run.call(count, 0)
            return f"{why.what}; {await run.call(count, self.reached)}, {run.spent.tokens_in} tokens in"
        return "never"

    @on(kind.becomes("count"), budget=Budget(steps=5))
    async def steps(self, run: Run) -> str:
        return await self._spend(run)

    @on(kind.becomes("guess"), budget=Budget(tokens=100))
    async def tokens(self, run: Run) -> str:
        return await self._spend(run)

    @on(kind.becomes("pause"), budget=Budget(tokens=100))
    async def paused(self, run: Run) -> None:
        while True:
            self.reached = await run.call(guess, self.reached)
            await run.ask("on", Guess, about=self.reached)

    @on(kind.becomes("stubborn"), budget=Budget(tokens=100))
    async def stubborn(self, run: Run) -> None:
        while True:
            with contextlib.suppress(StepFailed):
                await run.call(guess, self.reached)

    @on(kind.becomes("ask"), budget=Budget(time=HOUR))
    async def time(self, run: Run) -> str:
        try:
            return str(await run.ask("number", Guess))
        except BudgetSpent as why:
            if self.ends == "badly":
                raise
            return f"{why.what}, and {await run.call(count, 0)}"

    @on(kind.becomes("several"))
    async def several(self, run: Run) -> int:
        oracle = Oracle()
        oracle.silent = self.ends == "badly"
        return (await run.ask("number", Guess, to=(oracle, by_rule), about="seven")).number

    @on(kind.becomes("decide"), budget=Budget(money="0.05"))
    async def money(self, run: Run) -> str:
        return await self._spend(run)


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder, self.oracle = folder, Oracle()

    @contextmanager
    def opened(self) -> Iterator[Space]:
        with weft.open(str(self.folder / "s.weft"), types=[Counting], services={Guesser: self.oracle}) as space:
            yield space


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def is_asked(space: Space) -> bool:
    return [one.is_answered for one in space.questions()] == [False]


def begin(space: Space, kind: str, ends: str = "badly") -> Counting:
    made = space.create(Counting, kind="", ends=ends)
    made.kind = kind
    return made


@pytest.mark.parametrize(
    ("kind", "flow", "what"),
    [
        ("count", "steps", "it has asked for 5 steps"),
        ("guess", "tokens", "it has used 120 tokens of 100"),
        ("decide", "money", "it has cost 0.06 USD of 0.05"),
    ],
)
def test_a_run_whose_budget_is_spent_fails_and_says_of_what(place: Place, kind: str, flow: str, what: str) -> None:
    with place.opened() as space:
        made = begin(space, kind)
        with pytest.raises(RunFailed, match=f"BudgetSpent: The run .* has spent its budget: {what}"):
            getattr(made, flow).wait(WAIT_S)
        assert [run.stands for run in space.runs()] == ["failed"]


def test_a_run_that_hears_that_its_budget_is_spent_may_end_well(place: Place) -> None:
    with place.opened() as space:
        counted, guessed = begin(space, "count", "well"), begin(space, "guess", "well")
        assert counted.steps.wait(WAIT_S) == "it has asked for 5 steps; 6, 0 tokens in"
        assert guessed.tokens.wait(WAIT_S) == "it has used 120 tokens of 100; 7, 90 tokens in"
        assert place.oracle.asked == 3


def test_a_run_that_goes_on_all_the_same_is_ended(place: Place) -> None:
    with place.opened() as space:
        made = begin(space, "count", "never")
        with pytest.raises(RunFailed, match="it has asked for 5 steps"):
            made.steps.wait(WAIT_S)
        assert len(space.steps(made.steps)) == 5 + ENDING_STEPS


def test_what_a_run_has_spent_is_known_to_whoever_takes_it_up(place: Place) -> None:
    with place.opened() as space:
        begin(space, "pause")
    for _ in range(2):
        with place.opened() as space:
            until(partial(is_asked, space))
            space.answer(space.questions()[0], Guess(0))
    with place.opened() as space:
        (made,) = space.find(Counting)
        with pytest.raises(RunFailed, match="it has used 120 tokens of 100"):
            made.paused.wait(WAIT_S)
        assert len(space.steps(made.paused)) == 5


def test_what_failed_has_cost_too(place: Place) -> None:
    place.oracle.silent = True
    with place.opened() as space:
        made = begin(space, "stubborn")
        with pytest.raises(RunFailed, match="it has used 120 tokens of 100"):
            made.stubborn.wait(WAIT_S)


def test_a_run_that_takes_too_long_hears_so_and_ends() -> None:
    time = VirtualTime()
    with time.open(types=[Counting]) as space:
        slow, badly, quick = begin(space, "ask", "well"), begin(space, "ask"), begin(space, "ask")
        time.rest(space)
        (asked,) = [one for one in space.questions() if one.entity == quick.id]
        space.answer(asked, Guess(3))

        time.advance(space, HOUR - SECOND)
        assert quick.time.wait(WAIT_S) == "Guess(number=3)"
        assert len(space.questions()) == 2
        time.advance(space, SECOND)

        assert slow.time.wait(WAIT_S) == "it has taken 1:00:00, and 1"
        with pytest.raises(RunFailed, match="it has taken 1:00:00"):
            badly.time.wait(WAIT_S)
        assert space.questions() == []
        with space.view() as engine:
            assert [key for key, _ in engine.rows(WAIT) if key[0] != "failed"] == []


def test_who_decided_what_it_was_told_and_who_could_not_is_on_record(place: Place) -> None:
    place.oracle.silent = True
    with place.opened() as space:
        made = begin(space, "several")
        assert made.several.wait(WAIT_S) == 7
        with space.view() as engine:
            said = [one.said["intents"] for one in entries_of(engine.store) if one.kind == "event"]

    decided = [intent[5] for intents in said for intent in cast("list[Any]", intents) if intent[2] == "done"]
    ((answer, who, notes),) = decided
    assert (answer, who) == ({"number": 7}, "by_rule")
    assert notes == {
        "failed": [["Oracle", "ValueError: it says nothing"]],
        "spent": {"requests": 1, "in": 30, "out": 10, "money": {"USD": "0.02"}},
    }


def test_of_a_decision_by_a_model_its_prompt_is_on_record(place: Place) -> None:
    with place.opened() as space:
        made = begin(space, "several", "well")
        assert made.several.wait(WAIT_S) == 1
        with space.view() as engine:
            said = [one.said["intents"] for one in entries_of(engine.store) if one.kind == "event"]

    ((_, who, notes),) = [intent[5] for intents in said for intent in cast("list[Any]", intents) if intent[2] == "done"]
    assert who == "Oracle"
    assert "Decide: number" in notes["prompt"]
    assert '"seven"' in notes["prompt"]


@pytest.mark.parametrize(
    "bad", [{"steps": -1}, {"tokens": True}, {"money": "much"}, {"money": "-1"}, {"time": timedelta(0)}]
)
def test_a_budget_that_nobody_can_keep_to_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"counted from 0|decimal text|more than none"):
        Budget(**bad)
