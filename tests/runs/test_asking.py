"""Questions expire, have defaults, remind people of themselves, and are answered by those who may."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Ref, Run, Space, field, items, on, ref
from weft.content import encode
from weft.flow import Secret
from weft.folding import event_plain
from weft.reduce import Refused
from weft.returned import RunFailed
from weft.secrets import MemorySecrets
from weft.steps.questions import Expired
from weft.stores.sqlite import SqliteStore
from weft.testing.virtual_time import START, VirtualTime

WAIT_S = 30.0
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Confirm:
    yes: bool


@dataclass(frozen=True)
class Keys:
    """Secrets wherever a form can have them."""

    main: Secret
    more: tuple[Secret, ...] = ()
    by_house: dict[str, Secret] | None = None


class Door(Entity):
    name: Field[str] = field()

    @on(Entity.created)
    async def unlock(self, run: Run) -> Keys:
        return await run.ask(self.name, Keys)


class Person(Entity):
    actor: Field[str] = field()


class Post(Entity):
    author: Ref[Person] = ref()
    editors = items(str)
    log = items(str)

    @on(Entity.created)
    async def expires(self, run: Run) -> str:
        try:
            answer = await run.ask("urgent", Confirm, expires=DAY)
        except Expired as why:
            self.log.add(str(why))
            return "expired"
        return str(answer.yes)

    @on(Entity.created)
    async def defaults(self, run: Run) -> bool:
        return (await run.ask("default", Confirm, expires=DAY, remind=7 * HOUR, default=Confirm(yes=True))).yes

    @on(Entity.created)
    async def asks_author(self, run: Run) -> bool:
        return (await run.ask("author", Confirm, by=await self.author)).yes

    @on(Entity.created)
    async def asks_editors(self, run: Run) -> bool:
        return (await run.ask("editors", Confirm, by=["ben", "carl"])).yes

    @on(Entity.created)
    async def asks_nobody(self, run: Run) -> bool:
        return (await run.ask("nobody", Confirm, by=())).yes


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def space(time: VirtualTime, tmp_path: Path) -> Iterator[Space]:
    with time.open(str(tmp_path / "space.weft"), types=[Person, Post], actor="zoe") as space:
        yield space


@pytest.fixture
def post(space: Space) -> Post:
    post = space.create(Post, author=space.create(Person, actor="ann"))
    until(lambda: len(space.questions()) == 4)
    return post


def asked(space: Space, name: str) -> str:
    (id,) = [one.id for one in space.questions() if one.name == name]
    return id


def test_a_question_expires_and_is_answered_no_more(time: VirtualTime, space: Space, post: Post) -> None:
    question = next(one for one in space.questions() if one.name == "urgent")
    time.advance(space, DAY - HOUR)
    assert [*post.log] == []

    time.advance(space, HOUR)

    assert post.expires.wait(WAIT_S) == "expired"
    assert [*post.log] == ["Nobody answered urgent while it stood."]
    with pytest.raises(Refused):
        space.answer(question, Confirm(yes=True))


def test_a_question_that_was_answered_in_time_does_not_expire(time: VirtualTime, space: Space, post: Post) -> None:
    space.answer(asked(space, "urgent"), Confirm(yes=True))
    time.advance(space, 2 * DAY)

    assert post.expires.wait(WAIT_S) == "True"


def test_a_default_is_the_answer_when_nobody_gave_one(time: VirtualTime, space: Space, post: Post) -> None:
    time.advance(space, 22 * HOUR)
    (question,) = [one for one in space.questions() if one.name == "default"]
    assert (question.reminders, question.default) == (3, [{"yes": True}])

    time.advance(space, 2 * HOUR)

    assert post.defaults.wait(WAIT_S) is True


def test_a_question_expires_while_nobody_computes(time: VirtualTime, tmp_path: Path) -> None:
    path = str(tmp_path / "other.weft")
    with time.open(path, types=[Person, Post]) as space:
        space.create(Post, author=space.create(Person, actor="ann"))
        until(lambda: len(space.questions()) == 4)
    time.now += 3 * DAY
    with time.open(path, types=[Person, Post]) as space:
        (post,) = space.find(Post)
        assert post.expires.wait(WAIT_S) == "expired"
        assert post.defaults.wait(WAIT_S) is True


@pytest.mark.parametrize(("name", "may", "not_"), [("author", "ann", "ben"), ("editors", "carl", "ann")])
def test_those_answer_who_may(space: Space, post: Post, name: str, may: str, not_: str) -> None:
    id = asked(space, name)
    with pytest.raises(Refused, match=f"{not_} may not answer it, but .*{may} may") as caught, space.edit(by=not_):
        space.answer(id, Confirm(yes=True))
    assert re.search(r"with space\.edit\(by='\w+'\): space\.answer\(…\)`, .*weft\.open\(actor=", str(caught.value))
    assert name in [one.name for one in space.questions()]

    with space.edit(by=may):
        space.answer(id, Confirm(yes=True))

    flow = post.asks_author if name == "author" else post.asks_editors
    assert flow.wait(WAIT_S) is True


def test_who_may_answer_is_somebody(space: Space, post: Post) -> None:
    with pytest.raises(RunFailed, match=r"NoActors: .* names nobody who could answer"):
        post.asks_nobody.wait(WAIT_S)


class Notice(Entity):
    @on(Entity.created)
    async def go(self, run: Run) -> bool:
        return (await run.ask("seen", Confirm, expires=DAY, default=Confirm(False))).yes


def posted(path: str, space_question: tuple[str, str, str, str], at: datetime) -> None:
    """An answer of a program, given where nobody computes the space."""
    store = SqliteStore(path)
    entity, flow, run, step = space_question
    said = event_plain(
        "an answer", [[entity, flow, "answer", run, step, {"yes": True}]], actor="ann", base=0, time=at.isoformat()
    )
    store.post(encode({"event": said}))
    store.close()


@pytest.mark.parametrize(("at", "came"), [(START + HOUR, True), (START + DAY, False), (START + 2 * DAY, False)])
def test_an_answer_counts_by_when_it_was_given_and_not_by_when_a_program_takes_it(
    tmp_path: Path, at: datetime, came: bool
) -> None:
    path, time = str(tmp_path / "space.weft"), VirtualTime()
    with time.open(path, types=[Notice]) as space:
        space.create(Notice)
        time.rest(space)
        (question,) = space.questions()

    posted(path, (question.entity, question.flow, question.run, question.step), at)
    time.now += 3 * DAY

    with time.open(path, types=[Notice]) as space:
        (notice,) = space.find(Notice)
        assert notice.go.wait(WAIT_S) is came


def test_who_answers_too_late_is_told_so() -> None:
    time = VirtualTime()
    with time.open(types=[Notice]) as space:
        notice = space.create(Notice)
        time.rest(space)
        (question,) = space.questions()
        time.now += DAY

        with pytest.raises(Refused, match="it has expired"):
            space.answer(question, Confirm(True))
        assert notice.go.wait(WAIT_S) is False


@pytest.mark.parametrize(
    "name", ["keys", "what opens the door", "Wie heißt der Schlüssel?", "…", "a/../b", "a\0b", "long " * 40]
)
def test_a_question_of_whatever_name_can_ask_for_secrets(name: str) -> None:
    said = {"main": "one", "more": ["two", "three"], "by_house": {"near the lake": "four"}}
    with weft.open(types=[Door]) as space:
        door, secrets = space.create(Door, name=name), MemorySecrets()
        (question,) = space.questions()

        space.answer(question, said, secrets=secrets)

        keys = door.unlock.wait(WAIT_S)
        assert secrets.get(keys.main) == "one"
        assert [secrets.get(one) for one in keys.more] == ["two", "three"]
        assert keys.by_house is not None
        assert {house: secrets.get(one) for house, one in keys.by_house.items()} == {"near the lake": "four"}
