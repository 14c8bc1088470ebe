"""The completed traversals that a feed remembers, in the order of their completion.

Knows nothing of how it is found out that one is. Invariant: each is counted once, and the newest are remembered.
Source: bounded histories.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from weft.server.traversals import Done


class Completions:
    """The newest so many."""

    def __init__(self, kept_max: int) -> None:
        self._kept_max = kept_max
        self.count = 0
        """How many there were since it began."""
        self.followed_from = 0
        """Of traversals up to here nothing is known."""
        self._done: deque[Done] = deque()
        self._done_by: dict[int, Done] = {}
        self._forgot_up_to = 0
        """Of traversals up to here, some that were completed may be remembered no more."""

    def add(self, one: Done) -> None:
        """It is completed."""
        self.count += 1
        self._done.append(one)
        self._done_by[one.traversal] = one
        while len(self._done) > self._kept_max:
            gone = self._done.popleft().traversal
            self._done_by.pop(gone, None)
            self._forgot_up_to = max(self._forgot_up_to, gone)

    @property
    def kept_from(self) -> int:
        """The number of the oldest that is remembered; they are counted from 1."""
        return self.count - len(self._done) + 1

    def since(self, count: int) -> list[Done]:
        """Those after the first so many, as far as they are remembered."""
        return list(islice(self._done, max(0, count - self.kept_from + 1), None))

    def find(self, traversal: int) -> Done | None:
        """One, if it is completed and remembered."""
        return self._done_by.get(traversal)

    def follows(self, traversal: int) -> bool:
        """Whether it is open, or remembered, if it is one at all."""
        return traversal > max(self._forgot_up_to, self.followed_from)
