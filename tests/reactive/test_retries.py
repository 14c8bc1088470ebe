"""Retries with backoff are data: how often, after which pause, and what ends them."""

from __future__ import annotations

import pytest

from tests.reactive.operations import inc
from tests.reactive.runs import Runs
from weft import Entity, Field, Retry, derive, field, op
from weft.slot import Err


@op(retry=Retry(3, 1.0, factor=3.0))
def flaky(a: int) -> int:
    return a * 2


class Job(Entity):
    x: Field[int] = field(default=1)
    made = derive(flaky, x)
    often = derive(flaky, x, retry=Retry(2, 0.5))
    above = derive(inc, made)


def begun() -> Runs:
    world = Runs(Job)
    world.create(Job, watch="above")
    world.step()
    return world


def delays(world: Runs) -> list[float]:
    return [delay for delay, _ in world.retries]


def error(world: Runs, node: str = "made") -> Err:
    outcome = world.slot("a", node).outcome()
    assert isinstance(outcome, Err)
    return outcome


def test_a_failure_is_tried_again_after_growing_pauses_and_ends_after_the_declared_number() -> None:
    world = begun()

    world.fail(world.call_of("made"))
    assert delays(world) == [1.0] and world.step() == []
    assert not error(world).final
    world.wake_retries()
    world.step()
    world.fail(world.call_of("made"))
    assert delays(world) == [3.0]
    world.wake_retries()
    world.step()
    world.fail(world.call_of("made"), "for good")

    assert world.settled() == ["made"] * 3
    assert error(world) == Err("RuntimeError", "for good", "", "", 3, True)
    assert error(world, "above").origin == "a.made"


def test_dependents_wait_while_a_retry_is_to_come() -> None:
    world = begun()

    world.fail(world.call_of("made"))
    world.step()

    assert world.slot("a", "above").result is None
    assert not world.slot("a", "made").current


def test_a_retry_that_goes_well_leaves_no_trace_in_what_is_shown() -> None:
    world = begun()
    world.fail(world.call_of("made"))
    world.wake_retries()

    assert world.settled() == ["made", "made", "above"]
    assert world.value("a", "above") == 3


def test_what_trying_again_cannot_help_fails_at_once() -> None:
    world = begun()
    world.fail(world.call_of("made"), "wrong type", retry=False)
    assert world.settled() == ["made"]
    assert error(world).final and error(world).tries == 1


def test_a_node_may_say_how_often_in_place_of_its_operation() -> None:
    world = Runs(Job)
    world.create(Job, watch="often")
    world.step()
    world.fail(world.call_of("often"))
    assert delays(world) == [0.5]
    world.wake_retries()
    world.step()
    world.fail(world.call_of("often"))
    assert error(world, "often").final


def test_a_change_of_inputs_during_a_pause_counts_tries_anew() -> None:
    world = begun()
    world.fail(world.call_of("made"))

    world.set(x=9)
    world.wake_retries()
    world.step()
    assert world.call_of("made").arguments == (9,)
    world.fail(world.call_of("made"))

    assert delays(world) == [1.0]  # the first failure of this call
    assert error(world).tries == 1


@pytest.mark.parametrize("failures", [1, 2])
def test_tries_are_counted_across_a_restart(failures: int) -> None:
    world = begun()
    for _ in range(failures):
        world.fail(world.call_of("made"))
        world.retries.clear()
        world.crash()
        world.step()

    world.fail(world.call_of("made"))

    assert error(world).tries == failures + 1
    assert error(world).final == (failures == 2)


def test_a_told_retry_starts_the_count_again() -> None:
    world = begun()
    for _ in range(3):
        world.fail(world.call_of("made"))
        world.wake_retries()
        world.step()
    assert error(world).final

    world.tell(["a", "made", "retry", ""])
    world.step()
    world.fail(world.call_of("made"))

    assert not error(world).final and error(world).tries == 1
