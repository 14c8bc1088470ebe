"""A runner whose calls come back late, out of order, twice, broken, or after the engine that asked for them has died.

It stands around any runner that a simulated loop can drive. What the inner one reports is held back for a seeded time,
and may be delivered a second time later on; a call may break instead of being run. After a crash the answers still
under way reach the next engine, as those of workers on other machines do.

Knows nothing of slots.
Invariant: what a call answers is what its function gave; when, how often and to whom, the seed says.
Source: chaos proxies; Jepsen's nemesis.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from weft.call import AttemptId, Broke, Call, Partial, Report, Reporter, Runner
from weft.testing.crash import Life
from weft.testing.simulated_loop import SimulatedLoop

WEATHER = "Weather"
"""The kind of error of a call that broke for no reason of its own."""

STRAY_S = 0.02
"""How often an answer without an engine looks for one."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """How bad it is: seconds, and chances between 0 and 1."""

    delay_s_max: float = 0.08
    prompt: float = 0.3
    """How many reports are not held back at all."""
    twice: float = 0.1
    breaks: float = 0.0
    """How many calls break instead of being run; trying again may help."""
    outlives: float = 0.5
    """How many answers that are under way at a crash still come, to the next engine."""


class Exchange:
    """Where reports go: to the newest engine that has started a call, and there to the part that starts calls of that
    kind: those of nodes, and those of runs."""

    def __init__(self) -> None:
        self.to: dict[str, Reporter] = {}
        """By part, of the life that is: empty until its engine has started a call."""
        self.on_start: Callable[[Call], None] = lambda call: None
        self.doubled = self.broken = self.strays = 0


class LateRunner:
    """Around `inner`, for one life of a program."""

    def __init__(
        self, inner: Runner, loop: SimulatedLoop, rnd: random.Random, lateness: Lateness, *, life: Life, by: Exchange
    ) -> None:
        self.name = "late" if inner.name == "inline" else inner.name
        """Not "inline" in any case: that word says that a call answers at once."""
        self.inner, self.lateness = inner, lateness
        self._loop, self._rnd, self._life, self._by = loop, rnd, life, by

    def start(self, call: Call, report: Reporter, /) -> None:
        """Run it by the inner runner, or let it break; report later."""
        part = str(getattr(report, "__qualname__", ""))
        self._by.to[part] = report
        self._by.on_start(call)
        if self._rnd.random() < self.lateness.breaks:
            self._by.broken += 1
            self._hold(Broke(call.id, WEATHER, "it broke, as calls do", "", True, 0.0), part)
        else:
            self.inner.start(call, partial(self._take, part=part))

    def _take(self, report: Report, *, part: str) -> None:
        if self._life.is_over:
            return
        if not isinstance(report, Partial):
            report = replace(report, took_s=0.0)  # the simulated time that it took, whatever the machine needed
        self._hold(report, part)
        if self._rnd.random() < self.lateness.twice:
            self._by.doubled += 1
            self._hold(report, part)

    def _hold(self, report: Report, part: str) -> None:
        is_prompt = self._rnd.random() < self.lateness.prompt
        delay_s = 0.0 if is_prompt else self._rnd.random() * self.lateness.delay_s_max
        self._loop.call_later(delay_s, self._deliver, report, part)

    def _deliver(self, report: Report, part: str) -> None:
        if self._life.is_over:
            if isinstance(report, Partial) or self._rnd.random() >= self.lateness.outlives:
                return
            self._stray(report, part)
            return
        self._by.to[part](report)

    def _stray(self, report: Report, part: str) -> None:
        """To the next engine, once that has begun to send calls, as from then on it listens."""
        if part not in self._by.to:
            self._loop.call_later(STRAY_S, self._stray, report, part)
            return
        self._by.strays += 1
        self._by.to[part](report)

    def cancel(self, id: AttemptId, /) -> None:
        """Ask the inner runner."""
        if not self._life.is_over:
            self.inner.cancel(id)

    def close(self) -> None:
        """Close the inner runner, unless the machine has died."""
        self.inner.close()
