"""Alarms: do something later, from a thread that is not the caller's.

Holds the one thread per runner that ends calls whose time is up, and tells of calls that were cancelled. A runner takes
its alarm as an argument, so that a test moves time by hand.

Knows nothing of calls.
Invariant: what was set is done at most once, never inside `after`, and never after `close`.
Source: the timer wheel of every event loop; a heap, since alarms are few.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds from some start, never going back."""

logger = logging.getLogger("weft.runners")


class Alarm(Protocol):
    """Does things later."""

    def after(self, delay_s: float, act: Callable[[], None], /) -> Callable[[], None]:
        """Do `act` once `delay_s` have passed, from another place than here. Returns what calls it off."""
        ...

    def close(self) -> None:
        """Forget all that was set."""
        ...


class ThreadAlarm:
    """Alarms kept by one daemon thread, begun with the first of them."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, list[Callable[[], None]]]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, delay_s: float, act: Callable[[], None], /) -> Callable[[], None]:
        """Do `act` in the alarm's thread; what takes long there delays the others."""
        held = [act]
        with self._changed:
            if self._closed:
                return held.clear
            heapq.heappush(self._due, (self._clock() + delay_s, next(self._order), held))
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="weft-alarm", daemon=True)
                self._thread.start()
            elif self._due[0][2] is held:
                self._changed.notify()
        return held.clear

    def close(self) -> None:
        """Forget all that was set; the thread ends by itself, unwaited for, as it may be waiting for whoever closes."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()

    def _keep(self) -> None:
        while (held := self._wait_due()) is not None:
            if held:
                try:
                    held.pop()()
                except Exception:
                    logger.exception("what an alarm was set for failed")

    def _wait_due(self) -> list[Callable[[], None]] | None:
        with self._changed:
            while not self._closed:
                # Alarms that were called off are dropped here, so that a busy runner's heap does not only grow.
                while self._due and not self._due[0][2]:
                    heapq.heappop(self._due)
                if not self._due:
                    self._changed.wait()
                elif (delay_s := self._due[0][0] - self._clock()) > 0:
                    self._changed.wait(min(delay_s, threading.TIMEOUT_MAX))
                else:
                    return heapq.heappop(self._due)[2]
            return None
