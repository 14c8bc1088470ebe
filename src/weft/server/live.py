"""The live half of a server: its spaces, and all connections to them, looked after.

Knows nothing of sockets, and of how callers prove who they are. Invariant: a user has no more connections than allowed,
and each that ends leaves nothing behind: no view, no presence, no task.
Source: supervisors.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from weft.space import Space

from weft.errors import WeftError
from weft.server.caller import Guard
from weft.server.connection import Connection, Send
from weft.server.ending import CROWDED, SILENT, TooManyConnections
from weft.server.live_space import LiveSpace
from weft.server.served import UnknownSpace
from weft.server.settings import LiveSettings
from weft.spelling import nearest

ADD_S = 30.0
"""How long it may take until the loop serves one more space, in seconds."""


class Live:
    """All spaces that a server serves, and who is connected. Enter it with `async with`, on the loop that serves the
    routes, for as long as these are served; the spaces are open before, and closed after that."""

    def __init__(
        self,
        spaces: Mapping[str, Space],
        guard: Guard,
        *,
        settings: LiveSettings | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings, self.guard, self._now_s = settings or LiveSettings(), guard, now_s
        self.spaces: Mapping[str, LiveSpace] = {name: LiveSpace(space, self.settings) for name, space in spaces.items()}
        self.connections: dict[Connection, bool] = {}
        """Those that are open; whether silence ends them."""
        self.on_add: list[Callable[[str], Awaitable[None]]] = []
        """Told of each space that comes to be served, on the loop."""
        self._per_user: Counter[str] = Counter()
        self._ticking: asyncio.Task[None] | None = None
        self._feeds = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for live in self.spaces.values():
            await self._begin(live)
        self._ticking = asyncio.create_task(self._tick(), name="weft live")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._ticking is not None
        self._ticking.cancel()
        await self._feeds.aclose()
        for connection in list(self.connections):
            connection.look()

    async def _begin(self, live: LiveSpace) -> None:
        await live.feed.start()
        self._feeds.push_async_callback(live.feed.stop)

    def add(self, name: str, space: Space) -> None:
        """Have one more space served, from another thread than the loop's: on return it is. Raises `TimeoutError` where
        the server stops meanwhile."""
        asyncio.run_coroutine_threadsafe(self._add(name, space), self._loop).result(ADD_S)

    async def _add(self, name: str, space: Space) -> None:
        live = LiveSpace(space, self.settings)
        await self._begin(live)
        self.spaces = {**self.spaces, name: live}
        for told in self.on_add:
            await told(name)

    @asynccontextmanager
    async def connected(
        self, name: str, credential: str, send: Send, *, is_heard: bool, counts: bool = True
    ) -> AsyncIterator[Connection]:
        """A connection to the space of this name, for as long as this is open. `counts`: as one more of its user's; a
        client that is connected to several spaces at once is one. Raises `Stranger`, `UnknownSpace`,
        `Denied` for somebody who may read nothing, and `TooManyConnections`."""
        number = os.urandom(8).hex()
        guard, now_s = self.guard, self._now_s
        if name not in self.spaces:
            guard.caller(credential)  # strangers are not told which there are
            raise UnknownSpace(name=name[:80], nearest=nearest(name, self.spaces))
        connection = Connection(self.spaces[name], guard, credential, send, name=number, now_s=now_s)
        user, most = connection.caller.user, self.settings.connections_per_user
        if counts and self._per_user[user] >= most:
            raise TooManyConnections(code=CROWDED, why=f"{user} has {most} already, which is the most")
        self._per_user[user] += counts
        self.connections[connection] = is_heard
        connection.start()
        try:
            yield connection
        finally:
            del self.connections[connection]
            self._per_user[user] -= counts
            if not self._per_user[user]:
                del self._per_user[user]
            await connection.stop()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.settings.tick_s)
            self.look()

    def look(self) -> None:
        """See after all connections: end those that nothing is heard of, or that may do less by now."""
        now_s, changes = self._now_s(), None
        with contextlib.suppress(WeftError):  # else each asks for itself, and ends
            changes = self.guard.changes
        for connection, is_heard in list(self.connections.items()):
            connection.look(changes)
            if is_heard and now_s - connection.heard_s > self.settings.silent_s:
                connection.end(SILENT, f"nothing was heard of it for {self.settings.silent_s:g} s")
