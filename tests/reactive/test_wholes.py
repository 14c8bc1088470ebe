"""Whole collections: group, filter, order, count, reduce, and the settled part of what may fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest

from tests import ctrl_c
from tests.reactive.operations import add, double, inc, is_even, keyed_total, positive, total
from tests.reactive.runs import Runs
from weft import Entity, derive, entries, items
from weft.slot import Err


def tens(a: int) -> int:
    return a // 10


def reverse(a: int) -> int:
    return -a


def join(a: str, b: str) -> str:
    return a + b


def size_of(word: str) -> int:
    return len(word)


def counted(groups: Mapping[int, tuple[int, ...]]) -> int:
    return len(groups)


def letters(word: str) -> dict[str, int]:
    return {letter: word.count(letter) for letter in word}


def lettered(letter: str, count: int) -> str:
    return letter * count


class Numbers(Entity):
    xs = items(int)
    groups = xs.group(tens)
    even = xs.filter(is_even)
    falling = xs.order(reverse)
    size = xs.count()
    sum = xs.reduce(add, 0)
    words = items(str)
    text = words.reduce(join, "")
    evens = derive(total, even)
    kinds = derive(counted, groups)
    checked = xs.each(positive)
    good = derive(total, checked.settled)
    all = derive(total, checked)
    prices = entries(str, int)
    price = derive(keyed_total, prices)
    counts = words.each(letters)
    chain = xs.filter(is_even).order(reverse)


EVERYTHING = "groups even falling size sum text evens kinds"


def numbers(*values: int, watch: str = EVERYTHING) -> Runs:
    world = Runs(Numbers)
    world.create(Numbers, watch=watch)
    world.add("a", "xs", *values)
    world.settled()
    return world


def test_whole_collections_are_what_they_say() -> None:
    world = numbers(31, 2, 14, 18, 7)
    world.add("a", "words", "a", "b", "c")
    world.settled()

    assert world.value("a", "groups") == {0: (2, 7), 1: (14, 18), 3: (31,)}
    assert world.value("a", "even") == (2, 14, 18)
    assert world.value("a", "falling") == (31, 18, 14, 7, 2)
    assert world.value("a", "size") == 5
    assert world.value("a", "sum") == 72
    assert world.value("a", "text") == "abc"


def test_empty_collections_have_values_too() -> None:
    world = numbers()
    values = [world.value("a", node) for node in ("groups", "even", "falling", "size", "sum", "text")]
    assert values == [{}, (), (), 0, 0, ""]


def test_each_change_gives_what_computing_from_scratch_gives() -> None:
    world = numbers(31, 2)
    for act, value in [("add", 14), ("add", 5), ("remove", 2), ("add", 2), ("remove", 31)]:
        getattr(world, act)("a", "xs", value)
        world.settled()
        fresh = numbers(*world.value("a", "xs"))
        for node in EVERYTHING.split():
            assert world.value("a", node) == fresh.value("a", node), (node, act, value)
            mine, anew = world.slot("a", node).outcome(), fresh.slot("a", node).outcome()
            assert getattr(mine, "content", None) == getattr(anew, "content", 0), node


def test_a_change_that_a_filter_leaves_out_stops_there() -> None:
    world = numbers(2, 4, watch="evens")
    world.add("a", "xs", 5)
    assert world.settled() == []


def test_a_group_more_runs_what_reads_the_groups() -> None:
    world = numbers(2, 14)
    world.add("a", "xs", 55)
    assert world.settled() == ["kinds"]


def test_wholes_of_wholes_are_named_and_kept() -> None:
    world = numbers(1, 8, 4, watch="chain")
    assert world.value("a", "chain") == (8, 4)


def test_the_settled_part_of_a_collection_leaves_failures_out_and_the_whole_fails() -> None:
    world = Runs(Numbers)
    world.create(Numbers, watch="good all")
    world.add("a", "xs", 1, -2, 3)
    calls = world.step()
    world.finish(calls[0])
    world.fail(calls[1], "negative", retry=False)
    world.finish(calls[2])
    world.rest()

    assert world.value("a", "good") == 4
    failed = world.slot("a", "all").outcome()
    assert isinstance(failed, Err) and failed.message.endswith("failed: RuntimeError: negative")
    assert "a.checked[" in failed.origin


def test_a_failed_element_removed_heals_the_whole() -> None:
    world = Runs(Numbers)
    world.create(Numbers, watch="good all")
    world.add("a", "xs", 1, -2)
    calls = world.step()
    world.finish(calls[0])
    world.fail(calls[1], "negative", retry=False)
    world.rest()

    world.remove("a", "xs", -2)
    world.rest()

    assert world.value("a", "all") == world.value("a", "good") == 1


def test_one_element_that_fails_keeps_the_last_good_value_of_those_that_read_all() -> None:
    world = numbers(1, 2, watch="all good")
    world.add("a", "xs", -3)
    (call,) = world.step()
    world.fail(call, "negative", retry=False)
    world.rest()

    last = world.slot("a", "all").last
    assert last is not None and last.encoded == b"\x03"
    assert world.value("a", "good") == 3


def test_a_mapping_is_read_whole_by_its_readers() -> None:
    world = numbers(watch="price")
    world.tell(["a", "prices", "put", "tea", 3], ["a", "prices", "put", "milk", 1])
    assert world.settled() == ["price"]
    assert world.value("a", "price") == 4


class Letters(Entity):
    words = items(str)
    longest = words.order(size_of)
    counts = derive(letters, longest.reduce(join, ""))
    spelled = counts.each(lettered)


def test_a_mapping_made_by_an_operation_has_outputs_by_key_and_only_changed_ones_run() -> None:
    world = Runs(Letters)
    world.create(Letters, watch="spelled")
    world.add("a", "words", "aab")
    assert world.settled() == ["counts", "spelled", "spelled"]

    world.add("a", "words", "bccc")

    assert world.settled() == ["counts", "spelled", "spelled"]  # b, and c, not a
    assert world.value("a", "spelled") == {"a": "aa", "b": "bb", "c": "ccc"}


class Nested(Entity):
    xs = items(int)
    once = xs.each(inc)
    twice = once.each(inc)
    few = twice.filter(is_even)
    third = few.each(double)


def test_each_over_items_over_each_and_over_a_derived_list_runs_by_element() -> None:
    world = Runs(Nested)
    world.create(Nested, watch="third")
    world.add("a", "xs", 2, 3)
    assert world.settled() == ["once", "once", "twice", "twice", "third"]

    world.add("a", "xs", 12)

    assert world.settled() == ["once", "twice", "third"]
    assert world.value("a", "third") == (8, 28)


class Wordless(BaseException):
    """An error of one's own that is no Exception, and cannot even say what it is."""

    def __str__(self) -> str:
        raise SystemExit


def checked_for_13(a: int) -> int:
    if a == 13:
        raise SystemExit(3)
    if a == 17:
        raise Wordless
    return a


def is_allowed(a: int) -> bool:
    return checked_for_13(a) > 0


def allowed_sum(a: int, b: int) -> int:
    return checked_for_13(a) + checked_for_13(b)


def stopped(a: int) -> bool:
    if a == 13:
        ctrl_c.press()
    return True


class Guarded(Entity):
    xs = items(int)
    kept = xs.filter(is_allowed)
    grouped = xs.group(checked_for_13)
    sorted = xs.order(checked_for_13)
    sum = xs.reduce(allowed_sum, 0)
    size = xs.count()


class Stopped(Entity):
    xs = items(int)
    kept = xs.filter(stopped)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [(13, "SystemExit", "3"), (17, "Wordless", "(its text could not be made: SystemExit)")],
)
def test_what_would_end_a_program_is_the_error_of_the_rule_that_raised_it(value: int, kind: str, words: str) -> None:
    world = Runs(Guarded)
    world.create(Guarded, watch="kept grouped sorted sum size")
    world.add("a", "xs", 1, value)
    world.settled()

    for name in ("kept", "grouped", "sorted", "sum"):
        outcome = world.slot("a", name).outcome()
        assert isinstance(outcome, Err) and (outcome.kind, outcome.message) == (kind, words)
    assert world.value("a", "size") == 2

    world.remove("a", "xs", value)
    world.settled()

    assert (world.value("a", "kept"), world.value("a", "sum")) == ((1,), 1)


def test_a_ctrl_c_in_a_rule_stops_the_program_that_it_was_meant_for() -> None:
    world = Runs(Stopped)
    world.create(Stopped, watch="kept")
    world.add("a", "xs", 13)

    with pytest.raises(KeyboardInterrupt):
        world.settled()


def half(a: int) -> float:
    return a // 2 if a % 2 else a / 2


def truth(a: int) -> int:
    return a == 1 if a < 2 else a


def either(a: int) -> int | float:
    return a if a % 2 else a - 1.0


def listed(a: int) -> list[int]:
    return [a]


def worded(a: int) -> int:
    return cast("int", "one" if a == 1 else a)


class Grouped(Entity):
    xs = items(int)
    halves = xs.group(half)
    number = halves.count()
    truths = xs.group(truth)
    mixed = xs.group(either)
    lists = xs.group(listed)  # type: ignore[type-var]
    worded = xs.group(worded)


def test_elements_are_grouped_by_keys_of_the_declared_type_and_none_is_lost() -> None:
    world = Runs(Grouped)
    world.create(Grouped, watch="halves number truths mixed")
    world.add("a", "xs", 0, 1, 2, 3)
    world.settled()

    assert world.value("a", "halves") == {0.0: (0, 1), 1.0: (2, 3)}
    assert world.value("a", "number") == 2
    assert world.value("a", "mixed") == {-1: (0,), 1: (1, 2), 3: (3,)}
    assert world.value("a", "truths") == {0: (0,), 1: (1,), 2: (2,), 3: (3,)}


def test_a_key_that_does_not_fit_its_annotation_is_the_groups_error_in_words() -> None:
    world = Runs(Grouped)
    world.create(Grouped, watch="worded lists")
    world.add("a", "xs", 0, 1)
    world.settled()

    words, lists = (world.slot("a", name).outcome() for name in ("worded", "lists"))
    assert isinstance(words, Err) and isinstance(lists, Err)
    assert words.message == "the key of a group: str where int is wanted."
    assert lists.message.startswith("the key of a group holds [0], which cannot be kept: only what can be hashed")


def summed(one: float, other: float) -> float:
    assert type(other) is float
    return int(one + other)


class Weighed(Entity):
    weights = items(float)
    sum = weights.reduce(summed, 0.0)


def test_what_a_reduced_run_comes_to_is_read_back_as_its_type_says() -> None:
    world = Runs(Weighed)
    world.create(Weighed, watch="sum")
    for number in range(200):  # far more than a node of the collection holds
        world.add("a", "weights", float(number))
    world.settled()
    assert world.value("a", "sum") == sum(range(200))

    world.add("a", "weights", 0.0)

    world.settled()
    assert type(world.value("a", "sum")) is float


asked: list[int] = []


def is_even_asked(number: int) -> bool:
    asked.append(number)
    return number % 2 == 0


class Many(Entity):
    numbers = items(int)
    even = numbers.filter(is_even_asked)
    more = even.each(inc)
    count = more.count()


def test_a_change_among_many_asks_a_rule_about_that_one_and_runs_what_reads_it() -> None:
    world = Runs(Many)
    world.create(Many, watch="count")
    world.add("a", "numbers", *range(100))
    world.settled()
    assert sorted(asked) == list(range(100))
    asked.clear()

    world.add("a", "numbers", 200)
    ran = world.settled()
    world.add("a", "numbers", 201)
    world.remove("a", "numbers", 7)

    assert (ran, world.settled()) == (["more"], [])
    assert asked == [200, 201]
    assert world.value("a", "count") == 51
