"""How long somebody waits before they try again: all of it left to chance, below a bound that doubles.

Knows nothing of what is tried. Invariant: no wait is longer than the most.
Source: exponential backoff with full jitter (Brooker 2015).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patience:
    """The bound of the first wait, that of the longest, and chance: at least 0, below 1."""

    first_s: float
    most_s: float
    chance: Callable[[], float] = field(default=random.random, repr=False)

    def delay_s(self, attempt: int) -> float:
        """How long to wait behind the failure of this number, from 0."""
        return self.chance() * min(self.most_s, self.first_s * 2.0 ** min(attempt, 60))


CALLS = Patience(0.3, 10.0)
LIVE = Patience(0.5, 30.0)
