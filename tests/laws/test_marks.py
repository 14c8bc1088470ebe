"""The settled mark where cuts were skipped."""

from __future__ import annotations

from weft import Entity, Field, derive, field
from weft.testing.rules import mark_below
from weft.testing.world import World


def mirror(a: int) -> int:
    return a


def other(b: int) -> int:
    return b


def pair(a: int, b: int) -> tuple[int, int]:
    return a, b


class Pair(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(mirror, x)
    b = derive(other, y)
    both = derive(pair, a, b)


def test_a_mark_stays_while_an_input_that_skipped_cuts_stands_beside_one_that_is_unsettled() -> None:
    world = World(Pair)
    world.tell(["p", "", "create", "Pair"])
    world.engine.watch("p", "both")
    world.rest()
    first = world.tell(["p", "x", "set", 1])
    world.tell(["p", "y", "set", 1])
    world.tell(["p", "x", "set", 0])

    world.step()  # `a` is what it was and takes its value over; `b` is still out

    # What shows, (0, 0), was right before `first` and is right at no cut since.
    assert world.value("p", "both") == (0, 0)
    assert world.slot("p", "a").current
    assert mark_below(world.engine, [world.slot("p", "both")]) == first - 1
    world.crash()
    assert mark_below(world.engine, [world.slot("p", "both")]) == first - 1
    world.rest()
    assert world.value("p", "both") == (0, 1)
    assert mark_below(world.engine, [world.slot("p", "both")]) == world.engine.cut


def parity(y: int) -> int:
    return y % 2


class Held(Entity):
    x: Field[int] = field(default=0)
    y: Field[int] = field(default=0)
    a = derive(parity, y)
    low = derive(mirror, x)
    b = derive(other, low)
    both = derive(pair, a, b)


def test_a_row_that_holds_a_mark_back_says_no_later_cut_than_what_else_is_unsettled() -> None:
    world = World(Held)
    world.tell(["h", "", "create", "Held"])
    world.engine.watch("h", "both")
    world.rest()
    first = world.tell(["h", "x", "set", 1])
    world.tell(["h", "y", "set", 2])
    world.tell(["h", "y", "set", 4])
    a, low = sorted(world.step(), key=lambda call: call.operation.name != world.slot("h", "a").spec.operation.name)  # type: ignore[union-attr]

    world.finish(a)  # what it was, having skipped a cut: a row holds the mark of `both`, which waits for `b`
    world.finish(low)
    (b,) = world.step()
    world.finish(b)

    # What shows, (0, 0), was right before `first` and is right at no cut since.
    assert world.value("h", "both") == (0, 0)
    assert mark_below(world.engine, [world.slot("h", "both")]) == first - 1
