"""Turns: who is next where many wait. Those who wait for one cause are served in the order in which they came, and the
causes take turns: a thousand calls of one node do not keep one call of another waiting for all of them.

Knows nothing of calls. Invariant: between two turns of one cause every other cause that waits has had one.
Source: round-robin queues of network schedulers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from weft.call import Call

T = TypeVar("T")


class Turns(Generic[T]):
    """What waits, by cause."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def append(self, cause: Hashable, one: T) -> None:
        """Last in the line of its cause; a cause that had none comes after the others."""
        self._lines.setdefault(cause, deque()).append(one)
        self._count += 1

    def popleft(self) -> T:
        """The next. Raises StopIteration where nobody waits."""
        cause = next(iter(self._lines))
        line = self._lines.pop(cause)
        one = line.popleft()
        if line:
            self._lines[cause] = line  # and is last from now on
        self._count -= 1
        return one

    def remove(self, cause: Hashable, one: T) -> None:
        """It waits no longer, if it did."""
        line = self._lines.get(cause)
        if line is None or one not in line:
            return
        line.remove(one)
        if not line:
            del self._lines[cause]
        self._count -= 1

    def clear(self) -> None:
        """Nobody waits any longer."""
        self._lines.clear()
        self._count = 0


def cause_of(call: Call) -> Hashable:
    """For whom a call is made: one operation for one entity."""
    return call.by, call.operation.name
