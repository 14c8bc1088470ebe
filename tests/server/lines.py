"""Connections without a network: what is sent is noted, and can be held up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from tests.until import LIMIT_S
from weft.server.client_state import ClientState, apply, news
from weft.server.connection import Connection
from weft.server.cursor import Cursor
from weft.server.ending import ConnectionOver
from weft.server.feed import Feed
from weft.server.frames import Completed, Delta, Error, ServerFrame, Shown, Sub, parse_server_frame
from weft.server.live import Live


class Line:
    """A client in this program, whose state is made of what it is sent."""

    def __init__(self, state: ClientState | None = None) -> None:
        self.connection: Connection
        self.open = asyncio.Event()
        """What is sent waits until it is set, as for a client that reads."""
        self.open.set()
        self.state = state or ClientState()
        self.sent: list[str] = []
        self.frames: list[ServerFrame] = []
        self.deltas: list[Delta] = []
        self.completed: list[Completed] = []
        self.over: ConnectionOver | None = None
        self.is_sending = False
        self._moved = asyncio.Event()
        self._errors_taken = 0

    async def send(self, texts: Sequence[str]) -> None:
        self.is_sending = True
        self._moved.set()
        await self.open.wait()
        self.is_sending = False
        for text in texts:
            frame = parse_server_frame(text)
            found = news(self.state, frame)
            self.state = apply(self.state, frame)
            self.deltas += found if isinstance(found, tuple) else ()
            self.completed += [found] if isinstance(found, Completed) else []
            self.sent.append(text)
            self.frames.append(frame)
        self._moved.set()

    async def say(self, op: str, **fields: object) -> None:
        await self.connection.hear(json.dumps({"op": op, **fields}))

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not is_so():
                self._moved.clear()
                if not is_so():
                    await self._moved.wait()

    async def error(self) -> Error:
        """The next error, of those that it was sent."""

        def errors() -> list[Error]:
            return [one for one in self.frames if isinstance(one, Error)]

        await self.until(lambda: len(errors()) > self._errors_taken)
        self._errors_taken += 1
        return errors()[self._errors_taken - 1]

    def nodes(self, channel: str = "space") -> Mapping[str, Shown]:
        """What nodes show, as far as it knows."""
        known = self.state.channels.get(channel)
        return known.nodes if known is not None else {}

    async def reaches(self, position: int, channel: str = "space") -> None:
        """Wait until it has come so far."""
        await self.until(lambda: channel in self.state.channels and self.state.channels[channel].position >= position)

    async def write(self) -> None:
        """What serves it."""
        try:
            await self.connection.write()
        except ConnectionOver as why:
            self.over = why
            self._moved.set()


@asynccontextmanager
async def line(
    live: Live, user: str = "ann", *, state: ClientState | None = None, is_heard: bool = False
) -> AsyncIterator[Line]:
    """A connection to the space `shelf`, served until this is left."""
    made = Line(state)
    async with live.connected("shelf", f"key of {user}", made.send, is_heard=is_heard) as made.connection:
        writer = asyncio.create_task(made.write())
        try:
            yield made
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)


async def caught_up(feed: Feed) -> None:
    """Until the feed has read all that there is."""
    await feed.outcomes([])
    await asyncio.sleep(0)


async def frames_of(live: Live, said: Sub, user: str = "ann") -> list[ServerFrame]:
    """All that there is now for whoever subscribes so."""
    feed = live.spaces["shelf"].feed
    await caught_up(feed)
    cursor = Cursor(feed, said.channel, live.guard.caller(f"key of {user}"))
    cursor.begin(said)
    found: list[str] = []
    while cursor.is_behind:
        found += [text async for text in cursor.next()]
        await asyncio.sleep(0)
    return [parse_server_frame(text) for text in found]


def folded(frames: list[ServerFrame], state: ClientState | None = None) -> ClientState:
    """What they come to."""
    state = state or ClientState()
    for frame in frames:
        state = apply(state, frame)
    return state
