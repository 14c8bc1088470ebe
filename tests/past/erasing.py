"""What forgetting does to a log: a payload goes, its header stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from weft.stores.memory import MemoryStore


def erase(store: MemoryStore, position: int) -> None:
    """Erase the record that holds a position."""
    log = store._space.log
    place = next(place for place, record in enumerate(log) if record.position >= position)
    log[place] = log[place]._replace(payload=None)


def erase_in_file(path: Path, position: int) -> None:
    """Erase the record whose last position this is, in a file that nobody has open."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE record SET payload = NULL WHERE position = ?", (position,))
