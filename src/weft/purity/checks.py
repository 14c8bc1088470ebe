"""What a program asks to be checked in production: which share of the calls of pure operations, and whether also those
that cost something.

Knows nothing of how calls are made again.
Invariant: whether a call is taken follows from its key alone, so that every engine takes the same ones.
Source: consistent sampling of traces by their id (Dapper, OpenTelemetry).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weft.content import Cid

if TYPE_CHECKING:
    from weft.attempt import Attempts

_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Checks:
    """`share` of the calls of operations that are declared pure, between 0 (none) and 1 (all), are made a second time.
    `metered`: also those whose service says that it charges; they are left out otherwise."""

    share: float
    metered: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        share: object = self.share
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ValueError(f"check_pure is {share!r}; it is the share of calls to check, from 0 (none) to 1 (all)")

    def attempts(self, *engine: Any, **how: Any) -> Attempts:
        """The attempts of an engine, with these checks."""
        from weft.purity.sampled import SampledAttempts

        return SampledAttempts(*engine, checks=self, **how)

    def takes(self, key: Cid) -> bool:
        """Whether the call of this key is made a second time."""
        return int.from_bytes(key[-_DIGITS:]) < self.share * (1 << 8 * _DIGITS)


def checks_of(asked: float | Checks) -> Checks | None:
    """What `weft.open(check_pure=…)` asks for; None for nothing. Raises ValueError."""
    checks = asked if isinstance(asked, Checks) else Checks(asked)
    return checks if checks.share else None
