"""A crowd: how many stand before a lock, so that whoever holds it for long can let go of it at a good moment.

Whoever comes is within the crowd from before they ask for the lock until they have let go of it, as in
`with crowd, lock:`. While somebody holds the lock who is not of the crowd, all of it waits. The lock itself stays one
of Python's own: an interrupt cannot come between taking it and the block that lets go of it.

Knows nothing of what the lock guards.
Invariant: a crowd counts those who entered and have not left.
Source: the queue length of monitors (Hansen; Hoare).
"""

from __future__ import annotations

import threading


class Crowd:
    """Those who want a lock, or have it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0
        """How many."""

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.count -= 1
