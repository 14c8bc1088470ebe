"""Which slot is begun next: what fits in a turn in its order, what does not by turns, and who waits more often."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from weft.slot import SlotKey
from weft.turns.ready import Ready


class Some(NamedTuple):
    """What is known by a key, as a slot is."""

    key: SlotKey


def some(entity: str, node: str = "n", element: str = "") -> Some:
    """A slot that is nothing but its place."""
    return Some(SlotKey(entity, node, element))


def rest(ready: Ready[Some]) -> list[Some]:
    """What is left, by turns in which one is begun."""
    return [one for turn in iter(lambda: whole(ready, 1), []) for one in turn]


def whole(ready: Ready[Some], slots_max: int) -> list[Some]:
    """One turn."""
    return [one for part in ready.turn(slots_max) for one in part]


def entities(ready: Ready[Some]) -> str:
    """Whose turn it is, to the end."""
    return "".join(one.key.entity for one in rest(ready))


def begin(ready: Ready[Some]) -> Some:
    """The next."""
    (one,) = whole(ready, 1)
    return one


def test_what_fits_in_a_turn_is_left_in_the_order_in_which_it_was_offered() -> None:
    ready: Ready[Some] = Ready()
    ready.offered += [some("a"), some("a"), some("b")]

    begun = []
    for (one,) in ready.turn(4):
        begun.append(one.key.entity)
        if one.key.entity == "b":
            ready.offered += [some("c")] * 2  # as what settles makes others ready: so many still belong to this turn

    assert begun == ["a", "a", "b", "c"]
    assert ready and entities(ready) == "c" and not ready


def test_what_does_not_fit_is_begun_by_turns_also_what_is_offered_later() -> None:
    ready: Ready[Some] = Ready()
    ready.offered += [some("a")] * 5 + [some("b")]
    begun = [begin(ready), begin(ready)]
    assert not ready.offered

    ready.offered += [some("c"), some("b")]

    assert [one.key.entity for one in (*begun, *whole(ready, 100))] == [*"abacbaaa"]
    assert not ready


def test_a_turn_is_given_in_parts_and_what_is_offered_meanwhile_in_the_next() -> None:
    ready: Ready[Some] = Ready()
    ready.offered += [some("a")] * 5

    parts = []
    for part in ready.turn(9, 3):
        parts.append("".join(one.key.entity for one in part))
        if parts == ["aaa"]:
            ready.offered += [some("b"), some("c")]

    assert parts == ["aaa", "aab", "c"]
    assert not ready


def test_a_turn_says_whether_nothing_is_left_of_what_somebody_waits_for() -> None:
    ready: Ready[Some] = Ready()
    ready.hurry(["w"])
    ready.offered += [some("a")] * 9 + [some("w")] * 2

    assert [(whole(ready, 3), ready.is_served)[1] for _ in range(3)] == [False, True, False]


def test_the_nodes_of_one_entity_take_turns() -> None:
    ready: Ready[Some] = Ready()
    ready.offered += [*(some("a", "many", str(number)) for number in range(4)), some("a", "one")]

    assert [one.key.node for one in rest(ready)] == ["many", "one", "many", "many", "many"]


def test_who_waits_has_every_other_turn_and_the_others_the_rest() -> None:
    ready: Ready[Some] = Ready()
    ready.hurry(["w"])
    ready.offered += [some(name) for name in "abcdef"] + [some("w")] * 3

    assert entities(ready) == "wawbwcdef"


def test_several_who_wait_take_turns_among_themselves() -> None:
    ready: Ready[Some] = Ready()
    ready.hurry(["v", "w"])
    ready.offered += [some(name) for name in "abcdef"] + [some("v")] * 2 + [some("w")] * 2

    assert entities(ready) == "vawbvcwdef"


def test_who_waits_no_longer_has_no_more_than_anybody() -> None:
    ready: Ready[Some] = Ready()
    ready.hurry(["w"])
    ready.hurry(["w"])
    ready.rest(["w"])
    ready.offered += [some(name) for name in "ab"] + [some("w")] * 2
    assert begin(ready).key.entity == "w"  # another wait stands

    ready.rest(["w"])
    ready.rest(["w", "nobody"])

    assert entities(ready) == "abw"


def test_who_begins_to_wait_is_hurried_where_its_slots_stand_already() -> None:
    ready: Ready[Some] = Ready()
    ready.offered += [some(name) for name in "abcdefw"]
    assert begin(ready).key.entity == "a"

    ready.hurry(["w"])

    assert entities(ready) == "wbcdef"


acts = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.sampled_from("abcd")),
        st.tuples(st.sampled_from(["hurry", "rest"]), st.sampled_from("abcd")),
        st.tuples(st.just("begin"), st.just("")),
    ),
    max_size=80,
)


@given(acts)
def test_every_slot_is_given_once_and_nobody_is_passed_for_ever(done: list[tuple[str, str]]) -> None:
    ready: Ready[Some] = Ready()
    left: list[Some] = []
    passed: dict[str, int] = {}  # by entity that waits: turns since its own last one
    for number, (act, entity) in enumerate(done):
        if act == "offer":
            one = some(entity, element=str(number))
            ready.offered.append(one)
            left.append(one)
            passed.setdefault(entity, 0)
        elif act != "begin":
            ready.hurry([entity]) if act == "hurry" else ready.rest([entity])
        elif left:
            begun = begin(ready)
            assert begun == next(one for one in left if one.key.entity == begun.key.entity)
            left.remove(begun)
            waiting = {one.key.entity for one in left}
            passed = {by: passed[by] + 1 if by != begun.key.entity else 0 for by in waiting}
            # Each of three others once, and beside each turn one of somebody who is waited for.
            assert all(count <= 7 for count in passed.values())
        assert bool(ready) == bool(left)

    assert sorted(one.key for one in rest(ready)) == sorted(one.key for one in left)
