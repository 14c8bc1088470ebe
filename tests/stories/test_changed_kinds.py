"""A class that changed beyond what can follow: what would be lost is refused in words, and the space stays whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import Entity, Field, counter, derive, element, entries, field, fold, items, text
from weft.declare import Node
from weft.edit import UnknownField
from weft.evolution import KeyChanged, KindChanged


def count(words: tuple[str, ...]) -> int:
    return len(words)


def length(title: str) -> int:
    return len(title)


class Page(Entity):
    title: Field[str] = field(default="")
    words = items(str)
    counted = derive(count, words)


FIRST = Page


def with_words_by_place() -> type[Entity]:
    class Page(Entity):
        title: Field[str] = field(default="")
        words = entries(int, str)

    return Page


def with_a_title_that_is_computed() -> type[Entity]:
    class Page(Entity):
        words = items(str)
        title = derive(count, words)

    return Page


def with_a_count_that_is_told() -> type[Entity]:
    class Page(Entity):
        title: Field[str] = field(default="")
        words = items(str)
        counted: Field[int] = field(default=0)

    return Page


def written(path: Path) -> str:
    """A space with a page; returns its path."""
    with weft.open(str(path), types=[FIRST]) as space:
        page = space.create(FIRST, title="First")
        page.words.add("one", "two")
        assert page.counted.wait(30) == 2
    return str(path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (with_words_by_place, "Page.words was declared as items and is entries now"),
        (with_a_title_that_is_computed, "Page.title was declared as field and is derive now"),
        (with_a_count_that_is_told, "Page.counted was declared as derive and is field now"),
    ],
)
def test_a_node_of_another_kind_under_its_name_is_refused_and_nothing_is_lost(
    tmp_path: Path, changed: Callable[[], type[Entity]], said: str
) -> None:
    path = written(tmp_path / "pages.weft")

    with pytest.raises(KindChanged, match=said):
        weft.open(path, types=[changed()])

    with weft.open(path, types=[FIRST]) as space:
        (page,) = space.find(FIRST)
        assert (page.title, tuple(page.words), page.counted.wait(30)) == ("First", ("one", "two"), 2)
        assert space.counts() == {}
        page.words.add("three")
        assert page.counted.wait(30) == 3


def test_a_definition_that_is_refused_in_an_open_space_leaves_the_former_in_use() -> None:
    with weft.open(types=[FIRST]) as space:
        page = space.create(FIRST, title="First")
        page.words.add("one")

        with pytest.raises(KindChanged):
            space.define(with_a_title_that_is_computed())

        page.words.add("two")
        second = space.create(FIRST, title="Second")
        second.words.add("three")
        assert (page.counted.wait(30), second.counted.wait(30), second.title) == (2, 1, "Second")


# A node that comes back ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    by: int


def more(total: int, said: Counted) -> int:
    return total + said.by


KINDS: dict[str, Callable[[], Node[Any]]] = {
    "field": lambda: field(default=0),
    "items": lambda: items(int),
    "counter": counter,
    "entries": lambda: entries(str, int),
    "fold": lambda: fold(0).on(Counted, more),
    "text": text,
}


def note(kind: str | None) -> type[Entity]:
    """A type with a `kept` of this kind, or without one."""
    annotations = {"title": "Field[str]"} | ({"kept": "Field[int]"} if kind == "field" else {})
    title: Field[str] = field(default="")
    body: dict[str, object] = {"__module__": __name__, "__annotations__": annotations, "title": title}
    if kind == "derive":
        body["kept"] = derive(length, title)
    elif kind is not None:
        body["kept"] = KINDS[kind]()
    return type("Note", (Entity,), body)


def tell(space: weft.Space, kind: str, entity: Any) -> object:
    """Tell `kept` something; returns what it holds then."""
    match kind:
        case "field":
            entity.kept = 7
        case "items":
            entity.kept.add(7)
        case "counter":
            entity.kept.increment(7)
        case "entries":
            entity.kept["seven"] = 7
        case "fold":
            entity.tell(Counted(7))
        case _:
            entity.kept.insert(0, "seven")
    return held(kind, entity)


def held(kind: str, entity: Any) -> object:
    match kind:
        case "items":
            return tuple(entity.kept)
        case "entries":
            return dict(entity.kept.items())
        case "counter":
            return int(entity.kept)
        case "text":
            return str(entity.kept)
        case _:
            return entity.kept


BACK = [(was, now) for was, now in permutations(KINDS, 2)] + [(was, "derive") for was in KINDS]


@pytest.mark.parametrize(("was", "now"), BACK)
def test_a_told_node_that_comes_back_as_another_kind_is_refused_and_nothing_is_lost(was: str, now: str) -> None:
    first, without = note(was), note(None)
    with weft.open(types=[first]) as space:
        entity = space.create(first, title="First")
        said = tell(space, was, entity)
        space.define(without)
        position = space.position

        for _ in range(2):
            with pytest.raises(KindChanged, match=f"Note.kept was declared as {was} and is {now} now"):
                space.define(note(now))

        (entity,) = space.find(without)
        entity.title = "Second"  # type: ignore[attr-defined]
        assert (entity.title, space.position) == ("Second", position + 1)  # type: ignore[attr-defined]
        space.define(first)
        (entity,) = space.find(first)
        assert held(was, entity) == said


def test_a_space_is_not_opened_with_a_node_that_comes_back_as_another_kind(tmp_path: Path) -> None:
    path, first, without = str(tmp_path / "notes.weft"), note("field"), note(None)
    with weft.open(path, types=[first]) as space:
        space.create(first, kept=7)
    with weft.open(path, types=[without]):
        pass

    for _ in range(2):
        with pytest.raises(KindChanged, match=r"Note\.kept was declared as field and is items now"):
            weft.open(path, types=[note("items")])

    with weft.open(path, types=[first]) as space:
        assert [entity.kept for entity in space.find(first)] == [7]  # type: ignore[attr-defined]


def test_a_definition_that_is_refused_does_not_take_the_code_of_the_former() -> None:
    with weft.open(types=[FIRST]) as space:
        page = space.create(FIRST, title="First")
        with pytest.raises(KindChanged):
            space.define(with_words_by_place())

        with space.view() as engine:
            engine.forget()  # as after a write that failed: memory is read anew
        page.words.add("one")

        assert page.counted.wait(30) == 1


def test_a_told_node_of_which_nothing_is_kept_comes_back_as_any_kind() -> None:
    first = note("items")
    with weft.open(types=[first]) as space:
        space.create(first)
        space.define(note(None))
        now = note("counter")
        space.define(now)
        (entity,) = space.find(now)

        assert tell(space, "counter", entity) == 7


def test_a_node_is_compared_with_the_kind_that_it_had_last() -> None:
    first = note("items")
    with weft.open(types=[first]) as space:
        space.create(first)
        second = note("counter")
        for kind in (note(None), second):
            space.define(kind)
        (entity,) = space.find(second)
        tell(space, "counter", entity)
        space.define(note(None))

        with pytest.raises(KindChanged, match="was declared as counter and is items now"):
            space.define(first)
        space.define(second)
        assert int(space.find(second)[0].kept) == 7  # type: ignore[attr-defined]


# Another key --------------------------------------------------------------------------------------------------------


@element(key="name")
class Named:
    name: str
    alias: str


@element(key="alias")
class Aliased:
    name: str
    alias: str


def people(kind: type[Any] | None) -> type[Entity]:
    body = {} if kind is None else {"people": items(kind)}
    return type("Club", (Entity,), {"__module__": __name__, "title": field(default=""), **body})


def people_of(space: weft.Space, kind: type[Entity]) -> Any:
    (club,) = space.find(kind)
    return club.people  # type: ignore[attr-defined]


@pytest.mark.parametrize("through", [[], [None]])
@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Aliased, "by their field 'name', and would be by their field 'alias'"),
        (str, "by their field 'name', and would be by their content"),
    ],
)
def test_told_elements_with_another_key_are_refused_and_can_still_be_edited(
    through: list[None], now: type[Any], said: str
) -> None:
    first = people(Named)
    with weft.open(types=[first]) as space:
        space.create(first).people.add(Named("x", "q"), Named("y", "r"))  # type: ignore[attr-defined]
        for kind in through:
            space.define(people(kind))

        with pytest.raises(KeyChanged, match=f"The elements of Club.people are known {said}"):
            space.define(people(now))

        space.define(first)
        people_of(space, first).remove(Named("x", "q"))
        people_of(space, first).add(Named("y", "s"))
        assert tuple(people_of(space, first)) == (Named("y", "s"),)


def test_a_list_that_is_empty_takes_another_key() -> None:
    first, second = people(Named), people(Aliased)
    with weft.open(types=[first]) as space:
        space.create(first)
        space.define(second)

        people_of(space, second).add(Aliased("x", "q"), Aliased("z", "q"))

        assert tuple(people_of(space, second)) == (Aliased("z", "q"),)


def test_a_field_that_the_definition_in_force_has_no_more_is_named_with_the_nearest() -> None:
    former = FIRST

    class Page(Entity):
        titles: Field[str] = field(default="")
        words = items(str)

    with weft.open(types=[former]) as space:
        page = space.create(former, title="First")
        space.define(Page)
        position = space.position

        with pytest.raises(UnknownField, match="Page has no field 'title' in the definition in force: did you mean"):
            page.title = "Second"
        with pytest.raises(UnknownField):
            assert page.title

        page.words.add("one")
        assert tuple(page.words) == ("one",)
        assert space.position == position + 1
