"""What looking at a space costs: how far it is settled, what it showed before, and opening it when it is large.

The spaces are those of `accounts`. Of what was, two kinds are read: what has been told, or computed, again since, which
takes the log and its index; and what is the same today. Opening is a new process each time, from its start to its end,
with all that it imports compiled and the file in the machine's cache. The large cases are those of opening, of a
million events, within the same limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import weft
from benchmarks import accounts
from benchmarks.accounts import Account
from benchmarks.bench_start import RESIDENT, WALL, OpenedAnew, started
from benchmarks.case import Case, Limit, seconds_each
from benchmarks.yardsticks import CONTENT
from weft import Space
from weft.past.index import LogIndex

LOOKS = "looking at a space of 20,000 events, in a file"
INDEX = "the index of the log, for the first look at what was"
FEW, MANY, MOST = 20_000, 200_000, 1_000_000
LOOK_MAX = Limit(45, CONTENT)
"""50 µs, on a machine that encodes and hashes 400 bytes in 1.1."""
OPENING_MAX = Limit(900_000, CONTENT)
"""1 s, likewise."""
MEMORY_MAX = 14.0
"""Times what Python alone takes: 200 MB, where that is 14."""
TIMES = 200
TURNS = accounts.EVENTS_OF_AN_ACCOUNT - 1
"""At the last of them an account shows what it shows today."""


def cases(folder: Path) -> Iterator[Case]:
    """Small looks at a space that is open; then a larger one, made, opened, and opened by its memory."""
    looked_at = LookedAt(str(folder / "looked-at.weft"))
    yield Case("its settled mark", LOOKS, "look", looked_at.mark, ours=True, limit=LOOK_MAX, close=looked_at.close)
    yield Case("a field as it was, told anew since", LOOKS, "look", looked_at.field, limit=LOOK_MAX)
    yield Case("a field as it was and is", LOOKS, "look", looked_at.same_field, limit=LOOK_MAX)
    yield Case("a derived value, made anew since", LOOKS, "look", looked_at.derived, limit=LOOK_MAX)
    yield Case("a derived value as it was and is", LOOKS, "look", looked_at.same_derived, limit=LOOK_MAX)
    yield Case("read once", INDEX, "position", looked_at.index, ours=True)
    yield from _opening(folder, MANY)


def large_cases(folder: Path) -> Iterator[Case]:
    """A larger space than that, by the same figures."""
    yield from _opening(folder, MOST)


def _opening(folder: Path, events: int) -> Iterator[Case]:
    path, number = str(folder / "large.weft"), events // 2 // accounts.EVENTS_OF_AN_ACCOUNT
    make = partial(accounts.make, path, events, settled_every=accounts.WAVE)
    code = f"from benchmarks.accounts import read_one; read_one({path!r}, {number})"
    large = OpenedAnew(folder, make, events, code)
    making = f"{events:,} events told, and all settled, in a file"
    opening = f"opening {events:,} events and reading one value, in a new process"
    memory = f"{opening}: memory"
    yield Case("made", making, "event", large.made, ours=True, rounds_max=1)
    yield Case("opened", opening, "opening", large.opened(WALL), ours=True, limit=OPENING_MAX, rounds_max=2)
    bare = "python alone, to compare with"
    yield Case(bare, memory, "opening", started(("-c", "pass"), folder, RESIDENT), ours=True, is_time=False)
    most, resident = Limit(MEMORY_MAX, bare), large.opened(RESIDENT)
    yield Case("the most it takes", memory, "opening", resident, is_time=False, limit=most, rounds_max=1)


class LookedAt:
    """An open space in which all has settled, with a past. Whose past is looked at, and when, is drawn by lot."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lot = Random(7)
        self._space: Space | None = None

    def mark(self) -> float:
        """Seconds for how far everything demanded is settled."""
        return seconds_each(self._opened().settled_mark, TIMES)

    def field(self) -> float:
        """Seconds to go to a position and read a field there that has been told again since."""
        return self._looks(lambda account: account.amount, accounts.amount)

    def same_field(self) -> float:
        """The same, of a field that was told once."""
        return self._looks(lambda account: account.number, lambda number, _: number)

    def derived(self) -> float:
        """Seconds to go to a position and read what was computed by then, and has been computed again since."""
        return self._looks(lambda account: account.is_low.wait(), accounts.is_low)

    def same_derived(self) -> float:
        """The same, of what was computed once."""
        return self._looks(lambda account: account.label.wait(), lambda number, _: accounts.label(number))

    def index(self) -> float:
        """Seconds a position, for what the first look at a past reads and every further one uses."""
        with self._opened().view() as engine:
            began = time.perf_counter()
            LogIndex().read(engine.store)
            return (time.perf_counter() - began) / engine.position

    def _looks(self, read: Callable[[Account], object], expected: Callable[[int, int], object]) -> float:
        space = self._opened()
        looks = [(self._lot.randrange(TURNS), self._lot.randrange(accounts.AT_ONCE)) for _ in range(TIMES)]
        ids = [accounts.account_id(number) for _, number in looks]
        began = time.perf_counter()
        found = [
            read(space.at(self.settled_at[turn]).get(Account, id)) for (turn, _), id in zip(looks, ids, strict=True)
        ]
        took = time.perf_counter() - began
        assert found == [expected(number, turn) for turn, number in looks]
        return took / TIMES

    def _opened(self) -> Space:
        if self._space is None:
            self.settled_at = accounts.make(self.path, FEW, settled_every=accounts.AT_ONCE)
            self._space = weft.open(self.path, types=accounts.TYPES)
            self._looks(lambda account: account.amount, accounts.amount)  # reads the log, once
        return self._space

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._space is not None:
            self._space.close()
