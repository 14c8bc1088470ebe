"""A cursor: how far one connection has come on one channel, and what it is still to be told about.

Knows nothing of connections. Invariant: it only moves forward, and what it gives is to be sent before it is asked
again.
Source: consumer offsets of commit logs.
"""

from __future__ import annotations

from weft.server.caller import Caller
from weft.server.feed import Feed
from weft.server.frames import Sub, channel_entity, encode_frame
from weft.server.stretch import Stretch
from weft.server.traversals import Done


class Cursor:
    """One subscription."""

    def __init__(self, feed: Feed, channel: str, caller: Caller) -> None:
        self.feed, self.channel, self.entity = feed, channel, channel_entity(channel)
        self.caller = caller
        self.position = 0
        self.open: set[int] = set()
        """The traversals that it was told begin, and not that they are completed."""
        self.is_paused = False
        self.presence_seen = 0
        self._done_seen = 0
        self._asked: set[int] = set()
        """Those of them of which this program may not know how they stand."""
        self._ready: dict[int, Done] = {}
        """Those of them that are completed, and are told when it has come as far as where they were."""
        self._is_fresh = True
        self._needs_snapshot = False
        self._has_shown = True
        """Whether its client may hold what nodes show."""

    def begin(self, said: Sub) -> None:
        """Be where a client says that it is. Raises `WrongPosition`."""
        if said.after is not None:
            self.feed.check_position(said.after)
            is_near = self.feed.position - said.after <= self.feed.settings.catch_up_max
            self._is_fresh, self.position = not is_near, said.after
            self._has_shown = said.after > 0
            self.open = {one for one in said.open if 0 < one <= said.after} if is_near else set()
            self._asked = set(self.open)
        self._done_seen = self.feed.completed_count

    @property
    def is_behind(self) -> bool:
        """Whether there may be something to give now."""
        if self.is_paused:
            return False
        if self._is_fresh or self._needs_snapshot or self.position < self.feed.position:
            return True
        is_done = bool(self.open) and self._done_seen < self.feed.completed_count
        return is_done or bool(self._asked) or any(one.position <= self.position for one in self._ready.values())

    async def next(self) -> list[str]:
        """What is to be sent next; nothing where it has all."""
        if self._is_fresh:
            return await self._begin_anew()
        found: list[str] = []
        if self.position < self.feed.position:
            frame = self._take(await self._behind())
            found += [frame] if frame else []
        elif self._needs_snapshot:
            self._needs_snapshot = False
            anew = await self.feed.snapshot(self.channel, self.entity, self.caller.entities, self.position)
            found.append(encode_frame(anew))
        return found + await self._completed()

    async def _begin_anew(self) -> list[str]:
        anew = await self.feed.snapshot(self.channel, self.entity, self.caller.entities)
        self._is_fresh, self.position, self.open = False, anew.position, set(anew.open)
        return [encode_frame(anew)]

    async def _behind(self) -> Stretch:
        while True:
            if self.feed.is_in_window(self.position):
                found = self.feed.behind(self.position)
                assert found is not None
                return found
            found = await self.feed.from_log(self.position)
            if found.position > self.position:
                return found

    def _take(self, stretch: Stretch) -> str:
        visible = self.caller.entities
        begun = stretch.begun(self.position, self.entity, visible)
        frame = stretch.frame(self.channel, self.entity, self.position, visible)
        self.open.update(begun)
        for traversal in begun:
            one = self.feed.find_done(traversal)
            if one is not None:
                self._ready[traversal] = one
            elif not self.feed.follows(traversal):
                self._asked.add(traversal)
        self.position = stretch.position
        self._has_shown, is_reset = stretch.shows(has_shown=self._has_shown)
        self._needs_snapshot = self._needs_snapshot or is_reset
        return frame

    async def _completed(self) -> list[str]:
        """The completions of what it was told began, once each, and after what came before them."""
        if self.open and self._done_seen + 1 < self.feed.done_kept_from:
            self._asked |= self.open  # it was away for longer than they are remembered
        if self._asked:
            asked, self._asked = self._asked, set()
            self._ready.update({one.traversal: one for one in await self.feed.outcomes(asked)})
        newest = self.feed.completed_count
        for one in self.feed.done_since(self._done_seen) if self.open else ():
            if one.traversal in self.open:
                self._ready[one.traversal] = one
        self._done_seen = newest
        found: list[str] = []
        for traversal, one in sorted(self._ready.items()):
            if one.position <= self.position:
                del self._ready[traversal]
                if traversal in self.open:
                    self.open.discard(traversal)
                    found.append(one.frame(self.channel, self.entity, self.caller.entities))
        return found
