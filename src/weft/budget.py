"""Budgets: how much one run of a flow may spend, as its author declares it.

Knows nothing of runs. Invariant: a budget that could never be kept to is refused where it is declared.
Source: gas of contract machines; the limits of agent loops.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation

from msgspec import Struct

TIME_MAX = timedelta(days=1_000_000)
"""For longer than that no run waits: moments behind it are in no calendar."""


class Budget(Struct, frozen=True, kw_only=True):
    """What one run of a flow may spend, as in `on(…, budget=Budget(steps=50))`; None: as much as it likes."""

    steps: int | None = None
    """How many steps it may ask for."""
    tokens: int | None = None
    """How many tokens models may be sent, and answer with, for it: as far as they say."""
    money: str | None = None
    """How much its services may cost, as decimal text: as far as their prices are known."""
    currency: str = "USD"
    time: timedelta | None = None
    """How long it may take, from when it begins."""

    def __post_init__(self) -> None:
        """Refuse what is no budget; raises ValueError, and TypeError for a time in numbers."""
        counts = [one for one in (self.steps, self.tokens) if one is not None]
        if any(isinstance(one, bool) or one < 0 for one in counts):
            raise ValueError(f"{self}: steps and tokens are counted from 0")
        if self.money is not None and not _is_amount(self.money):
            raise ValueError(f'{self}: money is decimal text, such as "0.50"')
        if self.time is not None and not isinstance(self.time, timedelta):
            raise TypeError(f"{self}: time is a timedelta: write timedelta(seconds={self.time})")
        if self.time is not None and not timedelta(0) < self.time <= TIME_MAX:
            raise ValueError(f"{self}: time is more than none, and at most {TIME_MAX.days} days")


def _is_amount(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and amount >= 0
