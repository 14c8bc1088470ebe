"""`initial=`: a node that is given its own last accepted value."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reactive.runs import Runs
from weft import Entity, Field, derive, element, field, items


def keep(last: tuple[int, ...], x: int) -> tuple[int, ...]:
    return (*last, x)


@element(key="name")
class Named:
    name: str
    age: int


def older(last: tuple[Named, ...], names: Sequence[str]) -> tuple[Named, ...]:
    ages = {one.name: one.age for one in last}
    return tuple(Named(name, ages.get(name, 0) + 1) for name in names)


class History(Entity):
    x: Field[int] = field(default=1)
    seen = derive(keep, x, initial=())
    names = items(str)
    people = derive(older, names, initial=())


def test_it_is_given_its_initial_value_first_and_then_its_own() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    for x in (2, 3):
        world.settled()
        world.set(x=x)

    world.settled()

    assert world.value("a", "seen") == (1, 2, 3)
    assert [call.arguments for call in world.sent] == [((), 1), ((1,), 2), ((1, 2), 3)]


def test_its_own_new_value_does_not_make_it_due() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    assert world.settled() == ["seen"]
    assert world.settled() == []
    world.crash()
    assert world.settled() == []


def test_inputs_that_go_away_and_come_back_before_it_looks_run_nothing() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    world.settled()

    world.tell(["a", "x", "set", 2], ["a", "x", "set", 1])

    assert world.settled() == []
    assert world.value("a", "seen") == (1,)


def test_coming_back_to_old_inputs_after_another_value_is_a_step_of_its_own() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    world.settled()
    world.set(x=2)
    world.settled()

    world.set(x=1)

    assert world.settled() == ["seen"]
    assert world.value("a", "seen") == (1, 2, 1)


def test_a_failure_does_not_become_its_last_value() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    world.settled()
    world.set(x=2)
    world.step()
    world.fail(world.call_of("seen"), retry=False)
    world.settled()

    world.set(x=3)
    world.settled()

    assert world.value("a", "seen") == (1, 3)


def test_the_chain_goes_on_after_a_restart_from_what_was_recorded() -> None:
    world = Runs(History)
    world.create(History, watch="seen")
    world.settled()
    world.set(x=2)
    world.step()
    world.crash()

    world.settled()

    assert world.value("a", "seen") == (1, 2)


def test_elements_keep_their_ids_from_one_value_to_the_next() -> None:
    world = Runs(History)
    world.create(History, watch="people")
    world.add("a", "names", "ann", "ben")
    world.settled()
    before = [member.element for member in world.slot("a", "people").members()]

    world.add("a", "names", "cas")
    world.settled()

    assert [member.element for member in world.slot("a", "people").members()][:2] == before
    assert [one.age for one in world.value("a", "people")] == [2, 2, 1]
