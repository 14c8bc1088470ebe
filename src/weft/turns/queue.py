"""Turns: who is next where many wait.

Who is waited for is an asker (an entity), and what of it is a kind (an operation, a node). Askers take turns; of one
asker its kinds take turns; and of one kind those who came first are served first. So ten thousand that wait for one
asker keep one that waits for another, or for something else of the same, waiting for one of them.

Everything here is O(1) on average, however many wait: a place that is given up is taken out where it stands. An asker
that has nothing left stays in the circle until its turn comes; should it ask again before, that is its turn.

Knows nothing of calls and slots.
Invariant: between two turns of one asker, every other that waits has had one; so have the kinds of one asker.
Source: round-robin queues of network schedulers (Nagle, RFC 970).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Place(Generic[T]):
    """Where one waits, to be given up by. Empty once whoever waited was served, or gave up."""

    __slots__ = ("_asker", "_before", "_behind", "one")

    def __init__(self, one: T | None, asker: _Asker[T] | None) -> None:
        self.one, self._asker = one, asker
        self._before = self._behind = self


class _Circle(Generic[T]):
    """Some that take turns, by name; whoever comes is last. Each is one in a circle itself."""

    __slots__ = ("_last", "members", "name", "next")

    def __init__(self, name: str = "") -> None:
        self.name, self.next = name, self
        self.members: dict[str, _Circle[T]] = {}
        self._last: _Circle[T] | None = None

    def enter(self, member: _Circle[T]) -> None:
        if self._last is not None:
            member.next, self._last.next = self._last.next, member
        self._last = self.members[member.name] = member

    def first(self) -> _Circle[T] | None:
        return None if self._last is None else self._last.next

    def pass_on(self) -> None:
        """Whoever is first is last now."""
        self._last = self.first()

    def leave_first(self) -> None:
        last = self._last
        assert last is not None
        gone, last.next = last.next, last.next.next
        self._last = None if gone is last else last
        del self.members[gone.name]


class _Line(_Circle[T]):
    """Those who wait for one kind, in a row that begins and ends at `end`."""

    __slots__ = ("end",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.end: Place[T] = Place(None, None)

    def append(self, place: Place[T]) -> None:
        end = self.end
        place._before, place._behind = end._before, end
        end._before._behind = end._before = place


class _Asker(_Circle[T]):
    """The lines of one asker. `ticket`: drawn when its last turn was over, or when it came; `waiting`: how many."""

    __slots__ = ("ticket", "waiting")

    def __init__(self, name: str, ticket: int) -> None:
        super().__init__(name)
        self.ticket, self.waiting = ticket, 0

    def line(self, kind: str) -> _Line[T]:
        found = self.members.get(kind)
        if found is None:
            found = _Line(kind)
            self.enter(found)
        assert isinstance(found, _Line)
        return found

    def next_place(self) -> Place[T]:
        """Of the next kind the first. Somebody waits."""
        while True:
            line = self.first()
            assert isinstance(line, _Line)
            if line.end._behind is not line.end:
                return cast("Place[T]", line.end._behind)
            self.leave_first()  # all of these were served, or gave up

    def take(self, place: Place[T]) -> T:
        """Somebody of these waits no longer."""
        one = place.one
        assert one is not None
        place._before._behind, place._behind._before = place._behind, place._before
        del place._before, place._behind  # what leads to itself stays until the garbage is collected
        place.one = None
        self.waiting -= 1
        return one


class Turns(Generic[T]):
    """Those who wait. `tickets`: increasing numbers, shared by all whose turns are to be compared."""

    def __init__(self, tickets: Iterator[int] | None = None) -> None:
        self._askers: _Circle[T] = _Circle()
        self._tickets = tickets if tickets is not None else itertools.count()
        self._count = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._count

    def append(self, by: str, kind: str, one: T) -> Place[T]:
        """Wait behind those for the same asker and kind; an asker for whom nobody waited comes after the others."""
        asker = self._asker(by)
        if asker is None:
            asker = _Asker(by, next(self._tickets))
            self._askers.enter(asker)
        place = Place(one, asker)
        asker.line(kind).append(place)
        asker.waiting += 1
        self._count += 1
        return place

    def first(self) -> tuple[int, T] | None:
        """Who is next, and stays so, with the number that its asker drew when its last turn was over, or when it came;
        None where nobody waits."""
        asker = self._first()
        if asker is None:
            return None
        return asker.ticket, cast("T", asker.next_place().one)

    def popleft(self) -> T:
        """The next; its asker is last from now on. Raises IndexError where nobody waits."""
        asker = self._first()
        if asker is None:
            raise IndexError("nobody waits")
        one = self._serve(asker)
        if asker.waiting:
            self._askers.pass_on()
            asker.ticket = next(self._tickets)
        else:
            self._askers.leave_first()
        return one

    def pop_of(self, by: str) -> T | None:
        """The next of one asker, out of turn: its place among the others stays as it is. None: nobody waits for it."""
        asker = self._asker(by)
        return self._serve(asker) if asker is not None and asker.waiting else None

    def remove(self, place: Place[T]) -> None:
        """Wait no longer. Harmless for whoever was served."""
        if place.one is not None:
            assert place._asker is not None
            place._asker.take(place)
            self._count -= 1

    def clear(self) -> None:
        """Nobody waits any longer, and no place is worth anything."""
        self._askers, self._count = _Circle(), 0

    def _asker(self, by: str) -> _Asker[T] | None:
        return cast("_Asker[T] | None", self._askers.members.get(by))

    def _first(self) -> _Asker[T] | None:
        while (asker := cast("_Asker[T] | None", self._askers.first())) is not None and not asker.waiting:
            self._askers.leave_first()
        return asker

    def _serve(self, asker: _Asker[T]) -> T:
        one = asker.take(asker.next_place())
        asker.pass_on()
        self._count -= 1
        return one
