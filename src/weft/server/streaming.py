"""Partial values as clients get them: of each slot that streams, the newest only.

Knows nothing of clients. Invariant: a slot has at most one, and none once it settled.
Source: conflation in market data feeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from weft.content import decode
from weft.dag_json import json_of
from weft.engine import Engine
from weft.errors import Undecodable
from weft.graph import Slot
from weft.server.frames import Partial, encode_frame
from weft.slot import SlotKey
from weft.subscription import plain_text, shortened

SLOTS_MAX = 10_000
"""How many unsettled slots are looked at."""


class Part:
    """The newest partial value of a slot, encoded."""

    __slots__ = ("entity", "number", "text")

    def __init__(self, entity: str, number: int, text: str) -> None:
        self.entity, self.number, self.text = entity, number, text


class Streaming:
    """The slots that stream now. Used while the engine stands still."""

    def __init__(self, *, first_number: int, bytes_max: int) -> None:
        self._number, self._bytes_max = first_number, bytes_max
        self._frames: dict[SlotKey, bytes] = {}
        self._parts: dict[SlotKey, Part] = {}

    def look(self, engine: Engine) -> tuple[Part, ...] | None:
        """All partial values there are now, by their numbers; None where none has changed."""
        now = {slot.key: slot.frame for slot in _unsettled(engine) if slot.frame is not None}
        if now.keys() == self._frames.keys() and all(self._frames[key] is frame for key, frame in now.items()):
            return None
        for key, frame in now.items():
            if self._frames.get(key) is not frame:
                self._number += 1
                self._parts[key] = self._part(engine, key, frame)
        self._frames = now
        self._parts = {key: part for key, part in self._parts.items() if key in now}
        return tuple(sorted(self._parts.values(), key=lambda part: part.number))

    def _part(self, engine: Engine, key: SlotKey, frame: bytes) -> Part:
        try:
            value = decode(frame, bytes_max=len(frame))
            preview = shortened(plain_text(value))
            shown = json_of(value) if len(frame) <= self._bytes_max else None
        except Undecodable as why:
            preview, shown = shortened(str(why)), None
        said = Partial(str(key), engine.position, self._number, preview, shown)  # type: ignore[arg-type]
        return Part(key.entity, self._number, encode_frame(said))


def _unsettled(engine: Engine) -> Iterator[Slot]:
    """What is due, and what reads the partial values of that."""
    stack = list(islice(engine.graph.wanted, SLOTS_MAX))
    seen = dict.fromkeys(stack)
    while stack:
        slot = stack.pop()
        yield slot
        if slot.frame is None or len(seen) >= SLOTS_MAX:
            continue
        for edges in slot.readers.values():
            for edge in edges:
                reader = edge.reader
                if edge.mode in ("partials", "state") and isinstance(reader, Slot) and reader not in seen:
                    seen[reader] = None
                    stack.append(reader)
