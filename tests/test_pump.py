"""The pump: what it tells by itself, and what it does not."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any, Protocol

import pytest

import weft
from tests.until import until
from weft import Blob, Entity, Field, Retry, Space, derive, field, op
from weft.call import Limits
from weft.content import Cid, Plain, encode
from weft.definition import compile_type
from weft.home import Home
from weft.pump import Pump, SpaceClosed
from weft.store import Batch, StoreFailed, Within
from weft.stores.memory import MemoryStore

tries: list[int] = []


def stumble(number: int) -> str:
    """Fails the first time that it is called for a number."""
    tries.append(number)
    if tries.count(number) == 1:
        raise OSError("a stone")
    return f"went {number}"


class Walk(Entity):
    number: Field[int] = field()
    went = derive(stumble, number, retry=Retry(3, delay_s=0.001))


def test_a_call_that_comes_out_well_at_its_second_try_is_not_tried_a_third_time() -> None:
    with weft.open(types=[Walk]) as space:
        walk = space.create(Walk, number=1)
        assert walk.went.wait(10) == "went 1"
        walk.number = 2
        assert walk.went.wait(10) == "went 2"

        told = [activity.by for activity in space.subscribe().present() if activity.type == "traversal.started"]

    assert tries == [1, 1, 2, 2]
    assert told == ["local", "local"]


class FussyStore(MemoryStore):
    """A store whose disk is full at times, for a while."""

    is_full = False

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.is_full and any(record.kind in self.refused for record in batch.records):
            raise StoreFailed(path="memory", why="the disk is full")
        super().append(batch, epoch=epoch)

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = nullcontext
    ) -> tuple[Cid, int]:
        if self.is_full:
            raise StoreFailed(path="memory", why="the disk is full")
        return super().keep_blob(chunks, is_made=is_made, within=within)

    refused = frozenset({"event", "computed"})


painted: list[str] = []
may_paint = threading.Event()
TURNS = 100
"""Of a pump that rings in each."""


@op(runner="thread")
def paint(word: str) -> Blob:
    painted.append(word)
    assert may_paint.wait(10)
    return Blob.from_bytes(word.encode())


class Picture(Entity):
    word: Field[str] = field()
    painted = derive(paint, word, eager=True)


def test_a_turn_that_the_store_refuses_leaves_nothing_and_what_came_back_in_it_is_not_computed_again() -> None:
    store = FussyStore()
    with Space(store, {"Picture": compile_type(Picture)}, services={}, actor="local") as space:
        picture = space.create(Picture, word="sun")
        until(lambda: painted == ["sun"])
        told = space.position

        store.is_full = True
        may_paint.set()
        with pytest.raises(StoreFailed):
            picture.word = "moon"
        until(lambda: bool(space._host._pump._stalled_until))  # type: ignore[union-attr]
        assert picture.word == "sun"
        assert space.position == told
        store.is_full = False

        assert picture.painted.wait(10).bytes() == b"sun"
        kinds = [record.kind for record in store.records()]
    assert kinds == ["definition", "event", "computed"], "the refused edit is not kept by a later turn"
    assert painted == ["sun"]


def test_what_another_program_was_told_is_durable_comes_before_an_edit_that_was_made_after_it() -> None:
    store = FussyStore()
    with Space(store, {"Walk": compile_type(Walk)}, services={}, actor="local") as space:
        walk = space.create(Walk, number=1)
        store.is_full = True
        with pytest.raises(StoreFailed):
            walk.number = 2
        pump = space._host._pump  # type: ignore[union-attr]
        assert pump is not None
        pump._stalled_until = math.inf
        go_round(pump)
        assert not pump._is_idle, "it rests, but has something to do: what follows waits for its next turn"
        intents: list[Plain] = [[walk.id, "number", "set", 3]]
        store.post(encode({"event": {"id": "x", "actor": "other", "base": 0, "time": "", "intents": intents}}))
        store.is_full = False
        pump._stalled_until = 0.0

        walk.number = 4

        until(lambda: not store.inbox())
        assert walk.number == 4
        said = [record.content() for record in store.records() if record.kind == "event"]
    assert [str(each["actor"]) for each in said] == ["local", "other", "local"]


def go_round(pump: Pump) -> None:
    """Have the pump's loop wake, look at what there is to do, and rest again."""

    async def let_others_run() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    assert pump._loop is not None
    pump.ring()
    asyncio.run_coroutine_threadsafe(let_others_run(), pump._loop).result(10)


def test_where_several_edit_at_once_they_share_turns_of_the_loop_until_one_is_alone_again() -> None:
    with weft.open(types=[Walk]) as space:
        assert isinstance(space._host, Home)
        pump = space._host._running()
        with space.view():  # the loop stands still, so its next turn takes both
            both = [pump.submit(lambda: None) for _ in range(2)]
        for each in both:
            each.result(10)
        until(lambda: pump._is_idle)

        assert pump.do_here(lambda: None) is None

        pump.submit(lambda: None).result(10)
        until(lambda: pump.do_here(lambda: None) is not None)


def test_a_pump_that_rings_in_each_of_its_turns_lets_the_others_of_its_loop_run() -> None:
    async def run() -> int:
        async with weft.open(types=[Walk]) as space:
            assert isinstance(space._host, Home)
            pump, turns = space._host._running(), 0

            def ring_again() -> bool:
                nonlocal turns
                turns += 1
                pump.ring()
                return turns == TURNS

            with space.view():
                pump.waiters[ring_again] = None
            pump.ring()
            others = 0
            while turns < TURNS:
                others += 1
                await asyncio.sleep(0)
            return others

    assert asyncio.run(run()) > 1


def test_a_ring_wakes_a_loop_that_rests_from_its_own_thread_as_from_another() -> None:
    with weft.open(types=[Walk]) as space:
        assert isinstance(space._host, Home)
        pump = space._host._running()
        for ring in (pump.ring, partial(pump._loop.call_soon_threadsafe, pump.ring)):
            until(lambda: pump._is_idle)
            woken = threading.Event()
            with space.view():
                pump.waiters[partial(_set, woken)] = None
            ring()
            assert woken.wait(10)


def _set(event: threading.Event) -> bool:
    event.set()
    return True


let_go: list[str] = []
began = threading.Event()


async def hold(number: int) -> int:
    """Wait for ever; to let go takes some turns of the loop."""
    began.set()
    try:
        await asyncio.sleep(3600)
    finally:
        for _ in range(20):
            await asyncio.sleep(0)
        let_go.append("let go")
    return number


class Scarce(Protocol):
    """A service that bears one call at a time."""

    limits: Limits


class OneAtATime:
    """It."""

    limits = Limits(concurrency=1)


async def hold_with(number: int, *, scarce: Scarce) -> int:
    """The same, of a service."""
    return await hold(number)


class Holding(Entity):
    number: Field[int] = field()
    held = derive(hold, number)


class HoldingScarce(Entity):
    number: Field[int] = field()
    held = derive(hold_with, number)


@pytest.mark.parametrize("kind", [Holding, HoldingScarce])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_call_has_let_go_of_what_it_holds_before_its_loop_ends(is_async: bool, kind: Any) -> None:
    let_go.clear()
    began.clear()
    services: dict[type, object] = {Scarce: OneAtATime()}

    async def run() -> None:
        async with weft.open(types=[kind], services=services) as space:
            async with space.edit():
                holding = space.create(kind, number=1)
            asking = asyncio.ensure_future(ask(holding.held))
            await asyncio.to_thread(began.wait, 60)
        await asking

    async def ask(held: Any) -> None:
        with pytest.raises(SpaceClosed):
            await held

    def wait(held: Any) -> None:
        with pytest.raises(SpaceClosed):
            held.wait(60)

    if is_async:
        asyncio.run(run())
    else:
        with weft.open(types=[kind], services=services) as space:
            asking = threading.Thread(target=wait, args=[space.create(kind, number=1).held])
            asking.start()
            assert began.wait(60)
        asking.join(60)

    assert let_go == ["let go"]
