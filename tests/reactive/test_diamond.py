"""Diamonds of every shape: each node once per change, never on mixed inputs."""

from __future__ import annotations

import pytest

from tests.reactive.operations import add, add_three, double, inc, negate
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field


class Diamond(Entity):
    x: Field[int] = field(default=0)
    left = derive(inc, x)
    right = derive(double, x)
    bottom = derive(add, left, right)


class Tailed(Entity):
    x: Field[int] = field(default=0)
    left = derive(inc, x)
    right = derive(double, x)
    bottom = derive(add, left, right)
    tail = derive(negate, bottom)
    tip = derive(inc, tail)


class Jagged(Entity):
    x: Field[int] = field(default=0)
    short = derive(inc, x)
    long_1 = derive(double, x)
    long_2 = derive(inc, long_1)
    long_3 = derive(negate, long_2)
    bottom = derive(add, short, long_3)


class Triangle(Entity):
    x: Field[int] = field(default=0)
    side = derive(inc, x)
    bottom = derive(add, x, side)


class Repeated(Entity):
    x: Field[int] = field(default=0)
    thrice = derive(add_three, x, x, x)
    twice = derive(add, thrice, thrice)


CASES = [
    (Diamond, "bottom", "left right bottom", lambda x: x + 1 + 2 * x),
    (Tailed, "tip", "left right bottom tail tip", lambda x: -(x + 1 + 2 * x) + 1),
    (Jagged, "bottom", "short long_1 long_2 long_3 bottom", lambda x: x + 1 - (2 * x + 1)),
    (Triangle, "bottom", "side bottom", lambda x: x + x + 1),
    (Repeated, "twice", "thrice twice", lambda x: 6 * x),
]


@pytest.mark.parametrize(("kind", "last", "nodes", "value"), CASES, ids=lambda case: getattr(case, "__name__", None))
def test_each_node_runs_once_per_change_after_all_that_it_reads(kind, last, nodes, value) -> None:  # type: ignore[no-untyped-def]
    world = Runs(kind)
    world.create(kind, watch=last)
    world.settled()

    for x in (3, 4, 5):
        world.set(x=x)
        ran = world.settled()

        assert sorted(ran) == sorted(nodes.split())
        assert ran[-1] == nodes.split()[-1]
        assert world.value("a", last) == value(x)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_join_never_sees_one_side_new_and_the_other_old(newest_first: bool) -> None:
    world = Runs(Diamond)
    world.create(Diamond, x=1, watch="bottom")
    world.settled()

    world.set(x=10)
    one, other = world.step()
    if newest_first:
        one, other = other, one
    world.finish(one)

    assert world.step() == []  # half of the join is new: it waits
    assert world.value("a", "bottom") == 2 + 2
    world.finish(other)
    (join,) = world.step()
    assert join.arguments == (11, 20)


def test_a_diamond_is_finished_at_the_cut_it_began_with_and_computed_once_more_at_the_newest() -> None:
    world = Runs(Diamond)
    world.create(Diamond, x=1, watch="bottom")
    left, right = world.step()
    world.finish(left)

    world.set(x=2)
    world.finish(right)

    assert sorted(world.settled()) == ["bottom", "bottom", "left", "left", "right", "right"]
    joins = [call.arguments for call in world.sent if call.operation.name.endswith("/add")]
    assert joins == [(2, 2), (3, 4)]
