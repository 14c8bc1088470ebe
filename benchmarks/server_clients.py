"""Many clients of a server that is measured: `python -m benchmarks.server_clients`, told by lines what to do.

They speak just enough of a WebSocket to take what comes, so that a thousand of them cost little beside the server. Each
line in is a JSON object with what to `do`; each is answered by one.
Source: RFC 6455; the protocols of Engine.IO and Socket.IO, versions 4 and 5.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import socket
import struct
import sys
import time
from typing import Any, TypeAlias

from benchmarks.server_sides import FILES_MAX, STAMP_FROM

Json: TypeAlias = dict[str, Any]
STAMPED = re.compile(rb"1[0-9]{15}")
AT_ONCE = 50
"""So many connections are begun before the first of them is there."""
WAIT_S = 120.0
SMALL_BYTES = 2304


class Line(asyncio.Protocol):
    """One connection. `says`: what it says once it is there, and of Socket.IO after the server has greeted it."""

    def __init__(self, path: str, headers: str, says: list[str], *, is_socketio: bool) -> None:
        self.path, self.headers, self.says, self.is_socketio = path, headers, says, is_socketio
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_upgraded = False
        self.held = bytearray()
        self.kept: list[bytes] | None = None
        """What came, where it is to be kept."""
        self.took_s: list[float] = []
        self.count = 0
        self.awaited, self.came = 0, asyncio.Event()
        self.is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"{self.headers}\r\n".encode()
        )

    def connection_lost(self, why: Exception | None) -> None:
        """Say so to whoever waits."""
        self.is_over = True
        self.came.set()
        if not self.open.done():
            self.open.set_exception(ConnectionError("the server closed it"))

    def data_received(self, data: bytes) -> None:
        """Take what is whole of it."""
        self.held += data
        if not self.is_upgraded:
            head, found, rest = bytes(self.held).partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.is_upgraded, self.held = True, bytearray(rest)
            if not self.is_socketio:
                self.greet()
        while (found_at := frame_in(self.held)) is not None:
            op, start, end = found_at
            text = bytes(self.held[start:end])
            del self.held[:end]
            if op == 1:
                self.take(text)
            elif op == 9:
                self.send(text, op=10)

    def greet(self) -> None:
        """Say what is to be said."""
        for text in self.says:
            self.send(text.encode())
        self.open.set_result(None)

    def take(self, text: bytes) -> None:
        """A message."""
        if self.is_socketio and text[:2] != b"42":
            if text[:1] == b"0":
                self.send(b"40")
            elif text[:2] == b"40":
                self.greet()
            elif text == b"2":
                self.send(b"3")
            return
        if text.startswith((b'{"op":"heartbeat"', b'{"op":"presence"')):
            return
        self.count += 1
        if self.kept is not None:
            self.kept.append(text)
        elif (found := STAMPED.search(text)) is not None:
            self.took_s.append(time.monotonic_ns() / 1e9 - (int(found[0]) - STAMP_FROM) / 1e6)
        if self.count == self.awaited:
            self.came.set()

    def send(self, said: bytes, op: int = 1) -> None:
        """A short message, masked by zeros."""
        size = struct.pack("!B", 0x80 | len(said)) if len(said) < 126 else struct.pack("!BH", 0xFE, len(said))
        self.transport.write(bytes([0x80 | op]) + size + bytes(4) + said)

    async def wait(self, count: int) -> None:
        """Until so many messages have come, all in all."""
        self.awaited = count
        if self.count < count:
            self.came.clear()
            await asyncio.wait_for(self.came.wait(), WAIT_S)
        if self.is_over:
            raise ConnectionError("the server closed it")


def frame_in(held: bytearray) -> tuple[int, int, int] | None:
    """(what it is, where its content begins and ends) of the first frame, if it is whole."""
    if len(held) < 2:
        return None
    start, size = 2, held[1]
    if size == 126 and len(held) >= 4:
        start, size = 4, struct.unpack_from("!H", held, 2)[0]
    elif size == 127 and len(held) >= 10:
        start, size = 10, struct.unpack_from("!Q", held, 2)[0]
    elif size > 125:
        return None
    return (held[0] & 15, start, start + size) if len(held) >= start + size else None


class Clients:
    """Those that are connected."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.stalled: list[Line] = []

    async def connect(self, count: int, **how: Any) -> Json:
        """So many more, each of which has said its words."""
        for begun in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - begun)
            self.lines += await asyncio.gather(*(one_line(**how) for _ in range(some)))
        return {"count": len(self.lines)}

    async def stall(self, **how: Any) -> Json:
        """One more, that reads nothing."""
        line = await one_line(**how, is_small=True)
        line.transport.pause_reading()
        self.stalled.append(line)
        return {}

    async def come(self, quiet_s: float) -> Json:
        """What came since this was last asked, once it is quiet for so long."""
        await self._quiet(quiet_s)
        took_s = sorted(one for line in self.lines for one in line.took_s)
        counts = [line.count for line in self.lines]
        lost = sum(line.is_over for line in self.lines)
        for line in self.lines:
            line.took_s, line.count = [], 0
        at = {f"p{part}": took_s[len(took_s) * part // 100] for part in (50, 99) if took_s}
        return {"least": min(counts), "most": max(counts), "all": sum(counts), "lost": lost, **at}

    async def _quiet(self, quiet_s: float) -> None:
        count = -1
        while count != (now := sum(line.count for line in self.lines)):
            count = now
            await asyncio.sleep(quiet_s)

    async def record(self, quiet_s: float) -> Json:
        """What the first one, which keeps it, got until it is quiet for so long."""
        line = self.lines[0]
        await self._quiet(quiet_s)
        kept, line.kept = line.kept or [], []
        return {"texts": [text.decode() for text in kept]}

    async def reconnect(self, count: int, messages: int, **how: Any) -> Json:
        """So many come back, and get so many messages each: how long that takes until the last has all."""
        began = time.monotonic()
        waiting = asyncio.Semaphore(AT_ONCE)

        async def one() -> Line:
            async with waiting:
                line = await one_line(**how, is_keeping=True)
                await line.wait(messages)
                return line

        self.lines = list(await asyncio.gather(*(one() for _ in range(count))))
        took_s = time.monotonic() - began
        same = {tuple(line.kept or ()) for line in self.lines}
        return {"seconds": took_s, "texts": [[text.decode() for text in each] for each in same]}

    async def close(self) -> Json:
        """All of them."""
        for line in (*self.lines, *self.stalled):
            line.transport.abort()
        self.lines, self.stalled = [], []
        await asyncio.sleep(0.2)
        return {}


async def one_line(
    port: int,
    path: str,
    says: list[str],
    headers: str = "",
    *,
    is_socketio: bool = False,
    is_small: bool = False,
    is_keeping: bool = False,
) -> Line:
    """A connection that has said its words."""
    loop = asyncio.get_running_loop()
    taken = socket.socket()
    if is_small:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
    taken.setblocking(False)
    await loop.sock_connect(taken, ("127.0.0.1", port))
    _, line = await loop.create_connection(lambda: Line(path, headers, says, is_socketio=is_socketio), sock=taken)
    line.kept = [] if is_keeping else None
    await asyncio.wait_for(line.open, WAIT_S)
    return line


async def main() -> None:
    """Do what is said, until nothing more is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, most), most))
    clients = Clients()
    while line := await asyncio.to_thread(sys.stdin.readline):
        said = json.loads(line)
        answer = await getattr(clients, said.pop("do"))(**said)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
