"""A run that fails while an effect of it is under way, and is told to go on: it may have been carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, on
from weft.driver import InDoubt
from weft.flow import WhenInDoubt
from weft.returned import RunFailed

WAIT_S = 30.0
Kind = Literal["launch", "ring", "post", "once"]


@dataclass(frozen=True)
class Launch(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"
    number: int


@dataclass(frozen=True)
class Ring(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    number: int


@dataclass(frozen=True)
class Post(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "ask"
    number: int


class Outside:
    """Carries out the first of all so long that it is not over when its run fails."""

    effects: tuple[type[Effect[Any]], ...] = (Launch, Ring, Post)

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def carry_out(self, effect: Effect[str], key: str, /) -> str:
        self.keys.append(key)
        if len(self.keys) == 1:
            await asyncio.sleep(WAIT_S)
        return f"done by try {len(self.keys)}"


OUTSIDE: list[Outside] = []
IS_BROKEN: list[bool] = []


def visit(number: int) -> int:
    """Breaks once the effect beside it is under way."""
    until(lambda: OUTSIDE[0].keys != [])
    if IS_BROKEN:
        raise ValueError("nobody is there")
    return number


class Visitor(Entity):
    kind: Field[str] = field()
    again: Field[int] = field(default=0)

    @on(Entity.created)
    async def go(self, run: Run) -> str:
        came, _ = await run.gather(self.performed(run), run.call(visit, 1))
        return str(came)

    @on(again.changes())
    async def beside(self, run: Run) -> str:
        return "another"

    async def performed(self, run: Run) -> str:
        effect = {"launch": Launch(1), "ring": Ring(1)}.get(self.kind, Post(1))
        try:
            return str(await run.perform(effect, once="first" if self.kind == "once" else None))
        except InDoubt as why:
            return f"in doubt: {why.why}"


@pytest.fixture
def space() -> Iterator[Space]:
    OUTSIDE[:], IS_BROKEN[:] = [Outside()], [True]
    with weft.open(types=[Visitor], drivers=OUTSIDE) as space:
        yield space


def failed(space: Space, kind: Kind) -> Visitor:
    visitor = space.create(Visitor, kind=kind)
    with pytest.raises(RunFailed, match="nobody is there"):
        visitor.go.wait(WAIT_S)
    assert len(OUTSIDE[0].keys) == 1
    IS_BROKEN.clear()
    return visitor


def test_what_is_left_at_that_when_in_doubt_is_not_tried_again(space: Space) -> None:
    visitor = failed(space, "launch")

    space.retry(visitor.go)

    assert visitor.go.wait(WAIT_S).startswith("in doubt: ")
    assert len(OUTSIDE[0].keys) == 1


def test_what_is_tried_again_has_the_key_that_it_had(space: Space) -> None:
    visitor = failed(space, "ring")

    space.retry(visitor.go)

    assert visitor.go.wait(WAIT_S) == "done by try 2"
    assert len(set(OUTSIDE[0].keys)) == 1


@pytest.mark.parametrize("kind", ["post", "once"])
@pytest.mark.parametrize("answer", ["again", "leave"])
def test_what_is_asked_about_is_asked_about(space: Space, kind: Kind, answer: str) -> None:
    visitor = failed(space, kind)
    assert space.questions() == [], "nobody waits for it while its run has failed"
    assert [(run.stands, run.awaits) for run in space.runs()] == [("failed", ())]

    space.retry(visitor.go)
    until(lambda: space.questions() != [])
    space.answer(space.questions()[0], answer)

    expected = "done by try 2" if answer == "again" else "in doubt: somebody said to leave it at that"
    assert visitor.go.wait(WAIT_S) == expected
    assert len(set(OUTSIDE[0].keys)) == 1


def test_a_failed_run_that_is_left_at_that_or_begun_anew_leaves_nothing_behind(space: Space) -> None:
    visitor = failed(space, "launch")

    space.cancel(visitor.go)

    assert space.runs() == [] and space.questions() == []
