"""The inline runner: a sync call is run at once, in the thread that starts it.

For functions that are quick, where handing over would cost more than the call. A call that hangs here hangs its caller:
a timeout cannot be kept, and is not looked at.

Knows nothing of threads.
Invariant: `start` returns after the outcome was reported.
Source: the direct executors of Guava and Twisted.
"""

from __future__ import annotations

import time

from weft.call import AttemptId, Broke, Call, Finished, Partial, Report, Reporter
from weft.failure import is_ctrl_c
from weft.runners.alarm import Clock
from weft.runners.execution import Execution, NotForRunner, answer, run_here


class InlineRunner:
    """Runs sync calls in place."""

    name = "inline"

    def __init__(self, *, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._closed = False

    def start(self, call: Call, report: Reporter, /) -> None:
        """Run the call to its end. A Ctrl-C that lands in it is raised again after the call was reported as broken."""
        execution = Execution(call, report, clock=self._clock)
        if self._closed:
            execution.close(self.name)
        elif call.operation.kind != "sync":
            why = "it would have to wait here for an event loop"
            execution.fail(
                NotForRunner(
                    operation=call.operation.name,
                    found="not a sync function",
                    runner=self.name,
                    why=why,
                    instead="loop",
                ),
                retry=False,
            )
        else:
            ended_by = run_here(execution)
            if ended_by is not None and is_ctrl_c(ended_by):
                raise ended_by

    def run(self, call: Call, /) -> Finished | Broke:
        """Run a sync call to its end and return its outcome. Raises only a Ctrl-C that lands in it."""
        if self._closed or call.operation.kind != "sync":
            reports: list[Report] = []
            self.start(call, reports.append)
            (said,) = reports
            assert not isinstance(said, Partial), "what is refused has no partial values"
            return said
        return answer(call, self._clock)

    def cancel(self, id: AttemptId, /) -> None:
        """Nothing: what could be cancelled has ended when `start` returns."""

    def close(self) -> None:
        """Take no more calls."""
        self._closed = True
