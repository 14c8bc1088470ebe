"""A wire: one WebSocket, between the server that has it and python-socketio, which opens it and keeps it alive.

What a client says is read here first. What opens, keeps and ends the connection goes on to python-socketio; what calls
a method goes to whoever hears it, and is seen by the library no more. What is told to the client is written here, and
whoever writes waits until there is room: nothing is queued for a client that does not read.

Knows nothing of services and of who the client is. Invariant: nothing that is malformed gets further, nothing is sent
once it is over, and nobody waits any longer for a client that is gone.
Source: Engine.IO's server has a queue without bounds for each client, which a stalled one fills.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.types import Message, Receive, Scope, Send

from weft.server.feathers.packet import BadPacket, Connect, Event, Kept, parse_packet

FAREWELL_S = 2.0
"""How long a client that is cut off may take to be told why, in seconds."""
REASON_BYTES_MAX = 120
"""How long the reason of a close may be: the standard has room for 123."""
POLICY, NORMAL = 1008, 1000


class Hears(Protocol):
    """Whoever a client speaks to."""

    @property
    def bytes_max(self) -> int:
        """How long what the client says may be, now."""
        ...

    async def hear(self, event: Event, /) -> None:
        """Do what it calls. What this waits for, the client waits for."""
        ...


class Wire:
    """One client's WebSocket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.hears: Hears | None = None
        self.is_open = asyncio.Event()
        """Set once the client was told that it is connected: nothing else is told before."""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why = ""
        self._is_asked = False
        """Whether the client has asked to be connected."""
        self._senders: set[asyncio.Task[object]] = set()

    # ---- for python-socketio: ASGI ----
    async def receive(self) -> Message:
        """The next message that is the library's."""
        while not self.over.done():
            coming = asyncio.ensure_future(self._receive())
            try:
                await asyncio.wait((coming, self.over), return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    break
            finally:
                coming.cancel()
            message = coming.result()
            if message["type"] != "websocket.receive" or await self._is_librarys(message):
                return message
        return {"type": "websocket.disconnect", "code": NORMAL}

    async def send(self, message: Message) -> None:
        """What the library sends."""
        if message["type"] == "websocket.close" and self._why:
            reason = self._why.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
            message = {**message, "code": POLICY, "reason": reason}
        elif message["type"] == "websocket.send" and self.over.done():
            raise OSError("the connection is over")
        await self._write(message)
        if (message.get("text") or "").startswith("40{"):
            self.is_open.set()

    async def _is_librarys(self, message: Message) -> bool:
        assert self.hears is not None
        try:
            text = message.get("text")
            if text is None:
                raise BadPacket(why="it is binary")
            packet = parse_packet(text, bytes_max=self.hears.bytes_max)
            if isinstance(packet, Kept):
                return True
            if isinstance(packet, Connect):
                self._check_asks_once()
                return True
            if not self.is_open.is_set():
                raise BadPacket(why="something is called before the connection is open")
            await self.hears.hear(packet)
        except BadPacket as why:
            self.end(str(why))
        return False

    def _check_asks_once(self) -> None:
        if self._is_asked:
            raise BadPacket(why="the connection was asked for before")
        self._is_asked = True

    # ---- for whoever tells the client something ----
    async def put(self, text: str) -> None:
        """Tell it a packet; waits while it does not read. Raises `OSError` where it is over."""
        await self.is_open.wait()
        if self.over.done():
            raise OSError("the connection is over")
        await self._write({"type": "websocket.send", "text": text})

    async def _write(self, message: Message) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._senders.add(task)
        try:
            await self._send(message)
        finally:
            self._senders.discard(task)

    async def farewell(self, *texts: str) -> None:
        """Tell it these last, if it is there and reads them soon, and be over."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                for text in texts if self.is_open.is_set() else ():
                    await self.put(text)
        except (OSError, TimeoutError):
            pass
        self.end()

    def end(self, why: str = "") -> None:
        """Have it over: whoever waits for the client waits no longer."""
        if not self.over.done():
            self._why = why
            self.over.set_result(None)
        self.is_open.set()
        here = asyncio.current_task()
        for task in self._senders - ({here} if here is not None else set()):
            task.cancel()


Puts = Callable[[str], Awaitable[None]]
"""What takes a packet to a client."""
