"""Threads that are shared: each user has so many calls at work, and the others of theirs wait in a line of their own.

So whoever calls for what takes long waits for themselves, and nobody else does.

Knows nothing of calls. Invariant: no user has more at work than their share, nor more in line than is allowed; whatever
was taken is done in order, or was cancelled.
Source: fair queueing (Nagle 1985).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from weft.server.refusals import TooManyCalls

T = TypeVar("T")
Job: TypeAlias = "tuple[Future[Any], Callable[[], Any]]"


@dataclass(slots=True)
class _Share:
    at_work: int = 0
    line: deque[Job] = field(default_factory=deque)


class Shares:
    """A pool of threads. `at_work_max`: of one user, at one time; `line_max`: how many more of theirs may wait."""

    def __init__(self, pool: ThreadPoolExecutor, *, at_work_max: int, line_max: int) -> None:
        self.pool, self._at_work_max, self._line_max = pool, max(1, at_work_max), line_max
        self._shares: dict[str, _Share] = {}
        self._lock = threading.Lock()

    def submit(self, user: str, act: Callable[[], T], *, is_begun: bool = False) -> Future[T]:
        """Have it done for somebody. `is_begun`: part of what was begun, and so never refused. Raises
        `TooManyCalls`."""
        job: Job = (Future(), act)
        with self._lock:
            share = self._shares.setdefault(user, _Share())
            if share.at_work >= self._at_work_max:
                if not is_begun and len(share.line) >= self._line_max:
                    raise TooManyCalls(wait_s=1.0)
                share.line.append(job)
                return job[0]
            share.at_work += 1
        self._begin(user, job)
        return job[0]

    def _begin(self, user: str, job: Job) -> None:
        try:
            self.pool.submit(self._do, user, job).add_done_callback(lambda one: one.cancelled() and job[0].cancel())
        except RuntimeError:  # the server ends
            job[0].cancel()

    def _do(self, user: str, job: Job) -> None:
        future, act = job
        try:
            if future.set_running_or_notify_cancel():
                try:
                    found = act()
                except BaseException as why:  # noqa: BLE001 - it is raised to whoever waits
                    future.set_exception(why)
                else:
                    future.set_result(found)
        finally:
            self._next(user)

    def _next(self, user: str) -> None:
        with self._lock:
            share = self._shares[user]
            if not share.line:
                share.at_work -= 1
                if not share.at_work:
                    del self._shares[user]
                return
            job = share.line.popleft()
        self._begin(user, job)

    def close(self) -> None:
        """Take no more; whoever waits in line is let go of."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            lines = [job for share in self._shares.values() for job in share.line]
            self._shares.clear()
        for future, _ in lines:
            future.cancel()
