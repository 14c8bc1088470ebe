"""Many due nodes: a small change does not stand behind all of somebody else's; who waits comes sooner; and only what is
demanded is begun at all."""

from __future__ import annotations

from itertools import count

import pytest

from weft import Entity, Field, Ref, derive, field, items, op, ref
from weft.content import Plain
from weft.held.waited import Waited, entities_below
from weft.slot import SlotKey
from weft.testing.world import World

TURN = 20
"""How many slots a turn begins here."""


@op(runner="inline")
def plus_one(x: int) -> int:
    return x + 1


class Many(Entity):
    xs = items(int)
    ys = xs.each(plus_one)


class One(Entity):
    x: Field[int] = field(default=0)
    y = derive(plus_one, x)
    z = derive(plus_one, y)


class Follower(Entity):
    target: Ref[One] = ref()
    y = derive(plus_one, target.at(One.z))


class Eager(Entity):
    x: Field[int] = field(default=0)
    y = derive(plus_one, x, eager=True)


def turns_until(world: World, entity: str, node: str) -> int:
    """After how many turns of the engine a node is settled."""
    for turn in count():
        if world.slot(entity, node).current:
            return turn
        assert turn < 1000, "never"
        world.attempts.pump(TURN)
        world.engine.commit()
    raise AssertionError


def crowd(world: World, size: int = 400) -> None:
    """One entity with many elements that are due."""
    world.tell(["many", "", "create", "Many"])
    world.engine.watch("many", "ys")
    adds: list[list[Plain]] = [["many", "xs", "add", f"{number:012x}", number] for number in range(size)]
    world.tell(*adds)


def test_a_small_change_is_settled_in_the_next_turn_while_somebody_elses_elements_take_many() -> None:
    world = World(Many, One, inline=True)
    world.tell(["one", "", "create", "One"])
    world.engine.watch("one", "z")
    crowd(world)
    world.attempts.pump(TURN)

    world.tell(["one", "x", "set", 7])

    assert turns_until(world, "one", "z") == 1
    assert world.value("one", "z") == 9
    while world.attempts.pump(TURN):
        pass
    assert world.value("many", "ys") == tuple(range(1, 401))


def test_many_due_entities_each_have_their_turn_and_all_come_to_an_end() -> None:
    world = World(One, inline=True)
    for number in range(100):
        world.tell([f"e{number}", "", "create", "One"])
        world.engine.watch(f"e{number}", "z")

    assert turns_until(world, "e99", "z") == 2 * 100 // TURN
    assert not world.attempts.pump(TURN)
    assert world.engine.is_settled(world.engine.cut)


def test_who_waits_comes_before_those_whom_nobody_waits_for_through_references_too() -> None:
    world = World(One, Eager, Follower, inline=True)
    for number in range(300):
        world.tell([f"e{number}", "", "create", "Eager"])
    world.tell(["far", "", "create", "One"])
    world.tell(
        ["near", "", "create", "Follower"], ["near", "target", "set", {"entity": "far", "node": "", "element": ""}]
    )
    world.engine.watch("near", "y")
    graph = world.engine.graph

    waited = Waited(graph)
    waited.begin(world.slot("near", "y"))

    assert entities_below(world.slot("near", "y")) == ["near", "far"]
    assert turns_until(world, "near", "y") == 1
    assert sum(world.slot(f"e{number}", "y").current for number in range(300)) >= TURN // 2  # and nobody starves
    waited.end()


def test_of_what_is_waited_for_only_so_much_is_looked_at() -> None:
    world = World(Many, One, inline=True)
    crowd(world, 50)
    whole = world.engine.node("many", "ys")
    assert whole is not None

    assert entities_below(whole, 10) == ["many"]
    world.step()
    assert entities_below(whole, 10) == []


@pytest.mark.parametrize("watched", [True, False])
def test_what_nobody_demands_stays_due_and_is_not_run(watched: bool) -> None:
    world = World(One, inline=True)
    world.tell(["one", "", "create", "One"])
    if watched:
        world.engine.watch("one", "y")

    world.step()

    assert world.slot("one", "y").current == watched
    assert world.slot("one", "z").due is not None and not world.slot("one", "z").current
    assert world.attempts.counts == ({(plus_one_name(), "ran"): 1} if watched else {})


def plus_one_name() -> str:
    from weft.operation import operation_of

    return operation_of(plus_one).name


def test_demand_ends_with_its_last_holder_and_what_stood_in_line_by_then_is_not_begun() -> None:
    world = World(Many, One, inline=True)
    crowd(world)
    world.engine.watch("many", "ys")
    world.attempts.pump(TURN)

    world.engine.watch("many", "ys", by=-1)
    world.attempts.pump(TURN)
    begun = sum(world.attempts.counts.values())
    world.engine.watch("many", "ys", by=-1)
    while world.attempts.pump(TURN):
        pass

    assert begun == 2 * TURN == sum(world.attempts.counts.values())
    assert world.engine.settled_mark() == world.engine.cut  # nothing demanded is due
    world.engine.watch("many", "ys")
    while world.attempts.pump(TURN):
        pass
    assert world.value("many", "ys") == tuple(range(1, 401))


def test_what_an_eager_node_needs_is_run_with_it_and_again_after_each_opening() -> None:
    class Chain(Entity):
        x: Field[int] = field(default=0)
        y = derive(plus_one, x)
        z = derive(plus_one, y, eager=True)
        aside = derive(plus_one, x)

    world = World(Chain, inline=True)
    world.tell(["one", "", "create", "Chain"])
    world.crash()
    world.step()

    assert (world.value("one", "y"), world.value("one", "z")) == (1, 2)
    assert not world.slot("one", "aside").current
    assert SlotKey("one", "aside") not in world.attempts.stuck
