"""The settled mark where cuts were skipped."""

from __future__ import annotations

from weft import Entity, Field, derive, field
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
    assert world.engine.mark([world.slot("p", "both")]) == first - 1
    world.crash()
    assert world.engine.mark([world.slot("p", "both")]) == first - 1
    world.rest()
    assert world.value("p", "both") == (0, 1)
    assert world.engine.mark([world.slot("p", "both")]) == world.engine.cut
