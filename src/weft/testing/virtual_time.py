"""Virtual time: a clock that stands until a test moves it on, so that a month of waiting takes milliseconds.

Only the clock is virtual: what runs wait for by it (sleeps, reminders, expiry, schedules, the pauses between tries) is
due by it alone, in the order of its moments; calls take the time that they take.

Knows nothing of what waits. Invariant: the clock goes on to the next moment only when nothing is to be done any more
at the one where it is.
Source: the time-skipping test servers of workflow engines; SimPy's event calendar.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from weakref import WeakSet

from weft.definition import compiled_types, unique_types
from weft.driver import Driver
from weft.driving.drive import drive
from weft.engine import Engine
from weft.entity import Entity
from weft.errors import WeftError
from weft.expected import check_delay, check_drivers, check_services, check_types
from weft.home import Home
from weft.settlement import Place, is_settled
from weft.space import Space
from weft.steps.carrier import step_row
from weft.steps.due import NEVER_US
from weft.store import WAIT, Key
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore
from weft.testing.outside_steps import OutsideStep, watch

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
REST_S = 30.0
"""How long runs may take for what is no waiting, in real seconds."""
_WAITS_BY_CLOCK = ("ask", "sleep", "schedule")
_RESTS = ("call", "perform", "doubt")
"""What waits by the clock where it has a moment; the last, without one, waits for people."""
_GOES_ON = ("begin", "call", "perform", "decide", "answered", "cancel", "resume")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotAtRest(WeftError):
    """After {seconds} s runs are still at work, so the clock cannot go on: {waits}. A call that never ends, a guard
    that fails, or a driver that is not given, holds them up."""

    seconds: float
    waits: str


class VirtualTime:
    """A clock, and the spaces that go by it."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start
        """The time that it shows."""
        self.outside: list[OutsideStep] = []
        """What flows did to the outside in their own code, and were refused."""
        self._opened: WeakSet[Space] = WeakSet()

    def open(
        self,
        path: str | None = None,
        *,
        types: Sequence[type[Entity]] = (),
        services: Mapping[type, object] | None = None,
        drivers: Sequence[Driver[Any]] = (),
        actor: str = "local",
    ) -> Space:
        """As `weft.open`: a space whose events are dated by this clock, and whose runs wait by it. Flows of it that do
        something to the outside beside their steps fail with `OutsideStep`, which says what and where."""
        space = Space(
            MemoryStore() if path is None else SqliteStore(path),
            compiled_types(check_types("types", types)),
            services=check_services(services or {}),
            actor=actor,
            now=lambda: self.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            drive=partial(drive, drivers=check_drivers(drivers)),
        )
        space._host.kinds |= unique_types(types)
        watch(space, self.outside)
        self._opened.add(space)
        return space

    def advance(self, space: Space, by: timedelta) -> None:
        """Move the clock on so far, stopping at each moment that something waits for until all that it leads to has
        been done. Raises `NotAtRest`."""
        check_delay("time.advance", by)
        until = self.now + by
        self.rest(space)
        while (moment := self._next(space)) is not None and moment <= until:
            self.now = max(self.now, moment)
            self.rest(space)
        self.now = until
        self.rest(space)

    def rest(self, space: Space) -> None:
        """Wait until no run has anything to do at the time that it is. Raises `NotAtRest`."""
        self._check_space(space)
        deadline = time.monotonic() + REST_S
        home = space._host
        assert isinstance(home, Home), "the clock moves the engine that computes the space"
        while True:
            turns = home.wait_turn(-1, 0)
            home._running().ring()
            home.wait_turn(turns, REST_S)
            space.wait_settled(timeout_s=REST_S)
            with space.view() as engine:
                waits = self._waits(engine)
            if not waits:
                return
            if time.monotonic() > deadline:
                raise NotAtRest(seconds=REST_S, waits=", ".join(waits))

    def _check_space(self, space: Space) -> None:
        """Raise TypeError for a space that goes by another clock."""
        if space not in self._opened:
            raise TypeError(f"{space!r} does not go by this clock: open it by time.open(…), in place of weft.open(…)")

    def _waits(self, engine: Engine) -> list[str]:
        """What runs do that is no waiting, and what is due and was not seen to."""
        now_us = (self.now - _EPOCH) // timedelta(microseconds=1)
        going = [
            key
            for kind in dict.fromkeys((*_GOES_ON, *_WAITS_BY_CLOCK, *_RESTS))
            for key, _ in engine.rows(WAIT, (kind,))
            if _is_going(kind, cast("int", key[1]), now_us)
        ]
        going += [key for key, _ in engine.rows(WAIT, ("node",)) if _is_settling(engine, key)]
        return [f"{key[0]!s} of {key[2]!s}.{key[3]!s}" for key in going]

    def _next(self, space: Space) -> datetime | None:
        """The next moment at which something is due."""
        found: list[int] = []
        with space.view() as engine:
            for kind in (*_WAITS_BY_CLOCK, *_RESTS):
                rows = engine.rows(WAIT, (kind,))
                first = next((key[1] for key, _ in rows if key[1] or kind not in _RESTS), NEVER_US)
                if isinstance(first, int) and first < NEVER_US:
                    found.append(first)
        return _EPOCH + min(found) * timedelta(microseconds=1) if found else None


def _is_settling(engine: Engine, key: Key) -> bool:
    """Whether a node that a run waits for is, or may be about to be; else it waits for a run, or for nobody, as that
    does."""
    _, _, entity, flow, run, step = map(str, key)
    row = step_row(engine, (entity, flow, run), step)
    place = cast("Place", tuple(cast("list[str]", row.said))) if row is not None else ("", "", "")
    return not engine.is_settled(engine.cut) or is_settled(engine, place, 0)


def _is_going(kind: str, due_us: int, now_us: int) -> bool:
    """Whether somebody is at work on it, or it is due, and was not seen to."""
    if kind in _WAITS_BY_CLOCK or (kind in _RESTS and due_us):
        return due_us <= now_us
    return kind in _GOES_ON
