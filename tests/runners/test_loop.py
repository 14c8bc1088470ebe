"""The loop runner's tasks are the loop's: they end with it, and never end it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from weft.call import Broke, Finished, Partial
from weft.runners.inline import InlineRunner
from weft.runners.loop import LoopRunner
from weft.testing.runner_suite import Heard, double, double_async, hang_async, leave_async, new_call

closed: list[str] = []


async def ignore_the_end(number: int) -> int:
    """Do not let oneself be cancelled."""
    for _ in range(3):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
    return number


async def cancel_itself(number: int) -> int:
    """Fail in the way that a cancelled task does."""
    raise asyncio.CancelledError


async def tidy(number: int) -> AsyncIterator[int]:
    """Note when the generator is closed."""
    try:
        yield number
        await asyncio.sleep(60)
        yield number
    finally:
        closed.append("closed")


async def untyped(number: int) -> AsyncIterator[int]:
    """Yield what does not fit, and note when the generator is closed."""
    try:
        yield "text"  # type: ignore[misc]
        yield number
    finally:
        closed.append("closed")


async def settle(heard: Heard, outcomes: int = 1) -> None:
    """Let the loop run until so many outcomes are there."""
    async with asyncio.timeout(60):
        while len(heard.outcomes()) < outcomes:  # noqa: ASYNC110 - what is tested knows of no event
            await asyncio.sleep(0)


def test_a_call_is_not_begun_within_start() -> None:
    async def scene() -> None:
        runner, heard = LoopRunner(asyncio.get_running_loop()), Heard()
        runner.start(new_call(double_async, 1), heard)
        assert heard.reports == []
        await settle(heard)
        assert isinstance(heard.reports[0], Finished)

    asyncio.run(scene())


def test_a_sync_function_is_refused_in_words() -> None:
    async def scene() -> None:
        heard = Heard()
        LoopRunner(asyncio.get_running_loop()).start(new_call(double, 1), heard)
        (broke,) = heard.reports
        assert isinstance(broke, Broke)
        assert broke.kind == "NotForRunner"
        assert 'runner="thread"' in broke.message
        assert not broke.retry

    asyncio.run(scene())


def test_an_async_function_is_refused_in_words_inline() -> None:
    heard = Heard()

    InlineRunner().start(new_call(double_async, 1), heard)

    (broke,) = heard.reports
    assert isinstance(broke, Broke)
    assert broke.kind == "NotForRunner"
    assert 'runner="loop"' in broke.message
    assert not broke.retry


def test_a_task_that_ignores_its_timeout_is_not_waited_for() -> None:
    async def scene() -> None:
        runner, heard = LoopRunner(asyncio.get_running_loop()), Heard()
        runner.start(new_call(ignore_the_end, 1, timeout_s=0.001), heard)
        await settle(heard)
        assert [each.kind for each in heard.reports if isinstance(each, Broke)] == ["TimedOut"]
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        assert len(heard.reports) == 1

    asyncio.run(scene())


def test_a_call_that_exits_leaves_the_loop_running() -> None:
    async def scene() -> None:
        runner, heard = LoopRunner(asyncio.get_running_loop()), Heard()
        runner.start(new_call(leave_async, 3), heard)
        runner.start(new_call(cancel_itself, 3), heard)
        runner.start(new_call(double_async, 3), heard)
        await settle(heard, 3)
        assert [type(each) for each in heard.reports] == [Broke, Broke, Finished]

    asyncio.run(scene())


def test_a_generator_that_is_left_early_is_closed_before_the_loop_ends() -> None:
    async def scene() -> None:
        closed.clear()
        runner, heard = LoopRunner(asyncio.get_running_loop()), Heard()
        call = new_call(tidy, 1)
        runner.start(call, heard)
        runner.start(new_call(untyped, 1), heard)
        await settle(heard)
        runner.cancel(call.id)
        await settle(heard, 2)
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert closed == ["closed", "closed"]
        assert [each for each in heard.reports if isinstance(each, Partial)] == heard.reports[:1]

    asyncio.run(scene())


def test_calls_on_a_loop_that_was_closed_break_in_words() -> None:
    loop, heard = asyncio.new_event_loop(), Heard()
    runner = LoopRunner(loop)
    loop.close()

    runner.start(new_call(double_async, 1), heard)
    runner.close()

    assert [each.kind for each in heard.reports if isinstance(each, Broke)] == ["RunnerClosed"]


def test_a_loop_that_ends_first_leaves_one_outcome_for_each_call() -> None:
    heard = Heard()

    async def scene() -> LoopRunner:
        runner = LoopRunner(asyncio.get_running_loop())
        runner.start(new_call(hang_async, 60.0), heard)
        await asyncio.sleep(0)
        runner.start(new_call(hang_async, 60.0), heard)
        return runner

    asyncio.run(scene()).close()

    assert len(heard.reports) == len(heard.outcomes()) == 2
