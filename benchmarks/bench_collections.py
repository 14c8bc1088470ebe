"""One change among a hundred thousand elements, durably: an `each`, a `reduce` over it, a `count`, until all settled.

A change should cost a few transactions, whatever it is one of.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import weft
from benchmarks.case import Case, Limit
from benchmarks.yardsticks import COMMIT, CONTENT
from weft import Entity, Space, items

GROUP = "one change among 100,000 elements, through each and reduce, in a file"
FIRST = "first settling of 100,000 elements, in a file"
SIZE = "bytes of 100,000 settled elements in the file"
ELEMENTS = 100_000
TOLD_AT_ONCE = 5_000
CHANGES = 40
BYTES_MAX = 1500.0


def _one_more(number: int) -> int:
    return number + 1


def _sum(one: int, other: int) -> int:
    return one + other


class Many(Entity):
    """Numbers, each of which is seen to, and their sum."""

    numbers = items(int)
    seen_to = numbers.each(_one_more)
    total = seen_to.reduce(_sum, 0)
    size = seen_to.count()


def cases(folder: Path) -> Iterator[Case]:
    """The same change, at its usual and at its worst; then what the first settling took."""
    many = Filled(str(folder / "many.weft"))
    yield Case("median", GROUP, "change", many.change, ours=True, limit=Limit(4, COMMIT), close=many.close)
    yield Case("99th percentile", GROUP, "change", many.worst, limit=Limit(12, COMMIT))
    yield Case("each and reduce", FIRST, "element", many.first, ours=True, limit=Limit(50, CONTENT), rounds_max=1)
    allowed = "1.5 kB each"
    yield Case(allowed, SIZE, "element", lambda: BYTES_MAX, ours=True, is_time=False)
    yield Case("the file", SIZE, "element", many.bytes_each, is_time=False, limit=Limit(1, allowed), rounds_max=1)


class Filled:
    """A space with that many elements, settled once; opened when it is first asked for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._space: Space | None = None
        self._took_s: list[float] = []
        self._next = count(ELEMENTS)
        self._first_s = 0.0

    def _opened(self) -> Many:
        if self._space is None:
            self._space = weft.open(self.path, types=(Many,))
            many = self._space.create(Many)
            for begin in range(0, ELEMENTS, TOLD_AT_ONCE):
                with self._space.edit():
                    for number in range(begin, begin + TOLD_AT_ONCE):
                        many.numbers.add(number)
            began = time.perf_counter()
            many.total.wait(600)
            many.size.wait(600)
            self._first_s = (time.perf_counter() - began) / ELEMENTS
        return self._space.find(Many)[0]

    def first(self) -> float:
        """Seconds an element, from the last of them told to all settled."""
        self._opened()
        return self._first_s

    def change(self) -> float:
        """The median seconds of some changes, each until its sum and count have settled."""
        many = self._opened()
        took: list[float] = []
        for _ in range(CHANGES):
            number = next(self._next)
            began = time.perf_counter()
            many.numbers.add(number)
            size = many.size.wait(60)
            total = many.total.wait(60)
            took.append(time.perf_counter() - began)
            assert (size, total) == (number + 1, (number + 1) * (number + 2) // 2)
        self._took_s += took
        return statistics.median(took)

    def worst(self) -> float:
        """The 99th percentile of all changes so far."""
        return statistics.quantiles(self._took_s, n=100)[98]

    def bytes_each(self) -> float:
        """Bytes an element in the file and its write-ahead log."""
        self._opened()
        return sum(os.path.getsize(self.path + ending) for ending in ("", "-wal")) / ELEMENTS

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._space is not None:
            self._space.close()
