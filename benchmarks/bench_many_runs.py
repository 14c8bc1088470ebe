"""Many runs at once: a thousand that a killed program left under way, and a hundred thousand that sleep.

Those under way each wait for a call when their program is killed; the space is opened again, and all have been sent
again when the last is called, which ends at once then: a runner makes so many calls at a time, and no more. Those that
sleep are made by large edits; then a new process opens the space, lets a run of its own go from its beginning to its
end, and ends: by its time and its memory, beside one that opens a space with no other. The large cases are those.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import weft
from benchmarks.bench_start import RESIDENT, ROOT, WALL, OpenedAnew
from benchmarks.case import Case, Limit
from benchmarks.yardsticks import CONTENT
from weft import Entity, Field, Run, field, on, op

UNDER_WAY, ASLEEP, CREATED_AT_ONCE = 1_000, 100_000, 1_000
RECOVERY = f"{UNDER_WAY:,} runs under way, of a program that was killed: opened, until all were sent again"
RECOVERED_MAX = Limit(909, CONTENT)
"""1 s for all of them, on a machine that encodes and hashes 400 bytes in 1.1 µs."""
ASLEEP_MAX_BYTES = 100e6
YEAR = timedelta(days=365)
WAIT_S = 600.0
HOLDS = "WEFT_BENCHMARK_HOLDS"
"""Set where calls do not end. Not a variable of the module: the version of a flow follows from those."""
_called: list[int] = []


@op(version=1)
async def stay(number: int) -> int:
    """Does not end in a program that is to be killed."""
    _called.append(number)
    if os.environ.get(HOLDS):
        await asyncio.sleep(WAIT_S)
    return number


class Caller(Entity):
    """Has a run that is in a call."""

    number: Field[int] = field()

    @on(Entity.created)
    async def work(self, run: Run) -> int:
        """Call, once."""
        return await run.call(stay, self.number)


class Sleeper(Entity):
    """Has a run that sleeps for a year."""

    @on(Entity.created)
    async def sleep(self, run: Run) -> None:
        """Sleep."""
        await run.sleep(YEAR)


class Napper(Entity):
    """Has a run that sleeps for a moment."""

    @on(Entity.created)
    async def nap(self, run: Run) -> bool:
        """Sleep."""
        await run.sleep(timedelta(milliseconds=1))
        return True


TYPES = (Caller, Sleeper, Napper)


def cases(folder: Path) -> Iterator[Case]:
    """Those that were killed."""
    killed = Killed(folder / "killed")
    name = "killed and taken up"
    yield Case(
        name, RECOVERY, "run", killed.recover, ours=True, limit=RECOVERED_MAX, prepare=killed.kill, close=killed.close
    )


def large_cases(folder: Path) -> Iterator[Case]:
    """Those that sleep."""
    none, many = (
        OpenedAnew(folder, partial(put_asleep, path, runs), runs, f"from {__name__} import nap; nap({path!r})")
        for path, runs in ((str(folder / "none.weft"), 0), (str(folder / "many.weft"), ASLEEP))
    )
    opening = f"opening {ASLEEP:,} runs that sleep, and a run from its beginning to its end, in a new process"
    yield Case(
        "runs made", f"{ASLEEP:,} runs that sleep, made in edits of 1,000", "run", many.made, ours=True, rounds_max=1
    )
    yield Case("no others", opening, "opening", none.opened(WALL), ours=True, rounds_max=3)
    yield Case("others asleep", opening, "opening", many.opened(WALL), rounds_max=3)
    memory = f"{opening}: bytes for each that sleeps"
    yield Case("100 MB for all", memory, "run", lambda: ASLEEP_MAX_BYTES / ASLEEP, ours=True, is_time=False)
    limit = Limit(1, "100 MB for all")

    def each() -> float:
        return (many.opened(RESIDENT)() - none.opened(RESIDENT)()) * 1024 / ASLEEP

    yield Case("the most that it takes with them asleep", memory, "run", each, is_time=False, limit=limit, rounds_max=2)


class Killed:
    """A space whose program was killed with all of its runs under way; another each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kill(self) -> None:
        """Have a program make it, and kill that."""
        self.close()
        self.folder.mkdir()
        code = f"from benchmarks.bench_many_runs import call_and_stay; call_and_stay({str(self._path)!r})"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"under way\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

    def recover(self) -> float:
        """Seconds a run."""
        _called.clear()
        began = time.perf_counter()
        with weft.open(str(self._path), types=TYPES) as space:
            wait_called(UNDER_WAY)
            took = time.perf_counter() - began
            for caller in space.find(Caller):
                assert caller.work.wait(WAIT_S) == caller.number
        assert sorted(_called) == list(range(UNDER_WAY)), "each was sent again, once"
        return took / UNDER_WAY

    @property
    def _path(self) -> Path:
        return self.folder / "runs.weft"

    def close(self) -> None:
        """Take it away, if it was made."""
        shutil.rmtree(self.folder, ignore_errors=True)


def call_and_stay(path: str) -> None:
    """What the program does that is killed."""
    with weft.open(path, types=TYPES) as space:
        with space.edit():
            for number in range(UNDER_WAY):
                space.create(Caller, number=number)
        while sum(run.awaits != () for run in space.runs()) < UNDER_WAY:
            time.sleep(0.01)
        sys.stdout.write("under way\n")
        sys.stdout.flush()
        time.sleep(WAIT_S)


def put_asleep(path: str, runs: int) -> None:
    """Make a space with so many runs that sleep; a multiple of 1,000."""
    with weft.open(path, types=TYPES) as space:
        for _ in range(0, runs, CREATED_AT_ONCE):
            with space.edit():
                for _ in range(CREATED_AT_ONCE):
                    space.create(Sleeper)
        assert len(space.runs()) == runs


def nap(path: str) -> None:
    """What a process does whose time and memory are measured."""
    with weft.open(path, types=TYPES) as space:
        assert space.create(Napper).nap.wait(WAIT_S)


def wait_called(times: int) -> None:
    """Until so many calls were made."""
    until = time.monotonic() + WAIT_S
    while len(_called) < times:
        assert time.monotonic() < until, f"{len(_called)} of {times} were called"
        time.sleep(0.001)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        HOLDS: "yes",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))),
    }
