"""A simulated event loop: time passes only when nothing is left to do, and what is ready runs in a seeded order.

A program that sleeps an hour takes no time at all, and two callbacks that are ready at one moment come in either order,
as the seed says: so a seed finds an order that real machines show once a year, and shows it again whenever it is asked.

Knows nothing of spaces. Has no files, sockets, processes or threads: a function given to a thread runs as one callback.
Invariant: the same seed and the same program run the same callbacks in the same order at the same times.
Source: trio's autojump clock and shuffled batches; FoundationDB's simulated network.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
import random
from asyncio import events
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from weft.errors import WeftError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stalled(WeftError):
    """Nothing is left that could ever happen, at {now_s:g} s, and the program is not done: it waits for something that
    nobody will do. Look at what it awaits; a call that never answers is the usual one."""

    now_s: float


class Spins(WeftError):
    """{count} callbacks ran at {now_s:g} s, and no time has passed: something has itself called again and again, and
    would for ever. Look for a loop that waits for nothing."""

    count: int
    now_s: float


class OutOfTime(WeftError):
    """The program is not done after {now_s:g} simulated seconds, the limit that was set. Look for a wait that repeats
    for ever, or set a higher limit."""

    now_s: float


AT_ONCE_MAX = 100_000
"""So many callbacks run at one moment, at most."""

if TYPE_CHECKING:
    # What a simulated loop has not (files, sockets, processes, signals) raises NotImplementedError, as in asyncio's own
    # loops where a platform lacks it; to type checkers it is as much of a loop as those.
    from asyncio import BaseEventLoop as Base
else:
    from asyncio import AbstractEventLoop as Base


class SimulatedLoop(Base):
    """An event loop of its own time. `rnd` orders callbacks; `now_s_max`: where a program that never ends is stopped.

    Use it with `run`; it is left closed."""

    def __init__(self, rnd: random.Random, *, now_s_max: float = 1e6) -> None:
        self._rnd, self._now_s, self._now_s_max = rnd, 0.0, now_s_max
        self._ready: list[asyncio.Handle] = []
        self._timers: list[tuple[float, float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._is_running = self._is_closed = False
        self._at_once = 0
        """How many callbacks ran at this moment."""
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """Those that are not done, in the order of their beginning: asyncio's own set of them has none."""
        self.unheard: list[BaseException] = []
        """What callbacks raised, and nobody took."""

    # ---- running ----
    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end of `main`, cancel what is left, and close. Raises what it raises, `Stalled`, `Spins`,
        `OutOfTime`."""
        try:
            result: T = self.run_until_complete(main)
            return result
        finally:
            self.end_tasks()
            self.close()

    def run_until_complete(self, future: Any) -> Any:
        """Run until it is done. Raises what it raises, `Stalled`, `Spins` and `OutOfTime`."""
        task: asyncio.Future[Any] = asyncio.ensure_future(future, loop=self)
        if events._get_running_loop() is not None:
            raise RuntimeError("a loop runs in this thread already")
        self._is_running = True
        events._set_running_loop(self)
        try:
            while not task.done():
                self._step()
        finally:
            events._set_running_loop(None)
            self._is_running = False
        return task.result()

    def end_tasks(self) -> None:
        """Cancel every task, as a process that ends does, and let them end."""
        left = [task for task in self.tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def run_forever(self) -> None:
        """Run until `stop`."""
        raise NotImplementedError("a simulated loop runs to the end of something: use run(…)")

    def _step(self) -> None:
        """One callback, or a jump to the next moment at which there is one."""
        if not self._ready:
            self._pass_time()
        self._at_once += 1
        if self._at_once > AT_ONCE_MAX:
            self._at_once = 0  # what is left is cancelled, and ends in callbacks of this moment
            raise Spins(count=AT_ONCE_MAX, now_s=self._now_s)
        place = self._rnd.randrange(len(self._ready)) if len(self._ready) > 1 else 0
        handle = self._ready.pop(place)
        if not handle.cancelled():
            handle._run()

    def _pass_time(self) -> None:
        while self._timers and not self._ready:
            when_s, _, _, timer = heapq.heappop(self._timers)
            if timer.cancelled():
                continue
            if when_s > self._now_s_max:
                raise OutOfTime(now_s=self._now_s_max)
            if when_s > self._now_s:
                self._now_s, self._at_once = when_s, 0
            self._ready.append(timer)
            while self._timers and self._timers[0][0] <= self._now_s:
                self._ready.append(heapq.heappop(self._timers)[3])
        if not self._ready:
            raise Stalled(now_s=self._now_s)

    # ---- what asyncio asks of a loop ----
    def time(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._now_s

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run it at this moment, in an order of the seed's choice."""
        if self._is_closed:
            raise RuntimeError("the simulated loop is closed")
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """`call_soon`: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run it `delay` simulated seconds from now."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run it at a simulated moment."""
        if self._is_closed:
            raise RuntimeError("the simulated loop is closed")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self._rnd.random(), next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: a cancelled timer is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Any = None, **how: Any) -> asyncio.Task[Any]:
        """A task of this loop, kept until it is done."""
        known = None if name is None else str(name)
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=known, context=context)
        self.tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)
        if not task.cancelled():
            task.exception()  # asked for here, or the garbage collector would speak of it at a moment of its own

    def run_in_executor(self, executor: object, func: Callable[[*Ts], T], *args: *Ts) -> Any:
        """Run the function as one callback: threads would come in an order that no seed decides."""
        future: asyncio.Future[T] = self.create_future()

        def act() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as why:  # noqa: BLE001  whatever it is, it is told to whoever waits
                future.set_exception(why)

        self.call_soon(act)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what a callback raised, to be asked for."""
        why = context.get("exception")
        if isinstance(why, BaseException):
            self.unheard.append(why)

    async def shutdown_asyncgens(self) -> None:
        """Nothing: generators are closed by whoever runs them."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncio's own
        """Nothing: there is none."""

    def stop(self) -> None:
        """Nothing to stop: a simulated loop runs to the end of something."""

    def is_running(self) -> bool:
        """Whether a callback runs now."""
        return self._is_running

    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def close(self) -> None:
        """Drop what is left, and take no more."""
        self._is_closed = True
        self._ready.clear()
        self._timers.clear()

    def get_debug(self) -> bool:
        """No."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Nothing: whatever runs, runs in one order only."""
