"""One person's heap of work and another's single edit: who waits for how much of it."""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Space, derive, field, items, op
from weft.call import Limits
from weft.home import Home
from weft.runners.limits import LimitedRunner

HEAP = 200


class Reader(Protocol):
    """Reads a picture, one at a time."""

    def read(self, picture: int, /) -> str:
        """What is on it."""
        ...


class SlowReader:
    """Reads when it is let, and keeps what it was given."""

    limits = Limits(concurrency=1)

    def __init__(self) -> None:
        self.given: list[int] = []
        self.may = threading.Event()

    def read(self, picture: int, /) -> str:
        self.may.wait(60)
        self.given.append(picture)
        return f"picture {picture}"


def read(picture: int, *, reader: Reader) -> str:
    return reader.read(picture)


class Shelf(Entity):
    pictures = items(int)
    texts = pictures.each(read, eager=True)


def waiting(space: Space) -> int:
    """How many calls wait for the reader."""
    host = space._host
    assert isinstance(host, Home)
    runner = host._running().attempts.runners["thread"]
    assert isinstance(runner, LimitedRunner)
    return runner._limiter.waiting()


def test_whoever_has_one_picture_does_not_wait_until_a_heap_of_somebody_elses_is_read() -> None:
    reader = SlowReader()
    with weft.open(types=[Shelf], services={Reader: reader}) as space:
        heap, mine = space.create(Shelf), space.create(Shelf)
        heap.pictures.add(*range(HEAP))
        mine.pictures.add(1000)
        until(lambda: waiting(space) == HEAP)  # one is being read
        reader.may.set()

        assert mine.texts.wait(60) == ("picture 1000",)
        assert heap.texts.wait(60) == tuple(f"picture {number}" for number in range(HEAP))

    assert reader.given.index(1000) <= 2  # then each has a turn
    assert [one for one in reader.given if one != 1000] == list(range(HEAP))


begun: list[int] = []


@op(runner="inline")
def noted(number: int) -> int:
    begun.append(number)
    return number


class Page(Entity):
    number: Field[int] = field(default=0)
    shown = derive(noted, number, eager=True)


gate = threading.Event()


@op(runner="thread")
def gated(number: int) -> int:
    gate.wait(60)
    return number


class Slow(Entity):
    number: Field[int] = field(default=0)
    shown = derive(gated, number)


def test_whoever_has_what_it_waited_for_or_gave_up_is_hurried_no_more() -> None:
    gate.clear()

    async def story() -> list[list[int]]:
        async with weft.open(types=[Slow]) as space:
            async with space.edit():
                slow = space.create(Slow, number=1)
            host = space._host
            assert isinstance(host, Home)
            asked = host.engine.graph.ready._asked
            seen: list[list[int]] = []
            waits = [asyncio.ensure_future(_shown(slow)) for _ in range(3)]
            await asyncio.sleep(0)
            seen.append([*asked.values()])
            waits[0].cancel()
            gate.set()
            assert await asyncio.gather(*waits[1:]) == [1, 1]
            seen.append([*asked.values()])
            return seen

    assert asyncio.run(asyncio.wait_for(story(), 60)) == [[3], []]


async def _shown(slow: Slow) -> int:
    return await slow.shown


def test_the_page_that_somebody_looks_at_is_made_before_hundreds_that_nobody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun.clear()
    monkeypatch.setattr("weft.pump.RESULTS_MAX", 4)

    async def story() -> int:
        async with weft.open(types=[Page]) as space:
            async with space.edit():
                pages = [space.create(Page, number=number) for number in range(HEAP)]

            assert await pages[-1].shown == HEAP - 1
            seen = len(begun)
            await space.settled()
            return seen

    seen = asyncio.run(asyncio.wait_for(story(), 60))

    assert seen < HEAP / 4
    assert sorted(begun) == list(range(HEAP))
