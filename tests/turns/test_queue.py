"""Who is next: askers take turns, the kinds of each take turns, and each kind is served in order."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.turns.queue import Place, Turns

Asked = tuple[str, str, int]

names = st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))
steps = st.lists(st.one_of(names, st.just("serve"), st.just("first"), st.integers(0, 1 << 20)), max_size=60)


@given(steps)
def test_whatever_happens_meanwhile_turns_are_kept(done: list[tuple[str, str] | str | int]) -> None:
    turns: Turns[Asked] = Turns()
    waiting: dict[Asked, Place[Asked]] = {}
    passed: dict[str, Counter[str]] = {}  # by asker that waits: how often each other was served since its own last turn
    inner: dict[tuple[str, str], Counter[str]] = {}  # by kind that waits: how often each other of its asker was
    numbers = itertools.count()

    for step in done:
        if isinstance(step, tuple):
            one = (*step, next(numbers))
            waiting[one] = turns.append(step[0], step[1], one)
            passed.setdefault(step[0], Counter())
            inner.setdefault(step, Counter())
        elif isinstance(step, int) and waiting:  # somebody gives up
            one = list(waiting)[step % len(waiting)]
            turns.remove(waiting[one])
            turns.remove(waiting.pop(one))  # again, which is harmless
        elif step == "first":
            first = turns.first()
            assert (first is None) == (not waiting)
        elif step == "serve" and waiting:
            first = turns.first()
            one = turns.popleft()
            by, kind, number = one
            assert first is not None and first[1] == one
            turns.remove(waiting.pop(one))  # served: nothing is left to be given up
            assert all(other[2] > number for other in waiting if other[:2] == one[:2])
            for other in {each[0] for each in waiting} - {by}:
                passed[other][by] += 1
                assert passed[other][by] <= 1
            for other in {each[1] for each in waiting if each[0] == by} - {kind}:
                inner[by, other][kind] += 1
                assert inner[by, other][kind] <= 1
            passed[by], inner[by, kind] = Counter(), Counter()
        passed = {by: passed[by] for by in {each[0] for each in waiting}}
        inner = {key: inner[key] for key in {each[:2] for each in waiting}}
        assert len(turns) == len(waiting)

    left = [turns.popleft() for _ in range(len(turns))]
    assert sorted(left) == sorted(waiting)
    with pytest.raises(IndexError, match="nobody waits"):
        turns.popleft()


@given(st.lists(st.tuples(st.integers(0, 2), names), max_size=40))
def test_tickets_of_lines_that_share_them_tell_whose_turn_came_first(asked: list[tuple[int, tuple[str, str]]]) -> None:
    tickets = itertools.count()
    lines: list[Turns[int]] = [Turns(tickets) for _ in range(3)]
    for number, (line, (by, kind)) in enumerate(asked):
        lines[line].append(by, kind, number)

    served: list[int] = []
    while heads := [(first[0], each) for each in lines if (first := each.first()) is not None]:
        ticket, next_line = min(heads, key=lambda head: head[0])
        assert not served or served[-1] < ticket
        served.append(ticket)
        next_line.popleft()

    assert len(served) == len(asked)


def test_an_asker_served_out_of_turn_keeps_its_place_among_the_others() -> None:
    turns: Turns[str] = Turns()
    for one in ("a1", "a2", "b1", "b2", "c1"):
        turns.append(one[0], "", one)

    assert [turns.pop_of("b"), turns.pop_of("d")] == ["b1", None]
    assert [turns.popleft() for _ in range(4)] == ["a1", "b2", "c1", "a2"]
    assert turns.pop_of("b") is None


def test_those_who_gave_up_in_the_middle_of_a_hundred_thousand_leave_nothing_behind() -> None:
    turns: Turns[int] = Turns()
    places = [turns.append("many", "x", number) for number in range(100_000)]
    turns.append("one", "x", -1)
    for place in places[1:]:
        turns.remove(place)

    assert len(turns) == 2
    assert [turns.popleft(), turns.popleft()] == [0, -1]
    assert not any(hasattr(place, "_before") or hasattr(place, "_behind") for place in places)  # linked to nobody
