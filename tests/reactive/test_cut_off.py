"""Where nothing changed, nothing runs."""

from __future__ import annotations

from tests.reactive.operations import add, add_three, double, inc, is_even, negate, sign
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field
from weft.testing.rules import mark_below


class Signed(Entity):
    x: Field[int] = field(default=1)
    y: Field[int] = field(default=1)
    signed = derive(sign, x)
    parity = derive(is_even, y)
    shown = derive(negate, signed)
    both = derive(add, shown, y)


class Several(Entity):
    x: Field[int] = field(default=1)
    y: Field[int] = field(default=1)
    z: Field[int] = field(default=1)
    a = derive(sign, x)
    b = derive(sign, y)
    c = derive(double, z)
    all = derive(add_three, a, b, c)
    above = derive(inc, all)


def test_there_and_back_in_one_batch_runs_nothing() -> None:
    world = Runs(Signed)
    world.create(Signed, watch="both")
    world.settled()

    world.tell(["a", "x", "set", 5], ["a", "y", "set", 7], ["a", "x", "set", 1], ["a", "y", "set", 1])

    assert world.settled() == []
    assert mark_below(world.engine, world.engine.demanded()) == world.engine.cut


def test_there_and_back_in_two_batches_runs_the_first_node_once_and_takes_the_rest_from_memory() -> None:
    world = Runs(Signed)
    world.create(Signed, x=1, watch="both")
    world.settled()

    world.set(x=-1)
    world.settled()
    world.set(x=1)

    assert world.settled() == []  # every call key is known
    assert world.value("a", "both") == 0


def test_setting_what_is_there_runs_nothing() -> None:
    world = Runs(Signed)
    world.create(Signed, x=4, watch="both")
    world.settled()

    world.set(x=4)

    assert world.settled() == []


def test_an_equal_result_cuts_off_what_follows() -> None:
    world = Runs(Signed)
    world.create(Signed, x=1, watch="both")
    world.settled()
    before = world.slot("a", "shown").result

    world.set(x=2)

    assert world.settled() == ["signed"]
    assert world.slot("a", "shown").result is before  # not even touched
    assert mark_below(world.engine, world.engine.demanded()) == world.engine.cut


def test_one_input_that_turns_out_unchanged_leaves_its_reader_alone() -> None:
    world = Runs(Several)
    world.create(Several, watch="above")
    world.settled()

    world.set(x=2)

    assert world.settled() == ["a"]


def test_several_inputs_that_turn_out_unchanged_leave_their_reader_alone() -> None:
    world = Runs(Several)
    world.create(Several, watch="above")
    world.settled()

    world.set(x=2, y=3)

    assert sorted(world.settled()) == ["a", "b"]


def test_one_changed_input_among_unchanged_ones_runs_its_reader_once() -> None:
    world = Runs(Several)
    world.create(Several, watch="above")
    world.settled()

    world.set(x=2, y=3, z=4)

    ran = world.settled()
    assert sorted(ran) == ["a", "above", "all", "b", "c"]
    assert world.value("a", "above") == 1 + 1 + 8 + 1


def test_what_nobody_demands_does_not_run() -> None:
    world = Runs(Signed)
    world.create(Signed, watch="shown")

    world.set(x=-1, y=2)

    assert world.settled() == ["signed", "shown"]


def test_what_is_demanded_later_runs_then_and_only_what_is_missing() -> None:
    world = Runs(Signed)
    world.create(Signed, watch="shown")
    world.settled()

    world.watch("both parity")

    assert sorted(world.settled()) == ["both", "parity"]
