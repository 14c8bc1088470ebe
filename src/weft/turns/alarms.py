"""Alarms: what is to be done within a turn of a loop, some time from now.

Knows nothing of what is done. Invariant: what is asked for is done once, in a turn, and no sooner than was said.
Source: timer queues of event loops.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Alarms:
    """Those of one loop, on whose thread they are made."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        """`wake`: has the loop take a turn; called on its thread."""
        self._loop, self._wake, self._thread = loop, wake, threading.get_ident()
        self._due: deque[Callable[[], None]] = deque()

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Have something done, so much later. From any thread."""

        def come() -> None:
            self._due.append(do)
            self._wake()

        if threading.get_ident() == self._thread:
            self._loop.call_later(delay_s, come)
        else:
            self._loop.call_soon_threadsafe(self._loop.call_later, delay_s, come)

    def __bool__(self) -> bool:
        """Whether anything is due."""
        return bool(self._due)

    def take(self) -> None:
        """Do all that is due."""
        while self._due:
            self._due.popleft()()
