"""A definition that would close a loop through references which were told before it."""

from __future__ import annotations

from typing import Any

import pytest

from weft import Entity, Field, Ref, derive, field, ref
from weft.definition import compile_type
from weft.reduce import Refused
from weft.testing.world import World


def same(a: int) -> int:
    return a


def make_right(left: Any = None) -> Any:
    """A type that reads its own field or, given the other type, that one's node."""
    mine: Any = ref()
    x = field(default=1)
    out = derive(same, x if left is None else mine.at(left.y))
    annotations = {"x": Field[int], "mine": Ref[Any if left is None else left]}  # type: ignore[misc]
    return type("Right", (Entity,), {"__annotations__": annotations, "x": x, "mine": mine, "out": out})


def make_left(right: Any) -> Any:
    there: Any = ref()
    return type(
        "Left", (Entity,), {"__annotations__": {"r": Ref[right]}, "r": there, "y": derive(same, there.at(right.out))}
    )


def test_a_definition_that_closes_a_loop_of_references_is_refused_with_its_path_and_changes_nothing() -> None:
    right = make_right()
    left = make_left(right)
    world = World(right, left)
    world.tell(
        ["r", "", "create", "Right"],
        ["l", "", "create", "Left"],
        ["r", "mine", "set", {"entity": "l", "node": "", "element": ""}],
        ["l", "r", "set", {"entity": "r", "node": "", "element": ""}],
    )
    world.engine.watch("l", "y")
    world.rest()
    head = world.engine.head

    with pytest.raises(
        Refused, match=r"the definition of Right was refused: it would close a loop: r\.out ← l\.y ← r\.out"
    ):
        world.engine.define(compile_type(make_right(left)))

    assert world.engine.head == head
    world.tell(["r", "x", "set", 5])
    world.rest()
    assert world.value("l", "y") == 5
