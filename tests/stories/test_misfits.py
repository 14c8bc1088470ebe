"""Items of which one does not fit its type any more: the others are read as ever, and it can be taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weft
from weft import Entity, items
from weft.collection import content_element
from weft.content import content_id, encode
from weft.errors import Undecodable
from weft.misfits import ItemMisfit


def library(kind: Any) -> type[Any]:
    class Library(Entity):
        shelves = items(kind)
        size = shelves.count()

    return Library


@pytest.fixture
def path(tmp_path: Path) -> str:
    path, before = str(tmp_path / "library.weft"), library(int | str)
    with weft.open(path, types=[before]) as space:
        space.create(before).shelves.add(1, "attic", 3)
    return path


def test_those_that_fit_are_read_and_the_one_that_does_not_is_named_where_it_is_read(path: str) -> None:
    now = library(int)
    with weft.open(path, types=[now]) as space:
        shelves = space.find(now)[0].shelves

        assert len(shelves) == 3
        assert (shelves[0], shelves[2], shelves[-1]) == (1, 3, 3)
        assert (3 in shelves, "attic" in shelves, 7 in shelves) == (True, False, False)
        assert "(1, <misfit " in repr(shelves)
        for read in (lambda: list(shelves), lambda: shelves[1], lambda: shelves[1:]):
            with pytest.raises(ItemMisfit) as raised:
                read()
            assert isinstance(raised.value, Undecodable)
            assert "Library.shelves of " in str(raised.value)
            assert "[1] does not decode as int" in str(raised.value)
            assert f".remove(ElementId('{raised.value.element}'))" in str(raised.value)
        with pytest.raises(IndexError, match="has no place 3: it holds 3 now"):
            shelves[3]


def test_who_goes_on_after_the_one_that_does_not_fit_has_the_others(path: str) -> None:
    now = library(int)
    with weft.open(path, types=[now]) as space:
        going, found = iter(space.find(now)[0].shelves), []
        for _ in range(3):
            try:
                found.append(next(going))
            except ItemMisfit:
                found.append(None)

        assert found == [1, None, 3]


def test_it_is_taken_out_by_the_id_that_the_error_holds(path: str) -> None:
    now = library(int)
    with weft.open(path, types=[now]) as space:
        (found,) = space.find(now)
        with pytest.raises(ItemMisfit) as raised:
            list(found.shelves)

        with space.edit():
            found.shelves.add(4)
            assert len(found.shelves) == 4
            found.shelves.remove(raised.value.element)
            assert tuple(found.shelves) == (1, 3, 4)

        assert tuple(found.shelves) == (1, 3, 4)
        assert found.size.wait(30) == 3
        with pytest.raises(weft.WeftError, match="int"):
            found.shelves.remove("attic")
        with pytest.raises(weft.WeftError, match="int"):
            found.shelves.remove(raised.value.element)  # it is there no more


def test_a_text_that_is_an_item_is_that_item_whatever_its_letters() -> None:
    now, other = library(str), content_element(content_id(encode("other")))
    with weft.open(types=[now]) as space:
        shelves = space.create(now).shelves
        shelves.add("other", other)

        shelves.remove(other)

        assert tuple(shelves) == ("other",)
