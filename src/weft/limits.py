"""Limits: how hard a service may be used, as it says itself.

Knows nothing of calls and who makes them. Invariant: limits under which nothing could ever run are refused when made.
Source: token buckets; connection pools.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a service may be used: calls at one time, and starts per second, at least 1/`per_s` apart. None:
    unlimited."""

    concurrency: int | None = None
    per_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could ever run."""
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}; at least 1 call must be allowed")
        if self.per_s is not None and not self.per_s > 0:
            raise ValueError(f"per_s is {self.per_s}; it must be greater than 0")
