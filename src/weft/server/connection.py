"""A connection: one client of one space, its cursors, its views, and the one writer that serves them all.

What the client says is done by `take`, which answers through the writer; what happens is sent by `write`, which asks
the cursors in turns, sends, and rests until it is rung. Nothing is queued for a client but the answers to what it said,
and those are few. Rights are asked anew before each frame that is sent or taken, whenever any have changed: a caller
who may do less than before is cut off.

Knows nothing of sockets. Invariant: no frame leaves after the guard has said that rights have changed, before they were
asked anew.
Source: one writer per connection; capability checks at use, not at entry.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from weft.errors import WeftError
from weft.server.bearer import Bearer
from weft.server.caller import Caller, Guard
from weft.server.cursor import Cursor
from weft.server.ending import OVER, ConnectionOver
from weft.server.frames import (
    SPACE,
    BadFrame,
    ClientFrame,
    Close,
    Heartbeat,
    Open,
    Pause,
    Ping,
    Play,
    Present,
    Sub,
    TooMany,
    UnknownChannel,
    Unsub,
    channel_entity,
    encode_frame,
    error_frame,
    parse_client_frame,
)
from weft.server.states import AWAY

if TYPE_CHECKING:
    from weft.server.live_space import LiveSpace

AT_HAND_MAX = 8
"""So many stretches of one channel are sent, where they are at hand, before it is the next one's turn."""
TOGETHER_CHARS = 16_384
"""Frames that are at hand leave together, until they have so many characters: each by itself costs a call of the
system."""
ANSWERS_MAX = 16
"""So many answers to what a client said wait to be sent; it is heard further when there is room."""

Send: TypeAlias = Callable[[Sequence[str]], Awaitable[None]]
"""Sends frames, which may leave together."""


class Connection:
    """One client."""

    def __init__(
        self,
        live: LiveSpace,
        guard: Guard,
        credential: str,
        send: Send,
        *,
        name: str,
        now_s: Callable[[], float],
    ) -> None:
        self.live, self._send, self.name, self._now_s = live, send, name, now_s
        self.bearer = Bearer(guard, credential, live.settings, now_s())
        if not self.caller.may_somewhere("read"):
            self.caller.check("read")
        self.cursors: dict[str, Cursor] = {}
        self.rung = asyncio.Event()
        self.heard_s = self.sent_s = now_s()
        self._answers: deque[str] = deque()
        self._answered = asyncio.Event()
        self.over: asyncio.Future[ConnectionOver] = asyncio.get_running_loop().create_future()
        """Done when it is to end, with the reason."""
        self._parts_seen = 0

    @property
    def caller(self) -> Caller:
        """Who is at the other end."""
        return self.bearer.caller

    # ---- its life ----
    def start(self) -> None:
        """Be rung from now on."""
        self.live.feed.listen(self.rung)

    async def stop(self) -> None:
        """Look at nothing any more, and be nowhere."""
        self.live.feed.leave(self.rung)
        for channel in list(self.cursors):
            self._leave(channel)
        await asyncio.shield(asyncio.to_thread(self.live.views.leave, self))

    def end(self, code: int, why: str) -> None:
        """Have it end, for the first reason that is given."""
        if not self.over.done():
            self.over.set_result(ConnectionOver(code=code, why=why))
        self.rung.set()
        self._answered.set()

    def look(self, changes: int | None = None) -> None:
        """Whether all is well with it, asked now and then: it ends where it is not. `changes`: those of the guard,
        where whoever asks has them at hand."""
        try:
            self.check(changes)
        except ConnectionOver as why:
            self.end(why.code, why.why)
        else:
            if self._now_s() - self.sent_s >= self.live.settings.heartbeat_s:
                self.rung.set()

    def check(self, changes: int | None = None) -> None:
        """Raises `ConnectionOver` where it is to end, or where its caller may do less by now."""
        self._check_over()
        if self.bearer.check(changes):
            for cursor in self.cursors.values():
                cursor.caller, cursor.states_seen = self.caller, AWAY  # they may see more now

    def _check_over(self) -> None:
        if self.over.done():
            raise self.over.result()
        if self.live.feed.is_over:
            raise ConnectionOver(code=OVER, why="the server stops, or its space was closed: come again")

    # ---- what the client says ----
    async def hear(self, text: str | bytes) -> None:
        """Do what a message says; refusals are answered. Raises `ConnectionOver`."""
        self.heard_s = self._now_s()
        self.bearer.spend(self.heard_s)
        self.check()
        about = ""
        try:
            settings = self.live.settings
            frame = parse_client_frame(text, bytes_max=settings.frame_bytes_max, depth_max=settings.depth_max)
            about = str(getattr(frame, "channel", "") or getattr(frame, "entity", ""))[:80]
            await self.take(frame)
        except WeftError as why:
            if isinstance(why, ConnectionOver):
                raise
            self._answers.append(encode_frame(error_frame(why, about)))
        self.rung.set()
        while len(self._answers) > ANSWERS_MAX and not self.over.done():  # it sends and does not read: let it wait
            self._answered.clear()
            await self._answered.wait()

    async def take(self, frame: ClientFrame) -> None:
        """Do what a frame says."""
        views = self.live.views
        match frame:
            case Sub():
                await self._subscribe(frame)
            case Unsub(channel):
                self._leave(channel)
            case Open(entity):
                await self._open(entity)
            case Close(entity):
                await asyncio.to_thread(views.close, self, entity)
            case Pause(channel):
                await self._pause(channel, is_paused=True)
            case Play(channel):
                await self._pause(channel, is_paused=False)
            case Present():
                self._show(frame)
            case Ping(is_asking) if is_asking:
                self._answers.append(self._heartbeat())
            case Ping():
                pass

    async def _subscribe(self, said: Sub) -> None:
        entity = channel_entity(said.channel)
        settings = self.live.settings
        if len(said.open) > settings.open_max:
            raise TooMany(what="open traversals", most=settings.open_max)
        if said.channel not in self.cursors and len(self.cursors) >= settings.channels_max:
            raise TooMany(what="channels", most=settings.channels_max)
        await self._check_entity(said.channel, entity)
        if said.after is not None and said.after > self.live.feed.position:
            await self.live.feed.catch_up()  # they may have heard of it elsewhere before it was read here
        cursor = Cursor(self.live.feed, said.channel, self.caller)
        cursor.begin(said)
        self.cursors[said.channel] = cursor
        self._parts_seen = 0
        self.live.presences.listen(said.channel, self.rung)

    async def _check_entity(self, channel: str, entity: str) -> None:
        """Whether they may see it, before whether there is one."""
        if not entity:
            if not self.caller.may_somewhere("read"):
                self.caller.check("read")
            return
        self.caller.check("read", entity)
        if not await self.live.feed.exists(entity):
            raise UnknownChannel(channel=channel)

    def _leave(self, channel: str) -> None:
        if self.cursors.pop(channel, None) is not None:
            self.live.presences.show(channel, self.name, self.caller.user, None)
            self.live.presences.leave(channel, self.rung)

    async def _open(self, entity: str) -> None:
        views, settings = self.live.views, self.live.settings
        await self._check_entity(f"entity:{entity}", channel_entity(f"entity:{entity}"))
        if views.count(self) >= settings.views_max:
            raise TooMany(what="open entities", most=settings.views_max)
        await asyncio.to_thread(views.open, self, entity)

    async def _pause(self, channel: str, *, is_paused: bool) -> None:
        cursor, entity = self._cursor(channel), channel_entity(channel)
        cursor.is_paused = is_paused
        self._parts_seen = 0
        if entity:
            act = self.live.views.pause if is_paused else self.live.views.play
            await asyncio.to_thread(act, self, entity)

    def _show(self, said: Present) -> None:
        self._cursor(said.channel)
        size_bytes = len(msgspec.json.encode(said.shown))
        if size_bytes > self.live.settings.shown_bytes_max:
            raise BadFrame(why=f"what is shown has {size_bytes} bytes, more than {self.live.settings.shown_bytes_max}")
        self.live.presences.show(said.channel, self.name, self.caller.user, said.shown)

    def _cursor(self, channel: str) -> Cursor:
        channel_entity(channel)
        if channel not in self.cursors:
            raise BadFrame(why=f"it speaks of {channel!r}, which this connection has not subscribed to")
        return self.cursors[channel]

    # ---- what the client is told ----
    async def write(self) -> None:
        """Send what there is to be sent, until the connection ends: raises `ConnectionOver`, and whatever sending
        raises."""
        while True:
            self.rung.clear()
            self._check_over()
            if not await self._round():
                await self.rung.wait()

    async def _round(self) -> bool:
        """One turn for each cursor; returns whether there may be more."""
        while self._answers:
            await self._put(self._answers.popleft())
            self._answered.set()
        is_more = False
        for channel, cursor in list(self.cursors.items()):
            if self.cursors.get(channel) is not cursor or cursor.is_paused:
                continue
            is_more = await self._advance(channel, cursor) or is_more
            if cursor.presence_seen != self.live.presences.changes(channel):
                await self._put_presence(channel, cursor)
            if cursor.states_seen != self.live.feed.present.number:
                await self._put_states(channel, cursor)
        if self.live.feed.parts:
            await self._put_partials()
        if self._now_s() - self.sent_s >= self.live.settings.heartbeat_s:
            await self._put(self._heartbeat())
        return is_more or bool(self._answers)

    async def _advance(self, channel: str, cursor: Cursor) -> bool:
        is_all = False
        for _ in range(AT_HAND_MAX):
            texts, chars = list[str](), 0
            while chars < TOGETHER_CHARS and not is_all:
                found = cursor.at_hand()
                texts += found
                chars += sum(map(len, found))
                is_all = not found
            if texts:
                await self._put(*texts)
                if self.cursors.get(channel) is not cursor or cursor.is_paused:
                    return False
            if is_all:
                break
        else:
            return cursor.is_behind
        if not cursor.is_behind:
            return False
        frames = cursor.next()
        while self.cursors.get(channel) is cursor:
            try:
                text = await anext(frames)
            except StopAsyncIteration:
                break
            except WeftError as why:
                self.check()  # the space may have been closed meanwhile: then that is what is said
                self._leave(channel)
                text = encode_frame(error_frame(why, channel))
            await self._put(text)
        return cursor.is_behind

    async def _put_partials(self) -> None:
        """The newest of each slot; those between were never kept."""
        for part in self.live.feed.parts:
            if part.number > self._parts_seen:
                self._parts_seen = part.number
                if self._is_shown(part.entity):
                    await self._put(part.text)

    def _is_shown(self, entity: str) -> bool:
        visible, own = self.caller.entities, self.cursors.get(f"entity:{entity}")
        if visible is not None and entity not in visible:
            return False
        if own is not None:
            return not own.is_paused
        whole = self.cursors.get(SPACE)
        return whole is not None and not whole.is_paused

    async def _put_presence(self, channel: str, cursor: Cursor) -> None:
        cursor.presence_seen = self.live.presences.changes(channel)
        if channel == SPACE and self.caller.entities is not None:
            return  # who shows themselves there may tell of any entity
        await self._put(self.live.presences.frame(channel))

    async def _put_states(self, channel: str, cursor: Cursor) -> None:
        """What stands otherwise since it was told last; all, where it was told nothing."""
        present = self.live.feed.present
        seen, cursor.states_seen = cursor.states_seen, present.number
        if text := present.frame(channel, cursor.entity, self.caller.entities, seen):
            await self._put(text)

    def _heartbeat(self) -> str:
        return encode_frame(Heartbeat({channel: one.position for channel, one in self.cursors.items()}))

    async def _put(self, *texts: str) -> None:
        self.check()
        await self._send(texts)
        self.sent_s = self._now_s()
