"""`choose`: one branch is read, and only that one is demanded."""

from __future__ import annotations

import pytest

from tests.reactive.operations import add, double, inc, is_even, negate
from tests.reactive.runs import Runs
from weft import Entity, Field, choose, derive, field


class Mux(Entity):
    test: Field[int] = field(default=0)
    x: Field[int] = field(default=1)
    y: Field[int] = field(default=2)
    is_x = derive(is_even, test)
    left = derive(inc, x)
    right = derive(double, y)
    taken = choose(is_x, left, right)
    shown = derive(negate, taken)


class Beside(Mux):
    more = derive(negate, Mux.test)
    shown = derive(add, Mux.taken, more)


def test_only_the_branch_taken_runs() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")

    assert world.settled() == ["is_x", "left", "shown"]
    world.set(y=7)
    assert world.settled() == []
    world.set(x=7)
    assert world.settled() == ["left", "shown"]


def test_switching_runs_the_other_branch_and_lets_the_first_one_rest() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()

    world.set(test=1)

    assert world.settled() == ["is_x", "right", "shown"]
    assert world.value("a", "shown") == -4
    world.set(x=100)
    assert world.settled() == []


def test_switching_back_runs_nothing_that_is_known() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()
    world.set(test=1)
    world.settled()

    world.set(test=2)  # another even number

    assert world.settled() == ["is_x"]
    assert world.value("a", "shown") == -2


def test_a_test_that_keeps_its_answer_touches_neither_branch() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()

    world.set(test=4)

    assert world.settled() == ["is_x"]


def test_a_branch_changed_while_it_was_not_taken_is_computed_when_it_is() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()
    world.set(y=50)
    world.settled()

    world.set(test=1)
    world.settled()

    assert world.value("a", "shown") == -100


def test_a_branch_that_fails_is_not_noticed_while_the_other_is_taken() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()
    world.set(test=1)
    calls = {world.node_of(call): call for call in world.step()}
    world.finish(calls["is_x"])
    (right,) = world.step()
    world.fail(right)
    world.settled()

    world.set(test=2)
    world.settled()

    assert world.value("a", "shown") == -2


def test_after_a_restart_the_branch_taken_is_still_read() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()
    world.crash()

    assert world.settled() == []
    world.set(x=30)

    assert world.settled() == ["left", "shown"]
    assert world.value("a", "shown") == -31


def test_after_a_restart_the_branch_not_taken_still_rests() -> None:
    world = Runs(Mux)
    world.create(Mux, watch="shown")
    world.settled()
    world.crash()

    world.set(y=30)

    assert world.settled() == []


@pytest.mark.parametrize("kind", [Mux, Beside])
def test_what_was_due_in_a_branch_before_it_was_taken_is_nothing_that_was_read(kind: type) -> None:
    """`right` was never computed, so it is due since the entity is there; whoever reads `taken` is, since the test has
    picked it: at the cuts before it, the other branch was right."""
    world = Runs(kind)
    world.create(kind, watch="shown")
    world.settled()
    shown = world.slot("a", "shown")
    switched = world.set(test=1)
    world.step()

    world.answer("is_x")
    world.step()

    assert "right" in world.ran()
    assert world.engine.graph.first(shown) == switched
