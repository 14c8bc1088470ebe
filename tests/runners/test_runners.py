"""Every runner passes the suite for runners, as far as it applies."""

from __future__ import annotations

import asyncio
import threading

from weft.call import Runner
from weft.runners.inline import InlineRunner
from weft.runners.limits import Limiter
from weft.runners.loop import LoopRunner
from weft.runners.processes import ProcessRunner
from weft.runners.threads import ThreadRunner
from weft.testing.runner_suite import IsolationSuite, RunnerSuite, StoppingSuite, StreamSuite


class TestInline(RunnerSuite):
    """In the thread that starts the call."""

    def new_runner(self) -> Runner:
        """A new one."""
        return InlineRunner()


class TestThreads(StoppingSuite, StreamSuite):
    """In two threads."""

    def new_runner(self) -> Runner:
        """A new one."""
        return ThreadRunner(2)


class TestAsyncInThreads(StoppingSuite):
    """Async functions, each on a loop of its own in a thread."""

    is_async = True

    def new_runner(self) -> Runner:
        """A new one."""
        return ThreadRunner(2)


class TestProcesses(StoppingSuite, StreamSuite, IsolationSuite):
    """In two worker processes."""

    def new_runner(self) -> Runner:
        """A new one."""
        return ProcessRunner(2)


class TestAsyncInProcesses(StoppingSuite):
    """Async functions, each on a loop of its own in a worker process."""

    is_async = True

    def new_runner(self) -> Runner:
        """A new one."""
        return ProcessRunner(1)


class TestLoop(StoppingSuite, StreamSuite):
    """On an event loop that runs in another thread."""

    is_async = True

    def setup_method(self) -> None:
        """Begin a loop."""
        super().setup_method()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def teardown_method(self) -> None:
        """End the loop when its tasks have ended."""
        super().teardown_method()
        asyncio.run_coroutine_threadsafe(_wait_for_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def new_runner(self) -> Runner:
        """A new one."""
        return LoopRunner(self.loop)


class TestLimited(StoppingSuite, StreamSuite):
    """In threads, behind a limiter that limits nothing."""

    def new_runner(self) -> Runner:
        """A new one."""
        return Limiter({}).around(ThreadRunner(2))


async def _wait_for_others() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
