"""DBOS with SQLite, its default: workflows of steps that do nothing, each step's outcome on the disk before the next.

As its documentation has it: functions under `@DBOS.workflow()` and `@DBOS.step()`, started beside each other. SQLite
syncs as it does by default, which is FULL, as ours does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dbos import DBOS

from benchmarks.bench_flows import slowest
from benchmarks.case import Case
from benchmarks.peers import BESIDE, BESIDE_P99, RUNS, STEP, STEPS

_called: list[tuple[str, float]] = []
ROUNDS = 3


def cases(folder: Path) -> Iterator[Case]:
    """The same runs, and the slowest hundredth of their steps."""
    peer = Peer(folder / "dbos.sqlite")
    yield Case("DBOS, SQLite", BESIDE, STEP, peer.beside, rounds_max=ROUNDS)
    yield Case(
        "DBOS, SQLite: 99th percentile", BESIDE_P99, STEP, lambda: slowest(_called), rounds_max=ROUNDS, close=peer.close
    )


class Peer:
    """DBOS, launched when it is first measured."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_launched = False

    def beside(self) -> float:
        """Seconds a step of many runs."""
        if not self.is_launched:
            url = f"sqlite:///{self.path}"
            DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "enable_otlp": False})
            DBOS.launch()
            self.is_launched = True
        _called.clear()
        began = time.perf_counter()
        handles = [DBOS.start_workflow(work, STEPS) for _ in range(RUNS)]
        for handle in handles:
            assert handle.get_result() == sum(range(STEPS))
        return (time.perf_counter() - began) / (RUNS * STEPS)

    def close(self) -> None:
        """End its threads, if it was launched."""
        if self.is_launched:
            DBOS.destroy()


def _noop(run: str, number: int) -> int:
    """What a step does: nothing, and when."""
    _called.append((run, time.perf_counter()))
    return number


def _work(steps: int) -> int:
    """Call it again and again."""
    run, done = str(DBOS.workflow_id), 0
    for number in range(steps):
        done += noop(run, number)
    return done


noop: Callable[[str, int], int] = DBOS.step()(_noop)
work: Callable[[int], int] = DBOS.workflow()(_work)
