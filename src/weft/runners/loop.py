"""The loop runner: async functions and async generators as tasks on an event loop that somebody else runs.

A call that blocks, blocks the whole loop: sync functions are refused. A call whose time is up, or that is cancelled, is
reported at once and its task is cancelled; a task that ignores that runs on, unheard.

Knows nothing of who runs the loop; a simulated loop serves as well, since all waiting is the loop's own.
Invariant: tasks are touched on the loop's thread only.
Source: asyncio; trio's rule that a task has an owner.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from weft.call import AttemptId, Call, Reporter
from weft.runners.execution import Execution, NotForRunner, run_on_loop

ENDS_S = 1.0
"""How long calls that were cancelled may take to let go of what they hold, before their loop ends."""


class LoopRunner:
    """Runs async calls on `loop`. May be told to start, cancel and close from any thread."""

    name = "loop"

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._executions: dict[AttemptId, Execution] = {}
        self._tasks: dict[AttemptId, asyncio.Task[None]] = {}
        self._closed = False

    def start(self, call: Call, report: Reporter, /) -> None:
        """Make the call a task; its first step is taken by the loop, not here."""
        execution = Execution(call, report, clock=self._loop.time)
        if call.operation.kind == "sync":
            why = "it would block the loop"
            execution.fail(
                NotForRunner(
                    operation=call.operation.name, found="a sync function", runner=self.name, why=why, instead="thread"
                ),
                retry=False,
            )
            return
        with self._lock:
            is_open = not self._closed
            if is_open:
                self._executions[call.id] = execution
        if not (is_open and self._on_loop(lambda: self._begin(execution))):
            self._forget(execution)
            execution.close(self.name)

    def cancel(self, id: AttemptId, /) -> None:
        """Cancel the call's task; the outcome is reported by the loop, not here."""
        self._on_loop(lambda: self._stop(id, Execution.cancel))

    def close(self) -> None:
        """Report what runs as broken, and cancel the tasks; those end when the loop runs next."""
        with self._lock:
            self._closed = True
            open_executions = list(self._executions.values())
        for execution in open_executions:
            execution.close(self.name)
            self.cancel(execution.call.id)

    async def ended(self) -> None:
        """Wait, on the loop, until the tasks that `close` cancelled are over; `ENDS_S` at most. A loop that ends before
        that cancels them again, amid their letting go."""
        if tasks := list(self._tasks.values()):
            await asyncio.wait(tasks, timeout=ENDS_S)

    def _begin(self, execution: Execution) -> None:
        call = execution.call
        if execution.is_done:
            self._forget(execution)
            return
        execution.begin()
        # The loop itself keeps only a weak reference to a task.
        task = self._tasks[call.id] = self._loop.create_task(run_on_loop(execution), name=f"weft {call.operation.name}")
        alarm = None
        if call.timeout_s is not None:
            alarm = self._loop.call_later(call.timeout_s, self._stop, call.id, Execution.time_out)
        task.add_done_callback(lambda _: self._ended(execution, alarm))

    def _ended(self, execution: Execution, alarm: asyncio.TimerHandle | None) -> None:
        if alarm is not None:
            alarm.cancel()
        # A task that is cancelled before its first step has run nothing, not even its report.
        execution.cancel()
        self._forget(execution)

    def _stop(self, id: AttemptId, tell: Callable[[Execution], None]) -> None:
        execution, task = self._executions.get(id), self._tasks.get(id)
        if execution is not None:
            tell(execution)
        if task is not None:
            task.cancel()

    def _forget(self, execution: Execution) -> None:
        self._executions.pop(execution.call.id, None)
        self._tasks.pop(execution.call.id, None)

    def _on_loop(self, act: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:  # the loop is closed
            return False
        return True
