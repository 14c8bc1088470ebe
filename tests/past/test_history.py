"""The history of one node: what it was told or came to, and what never came to be shown."""

from __future__ import annotations

from tests.past.erasing import erase
from tests.past.operations import Shelf
from tests.reactive.runs import Runs
from weft import Entity, Field, derive, field, items
from weft.content import decode
from weft.engine import Settling
from weft.past.as_of import AsOf
from weft.past.history import Moment, history
from weft.past.index import LogIndex
from weft.past.known import NotKept
from weft.slot import Err, Gone, Ok
from weft.stores.memory import MemoryStore


def tenfold(n: int) -> int:
    return n * 10


class Sum(Entity):
    n: Field[int] = field(default=0)
    xs = items(int)
    slow = derive(tenfold, n)
    each = xs.each(tenfold)


def moments(world: Runs, node: str, element: str = "") -> list[Moment]:
    as_of = AsOf(world.engine, world.engine.head.position, LogIndex())
    return list(history(as_of, "a", node, element))


def shown(moment: Moment) -> object:
    match moment.outcome:
        case Ok(_, encoded):
            return decode(encoded)
        case Err(_, message):
            return message
        case Gone() | NotKept() as other:
            return type(other).__name__


def test_each_result_says_for_which_cut_how_and_by_which_version() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="slow")
    world.settled()
    for n in (2, 1):
        world.set(n=n)
        world.settled()

    found = moments(world, "slow")

    assert [(shown(one), one.how, one.at) for one in found] == [(10, "ran", 2), (20, "ran", 4), (10, "reused", 6)]
    assert {(one.operation, one.version) for one in found} == {
        ("tests.past.test_history/tenfold", world.slot("a", "slow").spec.operation.version)  # type: ignore[union-attr]
    }
    assert [one.position for one in found] == [3, 5, 7]


def test_a_superseded_result_is_marked_and_was_never_shown() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1, watch="slow")
    world.settled()
    slot, result = world.slot("a", "slow"), world.slot("a", "slow").result
    assert result is not None
    world.set(n=2)
    world.settled()
    world.engine.settle(slot, Settling(result.at, Err("Late", "too late"), result.call_key, (1, 99)))
    world.engine.commit()

    found = moments(world, "slow")

    assert [(shown(one), bool(one.superseded)) for one in found] == [(10, False), (20, False), ("too late", True)]
    assert found[-1].superseded == "made at 2, older than what stands from 4"
    then = world.engine.head.position
    world.set(n=3)
    world.settled()
    assert AsOf(world.engine, then, LogIndex()).outcome("a", "slow") == found[1].outcome


def test_of_an_each_all_elements_are_in_it_and_of_one_its_own() -> None:
    world = Runs(Sum)
    world.create(Sum, watch="each")
    world.add("a", "xs", 1, 2)
    world.settled()
    world.remove("a", "xs", 1)
    world.settled()

    whole = moments(world, "each")
    one = moments(world, "each", whole[0].element)

    assert sorted(str(shown(each)) for each in whole) == ["10", "20", "Gone"]
    assert all(each.element for each in whole)
    assert {each.how for each in one} <= {"ran", "removed"}
    assert not any(each.element for each in one)


def test_of_what_was_told_it_says_who_and_when() -> None:
    world = Runs(Sum)
    world.create(Sum, n=1)
    world.tell(["a", "n", "set", 5], actor="bob")
    world.tell(["a", "n", "set", 5], actor="eve")

    found = moments(world, "n")

    assert [(shown(one), one.actor, one.how) for one in found] == [(1, "ann", "told"), (5, "bob", "told")]
    assert found[-1].time == "2026-01-01T00:00:00Z"


def test_an_element_of_a_set_has_a_history_of_its_own() -> None:
    world = Runs(Sum)
    world.create(Sum)
    world.add("a", "xs", 1, 2)
    world.remove("a", "xs", 1)
    element = world.engine.node("a", "xs").element_ids()[0]  # type: ignore[union-attr]

    assert [shown(one) for one in moments(world, "xs")] == [[1, 2], [2]]
    assert [shown(one) for one in moments(world, "xs", element)] == [2]


def test_a_keyed_element_is_followed_through_the_lists_it_was_in() -> None:
    world = Runs(Shelf, inline=True)
    world.create(Shelf, watch="topics")
    for books in (["art one"], ["sea two"], ["art three"]):
        world.add("a", "books", *books)
        world.settled()
    world.remove("a", "books", "art one", "art three")
    world.settled()
    as_of = AsOf(world.engine, world.engine.head.position - 1, LogIndex())
    found = as_of.members("a", "topics")
    assert not isinstance(found, NotKept)
    art = next(one.element for one in found if decode(one.encoded)["name"] == "art")  # type: ignore[index, call-overload]

    assert [shown(one) for one in moments(world, "topics", art)] == [
        {"name": "art", "books": ["art one"]},
        {"name": "art", "books": ["art one", "art three"]},
        "Gone",
    ]


def test_what_was_erased_says_so() -> None:
    store = MemoryStore()
    world = Runs(Sum, store=store)
    world.create(Sum, n=1, watch="slow")
    world.settled()
    erase(store, 3)

    found = moments(world, "slow")

    assert [(one.how, shown(one)) for one in found] == [("erased", "NotKept")]


def test_a_node_that_is_not_there_has_none() -> None:
    world = Runs(Sum)
    world.create(Sum)

    assert moments(world, "nothing") == []
