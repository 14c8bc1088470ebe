"""A turn takes along much while nobody waits for its end, and ends soon where somebody does."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.surface.test_settled_here import CountingStore
from tests.until import until
from weft import Entity, Field, Space, derive, field, items, op
from weft.definition import compile_type
from weft.home import Home

if TYPE_CHECKING:
    from weft.pump import Pump

LIMIT_S = 30.0
TURN, TURN_LONG = 64, 320
SIZE = 1000
AT = 500
"""The number at which something happens, among the others."""
called: list[int] = []
acts: dict[int, Callable[[], object]] = {}
"""What the operation does when it comes to a number, once each."""


@op(runner="inline")
def negated(number: int) -> int:
    called.append(number)
    acts.pop(number, lambda: None)()
    return -number


class Much(Entity):
    numbers = items(int)
    negatives = numbers.each(negated)


class Little(Entity):
    number: Field[int] = field(default=0)
    negative = derive(negated, number)


SPECS = {kind.__name__: compile_type(kind) for kind in (Much, Little)}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> CountingStore:
    monkeypatch.setattr("weft.pump.RESULTS_MAX", TURN)
    monkeypatch.setattr("weft.pump.UNASKED_MAX", TURN_LONG)
    acts.clear()
    called.clear()
    return CountingStore()


@pytest.fixture
def space(store: CountingStore) -> Iterator[Space]:
    with Space(store, SPECS, services={}, actor="local") as space:
        yield space


def filled(space: Space) -> Much:
    """So many numbers that nobody has asked for yet."""
    much = space.create(Much)
    with space.edit():
        for number in range(1, SIZE + 1):
            much.numbers.add(number)
    return much


def results(store: CountingStore) -> list[int]:
    """How many each batch held that held any."""
    return [count for _, count in store.batches if count]


def went_on(store: CountingStore) -> int:
    """How many more were settled before the commit, once the number had come at which something happens."""
    begun = called.index(AT) + 1
    return next(end for end in itertools.accumulate(results(store)) if end >= begun) - begun


def pump_of(space: Space) -> Pump:
    assert isinstance(space._host, Home)
    return space._host._running()


def test_while_nobody_waits_a_turn_takes_along_more(space: Space, store: CountingStore) -> None:
    much = filled(space)

    with space.watch(much.negatives):
        space.wait_settled(timeout_s=LIMIT_S)

    assert max(results(store)) == TURN_LONG
    assert sum(results(store)) == SIZE


def test_what_is_waited_for_may_be_much_itself(space: Space, store: CountingStore) -> None:
    assert len(filled(space).negatives.wait(LIMIT_S)) == SIZE

    assert max(results(store)) == TURN_LONG


def test_a_turn_takes_along_no_more_records_than_fit_in_memory(
    space: Space, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.pump.RECORDS_MAX", 0)
    monkeypatch.setattr("weft.ledger.RESULTS_BYTES_MAX", 0)

    filled(space).negatives.wait(LIMIT_S)

    assert max(results(store)) == TURN


@pytest.mark.parametrize("way", ["edits", "reads"])
def test_a_turn_ends_soon_where_somebody(way: str, space: Space, store: CountingStore) -> None:
    """edits, or reads, meanwhile"""
    much, little, pump = filled(space), space.create(Little), pump_of(space)

    def edit() -> None:
        little.number = 7

    def read() -> None:
        assert little.number == 0

    comer = threading.Thread(target=edit if way == "edits" else read)

    def come() -> None:
        comer.start()
        until(lambda: bool(pump.submitted) or pump.crowd.count > 0)

    acts[AT] = come
    with space.watch(much.negatives):
        space.wait_settled(timeout_s=LIMIT_S)
    comer.join()

    assert went_on(store) < TURN


def test_a_turn_ends_soon_where_the_engine_is_asked_for_something(space: Space, store: CountingStore) -> None:
    much, pump = filled(space), pump_of(space)

    acts[AT] = lambda: pump.submit(lambda: None)
    with space.watch(much.negatives):
        space.wait_settled(timeout_s=LIMIT_S)

    assert went_on(store) < TURN


def test_what_somebody_waits_for_is_told_before_a_long_turn_of_somebody_elses(
    space: Space, store: CountingStore
) -> None:
    much, little = filled(space), space.create(Little)
    pump_of(space)
    with space._host.view():  # no turn begins before this is over
        store.batches.clear()
        watch = space.watch(much.negatives)
        settled = space._host.settlement((little.id, "negative", ""), 0)
    with watch:
        settled.result(LIMIT_S)
        space.wait_settled(timeout_s=LIMIT_S)

    assert results(store)[0] == TURN


def test_on_a_loop_of_others_no_turn_is_long(store: CountingStore) -> None:
    async def story() -> None:
        async with Space(store, SPECS, services={}, actor="local") as space:
            async with space.edit():
                much = space.create(Much)
                for number in range(1, SIZE + 1):
                    much.numbers.add(number)
            assert len(await much.negatives) == SIZE

    asyncio.run(asyncio.wait_for(story(), LIMIT_S))

    assert max(results(store)) == TURN
