"""What is due: the steps of some kinds whose moment has come, read in the order of their moments.

Knows nothing of what becomes of them. Invariant: nobody is looked at before his moment, and the engine is woken for the
next one.
Source: timer tables of schedulers.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator

from weft.engine import Engine
from weft.run_rows import SCHEDULE
from weft.steps.carrier import RunId
from weft.store import WAIT, Key

NEVER_US = 1 << 62
"""The moment of what is never due: behind all others."""

LOOK_S_MAX = 3600
"""So often the clock is looked at: somebody may have set it, and a machine that was asleep has not waited."""


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
        self._seen_us = 0
        """What the clock showed last."""
        self.went_back_us = 0
        """How far it went back, since somebody saw to that."""
        self._found: deque[Key] = deque()
        """Those that have come, and nobody was told of yet: so however many have, each is looked for once."""

    def look_again(self) -> None:
        """There may be one that is due sooner than those before."""
        self._next_us = 0

    def after_us(self, delay_s: float) -> int:
        """The moment so long from now."""
        return self.clock_us() + round(delay_s * 1e6)

    def come(self) -> Iterator[tuple[RunId, str]]:
        """Those whose moment has come: told of until their rows say otherwise. Whoever asks may leave the rest."""
        if not self._found:
            self._look()
        while self._found:
            row = self._found.popleft()
            if self._engine.row(WAIT, row) is not None:  # (it may have gone on since)
                _, _, entity, flow, run, key = row
                yield (str(entity), str(flow), str(run)), str(key)

    def _look(self) -> None:
        if self._next_us >= NEVER_US:
            return
        now_us = self.clock_us()
        self.went_back_us, self._seen_us = max(self.went_back_us, self._seen_us - now_us), now_us
        if now_us < self._next_us:
            self._arm(now_us)
            return
        self._next_us = NEVER_US
        for row in self._in_order():
            due_us, key = row[1], row[5]
            assert isinstance(due_us, int)
            if not due_us and key != SCHEDULE:
                continue  # it stands until somebody answers, or rests no more
            if due_us > now_us:
                self._next_us = due_us
                self._arm(now_us)
                break
            self._found.append(row)
        if self._found:
            self.look_again()  # their rows are about to change

    def _in_order(self) -> Iterator[Key]:
        """What is waited for, by moment: in the store it stands so, and what this turn has told comes in between."""
        told = self._engine.batch.rows.get(WAIT, {})
        kinds = [(key for key, _ in self._engine.store.rows(WAIT, (kind,)) if key not in told) for kind in self._kinds]
        new = sorted((key for key, row in told.items() if row is not None and key[0] in self._kinds), key=_by_moment)
        return heapq.merge(*kinds, new, key=_by_moment)

    def _arm(self, now_us: int) -> None:
        if self._next_us < NEVER_US and not now_us < self._armed_us <= self._next_us:
            self._armed_us = min(self._next_us, now_us + LOOK_S_MAX * 1_000_000)
            self._wake_in((self._armed_us - now_us) / 1e6)


def _by_moment(key: Key) -> Key:
    return key[1:]
