"""Definitions that change: only the cone of what differs runs again, and only where its operation differs."""

from __future__ import annotations

from functools import partial

from tests.reactive.operations import add, double, inc, negate, subtract
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items, op
from weft.definition import compile_type
from weft.slot import Ok


class Shop(Entity):
    x: Field[int] = field(default=3)
    y: Field[int] = field(default=4)
    a = derive(inc, x)
    b = derive(double, a)
    c = derive(negate, y)
    d = derive(add, b, c)


FIRST = Shop


def opened() -> Runs:
    world = Runs(FIRST)
    world.create(FIRST, watch="d")
    assert sorted(world.settled()) == ["a", "b", "c", "d"]
    return world


def reopened(world: Runs, kind: type[Entity]) -> list[str]:
    world.redefine(kind)
    return world.settled()


def keys(world: Runs) -> dict[str, object]:
    thing = world.engine.graph.thing("a")
    assert thing is not None
    return {slot.key.node: slot.result.call_key for slot in thing.slots() if slot.result is not None}


def test_the_same_definition_again_runs_nothing_and_records_nothing() -> None:
    world = opened()
    head = world.engine.head

    assert reopened(world, FIRST) == []
    assert world.engine.head == head


def test_a_node_with_another_operation_reruns_with_what_follows_it_and_nothing_else() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        a = derive(inc, x)
        b = derive(square, a)
        c = derive(negate, y)
        d = derive(add, b, c)

    world = opened()

    assert reopened(world, Shop) == ["b", "d"]
    assert world.value("a", "d") == 12


def square(a: int) -> int:
    return a * a


def test_a_new_operation_with_an_equal_result_stops_there() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        a = derive(one_more, x)
        b = derive(double, a)
        c = derive(negate, y)
        d = derive(add, b, c)

    assert reopened(opened(), Shop) == ["a"]


def one_more(a: int) -> int:
    return 1 + a


def test_a_setting_that_changes_reruns_its_node() -> None:
    def shop(by: int) -> type[Entity]:
        class Shop(Entity):
            x: Field[int] = field(default=3)
            a = derive(partial(plus, by=by), x)
            b = derive(double, a)

        return Shop

    world = Runs(shop(1))
    world.create(world.types[0], watch="b")
    world.settled()

    assert reopened(world, shop(2)) == ["a", "b"]
    assert reopened(world, shop(1)) == []  # known from before


def plus(a: int, *, by: int) -> int:
    return a + by


def test_a_node_more_runs_alone() -> None:
    class Shop(FIRST):
        e = derive(inc, FIRST.d, eager=True)

    world = opened()

    assert reopened(world, Shop) == ["e"]
    assert world.value("a", "e") == 5


def test_a_node_less_runs_nothing() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        a = derive(inc, x)
        b = derive(double, a)

    world = Runs(FIRST)
    world.create(FIRST, watch="b")
    world.settled()

    assert reopened(world, Shop) == []
    world.set(x=9)
    assert world.settled() == ["a", "b"]


def test_renaming_and_reordering_nodes_leaves_call_keys_alone() -> None:
    class Shop(Entity):
        y: Field[int] = field(default=4)
        x: Field[int] = field(default=3)
        minus = derive(negate, y)
        first = derive(inc, x)
        twice = derive(double, first)
        d = derive(add, twice, minus)

    world = opened()
    before = keys(world)

    assert reopened(world, Shop) == []  # new slots, and every call is known
    after = keys(world)
    assert [after[name] for name in ("first", "twice", "minus", "d")] == [before[name] for name in "abcd"]


def test_a_renamed_node_takes_its_result_along() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        first = derive(inc, x, was="a")
        b = derive(double, first)
        c = derive(negate, y)
        d = derive(add, b, c)

    world = opened()
    at = world.at("a", "a")

    assert reopened(world, Shop) == []
    assert world.at("a", "first") == at  # the very same result, not a new one under the same key


def test_swapping_the_inputs_of_an_operation_that_does_not_commute_changes_its_key() -> None:
    class Difference(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        d = derive(subtract, x, y)

    first = Difference

    class Swapped(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        d = derive(subtract, y, x)

    Swapped.__name__ = "Difference"
    world = Runs(first)
    world.create(first, watch="d")
    world.settled()
    before = keys(world)

    assert reopened(world, Swapped) == ["d"]
    assert keys(world) != before
    assert world.value("a", "d") == 1


def test_making_a_node_eager_or_giving_it_a_timeout_reruns_nothing() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        a = derive(inc, x, eager=True)
        b = derive(double, a, timeout_s=5)
        c = derive(negate, y)
        d = derive(add, b, c)

    assert reopened(opened(), Shop) == []


def test_another_declared_version_reruns_and_another_source_under_the_same_version_does_not() -> None:
    def shop(version: int, *, is_other: bool = False) -> type[Entity]:
        if is_other:

            @op(version=version, name="grow")
            def grow(a: int) -> int:
                return a + 1 + 0
        else:

            @op(version=version, name="grow")
            def grow(a: int) -> int:
                return a + 1

        class Shop(Entity):
            x: Field[int] = field(default=3)
            a = derive(grow, x)

        return Shop

    world = Runs(shop(1))
    world.create(world.types[0], watch="a")
    world.settled()

    assert reopened(world, shop(1, is_other=True)) == []
    assert reopened(world, shop(2)) == ["a"]


def test_an_each_redefined_reruns_its_elements_and_keeps_those_of_others() -> None:
    def shop(fn: object) -> type[Entity]:
        class Shop(Entity):
            xs = items(int)
            up = xs.each(inc)
            other = up.each(fn)  # type: ignore[call-overload]

        return Shop

    world = Runs(shop(double))
    world.create(world.types[0], watch="other")
    world.add("a", "xs", 1, 2)
    world.settled()

    assert reopened(world, shop(negate)) == ["other", "other"]
    assert world.value("a", "other") == (-2, -3)


def test_a_definition_of_before_runs_nothing_and_shows_what_it_did() -> None:
    class Shop(Entity):
        x: Field[int] = field(default=3)
        y: Field[int] = field(default=4)
        a = derive(inc, x)
        b = derive(negate, a)
        c = derive(negate, y)
        d = derive(add, b, c)

    world = opened()
    shown = world.slot("a", "d").outcome()
    reopened(world, Shop)

    assert reopened(world, FIRST) == []
    assert isinstance(shown, Ok)
    assert world.slot("a", "d").outcome() == shown


class Squared(Entity):
    x: Field[int] = field(default=3)
    y: Field[int] = field(default=4)
    a = derive(square, x)
    b = derive(double, a)
    c = derive(negate, y)
    d = derive(add, b, c)


Squared.__name__ = FIRST.__name__


def defined(world: Runs, kind: type[Entity]) -> None:
    """The engine that is at work is given another definition."""
    world.engine.define(compile_type(kind))
    world.attempts.reattach()
    world.engine.commit()


def test_a_call_that_is_out_while_its_operation_is_replaced_is_not_shown_as_the_new_ones_value() -> None:
    world = opened()
    world.set(x=5)
    world.step()
    before = world.call_of("a")

    defined(world, Squared)
    world.finish(before)  # inc(5)
    world.settled()

    assert (world.value("a", "a"), world.value("a", "d")) == (25, 46)
    assert world.slot("a", "a").current
    assert [call.operation.name.split("/")[1] for call in world.sent].count("square") == 1


def test_a_call_that_comes_back_after_the_new_one_changes_nothing() -> None:
    world = opened()
    world.set(x=5)
    world.step()
    before = world.call_of("a")

    defined(world, Squared)
    world.step()
    for call in [call for call in world.held() if call.id != before.id]:
        world.finish(call)
    world.finish(before)
    world.settled()

    assert (world.value("a", "a"), world.value("a", "d")) == (25, 46)


def test_a_call_of_an_untouched_node_that_is_out_is_used_and_not_made_again() -> None:
    world = opened()
    world.set(y=6)
    world.step()
    before = world.call_of("c")
    world.ran()

    defined(world, Squared)
    world.finish(before)

    assert "c" not in world.settled()
    assert (world.value("a", "c"), world.value("a", "d")) == (-6, 12)


def test_a_call_of_an_engine_that_ended_is_not_heard_under_the_next_definition() -> None:
    world = opened()
    world.set(x=5)
    world.step()
    before = world.call_of("a")

    world.redefine(Squared)
    world.finish(before)
    world.settled()

    assert (world.value("a", "a"), world.value("a", "d")) == (25, 46)
