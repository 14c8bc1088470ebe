"""The port: which driver carries out what, what receipts hold, and what becomes of effects in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from weft.driver import EffectError, EffectRefused, InDoubt, NoDriver, NotReached, driver_of, receipt_of, when_in_doubt
from weft.flow import Effect, WhenInDoubt

T = TypeVar("T")


@dataclass(frozen=True)
class Ring(Effect[int]):
    times: int


@dataclass(frozen=True)
class RingTwice(Ring):
    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"


@dataclass(frozen=True)
class Unsaid(Effect[T], Generic[T]):
    pass


@dataclass(frozen=True)
class Wrong(Effect[int]):
    when_in_doubt: ClassVar[WhenInDoubt] = "sometimes"  # type: ignore[assignment]


class Bell:
    """Carries out what it is made for."""

    def __init__(self, *effects: type[Effect[Any]]) -> None:
        self.effects = effects

    async def carry_out(self, effect: Effect[Any], key: str, /) -> object:
        return key


def test_a_driver_carries_out_the_class_it_names_and_all_derived_ones() -> None:
    bell, other = Bell(Ring), Bell(Wrong)

    assert driver_of(Ring, [other, bell]) is bell
    assert driver_of(RingTwice, [other, bell]) is bell


def test_the_driver_of_the_nearest_class_is_taken() -> None:
    wide, near = Bell(Ring), Bell(RingTwice)

    assert driver_of(RingTwice, [wide, near]) is near
    assert driver_of(Ring, [near, wide]) is wide


def test_an_effect_that_nobody_carries_out_is_named() -> None:
    with pytest.raises(NoDriver, match=r"Nothing carries out Ring\. Give a driver"):
        driver_of(Ring, [Bell(RingTwice)])


def test_two_drivers_for_one_class_are_a_mistake() -> None:
    with pytest.raises(TypeError, match="2 drivers name Ring"):
        driver_of(RingTwice, [Bell(Ring), Bell(Ring)])


def test_a_receipt_holds_what_the_class_or_one_above_it_says() -> None:
    assert receipt_of(Ring) is int
    assert receipt_of(RingTwice) is int


def test_an_effect_that_does_not_say_what_its_receipt_holds_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="Unsaid does not say what its receipt holds"):
        receipt_of(Unsaid)


def test_in_doubt_somebody_is_asked_unless_the_class_says_otherwise() -> None:
    assert when_in_doubt(Ring) == "ask"
    assert when_in_doubt(RingTwice) == "at_most_once"
    with pytest.raises(TypeError, match="'sometimes', and should be one of 'retry', 'ask', 'at_most_once'"):
        when_in_doubt(Wrong)


@pytest.mark.parametrize("kind", [EffectRefused, NotReached, InDoubt, EffectError])
def test_each_outcome_names_the_effect_and_why(kind: type[EffectError]) -> None:
    said = str(kind(effect="the bell", why="it is night", after_s=None))

    assert said.startswith("the bell ")
    assert "it is night" in said
