"""Engines that end under a run are counted, and programs that close their space are not: whoever closed it lived on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

import weft
from tests.dying import die
from tests.until import until
from weft import Effect, Entity, Field, Retry, Run, Space, field, on, op
from weft.driver import NotReached
from weft.driving.driver import RECOVERIES_MAX
from weft.flow import WhenInDoubt
from weft.run_list import listed_runs

begun: list[str] = []
TIMES = RECOVERIES_MAX + 2


@dataclass(frozen=True)
class Yes:
    ok: bool


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    is_down: bool


class Bell:
    effects: tuple[type[Effect[Any]], ...] = (Ring,)

    async def carry_out(self, effect: Ring, key: str, /) -> str:
        begun.append("ring")
        if effect.is_down:
            raise NotReached(effect="Ring", why="nobody is there", after_s=3600.0)
        await asyncio.Event().wait()
        return ""


async def endless() -> int:
    begun.append("call")
    await asyncio.Event().wait()
    return 1


@op(version=1, retry=Retry(attempts=5, delay_s=300.0))
def fails() -> int:
    begun.append("call")
    raise OSError("not now")


class Child(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> bool:
        begun.append("child")
        return (await run.ask("whether", Yes)).ok


class Parent(Entity):
    """What it waits for, by name."""

    work: Field[str] = field()

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        match self.work:
            case "child":
                return str(await (await run.create(Child)).go)
            case "call":
                return str(await run.call(endless))
            case "tried call":
                return str(await run.call(fails))
            case "effect":
                return await run.perform(Ring(is_down=False))
            case _:
                return await run.perform(Ring(is_down=True))


WAITS = ["child", "tried call", "tried effect"]
AT_WORK = ["call", "effect"]


class Place:
    def __init__(self, path: str) -> None:
        self.path = path
        begun.clear()

    def open(self) -> Space:
        return weft.open(self.path, types=[Parent, Child], drivers=[Bell()]).__enter__()

    def begin(self, work: str) -> Space:
        """A space with a run that does this, which is under way."""
        space = self.open()
        space.create(Parent, work=work)
        until(lambda: bool(begun))
        if work in WAITS:
            until(lambda: work == "child" or self.why(space).endswith(("not now", "nobody is there")))
        return space

    def why(self, space: Space) -> str:
        return next(one.why for one in space.runs() if one.type == "Parent")

    def opened_again(self, work: str) -> Space:
        """By another program, which has taken it up."""
        begun.clear()
        space = self.open()
        if work in AT_WORK:
            until(lambda: bool(begun))
        else:
            turns = space._host.wait_turn(-1, 0)
            until(lambda: space._host.wait_turn(-1, 0) > turns)
        return space

    def recoveries(self, space: Space) -> list[int]:
        with space.view() as engine:
            rows = [engine.node(one.entity, one.flow).cell.runs[one.run] for one in listed_runs(engine)]  # type: ignore[union-attr]
        return [row.recoveries for row in rows]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "space.weft"))


@pytest.mark.parametrize("work", [*WAITS, *AT_WORK])
def test_a_program_that_closes_its_space_has_not_ended_under_its_runs(place: Place, work: str) -> None:
    space = place.begin(work)

    for _ in range(TIMES):
        space.close()
        space = place.opened_again(work)

    assert {run.stands for run in space.runs()} == {"goes on"}
    assert {*place.recoveries(space)} == {0}
    space.close()


@pytest.mark.parametrize("work", WAITS)
def test_an_engine_that_dies_has_not_ended_under_a_run_that_only_waits(place: Place, work: str) -> None:
    space = place.begin(work)

    for _ in range(2):
        die(space)
        space = place.opened_again(work)

    assert {*place.recoveries(space)} == {0}
    space.close()


@pytest.mark.parametrize("work", AT_WORK)
def test_each_engine_that_dies_under_a_run_is_counted_whoever_closed_the_space_between(place: Place, work: str) -> None:
    space = place.begin(work)
    for count in range(1, RECOVERIES_MAX + 1):
        die(space)
        space = place.opened_again(work)
        assert place.recoveries(space) == [count]
        space.close()
        space = place.opened_again(work)
        assert place.recoveries(space) == [count]

    die(space)
    space = place.open()
    until(lambda: "RunPoisoned" in place.why(space))
    space.close()


def test_a_close_is_told_by_the_engine_that_had_the_space_last_alone(place: Place) -> None:
    """What it says is over when another takes up its runs, also where that one dies at once."""
    place.begin("call").close()
    for count in range(2):
        space = place.opened_again("call")
        assert place.recoveries(space) == [count]
        die(space)
