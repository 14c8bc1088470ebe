"""A restart in the middle: what was left due goes on by itself, and nothing else runs."""

from __future__ import annotations

from tests.reactive.operations import double, inc
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items


class Chain(Entity):
    number: Field[int] = field()
    numbers = items(int)
    more = derive(inc, number, eager=True)
    twice = derive(double, more, eager=True)
    each_more = numbers.each(inc, eager=True)


def test_eager_nodes_that_were_left_due_go_on_after_a_restart_without_anybody_asking() -> None:
    world = Runs(Chain)
    world.create(Chain, number=1)
    world.add("a", "numbers", 7)
    assert set(world.settled()) == {"more", "twice", "each_more"}
    world.set(number=2)

    world.crash()

    assert world.settled() == ["more", "twice"]
    assert world.slot("a", "twice").current


def test_what_was_under_way_is_called_again_after_a_restart_and_what_had_come_back_is_not() -> None:
    world = Runs(Chain)
    world.create(Chain, number=1)
    world.step()
    world.answer("more")
    world.step()
    assert world.ran() == ["more", "twice"]

    world.crash()

    assert world.settled() == ["twice"]


def test_nothing_runs_after_a_restart_at_rest() -> None:
    world = Runs(Chain)
    world.create(Chain, number=1)
    world.settled()

    world.crash()

    assert world.settled() == []
