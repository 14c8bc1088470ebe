"""What failed: where an error began, which is what is to be tried again.

Knows nothing of how calls are made. Invariant: only what shows an error is named, and where an error was passed on,
what it began in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from weft.engine import Engine
from weft.graph import Slot, Whole
from weft.slot import Err, SlotKey

_ORIGIN = re.compile(r"(?P<entity>[^.]*)\.(?P<node>[^.\[\]]+)(?:\[(?P<element>.*)\])?", re.DOTALL)


def roots(engine: Engine, slot: Slot) -> Iterator[SlotKey]:
    """What to retry for one slot: itself if its own call failed, else what the error began in, with each element beside
    that failed as well, of which an error names one; nothing if it is due."""
    outcome = slot.outcome()
    if not isinstance(outcome, Err) or slot.due is not None:
        return
    written = _ORIGIN.fullmatch(outcome.origin)
    if written is None:
        yield slot.key
        return
    found = engine.node(written["entity"], written["node"])
    beside = found.slots.values() if isinstance(found, Whole) else [found]
    for one in list(beside):
        if isinstance(one, Slot) and isinstance(one.outcome(), Err) and one.due is None:
            yield one.key
