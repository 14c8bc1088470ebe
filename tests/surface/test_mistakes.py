"""Mistakes at the surface that a checker would have found: each is refused in words that say what to write."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any, Protocol, cast

import pytest

import weft
from weft import Entity, Field, derive, field, items


class Tagger(Protocol):
    def tag(self, text: str) -> str: ...


class Fine:
    def tag(self, text: str) -> str:
        return text


class Coarse:
    pass


def words_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def tagged(text: str, *, tagger: Tagger) -> str:
    return tagger.tag(text)


class Notebook(Entity):
    text: Field[str] = field(default="a b")
    notes = items(str)
    words = derive(words_of, text)
    tag = derive(tagged, text)


class Word:
    pass


def refusal(act: Callable[[], object], kind: type[Exception] = TypeError) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(caught.value)


anything = cast("Any", weft.open)
"""`weft.open` as a program calls it that no checker has seen."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"types": Notebook}, "types is a list: write types=[Notebook]"),
        ({"types": None}, "types takes a list of Entity types, not None"),
        ({"types": "Notebook"}, "types takes a list of Entity types, not 'Notebook'"),
        ({"services": [Fine]}, "services is a mapping, not [<class "),
        ({"services": Fine()}, "write services={Protocol: object}"),
        ({"types": [Word]}, "types takes Entity types, and Word is not one: declare a class that derives from Entity"),
        ({"types": [int]}, "types takes Entity types, and int is not one"),
        ({"types": ["Notebook"]}, "types takes Entity types, and 'Notebook' is not one"),
        ({"services": {"tagger": Fine()}}, "by the Protocol that operations ask for, and 'tagger' is not one"),
        ({"services": {Fine: Fine()}}, "Protocol"),
        ({"services": {Tagger: Fine}}, "Tagger is offered as the class Fine: give an instance of it"),
        ({"services": {Tagger: Coarse()}}, "Tagger is offered as Coarse, which has no tag(…)"),
    ],
)
def test_what_is_given_to_open_is_checked_before_anything_is_opened(given: dict[str, object], said: str) -> None:
    assert said in refusal(lambda: anything(**given))


def test_a_service_with_its_methods_is_taken() -> None:
    with weft.open(types=[Notebook], services={Tagger: Fine()}) as space:
        assert space.create(Notebook).tag.wait(10) == "a b"


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda space: space.create("Notebook"), "space.create takes Entity types, and 'Notebook' is not one"),
        (lambda space: space.create(Word), "Word is not one"),
        (lambda space: space.find("x"), "space.find takes Entity types, and 'x' is not one"),
        (lambda space: space.get("x", "y"), "space.get takes Entity types, and 'x' is not one"),
        (lambda space: space.why("x"), "space.why takes a computed node of an entity, as in space.why(entity.node)"),
        (lambda space: space.watch("x"), "space.watch takes a computed node"),
        (lambda space: space.edit(by=3), "space.edit(by=…) takes a text, not 3"),
    ],
)
def test_what_is_given_to_a_space_is_checked(act: Callable[[Any], object], said: str) -> None:
    with weft.open() as space:
        assert said in refusal(lambda: act(space))


def test_a_lists_verbs_are_named_where_pythons_are_tried() -> None:
    with weft.open(types=[Notebook]) as space:
        notes = cast("Any", space.create(Notebook).notes)

        assert refusal(lambda: notes.append("x"), AttributeError) == "Notebook.notes has no 'append': use .add(…)"
        assert "did you mean 'remove'" in refusal(lambda: notes.remov("x"), AttributeError)


def test_what_was_meant_is_asked_once_in_a_traceback() -> None:
    with weft.open(types=[Notebook]) as space:
        book = cast("Any", space.create(Notebook))

        acts: tuple[Callable[[], object], ...] = (lambda: book.nots, lambda: book.notes.remov)
        for act in acts:
            with pytest.raises(AttributeError) as caught:
                act()
            (shown,) = traceback.format_exception_only(caught.value)
            assert shown.lower().count("did you mean") == 1


@pytest.mark.parametrize("verb", ["delete", "remove"])
def test_a_space_names_the_verb_that_takes_an_entity_out(verb: str) -> None:
    with weft.open(types=[Notebook]) as space:
        said = refusal(lambda: getattr(space, verb), AttributeError)

        assert said == f"a space has no {verb!r}: use .forget(…)"
        assert "did you mean 'create'" in refusal(lambda: cast("Any", space).creat, AttributeError)
        assert not hasattr(space, "_repr_png_")


def test_what_is_not_settled_is_waited_for_in_the_words_of_the_space() -> None:
    async def story() -> None:
        async with weft.open(types=[Notebook]) as space:
            async with space.edit():
                book = space.create(Notebook)
            assert "await entity.words first" in refusal(lambda: book.words["a"], KeyError)

    asyncio.run(story())
    with weft.open(types=[Notebook]) as space:
        book = space.create(Notebook)
        assert ".wait() for it first" in refusal(lambda: book.words["a"], KeyError)


def test_a_node_given_by_name_is_answered_with_its_place() -> None:
    def least_of(text: str, least: str) -> str:
        return max(text, least)

    def declare() -> None:
        class Wrong(Entity):
            text: Field[str] = field(default="")
            least: Field[str] = field(default="")
            top = cast("Any", derive)(least_of, text, least=least)

    assert refusal(declare).startswith("inputs are given by position: derive(least_of, …, least); ")


def test_a_function_of_a_list_is_answered_with_what_to_annotate() -> None:
    def joined(parts: list[str]) -> str:
        return "".join(parts)

    def declare() -> None:
        class Wrong(Entity):
            parts = items(str)
            whole = cast("Any", derive)(joined, parts)

    assert "(annotate it tuple[str, ...] or Sequence[str])" in refusal(declare)
