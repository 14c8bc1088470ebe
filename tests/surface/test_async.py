"""A space on the running loop: a hundred tasks edit and await, and what would block says what to use instead."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.surface.shelves import Tally
from weft.pump import SpaceClosed
from weft.space import BlockingCall, EditOutside


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it on a loop of its own; whatever takes a minute hangs."""
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("durable", [False, True])
def test_a_hundred_tasks_edit_and_await(durable: bool, tmp_path: Path) -> None:
    async def work() -> None:
        async with weft.open(str(tmp_path / "async.weft") if durable else None, types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally)

            async def one(number: int) -> int:
                async with space.edit(by=f"task {number}"):
                    tally.numbers.add(number)
                    tally.clicks.increment()
                    assert number in set(tally.numbers)
                return await tally.sum

            sums = await asyncio.gather(*(one(number) for number in range(100)))

            assert all(found >= number for number, found in enumerate(sums))
            assert await tally.sum == sum(range(100)) == max(sums)
            assert int(tally.clicks) == 100
            assert await space.settled() > 0

    run(work())


def test_what_a_task_stages_is_its_own() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally)
            staged, looked = asyncio.Event(), asyncio.Event()

            async def look() -> int:
                await staged.wait()
                seen = len(tally.numbers)
                looked.set()
                return seen

            other = asyncio.create_task(look())
            async with space.edit():
                tally.numbers.add(1)
                staged.set()
                await looked.wait()

            assert await other == 0
            assert list(tally.numbers) == [1]

    run(work())


def test_blocking_calls_and_edits_outside_of_one_say_what_to_use() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally)

            with pytest.raises(BlockingCall, match="await"):
                tally.sum.wait(1)
            with pytest.raises(BlockingCall, match=r"await space\.settled\(\)"):
                space.wait_settled()
            with pytest.raises(BlockingCall, match=r"async with space\.edit\(\)"), space.edit():
                pass
            with pytest.raises(EditOutside, match=r"Tally\.numbers"):
                tally.numbers.add(1)
            with pytest.raises(EditOutside):
                space.create(Tally)
            assert list(tally.numbers) == []

    run(work())


def test_a_task_that_is_cancelled_while_it_waits_leaves_the_rest_alone() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally, start=3)

            async def wait() -> int:
                return await tally.never

            waiting = [asyncio.create_task(wait()) for _ in range(5)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting[0]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wait(), 0.05)

            assert await tally.double == 6
            assert not any(task.done() for task in waiting[1:])
        with pytest.raises(SpaceClosed):
            await waiting[1]
        for task in waiting[2:]:
            with pytest.raises(SpaceClosed):
                await task

    run(work())


def test_an_edit_that_is_cancelled_on_its_way_is_told_whole_or_not_at_all() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally)

            async def edit(number: int) -> None:
                async with space.edit(once=f"e{number}"):
                    tally.numbers.add(2 * number, 2 * number + 1)

            tasks = [asyncio.create_task(edit(number)) for number in range(20)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await tally.sum

            there = set(tally.numbers)
            assert {2 * n for n in range(1, 20, 2)} <= there
            assert all((2 * n in there) == (2 * n + 1 in there) for n in range(20))

    run(work())


def test_an_error_inside_an_edit_tells_nothing() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            async with space.edit():
                tally = space.create(Tally)
            before = space.position

            async def broken() -> None:
                async with space.edit():
                    tally.numbers.add(1)
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await broken()

            assert (list(tally.numbers), space.position) == ([], before)
            async with space.edit():
                tally.numbers.add(2)
            assert list(tally.numbers) == [2]

    run(work())


def test_a_subscription_is_read_beside_the_edits() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as space:
            subscription = space.subscribe()
            newest: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            async def read() -> list[int]:
                positions: list[int] = []
                async for activity in subscription:
                    positions.append(activity.position)
                    if newest.done() and activity.position == newest.result():
                        break
                return positions

            reader = asyncio.create_task(read())
            async with space.edit():
                tally = space.create(Tally, start=1)
            for number in range(30):
                async with space.edit():
                    tally.numbers.add(number)
            await tally.sum
            newest.set_result(space.position + 1)
            async with space.edit():
                tally.clicks.increment()

            assert await reader == list(range(1, newest.result() + 1))

    run(work())


def test_opening_two_spaces_on_one_loop() -> None:
    async def work() -> None:
        async with weft.open(types=(Tally,)) as one, weft.open(types=(Tally,)) as two:
            async with one.edit(), two.edit():
                first, second = one.create(Tally, start=1), two.create(Tally, start=2)
            assert (await first.double, await second.double) == (2, 4)

    run(work())
