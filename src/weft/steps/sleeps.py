"""Sleeps: steps that are over at a moment. A run that sleeps is a row; nothing of it is in memory.

Knows nothing of runs that wait for anything else.
Invariant: a sleep is over no earlier than its moment, by the clock that events are dated with.
Source: durable timers of workflow engines.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.content import Plain
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Value
from weft.steps.carrier import Moments, Over, RunId
from weft.steps.due import DueSteps


class Sleeps:
    """All that sleeps in one space."""

    parks = True

    def __init__(self, due: DueSteps) -> None:
        self._due = due

    def moments(self, step: Asking, /) -> Moments:
        """It is over as long from now as it says."""
        assert isinstance(step.said, int)
        over_us = self._due.clock_us() + step.said
        return Moments(over_us, over_us)

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Nothing: it stands in the table. Somebody has to look there in time."""
        self._due.look_again()

    def over(self) -> Iterator[Over]:
        """Those whose moment has come."""
        return (Over(run, key, True) for run, key in self._due.come())

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """Nothing."""
        return Value(None)

    def forget(self, run: RunId, key: str, /) -> None:
        """Nothing: its row went."""
