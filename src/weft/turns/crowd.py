"""A lock that says how many wait for it, so that whoever holds it for long can let go of it at a good moment.

Knows nothing of what it guards.
Invariant: a thread is counted from before it blocks until it has the lock.
Source: the queue length of monitors (Hansen; Hoare).
"""

from __future__ import annotations

import threading


class CrowdedLock:
    """A lock that one thread may take several times."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._count = threading.Lock()
        self.waiting = 0
        """How many threads wait for it."""

    def acquire(self, blocking: bool = True) -> bool:
        """Take it; returns whether that was done, which it always is where this may block."""
        if self._lock.acquire(blocking=False):
            return True
        if not blocking:
            return False
        with self._count:
            self.waiting += 1
        try:
            return self._lock.acquire()
        finally:
            with self._count:
                self.waiting -= 1

    def release(self) -> None:
        """Let go of it once."""
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
