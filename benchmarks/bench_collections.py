"""One change among many elements, durably: an `each`, a `reduce` over it, a `count`, until all settled.

A change should cost a few transactions, whatever it is one of: the large cases hold a million elements against the
hundred thousand of the others.
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

FEW, MANY = 100_000, 1_000_000
TOLD_AT_ONCE = 5_000
CHANGES = 40
WAIT_S = 3600.0
FIRST_MAX = Limit(50, CONTENT)
BYTES_MAX = 1500.0
GROWTH_MAX = 2.0
"""Times what a change among the few takes."""


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
    few = Filled(str(folder / "many.weft"), FEW)
    group = f"one change among {FEW:,} elements, through each and reduce, in a file"
    yield Case("median", group, "change", few.change, ours=True, limit=Limit(4, COMMIT), close=few.close)
    yield Case("99th percentile", group, "change", few.worst, limit=Limit(12, COMMIT))
    first = f"first settling of {FEW:,} elements, in a file"
    yield Case("each and reduce", first, "element", few.first, ours=True, limit=FIRST_MAX, rounds_max=1)
    yield from _bytes(few)


def large_cases(folder: Path) -> Iterator[Case]:
    """A change among a million in turns with one among the few, which says what it may take; then the same figures."""
    few, many = (Filled(str(folder / f"{size}.weft"), size) for size in (FEW, MANY))
    group = "one change among many elements, through each and reduce, in a file"
    median, worst = (f"{which} among {FEW:,}" for which in ("median", "99th percentile"))
    yield Case(median, group, "change", few.change, ours=True, close=few.close)
    yield Case(worst, group, "change", few.worst)
    most = Limit(GROWTH_MAX, median), Limit(GROWTH_MAX, worst)
    yield Case(f"median among {MANY:,}", group, "change", many.change, limit=most[0], close=many.close)
    yield Case(f"99th percentile among {MANY:,}", group, "change", many.worst, limit=most[1])
    first = "first settling of many elements, in a file"
    yield Case(f"of {FEW:,}", first, "element", few.first, ours=True, limit=FIRST_MAX, rounds_max=1)
    yield Case(f"of {MANY:,}", first, "element", many.first, limit=FIRST_MAX, rounds_max=1)
    yield from _bytes(many)


def _bytes(of: Filled) -> Iterator[Case]:
    allowed, group = "1.5 kB each", f"bytes of {of.size:,} settled elements in the file"
    yield Case(allowed, group, "element", lambda: BYTES_MAX, ours=True, is_time=False)
    yield Case("the file", group, "element", of.bytes_each, is_time=False, limit=Limit(1, allowed), rounds_max=1)


class Filled:
    """A space with that many elements, settled once; opened when it is first asked for."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size
        self._space: Space | None = None
        self._took_s: list[float] = []
        self._next = count(size)
        self._first_s = 0.0

    def _opened(self) -> Many:
        if self._space is None:
            self._space = weft.open(self.path, types=(Many,))
            many = self._space.create(Many)
            for begin in range(0, self.size, TOLD_AT_ONCE):
                with self._space.edit():
                    for number in range(begin, begin + TOLD_AT_ONCE):
                        many.numbers.add(number)
            began = time.perf_counter()
            many.total.wait(WAIT_S)
            many.size.wait(WAIT_S)
            self._first_s = (time.perf_counter() - began) / self.size
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
        return sum(os.path.getsize(self.path + ending) for ending in ("", "-wal")) / self.size

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._space is not None:
            self._space.close()
