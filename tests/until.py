"""Waiting in a test for what another thread or program is about to do: never without an end."""

from __future__ import annotations

import time
from collections.abc import Callable

from weft import Space

LIMIT_S = 30.0
"""Far more than it takes: who waits so long waits in vain."""
PAUSE_S = 0.002


def until(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(PAUSE_S)


def unread(space: Space) -> list[bytes]:
    """What other programs said and the engine of this one has not read yet. Asked between two of its turns: it asks the
    same of the same connection, and one of two who do so at once would be given what is no row."""
    with space._host.view():
        return [payload for _, payload in space._store.inbox()]
