"""Handles: what they ask and say, and what they refuse to answer for a value that may not be there."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from tests.memory_desk import MemoryDesk
from weft import (
    Absent,
    Entity,
    Failed,
    Node,
    NodeFailed,
    NotFired,
    Ref,
    Run,
    Running,
    Settled,
    Value,
    WaitTimeout,
    WeftError,
    counter,
    derive,
    entries,
    items,
    on,
    ref,
    text,
)
from weft.handle import Seat
from weft.told import LiveRef, Target


def counted(words: Sequence[str]) -> Mapping[str, int]:
    return {word: words.count(word) for word in words}


def doubled(number: int) -> int:
    return 2 * number


class Page(Entity):
    words = items(str)
    likes = counter()
    body = text()
    marks = entries(str, int)
    counts = derive(counted, words)

    @on(words.changes())
    async def print_it(self, run: Run) -> int:
        return 3


class Look(Entity):
    count: Ref[int] = ref()
    twice = derive(doubled, count)


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk()


@pytest.fixture
def page(desk: MemoryDesk) -> Page:
    return desk.seat(Page, "page-1")


def refusal(of: Any) -> str:
    with pytest.raises((TypeError, AttributeError)) as caught:
        of()
    return str(caught.value)


def test_a_value_is_waited_for_awaited_and_looked_at(desk: MemoryDesk, page: Page) -> None:
    desk.states["counts"] = Settled({"a": 1})

    async def awaited() -> Mapping[str, int]:
        return await page.counts

    assert page.counts.wait(timeout_s=1) == {"a": 1}
    assert asyncio.run(awaited()) == {"a": 1}
    assert page.counts.state == Settled({"a": 1})


def test_an_old_handle_shows_what_is_there_now(desk: MemoryDesk, page: Page) -> None:
    handle = page.counts

    before, desk.states["counts"] = handle.state, Settled({})

    assert (before, handle.state) == (Absent(), Settled({}))


def test_waiting_raises_what_the_desk_says(desk: MemoryDesk, page: Page) -> None:
    with pytest.raises(TimeoutError, match=r"Page\.counts of page-1 was not settled after 1 s: absent\."):
        page.counts.wait(1)

    desk.states["counts"] = Failed("broken", last={"a": 1})
    with pytest.raises(NodeFailed) as caught:
        page.counts.wait()
    assert caught.value.last == {"a": 1}


def test_a_failed_node_tells_of_a_last_value_only_where_there_is_one() -> None:
    first = NodeFailed(node="Farm.sum", entity="e", cause="ValueError: no", last=None)
    later = NodeFailed(node="Farm.sum", entity="e", cause="ValueError: no", last=3)

    assert "last" not in str(first)
    assert str(later).endswith("The last good value is in the error's `last` field.")
    for said in map(str, (first, later)):
        assert said.startswith("Farm.sum of e failed: ValueError: no. Mend the cause")
        for step in ("space.retry(value)", "`weft retry SPACE NODE`", "space.why(value)", "`weft why SPACE NODE`"):
            assert step in said


def test_places_in_the_cause_of_a_failed_node_are_named_as_commands_print_them() -> None:
    own, other, element = "knfzgabe" + "a" * 18, "abcdefgh" + "b" * 18, "bbh62cfz" + "c" * 18
    cause = f"InputFailed: {own}.sizes[{element}] failed: it read {other}.name: ValueError: 3 is too much"

    failed = NodeFailed(node="Farm.sum", entity=own, cause=cause, last=None)

    said = "Farm knfzgabe.sizes[bbh62cfz] failed: it read abcdefgh.name: ValueError: 3 is too much. Mend"
    assert said in str(failed)
    assert failed.cause == cause


def test_errors_survive_copies_and_pickles() -> None:
    errors: list[WeftError] = [
        WaitTimeout(node="n", entity="e", timeout_s=1, state="absent"),
        NodeFailed(node="n", entity="e", cause="c", last=None),
        NotFired(flow="f", entity="e", reason="r"),
    ]

    for error in errors:
        for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301  our own bytes
            assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    "ask",
    [bool, len, list, lambda value: "a" in value, lambda value: value(), lambda value: value == {}],
    ids=["bool", "len", "iter", "in", "call", "equality"],
)
def test_a_value_that_may_not_be_there_answers_nothing(page: Page, ask: Any) -> None:
    said = refusal(lambda: ask(page.counts))

    assert said.startswith("Page.counts may not be settled yet, so it has no ")
    assert ".wait()" in said


def test_an_attribute_of_the_value_is_read_after_waiting(page: Page) -> None:
    assert "read .wait().values, or (await …).values" in refusal(lambda: cast("Any", page.counts).values)
    assert not hasattr(page.counts, "_repr_svg_")


def test_values_are_equal_as_places(desk: MemoryDesk, page: Page) -> None:
    assert page.counts == desk.seat(Page, "page-1").counts
    assert page.counts != desk.seat(Page, "page-2").counts
    assert len({page.counts, desk.seat(Page, "page-1").counts}) == 1


def test_a_flow_cannot_be_called(desk: MemoryDesk, page: Page) -> None:
    desk.states["print_it"] = Settled(3)

    said = refusal(lambda: cast("Any", page).print_it())

    assert said.startswith("Page.print_it is a flow: it starts when its transition happens and cannot be called")
    assert page.print_it.wait() == 3
    assert "is not a node's whole value" in refusal(lambda: cast("Any", page.print_it)["a"])


def test_a_key_gives_a_reference_and_an_unknown_one_the_nearest(desk: MemoryDesk, page: Page) -> None:
    desk.states["counts"] = Settled({"apple": 1, "pear": 2})

    found = page.counts["apple"]

    assert found.target == Target("page-1", "counts", "apple")
    assert found.id == "apple"
    with pytest.raises(KeyError, match="did you mean 'apple'"):
        page.counts["aple"]


def test_what_a_reference_points_to_is_not_told_by_assigning_to_the_reference() -> None:
    found: LiveRef[int] = LiveRef(Seat(MemoryDesk(), "page-1"), Target("page-1", "", ""), int)

    with pytest.raises(AttributeError, match=r"has no 'pay' of its own: ask what it points to, as in .wait\(\).pay"):
        found.pay = 7  # type: ignore[attr-defined]


def test_a_reference_asks_for_what_it_points_to(desk: MemoryDesk) -> None:
    found: LiveRef[int] = LiveRef(Seat(desk, "page-1"), Target("page-1", "counts", "e1"), int)
    desk.states[found.name] = Settled(3)
    desk.held["count"] = found
    look = desk.seat(Look, "look-1")

    assert look.count is found
    assert look.count.wait() == 3
    assert look.count.value.state == Settled(3)
    assert isinstance(look.count.value, Value)
    assert look.count.value.entity_id == "page-1"
    assert "read .value.state" in refusal(lambda: look.count.state)
    assert "is one entity's reference" in refusal(lambda: look.count.at(Page.words))
    assert str(found) == "ref to counts.e1 of page-1"
    assert "<code>3</code>" in found._repr_html_()


def test_references_are_equal_by_what_they_point_to(desk: MemoryDesk) -> None:
    one, other, third = (
        LiveRef[object](Seat(desk, "p"), target)
        for target in (Target("p", "n", "e", b"seen"), Target("p", "n", "e"), Target("p", "n", "f"))
    )

    assert one == other
    assert one != third
    assert one != Target("p", "n", "e")
    assert len({one, other, third}) == 2


def test_a_declared_reference_points_to_nothing() -> None:
    for ask in (
        Look.count.wait,
        lambda: Look.count.value,
        lambda: Look.count.target,
        lambda: Look.count.id,
        lambda: Look.count.__await__(),
    ):
        assert refusal(ask).startswith("Look.count is a declaration and points to nothing")
    assert "at() takes a node" in refusal(lambda: Look.count.at(cast("Node[Any]", "words")))
    assert Look.count.kind is int


def test_items_say_verbs_and_read_what_is_there(desk: MemoryDesk, page: Page) -> None:
    desk.held["words"] = ("a", "b")

    page.words.add("c", "d")
    page.words.add()
    page.words.remove("a")
    page.words.move("b", before="a")
    page.words.move("b", before=None)

    assert [one[1:] for one in desk.said] == [
        ("words", "add", "c", "d"),
        ("words", "remove", "a"),
        ("words", "move", "b", "a"),
        ("words", "move", "b", None),
    ]
    assert (list(page.words), len(page.words), "a" in page.words, page.words[1]) == (["a", "b"], 2, True, "b")
    assert repr(page.words) == "<Page.words of page-1: ('a', 'b')>"


def test_a_counter_is_increased(desk: MemoryDesk, page: Page) -> None:
    desk.held["likes"] = 4

    page.likes.increment()
    page.likes.increment(-2)

    assert [one[1:] for one in desk.said] == [("likes", "increment", 1), ("likes", "increment", -2)]
    assert int(page.likes) == 4


def test_a_text_is_edited_by_places_of_its_own(desk: MemoryDesk, page: Page) -> None:
    desk.held["body"] = "héllo"

    page.body.insert(5, "!")
    page.body.delete(0, 1)
    page.body.replace(1, 2, "e")

    assert [one[1:] for one in desk.said] == [
        ("body", "insert", 5, "!"),
        ("body", "delete", 0, 1),
        ("body", "replace", 1, 2, "e"),
    ]
    assert (str(page.body), len(page.body)) == ("héllo", 5)
    for wrong in ((6, 6), (-1, 0), (3, 2)):
        with pytest.raises(IndexError, match=r"Page\.body has 5 characters"):
            page.body.delete(*wrong)


def test_entries_are_put_and_dropped_by_key(desk: MemoryDesk, page: Page) -> None:
    desk.held["marks"] = {"maths": 1, "music": 2}

    page.marks["maths"] = 3
    del page.marks["music"]

    assert [one[1:] for one in desk.said] == [("marks", "put", "maths", 3), ("marks", "drop", "music")]
    assert page.marks["maths"] == 1
    assert page.marks.get("art") is None
    assert page.marks.get("art", 0) == 0
    assert (list(page.marks), len(page.marks), "music" in page.marks) == (["maths", "music"], 2, True)
    assert dict(page.marks.items()) == dict(page.marks) == {"maths": 1, "music": 2}
    for ask in (lambda: page.marks["math"], lambda: page.marks.__delitem__("math")):
        with pytest.raises(KeyError, match="did you mean 'maths'"):
            ask()


def test_live_collections_have_no_truth_value_either(page: Page) -> None:
    for handle, words in (
        (page.words, "len(…) > 0"),
        (page.likes, "int(…) > 0"),
        (page.body, "len(…) > 0"),
        (page.marks, "len(…) > 0"),
    ):
        said = refusal(lambda handle=handle: bool(handle))
        assert "has no truth value" in said
        assert words in said


def test_long_values_are_cut_where_they_are_shown(desk: MemoryDesk, page: Page) -> None:
    desk.held["body"] = "x" * 1000
    desk.states["counts"] = Running(partial={"x" * 1000: 1})

    assert len(repr(page.body)) < 250
    assert len(page.counts.html()) < 300
