"""What forgetting does to a log: a payload goes, its header stays."""

from __future__ import annotations

from weft.stores.memory import MemoryStore


def erase(store: MemoryStore, position: int) -> None:
    """Erase the record that holds a position."""
    log = store._space.log
    place = next(place for place, record in enumerate(log) if record.position >= position)
    log[place] = log[place]._replace(payload=None)
