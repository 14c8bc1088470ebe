"""What `space.history` gives a program: values of today's types, by position, and what is lost in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

import weft
from weft import Entity, Failed, Field, Settled, derive, entries, field, items
from weft.past.known import NotKept
from weft.past.recorded import HistoryEntry


def halved(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n // 2


def shouted(word: str) -> str:
    return word.upper()


def longest(words: tuple[str, ...]) -> dict[str, str]:
    """By their first letters."""
    return {word[0]: word for word in sorted(words, key=len)}


class Desk(Entity):
    n: Field[int] = field(default=4)
    words = items(str)
    prices = entries(str, int)
    half = derive(halved, n)
    loud = words.each(shouted)
    longest = derive(longest, words)


def states(found: Sequence[HistoryEntry]) -> list[object]:
    return [one.state for one in found]


def test_a_program_is_given_all_that_a_node_came_to_with_by_whom_and_by_what() -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)
        desk.half.wait()
        with space.edit(by="ann"):
            desk.n = 5
        space.wait_settled()
        desk.n = 4
        desk.half.wait()

        told, made = space.history(desk, Desk.n), space.history(desk.half)

    assert [(one.state, one.how, one.actor) for one in told] == [
        (Settled(4), "told", "local"), (Settled(5), "told", "ann"), (Settled(4), "told", "local"),
    ]  # fmt: skip
    assert states(made) == [Settled(2), Failed("ValueError: 5 is odd"), Settled(2)]
    assert [one.how for one in made] == ["ran", "ran", "reused"]
    assert [one.position for one in made] == sorted(one.position for one in made)
    assert made[0].operation.endswith("/halved") and made[0].took_us is not None and not made[0].superseded


def test_of_collections_the_whole_is_given_and_of_an_each_element_by_element() -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)
        desk.words.add("a")
        desk.loud.wait()
        desk.words.add("b")
        desk.prices["tea"] = 3
        desk.loud.wait()

        words, prices = space.history(desk, Desk.words), space.history(desk, Desk.prices)
        loud = space.history(desk.loud)

    assert states(words) == [Settled(("a",)), Settled(("a", "b"))]
    assert states(prices) == [Settled({"tea": 3})]
    assert states(loud) == [Settled("A"), Settled("B")]
    assert len({one.element for one in loud}) == 2


def test_one_element_has_a_history_of_its_own() -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)
        for word in ("ab", "b", "abc"):
            desk.words.add(word)
            desk.longest.wait()

        assert states(space.history(desk.longest["a"])) == [Settled("ab"), Settled("abc")]


def test_what_was_never_asked_for_has_none() -> None:
    with weft.open(types=[Desk]) as space:
        assert space.history(space.create(Desk).half) == ()


def test_what_was_erased_or_is_read_by_no_type_any_more_is_said_to_be_lost(tmp_path: Path) -> None:
    path = str(tmp_path / "desk.weft")
    with weft.open(path, types=[Desk]) as space:
        space.create(Desk)

    class Other(Entity):
        n: Field[list[int]] = field(default=[])

    Other.__name__ = Other.__qualname__ = "Desk"
    with weft.open(path, types=[Other]) as space:
        (desk,) = space.find(Other)
        (lost,) = space.history(desk, Other.n)
        space.forget(desk, why="asked for")
        (erased,) = space.history(desk, Other.n)

    assert isinstance(lost.state, NotKept) and "list" in lost.state.why
    assert isinstance(erased.state, NotKept) and "erased" in erased.state.why


def test_what_is_no_node_is_refused_by_name() -> None:
    with weft.open(types=[Desk]) as space:
        desk = space.create(Desk)

        with pytest.raises(TypeError, match=r"space\.history"):
            space.history(desk.n)  # type: ignore[arg-type]
