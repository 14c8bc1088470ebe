"""What differs between two positions."""

from __future__ import annotations

from tests.past.erasing import erase
from tests.past.operations import Shelf
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items
from weft.content import decode
from weft.past.difference import Difference, differences
from weft.past.index import LogIndex
from weft.past.known import NotKept, Unknown
from weft.past.right_then import RightThen
from weft.slot import Gone, Ok
from weft.stores.memory import MemoryStore


def parity(n: int) -> int:
    return n % 2


class Sum(Entity):
    n: Field[int] = field(default=0)
    xs = items(int)
    parity = derive(parity, n)


def difference(world: Runs, low: int, high: int | None = None, *, as_shown: bool = False) -> list[Difference]:
    head, index = world.engine.head.position, LogIndex()
    before, after = (RightThen(world.engine, at, index) for at in (low, head if high is None else high))
    return list(differences(before, after, as_shown=as_shown))


def value(past: object) -> object:
    if isinstance(past, Unknown):
        return "unknown", value(past.shown), past.since
    return decode(past.encoded) if isinstance(past, Ok) else type(past).__name__


def said(found: list[Difference]) -> list[tuple[str, str, object, object]]:
    return [(one.kind, one.node, value(one.before), value(one.after)) for one in found]


def test_what_was_told_and_what_came_of_it() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="parity")
    world.settled()
    low = world.engine.head.position
    world.set(n=4)
    world.settled()

    assert said(difference(world, low)) == [("told", "n", 1, 4), ("computed", "parity", 1, 0)]


def test_what_was_computed_later_counts_for_the_position_it_was_made_for() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="parity")
    world.settled()
    low = world.engine.head.position
    told = world.set(n=4)
    world.settled()

    assert said(difference(world, low, told)) == [("told", "n", 1, 4), ("computed", "parity", 1, 0)]
    assert said(difference(world, low, told, as_shown=True)) == [("told", "n", 1, 4)]


def test_what_nobody_computed_is_unknown_beside_what_was_shown() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="parity")
    world.settled()
    low = world.engine.head.position
    skipped = world.set(n=4)
    newest = world.set(n=6)
    world.settled()

    assert said(difference(world, low, skipped)) == [
        ("told", "n", 1, 4), ("computed", "parity", 1, ("unknown", 1, low)),
    ]  # fmt: skip
    assert said(difference(world, skipped, newest))[1] == ("computed", "parity", ("unknown", 1, low), 0)
    world.set(n=7)
    still_due = world.engine.head.position
    assert said(difference(world, newest, still_due))[1] == ("computed", "parity", 0, ("unknown", 0, newest + 1))


def test_what_was_taken_back_differs_in_nothing() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="parity")
    world.settled()
    low = world.engine.head.position
    for n in (2, 5, 1):
        world.set(n=n)
        world.settled()
    world.add("a", "xs", 3)
    world.remove("a", "xs", 3)

    assert difference(world, low) == []
    assert difference(world, low, low) == []


def test_elements_that_came_and_went_are_told_apart() -> None:
    world = Runs(Sum)
    world.create(Sum)
    world.add("a", "xs", 1, 2)
    low = world.engine.head.position
    world.remove("a", "xs", 1)
    world.add("a", "xs", 3)

    (found,) = difference(world, low)

    assert [decode(encoded) for _, encoded in found.entered] == [3]
    assert [decode(encoded) for _, encoded in found.left] == [1]


def test_backwards_it_says_the_same_the_other_way_round() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1)
    low = world.engine.head.position
    world.set(n=2)

    assert said(difference(world, world.engine.head.position, low)) == [("told", "n", 2, 1)]


def test_from_the_very_beginning_all_is_new() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1)

    assert said(difference(world, 0)) == [
        ("definition", "Sum", "Gone", "Gone"),
        ("created", "", "Gone", "Gone"),
        ("told", "n", "Gone", 1),
    ]


def test_a_fold_is_compared_where_an_event_was_told() -> None:
    world = Runs(Shelf)
    world.create(Shelf)
    low = world.engine.head.position
    world.tell(["a", "", "tell", "Sold", {"copies": 30}])

    assert said(difference(world, low)) == [("told", "stock", 100, 70)]


def test_what_was_erased_in_between_is_named_and_not_guessed() -> None:
    store = MemoryStore()
    world = Runs(Sum, store=store)
    world.create(Sum, n=1)
    low = world.engine.head.position
    gone = world.add("a", "xs", 1)
    world.add("a", "xs", 2)
    erase(store, gone)

    erased, items_, *rest = difference(world, low, world.engine.head.position)

    assert (erased.kind, erased.node) == ("erased", str(gone))
    assert rest == []
    assert (items_.node, items_.before) == ("xs", items_.before)
    assert isinstance(items_.before, Ok)
    assert not isinstance(items_.after, Gone | NotKept)  # what is there today is known from its rows
