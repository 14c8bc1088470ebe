"""What became of each fault in this session of tests: printed when they are over."""

from __future__ import annotations

from tests.faults.fault import Tally

_tallies: list[Tally] = []


def note(tally: Tally) -> None:
    """Remember one."""
    _tallies.append(tally)


def lines() -> list[str]:
    """One line each."""
    return [str(each) for each in _tallies]
