"""Nothing piles up: what ten thousand views leave behind when they are closed is nothing."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Settled, derive, field
from weft.home import Home

VIEWS = 10_000
DESCRIPTORS = Path("/proc/self/fd")


def more(x: int) -> int:
    return x + 1


class Sheet(Entity):
    x: Field[int] = field(default=1)
    more = derive(more, x)


def descriptors() -> int:
    return len(os.listdir(DESCRIPTORS)) if DESCRIPTORS.exists() else 0


def held(home: Home) -> tuple[int, ...]:
    """How much the engine keeps for those who look."""
    pump = home._running()
    with home.view() as engine:
        slots = [slot for thing in engine.graph.things.values() for slot in thing.slots()]
        return (
            len(engine.watched),
            len(pump.waiters),
            len(home._demanded._holds),
            sum(slot.demand for slot in slots),
            sum(len(edges) for slot in slots for edges in slot.readers.values()),
            len(engine.graph.things),
        )


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_ten_thousand_views_leave_no_demand_no_waiter_no_file_and_no_thread(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "sheet.weft") if kind == "file" else None
    with weft.open(path, types=[Sheet]) as space:
        sheet = space.create(Sheet)
        home = space._host
        assert isinstance(home, Home)
        with space.watch(sheet.more):
            assert sheet.more.wait(30) == 2
        before, files, threads = held(home), descriptors(), threading.active_count()

        for number in range(VIEWS):
            with space.watch(sheet.more), space.subscribe(after=space.position) as activities:
                assert activities.present() == []
                if number % 100 == 0:
                    assert sheet.more.wait(30) == 2
                assert sheet.more.state == Settled(2)

        until(lambda: held(home) == before)
        gc.collect()
        assert (descriptors(), threading.active_count()) == (files, threads)
