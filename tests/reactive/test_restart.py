"""The engine dies at every place where it can: run counts and values are as if it had not."""

from __future__ import annotations

import pytest

from tests.reactive.operations import add, double, inc, total
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items


class Work(Entity):
    x: Field[int] = field(default=1)
    xs = items(int)
    left = derive(inc, x)
    right = derive(double, x)
    both = derive(add, left, right)
    grown = xs.each(inc)
    all = derive(total, grown)
    end = derive(add, both, all)


NODES = ["all", "both", "end", "grown", "grown", "left", "right"]


def ready() -> Runs:
    world = Runs(Work)
    world.create(Work, watch="end")
    world.add("a", "xs", 5, 6)
    return world


@pytest.mark.parametrize("after", range(8))
def test_a_restart_between_two_results_runs_nothing_twice(after: int) -> None:
    world = ready()
    for _ in range(after):
        world.step()
        held = [call for call in world.held() if call.id in world.attempts.open]
        if held:
            world.finish(held[0])
    world.runner.held.clear()  # what is under way dies with the engine
    world.crash()

    world.settled()

    assert world.value("a", "end") == 2 + 2 + 6 + 7
    finished = [world.node_of_record(position) for position in world.results()]
    assert sorted(finished) == NODES  # each result once, across both lives


def test_a_restart_at_rest_runs_nothing() -> None:
    world = ready()
    world.settled()

    world.crash()

    assert world.settled() == []


def test_what_was_under_way_is_sent_again_and_its_first_answer_does_not_count() -> None:
    world = ready()
    (late,) = [call for call in world.step() if world.node_of(call) == "left"]
    world.crash()
    (again,) = [call for call in world.step() if world.node_of(call) == "left"]

    world.finish(late, 77)

    assert world.slot("a", "left").result is None
    world.finish(again)
    assert world.value("a", "left") == 2


def test_an_event_told_before_a_restart_is_followed_after_it() -> None:
    world = ready()
    world.settled()
    world.set(x=10)

    world.crash()

    assert sorted(world.settled()) == ["both", "end", "left", "right"]
    assert world.value("a", "end") == 11 + 20 + 13


def test_a_restart_every_time_anything_happens_ends_with_the_same_counts() -> None:
    world = ready()
    for x in (1, 2, 3):
        world.set(x=x)
        for _ in range(40):
            world.step()
            held = [call for call in world.held() if call.id in world.attempts.open]
            if not held:
                break
            world.finish(held[-1])
            world.runner.held.clear()
            world.crash()

    finished = [world.node_of_record(position) for position in world.results()]
    assert sorted(finished) == sorted([*NODES, *["left", "right", "both", "end"] * 2])


def test_after_a_restart_an_entity_nobody_touches_is_not_loaded() -> None:
    world = ready()
    world.create(Work, "b", watch="end")
    world.settled()
    world.engine.watched.clear()

    world.crash()

    assert world.engine.graph.things == {}
    world.set("b", x=9)
    assert set(world.engine.graph.things) == {"b"}
