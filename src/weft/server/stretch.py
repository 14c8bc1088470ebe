"""Stretches of the log as clients get them: each delta encoded once, each frame of all of them joined once.

A delta is about some entities. Whoever may see only some gets those about them; of an event that says something of
others too, these are left out, and so is its preview.

Knows nothing of connections and spaces. Invariant: what is encoded names no entity to whoever may not see it, save in
the text of a value that they may see.
Source: zero-copy logs, which send to many readers the bytes that they hold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from weft.record import Entry
from weft.server.client_state import SHOWS
from weft.server.frames import SPACE, Delta, encode_frame
from weft.subscription import activity_of

Visible: TypeAlias = "frozenset[str] | None"
"""The entities that somebody may see; None for all."""
FRAMES_KEPT_MAX = 256
"""Of a stretch, how many frames are kept for those who have come as far."""
KNOWN_MAX = 256
"""Of a window, for how many positions it is kept what follows."""
RESETS = ("definition", "erased")
"""The types of deltas that change what nodes show without saying which."""


class Piece:
    """One delta, with what it is about, and its JSON."""

    __slots__ = ("delta", "entities", "text")

    def __init__(self, delta: Delta, entities: frozenset[str]) -> None:
        self.delta, self.entities, self.text = delta, entities, encode_frame(delta)

    def text_for(self, entity: str, visible: Visible) -> str:
        """Its JSON on the channel of an entity ("": of the space), for somebody who may see these; "" for nothing."""
        if entity and entity not in self.entities:
            return ""
        if visible is None or (self.entities and self.entities <= visible):
            return self.text
        seen = self.entities & visible
        if not seen:
            return ""
        nodes = (node for node in self.delta.node.split(", ") if entity_of(node) in seen)
        return encode_frame(replace(self.delta, node=", ".join(nodes), preview=""))


def entity_of(node: str) -> str:
    """The entity of ENTITY.NODE[ELEMENT]."""
    return node.partition(".")[0]


def piece_of(entry: Entry) -> Piece | None:
    """An entry of the log for clients; None for what they are not told."""
    if entry.kind == "nodes":  # of what the next result shows
        return None
    found = activity_of(entry)
    at = str(entry.said.get("time", "")) if entry.kind in ("event", "refused") else ""
    delta = Delta(
        found.position, found.traversal, found.node, found.type, found.content_id, found.by, at, found.preview
    )
    is_of_all = found.type in ("definition", "service")
    return Piece(delta, frozenset() if is_of_all else frozenset(map(entity_of, found.node.split(", "))) - {""})


class Stretch:
    """All that is told of the positions behind `after` and up to `position`."""

    __slots__ = ("_begun", "_frames", "after", "has_reset", "has_shown", "pieces", "position")

    def __init__(self, after: int, position: int, pieces: Sequence[Piece]) -> None:
        self.after, self.position, self.pieces = after, position, tuple(pieces)
        self._frames: dict[tuple[str, int], str] = {}
        self._begun = tuple(one for one in self.pieces if one.delta.type == "traversal.started")
        self.has_reset = any(one.delta.type in RESETS for one in self.pieces)
        """Whether what nodes show may have changed without a word of which."""
        self.has_shown = any(one.delta.type in SHOWS for one in self.pieces)
        """Whether something is shown since."""

    def shows(self, *, has_shown: bool) -> tuple[bool, bool]:
        """For somebody to whom nodes have shown something, or not: whether they have behind it, and whether that may be
        another thing since, so that they need a snapshot."""
        if has_shown or not self.has_reset:
            return has_shown or self.has_shown, self.has_reset
        is_reset = False
        for one in self.pieces:
            has_shown = has_shown or one.delta.type in SHOWS
            is_reset = is_reset or (has_shown and one.delta.type in RESETS)
        return has_shown, is_reset

    def begun(self, after: int, entity: str, visible: Visible) -> list[int]:
        """The traversals that begin in it behind a position, of a channel."""
        return [
            one.delta.position
            for one in self._begun
            if one.delta.position > after
            and (not entity or entity in one.entities)
            and (visible is None or one.entities & visible)
        ]

    def frame(self, channel: str, entity: str, position: int, visible: Visible, *, told: int) -> str:
        """The batch behind a position, for whoever was last told something of `told`; "" where nothing in it is for
        that channel. O(1) where all before was told to the same, as it mostly was."""
        if position > self.after or visible is not None:
            return self._joined(channel, entity, position, visible, told)
        found = self._frames.get((channel, told))
        if found is None:
            found = self._joined(channel, entity, position, None, told)
            if len(self._frames) < FRAMES_KEPT_MAX:
                self._frames[channel, told] = found
        return found

    def _joined(self, channel: str, entity: str, position: int, visible: Visible, told: int) -> str:
        texts = (one.text_for(entity, visible) for one in self.pieces if one.delta.position > position)
        deltas = ",".join(text for text in texts if text)
        if not deltas:
            return ""
        named = '"space"' if channel == SPACE else msgspec.json.encode(channel).decode()
        return f'{{"op":"batch","channel":{named},"from":{told},"position":{self.position},"deltas":[{deltas}]}}'


class Window:
    """The newest stretches, without a gap: at most so many deltas."""

    def __init__(self, position: int, *, deltas_max: int) -> None:
        self.position, self._deltas_max, self._deltas = position, deltas_max, 0
        self._stretches: deque[Stretch] = deque()
        self._behind: dict[int, Stretch] = {}
        """What follows a position, for all who are there: joined once."""

    @property
    def after(self) -> int:
        """The position behind which it has all."""
        return self._stretches[0].after if self._stretches else self.position

    def add(self, stretch: Stretch) -> None:
        """Take the next stretch; the oldest go."""
        assert stretch.after == self.position, "stretches follow each other"
        self.position = stretch.position
        self._stretches.append(stretch)
        self._behind.clear()
        self._deltas += len(stretch.pieces)
        while self._deltas > self._deltas_max and len(self._stretches) > 1:
            self._deltas -= len(self._stretches.popleft().pieces)

    def clear(self) -> None:
        """Hold nothing any more."""
        self._stretches.clear()
        self._behind.clear()
        self._deltas = 0

    def behind(self, position: int, *, deltas_max: int) -> Stretch | None:
        """What follows a position, which is not before the window; None where nothing does. Several are joined where
        they are short."""
        known = self._behind.get(position)
        if known is None and (known := self._found(position, deltas_max)) is not None and len(self._behind) < KNOWN_MAX:
            self._behind[position] = known
        return known

    def _found(self, position: int, deltas_max: int) -> Stretch | None:
        assert position >= self.after
        found: list[Stretch] = []
        for stretch in reversed(self._stretches):
            if stretch.position <= position:
                break
            found.append(stretch)
        if not found:
            return None
        found.reverse()
        count, taken = 0, list[Stretch]()
        for stretch in found:
            count += len(stretch.pieces)
            if taken and count > deltas_max:
                break
            taken.append(stretch)
        return taken[0] if len(taken) == 1 else join(taken)


def join(stretches: Sequence[Stretch]) -> Stretch:
    """Stretches that follow each other, as one."""
    pieces = [piece for stretch in stretches for piece in stretch.pieces]
    return Stretch(stretches[0].after, stretches[-1].position, pieces)


def stretch_of(after: int, position: int, entries: Iterable[Entry]) -> Stretch:
    """The entries of these positions as one."""
    return Stretch(after, position, [piece for entry in entries if (piece := piece_of(entry)) is not None])
