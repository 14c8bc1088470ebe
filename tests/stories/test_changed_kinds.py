"""A class that changed beyond what can follow: what would be lost is refused in words, and the space stays whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, Run, derive, entries, field, items, on
from weft.desk import FlowsNotYet
from weft.edit import UnknownField
from weft.evolution import KindChanged


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


def test_a_type_with_flows_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    class Post(Entity):
        status: Field[str] = field(default="draft")

        @on(status.becomes("published"))
        async def announce(self, run: Run) -> None: ...

    path = tmp_path / "posts.weft"

    with pytest.raises(FlowsNotYet, match="Post declares the flows announce, and flows are not available yet"):
        weft.open(str(path), types=[Post])

    assert not path.exists()
