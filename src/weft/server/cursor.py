"""A cursor: how far one connection has come on one channel, and what it is still to be told about.

Knows nothing of connections. Invariant: it only moves forward, and what it gives is to be sent before it is asked
again.
Source: consumer offsets of commit logs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from weft.server.caller import Caller
from weft.server.feed import Feed
from weft.server.frames import Sub, channel_entity, encode_frame
from weft.server.states import AWAY
from weft.server.stretch import Stretch
from weft.server.traversals import Done


class Cursor:
    """One subscription."""

    def __init__(self, feed: Feed, channel: str, caller: Caller) -> None:
        self.feed, self.channel, self.entity = feed, channel, channel_entity(channel)
        self.caller = caller
        self.position = 0
        self._told = 0
        """The position of the newest frame that it gave: what came since is nothing for this channel."""
        self.open: set[int] = set()
        """The traversals that it was told begin, and not that they are completed."""
        self.is_paused = False
        self.presence_seen = self.states_seen = 0
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
            self._told = said.after
            self.states_seen = AWAY if said.after else 0
            self._has_shown = said.after > 0
            self.open = {one for one in said.open if 0 < one <= said.after} if is_near else set()
            self._asked = set(self.open)
        self._done_seen = self.feed.completions.count

    @property
    def is_behind(self) -> bool:
        """Whether there may be something to give now."""
        if self.is_paused:
            return False
        if self._is_fresh or self._needs_snapshot or self.position < self.feed.position:
            return True
        is_done = bool(self.open) and self._done_seen < self.feed.completions.count
        if is_done or self._asked:
            return True
        return bool(self._ready) and any(one.position <= self.position for one in self._ready.values())

    def at_hand(self) -> Sequence[str]:
        """The next frames, where all that they take is in memory, as it mostly is; else none: then ask `next`, where it
        `is_behind`. Nothing is made for each frame here, which is what a thousand connections would pay for."""
        while not (self._is_fresh or self._needs_snapshot or self._asked) and self._note_done():
            if frames := self._completed():
                return frames
            found = self.feed.behind(self.position) if self.feed.is_in_window(self.position) else None
            if found is None:
                break
            if frame := self._take(found):
                return (frame,)
        return ()

    async def next(self) -> AsyncIterator[str]:
        """What is to be sent next, frame by frame; nothing where it has all. As each is given, the cursor says how far
        its client is once it was sent that."""
        if self._is_fresh:
            anew = await self.feed.snapshot(self.channel, self.entity, self.caller.entities)
            self._is_fresh, self.position, self.open = False, anew.position, set(anew.open)
            self._told = anew.position
            yield encode_frame(anew)
            return
        if self.position < self.feed.position:
            if frame := self._take(await self._behind()):
                yield frame
        elif self._needs_snapshot:
            self._needs_snapshot = False
            anew = await self.feed.snapshot(self.channel, self.entity, self.caller.entities, self.position)
            self._told = self.position
            yield encode_frame(anew)
        if not self._note_done():
            self._asked |= self.open  # it was away for longer than they are remembered
        if self._asked:
            asked, self._asked = self._asked, set()
            self._ready.update({one.traversal: one for one in await self.feed.outcomes(asked)})
            self._done_seen = max(self._done_seen, self.feed.completions.kept_from - 1)
            self._note_done()
        for frame in self._completed():
            yield frame

    def _completed(self) -> Sequence[str]:
        """Those that are to be told now, of what it was told began."""
        if not self._ready:
            return ()
        ready = sorted(each for each, one in self._ready.items() if one.position <= self.position)
        due = [one for one in map(self._ready.pop, ready) if one.traversal in self.open]
        self.open.difference_update(one.traversal for one in due)
        return [one.frame(self.channel, self.entity, self.caller.entities) for one in due]

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
        frame = stretch.frame(self.channel, self.entity, self.position, visible, told=self._told)
        self.open.update(begun)
        for traversal in begun:
            one = self.feed.completions.find(traversal)
            if one is not None:
                self._ready[traversal] = one
            elif not self.feed.completions.follows(traversal):
                self._asked.add(traversal)
        self.position = stretch.position
        self._told = self.position if frame else self._told
        self._has_shown, is_reset = stretch.shows(has_shown=self._has_shown)
        self._needs_snapshot = self._needs_snapshot or is_reset
        return frame

    def _note_done(self) -> bool:
        """Of what it was told began, what is completed by now. Returns whether that is known: not where it was away for
        longer than completed traversals are remembered."""
        seen, completions = self._done_seen, self.feed.completions
        if seen == (newest := completions.count):
            return True
        if self.open:
            if seen + 1 < completions.kept_from:
                return False
            for one in completions.since(seen):
                if one.traversal in self.open:
                    self._ready[one.traversal] = one
        self._done_seen = newest
        return True
