"""What checkers refuse, Python refuses too: wrong wiring when the class is made, wrong use when it is called."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.conftest import missing_part
from tests.typing.sources import executed, lines_in_function, numbered, with_one_wrong
from weft import Blob, Entity, Ref, derive, entries

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent.parent / "shared" / "api"
BODIES = {
    1: "Blob is given where Sequence[tuple[str, ...]] is wanted",
    2: "tuple[Blob, ...] is given where tuple[Book, ...] is wanted",
    3: "extra gives bookshelf/find_books more inputs than it takes: Wrong.photos",
    4: "int is given where str is wanted",
    5: "Wrong.topic does not fit 'topic' of bookshelf/compare: Book is given where Topic is wanted",
    6: "Wronger.status does not fit 'wishes' of assistant/summarise",
    7: "an element of Wronger.mails does not fit 'note' of assistant/day_of: Mail is given where Note is wanted",
    8: "one waits for Wronger.status to become 'publishd', which it never is",
    9: "two decides at once, so it takes self alone and has no run",
}
USES = {
    15: "topic points to Topic, and this is a reference to Book",
    16: "Viewpoints needs topic=…",
    17: "Viewpoints has no input 'topik': .*topic",
    18: "photos.*: str where Blob is wanted",
    19: "Bookshelf has no 'toppics': .*topics",
    20: "Bookshelf.photos is a declaration: .add",
    21: "topics may not be settled yet, so it has no length",
    22: "announce is a flow: it starts when its transition happens",
}
OWN_BODIES = {
    1: "str is given where Blob is wanted",
    2: "tuple[Blob, ...] is given where tuple[Recipe, ...] is wanted",
    3: "story gives tests.typing.kitchen/describe more inputs than it takes: WrongKitchen.cards",
    4: "what last starts as cannot be kept: the value: int where tuple[Recipe, ...] is wanted",
    5: "int is given where str is wanted",
    6: "WrongKitchen.cook leads to an entity: read one of its nodes with cook.at(Cook.…)",
    7: "tuple[int, ...] is given where Sequence[str] is wanted",
    8: "Blob is given where Recipe is wanted",
    9: "quick asks tests.typing.kitchen/minutes_of whether to keep an element: int is given where bool is wanted",
    10: "what best starts as cannot be kept: the value: int where Recipe is wanted",
    11: "str is given where int is wanted",
    12: "menu chooses by WrongKitchen.good: tuple[Recipe, ...] is given where bool is wanted",
    13: "WrongKitchen.good.state does not fit 'recipe' of tests.typing.kitchen/minutes_of: ",
    14: "there is no option 'timeout': did you mean 'timeout_s'?",
    15: "WrongKitchen.cook.at(Kitchen.owner) does not fit 'diet'",
    16: "tuple[str, ...] is given where Sequence[Reading] is wanted",
    17: "one waits for WrongStation.alarm to become 'strom', which it never is",
    18: "two decides at once, so it takes self alone and has no run",
    19: "three is guarded by WrongStation.readings: tuple[str, ...] is given where bool is wanted",
    20: "overlap is 'queue', 'skip' or 'restart', not 'drop'",
}


@pytest.fixture
def modules() -> Iterator[None]:
    """Whatever is executed is forgotten again."""
    yield
    for name in ("bookshelf", "assistant", "post", "right", "wrong"):
        sys.modules.pop(name, None)


@pytest.fixture
def shared(modules: None) -> Path:
    if not SHARED.is_dir():
        missing_part("shared", f"{SHARED} is not there")
    for name in ("bookshelf", "assistant", "post"):
        executed(SHARED / f"{name}.py", name)
    return SHARED


def kept(file: Path, number: int, folder: Path) -> Path:
    """The file with one wrong line, written where its operations find their source."""
    copy = folder / f"wrong_{number}.py"
    copy.write_text(with_one_wrong(file.read_text(encoding="utf-8"), number), encoding="utf-8")
    return copy


@pytest.mark.parametrize("number", BODIES)
def test_a_wrong_line_of_the_stories_is_refused_when_its_class_is_made(
    number: int, shared: Path, tmp_path: Path
) -> None:
    executed(kept(shared / "wrong.py", 0, tmp_path), "right")

    with pytest.raises(TypeError) as refused:
        executed(kept(shared / "wrong.py", number, tmp_path), "wrong")

    assert BODIES[number] in str(refused.value)


@pytest.mark.parametrize("number", OWN_BODIES)
@pytest.mark.usefixtures("modules")
def test_a_wrong_line_is_refused_when_its_class_is_made(number: int, tmp_path: Path) -> None:
    executed(kept(HERE / "wrong.py", 0, tmp_path), "right")

    with pytest.raises((TypeError, ValueError)) as refused:
        executed(kept(HERE / "wrong.py", number, tmp_path), "wrong")

    assert OWN_BODIES[number] in str(refused.value)


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.usefixtures("modules")
def test_a_forgotten_input_is_refused_when_the_class_is_made(number: int, tmp_path: Path) -> None:
    executed(kept(HERE / "refused_inputs.py", 0, tmp_path), "right")

    with pytest.raises(TypeError, match=r"nothing for its input '(other|service|length)'; a service or a setting is"):
        executed(kept(HERE / "refused_inputs.py", number, tmp_path), "wrong")


def run_line(source: str, function: str, number: int, names: dict[str, object]) -> None:
    statement = lines_in_function(source, function)[number]
    exec(compile(ast.Module([statement], []), "wrong line", "exec"), names)


@pytest.mark.parametrize("number", USES)
def test_a_wrong_use_of_the_stories_is_refused_when_it_is_called(number: int, shared: Path) -> None:
    story: Any = sys.modules["bookshelf"]
    blog: Any = sys.modules["post"]

    def all_of(books: Mapping[str, object]) -> Mapping[str, object]:
        return books

    all_of.__annotations__ = {"books": Mapping[str, story.Book], "return": Mapping[str, story.Book]}

    class Catalogue(Entity):
        books = entries(str, story.Book)
        named = derive(all_of, books)

    with weft.open(types=(story.Bookshelf, story.Viewpoints, Catalogue)) as space:
        shelf, catalogue = space.create(story.Bookshelf), space.create(Catalogue)
        catalogue.books["one"] = story.Book("One")
        catalogue.named.wait(10)
        book: Ref[object] = catalogue.named["one"]
        post = blog.Post(title="Hi", author=space.create(blog.Person, actor="ann"))
        names = vars(story) | {"space": space, "shelf": shelf, "book": book, "post": post, "Blob": Blob}
        before = space.position

        with pytest.raises((TypeError, AttributeError, weft.WeftError), match=USES[number]):
            run_line((shared / "wrong.py").read_text(encoding="utf-8"), "use", number, names)

        assert space.position == before


def test_every_wrong_line_of_a_class_is_here() -> None:
    marks = numbered((HERE / "wrong.py").read_text(encoding="utf-8"))

    assert set(OWN_BODIES) == set(range(1, 21))
    assert set(OWN_BODIES) < set(marks.values())
