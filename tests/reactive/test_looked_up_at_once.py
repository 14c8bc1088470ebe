"""Many calls are looked up at once before the first of them is made: each is made of what it reads when its turn comes,
and none is made twice."""

from __future__ import annotations

from tests.reactive.runs import Runs
from tests.reactive.test_streams import describe
from weft import Entity, Field, State, derive, field, items, op
from weft.content import Plain
from weft.operation import operation_of

SIZE = 100


@op(runner="inline")
def tenfold(x: int) -> int:
    return x * 10


@op(runner="inline")
def said(x: int) -> str:
    return str(x)


def told(x: int, state: State[str]) -> str:
    return f"{x}: {describe(state)}"


class Two(Entity):
    some = items(int)
    same = items(int)
    x: Field[int] = field(default=0)
    tens = some.each(tenfold)
    tens_too = same.each(tenfold)


class Watched(Entity):
    x: Field[int] = field(default=0)
    tale = derive(said, x)
    status = derive(told, x, tale.state)


def counts(world: Runs) -> dict[str, int]:
    name = operation_of(tenfold).name
    return {how: count for (of, how), count in world.attempts.counts.items() if of == name}


def test_equal_calls_of_one_turn_are_made_once() -> None:
    world = Runs(Two, inline=True)
    world.create(Two, watch="tens tens_too")
    world.add("a", "some", *range(SIZE))
    world.add("a", "same", *range(SIZE))

    world.step()

    assert counts(world) == {"ran": SIZE, "reused": SIZE}
    assert world.value("a", "tens") == world.value("a", "tens_too") == tuple(x * 10 for x in range(SIZE))


def test_calls_that_were_made_before_are_found_by_another_engine() -> None:
    world = Runs(Two, inline=True)
    world.create(Two, watch="tens")
    world.add("a", "some", *range(SIZE))
    world.step()
    world.crash()

    world.watch("tens_too")
    world.add("a", "same", *range(SIZE + 1))
    world.step()

    assert counts(world) == {"ran": 1, "reused": SIZE}
    assert world.value("a", "tens_too") == tuple(x * 10 for x in range(SIZE + 1))


def test_who_reads_how_another_stands_is_not_given_how_it_stood_before_the_turn() -> None:
    world = Runs(Watched)
    names = ["a", *(f"e{number}" for number in range(SIZE))]
    for name in names:
        world.create(Watched, name, watch="tale status", x=4)
    world.rest()
    world.set("a", x=5)
    world.rest()

    # What is told of each came to something before: its tale is there as soon as it is begun.
    sets: list[list[Plain]] = [[name, "x", "set", 5] for name in names]
    world.tell(*sets)

    assert world.step() == []
    assert {world.value(name, "status") for name in names} == {"5: settled 5"}


def test_what_was_looked_up_for_one_turn_is_forgotten_by_the_next() -> None:
    world = Runs(Watched, inline=True)
    for number in range(SIZE):
        world.create(Watched, f"e{number}", watch="tale", x=number)
    world.step()

    for number in range(SIZE):
        world.set(f"e{number}", x=-number)
        world.step()

    assert [world.value(f"e{number}", "tale") for number in range(SIZE)] == [str(-number) for number in range(SIZE)]
