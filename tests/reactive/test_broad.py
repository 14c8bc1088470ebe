"""Long, wide and knotted graphs: linear runs, exact counts, no recursion."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import pytest

from tests.reactive.operations import add, inc, total
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items
from weft.graph import NEVER, Slot
from weft.testing.world import World

LONG, WIDE, DEEP = 20_000, 10_000, 40


def plus(a: int, *, n: int) -> int:
    return a + n


def make(name: str, **body: object) -> type[Entity]:
    """An entity type whose body is built in a loop."""
    return type(name, (Entity,), {"__module__": __name__, "__annotations__": {"x": Field[int]}, **body})


def chain(length: int) -> type[Entity]:
    body: dict[str, Any] = {"x": field(default=0)}
    last = body["x"]
    for place in range(length):
        last = body[f"n{place}"] = derive(inc, last)
    return make("Chain", **body)


class Broad(Entity):
    x: Field[int] = field(default=0)
    xs = items(int)
    grown = xs.each(inc, eager=True)
    sum = derive(total, grown, eager=True)


@pytest.mark.parametrize("length", [2, 63, 64, 65, 200])
def test_what_is_unsettled_far_below_holds_the_mark_back(length: int) -> None:
    world = Runs(chain(length))
    world.tell(["a", "", "create", "Chain"])
    world.watch(f"n{length - 1}")
    world.settled()
    cut = world.set(x=length)
    end = world.engine.node("a", f"n{length - 1}")
    assert isinstance(end, Slot)

    assert world.engine.graph.first(end) == cut
    world.settled()
    assert world.engine.graph.first(end) == NEVER


def test_what_is_unsettled_below_a_fork_holds_the_mark_back() -> None:
    class Forked(Entity):
        x: Field[int] = field(default=0)
        low = derive(inc, x)
        left = derive(inc, low)
        right = derive(inc, low)
        top = derive(add, left, right)

    world = Runs(Forked)
    world.tell(["a", "", "create", "Forked"])
    world.watch("top")
    world.settled()
    cut = world.set(x=1)
    top = world.engine.node("a", "top")
    assert isinstance(top, Slot)

    assert world.engine.graph.first(top) == cut
    world.settled()
    assert world.engine.graph.first(top) == NEVER


def test_a_chain_of_twenty_thousand_runs_each_node_once_cold_and_warm_and_never_recurses() -> None:
    sys.setrecursionlimit(max(400, _depth() + 150))
    try:
        kind = chain(LONG)
        world = World(kind, inline=True)
        world.tell(["a", "", "create", "Chain"])
        world.engine.watch("a", f"n{LONG - 1}")
        world.step()
        cold = dict(world.attempts.counts)
        world.tell(["a", "x", "set", LONG])  # nothing that a call was made with before
        world.step()
    finally:
        sys.setrecursionlimit(1000)

    assert list(cold.values()) == [LONG]
    assert list(world.attempts.counts.values()) == [2 * LONG]
    assert world.value("a", f"n{LONG - 1}") == 2 * LONG


def _depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_a_fan_out_of_ten_thousand_runs_each_reader_once_per_change() -> None:
    body: dict[str, Any] = {"x": field(default=0)}
    for place in range(WIDE):
        body[f"n{place}"] = derive(partial(plus, n=place), body["x"], eager=True)
    world = World(make("Fan", **body), inline=True)
    world.tell(["a", "", "create", "Fan"])
    world.step()

    world.tell(["a", "x", "set", 1])
    world.step()

    assert sum(world.attempts.counts.values()) == 2 * WIDE
    assert world.value("a", f"n{WIDE - 1}") == WIDE


def test_diamonds_on_diamonds_run_linearly_although_their_paths_are_exponential() -> None:
    body: dict[str, Any] = {"x": field(default=0)}
    last = body["x"]
    for place in range(DEEP):
        body[f"left{place}"] = derive(partial(plus, n=1), last)
        body[f"right{place}"] = derive(partial(plus, n=-1), last)
        last = body[f"join{place}"] = derive(add, body[f"left{place}"], body[f"right{place}"])
    body["mod"] = derive(partial(plus, n=0), last)
    world = World(make("Knot", **body), inline=True)
    world.tell(["a", "", "create", "Knot"])
    world.engine.watch("a", "mod")
    world.step()

    for x in (1, -1, 2):
        world.tell(["a", "x", "set", x])
        world.step()
        assert world.value("a", "mod") == x * 2**DEEP

    assert sum(world.attempts.counts.values()) == 4 * (3 * DEEP + 1)


@pytest.mark.parametrize("count", [1, 30])
def test_a_broad_graph_runs_each_node_once_per_change_and_its_sum_on_one_cut(count: int) -> None:
    world = Runs(Broad)
    world.create(Broad)
    world.add("a", "xs", *range(count))

    assert sorted(world.settled()) == ["grown"] * count + ["sum"]
    world.add("a", "xs", 1000)
    assert world.settled() == ["grown", "sum"]
    assert world.value("a", "sum") == sum(range(count)) + count + 1001


def test_a_join_of_thirty_branches_waits_for_all_of_them_in_whatever_order_they_come() -> None:
    world = Runs(Broad)
    world.create(Broad)
    world.add("a", "xs", *range(30))

    ran = world.settled(choose=lambda calls: calls[len(calls) // 2])

    assert ran == ["grown"] * 30 + ["sum"]


def test_a_row_of_a_thousand_eaches_runs_each_once_and_never_recurses() -> None:
    body: dict[str, Any] = {"x": field(default=0), "xs": items(int)}
    last = body["xs"]
    for place in range(1000):
        last = body[f"n{place}"] = last.each(inc)
    body["last"] = derive(total, last)
    sys.setrecursionlimit(max(400, _depth() + 150))
    try:
        world = World(make("Row", **body), inline=True)
        world.tell(["a", "", "create", "Row"])
        world.engine.watch("a", "last")
        world.tell(["a", "xs", "add", "0" * 12, 1])
        world.step()
    finally:
        sys.setrecursionlimit(1000)

    assert world.value("a", "last") == 1001
    assert sum(world.attempts.counts.values()) == 1001
