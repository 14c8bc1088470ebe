"""Keys in the order in which they came, of which the first is found at once, however many have left.

A dict keeps the places of those who left until it grows again: where a million came and went, looking for the first one
of three goes past a million places.

Knows nothing of what keys stand for.
Invariant: it takes no more room than twice as many as there are, or `LEFT_MAX` more.
Source: the compact dicts of Python, made anew as hash tables that shrink are.
"""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
_NOT_THERE = object()
LEFT_MAX = 1000
"""So many may have left before the others move together."""


class OrderedKeys(dict[K, None]):
    """A dict without values; whoever comes is put in as `keys[key] = None`, at the end."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        super().__init__()
        self._left = 0

    def discard(self, key: K) -> None:
        """Take a key out, if it is there. O(1) on average."""
        if self.pop(key, _NOT_THERE) is None:
            self._left += 1
            if self._left > LEFT_MAX and self._left > len(self):
                self._move_together()

    def _move_together(self) -> None:
        keys = dict.fromkeys(self)
        self.clear()
        self.update(keys)
        self._left = 0
