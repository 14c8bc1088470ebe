"""What was right at a position: known where anybody ever made that call, unknown where nobody did."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Protocol

import pytest

import weft
from tests.reactive.runs import Runs
from weft import Entity, Failed, Field, Settled, choose, derive, field, items, ref
from weft.content import decode
from weft.past.as_of import AsOf
from weft.past.history import history
from weft.past.index import LogIndex
from weft.past.known import NotKept, Unknown
from weft.past.right_then import RightThen
from weft.past.view import PastSpace, ValueUnknown
from weft.slot import Err, Gone, Ok


def tenfold(n: int) -> int:
    return n * 10


def is_even(n: int) -> bool:
    return n % 2 == 0


def plus(total: int, n: int) -> int:
    return total + n


class Oracle(Protocol):
    def answer(self, n: int, /) -> int: ...


def asked(n: int, *, oracle: Oracle) -> int:
    return oracle.answer(n)


class Sure:
    """An oracle."""

    def answer(self, n: int, /) -> int:
        return n + 1


class Sum(Entity):
    n: Field[int] = field(default=1)
    m: Field[int] = field(default=7)
    xs = items(int)
    slow = derive(tenfold, n)
    after = derive(tenfold, slow)
    even = derive(is_even, n)
    picked = choose(even, slow, m)
    running = derive(plus, n, initial=0)
    each = xs.each(tenfold)
    count = each.count()
    asked = derive(asked, n)


class Seen(Entity):
    sum: weft.Ref[Sum] = ref()
    seen = derive(tenfold, sum.at(Sum.slow))


def since(world: Runs, node: str, entity: str = "a") -> int:
    """The position of the result that is shown now."""
    result = world.slot(entity, node).result
    assert result is not None
    return result.position


def known(world: Runs, position: int, node: str, entity: str = "a") -> object:
    found = RightThen(world.engine, position, LogIndex()).known(entity, node)
    match found:
        case Ok():
            return decode(found.encoded)
        case Err():
            return found.message
        case Unknown(shown, since):
            return "unknown", decode(shown.encoded) if isinstance(shown, Ok) else type(shown).__name__, since
        case NotKept() | Gone():
            return type(found).__name__


@pytest.fixture
def world() -> Runs:
    made = Runs(Sum, Seen, services={"Oracle": Sure()})
    for node in ("slow", "after", "picked", "running", "count", "asked"):
        made.engine.watch("a", node)
    made.tell(["a", "", "create", "Sum"])
    for node in ("slow", "after", "picked", "running", "count", "asked"):
        made.engine.watch("a", node)
    made.settled()
    return made


def test_a_skipped_cut_is_unknown_and_says_what_was_shown_from_where_on(world: Runs) -> None:
    shown_since = since(world, "slow")
    skipped, newest = world.set(n=2), world.set(n=3)
    world.settled()

    assert known(world, skipped, "slow") == ("unknown", 10, shown_since)
    assert known(world, newest, "slow") == 30
    assert known(world, newest - 1, "slow") == ("unknown", 10, shown_since)
    assert known(world, skipped - 1, "slow") == 10


def test_a_skipped_cut_is_known_where_the_same_call_was_made_at_any_time(world: Runs) -> None:
    was = since(world, "after")
    skipped = world.set(n=2)
    world.set(n=3)
    world.settled()
    assert known(world, skipped, "after") == ("unknown", 100, was)
    world.set(n=2)
    world.settled()

    assert (known(world, skipped, "slow"), known(world, skipped, "after")) == (20, 200)


def test_what_does_not_depend_on_what_was_told_stays_known(world: Runs) -> None:
    was = known(world, world.engine.head.position, "slow")
    told = world.set(m=8)

    assert known(world, told, "slow") == was == 10
    assert known(world, told, "asked") == 2


def test_what_is_behind_an_equal_value_is_unknown_while_that_value_is() -> None:
    """What reads a cut-off was never due, and yet nobody knows what it was at a cut that was skipped."""
    world = Runs(Sum)
    world.create(Sum, n=2, watch="picked")
    world.settled()
    low, even, picked = world.engine.head.position, since(world, "even"), since(world, "picked")
    world.set(n=3)
    world.set(n=2)
    world.settled()

    assert known(world, low + 1, "even") == ("unknown", True, even)
    assert known(world, low + 1, "picked") == ("unknown", 20, picked)
    assert known(world, low + 2, "picked") == 20


def test_a_choice_needs_no_record_where_its_test_and_branch_are_known(world: Runs) -> None:
    first = world.set(m=9)
    second = world.set(m=11)
    world.settled()

    assert (known(world, first, "picked"), known(world, second, "picked")) == (9, 11)


def test_a_node_that_goes_on_from_its_own_value_is_not_made_up(world: Runs) -> None:
    was = since(world, "running")
    skipped, newest = world.set(n=2), world.set(n=3)
    world.settled()

    assert known(world, newest, "running") == 4
    assert known(world, skipped, "running") == ("unknown", 1, was)


def test_what_goes_on_from_its_own_value_is_known_by_that_value(world: Runs) -> None:
    """It is given its value of before, also where the same inputs gave something else from another value."""
    world.set(n=2)
    skipped = world.set(n=5)
    world.set(n=6)
    world.settled()
    world.tell(["b", "", "create", "Sum"], ["b", "n", "set", 5])
    world.engine.watch("b", "running")
    world.settled()

    assert known(world, skipped, "running") == ("unknown", 1, known_since(world, skipped))


def known_since(world: Runs, position: int) -> int:
    found = RightThen(world.engine, position, LogIndex()).known("a", "running")
    assert isinstance(found, Unknown)
    return found.since


def test_a_rule_is_known_by_the_next_result_that_was_made_from_the_same() -> None:
    world = Runs(Sum)
    world.create(Sum, watch="count")
    world.settled()
    told = world.add("a", "xs", 1, 2)
    world.set(n=5)
    world.settled()
    world.add("a", "xs", 3)
    world.settled()

    assert known(world, told, "count") == 2
    assert known(world, told, "each") == [10, 20]


def test_what_an_entity_read_through_a_reference_is_that_of_then(world: Runs) -> None:
    world.tell(["b", "", "create", "Sum"], ["b", "n", "set", 5])
    world.tell(["c", "", "create", "Seen"], ["c", "sum", "set", {"entity": "a", "node": "", "element": ""}])
    world.engine.watch("c", "seen")
    world.settled()
    low = world.engine.head.position
    moved = world.tell(["c", "sum", "set", {"entity": "b", "node": "", "element": ""}])
    skipped = world.set("b", n=6)
    world.set("b", n=7)
    world.settled()

    assert [known(world, at, "seen", "c") for at in (low, skipped + 1)] == [100, 700]
    assert known(world, moved, "seen", "c") == ("unknown", 100, low)


def test_what_was_made_with_a_service_stands_unless_all_is_computed_anew_with_another(world: Runs) -> None:
    low = world.engine.head.position
    world.engine.offer("Oracle", {"name": "another"}, recompute=False)
    kept = world.engine.head.position
    world.engine.offer("Oracle", {"name": "a third"}, recompute=True)
    world.engine.commit()
    anew = world.engine.head.position

    assert known(world, low, "asked") == known(world, kept, "asked") == 2
    assert known(world, anew, "asked") == ("unknown", 2, since(world, "asked"))


def test_a_failure_is_passed_on_and_one_that_was_tried_again_is_unknown_until_then(world: Runs) -> None:
    world.set(n=4)
    for call in world.step():
        world.fail(call)
    failed, was = world.engine.head.position, since(world, "slow")
    retried = world.tell(["a", "slow", "retry", ""])

    assert known(world, failed, "slow") == "it broke"
    assert known(world, failed, "after") == "a.slow failed: RuntimeError: it broke"
    assert known(world, retried, "slow") == ("unknown", "Err", was)
    world.settled()
    assert (known(world, retried, "slow"), known(world, failed, "slow")) == (40, "it broke")


def test_a_definition_that_came_since_does_not_speak_for_what_was_before() -> None:
    world = Runs(Sum)
    world.create(Sum, watch="slow")
    world.settled()
    low = world.engine.head.position

    class Changed(Entity):
        n: Field[int] = field(default=1)
        slow = derive(plus, n, n)

    Changed.__name__ = Changed.__qualname__ = "Sum"
    world.types = (Changed,)
    world.crash()
    defined = world.engine.head.position
    assert known(world, low, "slow") == 10
    assert known(world, defined, "slow") == ("unknown", 10, 3)
    world.settled()

    assert (known(world, low, "slow"), known(world, defined, "slow")) == (10, 2)


def test_a_deep_graph_is_looked_at_without_recursion() -> None:
    body: dict[str, object] = {"__annotations__": {"n": Field[int]}, "__module__": __name__, "n": field(default=1)}
    for number in range(1500):
        body[f"x{number}"] = derive(partial(plus_tag, tag=number), body[f"x{number - 1}"] if number else body["n"])  # type: ignore[call-overload]
    world = Runs(type("Deep", (Entity,), body), inline=True)
    world.tell(["a", "", "create", "Deep"])
    world.engine.watch("a", "x1499")
    world.settled()
    low = world.engine.head.position
    skipped = world.set(n=2)
    world.set(n=3)
    world.settled()

    assert known(world, skipped, "x1499") == ("unknown", 1500, low)
    assert known(world, low, "x1499") == 1500
    world.set(n=2)
    world.settled()
    assert known(world, skipped, "x1499") == 1501


def plus_tag(n: int, *, tag: int) -> int:
    return n + (tag > 0)


# Programs ------------------------------------------------------------------------------------------------------------


def at(world: Runs, position: int, *, as_shown: bool = False) -> Sum:
    blobs = world.store.open_blob
    past = PastSpace(lambda: nullcontext(world.engine), position, as_shown=as_shown, index=LogIndex(), open_blob=blobs)
    return past.get(Sum, "a")


def test_a_program_is_told_that_it_is_unknown_with_what_was_shown(world: Runs) -> None:
    shown_from = since(world, "slow")
    skipped = world.set(n=2)
    world.set(n=3)
    world.settled()

    was, shown = (at(world, skipped, as_shown=one) for one in (False, True))

    assert (shown.slow.wait(), shown.after.state, shown.n) == (10, Settled(100), 2)
    for read in (was.slow.wait, lambda: was.slow.state):
        with pytest.raises(ValueUnknown) as raised:
            read()
        unknown = raised.value
        assert (unknown.position, unknown.shown, unknown.since) == (skipped, Settled(10), shown_from)
        assert str(unknown).endswith(
            f"what had been told by then; 10 was shown, from {shown_from} on. "
            f"Read what was shown by space.at({skipped}, as_shown=True)."
        )
    assert was.n == 2


def test_a_failure_that_was_shown_is_told_as_one(world: Runs) -> None:
    world.set(n=4)
    for call in world.step():
        world.fail(call)
    retried = world.tell(["a", "slow", "retry", ""])
    was = at(world, retried)

    with pytest.raises(ValueUnknown, match=r"a failure was shown, from \d+ on \(RuntimeError: it broke") as raised:
        was.slow.wait()
    assert raised.value.shown == Failed("RuntimeError: it broke")


def test_history_says_from_where_on_a_value_was_due(world: Runs) -> None:
    first = world.set(n=2)
    world.set(n=3)
    world.settled()
    world.set(m=1)
    world.set(n=3)
    last = world.set(n=5)

    moments = list(history(AsOf(world.engine, world.engine.head.position, LogIndex()), "a", "slow"))

    assert [decode(one.outcome.encoded) for one in moments if isinstance(one.outcome, Ok)] == [10, 30]
    assert [one.due_from for one in moments] == [first, last]
