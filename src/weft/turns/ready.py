"""Ready: the slots that may be begun, and in which order.

What fits in one turn of the engine is begun in the order in which it was offered: all of it is shown at once, whatever
the order, and nothing has to be kept for it. What does not fit stands in turns: entities take turns, and of one entity
its nodes. So a hundred thousand elements of somebody else's keep a small change waiting for one of them, not for all.
Entities that somebody waits for at this moment have every other turn beside, among themselves; the others never have
less than the rest.

Knows nothing of graphs, or of what it is to begin.
Invariant: each slot that was offered is given once; an entity that waits is given its turn after at most one of each
other, and as many of those that somebody waits for.
Source: round-robin queues of network schedulers; a second, alternating queue in place of priorities, which starve.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Generic, Protocol, TypeVar

from weft.slot import SlotKey
from weft.turns.queue import Turns


class _Keyed(Protocol):
    @property
    def key(self) -> SlotKey: ...


T = TypeVar("T", bound=_Keyed)


class Ready(Generic[T]):
    """What is offered, and what stands in turns since it did not fit."""

    def __init__(self) -> None:
        self.offered: list[T] = []
        """In order. Whoever offers appends here."""
        self._turns: Turns[T] = Turns()
        self._asked: dict[str, int] = {}
        """How many wait for something of an entity."""
        self._hurried: OrderedDict[str, None] = OrderedDict()
        """Those of them that may have something in turns."""
        self._was_hurried = False
        self.is_served = False
        """Whether of something that somebody waits for nothing was left in the newest turn."""

    def __bool__(self) -> bool:
        """Whether there is anything to begin."""
        return bool(self.offered or self._turns)

    def __len__(self) -> int:
        """How many there are to begin."""
        return len(self.offered) + len(self._turns)

    def turn(self, slots_max: int, part_max: int = 1) -> Iterator[list[T]]:
        """What one turn begins, so many at most, in parts; what is offered meanwhile is in the next parts."""
        self.is_served = False
        while slots_max:
            if len(self.offered) == 1 and not self._turns:  # as of a chain each is
                some = [self.offered.pop()]
            elif not (some := self._some(slots_max, min(slots_max, part_max))):
                return
            slots_max -= len(some)
            yield some

    def _some(self, slots_max: int, count: int) -> list[T]:
        if not self._turns and len(self.offered) <= slots_max:
            some = self.offered[:count]
            del self.offered[:count]
            return some
        return list(islice(iter(self._next, None), count))

    def _next(self) -> T | None:
        """The next in turn; None where there is none."""
        if self.offered:
            self._put_in_turns()
        if not self._turns:
            return None
        self._was_hurried = not self._was_hurried and bool(self._hurried)
        if self._was_hurried:
            by = next(iter(self._hurried))
            found = self._turns.pop_of(by)
            if found is not None:
                self._hurried.move_to_end(by)
                return found
            del self._hurried[by]
            self.is_served = True
        return self._turns.popleft()

    def _put_in_turns(self) -> None:
        for slot in self.offered:
            by = slot.key.entity
            self._turns.append(by, slot.key.node, slot)
            if by in self._asked:
                self._hurried[by] = None
        self.offered.clear()

    def hurry(self, entities: Iterable[str]) -> None:
        """Somebody waits for something of these entities."""
        for by in entities:
            self._asked[by] = self._asked.get(by, 0) + 1
            self._hurried[by] = None

    def rest(self, entities: Iterable[str]) -> None:
        """Whoever waited for them does no longer. Harmless where nobody did."""
        for by in entities:
            count = self._asked.pop(by, 0)
            if count > 1:
                self._asked[by] = count - 1
            else:
                self._hurried.pop(by, None)
