"""The route of Socket.IO, `/socket.io`: python-socketio opens each connection there, and a client is made for it.

A connection is a WebSocket from its first moment: what long polling would keep for clients grows without bounds, and
its requests are known by an id in their address. Who comes is known by the access token in `auth`, by the header
Authorization, or by the cookie of a session.

Knows nothing of services. Invariant: Host and Origin are looked at before anything; what python-socketio is given is
well-formed.
Source: Engine.IO 4 and Socket.IO 5, as python-socketio has them; Feathers' Socket.IO transport.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import socketio
from socketio.exceptions import ConnectionRefusedError as ConnectionRefused
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Mount
from starlette.types import Receive, Scope, Send

from weft.server.accounts import Accounts
from weft.server.caller import Stranger
from weft.server.credential import COOKIE, credential_of
from weft.server.doorway import refusal
from weft.server.feathers.authentication import Brought, token_of
from weft.server.feathers.client import Client, Shop
from weft.server.feathers.door import comer_of, is_room
from weft.server.feathers.missing import PATH
from weft.server.feathers.names import rows_of
from weft.server.feathers.refusals import WebSocketsAlone
from weft.server.feathers.wire import FAREWELL_S, POLICY, Wire
from weft.server.method import Method
from weft.server.rates import Rates
from weft.server.rest import Rest
from weft.server.status import told_of
from weft.server.transports import MayCome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from weft.server.live import Live

_TOKEN = "accessToken"
_TURNED_AWAY = {"type": "websocket.close", "code": POLICY, "reason": ""}
_WIRE: ContextVar[Wire] = ContextVar("wire")
log = logging.getLogger("weft.server.feathers")


def socket_io_routes(
    live: Live,
    rest: Rest,
    table: Sequence[Method],
    *,
    may_come: MayCome,
    accounts: Accounts | None = None,
) -> list[BaseRoute]:
    """The route, for the spaces of `live`, which is entered before it is used. Without `accounts` nobody is let in by a
    password."""
    return [Mount(PATH, app=SocketIO(live, rest, table, may_come=may_come, accounts=accounts))]


class SocketIO:
    """An ASGI app."""

    def __init__(
        self, live: Live, rest: Rest, table: Sequence[Method], *, may_come: MayCome, accounts: Accounts | None
    ) -> None:
        rows, settings = rows_of(table), live.settings
        rates = Rates(settings.messages_per_s, float(settings.messages_burst), rest.settings.clock)
        self._shop = Shop(live, rest, rows, rates, accounts)
        self._may_come = may_come
        live.on_add.append(self._added)
        self.clients: dict[Wire, Client] = {}
        log.setLevel(logging.WARNING)  # below that the library writes packets to it, and what clients are known by
        self._server: Any = socketio.AsyncServer(
            async_mode="asgi", transports=["websocket"], cors_allowed_origins=[], async_handlers=False,
            ping_interval=settings.heartbeat_s, ping_timeout=max(settings.silent_s - settings.heartbeat_s, 1.0),
            max_http_buffer_size=rest.settings.body_bytes_max + 64, monitor_clients=False, logger=log,
            engineio_logger=log,
        )  # fmt: skip
        self._server.on("connect", self._connect)
        self._server.eio.start_background_task = _started

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection, until it is over."""
        if scope["type"] != "websocket":
            await refusal(WebSocketsAlone())(scope, receive, send)
            return
        headers, source = Headers(scope=scope), (scope.get("client") or ("",))[0]
        if not self._may_come(headers.get("host", ""), headers.get("origin")):
            await send(_TURNED_AWAY)
            return
        guard = self._shop.live.guard
        comer = await self._shop.rest.in_pool(lambda: comer_of(headers, source, guard))
        if not is_room(comer, (one.comer for one in self.clients.values() if one.known is None)):
            await send(_TURNED_AWAY)
            return
        wire = Wire({**scope}, receive, send)
        wire.hears = served = Client(self._shop, wire, name=os.urandom(8).hex(), source=source, comer=comer)
        self.clients[wire] = served
        wire.scope["weft.wire"] = wire
        _WIRE.set(wire)
        try:
            await self._server.eio.handle_request(wire.scope, wire.receive, wire.send)
        finally:
            wire.end()
            del self.clients[wire]
            await served.close()

    async def _added(self, space: str) -> None:
        """Everybody who is known is told of what happens in one more space."""
        await asyncio.gather(*(one.join(space) for one in self.clients.values()), return_exceptions=True)

    async def _connect(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        """Let somebody in, or as far as the door. Raises what python-socketio tells the client as `connect_error`."""
        wire: Wire = environ["asgi.scope"]["weft.wire"]
        try:
            said = auth if isinstance(auth, dict) else {}
            if (credential := _brought(said, Headers(scope=wire.scope))) is not None:
                await self.clients[wire].enter(Brought(credential, "jwt"), said)
        except Exception as why:  # noqa: BLE001 - whatever it is, the client is told
            asyncio.get_running_loop().call_later(FAREWELL_S, wire.end)
            body = told_of(why).body
            raise ConnectionRefused(body["message"], body) from None


def _brought(said: Mapping[str, Any], headers: Headers) -> str | None:
    """What somebody wants to be known by; None for nothing yet: then they are to authenticate. Raises `Stranger`."""
    if _TOKEN in said:
        return token_of(said[_TOKEN]) if said[_TOKEN] is not None else None
    try:
        return credential_of(headers).text
    except Stranger:
        if "authorization" in headers or f"{COOKIE}=" in ",".join(headers.getlist("cookie")):
            raise
        return None


def _started(target: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
    """A task of the library's, for the connection that is served here: it ends with it."""
    task, over = asyncio.get_running_loop().create_task(target(*args, **kwargs)), _WIRE.get().over

    def cancel(_: object) -> None:
        task.cancel()

    over.add_done_callback(cancel)
    task.add_done_callback(lambda _: over.remove_done_callback(cancel))
    return task
