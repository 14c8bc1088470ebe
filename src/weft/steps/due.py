"""What is due: the steps of some kinds whose moment has come, read in the order of their moments.

Knows nothing of what becomes of them. Invariant: nobody is looked at before his moment, and the engine is woken for the
next one.
Source: timer tables of schedulers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from weft.engine import Engine
from weft.run_rows import SCHEDULE
from weft.steps.carrier import RunId
from weft.store import WAIT, Key

NEVER_US = 1 << 62
"""The moment of what is never due: behind all others."""


class DueSteps:
    """Those of these kinds."""

    def __init__(
        self, engine: Engine, *kinds: str, clock_us: Callable[[], int], wake_in: Callable[[float], None]
    ) -> None:
        """`wake_in`: has the engine take a turn after so many seconds."""
        self._engine, self._kinds, self.clock_us, self._wake_in = engine, kinds, clock_us, wake_in
        self._next_us = 0
        """Nothing is due before."""
        self._armed_us = 0
        """For when the engine is to be woken."""

    def look_again(self) -> None:
        """There may be one that is due sooner than those before."""
        self._next_us = 0

    def after_us(self, delay_s: float) -> int:
        """The moment so long from now."""
        return self.clock_us() + round(delay_s * 1e6)

    def come(self) -> Iterator[tuple[RunId, str]]:
        """Those whose moment has come: told of until their rows say otherwise."""
        if self._next_us >= NEVER_US or (now_us := self.clock_us()) < self._next_us:
            return
        self._next_us = NEVER_US
        found: list[tuple[RunId, str]] = []
        for _, due_us, entity, flow, run, key in self._in_order():
            assert isinstance(due_us, int)
            if not due_us and key != SCHEDULE:
                continue  # it stands until somebody answers, or rests no more
            if due_us > now_us:
                self._next_us = due_us
                self._arm(now_us)
                break
            found.append(((str(entity), str(flow), str(run)), str(key)))
        if found:
            self.look_again()  # their rows are about to change
        yield from found

    def _in_order(self) -> Iterator[Key]:
        """What is waited for, by moment: in the store it stands so, and what this turn has told comes in between."""
        told = self._engine.batch.rows.get(WAIT, {})
        kinds = [(key for key, _ in self._engine.store.rows(WAIT, (kind,)) if key not in told) for kind in self._kinds]
        new = sorted((key for key, row in told.items() if row is not None and key[0] in self._kinds), key=_by_moment)
        return heapq.merge(*kinds, new, key=_by_moment)

    def _arm(self, now_us: int) -> None:
        if self._next_us < NEVER_US and not now_us < self._armed_us <= self._next_us:
            self._armed_us = self._next_us
            self._wake_in((self._next_us - now_us) / 1e6)


def _by_moment(key: Key) -> Key:
    return key[1:]
