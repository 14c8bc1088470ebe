"""Whoever waits for a run is told what it waits for, and where its own code failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

import weft
from weft import Effect, Entity, Field, Run, Space, WaitTimeout, field, on
from weft.driver import NotReached
from weft.flow import WhenInDoubt
from weft.returned import RunFailed

Work = Literal["slip", "step", "ask", "ask all", "rule", "sleep", "ring", "knock", "call", "node"]

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"


@dataclass(frozen=True)
class Knock(Effect[str]):
    """In doubt, it is asked about."""


class Deaf:
    effects = (Ring, Knock)

    def __init__(self) -> None:
        self.tries = 0

    async def carry_out(self, effect: Ring | Knock, key: str, /) -> str:
        self.tries += 1
        if isinstance(effect, Ring):
            raise NotReached(effect="Ring", why="nobody is there", after_s=0.001 if self.tries < 2 else 60.0)
        raise ValueError("a dog barked")


def fails() -> int:
    raise ValueError("bad")


async def waits_long() -> int:
    await asyncio.sleep(60)
    return 1


def slip(names: list[str]) -> str:
    return names[7]


class Job(Entity):
    work: Field[Work] = field()

    @on(Entity.created)
    async def do(self, run: Run) -> str:
        match self.work:
            case "slip":
                return slip([])
            case "step":
                await run.call(fails)
            case "ask":
                await run.ask("approve?", Confirm)
            case "ask all":
                await run.gather(run.ask("one", Confirm), run.ask("two", Confirm))
            case "sleep":
                await run.sleep(timedelta(days=30))
            case "ring":
                await run.perform(Ring())
            case "knock":
                await run.perform(Knock())
            case "call":
                await run.call(waits_long)
            case "node":
                await self.asks
            case _:
                pass
        return "done"

    @on(Entity.created)
    async def asks(self, run: Run) -> bool:
        return (await run.ask("asked beside", Confirm)).yes


class Queued(Entity):
    name: Field[str] = field(default="first")

    @on(Entity.created, queue="post", limit=1)
    async def waits(self, run: Run) -> None:
        await run.ask("wait", Confirm)

    @on(name.changes())
    async def follows(self, run: Run) -> None:
        await run.ask("follow", Confirm)


@pytest.fixture
def space() -> Iterator[Space]:
    with weft.open(types=[Job, Queued], drivers=[Deaf()]) as opened:
        yield opened


@pytest.mark.parametrize(
    ("work", "error", "where"),
    [
        ("slip", "IndexError: list index out of range", "in slip: return names[7]"),
        ("step", "ValueError: bad", "in do: await run.call(fails)"),
    ],
)
def test_a_failure_says_where_the_code_of_the_flow_met_it(space: Space, work: Work, error: str, where: str) -> None:
    job = space.create(Job, work=work)

    with pytest.raises(RunFailed, match="failed") as caught:
        job.do.wait(10)

    (run,) = (run for run in space.runs() if run.flow == "do")
    for said in (str(caught.value), f"{run.why} at {run.where}", str(job.do.state)):
        assert error in said and "tests/runs/test_told_to_who_waits.py:" in said and where in said


def told_in_vain(value: weft.Value[Any], said: str) -> str:
    """What whoever waits is told last, who waits until that is said, or long enough."""
    end, told = time.monotonic() + PATIENCE_S, ""
    while said not in told and time.monotonic() < end:
        with pytest.raises(WaitTimeout) as caught:
            value.wait(0.05)
        told = str(caught.value)
    return told


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("ask", ": it waits for the question approve?, see space.questions(). Wait longer"),
        ("ask all", ": it waits for the question one, see space.questions() and waits for the question two, see "),
        ("sleep", ": it sleeps until 20"),
        ("ring", ": it waits for its effect Ring, tried 2 times in vain: nobody is there. "),
        (
            "knock",
            ": it waits for the effect Knock, which is in doubt (ValueError: a dog barked), see space.questions().",
        ),
        ("call", ": it waits for the call tests.runs.test_told_to_who_waits/waits_long. "),
        ("node", ": it waits for Job.asks. "),
    ],
)
def test_who_waits_in_vain_is_told_what_a_run_waits_for(space: Space, work: Work, said: str) -> None:
    assert said in told_in_vain(space.create(Job, work=work).do, said)


def test_who_waits_in_vain_is_told_that_a_run_has_not_begun(space: Space) -> None:
    first, second = space.create(Queued), space.create(Queued)
    for name in ("x", "y"):
        second.name = name

    for flow, said in (
        (first.waits, "waits for the question wait"),
        (second.waits, "it waits to begin for its turn in the queue post. "),
        (second.follows, "it waits to begin until the run before it is over, see space.runs(). "),
    ):
        assert said in told_in_vain(flow, said)


def test_a_client_that_waits_in_vain_is_told_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "jobs.weft")
    with weft.open(path, types=[Job, Queued], drivers=[Deaf()]) as space:
        job = space.create(Job, work="ask")
        with weft.open(path, types=[Job, Queued], engine=False) as client:
            assert "the question approve?" in told_in_vain(client.get(Job, job.id).do, "the question approve?")
