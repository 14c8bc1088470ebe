"""redun with its SQLite backend: a workflow that calls 1,000 tasks on one input, run again with each new input.

As its documentation has it: tasks in a namespace, one scheduler over `sqlite:///…`, the local executor's threads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from redun import Scheduler, task
from redun.config import Config

from benchmarks.case import Case
from benchmarks.peers import GROUP, NODES, UNIT


def _node(told: int, number: int) -> int:
    return told


def _shelf(told: int) -> list[int]:
    return [node(told, number) for number in range(NODES)]


node = task(name="node", namespace="weft_benchmark")(_node)
shelf = task(name="shelf", namespace="weft_benchmark")(_shelf)


def cases(folder: Path) -> Iterator[Case]:
    """One case: the scheduler is made once, each measurement is one change."""
    logging.getLogger("redun").setLevel(logging.ERROR)
    settings = {
        "backend": {"db_uri": f"sqlite:///{folder / 'redun.sqlite'}"},
        "executors.default": {"type": "local", "max_workers": "20"},
    }
    scheduler = Scheduler(config=Config(settings))
    scheduler.load()
    told = count(1)

    def measure() -> float:
        value = next(told)
        began = time.perf_counter()
        derived = scheduler.run(shelf(value))
        took = time.perf_counter() - began
        assert derived == [value] * NODES
        return took / NODES

    yield Case("redun, SQLite backend", GROUP, UNIT, measure, rounds_max=2)
