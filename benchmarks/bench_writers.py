"""Many who write at once: what an event costs, acknowledged, by how many wait for theirs; and a change, in one edit.

Whoever waits alone waits for a sync of the disk of his own; those who wait together share one. An edit of a thousand
changes is one event, in one transaction, however many entities it speaks of.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import weft
from benchmarks.case import Case, Limit, seconds_each
from benchmarks.yardsticks import CONTENT
from weft import Entity, Field, Space, field, items

GROUP = "events of writers that wait for each of theirs, in a file"
BATCH = "one edit of 1,000 changes, in a file"
ALONE = "one writer"
WRITERS = 64
EVENTS = 50
EVENTS_OF_EACH = 20
CHANGES = 1000
CHANGE_MAX = Limit(30, CONTENT)
"""30,000 changes a second, on a machine that encodes and hashes 400 bytes in 1.1 µs."""


class Note(Entity):
    """Nothing is computed from it."""

    told: Field[int] = field()


class Heap(Entity):
    """Numbers, from which nothing is computed."""

    numbers = items(int)


def cases(folder: Path) -> Iterator[Case]:
    """The same edit by one and by many; then many changes by one edit."""
    written = Written(str(folder / "writers.weft"))
    yield Case(ALONE, GROUP, "event", written.alone, ours=True, close=written.close)
    yield Case(f"{WRITERS} writers", GROUP, "event", written.together, limit=Limit(0.2, ALONE))
    sets, adds = "a field of each of 1,000 entities", "1,000 items, added one by one"
    yield Case(sets, BATCH, "change", written.fields, ours=True, limit=CHANGE_MAX)
    yield Case(adds, BATCH, "change", written.items, limit=CHANGE_MAX)


class Written:
    """An open space with an entity for each writer, a thousand more, and one that holds items."""

    def __init__(self, path: str) -> None:
        self.path, self.told = path, count(1)
        self.space: Space | None = None

    def alone(self) -> float:
        """Seconds an event, of a writer that nobody is beside."""
        self._opened()
        return seconds_each(self._telling(self.mine[0]), EVENTS)

    def together(self) -> float:
        """Seconds an event, of many writers, each of which waits for its last before it tells the next."""
        self._opened()
        ready = threading.Barrier(WRITERS + 1)

        def write(note: Note) -> None:
            ready.wait()
            seconds_each(self._telling(note), EVENTS_OF_EACH)

        with ThreadPoolExecutor(WRITERS) as writers:
            done = [writers.submit(write, note) for note in self.mine]
            ready.wait()
            began = time.perf_counter()
            for each in done:
                each.result()
            return (time.perf_counter() - began) / (WRITERS * EVENTS_OF_EACH)

    def fields(self) -> float:
        """Seconds a change, of an edit that sets a field of many entities."""
        space = self._opened()
        told = next(self.told)
        began = time.perf_counter()
        with space.edit():
            for note in self.notes:
                note.told = told
        return (time.perf_counter() - began) / CHANGES

    def items(self) -> float:
        """Seconds a change, of an edit that adds to one field of items, one call an item."""
        space = self._opened()
        first = next(self.told) * CHANGES
        heap = space.create(Heap)
        began = time.perf_counter()
        with space.edit():
            for number in range(first, first + CHANGES):
                heap.numbers.add(number)
        return (time.perf_counter() - began) / CHANGES

    def _telling(self, note: Note) -> Callable[[], None]:
        def tell() -> None:
            note.told = next(self.told)

        return tell

    def _opened(self) -> Space:
        if self.space is None:
            self.space = space = weft.open(self.path, types=(Note, Heap))
            self.mine = [space.create(Note, told=0) for _ in range(WRITERS)]
            with space.edit():
                self.notes = [space.create(Note, told=0) for _ in range(CHANGES)]
        return self.space

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self.space is not None:
            self.space.close()
