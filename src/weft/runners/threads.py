"""The thread runner: sync functions in a bounded pool of daemon threads.

A thread cannot be stopped from outside. A call whose time is up, or that is cancelled, is reported at once; its thread
is *abandoned*: what it still does is unheard, it ends when the function returns, and another thread takes its place in
the pool. Since such threads cost memory, there may be `abandoned_max` of them; then further calls break, in words.

Knows nothing of event loops, except that an async call that is sent here is given one of its own.
Invariant: at most `size` threads run calls that are listened to.
Source: concurrent.futures, whose workers are neither daemons nor replaceable.
"""

from __future__ import annotations

import logging
import time

from weft.call import AttemptId, Call, Reporter
from weft.errors import WeftError
from weft.runners.alarm import Alarm, Clock, ThreadAlarm
from weft.runners.execution import Execution, run_here
from weft.runners.line import Line

logger = logging.getLogger("weft.runners")


class ThreadsStuck(WeftError):
    """{operation} was not run: {count} threads are still in calls that were given up on, the last in {stuck}. Let that
    function end by itself (give its own calls a timeout), or use runner="process", which can stop it."""

    operation: str
    count: int
    stuck: str


class ThreadRunner:
    """Runs calls in up to `size` threads, started as they are needed."""

    name = "thread"

    def __init__(
        self,
        size: int = 8,
        *,
        abandoned_max: int = 64,
        clock: Clock = time.perf_counter,
        alarm: Alarm | None = None,
    ) -> None:
        self._abandoned_max = abandoned_max
        self._clock = clock
        self._alarm: Alarm = alarm or ThreadAlarm()
        self._line: Line[Execution] = Line(size, name="weft-thread", work=self._work)
        self._running: set[AttemptId] = set()
        self._abandoned: dict[AttemptId, Execution] = {}

    def start(self, call: Call, report: Reporter, /) -> None:
        """Queue the call; its timeout begins when a thread takes it."""
        execution = Execution(call, report, clock=self._clock)
        with self._line.changed:
            stuck = len(self._abandoned)
            last = next(reversed(self._abandoned.values()), execution).call.operation.name
            is_open = self._line.put(call, execution) if stuck < self._abandoned_max else not self._line.is_closed
        if not is_open:
            execution.close(self.name)
        elif stuck >= self._abandoned_max:
            execution.fail(ThreadsStuck(operation=call.operation.name, count=stuck, stuck=last), retry=True)

    def cancel(self, id: AttemptId, /) -> None:
        """Have the call reported as cancelled; one that runs is abandoned."""
        self._alarm.after(0.0, lambda: self._give_up(id, is_late=False))

    def close(self) -> None:
        """Report all that waits or runs as broken. Idle threads end now, others when their function returns."""
        left = self._line.close()
        self._alarm.close()
        for execution in left:
            execution.close(self.name)

    def _give_up(self, id: AttemptId, *, is_late: bool) -> None:
        with self._line.changed:
            execution = self._line.drop(id)
            if execution is None:
                return
            if id in self._running:
                self._running.discard(id)
                self._abandoned[id] = execution
                self._line.replace_thread()
        if is_late:
            logger.warning("%s was given up on; its thread runs until it returns", execution.call.operation.name)
            execution.time_out()
        else:
            execution.cancel()

    def _work(self) -> None:
        while (execution := self._wait_call()) is not None:
            self._run(execution)
            with self._line.changed:
                self._line.open.pop(execution.call.id, None)
                self._running.discard(execution.call.id)
                if self._abandoned.pop(execution.call.id, None) is not None:
                    return

    def _run(self, execution: Execution) -> None:
        id, timeout_s = execution.call.id, execution.call.timeout_s
        call_off = None
        if timeout_s is not None:
            call_off = self._alarm.after(timeout_s, lambda: self._give_up(id, is_late=True))
        execution.begin()
        run_here(execution)
        if call_off is not None:
            call_off()

    def _wait_call(self) -> Execution | None:
        with self._line.changed:
            execution = self._line.take()
            if execution is not None:
                self._running.add(execution.call.id)
            return execution
