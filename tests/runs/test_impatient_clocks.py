"""Steps that are over at once, or while their run cannot go on: the engine goes on with everything else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.until import until
from weft import Entity, Field, Run, field, items, on
from weft.testing.virtual_time import START, VirtualTime

WAIT_S = 30.0
ASKED_MAX = 20_000


class Impatient(VirtualTime):
    """Says the time so often, and no more: an engine that asks on and on does nothing else."""

    def __init__(self) -> None:
        self.asked = 0
        super().__init__()

    @property
    def now(self) -> datetime:
        """The time; raises where it was asked too often."""
        self.asked += 1
        assert self.asked < ASKED_MAX, "the engine asks for the time, on and on"
        return self._now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = moment


class Napper(Entity):
    times: Field[int] = field()
    log = items(str)

    @on(Entity.created)
    async def nap(self, run: Run) -> int:
        for number in range(self.times):
            await run.sleep(timedelta(0))
            self.log.add(f"nap {number}")
        return self.times


def sleeper(version: str) -> Any:
    class Sleeper(Entity):
        @on(Entity.created)
        async def sleep(self, run: Run) -> str:
            await run.sleep(timedelta(hours=1))
            return version if version == "first" else "second"

    class Changed(Entity):
        @on(Entity.created)
        async def sleep(self, run: Run) -> str:
            await run.sleep(timedelta(hours=1))
            return "changed"

    kind = Sleeper if version == "first" else Changed
    kind.__name__ = kind.__qualname__ = "Sleeper"
    return kind


def test_a_sleep_of_no_time_is_over_where_it_is_asked_for() -> None:
    time = Impatient()
    with time.open(types=[Napper]) as space:
        napper = space.create(Napper, times=3)

        assert napper.nap.wait(WAIT_S) == 3

        assert [*napper.log] == ["nap 0", "nap 1", "nap 2"]
        assert time.now == START


def test_what_a_run_that_cannot_go_on_slept_for_holds_up_nobody(tmp_path: Path) -> None:
    path, time = str(tmp_path / "space.weft"), Impatient()
    with time.open(path, types=[sleeper("first")]) as space:
        space.create(sleeper("first"))
    time.now = START + timedelta(hours=2)

    with time.open(path, types=[sleeper("changed"), Napper]) as space:
        (run,) = space.runs()
        assert run.stands == "blocked"
        assert space.create(Napper, times=1).nap.wait(WAIT_S) == 1

        (one,) = space.find(sleeper("changed"))
        space.adopt(one.sleep)

        until(lambda: space.runs() == [])
        assert one.sleep.wait(WAIT_S) == "changed"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """That a run is blocked is logged."""
    caplog.set_level("CRITICAL")
