"""The settled mark: up to where all that is demanded is right. It never claims too much, and never goes back."""

from __future__ import annotations

from tests.reactive.operations import add, inc
from tests.reactive.runs import Runs
from weft import Entity, Field, Ref, derive, field, ref
from weft.testing.rules import mark_below


class Chain(Entity):
    x: Field[int] = field(default=1)
    y: Field[int] = field(default=1)
    low = derive(inc, x)
    high = derive(add, low, y)


class Reader(Entity):
    of: Ref[Chain] = ref()
    seen = derive(inc, of.at(Chain.low))


def settled() -> Runs:
    world = Runs(Chain, Reader)
    world.create(Chain, watch="high")
    world.rest()
    world.ran()
    return world


def mark(world: Runs, node: str = "high", id: str = "a") -> int:
    return mark_below(world.engine, [world.slot(id, node)])


def test_at_rest_the_mark_is_the_newest_cut() -> None:
    world = settled()
    assert mark(world) == world.engine.cut


def test_the_mark_stops_before_the_first_change_that_is_not_followed_yet() -> None:
    world = settled()
    first = world.set(x=5)
    world.set(y=5)
    assert mark(world) == first - 1


def test_a_node_made_due_later_keeps_what_was_unsettled_below_it_before() -> None:
    world = settled()
    first = world.set(x=5)
    second = world.set(y=5)
    world.step()

    world.answer("low")  # the newer of the two cuts

    assert world.at("a", "low") == second
    assert mark(world) == first - 1  # `high` shows what was right before `first`, and at no cut since


def test_the_mark_stands_where_it_stood_after_a_restart() -> None:
    world = settled()
    first = world.set(x=5)
    world.set(y=5)
    world.step()
    world.answer("low")

    world.crash()

    assert mark(world) == first - 1
    world.rest()
    assert mark(world) == world.engine.cut


def test_a_change_while_a_call_runs_is_not_covered_by_its_result() -> None:
    world = settled()
    world.set(x=5)
    world.step()
    second = world.set(x=6)

    world.answer("low")

    assert mark(world, "low") == second - 1
    assert sorted(world.settled()) == ["high", "high", "low", "low"]  # once as of the older cut
    assert world.value("a", "high") == 8


def test_what_is_newly_read_does_not_bring_its_own_backlog_along() -> None:
    world = settled()
    world.create(Chain, "b", x=7)
    world.create(Reader, "r")
    world.point("r", "of", "a")
    world.watch("seen", "r")
    world.rest()
    old = world.set("b", x=50)  # nobody demands b
    world.create(Chain, "c")

    begun = world.point("r", "of", "b")

    assert mark(world, "seen", "r") == begun - 1 > old
    world.rest()
    assert mark(world, "seen", "r") == world.engine.cut
    assert world.value("r", "seen") == 52


def test_a_failure_with_a_retry_to_come_is_not_settled_and_one_without_is() -> None:
    world = settled()
    position = world.set(x=5)
    world.step()
    world.fail(world.call_of("low"), retry=False)

    assert mark(world, "low") >= position
    world.rest()
    assert mark(world) == world.engine.cut


def test_a_result_is_not_extended_over_inputs_that_went_away_and_came_back_while_it_was_made() -> None:
    world = settled()
    world.set(x=5)
    world.step()
    world.set(x=6)
    newest = world.set(x=5)

    world.answer("low")

    assert not world.slot("a", "low").current  # what it says of the cuts between is wrong
    assert world.settled() == ["low", "high"]
    assert world.at("a", "low") == newest


def test_what_nobody_asks_for_does_not_hold_the_mark_of_everything_back() -> None:
    world = settled()
    world.engine.watch("a", "high", by=-1)
    first = world.set(x=5)
    assert world.engine.settled_mark() == world.engine.cut
    assert world.engine.is_settled(world.engine.cut)

    world.engine.watch("a", "low")
    assert world.engine.settled_mark() == first - 1
    assert not world.engine.is_settled(first)

    world.engine.watch("a", "low", by=-1)
    assert world.engine.settled_mark() == world.engine.cut


def test_the_mark_of_everything_stops_before_what_was_left_due_by_an_engine_that_died() -> None:
    world = settled()
    first = world.set(x=5)

    world.crash()
    world.engine.watch("a", "high")

    assert world.engine.settled_mark() == first - 1
    world.rest()
    assert world.engine.settled_mark() == world.engine.cut
