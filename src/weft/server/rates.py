"""How often each caller may call: a bucket of tokens for each.

Knows nothing of requests. Invariant: in any span of time nobody takes more than the burst and what the span refills.
Source: token buckets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from weft.server.refusals import TooManyCalls

BUCKETS_MAX = 10_000
"""So many callers are remembered at once; who has not called for longest is forgotten first, who has a full bucket
then."""


@dataclass(slots=True)
class Rates:
    """Buckets by name. `per_s` tokens come back each second, `burst` is what a bucket holds."""

    per_s: float
    burst: float
    clock: Callable[[], float]
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str) -> None:
        """One token of somebody's. Raises `TooManyCalls`, which says how long to wait."""
        with self._lock:
            now = self.clock()
            held, since = self._buckets.pop(name, (self.burst, now))
            held = min(self.burst, held + max(0.0, now - since) * self.per_s)
            while len(self._buckets) >= BUCKETS_MAX:
                del self._buckets[next(iter(self._buckets))]
            self._buckets[name] = (held - 1 if held >= 1 else held), now
        if held < 1:
            raise TooManyCalls(wait_s=(1 - held) / self.per_s)
