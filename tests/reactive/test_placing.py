"""Where a plain function is called while nobody knows how long it takes, and how many of its calls find that out."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import weft
from tests.until import until
from weft import Entity, Field, derive, field, items, op
from weft.call import AttemptId
from weft.graph import Slot
from weft.home import Home
from weft.placing import TRIED, Placing
from weft.pump import Pump

NUMBERS = 100
begun: list[threading.Thread] = []
may_end = threading.Event()
is_held = threading.Event()
"""Whether calls wait until they may end."""


def noted(number: int) -> int:
    begun.append(threading.current_thread())
    if is_held.is_set():
        assert may_end.wait(30)
    return number + 1


@op(runner="thread")
def far(number: int) -> int:
    return noted(number)


class Held(Entity):
    numbers = items(int)
    more = numbers.each(noted)
    bounded = numbers.each(noted, timeout_s=30)


class Alone(Entity):
    number: Field[int] = field()
    more = derive(noted, number, eager=True)


class Far(Entity):
    numbers = items(int)
    more = numbers.each(far)


@pytest.fixture(autouse=True)
def _as_new() -> Iterator[None]:
    begun.clear()
    may_end.clear()
    is_held.set()
    yield
    may_end.set()


def fill(made: Held | Far) -> None:
    for number in range(NUMBERS):
        made.numbers.add(number)


def pump_of(space: weft.Space) -> Pump:
    """The pump, once its loop has nothing to do."""
    assert isinstance(space._host, Home)
    pump = space._host._running()
    until(lambda: pump._is_idle)
    return pump


def test_who_waits_is_released_when_there_is_room_to_find_out_the_pace() -> None:
    with weft.open(types=[Alone]) as space:
        alone = space.create(Alone, number=1)
        pump = pump_of(space)
        with space.view() as engine:
            slot = engine.node(alone.id, "more")
            assert isinstance(slot, Slot)
            assert slot.spec.code is not None
            placing, runner = Placing(pump.attempts.runners, {}), pump.attempts.runners["thread"]
            ids = [AttemptId(1, number) for number in range(TRIED + 2)]
            began = [placing.may_begin(slot, slot.spec.code, runner, id, set(ids)) for id in ids]

    assert began == [True] * TRIED + [False] * 2
    assert list(placing.released(set(ids))) == []
    assert list(placing.released(set(ids[1:]))) == [slot.key], "one has ended"
    assert list(placing.released(set())) == [slot.key]
    assert list(placing.released(set())) == [], "once"


def test_of_a_function_whose_pace_is_not_known_a_few_calls_are_made_and_the_others_when_it_is() -> None:
    with weft.open(types=[Held]) as space:
        held = space.create(Held)
        with space.edit():
            fill(held)
        space.watch(held.more)
        until(lambda: len(begun) == TRIED)
        assert len(pump_of(space).attempts.open) == TRIED

        is_held.clear()
        may_end.set()

        assert held.more.wait(30) == tuple(number + 1 for number in range(NUMBERS))
        assert len(begun) == NUMBERS


def test_those_that_wait_are_not_forgotten_where_nobody_finds_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with weft.open(types=[Alone]) as space:
        with space.edit():
            alone = [space.create(Alone, number=number) for number in range(NUMBERS)]
        until(lambda: len(begun) == TRIED)
        monkeypatch.setattr(pump_of(space).attempts.placing, "note", lambda *_: None)

        may_end.set()

        assert [each.more.wait(30) for each in alone] == [number + 1 for number in range(NUMBERS)]


@pytest.mark.parametrize("node", ["bounded", "far"])
def test_what_is_never_called_in_place_is_sent_at_once(node: str) -> None:
    with weft.open(types=[Held, Far]) as space:
        made: Held | Far = space.create(Held) if node == "bounded" else space.create(Far)
        with space.edit():
            fill(made)
        space.watch(made.bounded if isinstance(made, Held) else made.more)

        until(lambda: len(begun) == TRIED)

        assert len(pump_of(space).attempts.open) == NUMBERS
