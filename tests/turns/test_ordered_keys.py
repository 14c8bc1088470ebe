"""Keys in order: what stands in them is what a dict would hold, and those who left take no room."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.reactive.operations import inc, total
from tests.reactive.runs import Runs
from weft import Entity, derive, items
from weft.graph import Whole
from weft.turns.ordered_keys import LEFT_MAX, OrderedKeys


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_they_are_those_that_a_dict_would_hold_in_its_order(acts: list[tuple[bool, int]]) -> None:
    keys, model = OrderedKeys[int](), dict[int, None]()
    for comes, key in acts:
        if comes:
            keys[key] = model[key] = None
        else:
            keys.discard(key)
            model.pop(key, None)
        assert list(keys) == list(model)


def test_those_who_left_take_no_room() -> None:
    keys = OrderedKeys[int]()
    for key in range(100 * LEFT_MAX):
        keys[key] = None
    for key in range(100 * LEFT_MAX - 3):
        keys.discard(key)

    assert list(keys) == [100 * LEFT_MAX - 3, 100 * LEFT_MAX - 2, 100 * LEFT_MAX - 1]
    assert sys.getsizeof(keys) < sys.getsizeof(dict.fromkeys(range(3 * LEFT_MAX)))


class Many(Entity):
    numbers = items(int)
    more = numbers.each(inc)
    sum = derive(total, more)


def room_after(looked_at: Callable[[Runs], object], count: int) -> int:
    world = Runs(Many)
    world.create(Many, watch="sum")
    world.add("a", "numbers", *range(count))
    world.settled()
    return sys.getsizeof(looked_at(world))


def test_what_has_settled_takes_no_room_among_what_is_unsettled() -> None:
    def unsettled(world: Runs) -> object:
        node = world.engine.node("a", "more")
        assert isinstance(node, Whole)
        return node.unsettled

    for looked_at in (unsettled, lambda world: world.engine.graph.wanted):
        assert room_after(looked_at, 4 * LEFT_MAX) < sys.getsizeof(dict.fromkeys(range(2 * LEFT_MAX)))
