"""The stories are programs: with bodies where they have sketches, they run against the real engine, and again."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import weft
from tests.conftest import missing_part
from tests.typing import kitchen
from tests.typing.sources import executed
from weft import Blob
from weft.desk import FlowsNotYet

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


def test_the_entities_of_the_blog_and_the_assistant_are_classes_whose_flows_wait_for_a_later_weft() -> None:
    if not SHARED.is_dir():
        missing_part("shared", f"{SHARED} is not there")

    for name, kind, flow in (("post", "Post", "announce"), ("assistant", "Assistant", "hired, send, playbook")):
        story = executed(SHARED / f"{name}.py", name)
        with pytest.raises(FlowsNotYet, match=f"{kind} declares the flows {flow}, and flows are not available yet"):
            weft.open(types=(getattr(story, kind),))
        del sys.modules[name]
