"""Mistakes at the surface that a checker would have found: each is refused in words that say what to write."""

from __future__ import annotations

import asyncio
import functools
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

import weft
from weft import Effect, Entity, Field, Run, derive, field, items, on
from weft.stores.refusal import NoSpaceYet, SpaceMissing


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


class Post(Entity):
    title: Field[str] = field(default="a b")
    text = derive(words_of, title)

    @on(Entity.created)
    async def announce(self, run: Run) -> str:
        return "announced"

    @on(title.changes())
    async def daily(self, run: Run) -> None: ...


def posted(space: weft.Space) -> Any:
    return space.create(Post)


class Word:
    pass


@dataclass(frozen=True)
class Knock(Effect[str]):
    times: int


class Door:
    effects: Any = (Knock,)

    async def carry_out(self, effect: Knock, key: str, /) -> str:
        return key


class SlowDoor:
    effects = (Knock,)

    def carry_out(self, effect: Knock, key: str, /) -> str:
        return key


class WrappedDoor:
    effects = (Knock,)

    @functools.wraps(Door.carry_out)
    def carry_out(self, effect: Knock, key: str, /) -> object:
        return Door().carry_out(effect, key)


class OneDoor(Door):
    effects: Any = Knock


class WordDoor(Door):
    effects: Any = (Word,)


class Wall:
    effects = (Knock,)


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
        ({"drivers": Door()}, "drivers is a list: write drivers=[Door(…)]"),
        ({"drivers": None}, "drivers takes a list of drivers, not None"),
        ({"drivers": {Knock: Door()}}, "drivers takes a list of drivers, not {<class "),
        ({"drivers": [Door]}, "drivers takes instances, and Door is a class: write Door(…)"),
        ({"drivers": [Word()]}, "and Word has no effects and carry_out"),
        ({"drivers": [Wall()]}, "`async def carry_out(self, effect, key)`, and Wall has no carry_out"),
        ({"drivers": [SlowDoor()]}, "SlowDoor.carry_out is no coroutine function"),
        ({"drivers": [OneDoor()]}, "OneDoor.effects is a tuple: write effects = (Knock,)"),
        ({"drivers": [WordDoor()]}, "WordDoor.effects names <class "),
        ({"drivers": [Door(), WrappedDoor()]}, "two drivers carry out Knock (Door and WrappedDoor): leave one"),
    ],
)
def test_what_is_given_to_open_is_checked_before_anything_is_opened(given: dict[str, object], said: str) -> None:
    assert said in refusal(lambda: anything(**given))


def test_a_client_makes_no_space(tmp_path: Path) -> None:
    path = tmp_path / "typo.weft"

    said = refusal(lambda: weft.open(str(path), engine=False), NoSpaceYet)

    assert f"There is no space at {path}, and engine=False opens one that is there." in said
    assert list(tmp_path.iterdir()) == []
    with weft.open(str(path), types=[Notebook]) as space:
        space.create(Notebook)
    weft.open(str(path), engine=False).close()
    path.unlink()
    refusal(lambda: weft.open(str(path), engine=False), SpaceMissing)


def test_a_driver_whose_carry_out_wraps_a_coroutine_function_is_taken() -> None:
    anything(drivers=(WrappedDoor(),)).close()


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
        (
            lambda space: space.steps(posted(space)),
            "takes a flow, and this is an entity, of type Post: write ",
        ),
        (
            lambda space: space.cancel(posted(space)),
            "space.cancel(entity.announce) or space.cancel(entity.daily)",
        ),
        (lambda space: space.retry(posted(space)), "write space.retry(entity.announce) or space.retry(entity.daily)"),
        (lambda space: space.restart(posted(space).text), "not Post.text, which is a node"),
        (lambda space: space.adopt(space.create(Notebook)), "Notebook has none: no method of it is under @on"),
        (
            lambda space: space.pause(None),
            "takes a flow of an entity, as in space.pause(entity.flow), not None",
        ),
        (lambda space: space.unpause("x"), "not 'x'"),
        (
            lambda space: space.backfill(posted(space).daily, 1, 2),
            "takes moments, not 1: write datetime(…, tz",
        ),
        (
            lambda space: space.answer(None, True),
            "takes a question, one of space.questions(), or its id, not None",
        ),
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
