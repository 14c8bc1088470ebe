"""The doorway: what every request and every socket passes, before any route is looked for.

The gate comes first. Then whoever asks for something below `/api` is asked who they are, whether or not there is such a
route, and how often they have called. What they are is kept in the scope, for the routes. Every answer carries the
headers that hold browsers to what is meant.

Knows nothing of routes. Invariant: no byte of a body is read here, and below `/api` no route is reached by a stranger.
Source: middleware that denies by default.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from weft.server.caller import Asked, Guard
from weft.server.credential import check_said_by_us, credential_of
from weft.server.gate import HEADERS, Gate
from weft.server.rates import Rates
from weft.server.status import headers_of, told_of

API = "/api"
READING = ("GET", "HEAD")


class Doorway:
    """Stands before an app."""

    def __init__(self, app: ASGIApp, *, gate: Gate, guard: Guard, rates: Rates, pool: ThreadPoolExecutor) -> None:
        self.app, self.gate, self.guard, self.rates, self.pool = app, gate, guard, rates, pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or say why not."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        send = send if is_socket else _with_headers(send)
        try:
            self.gate.check_headers(scope["headers"])
            if not is_socket and is_api(scope["path"]):
                scope["weft.asked"] = asked = await self._asked(scope)
                scope["weft.caller"] = asked.caller
        except Exception as why:  # noqa: BLE001 - whatever it is, the caller is answered
            await (deny if is_socket else _refuse)(why, scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _asked(self, scope: Scope) -> Asked:
        import asyncio

        headers = Headers(scope=scope)
        client = scope.get("client")
        try:
            credential = credential_of(headers)
            asking = partial(Asked, self.guard, credential.text)
            asked = await asyncio.get_running_loop().run_in_executor(self.pool, asking)
        except Exception:
            self.rates.take(f"from {client[0] if client else ''}")  # who guesses is held to it too
            raise
        self.rates.take(f"user {asked.caller.user}")
        if scope["method"] not in READING:
            check_said_by_us(credential, headers)
        return asked


def is_api(path: str) -> bool:
    """Whether a path is one that callers must be known for."""
    return path == API or path.startswith(f"{API}/")


def refusal(why: BaseException) -> JSONResponse:
    """The answer to what failed."""
    told = told_of(why)
    return JSONResponse(told.body, told.status, headers_of(why))


async def deny(why: BaseException, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse the handshake of a socket, in the same words where the server can send any."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await WebSocket(scope, receive, send).send_denial_response(refusal(why))
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": ""})


async def _refuse(why: BaseException, scope: Scope, receive: Receive, send: Send) -> None:
    await refusal(why)(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def said(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return said
