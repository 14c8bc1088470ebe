"""A question that goes to a model or a rule expires, has a default, and reminds people as one that goes to people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, on
from weft.reduce import Refused
from weft.steps.questions import Expired
from weft.testing.virtual_time import START, VirtualTime

WAIT_S = 10.0
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Ring(Effect[str]):
    number: int


class Slow:
    """A model that answers when it is let; it notes who waits for it."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Event] = []
        self.ended: list[str] = []

    async def object(self, prompt: str, form: type[Any], /) -> Any:
        self.waiting.append(asyncio.Event())
        try:
            await self.waiting[-1].wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("answered")
        return form(yes=True)


class Nobody:
    """A rule that has no answer."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __call__(self, about: object) -> None:
        self.asked.append(about)


slow, nobody = Slow(), Nobody()


class Post(Entity):
    kind: Field[str] = field(default="")

    @on(kind.becomes("rule"))
    async def by_rule(self, run: Run) -> bool:
        return (await run.ask("rule", Confirm, to=nobody, expires=DAY, remind=7 * HOUR, default=Confirm(yes=True))).yes

    @on(kind.becomes("raises"))
    async def raises(self, run: Run) -> str:
        try:
            return str((await run.ask("raises", Confirm, to=nobody, expires=DAY)).yes)
        except Expired as why:
            return str(why)

    @on(kind.becomes("model"))
    async def by_model(self, run: Run) -> str:
        try:
            return str((await run.ask("model", Confirm, to=(slow, nobody), expires=DAY)).yes)
        except Expired:
            return "expired"

    @on(kind.becomes("soon"))
    async def soon(self, run: Run) -> bool:
        soon = timedelta(milliseconds=50)
        return (await run.ask("soon", Confirm, to=slow, expires=soon, default=Confirm(yes=False))).yes

    @on(kind.becomes("people"))
    async def by_people(self, run: Run) -> bool:
        return (await run.ask("people", Confirm, expires=10 * DAY, default=Confirm(yes=True))).yes

    @on(kind.becomes("stands"))
    async def stands(self, run: Run) -> bool:
        return (await run.ask("stands", Confirm, to=nobody)).yes

    @on(kind.becomes("rings"))
    async def rings(self, run: Run) -> str:
        return await run.perform(Ring(1))


class Bell:
    """Never knows whether it rang."""

    effects = (Ring,)

    async def carry_out(self, effect: Ring, key: str, /) -> str:
        raise ConnectionError("the line is dead")


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def space(time: VirtualTime, tmp_path: Path) -> Iterator[Space]:
    slow.waiting.clear()
    slow.ended.clear()
    nobody.asked.clear()
    with time.open(str(tmp_path / "space.weft"), types=[Post], drivers=[Bell()]) as space:
        yield space


def begin(space: Space, kind: str, *, asked: int = 1) -> Post:
    post = space.create(Post)
    post.kind = kind
    until(lambda: len(space.questions()) == asked)
    return post


def test_where_nobody_decided_people_are_reminded_and_it_is_its_default_in_time(
    time: VirtualTime, space: Space
) -> None:
    post = begin(space, "rule")
    time.advance(space, 22 * HOUR)
    (question,) = space.questions()
    assert (question.reminders, question.default) == (3, [{"yes": True}])
    assert datetime.fromtimestamp(question.expires_us / 1e6, UTC) == START + DAY

    time.advance(space, 2 * HOUR)

    assert post.by_rule.wait(WAIT_S) is True
    with pytest.raises(Refused):
        space.answer(question, Confirm(yes=False))


def test_where_nobody_decided_it_expires(time: VirtualTime, space: Space) -> None:
    begin(space, "people")
    post = begin(space, "raises", asked=2)

    time.advance(space, DAY)

    assert post.raises.wait(WAIT_S) == "Nobody answered raises while it stood."


def test_what_people_answered_in_time_in_place_of_a_model_does_not_expire(time: VirtualTime, space: Space) -> None:
    post = begin(space, "raises")

    space.answer(space.questions()[0], Confirm(yes=True))
    time.advance(space, 2 * DAY)

    assert post.raises.wait(WAIT_S) == "True"


def test_it_expires_while_nobody_computes(time: VirtualTime, tmp_path: Path) -> None:
    path = str(tmp_path / "other.weft")
    with time.open(path, types=[Post]) as space:
        begin(space, "raises")
    time.now += 2 * DAY
    with time.open(path, types=[Post]) as space:
        (post,) = space.find(Post)
        assert post.raises.wait(WAIT_S) == "Nobody answered raises while it stood."


def test_it_expires_while_a_model_is_asked_and_nobody_else_is_asked_then(time: VirtualTime, space: Space) -> None:
    post = begin(space, "model", asked=0)
    until(lambda: len(slow.waiting) == 1)

    time.now += DAY
    begin(space, "stands")  # the engine takes a turn

    assert post.by_model.wait(WAIT_S) == "expired"
    until(lambda: slow.ended == ["cancelled"])
    assert nobody.asked == [None], "for the other question alone"


def test_the_engine_wakes_when_it_expires(tmp_path: Path) -> None:
    slow.ended.clear()
    with weft.open(str(tmp_path / "other.weft"), types=[Post]) as space:
        post = space.create(Post)
        post.kind = "soon"

        assert post.soon.wait(WAIT_S) is False
        until(lambda: slow.ended == ["cancelled"])


def test_what_is_in_doubt_for_as_long_as_it_takes_is_due_at_no_moment(time: VirtualTime, space: Space) -> None:
    begin(space, "stands")
    begin(space, "rings", asked=2)
    expires = begin(space, "raises", asked=3)

    time.advance(space, 100 * DAY)

    assert expires.raises.wait(WAIT_S) == "Nobody answered raises while it stood."
    assert {(one.name, one.reminders) for one in space.questions()} == {("stands", 0), ("Ring", 0)}
