"""Limits: how hard each kind of service may be used, over all runners together.

A `Limiter` stands before any number of runners. Calls that use the same limited services wait in one line, in which
entities take turns (`Turns`): ten thousand calls for one of them hold up a call for another by one. Where services are
used together the lines are looked at as one, in the order in which their first ones' turn came. There a call never
passes one before it that uses a service of its own, and is never held up by one that does not; so one that needs two
services at a time gets them. Time spent waiting here is no part of a call's timeout.

A call that ends, or gives up, costs O(lines), which are as many as there are ways to combine services, however many
calls wait.

Knows nothing of what runners do. Invariant: of calls that use a service with `concurrency` n, at most n are started and
without their outcome.
Source: trio's CapacityLimiter; evenly paced starts in place of a token bucket, since no service profits from bursts.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from weft.call import AttemptId, Call, Limits, Partial, Report, Reporter, Runner, answers_at_once, calls_ended
from weft.runners.alarm import Alarm, Clock, ThreadAlarm
from weft.runners.execution import Execution
from weft.turns.queue import Place, Turns

Service = TypeVar("Service", bound="type | str")


@dataclass(slots=True)
class _Use:
    """How hard one kind of service is used now."""

    limits: Limits
    running: int = 0
    next_s: float = 0.0
    """The earliest time of the next start."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    runner: Runner
    call: Call
    report: Reporter
    uses: tuple[_Use, ...]
    line: Turns[_Waiting]


def _name(service: object) -> str:
    """What a service is known by, whichever module declares its Protocol."""
    return service if isinstance(service, str) else str(getattr(service, "__name__", service))


class Limiter:
    """The lines that calls wait in, and what of each service is in use. Closed by whoever made it."""

    def __init__(
        self,
        limits: Mapping[Service, Limits],
        *,
        clock: Clock = time.monotonic,
        alarm: Alarm | None = None,
    ) -> None:
        """`limits`: by the Protocol that operations name in their keyword-only parameters, or by its name."""
        self._uses = {_name(service): _Use(each) for service, each in limits.items()}
        self._clock = clock
        self._alarm: Alarm = alarm or ThreadAlarm()
        self._lock = threading.Lock()
        self._lines: dict[frozenset[str], Turns[_Waiting]] = {}
        """By the services that calls use."""
        self._places: dict[AttemptId, Place[_Waiting]] = {}
        self._tickets = itertools.count()
        self._starting = threading.local()
        self._alarm_s: float | None = None

    def around(self, runner: Runner) -> LimitedRunner:
        """The same runner, its calls held to the limits."""
        return LimitedRunner(runner, self)

    def close(self) -> None:
        """Let go of the alarm. Close the runners first."""
        self._alarm.close()

    def waiting(self) -> int:
        """How many calls are in the lines."""
        return len(self._places)

    def _start(self, runner: Runner, call: Call, report: Reporter) -> None:
        asked = (_name(each.annotation) for each in call.operation.services)
        names = frozenset(name for name in asked if name in self._uses)
        if not names:
            runner.start(call, report)
            return
        with self._lock:
            line = self._lines.get(names)
            if line is None:
                line = self._lines[names] = Turns(self._tickets)
            waiting = _Waiting(runner, call, report, tuple(self._uses[name] for name in sorted(names)), line)
            self._places[call.id] = line.append(call.by, call.operation.name, waiting)
        self._advance()

    def _take(self, ids: Iterable[AttemptId]) -> list[_Waiting]:
        """Take calls out of their lines, those that still wait. O(ids)."""
        taken: list[_Waiting] = []
        with self._lock:
            for place in [self._places.pop(id) for id in ids if id in self._places]:
                waiting = place.one
                assert waiting is not None
                waiting.line.remove(place)
                taken.append(waiting)
        return taken

    def _take_of(self, runner: Runner) -> list[_Waiting]:
        with self._lock:
            places = self._places.items()
            ids = [id for id, place in places if place.one is not None and place.one.runner is runner]
        return self._take(ids)

    def _advance(self) -> None:
        """Start what may be started now, and set an alarm for what may be later."""
        with self._lock:
            ready, wake_s = self._admit(self._clock())
            if wake_s is not None and (self._alarm_s is None or wake_s < self._alarm_s):
                self._alarm_s = wake_s
                self._alarm.after(max(0.0, wake_s - self._clock()), self._wake)
        self._launch(ready)

    def _wake(self) -> None:
        with self._lock:
            self._alarm_s = None
        self._advance()

    def _admit(self, now_s: float) -> tuple[list[_Waiting], float | None]:
        """Take what may start, in turn, and say when the pace allows the next. The lock is held."""
        ready: list[_Waiting] = []
        wake_s: float | None = None
        held: set[int] = set()
        heads = [(first[0], line) for line in self._lines.values() if (first := line.first()) is not None]
        order = [(ticket, number) for number, (ticket, _) in enumerate(heads)]
        heapq.heapify(order)
        while order and len(held) < len(self._uses):
            _, number = order[0]
            line = heads[number][1]
            first = line.first()
            assert first is not None
            uses = first[1].uses
            if any(id(use) in held for use in uses) or not all(_is_free(use, now_s) for use in uses):
                held.update(map(id, uses))  # also before all who come later in this line
                paced = [use.next_s for use in uses if use.next_s > now_s]
                wake_s = min(paced if wake_s is None else [wake_s, *paced], default=wake_s)
                heapq.heappop(order)
                continue
            waiting = line.popleft()
            del self._places[waiting.call.id]
            for use in uses:
                _occupy(use, now_s)
            ready.append(waiting)
            following = line.first()
            if following is None:
                heapq.heappop(order)
            else:
                heapq.heapreplace(order, (following[0], number))
        return ready, wake_s

    def _launch(self, ready: list[_Waiting]) -> None:
        """Start calls. Where starting one ends it and so admits more, in this same thread, they are added to the list
        that is being worked off, since nesting would grow the stack with the length of the line."""
        begun: deque[_Waiting] | None = getattr(self._starting, "list", None)
        if begun is not None:
            begun.extend(ready)
            return
        left = self._starting.list = deque(ready)
        try:
            while left:
                waiting = left.popleft()
                waiting.runner.start(waiting.call, self._releasing(waiting))
        finally:
            self._starting.list = None
            for waiting in left:  # a Ctrl-C, passed on by an inline runner
                Execution(waiting.call, self._releasing(waiting)).cancel()

    def _releasing(self, waiting: _Waiting) -> Reporter:
        def report(said: Report) -> None:
            if isinstance(said, Partial):
                waiting.report(said)
                return
            with self._lock:
                for use in waiting.uses:
                    use.running -= 1
                    assert use.running >= 0
            try:
                waiting.report(said)
            finally:
                self._advance()

        return report


def _is_free(use: _Use, now_s: float) -> bool:
    at_most = use.limits.concurrency
    return (at_most is None or use.running < at_most) and use.next_s <= now_s


def _occupy(use: _Use, now_s: float) -> None:
    use.running += 1
    if use.limits.per_s is not None:
        use.next_s = now_s + 1 / use.limits.per_s


class LimitedRunner:
    """A runner whose calls are held to a `Limiter`'s limits."""

    def __init__(self, runner: Runner, limiter: Limiter) -> None:
        self.name = runner.name
        self._runner = runner
        self._limiter = limiter
        self._closed = False
        self.run = answers_at_once(runner)
        """For calls without services, which no limit holds up; None where the runner answers later."""

    def start(self, call: Call, report: Reporter, /) -> None:
        """Start the call, or let it wait in line."""
        if self._closed:
            Execution(call, report).close(self.name)
        else:
            self._limiter._start(self._runner, call, report)

    def cancel(self, id: AttemptId, /) -> None:
        """Take the call out of its line, or ask its runner to stop it."""
        taken = self._limiter._take([id])
        if not taken:
            self._runner.cancel(id)
        for waiting in taken:
            self._limiter._alarm.after(0.0, Execution(waiting.call, waiting.report).cancel)
            self._limiter._advance()

    def close(self) -> None:
        """Report what waits as broken, and close the runner."""
        self._closed = True
        for waiting in self._limiter._take_of(self._runner):
            Execution(waiting.call, waiting.report).close(self.name)
        self._limiter._advance()  # whom they kept waiting may be another runner's
        self._runner.close()

    async def ended(self) -> None:
        """Wait until what the runner's `close` cancelled is over."""
        await calls_ended(self._runner)
