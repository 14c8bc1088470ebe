"""What becomes of a call whose inputs change: finished, begun anew, or begun when they are quiet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pressure.pace import story, taking
from weft import Debounce, Entity, Field, derive, field, op
from weft.content import decode
from weft.definition import compile_type


def bursts(second: int) -> list[list[object]]:
    """x changes in the first three of every ten seconds, y always."""
    return [["e", "x" if second % 10 in (1, 2, 3) else "y", "set", second]]


class Usual(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(taking(5), x)


class Anew(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(taking(5), x, restart=True)


class Quiet(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(taking(5), x, debounce=Debounce(quiet_s=2, at_most_s=8))


def numbers(kind: type[Entity], seconds: int = 30) -> list[tuple[float, object]]:
    diary = story(kind, ("a",), seconds, change=bursts)
    return [(when, decode(value)) for when, _, value in diary.settled["a"] if isinstance(value, bytes)]


def test_usually_a_call_is_finished_and_shown_as_older_and_one_more_is_made() -> None:
    values = [value for _, value in numbers(Usual)]

    assert values[:3] == [0, 3, 11] or values[:3] == [1, 3, 11]
    assert 13 in values


def test_a_node_that_restarts_computes_what_came_last_and_nothing_between() -> None:
    found = numbers(Anew)

    assert [value for _, value in found] == [3, 13, 23]
    assert all(7.0 <= when % 10 <= 8.0 for when, _ in found)  # five seconds after the third change


def test_a_node_that_is_debounced_begins_when_its_inputs_have_been_quiet() -> None:
    found = numbers(Quiet)

    assert [value for _, value in found] == [3, 13, 23]
    assert all(when % 10 == pytest.approx(9, abs=1) for when, _ in found)


class Never(Entity):
    x: Field[int] = field(default=0)
    a = derive(taking(2), x, debounce=Debounce(quiet_s=3, at_most_s=10))


def test_inputs_that_are_never_quiet_are_computed_after_the_longest_wait() -> None:
    diary = story(Never, ("a",), 60)

    assert len(diary.settled["a"]) >= 4
    assert diary.gap_s("a") <= 13


def greater(a: int, b: int) -> int:
    return max(a, b)


class Sides(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(taking(5), x, restart=True)
    b = derive(taking(3), x)
    both = derive(greater, a, b)


def test_a_member_that_never_comes_to_an_end_holds_nobody_up() -> None:
    diary = story(Sides, ("both",), 60)

    assert "a" not in diary.settled
    assert diary.gap_s("b") <= 4


@op(restart=True, debounce=Debounce(quiet_s=1, at_most_s=1))
async def said_of(x: int) -> int:
    return x


class SaidOfOperation(Entity):
    x: Field[int] = field(default=0)
    a = derive(said_of, x)
    b = derive(said_of, x, debounce=Debounce(quiet_s=2, at_most_s=4))


def test_what_an_operation_says_holds_where_a_node_says_nothing() -> None:
    nodes = compile_type(SaidOfOperation).nodes
    a, b = nodes["a"].code, nodes["b"].code

    assert a is not None and a.policy is not None and a.policy.restart and a.policy.debounce == Debounce(1, 1)
    assert b is not None and b.policy is not None and b.policy.debounce == Debounce(2, 4)


def test_a_policy_is_part_of_no_definition() -> None:
    assert compile_type(_with(True)).content() == compile_type(_with(False)).content()


def _with(restart: bool) -> type[Entity]:
    body: dict[str, Any] = {"__annotations__": {"x": Field[int]}, "x": field(default=0), "__module__": __name__}
    body["a"] = derive(taking(1), body["x"], restart=restart)
    return type("Same", (Entity,), body)


def test_a_debounce_that_is_a_number_is_refused_when_the_class_is_made() -> None:
    body: dict[str, Any] = {"__annotations__": {"x": Field[int]}, "x": field(default=0), "__module__": __name__}
    body["a"] = derive(taking(1), body["x"], debounce=0.3)  # type: ignore[call-overload]

    with pytest.raises(TypeError, match="should read Debounce"):
        type("Wrong", (Entity,), body)


@pytest.mark.parametrize(("quiet_s", "at_most_s"), [(0, 1), (-1, 1), (2, 1)])
def test_a_debounce_that_could_not_be_kept_to_is_refused(quiet_s: float, at_most_s: float) -> None:
    with pytest.raises(ValueError, match="quiet_s is more than 0"):
        Debounce(quiet_s, at_most_s)
