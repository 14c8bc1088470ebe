"""Laws of maintained rules: whatever changes led there, the outcome is what is made of the elements from scratch; and a
change among many asks the function about what changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.test_tree import member
from weft import gathered
from weft.content import Plain, content_id, decode, encode
from weft.errors import Unencodable
from weft.maintained import Filtered, Grouped, Maintained, Ordered, has_order
from weft.tree import ById, Entry, Member, Tree, changed
from weft.value import shape_of

STEPS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5), st.booleans()), min_size=1, max_size=40)
NUMBERS = shape_of(float)


def value_of(one: Member) -> int:
    """What `member` was given as its value."""
    said = decode(one.encoded)
    assert isinstance(said, list) and isinstance(said[1], int)
    return said[1]


class Odd:
    """A key of a program's own, ordered."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __lt__(self, other: Odd) -> bool:
        return self.number < other.number


def is_odd(one: Member) -> bool:
    return value_of(one) % 2 == 1


def by_value(one: Member) -> object:
    return -value_of(one)


def by_pair(one: Member) -> object:
    return str(value_of(one) % 2), value_of(one)


def by_own(one: Member) -> object:
    return Odd(value_of(one))


def by_nan(one: Member) -> object:
    return math.nan if value_of(one) == 3 else float(value_of(one))


def third(one: Member) -> object:
    """One key in Python, of two types."""
    value = value_of(one)
    return value % 3 if value < 3 else float(value % 3)


def fragile(one: Member) -> object:
    if value_of(one) == 4:
        raise ValueError(one.element)
    return value_of(one)


def mixed(one: Member) -> object:
    return "four" if value_of(one) == 4 else value_of(one)


def grouped() -> Maintained:
    return Grouped(NUMBERS)


RULES: Sequence[tuple[Callable[[], Maintained], Callable[[Member], object]]] = [
    (Filtered, is_odd), (Filtered, fragile), (Ordered, by_value), (Ordered, by_pair), (Ordered, by_own),
    (Ordered, by_nan), (Ordered, fragile), (Ordered, mixed), (grouped, third), (grouped, fragile),
]  # fmt: skip


def outcome(rule: Maintained, elements: Tree, ask: Callable[[Member], object]) -> object:
    """What a rule shows, or says in the place of it."""
    try:
        shown = rule.follow(elements, ask)
    except (ValueError, TypeError) as why:
        return type(why), str(why)
    assert shown.elements is None or shown.elements == tuple(one.element for one in shown.tree)
    return shown.content, shown.encoded, shown.elements


@pytest.mark.parametrize(("make", "ask"), RULES)
@given(st.sets(st.integers(0, 300)), st.lists(STEPS, max_size=8))
def test_what_is_maintained_is_what_would_be_made_anew(
    make: Callable[[], Maintained],
    ask: Callable[[Member], object],
    start: set[int],
    rounds: list[list[tuple[int, int, bool]]],
) -> None:
    held = {number: Entry.of((number,), member(number)) for number in sorted(start)}
    tree, rule = Tree.of(held.values()), make()
    assert outcome(rule, tree, ask) == outcome(make(), tree, ask)
    for steps in rounds:
        for number, value, comes in steps:
            tree = tree.put(Entry.of((number,), member(number, value))) if comes else tree.without((number,))
        assert outcome(rule, tree, ask) == outcome(make(), tree, ask)


@given(st.sets(st.integers(0, 300)), STEPS)
def test_two_trees_differ_by_what_went_and_what_came(start: set[int], steps: list[tuple[int, int, bool]]) -> None:
    old = tree = Tree.of(Entry.of((number,), member(number)) for number in sorted(start))
    index = ById()
    for number, value, comes in steps:
        tree = tree.put(Entry.of((number,), member(number, value))) if comes else tree.without((number,))
    gone, came = changed(old, tree)

    was, now = {entry.place: entry for entry in old.entries()}, {entry.place: entry for entry in tree.entries()}
    assert gone == [entry for place, entry in was.items() if now.get(place) is not entry]
    assert came == [entry for place, entry in now.items() if was.get(place) is not entry]
    for each in (old, tree, old):
        held = {entry.last: entry for entry in each.entries()}
        assert all(
            index.entry(each, member(number).element) == held.get(member(number).element) for number in range(301)
        )


@pytest.mark.parametrize(("make", "ask"), [(Filtered, is_odd), (Ordered, by_pair), (grouped, third)])
def test_a_change_among_many_asks_about_what_changed(
    make: Callable[[], Maintained], ask: Callable[[Member], object]
) -> None:
    tree, rule = Tree.of(Entry.of((number,), member(number, number % 6)) for number in range(20_000)), make()
    asked: list[str] = []

    def asking(one: Member) -> object:
        asked.append(one.element)
        return ask(one)

    before = rule.follow(tree, asking)
    assert len(asked) == 20_000
    asked.clear()
    tree = tree.put(Entry.of((10_001,), member(10_001, 5))).without((7,))
    after = rule.follow(tree, asking)

    assert asked == [member(10_001).element]
    assert after == make().follow(tree, ask)
    gone, came = changed(before.tree, after.tree)
    assert len(gone) + len(came) <= 6  # so that who reads it is told of few, and its nodes stand


@given(st.sets(st.integers(0, 40)), st.lists(STEPS, max_size=8))
def test_a_large_group_is_known_by_its_tree_and_a_small_one_by_its_value_whatever_led_there(
    start: set[int], rounds: list[list[tuple[int, int, bool]]]
) -> None:
    held = {number: Entry.of((number,), member(number, number % 6)) for number in start}
    tree, rule = Tree.of(held[number] for number in sorted(held)), grouped()
    for steps in ([], *rounds):
        for number, value, comes in steps:
            tree = tree.put(Entry.of((number,), member(number, value))) if comes else tree.without((number,))
        with patch.object(gathered, "LARGE", 5):
            shown, anew = rule.follow(tree, third), grouped().follow(tree, third)

        assert (shown.content, list(shown.tree)) == (anew.content, list(anew.tree))
        for one in shown.tree:
            group = Tree.of(entry for entry in tree.entries() if third(entry.member) == decode(one.key or b""))
            assert one.encoded == encode([decode(each.encoded) for each in group])
            assert one.content == (group.id if len(group) >= 5 else content_id(one.encoded))
            assert (one.root is None) == (len(group) < 5)


def test_a_change_of_a_large_group_puts_together_its_way_and_not_its_bytes() -> None:
    tree, rule = Tree.of(Entry.of((number,), member(number)) for number in range(20_000)), grouped()
    (before,) = rule.follow(tree, third).tree
    assert before.root is not None

    (after,) = rule.follow(tree.put(Entry.of((30_000,), member(30_000))), third).tree

    assert isinstance(after, gathered.Nested)
    assert after.value.made == {}
    gone, came = changed(Tree(before.root), after.value.tree)
    assert (len(gone), [entry.place for entry in came]) == (0, [(30_000,)])


def test_a_group_is_known_by_its_first_key_as_it_comes_and_goes() -> None:
    rule, tree = Grouped(shape_of(int | float)), Tree()
    for number, value in enumerate((1, 4, 1)):
        tree = tree.put(Entry.of((number,), member(number, value)))
    shown: list[Plain] = []
    for step in (None, 0, 2, 1):
        tree = tree if step is None else tree.without((step,))
        made = rule.follow(tree, third)
        assert made == Grouped(shape_of(int | float)).follow(tree, third)
        shown.append([decode(one.key or b"") for one in made.tree])

    assert shown == [[1], [1.0], [1.0], []]
    assert [type(keys[0]) for keys in shown[:3]] == [int, float, float]  # type: ignore[index]


def test_what_cannot_name_a_group_is_refused_after_a_change_too() -> None:
    rule, tree = Grouped(shape_of(list[int])), Tree()

    with pytest.raises(Unencodable, match="only what can be hashed"):
        rule.follow(tree.put(Entry.of((0,), member(0))), lambda one: [1])


@pytest.mark.parametrize("key", [1, "a", b"a", True, 0.5, (1, ("a", 2.0))])
def test_keys_of_pythons_own_have_an_order(key: object) -> None:
    assert has_order(key)


@pytest.mark.parametrize("key", [math.nan, (1, math.nan), Odd(1), {1}, None])
def test_other_keys_have_none_to_rely_on(key: object) -> None:
    assert not has_order(key)


def test_after_an_error_nothing_goes_on_from_what_was_left_half_done() -> None:
    tree, rule = Tree.of(Entry.of((number,), member(number, number % 3)) for number in range(5)), Ordered()
    before = rule.follow(tree, mixed)

    with pytest.raises(TypeError):
        rule.follow(tree.without((2,)).put(Entry.of((9,), member(9, 4))), mixed)

    assert rule.follow(tree, mixed) == before


def test_a_ctrl_c_is_not_taken_for_a_change_that_cannot_be_followed() -> None:
    tree, rule = Tree.of(Entry.of((number,), member(number)) for number in range(50)), Filtered()
    rule.follow(tree, is_odd)

    def interrupted(one: Member) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rule.follow(tree.put(Entry.of((3,), member(3, 1))), interrupted)
    assert rule.follow(tree, is_odd) == Filtered().follow(tree, is_odd)
