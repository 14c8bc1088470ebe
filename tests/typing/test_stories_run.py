"""The stories are programs: with bodies where they have sketches, they run against the real engine, and again."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import weft
from tests.conftest import missing_part
from tests.typing import kitchen
from tests.typing.sources import executed
from tests.until import until
from weft import Blob, Effect, NotFired
from weft.secrets import MemorySecrets

WAIT_S = 30.0
SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "api"
BODIES = {
    "read_spines": "return tuple(photo.open().read().decode().splitlines())",
    "find_books": "return tuple(Book(line) for photo in spines for line in photo)",
    "group": (
        "by = {}\n"
        "    for book in books:\n"
        "        by.setdefault(book.title.partition(':')[0], []).append(book)\n"
        "    return tuple(Topic(name, tuple(found)) for name, found in by.items())"
    ),
    "search": "return f'found {words}'",
    "fetch": "return await mailbox.page(login, cursor)",
    "summarise": "return Note(mail.at.date(), mail.text, 1)",
    "day_of": "return note.day",
    "digest": "return f'{len(notes)} mails'",
}


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weft.Space]]:
    """The spaces that a program opens."""
    opened: list[weft.Space] = []
    real = weft.open

    def noted(path: str | None = None, **how: object) -> weft.Space:
        opened.append(real(path, **how))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr(weft, "open", noted)
    yield opened
    for space in opened:
        space.close()


def with_bodies(source: str) -> str:
    """The source, its functions that do nothing given bodies."""
    lines = source.splitlines()
    for one in reversed(ast.parse(source).body):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name in BODIES:
            (body,) = one.body
            assert ast.unparse(body) == "..." and body.lineno == one.lineno
            lines[body.lineno - 1] = lines[body.lineno - 1][: body.col_offset].rstrip() + "\n    " + BODIES[one.name]
    return "\n".join(lines) + "\n"


@pytest.fixture
def bookshelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    if not SHARED.is_dir():
        missing_part("shared", f"{SHARED} is not there")
    story = tmp_path / "bookshelf.py"
    story.write_text(with_bodies((SHARED / "bookshelf.py").read_text(encoding="utf-8")), encoding="utf-8")
    for name, lines in (
        ("shelf", "climate change: Hothouse Earth\nsea: Moby Dick"),
        ("a", "climate change: The Uninhabitable Earth"),
        ("b", "sea: Typhoon"),
    ):
        (tmp_path / f"{name}.jpg").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield executed(story, "bookshelf")
    del sys.modules["bookshelf"]


def executions(space: weft.Space) -> dict[str, int]:
    return {name.rpartition("/")[2]: counted["executed"] for name, counted in space.counts().items()}


def test_the_bookshelf_of_the_api_runs(
    bookshelf: ModuleType, spaces: list[weft.Space], capsys: pytest.CaptureFixture[str]
) -> None:
    bookshelf.main()

    said = capsys.readouterr().out
    for known in ("comparison = ", "bookshelf/compare", "the service model", "climate change", "ann"):
        assert known in said
    ran = executions(spaces[0])
    assert ran["read_spines"] == 3  # one for each photo, those of one edit in one go
    assert ran["find_books"] == ran["group"] == 2
    assert ran["compare"] == 1  # cast while two photos are on their way: it is told about both, once


def test_a_second_run_finds_the_same_shelf_and_reads_nothing_again(
    bookshelf: ModuleType, spaces: list[weft.Space]
) -> None:
    bookshelf.main()

    bookshelf.main()

    assert set(executions(spaces[1]).values()) == {0}
    with weft.open("library.weft", types=(bookshelf.Bookshelf, bookshelf.Viewpoints)) as space:
        (shelf,) = space.find(bookshelf.Bookshelf)
        first, second = space.find(bookshelf.Viewpoints)
        assert first.topic == second.topic == shelf.topics["climate change"]
        assert [topic.name for topic in shelf.topics.wait(10)] == ["climate change", "sea"]
        assert [len(topic.books) for topic in shelf.topics.wait(10)] == [2, 2]
        assert set(executions(space).values()) <= {0}


class Cards:
    def read(self, card: Blob) -> str:
        return card.open().read().decode()


class Slow:
    async def compose(self, dishes: Sequence[str]) -> str:
        return ", ".join(dishes)


def test_the_kitchen_runs(
    spaces: list[weft.Space], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require_part: Callable[[str], ModuleType]
) -> None:
    require_part("loro")
    (tmp_path / "soup.jpg").write_text("soup", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    kitchen.main(Cards(), Slow())
    kitchen.main(Cards(), Slow())

    first, second = map(executions, spaces)
    assert first["read_card"] == 1
    assert set(second.values()) == {0}
    with weft.open("kitchen.weft", types=(kitchen.Kitchen, kitchen.Guest)) as space:
        (shown,) = space.find(kitchen.Kitchen)
        assert (int(shown.meals), str(shown.notes), shown.stock) == (2, "Sunday: Sunday: ", 6)
        assert [dish.name for dish in shown.recipes.wait(10)] == ["soup"]


class Outside:
    """Carries out the effects of a story: what it was given, by key."""

    def __init__(self, *effects: type[Effect[Any]]) -> None:
        self.effects, self.done = effects, dict[str, Any]()

    async def carry_out(self, effect: Any, key: str, /) -> str:
        self.done[key] = effect
        return f"sent {len(self.done)}"


@pytest.fixture
def story(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModuleType]:
    """A story of the API, with bodies."""
    if not SHARED.is_dir():
        missing_part("shared", f"{SHARED} is not there")
    path = tmp_path / f"{request.param}.py"
    path.write_text(with_bodies((SHARED / path.name).read_text(encoding="utf-8")), encoding="utf-8")
    yield executed(path, request.param)
    del sys.modules[request.param]


def published(space: weft.Space, story: ModuleType, by: str = "ann", **told: Any) -> Any:
    """A post of Ann's, with these, that somebody published."""
    tags = told.pop("tags", ())
    post = space.create(story.Post, title="Hi", author=space.create(story.Person, actor="ann"), **told)
    post.tags.add(*tags)
    with space.edit(by=by):
        post.status = "published"
    return post


@pytest.mark.parametrize("story", ["post"], indirect=True)
def test_a_post_is_announced_once_by_its_author_as_its_category_asks(story: ModuleType, tmp_path: Path) -> None:
    outside = Outside(story.Digest)
    with weft.open(str(tmp_path / "blog.weft"), types=[story.Person, story.Post], drivers=[outside]) as space:
        urgent, tagged = published(space, story), published(space, story, tags=["sea"])
        kept, muted = published(space, story, named="draft-only"), published(space, story, named="muted")
        theirs = published(space, story, by="ben")
        letter, unsent = (published(space, story, named="newsletter") for _ in range(2))

        for post in (urgent, tagged, kept):
            assert post.announce.wait(WAIT_S) is None
        for post, why in ((muted, "its guard wanted did not hold"), (theirs, "ben is not among its author")):
            with pytest.raises(NotFired, match=why):
                post.announce.wait(WAIT_S)
        until(lambda: len(space.questions()) == 2)
        for question in space.questions():
            space.answer(question, story.Confirm(yes=question.entity == letter.id))
        for post in (letter, unsent):
            assert post.announce.wait(WAIT_S) is None

        told = sorted((effect.category, effect.title) for effect in outside.done.values())
        assert told == [("newsletter", "Hi"), ("sea", "Hi"), ("urgent", "Hi")]
        for post in (kept, muted, theirs, unsent):
            assert post.sent is None
        assert {urgent.sent, tagged.sent, letter.sent} == {"sent 1", "sent 2", "sent 3"}
        urgent.title = "Ho"
        with space.edit(by="ann"):
            urgent.status = "published"
        space.wait_settled(timeout_s=WAIT_S)

    with weft.open(str(tmp_path / "blog.weft"), types=[story.Person, story.Post], drivers=[outside]) as space:
        space.wait_settled(timeout_s=WAIT_S)
        assert (len(outside.done), space.runs()) == (3, [])


@pytest.mark.parametrize("story", ["post"], indirect=True)
def test_the_server_of_the_blog_publishes(
    story: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spaces: list[weft.Space]
) -> None:
    monkeypatch.chdir(tmp_path)
    outside, noted = Outside(story.Digest), weft.open
    monkeypatch.setattr(weft, "open", lambda path: noted(path, drivers=[outside]))

    asyncio.run(story.server())

    assert [effect.category for effect in outside.done.values()] == ["urgent"]


class Scripted:
    """A model that answers with these, in order."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.prompts = [*answers], list[str]()

    async def object(self, prompt: str, form: type[Any], /) -> Any:
        self.prompts.append(prompt)
        return self.answers.pop(0)


class Box:
    """A mailbox of two pages."""

    def __init__(self, story: ModuleType) -> None:
        self.logins: list[Any] = []
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.mails = [story.Mail(str(at), noon + timedelta(days=at // 3), f"text {at}") for at in range(5)]
        self.story = story

    async def page(self, login: Any, cursor: int | None) -> Any:
        self.logins.append(login)
        first = cursor or 0
        return self.story.Page(tuple(self.mails[first : first + 3]), first + 3)


@pytest.mark.parametrize("story", ["assistant"], indirect=True)
def test_the_assistant_asks_reads_sums_up_and_plays_by_its_book(story: ModuleType, tmp_path: Path) -> None:
    model = Scripted(
        story.Next("it asks for the sea", story.Search("sea")), story.Next("no idea", story.Unknown("a boat")),
        story.Next("all is done", story.Done()),
    )  # fmt: skip
    planner = Scripted(story.Next("later", story.Remind("buy a boat", timedelta(milliseconds=1))))
    outside, box, secrets = Outside(story.SendMail), Box(story), MemorySecrets()
    services = {story.Completion: model, story.Planner: planner, story.Mailbox: box}
    path = str(tmp_path / "mail.weft")

    def opened() -> weft.Space:
        return weft.open(path, types=[story.Assistant], services=services, drivers=[outside])

    with opened() as space:
        space.create(story.Assistant, owner="ann@example.org")
        until(lambda: [one.name for one in space.questions()] == ["login"])
    with opened() as space:
        (assistant,) = space.find(story.Assistant)
        space.answer(space.questions()[0], {"user": "ann", "password": "opensesame"}, secrets=secrets)
        until(lambda: [one.name for one in space.questions()] == ["wishes"])
        space.answer(space.questions()[0], story.Wishes("day"))
        for flow in (assistant.hired, assistant.send, assistant.playbook):
            assert flow.wait(WAIT_S) is None

        assert dict(assistant.digests.wait(WAIT_S)) == {date(2026, 1, 1): "3 mails", date(2026, 1, 2): "2 mails"}
        assert {login.password.name.split("/")[0] for login in box.logins} == {"login"}
    sent = sorted((effect.to, effect.body) for effect in outside.done.values())
    assert sent == [("ann@example.org", body) for body in ("2 mails", "3 mails", "buy a boat")]
    assert "found sea" in model.prompts[1]
    assert "a boat" in planner.prompts[0]
    assert b"opensesame" not in Path(path).read_bytes()
