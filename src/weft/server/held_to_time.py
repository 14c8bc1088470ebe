"""How connections are held to time, and what is sent to many is made ready once: uvicorn's protocols, made stricter.

Who connects and says nothing, or says a request byte by byte, is let go of; so is who does not read, and so is never
done, once their socket is to be closed. Uvicorn waits for all three as long as they like, and each holds a descriptor.
Sockets count as connections too: of these there are so many, and no more.

A message that is sent to a thousand is framed once: what is framed depends on its text alone, as nothing is compressed.

Knows nothing of what is served. Invariant: a connection that asks for nothing, or whose socket is over, is gone within
the times said here, whatever its other end does.
Source: uvicorn; RFC 6455, section 5.2; slowloris, and the timeouts that web servers have against it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, Scope
    from websockets.http11 import Request

HEADERS_S = 10.0
"""How long somebody who connects may take to say what they want: until the end of a request's headers."""
BODY_STALLED_S = 30.0
"""How long nothing may come of a body that was begun, while it could be taken."""
HEAD_BYTES_MAX = 65_536
"""How long the head of a request may be, which is its address and its headers, those behind its body too."""
HEADERS_MAX = 200
"""How many headers a request may have."""
STALLED_S = 60.0
"""How long somebody may take nothing of what is sent to them: of an answer, of server-sent events, by a socket."""
CLOSED_S = 10.0
"""How long a socket that is over may take to take what it was sent; then it is cut off."""
FRAMED_KEPT = 256
"""So many messages that were sent last are kept framed for others."""
TOGETHER = "weft.texts"
"""The extension of ASGI by which one message to a socket holds several texts, in place of `text`."""
STOPPING = "weft.stopping"
"""The extension of ASGI by which a request is told that the server stops: an event, for answers without an end."""
FRAMED_BYTES_MAX = 16_384
"""A longer message is framed for each."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
"""What is said to whoever sends too large a head. They are let go of, as their next request cannot be found."""


@lru_cache(FRAMED_KEPT)
def _framed(text: str) -> bytes:
    return framed(text)


def _ready(text: str) -> bytes:
    return _framed(text) if len(text) <= FRAMED_BYTES_MAX else framed(text)


def framed(text: str) -> bytes:
    """A text as one message from a server."""
    said = text.encode()
    if len(said) < 126:
        return struct.pack("!BB", 0x81, len(said)) + said
    if len(said) < 65_536:
        return struct.pack("!BBH", 0x81, 126, len(said)) + said
    return struct.pack("!BBQ", 0x81, 127, len(said)) + said


class _TooLarge(Exception):
    """The head of a request is. The parser stops at what its callbacks raise."""


class Requests(HttpToolsProtocol):
    """A connection, until it is upgraded."""

    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _head_bytes = 0
    """How much of the head is known."""
    _headers = 0
    _unknown_bytes = 0
    """How much came since anything was known of it: the parser may hold all of that, as an unfinished header."""
    _is_known = False
    _is_too_large = False
    _body: asyncio.TimerHandle | None = None
    _came_s = 0.0
    """When something came last, or was not waited for."""
    _is_begun = False
    """Whether a request is begun and not ended, from its headers on."""
    _is_last = False
    """Whether the answer says that no other request is heard."""
    _is_upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._stopping = asyncio.Event()
        self.app = partial(self._answer, self.app)
        self._hurry()

    def data_received(self, data: bytes) -> None:
        """Take it, unless it is too much of what comes to nothing."""
        self._is_known, self._came_s = False, self.loop.time()
        super().data_received(data)
        if self._is_upgraded or self.transport.is_closing():
            return
        self._unknown_bytes = 0 if self._is_known else self._unknown_bytes + len(data)
        if self._unknown_bytes > HEAD_BYTES_MAX:
            self._refuse_head()
        elif self._is_begun:
            self._wait_for_body()
        elif self._is_idle():  # what came ended the time that is given between two requests
            self._hurry()

    def on_message_begin(self) -> None:
        """Begin to count its head."""
        super().on_message_begin()
        self.scope["extensions"] = {STOPPING: self._stopping}  # type: ignore[dict-item]
        self._is_known, self._head_bytes, self._headers = True, 0, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of it, unless it is too long."""
        self._know(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take it, unless it is too much."""
        self._headers += 1
        self._know(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._calm()
        self._is_begun = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of it."""
        self._is_known = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for no more of it."""
        self._is_begun = False
        self._wait_no_more()
        super().on_message_complete()
        if self._is_last and self._is_idle():
            self.transport.close()

    def on_response_complete(self) -> None:
        """Of a body that nobody reads let the rest come for a while: whoever sends it reads the answer when all is
        sent, and would have none if they were cut off before."""
        super().on_response_complete()
        if not self._is_last or not self._is_idle() or self.transport.is_closing():
            return
        if self._is_begun:
            self._wait_no_more()
            self._unset_keepalive_if_required()
            self._hurry()
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Say that what was sent is no request, or has too large a head."""
        if self._is_too_large:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def shutdown(self) -> None:
        """End it once it is answered, and tell the app so: it may be one that answers without an end."""
        super().shutdown()
        self._stopping.set()

    def pause_writing(self) -> None:
        """Begin to wait until what was sent is taken."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self._give_up)

    def resume_writing(self) -> None:
        """Wait no longer."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing behind."""
        self._calm()
        self._wait_no_more()
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Where there is room for one more."""
        most = self.config.limit_concurrency
        if most is not None and len(self.connections) > most:
            self.transport.write(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            self.transport.close()
            return
        self._is_upgraded = True
        super().handle_websocket_upgrade()

    async def _answer(self, app: Any, scope: Scope, receive: Any, send: Any) -> None:
        async def say(message: Any) -> None:
            if message["type"] != "http.response.start" or scope is not self.scope or not self._is_begun:
                await send(message)
                return
            cycle, self._is_last = self.cycle, True
            goes_on = cycle.keep_alive
            await send({**message, "headers": [*message.get("headers", ()), CLOSE_HEADER]})
            cycle.keep_alive = goes_on  # else it is closed with the answer, which may be lost over what still comes

        await app(scope, receive, say)

    def _know(self, size_bytes: int) -> None:
        self._is_known = True
        self._head_bytes += size_bytes
        if self._head_bytes > HEAD_BYTES_MAX or self._headers > HEADERS_MAX:
            self._is_too_large = True
            raise _TooLarge

    def _refuse_head(self) -> None:
        self.transport.write(TOO_LARGE)
        self.transport.close()
        self.loop.call_later(CLOSED_S, self._give_up)

    def _hurry(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEADERS_S, self._give_up)

    def _calm(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _wait_for_body(self) -> None:
        if self._body is None and not self._is_idle():
            self._body = self.loop.call_later(BODY_STALLED_S, self._look_at_body)

    def _wait_no_more(self) -> None:
        if self._body is not None:
            self._body.cancel()
            self._body = None

    def _look_at_body(self) -> None:
        if self.flow.read_paused or self.cycle.waiting_for_100_continue:  # then it is the app that is waited for
            self._came_s = self.loop.time()
        left_s = self._came_s + BODY_STALLED_S - self.loop.time()
        if left_s > 0:
            self._body = self.loop.call_later(left_s, self._look_at_body)
        else:
            self._give_up()

    def _give_up(self) -> None:
        self.transport.abort()


class Sockets(WebSocketsSansIOProtocol):
    """A socket."""

    _stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Read nothing either until what was sent is taken, and wait for that: each ping would add its answer to what
        is held."""
        super().pause_writing()
        self.transport.pause_reading()
        self._stalled = self.loop.call_later(STALLED_S, self._cut_off)

    def resume_writing(self) -> None:
        """Wait no longer."""
        super().resume_writing()
        self._wait_no_more()
        if not self.read_paused:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing behind."""
        self._wait_no_more()
        super().connection_lost(exc)

    async def receive(self) -> ASGIReceiveEvent:
        """Give what came; whoever takes it has more read, but not from somebody who does not read."""
        found = await super().receive()
        if not self.writable.is_set():
            self.transport.pause_reading()
        return found

    def handle_connect(self, event: Request) -> None:
        """Say that this server knows how to send several texts together."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][TOGETHER] = {}

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message, or several that leave together; a text that is sent to many is framed once."""
        said: Mapping[str, Any] = message
        text: str | None = said.get("text")
        texts: Sequence[str] = said.get(TOGETHER, ()) if text is None else (text,)
        if said["type"] == "websocket.close":  # which waits until there is room to say so
            self.loop.call_later(CLOSED_S, self._cut_off)
        is_open = self.handshake_complete and not self.close_sent
        if not texts or not is_open:
            await super().send(message)
            if self.initial_response is not None and self.close_sent:
                self.handshake_complete = True  # it was refused, and told why: else uvicorn logs that nothing was said
            return
        if not self.writable.is_set():
            await self.writable.wait()
        if self.disconnected or self.close_sent or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(_ready(texts[0]) if len(texts) == 1 else b"".join(map(_ready, texts)))

    def keepalive_timeout(self) -> None:
        """Whoever does not answer a ping does not read what is said last either."""
        super().keepalive_timeout()
        self.transport.abort()

    def _wait_no_more(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _cut_off(self) -> None:
        if not self.disconnected:
            self.transport.abort()
