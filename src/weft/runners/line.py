"""A line: calls that wait for one of a few threads, which are begun as they are needed.

Holds which calls are open (they wait, or a thread has them) and how many threads there are. Who runs calls, and how one
is given up on, is for the runner that has the line to say, under the line's lock where the two belong together.

Knows nothing of what a call is but its id.
Invariant: at most `size` threads take calls; none takes one after the line was closed. Whoever waits is open.
Source: concurrent.futures' work queue and its idle semaphore.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from weft.call import AttemptId, Call
from weft.turns.queue import Place, Turns

T = TypeVar("T")


class Line(Generic[T]):
    """Calls in turns: of entities, of one entity's operations, and of one operation's in the order in which they came.

    `work` is what each thread does: take calls until there are no more."""

    def __init__(self, size: int, *, name: str, work: Callable[[], None]) -> None:
        assert size > 0
        self.changed = threading.Condition()
        """The lock of all that is here; it may be taken again by who holds it."""
        self.open: dict[AttemptId, T] = {}
        self._waiting: Turns[AttemptId] = Turns()
        self._places: dict[AttemptId, Place[AttemptId]] = {}
        self._size, self._name, self._work = size, name, work
        self._threads: list[threading.Thread] = []
        self._count = 0
        self._idle = 0
        self.is_closed = False

    def put(self, call: Call, one: T) -> bool:
        """Have a thread take it in its turn; False where the line is closed."""
        with self.changed:
            if self.is_closed:
                return False
            self.open[call.id] = one
            self._places[call.id] = self._waiting.append(call.by, call.operation.name, call.id)
            self._staff()
            return True

    def take(self) -> T | None:
        """The next one, as soon as there is one; None where the line is closed. For the line's own threads."""
        with self.changed:
            self._idle += 1
            try:
                while not self._waiting:
                    if self.is_closed:
                        return None
                    self.changed.wait()
                id = self._waiting.popleft()
                del self._places[id]
                return self.open[id]
            finally:
                self._idle -= 1

    def drop(self, id: AttemptId) -> T | None:
        """Let nobody take it, if nobody has, and have it open no longer; None where it was not. O(1)."""
        with self.changed:
            place = self._places.pop(id, None)
            if place is not None:
                self._waiting.remove(place)
            return self.open.pop(id, None)

    def replace_thread(self) -> None:
        """One of the threads will take no more: begin another in its place when it is needed."""
        with self.changed:
            self._count -= 1
            self._staff()

    def close(self) -> list[T]:
        """Give nothing out any more; returns what was open, which is nobody's now. Harmless twice."""
        with self.changed:
            self.is_closed = True
            left = list(self.open.values())
            self.open.clear()
            self._waiting.clear()
            self._places.clear()
            self.changed.notify_all()
            return left

    def join(self, timeout_s: float) -> None:
        """Wait until the threads have ended, for each so long at most. The line is closed before."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout_s)

    def _staff(self) -> None:
        """Wake a thread for each waiting call, or begin one. The lock is held."""
        if self._idle >= len(self._waiting):
            self.changed.notify()
        elif self._count < self._size:
            self._count += 1
            thread = threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True)
            self._threads = [*(each for each in self._threads if each.is_alive()), thread]
            thread.start()
