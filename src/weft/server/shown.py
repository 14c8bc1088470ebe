"""What nodes show, as a snapshot has it.

Knows nothing of feeds. Invariant: a node shows what the log said when that was written.
Source: the rows of slot versions.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.engine import Engine
from weft.record import Entry
from weft.server.client_state import SHOWS, shown_by
from weft.server.frames import Shown
from weft.server.stretch import Visible, entity_of, piece_of
from weft.slot import SlotKey
from weft.store import VERSION
from weft.written_result import parse_result


def shown_in(engine: Engine, entity: str, visible: Visible) -> Iterator[tuple[str, Shown]]:
    """Of an entity, or of all, each node that shows something, from the rows that say so."""
    for key, row in engine.rows(VERSION, (entity,) if entity else ()):
        node = str(SlotKey(*map(str, key)))
        _, position, encoded = row
        if (visible is not None and entity_of(node) not in visible) or not encoded:
            continue
        assert isinstance(position, int) and isinstance(encoded, bytes)
        said = parse_result(encoded)
        piece = piece_of(Entry(position, "result" if "outcome" in said else "removed", said))
        if piece is not None and piece.delta.type in SHOWS:
            yield node, shown_by(piece.delta)  # a node that was renamed is told of by its former name
