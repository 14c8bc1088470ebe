"""What is to be done later is done once, within a turn, also where another thread asked for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from weft.turns.alarms import Alarms


async def here(ask: Callable[[], None]) -> None:
    ask()


async def elsewhere(ask: Callable[[], None]) -> None:
    thread = threading.Thread(target=ask)
    thread.start()
    await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("asked", [here, elsewhere])
def test_what_is_due_wakes_the_loop_and_is_done_once(asked: Callable[[Callable[[], None]], object]) -> None:
    done: list[str] = []

    async def run() -> None:
        woken = asyncio.Event()
        alarms = Alarms(asyncio.get_running_loop(), woken.set)
        await asked(lambda: alarms.after(0.0, lambda: done.append("a")))  # type: ignore[misc]
        await asyncio.wait_for(woken.wait(), 30)
        assert alarms
        assert done == [], "it is done in a turn alone"
        for _ in range(2):
            alarms.take()
            assert not alarms

    asyncio.run(run())
    assert done == ["a"]


def test_nothing_is_due_before_its_time() -> None:
    done: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        alarms = Alarms(loop, woken.set)
        alarms.after(3600.0, lambda: done.append("late"))
        alarms.after(0.0, lambda: done.append("soon"))
        await woken.wait()
        alarms.take()

    asyncio.run(run())
    assert done == ["soon"]
