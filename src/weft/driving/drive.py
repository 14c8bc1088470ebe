"""Who drives the runs of a space: a driver, with somebody to carry out steps of each kind.

Knows nothing of what runs do. Invariant: what an engine lends to those who carry out steps, it lends to all of them.
Source: composition roots.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weft.driver import Driver
from weft.driving.carriers import BY_CLOCK, Lent, carriers
from weft.driving.driver import RunDriver
from weft.steps.due import DueSteps

if TYPE_CHECKING:
    from weft.pump import Pump
    from weft.space import Space

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def drive(space: Space, pump: Pump, *, drivers: Sequence[Driver[Any]]) -> RunDriver:
    """What drives the runs of a space, and carries out their steps by what its engine has, and by these drivers."""
    import asyncio

    engine, later, loop = pump.engine, pump.alarms.after, asyncio.get_running_loop()

    def begin(coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    def clock_us() -> int:
        return (datetime.fromisoformat(engine.now()) - _EPOCH) // timedelta(microseconds=1)

    def due(*kinds: str) -> DueSteps:
        return DueSteps(engine, *kinds, clock_us=clock_us, wake_in=lambda delay_s: later(delay_s, lambda: None))

    dues = {kind: due(*kinds) for kind, kinds in BY_CLOCK.items()}
    lent = Lent(engine, pump.attempts, drivers, dues, pump.ring, begin)
    return RunDriver(space, engine, carriers(lent), pump.attempts.services, dues)
