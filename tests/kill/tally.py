"""How many programs were killed, and where: printed when the tests are over."""

from __future__ import annotations

from collections import Counter

_kills: Counter[str] = Counter()


def killed(where: str) -> None:
    """Count one."""
    _kills[where] += 1


def lines() -> list[str]:
    """One line a place, and the sum."""
    found = [f"{count:5} {where}" for where, count in sorted(_kills.items())]
    return [*found, f"{_kills.total():5} in all"] if found else []
