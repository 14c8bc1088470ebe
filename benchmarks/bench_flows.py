"""Steps of runs, durably: an operation that does nothing, called again and again.

Each call's outcome is kept before the next is made. One run by itself, whose steps wait for each other, and 32 beside
each other, whose steps share commits; then what a step costs in processor time, where the disk takes none.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import weft
from benchmarks.case import Case, Limit
from benchmarks.peers import BESIDE, BESIDE_P99, RUNS, STEP, STEPS
from benchmarks.yardsticks import COMMIT, CONTENT
from weft import Entity, Field, Run, Space, field, on, op

ALONE = "durable steps of one run, in a file"
PROCESSOR = "processor time of durable steps of one run, in memory that is a disk"
LONG = 100
ALONE_MAX = Limit(1.2, COMMIT)
PROCESSOR_MAX = Limit(136, CONTENT)
"""150 µs, on a machine that encodes and hashes 400 bytes in 1.1."""
WAIT_S = 600.0
_called: list[tuple[str, float]] = []


@op(version=1)
def noop(run: str, number: int) -> int:
    """What a step does: nothing, and when."""
    _called.append((run, time.perf_counter()))
    return number


class Worker(Entity):
    """Has a run of so many steps."""

    steps: Field[int] = field()

    @on(Entity.created)
    async def work(self, run: Run) -> int:
        """Call it again and again."""
        done = 0
        for number in range(self.steps):
            done += await run.call(noop, run.id, number)
        return done


def cases(folder: Path) -> Iterator[Case]:
    """One run, many, and the processor's part of it."""
    bench = Bench(str(folder / "flows.weft"))
    yield Case("one run, step by step", ALONE, STEP, bench.alone, ours=True, limit=ALONE_MAX)
    yield Case(f"{RUNS} runs", BESIDE, STEP, bench.beside, ours=True, limit=Limit(1 / 3, "DBOS, SQLite"))
    limit = Limit(0.1, "DBOS, SQLite: 99th percentile")
    yield Case(
        f"{RUNS} runs: 99th percentile", BESIDE_P99, STEP, bench.slowest, ours=True, limit=limit, close=bench.close
    )
    shm = Path("/dev/shm")
    quick = Bench(tempfile.mkdtemp(dir=shm if shm.is_dir() else None) + "/flows.weft")
    name, limit = "one run, processor", PROCESSOR_MAX
    yield Case(name, PROCESSOR, STEP, quick.processor, ours=True, limit=limit, close=quick.close)


class Bench:
    """A space whose runs do nothing, opened when first measured."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._space: Space | None = None

    def alone(self) -> float:
        """Seconds a step of one run."""
        return self._run(1, LONG)

    def beside(self) -> float:
        """Seconds a step of many runs."""
        return self._run(RUNS, STEPS)

    def slowest(self) -> float:
        """The 99th percentile of the seconds from one step of a run to its next, of the newest many runs."""
        return slowest(_called)

    def processor(self) -> float:
        """Seconds of the processor a step of one run."""
        self._run(1, 1)
        began = time.process_time()
        self._run(1, LONG)
        return (time.process_time() - began) / LONG

    def _run(self, runs: int, steps: int) -> float:
        space = self._space = self._space or weft.open(self.path, types=(Worker,))
        _called.clear()
        began = time.perf_counter()
        with space.edit():
            workers = [space.create(Worker, steps=steps) for _ in range(runs)]
        for worker in workers:
            assert worker.work.wait(WAIT_S) == sum(range(steps))
        return (time.perf_counter() - began) / (runs * steps)

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._space is not None:
            self._space.close()


def slowest(called: list[tuple[str, float]]) -> float:
    """The 99th percentile of the times between two calls of one run."""
    last: dict[str, float] = {}
    took: list[float] = []
    for run, at in called:
        if run in last:
            took.append(at - last[run])
        last[run] = at
    return statistics.quantiles(took, n=100)[98]
