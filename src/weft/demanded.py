"""What one program demands of its engine: what it watches, what it waits for, and what it once waited for.

Knows nothing of engines: it says when a place begins to be demanded, and when it is no longer.
Invariant: a place is demanded from the first hold on, until the last who holds it lets go, however often it is held.
Source: reference counts; waiting keeps, as looking once often is looking again.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from typing import TypeAlias

Place: TypeAlias = tuple[str, str, str]
"""(entity, node, element)"""


class Watch(ExitStack):
    """Nodes that are kept current until this is closed, or its `with` is left; one that is neither, until the space is
    closed. Closing it lets go of what was waited for meanwhile, too. Harmless twice, and after the space was closed."""


class Demanded:
    """The places, each with how many hold it now. Any thread may use it."""

    def __init__(self) -> None:
        self._holds: Counter[Place] = Counter()
        self._kept: set[Place] = set()
        """Waited for once: demanded until somebody who watched it lets go."""
        self._lock = threading.Lock()

    def hold(self, place: Place) -> bool:
        """Hold a place once more; returns whether nothing of it was demanded before."""
        with self._lock:
            self._holds[place] += 1
            return self._holds[place] == 1 and place not in self._kept

    def keep(self, place: Place) -> None:
        """A hold ends, and the place is demanded all the same."""
        with self._lock:
            self._kept.add(place)
            self._drop(place)

    def let_go(self, place: Place) -> bool:
        """A hold ends, and what was kept with it; returns whether nobody holds the place any more."""
        with self._lock:
            self._kept.discard(place)
            self._drop(place)
            return place not in self._holds

    def _drop(self, place: Place) -> None:
        self._holds[place] -= 1
        if not self._holds[place]:
            del self._holds[place]
