"""Errors are results: they reach every dependent once, with their cause, and leave when their cause does."""

from __future__ import annotations

from tests.reactive.operations import add, double, inc, negate, positive
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field
from weft.slot import Err, Ok
from weft.store import entries_of


class Guarded(Entity):
    x: Field[int] = field(default=1)
    y: Field[int] = field(default=1)
    checked = derive(positive, x)
    left = derive(inc, checked)
    right = derive(double, checked)
    bottom = derive(add, left, right)
    tail = derive(negate, bottom)
    other = derive(inc, y)


def broken() -> Runs:
    world = Runs(Guarded)
    world.create(Guarded, watch="tail other")
    world.settled()
    world.set(x=-5)
    world.step()
    world.fail(world.call_of("checked"), "-5 is negative", retry=False)
    world.rest()
    world.ran()
    return world


def failure(world: Runs, node: str) -> Err:
    outcome = world.slot("a", node).outcome()
    assert isinstance(outcome, Err)
    return outcome


def test_an_error_reaches_every_dependent_without_a_call_and_names_where_it_began() -> None:
    world = broken()

    assert [call.operation.name.split("/")[1] for call in world.sent].count(
        "add"
    ) == 1  # before the error, never for it
    assert failure(world, "checked") == Err("RuntimeError", "-5 is negative", "", "", 1, True)
    for node in ("left", "right", "bottom", "tail"):
        assert failure(world, node).kind == "InputFailed"
        assert failure(world, node).origin == "a.checked"
        assert failure(world, node).message == "a.checked failed: RuntimeError: -5 is negative"


def test_an_error_is_recorded_once_for_each_dependent() -> None:
    world = broken()
    nodes = [
        said["slot"][1]  # type: ignore[index]
        for _, kind, said in entries_of(world.store)
        if kind == "result" and "error" in said["outcome"]  # type: ignore[operator]
    ]
    assert sorted(map(str, nodes)) == ["bottom", "checked", "left", "right", "tail"]


def test_the_last_good_value_stays_beside_the_error() -> None:
    world = broken()
    last = world.slot("a", "tail").last
    assert isinstance(last, Ok)
    assert world.engine.in_force["Guarded"].nodes["tail"].code is not None
    assert last.encoded == b"\x23"  # -4


def test_nodes_beside_the_error_go_on() -> None:
    world = broken()
    world.set(y=5)
    assert world.settled() == ["other"]


def test_dependents_recover_when_the_cause_does_and_each_runs_once() -> None:
    world = broken()

    world.set(x=7)

    assert sorted(world.settled()) == ["bottom", "checked", "left", "right", "tail"]
    assert world.value("a", "tail") == -22


def test_going_back_to_inputs_that_went_well_runs_nothing() -> None:
    world = broken()

    world.set(x=1)

    assert world.settled() == []
    assert world.value("a", "tail") == -4


def test_a_failed_node_is_not_tried_again_by_itself() -> None:
    world = broken()

    world.crash()

    assert world.settled() == []
    assert failure(world, "tail").origin == "a.checked"


def test_a_retry_is_an_event_and_runs_what_failed_and_what_follows() -> None:
    world = broken()

    world.tell(["a", "checked", "retry", ""])
    world.step()
    world.answer("checked", 5)

    assert sorted(world.settled()) == ["bottom", "checked", "left", "right", "tail"]
    assert world.value("a", "tail") == -16


def test_the_same_error_again_touches_no_dependent() -> None:
    world = broken()
    before = world.slot("a", "left").result

    world.tell(["a", "checked", "retry", ""])
    world.step()
    world.fail(world.call_of("checked"), "-5 is negative", retry=False)

    assert world.settled() == ["checked"]
    assert world.slot("a", "left").result is before
