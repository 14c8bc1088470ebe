"""A space on one's own loop: edits within edits only, waiting by await, blocking calls refused in words."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

import weft
from tests.stories.operations import checked, doubled, length_of
from weft import Entity, Field, NodeFailed, derive, field, items
from weft.space import BlockingCall, EditOutside


class Work(Entity):
    x: Field[int] = field(default=1)
    text: Field[str] = field(default="")
    double = derive(doubled, x)
    check = derive(checked, x)
    size = derive(length_of, text)
    xs = items(int)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


def test_edits_are_staged_readable_at_once_and_durable_at_their_end() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit(by="ann"):
                work = space.create(Work, x=3)
                work.xs.add(1, 2)
                assert work.x == 3 and list(work.xs) == [1, 2]
                assert space.position == 1
            assert space.position >= 2 and work.x == 3
            assert (await work.double, await work.size) == (6, 0)

    run(story())


def test_edits_outside_of_an_edit_are_refused_in_words() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit():
                work = space.create(Work)
            with pytest.raises(EditOutside, match=r"`async with space\.edit\(\):`.* Work\.x was\s+edited outside"):
                work.x = 5
            with pytest.raises(EditOutside):
                work.xs.add(1)
            with pytest.raises(EditOutside, match="Work was"):
                space.create(Work)
            assert work.x == 1 and len(work.xs) == 0

    run(story())


def test_calls_that_would_block_the_loop_are_refused_and_say_what_to_use() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit():
                work = space.create(Work)
            with pytest.raises(
                BlockingCall, match=r"\.wait\(\) would block the event loop .* Use `await entity\.double`"
            ):
                work.double.wait()
            with pytest.raises(BlockingCall, match=r"Use `await space\.settled\(\)`"):
                space.wait_settled()
            with pytest.raises(BlockingCall, match=r"Use `async with space\.edit\(\)`"):
                space.edit().__enter__()

    run(story())


def test_many_wait_at_once_and_each_sees_its_own_edit() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:

            async def one(x: int) -> None:
                async with space.edit(by=f"person {x}"):
                    work = space.create(Work, x=x)
                assert await work.double == 2 * x
                async with space.edit(by=f"person {x}"):
                    work.x = x + 1
                assert await work.double == 2 * x + 2

            await asyncio.gather(*(one(x) for x in range(50)))
            assert await space.settled() <= space.position

    run(story())


def test_two_tasks_have_each_their_own_edit() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit():
                work = space.create(Work)
            entered, leave = asyncio.Event(), asyncio.Event()

            async def slow() -> None:
                async with space.edit(by="slow"):
                    work.text = "slow"
                    entered.set()
                    await leave.wait()

            task = asyncio.create_task(slow())
            await entered.wait()
            async with space.edit(by="quick"):
                work.x = 9
                assert work.text == ""  # the other's is not told yet
            leave.set()
            await task
            assert (work.x, work.text) == (9, "slow")

    run(story())


def test_failures_are_raised_where_they_are_awaited_and_edits_that_raise_tell_nothing() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit():
                work = space.create(Work, x=-1)
            with pytest.raises(NodeFailed, match="-1 is below zero"):
                await work.check
            position = space.position
            with pytest.raises(ZeroDivisionError):
                async with space.edit():
                    work.x = 1 // 0
            assert space.position == position

    run(story())


def test_a_subscription_is_followed_by_async_for() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space:
            async with space.edit():
                work = space.create(Work, x=4)
            await work.double
            seen = []
            async for activity in space.subscribe():
                seen.append(activity.position)
                if activity.type == "node.settled":
                    break
            assert seen == list(range(1, len(seen) + 1))

    run(story())


def test_leaving_gives_the_space_back_and_waiting_then_is_refused() -> None:
    async def story() -> None:
        async with weft.open(types=[Work]) as space, space.edit():
            work = space.create(Work)
        with pytest.raises(weft.WeftError, match="The space is closed"):
            await work.double

    run(story())
