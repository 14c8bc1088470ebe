"""Live spaces over the network: a WebSocket, and server-sent events, with identical frames.

`live_routes` gives both for each space: `/live/SPACE` and `/live/SPACE/events`. Whoever comes is asked for their Host
and Origin, and for a credential (the cookie `weft_session`, or `Authorization: Bearer`), before anything else is read.
A stranger is closed with 4401, or answered 401.

Of server-sent events each has the cursor as its id, in the order of the channels that were asked for, and behind a
semicolon the traversals that are open: a browser that comes back says it as Last-Event-ID, and goes on there.

Knows nothing of frames. Invariant: nothing that a stranger sent is read, and nothing of a space is sent before somebody
with the right to see it was known.
Source: the WebSocket, EventSource and Fetch Metadata standards; close codes as HTTP's statuses, behind 4000.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from weft.errors import WeftError
from weft.server.caller import Denied, Stranger
from weft.server.connection import Connection
from weft.server.credential import credential_of
from weft.server.doorway import deny, refusal
from weft.server.ending import DENIED, OVER, STRANGER, UNKNOWN_SPACE, ConnectionOver
from weft.server.frames import SPACE, BadFrame, Open, Sub, encode_frame, error_frame
from weft.server.held_to_time import STOPPING, TOGETHER
from weft.server.live import Live
from weft.server.refusals import ForeignHost, ForeignOrigin
from weft.server.served import UnknownSpace

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

REASON_BYTES_MAX = 120
"""How long the reason of a close may be: the standard has room for 123."""
OPEN_IN_ID_MAX = 200
"""How many open traversals an event's id holds; with more it is empty, and who comes back begins with a snapshot."""
OWN_SITES = ("same-origin", "none")
"""How a browser names a page of this server, and the address bar, in `Sec-Fetch-Site`."""
MayCome = Callable[[str, "str | None"], bool]
"""Whether somebody may come who names this Host, and this Origin (None: none)."""


def live_routes(live: Live, *, may_come: MayCome, prefix: str = "/live") -> list[BaseRoute]:
    """The routes of all spaces of `live`, which is to be entered before the first of them is used. Each needs the
    capability "read", and checks it itself."""
    return [
        WebSocketRoute(f"{prefix}/{{space}}", _Socket(live, may_come), name="live"),
        Route(f"{prefix}/{{space}}/events", _Events(live, may_come), methods=["GET"], name="live events"),
    ]


class _Endpoint:
    capability = "read"

    def __init__(self, live: Live, may_come: MayCome) -> None:
        self._live, self._may_come = live, may_come

    def _why_unwelcome(self, asked: HTTPConnection) -> WeftError | None:
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if self._may_come(host, origin):
            return None
        return ForeignHost(host=host[:200]) if origin is None else ForeignOrigin(origin=origin[:200])

    async def _serve(self, connection: Connection, others: Sequence[Awaitable[None]]) -> ConnectionOver | None:
        """Write until it is over, or one of the others is: returns why, if it is to be said."""
        tasks = [asyncio.ensure_future(one) for one in (connection.write(), *others)]
        ends_by: list[asyncio.Future[Any]] = [*tasks, connection.over]
        try:
            await asyncio.wait(ends_by, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        if connection.over.done():
            return connection.over.result()
        found = [end for end in ends if isinstance(end, Exception)]
        for end in found:
            if not isinstance(end, ConnectionOver | WebSocketDisconnect | OSError):
                raise end
        return next((end for end in found if isinstance(end, ConnectionOver)), None)


class _Socket(_Endpoint):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if (why := self._why_unwelcome(socket)) is not None:
            await deny(why, scope, receive, send)
            return
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._talk(socket, send)

    async def _talk(self, socket: WebSocket, send: Send) -> None:
        await socket.accept()  # a close code reaches only whoever was accepted
        name = socket.path_params["space"]
        try:
            over = await self._connect(socket, send, name)
        except Stranger as why:
            over = ConnectionOver(code=STRANGER, why=str(why))
        except Denied as why:
            over = ConnectionOver(code=DENIED, why=str(why))
        except UnknownSpace as why:
            over = ConnectionOver(code=UNKNOWN_SPACE, why=str(why))
        except ConnectionOver as why:
            over = why
        if over is not None:
            await socket.close(over.code, over.why.encode()[:REASON_BYTES_MAX].decode(errors="ignore"))

    async def _connect(self, socket: WebSocket, send: Send, name: str) -> ConnectionOver | None:
        async def listen() -> None:
            while True:
                said = await socket.receive()
                if said["type"] == "websocket.disconnect":
                    raise WebSocketDisconnect
                await connection.hear(said.get("text") or said.get("bytes") or "")

        goes_together = TOGETHER in socket.scope.get("extensions", {})

        async def put(texts: Sequence[str]) -> None:
            if goes_together and len(texts) > 1:
                await send({"type": "websocket.send", TOGETHER: texts})
                return
            for text in texts:
                await send({"type": "websocket.send", "text": text})

        brought = credential_of(socket.headers).text
        async with self._live.connected(name, brought, put, is_heard=True) as connection:
            return await self._serve(connection, [listen()])


class _Events(_Endpoint):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        refusal = await self._stream(request, receive, send)
        if refusal is not None:
            await refusal(scope, receive, send)

    def _why_unwelcome(self, asked: HTTPConnection) -> WeftError | None:
        return super()._why_unwelcome(asked) or _other_page(asked)

    async def _stream(self, request: Request, receive: Receive, send: Send) -> Response | None:
        """Serve it; or what it is answered instead."""
        if (unwelcome := self._why_unwelcome(request)) is not None:
            return refusal(unwelcome)

        async def put(texts: Sequence[str]) -> None:
            id = _event_id(connection, channels)  # how far all of them lead: the last one says it
            body = "".join(f"data: {text}\n\n" for text in texts[:-1]) + f"id: {id}\ndata: {texts[-1]}\n\n"
            await send({"type": "http.response.body", "body": body.encode(), "more_body": True})

        channels, is_begun, name = list[str](), False, request.path_params["space"]
        try:
            brought = credential_of(request.headers).text
            async with self._live.connected(name, brought, put, is_heard=False) as connection:
                channels = request.query_params.getlist("channel") or [SPACE]
                for entity in request.query_params.getlist("view"):
                    await connection.take(Open(entity))
                for said in _asked(channels, request):
                    await connection.take(said)
                headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"),
                           (b"x-accel-buffering", b"no")]  # fmt: skip
                is_begun = True
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                over = await self._serve(connection, [_hear_end(receive), _hear_stop(request, connection)])
            if over is not None:
                said_last = encode_frame(error_frame(over))
                body = f"event: over\ndata: {said_last}\n\n".encode()
                await send({"type": "http.response.body", "body": body, "more_body": False})
        except WeftError as why:
            if is_begun:
                raise
            return refusal(why)
        return None


def _other_page(request: HTTPConnection) -> ForeignOrigin | None:
    """Why a browser's request is not a page's of ours. An image or a frame in another page, on another port of this
    host, names no Origin, and brings the cookie: and who listens may open a view, which has values computed."""
    if "origin" in request.headers or "authorization" in request.headers:
        return None
    sites = [one for one in request.headers.getlist("sec-fetch-site") if one not in OWN_SITES]
    return ForeignOrigin(origin=f"another address ({sites[0][:40]})") if sites else None


async def _hear_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise WebSocketDisconnect


async def _hear_stop(request: Request, connection: Connection) -> None:
    """End it when the server stops, where the server says so: else the stop waits for it in vain, and cuts it off."""
    stopping: asyncio.Event = request.scope.get("extensions", {}).get(STOPPING) or asyncio.Event()
    await stopping.wait()
    connection.end(OVER, "the server stops: come again")


def _event_id(connection: Connection, channels: Sequence[str]) -> str:
    cursors = [connection.cursors[channel] for channel in channels if channel in connection.cursors]
    opened = sorted({one for cursor in cursors for one in cursor.open})
    if len(cursors) != len(channels) or len(opened) > OPEN_IN_ID_MAX:
        return ""
    return ",".join(str(one.position) for one in cursors) + ";" + ",".join(map(str, opened))


def _asked(channels: Sequence[str], request: Request) -> list[Sub]:
    """What is subscribed to: from the last event that a browser had, else from `from` (one for all, or one for each);
    without either, from snapshots. Raises `BadFrame`."""
    last = request.headers.get("last-event-id", "")
    positions, _, opened = last.partition(";")
    if not last:
        positions = ",".join(request.query_params.getlist("from"))
    try:
        after = [int(one) for one in positions.split(",") if one]
        begun = tuple(int(one) for one in opened.split(",") if one)
    except ValueError:
        raise BadFrame(why=f"{last or positions!r} is no cursor") from None
    if len(after) == 1:
        after *= len(channels)
    if after and len(after) != len(channels):
        raise BadFrame(why=f"it names {len(after)} positions for {len(channels)} channels")
    return [Sub(channel, after[n] if after else None, begun) for n, channel in enumerate(channels)]
