"""What a flow awaits by mistake, or forgets to await, is told in words of flows."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

import weft
from tests.until import until
from weft import Budget, Effect, Entity, Field, Run, Space, field, on
from weft.returned import RunFailed
from weft.runs.awaits import NeverAwaited
from weft.runs.strands import AwaitedOutside
from weft.testing.histories import parted

WAIT_S = 10.0
MOMENT = timedelta(microseconds=1)
ADDED = "unsupported operand type(s) for +: 'coroutine' and 'int'"


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Ring(Effect[int]):
    times: int


class Bell:
    effects = (Ring,)

    async def carry_out(self, effect: Ring, key: str, /) -> object:
        return "not a number"


def add(left: int, right: int) -> int:
    return left + right


async def own() -> None: ...


async def times_out(run: Any) -> None:
    async with asyncio.timeout(1):
        await run.sleep(MOMENT)


async def asks_for_the_loop(run: Any) -> None:
    asyncio.get_running_loop()


async def forgets(run: Any) -> None:
    run.ask("never", Confirm)


async def forgets_behind_steps(run: Any) -> None:
    run.call(add, 1, 2)
    for _ in range(40):
        await run.sleep(MOMENT)


async def forgets_and_looks(run: Any) -> bool:
    answer = run.ask("never", Confirm)
    return bool(answer.yes)


async def forgets_and_adds(run: Any) -> int:
    return int(run.call(add, 1, 2) + 1)


async def returns(run: Any) -> Any:
    return run.sleep(MOMENT)


async def returns_own(run: Any) -> Any:
    return own()


async def wants_the_first(run: Any) -> None:
    await run.first(run.sleep(MOMENT), run.sleep(timedelta(days=1)))
    await run.within(timedelta(days=1), run.sleep(MOMENT))


async def begins_many(run: Any) -> None:
    await run.gather(*(run.sleep(MOMENT) for _ in range(50)))


async def fails_beside(run: Any) -> None:
    run.sleep(MOMENT)
    raise ValueError("something else")


FLOWS: dict[str, Callable[[Any], Coroutine[Any, Any, Any]]] = {
    "sleeps": lambda run: asyncio.sleep(1),
    "times out": times_out,
    "asks for the loop": asks_for_the_loop,
    "forgets": forgets,
    "forgets behind steps": forgets_behind_steps,
    "forgets and looks": forgets_and_looks,
    "forgets and adds": forgets_and_adds,
    "returns": returns,
    "returns own": returns_own,
    "wants the first": wants_the_first,
    "begins many": begins_many,
    "fails beside": fails_beside,
    "sleeps numbers": lambda run: run.sleep(5),
    "hurries numbers": lambda run: run.within(5.5, run.sleep(MOMENT)),
    "performs none": lambda run: run.perform(Confirm(True)),
    "performs a class": lambda run: run.perform(Ring),
    "performs wrongly": lambda run: run.perform(Ring(1)),
    "gives a wrong input": lambda run: run.call(add, 2, "two"),
    "calls none": lambda run: run.call("add", 2),
    "gathers a list": lambda run: run.gather([run.sleep(MOMENT)]),
    "first of none": lambda run: run.first(),
    "creates none": lambda run: run.create(Confirm),
}


class Job(Entity):
    work: Field[str] = field()

    @on(Entity.created)
    async def do(self, run: Run) -> Any:
        return await FLOWS[self.work](run) or "done"


@pytest.fixture
def space() -> Iterator[Space]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left behind that warns
        with weft.open(types=[Job], drivers=[Bell()]) as opened:
            yield opened
        gc.collect()


def why(space: Space, work: str) -> str:
    with pytest.raises(RunFailed) as caught:
        space.create(Job, work=work).do.wait(WAIT_S)
    return caught.value.why


OUTSIDE = [("sleeps", "asyncio's sleep"), ("times out", "asyncio's "), ("asks for the loop", "something of asyncio")]


@pytest.mark.parametrize(("work", "what"), OUTSIDE)
def test_what_asyncio_wants_a_loop_for_is_awaited_outside(space: Space, work: str, what: str) -> None:
    said = why(space, work)

    assert said.startswith(f"{AwaitedOutside.__name__}: Job.do awaits {what}")
    assert "which is no step of its run" in said and "test_awaits.py:" in said


@pytest.mark.parametrize(("work", "what"), OUTSIDE)
def test_a_flow_finds_no_loop_where_its_engine_runs_on_one(work: str, what: str) -> None:
    async def story() -> str:
        async with weft.open(types=[Job]) as space:
            async with space.edit():
                job = space.create(Job, work=work)
            with pytest.raises(RunFailed) as caught:
                await job.do
            return caught.value.why

    assert asyncio.run(story()).startswith(f"{AwaitedOutside.__name__}: Job.do awaits {what}")


@pytest.mark.parametrize(
    ("work", "what"),
    [
        ("forgets", "run.ask(…) was never awaited"),
        ("forgets behind steps", "run.call(…) was never awaited"),
        ("forgets and looks", "what ask(…) returned was never awaited"),
        (
            "forgets and adds",
            f"a step of Job.do, or what else is a coroutine ({ADDED}), was never awaited",
        ),
        ("returns", "run.sleep(…) was never awaited"),
        ("returns own", "own(…), which is returned, was never awaited"),
    ],
)
def test_what_a_flow_made_and_never_awaited_ends_its_run(space: Space, work: str, what: str) -> None:
    said = why(space, work)

    assert said.startswith(f"{NeverAwaited.__name__}: {what}, so nothing came of it. Write `await` before it")
    assert work == "returns own" or "test_awaits.py:" in said


@pytest.mark.parametrize("work", ["wants the first", "begins many"])
def test_what_was_begun_and_is_not_wanted_any_more_was_awaited(space: Space, work: str) -> None:
    assert space.create(Job, work=work).do.wait(WAIT_S) == "done"


def test_a_flow_that_fails_is_not_told_what_it_left_behind(space: Space) -> None:
    assert why(space, "fails beside").startswith("ValueError: something else")


def test_a_replay_finds_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.weft")
    with weft.open(path, types=[Job]) as space:
        why(space, "forgets behind steps")
        why(space, "sleeps")

    assert parted(path, types=[Job]) == []


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("sleeps numbers", "TypeError: run.sleep takes a timedelta, not 5: write timedelta(seconds=5)"),
        ("hurries numbers", "TypeError: run.within takes a timedelta, not 5.5: write timedelta(seconds=5.5)"),
        (
            "performs none",
            "TypeError: run.perform takes an effect, a frozen dataclass derived from weft.Effect[…], not ",
        ),
        ("performs a class", "TypeError: run.perform takes an effect, and Ring is a class of them: write run.perform("),
        ("gives a wrong input", "WrongType: the input right of tests.runs.test_awaits/add: str where int is wanted"),
        ("calls none", "TypeError: run.call takes a function, and then its inputs, not 'add'"),
        ("gathers a list", "TypeError: run.gather and run.first take what is awaited, one by one, as in"),
        ("first of none", "TypeError: run.first takes what it waits for, and nothing was given to it"),
        ("creates none", "TypeError: run.create takes Entity types, and Confirm is not one"),
    ],
)
def test_what_a_flow_gives_a_step_that_does_not_fit_is_named(space: Space, work: str, said: str) -> None:
    assert why(space, work).startswith(said)


def test_a_receipt_that_does_not_fit_names_the_driver_and_the_effect(space: Space) -> None:
    space.create(Job, work="performs wrongly")
    until(lambda: bool(space.questions()))
    (question,) = space.questions()

    assert "what Bell.carry_out returned for Ring" in question.doubt


@pytest.mark.parametrize("time", [3, 0.5])
def test_a_budget_has_no_time_in_numbers(time: float) -> None:
    with pytest.raises(TypeError, match=rf"time is a timedelta: write timedelta\(seconds={time}\)"):
        Budget(time=cast("timedelta", time))
