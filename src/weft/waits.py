"""The table of what runs wait for, kept beside the rows that it follows from.

Knows nothing of who looks there. Invariant: it holds what `wait_of` says of the rows that stand, and nothing else.
Source: secondary indexes.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.run_rows import LOOKED_AT, Woken, wait_of
from weft.store import WAIT, Key, Row, Table


def keep_wait(
    put: Callable[[Table, Key, Row | None], None], key: tuple[str, str, str], before: bytes | None, after: bytes | None
) -> list[Woken]:
    """Keep what a row waits for where whoever goes on with runs looks for it. Returns what is to be looked at now."""
    woken: list[Woken] = []
    for row, said in ((before, None), (after, ())):
        wait = wait_of(key[2], row) if row is not None else None
        if wait is not None:
            put(WAIT, (wait.kind, wait.due_us, *key[:2], wait.run, wait.step), said)
            if said is not None and wait.kind in LOOKED_AT:
                woken.append((*key[:2], wait))
    return woken
