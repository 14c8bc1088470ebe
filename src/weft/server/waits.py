"""Calls that wait for what follows from them: how many there are, of all and of each user, and until when.

Knows nothing of threads and of what is waited for. Invariant: whoever waits is counted until they wait no longer, as it
is settled, their time is over or they have left; then nothing is kept due for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from starlette.requests import ClientDisconnect

from weft.server.method import Later
from weft.server.refusals import TooManyCalls

Left: TypeAlias = Callable[[], Awaitable[None]]
"""Ends when the caller has left."""


class Waits:
    """Of all callers, and of one, so many may wait."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many calls wait now."""
        return self._of.total()

    async def wait(self, user: str, answer: Later, left: Left | None) -> None:
        """Until all is settled, or the time is over. Raises `TooManyCalls`; ClientDisconnect where they have left."""
        try:
            self._enter(user)
            try:
                await _settled(answer, left)
            finally:
                self._leave(user)
        except BaseException:
            for settlement in answer.settlements:
                settlement.cancel()
            raise

    def _enter(self, user: str) -> None:
        with self._lock:
            if self._of.total() >= self._most or self._of[user] >= self._most_of_one:
                raise TooManyCalls(wait_s=1.0)
            self._of[user] += 1

    def _leave(self, user: str) -> None:
        with self._lock:
            self._of[user] -= 1
            if not self._of[user]:
                del self._of[user]


async def _settled(answer: Later, left: Left | None) -> None:
    waits = [asyncio.wrap_future(one) for one in answer.settlements]
    if not waits:
        return
    # What is cancelled here is the waiting, and not what is waited for: that is still asked whether it is settled.
    waiting = asyncio.ensure_future(asyncio.wait(waits))
    leaving = asyncio.ensure_future(left()) if left is not None else None
    try:
        ends_by: set[asyncio.Future[object]] = {waiting, *([leaving] if leaving is not None else [])}  # type: ignore[arg-type]
        await asyncio.wait(ends_by, timeout=answer.wait_s, return_when=asyncio.FIRST_COMPLETED)
        if leaving is not None and leaving.done() and not waiting.done():
            raise ClientDisconnect
    finally:
        waiting.cancel()
        if leaving is not None:
            leaving.cancel()
    for one in waits:
        if one.done() and not one.cancelled():
            one.exception()  # it is raised by `finish`
