"""One change among many elements, durably: an `each`, a `reduce` over it, a `count`, until all settled.

A change should cost a few transactions, whatever it is one of: the large cases hold a million elements against the
hundred thousand of the others.
"""

from __future__ import annotations

import gc
import os
import shutil
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
CHANGES, WARMING = 40, 5
WAIT_S = 3600.0
FIRST_MAX = Limit(50, CONTENT)
FIRST_ROUNDS = 3
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
    median = Limit(4, COMMIT)
    yield Case(
        "median", group, "change", few.change, ours=True, limit=median, garbage=1, prepare=few.warm, close=few.close
    )
    yield Case("99th percentile", group, "change", few.worst, limit=Limit(12, COMMIT), garbage=1)
    yield _first(f"first settling of {FEW:,} elements, in a file", "each and reduce", FEW, folder, rounds=FIRST_ROUNDS)
    yield from _bytes(few)


def large_cases(folder: Path) -> Iterator[Case]:
    """A change among a million in turns with one among the few, which says what it may take; then the same figures."""
    few, many = (Filled(str(folder / f"{size}.weft"), size) for size in (FEW, MANY))
    group = "one change among many elements, through each and reduce, in a file"
    median, worst = (f"{which} among {FEW:,}" for which in ("median", "99th percentile"))
    yield Case(median, group, "change", few.change, ours=True, garbage=1, prepare=few.warm, close=few.close)
    yield Case(worst, group, "change", few.worst, garbage=1)
    most = Limit(GROWTH_MAX, median), Limit(GROWTH_MAX, worst)
    name = f"median among {MANY:,}"
    yield Case(name, group, "change", many.change, limit=most[0], garbage=1, prepare=many.warm, close=many.close)
    yield Case(f"99th percentile among {MANY:,}", group, "change", many.worst, limit=most[1], garbage=1)
    first = "first settling of many elements, in a file"
    yield _first(first, f"of {FEW:,}", FEW, folder, rounds=FIRST_ROUNDS)
    yield _first(first, f"of {MANY:,}", MANY, folder, rounds=1)
    yield from _bytes(many)


def _first(group: str, name: str, size: int, folder: Path, *, rounds: int) -> Case:
    """The first settling of a space that is new each time."""
    anew = Anew(folder / f"first-{size}", size)
    is_ours = size == FEW
    return Case(
        name,
        group,
        "element",
        anew.settle,
        ours=is_ours,
        limit=FIRST_MAX,
        rounds_max=rounds,
        prepare=anew.tell,
        close=anew.close,
    )


def _bytes(of: Filled) -> Iterator[Case]:
    allowed, group = "1.5 kB each", f"bytes of {of.size:,} settled elements in the file"
    yield Case(allowed, group, "element", lambda: BYTES_MAX, ours=True, is_time=False)
    yield Case("the file", group, "element", of.bytes_each, is_time=False, limit=Limit(1, allowed), rounds_max=1)


class Filled:
    """A space with that many elements, settled once; made when it is first asked for."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size
        self._space: Space | None = None
        self._took_s: list[float] = []
        self._next = count(size)

    def tell(self) -> None:
        """Make the space, and put the elements into it: nothing is computed yet, as nobody asks."""
        self._space = weft.open(self.path, types=(Many,))
        many = self._space.create(Many)
        for begin in range(0, self.size, TOLD_AT_ONCE):
            with self._space.edit():
                for number in range(begin, min(begin + TOLD_AT_ONCE, self.size)):
                    many.numbers.add(number)

    def settle(self) -> float:
        """Wait until all has settled; the seconds that it took for one element."""
        many = self._found()
        began = time.perf_counter()
        many.total.wait(WAIT_S)
        many.size.wait(WAIT_S)
        return (time.perf_counter() - began) / self.size

    def _found(self) -> Many:
        assert self._space is not None
        return self._space.find(Many)[0]

    def _opened(self) -> Many:
        if self._space is None:
            self.tell()
            self.settle()
            gc.collect()  # what making it has left: a change would look through all of it
        return self._found()

    def warm(self) -> None:
        """Change it a few times, after whatever else was measured: the first changes then look for their memory, and
        one in forty is more than the hundredth that is looked at."""
        self._change(WARMING)

    def change(self) -> float:
        """The median seconds of some changes, each until its sum and count have settled."""
        took = self._change(CHANGES)
        self._took_s += took
        return statistics.median(took)

    def _change(self, times: int) -> list[float]:
        many = self._opened()
        took: list[float] = []
        for _ in range(times):
            number = next(self._next)
            began = time.perf_counter()
            many.numbers.add(number)
            size = many.size.wait(60)
            total = many.total.wait(60)
            took.append(time.perf_counter() - began)
            assert (size, total) == (number + 1, (number + 1) * (number + 2) // 2)
        return took

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


class Anew:
    """A space with that many elements that have not settled, another each time."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self._filled: Filled | None = None

    def tell(self) -> None:
        """Fill the next one."""
        self.folder.mkdir()
        self._filled = Filled(str(self.folder / "many.weft"), self.size)
        self._filled.tell()

    def settle(self) -> float:
        """Settle it, and let it go: the seconds that settling took for one element."""
        assert self._filled is not None
        try:
            return self._filled.settle()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of one that was filled."""
        if self._filled is not None:
            self._filled.close()
            self._filled = None
            shutil.rmtree(self.folder)
