"""Somebody who is known: by what, what they may do now, and the spaces that they are joined to.

Joined is to be told of what happens in a space: everything that its user may read, what concerns what they have open,
and what they began themselves. A writer for each space tells it, straight from the log.

Knows nothing of how they came to be known. Invariant: rights are asked anew at each call and before each event once any
have changed; when they leave, no view, no reader and no task is left.
Source: Feathers' channels, of users and of what is looked at, which the server alone joins connections to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weft.errors import text_of
from weft.server.caller import Asked, Caller, Denied
from weft.server.connection import Connection
from weft.server.ending import OVER, ConnectionOver
from weft.server.feathers.events import Events
from weft.server.feathers.mark import Mark, parse_mark
from weft.server.feathers.wire import Puts
from weft.server.frames import SPACE, Open, Sub
from weft.server.method import UnfitCall
from weft.server.served import UnknownSpace
from weft.server.status import told_of
from weft.spelling import nearest

if TYPE_CHECKING:
    from weft.server.feathers.reading import Reading
    from weft.server.live import Live


@dataclass(slots=True)
class Joined:
    """One space that they are told of."""

    connection: Connection
    events: Events
    paused: set[str] = field(default_factory=set)

    async def open(self, entity: str) -> None:
        """Look at an entity. Raises `Denied`, `UnknownChannel`, `TooMany`."""
        await self.connection.take(Open(entity))
        self.events.open[entity] += 1


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a client that comes back was: its marks, and what it had open, by space."""

    marks: Mapping[str, Mark]
    views: Mapping[str, tuple[str, ...]]


def parse_whereabouts(said: Mapping[str, Any], live: Live) -> Whereabouts:
    """From what a client says as `from` and as `views`. Raises `UnfitCall`, `NotAMark`, `UnknownSpace`, `TooMany`."""
    marks, views = _by_space(said, "from", live), _by_space(said, "views", live)
    for entities in views.values():
        if not isinstance(entities, list) or not all(isinstance(one, str) for one in entities):
            raise UnfitCall(method="authentication", why="views is not of the form {SPACE: [ENTITY, …]}")
    return Whereabouts(
        {name: parse_mark(one) for name, one in marks.items()}, {name: tuple(one) for name, one in views.items()}
    )


def _by_space(said: Mapping[str, Any], name: str, live: Live) -> Mapping[str, Any]:
    found = said.get(name)
    if not isinstance(found, dict | None):
        raise UnfitCall(method="authentication", why=f"{name} is not of the form {{SPACE: …}}")
    for space in found or {}:
        if space not in live.spaces:
            raise UnknownSpace(name=space[:80], nearest=nearest(space[:80], live.spaces))
    return found or {}


class Known:
    """One client, as somebody."""

    def __init__(self, live: Live, credential: str, on_over: Callable[[ConnectionOver], None]) -> None:
        self._live, self.credential, self._on_over = live, credential, on_over
        self._asked = Asked(live.guard, credential)
        self.spaces: dict[str, Joined] = {}
        self._held = AsyncExitStack()
        self._writers: list[asyncio.Task[None]] = []

    @property
    def caller(self) -> Caller:
        """Who they were when that was asked last."""
        return self._asked.caller

    def ask(self) -> Caller:
        """Who they are, and what they may do, now. Raises `Stranger`."""
        return self._asked.now()

    async def join(self, where: Whereabouts, reading: Callable[[str], Reading], put: Puts) -> None:
        """Be told of every space, from where they were, or else from now on. Raises `Stranger`, `ConnectionOver`,
        `WrongPosition`, and what `Joined.open` does; they are joined to nothing then."""
        try:
            for name in self._live.spaces:
                try:
                    await self._join(name, where, reading(name), put)
                except Denied:
                    if "read" in self.caller.capabilities:
                        raise
        except BaseException:
            await self.leave()
            raise
        for joined in self.spaces.values():
            self._begin_writing(joined)

    async def add(self, name: str, reading: Reading, put: Puts) -> None:
        """Be told of one more space, from now on; who may read nothing of it is not. Raises as `join`."""
        if name not in self.spaces:
            with contextlib.suppress(Denied):
                await self._join(name, Whereabouts({}, {}), reading, put)
                self._begin_writing(self.spaces[name])

    def _begin_writing(self, joined: Joined) -> None:
        self._writers.append(asyncio.create_task(self._write(joined.connection), name="weft feathers"))

    async def _join(self, name: str, where: Whereabouts, reading: Reading, put: Puts) -> None:
        events = Events(name, reading, put)
        connected = self._live.connected(name, self.credential, events.take, is_heard=False, counts=not self.spaces)
        connection = events.connection = await self._held.enter_async_context(connected)
        reading.readers += 1
        self._held.callback(reading.leave)
        joined = self.spaces[name] = Joined(connection, events)
        connection.over.add_done_callback(lambda over: self._over(over.result()))
        for entity in where.views.get(name, ()):
            await joined.open(entity)
        mark = where.marks.get(name, Mark(connection.live.feed.position))
        await connection.take(Sub(SPACE, mark.position, mark.open))
        events.begin(mark)

    async def _write(self, connection: Connection) -> None:
        try:
            await connection.write()
        except ConnectionOver as why:
            self._over(why)
        except OSError:
            pass  # the client is gone
        except Exception as why:  # noqa: BLE001 - whatever it is, the client is let go of, and may go on from its mark
            told_of(why)
            self._over(ConnectionOver(code=OVER, why=text_of(why)))

    def _over(self, why: ConnectionOver) -> None:
        if self.spaces:
            self._on_over(why)

    async def leave(self) -> None:
        """Be told of nothing any more."""
        self.spaces = {}
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        await self._held.aclose()
