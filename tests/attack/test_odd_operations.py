"""Operations and folds that raise what no program should: each is one failure, and the engine goes on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import weft
from weft import Entity, Field, derive, element, field, fold
from weft.handle import NodeFailed
from weft.reduce import Refused


class NoWords(Exception):
    """Its text ends the program."""

    def __str__(self) -> str:
        raise SystemExit("in its text")


def half_a_character(number: int) -> int:
    raise FileNotFoundError(f"b\udce9b\udce9 {number}.jpg")  # what os.listdir gives for a name that is not UTF-8


def no_words(number: int) -> int:
    raise NoWords(number)


def doubled(number: int) -> int:
    return number * 2


@dataclass
class Leave:
    code: int


def leave(total: int, event: Leave) -> int:
    raise SystemExit(event.code)


class Odd(Entity):
    number: Field[int] = field(default=1)
    total = fold(0).on(Leave, leave)
    half = derive(half_a_character, number)
    mute = derive(no_words, number)
    fine = derive(doubled, number)


def test_an_error_whose_text_is_not_unicode_fails_its_node_alone() -> None:
    with weft.open(types=(Odd,)) as space:
        odd = space.create(Odd)
        with pytest.raises(NodeFailed, match=r"FileNotFoundError: b.+1\.jpg"):
            odd.half.wait(10)
        assert odd.fine.wait(10) == 2


def test_an_error_whose_text_ends_the_program_fails_its_node_alone() -> None:
    with weft.open(types=(Odd,)) as space:
        odd = space.create(Odd)
        with pytest.raises(NodeFailed, match="NoWords"):
            odd.mute.wait(10)
        assert odd.fine.wait(10) == 2


def test_a_fold_that_ends_the_program_is_refused() -> None:
    with weft.open(types=(Odd,)) as space:
        odd = space.create(Odd)
        with pytest.raises(Refused, match="SystemExit: 3"):
            odd.tell(Leave(3))
        odd.number = 4
        assert odd.fine.wait(10) == 8


@element(key="place")
class Square:
    place: tuple[int, int]


def corners(number: int) -> tuple[Square, ...]:
    return (Square((0, 0)), Square((number, number)))


class Chess(Entity):
    size: Field[int] = field(default=8)
    corners = derive(corners, size)


def test_an_element_is_picked_by_a_key_that_is_a_tuple() -> None:
    with weft.open(types=(Chess,)) as space:
        chess = space.create(Chess)
        chess.corners.wait(10)
        assert chess.corners[8, 8].wait(10) == Square((8, 8))
