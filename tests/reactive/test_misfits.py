"""What was kept and no longer fits the annotations of today: its readers fail in words, and the engine goes on."""

from __future__ import annotations

from dataclasses import dataclass

from weft import Entity, Field, derive, field
from weft.slot import Err
from weft.testing.world import World


@dataclass(frozen=True)
class Point:
    x: int
    name: str


def across(point: Point) -> int:
    return point.x


class Place(Entity):
    point: Field[Point] = field()
    across = derive(across, point)


def test_a_told_value_that_no_longer_fits_fails_its_readers_and_no_others() -> None:
    world = World(Place)
    world.tell(["old", "", "create", "Place"], ["old", "point", "set", {"x": 1}])
    world.tell(["new", "", "create", "Place"], ["new", "point", "set", {"x": 2, "name": "here"}])
    for entity in ("old", "new"):
        world.engine.watch(entity, "across", "")

    world.rest()

    failed = world.slot("old", "across").outcome()
    assert isinstance(failed, Err)
    assert failed.kind == "Undecodable"
    assert "name" in failed.message
    assert world.value("new", "across") == 2


def test_a_value_that_fits_again_is_computed() -> None:
    world = World(Place)
    world.tell(["old", "", "create", "Place"], ["old", "point", "set", {"x": 1}])
    world.engine.watch("old", "across", "")
    world.rest()

    world.tell(["old", "point", "set", {"x": 3, "name": "there"}])
    world.rest()

    assert world.value("old", "across") == 3
