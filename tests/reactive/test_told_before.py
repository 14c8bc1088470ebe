"""References told before what they lead to is there: by its id, which whoever creates it may know long before."""

from __future__ import annotations

import pytest

import weft
from tests.laws.test_rebuild import tables
from tests.reactive.operations import inc, total
from tests.reactive.runs import Runs
from weft import Entity, Field, Ref, Settled, derive, field, items, ref
from weft.content import Plain
from weft.rebuild import rebuild
from weft.reduce import Refused, element_identity
from weft.slot import Gone
from weft.testing.rules import mark_below


class Bed(Entity):
    size: Field[int] = field(default=1)
    plants = items(int)
    next_size = derive(inc, size)


class Sign(Entity):
    of: Ref[Bed] = ref()
    bigger = derive(inc, of.at(Bed.next_size))
    total = derive(total, of.at(Bed.plants))
    each = of.at(Bed.plants).each(inc)


def waiting() -> Runs:
    """A sign that points to a bed that is not there yet."""
    world = Runs(Bed, Sign)
    world.create(Sign, "s", watch="bigger total each")
    world.point("s", "of", "b")
    world.rest()
    assert isinstance(world.slot("s", "bigger").outcome(), Gone)
    assert isinstance(world.slot("s", "total").outcome(), Gone)
    world.ran()
    return world


def plant(world: Runs) -> None:
    world.tell(["b", "", "create", "Bed"], ["b", "size", "set", 5], ["b", "plants", "add", "1", 7])


def shown(world: Runs) -> tuple[object, object, object]:
    return world.value("s", "bigger"), world.value("s", "total"), world.value("s", "each")


def test_what_comes_into_being_wakes_whoever_refers_to_it() -> None:
    world = waiting()

    plant(world)

    assert sorted(world.settled()) == ["b.next_size", "s.bigger", "s.each", "s.total"]
    assert shown(world) == (7, 7, (8,))


def test_from_then_on_each_change_reaches_them() -> None:
    world = waiting()
    plant(world)
    world.settled()

    world.set("b", size=60)
    world.add("b", "plants", 3)

    assert sorted(world.settled()) == ["b.next_size", "s.bigger", "s.each", "s.total"]
    assert shown(world) == (62, 10, (4, 8))


def test_so_it_does_where_the_one_that_refers_is_not_in_memory() -> None:
    world = waiting()
    world.engine.watched.clear()
    world.crash()
    assert not world.engine.graph.things

    plant(world)

    assert mark_below(world.engine, [world.slot("s", "bigger")]) < world.engine.cut
    world.watch("bigger total each", "s")
    world.rest()
    assert shown(world) == (7, 7, (8,))


def test_the_mark_says_that_they_are_unsettled_since_then() -> None:
    world = waiting()
    assert mark_below(world.engine, [world.slot("s", "total")]) == world.engine.cut

    plant(world)

    assert mark_below(world.engine, [world.slot("s", "total")]) == world.engine.cut - 1


def test_what_one_edit_creates_may_be_referred_to_by_what_it_created_before() -> None:
    world = Runs(Bed, Sign)
    to: Plain = {"entity": "b", "node": "", "element": ""}

    world.tell(["s", "", "create", "Sign"], ["s", "of", "set", to], ["b", "", "create", "Bed"], ["b", "size", "set", 1])
    world.watch("bigger total each", "s")
    world.rest()
    assert shown(world) == (3, 0, ())
    world.set("b", size=5)
    world.add("b", "plants", 7)
    world.rest()

    assert shown(world) == (7, 7, (8,))


def test_an_edit_that_creates_it_may_point_the_reference_elsewhere_at_once() -> None:
    world = waiting()
    world.tell(["c", "", "create", "Bed"], ["c", "size", "set", 30])
    to: Plain = {"entity": "c", "node": "", "element": ""}

    world.tell(["b", "", "create", "Bed"], ["b", "size", "set", 5], ["s", "of", "set", to])
    world.rest()

    assert shown(world) == (32, 0, ())
    world.ran()
    world.set("b", size=50)
    assert world.settled() == []


def test_an_edit_that_is_refused_wakes_nobody() -> None:
    world = waiting()

    with pytest.raises(Refused, match="it exists already"):
        world.tell(["b", "", "create", "Bed"], ["b", "", "create", "Bed"])

    assert world.settled() == []
    plant(world)
    world.rest()

    assert shown(world) == (7, 7, (8,))


def test_a_rebuild_wakes_them_at_the_same_place() -> None:
    world = waiting()
    plant(world)
    world.rest()
    before = tables(world.store)

    rebuild(world.store, epoch=world.engine.epoch, types=world.engine.types)

    assert tables(world.store) == before


def test_what_was_watched_before_it_was_there_is_computed_when_it_comes() -> None:
    world = Runs(Bed, Sign)
    world.watch("next_size", "b")
    world.engine.watch("b", "plants")

    plant(world)
    assert world.settled() == ["b.next_size"]
    world.engine.watch("b", "next_size", by=-1)
    world.set("b", size=6)

    assert world.settled() == []
    assert world.slot("b", "next_size").demand == 0


def test_an_element_that_is_watched_is_watched_again_when_it_returns() -> None:
    world = Runs(Bed, Sign)
    world.create(Bed, "b", size=1)
    world.create(Sign, "s")
    world.point("s", "of", "b")
    world.add("b", "plants", 7)
    seven = element_identity(7, None)
    world.engine.watch("s", "each", seven)
    world.rest()
    assert world.ran() == ["s.each"]
    world.remove("b", "plants", 7)
    world.rest()

    world.add("b", "plants", 8)
    assert world.settled() == []  # nobody asks for that one
    world.add("b", "plants", 7)
    world.rest()

    assert world.slot("s", "each", seven).demand == 1
    assert world.slot("s", "each", seven).current
    world.engine.watch("s", "each", seven, by=-1)
    assert world.slot("s", "each", seven).demand == 0


def test_in_a_program_an_edit_creates_two_and_points_the_first_to_the_second() -> None:
    with weft.open(types=(Bed, Sign)) as space:
        with space.edit():
            other = space.create(Bed)
            sign = space.create(Sign, of=other)
            bed = space.create(Bed)
            sign.of = bed
        assert sign.bigger.wait(timeout_s=30) == 3
        bed.size = 5
        bed.plants.add(7)

        assert (sign.bigger.wait(timeout_s=30), sign.total.wait(timeout_s=30)) == (7, 7)


def test_in_a_program_a_value_is_watched_within_the_edit_that_creates_it() -> None:
    with weft.open(types=(Bed, Sign)) as space:
        with space.edit():
            bed = space.create(Bed)
            space.watch(bed.next_size)
        space.wait_settled(timeout_s=30)

        assert bed.next_size.state == Settled(2)
