"""Many runs in a space whose store is disturbed while they go on: locked by another, and without room to grow.

Each run calls, sleeps and performs an effect; edits that were refused are said again. It prints how often the store
refused, and why. Run as `python -m tests.kill.disturbed SPACE RUNS [QUIET]`; under a tracer syncs fail as well.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

from tests.kill.errands import RECEIVED, Courier, Ship, double
from tests.kill.full_disk import allow_growth
from tests.kill.stops import tell_parent, within_one_process
from weft import Entity, Field, Run, Space, field, on, pump
from weft.definition import compiled_types, unique_types
from weft.driving.drive import drive
from weft.store import Batch, StoreFailed
from weft.stores.sqlite import SqliteStore

RUNS_AN_EDIT = 50
STALL_S, BUSY_MS = 0.02, 5
"""How long an engine rests after a refusal, and waits for others: less than in real life, so that it is refused."""
QUIET_S, DISTURBED_S = (0.005, 0.05), (0.01, 0.06)
LIMIT_S = 900.0


class Errand(Entity):
    """Comes to three times its number."""

    number: Field[int] = field()
    slices: Field[int] = field(default=0)

    @on(Entity.created)
    async def run(self, run: Run) -> int:
        """A call, a sleep, an effect; each slice is counted."""
        twice = await run.call(double, self.number)
        self.slices += 1
        await run.sleep(timedelta(milliseconds=1))
        self.slices += 1
        await run.perform(Ship(self.number))
        self.slices += 1
        return twice + self.number


class Refusing(SqliteStore):
    """Counts what was refused, and why."""

    def __init__(self, path: str) -> None:
        self.refusals: Counter[str] = Counter()
        super().__init__(path)
        self._db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        """As the store does."""
        try:
            super().append(batch, epoch=epoch)
        except StoreFailed as why:
            self.refusals[why.why] += 1
            raise


def open_space(path: str) -> tuple[Space, Refusing]:
    """The space, and its store."""
    pump.STALL_S = STALL_S
    store = Refusing(path)
    space = Space(
        store,
        compiled_types([Errand]),
        services={},
        engine=True,
        actor="clerk",
        runners=within_one_process(),
        drive=partial(drive, drivers=[Courier()]),
    )
    space._host.kinds |= unique_types([Errand])
    return space.__enter__(), store


def disturb(path: str, over: threading.Event) -> None:
    """Now and then, until it is over: lock the space, or let no file grow."""
    chance = random.Random(1)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)) as other:
        for turn in range(sys.maxsize):
            if over.wait(chance.uniform(*QUIET_S)):
                return
            if turn % 2:
                other.execute("BEGIN IMMEDIATE")
                time.sleep(chance.uniform(*DISTURBED_S))
                other.execute("ROLLBACK")
            else:
                allow_growth(Path(path).parent, is_allowed=False)
                time.sleep(chance.uniform(*DISTURBED_S))
                allow_growth(Path(path).parent, is_allowed=True)


def create(space: Space, runs: int) -> None:
    """Begin so many, each once, however often that is refused."""
    for first in range(0, runs, RUNS_AN_EDIT):
        while True:
            try:
                with space.edit(once=f"from {first} on"):
                    for number in range(first, min(runs, first + RUNS_AN_EDIT)):
                        space.create(Errand, number=number)
                break
            except StoreFailed:
                time.sleep(STALL_S)


def main(path: str, runs: int, *, is_quiet: bool = False) -> None:
    os.environ.setdefault(RECEIVED, str(Path(path).parent / "received"))
    space, store = open_space(path)
    over = threading.Event()
    disturber = threading.Thread(target=disturb, args=(path, over), daemon=True)
    if not is_quiet:
        disturber.start()
    create(space, runs)
    until = time.monotonic() + LIMIT_S
    while left := [run for run in space.runs() if run.stands != "failed"]:
        assert time.monotonic() < until, f"{len(left)} runs go on, as {left[0]}"
        time.sleep(0.1)
    over.set()
    if not is_quiet:
        disturber.join()
    tell_parent("failed", len(space.runs()))
    for why, times in sorted(store.refusals.items()):
        tell_parent("refused", times, why)
    space.close()
    tell_parent("closed")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), is_quiet=len(sys.argv) > 3)
