"""A server to be measured: `python -m benchmarks.server_sides KIND FOLDER`, told by lines what to do.

Three kinds serve the same to many: `weft` a space, as `weft serve` serves it (`memory` one that is in no file, so that
no disk is measured); `raw` a Starlette WebSocket that has
nothing but texts and a cursor for each connection; `socketio` python-socketio, that sends the same to a room. What the
last two send was recorded from the first, message by message.

Lines in: `texts FILE` (what one telling comes to, as JSON), `tell COUNT PER_S` (so many messages), `collect`, `end`.
Lines out: the port at first, as JSON with what else clients need; then a line for each that was done.
Source: python-socketio's documentation of its ASGI server; Starlette's of WebSockets.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

import weft
from weft import Entity, Field, derive, field
from weft.cli.serve import LOOKS_EVERY_S
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.app import make_app
from weft.server.gate import gate_of
from weft.server.live import Live
from weft.server.serve import config_of
from weft.server.settings import LiveSettings
from weft.server.transports import live_routes

FILES_MAX = 16_384
STAMP_FROM = 10**15
"""A stamp is this and the microseconds of the clock that all programs of a machine share: 16 digits."""
STAMP = "1000000000000000"
"""What stands for it in texts that were recorded."""
PASSWORD = "correct horse battery"


def stamp() -> int:
    """Now."""
    return STAMP_FROM + time.monotonic_ns() // 1000


def same(number: int) -> int:
    """The number."""
    return number


class Told(Entity):
    """What is told a number, and shows it."""

    number: Field[int] = field(default=0)
    shown = derive(same, number)


class Side(Protocol):
    """What is served, and how it is told something."""

    app: ASGIApp
    needs: dict[str, str]

    @property
    def head(self) -> int:
        """How far it has come: behind this, all is new."""

    def texts(self, texts: list[str]) -> None:
        """What one telling comes to."""

    def tell(self, count: int, per_s: float) -> None:
        """Have so many messages sent to each."""


class Weft:
    """A space in a file, or in memory, and its accounts in another file."""

    def __init__(self, folder: Path, *, in_memory: bool) -> None:
        self.space = weft.open(None if in_memory else str(folder / "told.weft"), types=[Told])
        self.accounts = Accounts(folder / "accounts" / "accounts.sqlite", looks_every_s=LOOKS_EVERY_S)
        self.accounts.users.add("ann", Hidden(PASSWORD))
        token = self.accounts.tokens.make("ann", "clients").reveal()
        self.told = self.space.create(Told)
        live = Live({"told": self.space}, self.accounts, settings=LiveSettings(connections_per_user=FILES_MAX))
        routes = live_routes(live, may_come=gate_of(()).may_come)
        self.app = make_app({"told": self.space}, self.accounts, more_routes=routes, held=[live])
        self.needs = {"token": token, "entity": self.told.id}
        self.each = 1

    @property
    def head(self) -> int:
        return self.space.position

    def texts(self, texts: list[str]) -> None:
        self.each = len(texts)

    def tell(self, count: int, per_s: float) -> None:
        def one() -> None:
            self.told.number = stamp()
            if not per_s:
                self.told.shown.wait()  # else it is computed once for several of them

        in_turns(one, count // self.each, per_s / self.each)


class Raw:
    """Texts, and for each connection how far it has come."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.texts_of_one: list[str] = []
        self.more = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.needs: dict[str, str] = {}
        self.app: ASGIApp = Starlette(routes=[WebSocketRoute("/live", self.live)], lifespan=self.lifespan)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Know the loop."""
        self.loop = asyncio.get_running_loop()
        yield

    async def live(self, socket: WebSocket) -> None:
        """Send all behind where a client says that it is."""
        await socket.accept()
        try:
            position = int(await socket.receive_text())
            while True:
                while position < len(self.said):
                    position += 1
                    await socket.send_text(self.said[position - 1])
                await self.more.wait()
        except WebSocketDisconnect:
            pass

    @property
    def head(self) -> int:
        return len(self.said)

    def texts(self, texts: list[str]) -> None:
        self.texts_of_one = texts

    def tell(self, count: int, per_s: float) -> None:
        assert self.loop is not None
        said = self.loop.call_soon_threadsafe
        in_turns(lambda: said(self.say), count, per_s)

    def say(self) -> None:
        """The next text, to all."""
        text = self.texts_of_one[len(self.said) % len(self.texts_of_one)]
        self.said.append(text.replace(STAMP, str(stamp())))
        self.more.set()
        self.more = asyncio.Event()


class SocketIo:
    """A room."""

    def __init__(self) -> None:
        import socketio

        self.server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[], transports=["websocket"])
        self.server.on("connect", self.connect)
        self.app: ASGIApp = socketio.ASGIApp(self.server, on_startup=self.start)
        self.count = 0
        self.texts_of_one: list[str] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.needs: dict[str, str] = {}

    async def start(self) -> None:
        """Know the loop."""
        self.loop = asyncio.get_running_loop()

    async def connect(self, id: str, environ: object, auth: object = None) -> None:
        """Come in."""
        await self.server.enter_room(id, "all")

    @property
    def head(self) -> int:
        return self.count

    def texts(self, texts: list[str]) -> None:
        self.texts_of_one = texts

    def tell(self, count: int, per_s: float) -> None:
        loop = self.loop
        assert loop is not None
        in_turns(lambda: asyncio.run_coroutine_threadsafe(self.say(), loop).result(), count, per_s)

    async def say(self) -> None:
        """The next text, to all."""
        text = self.texts_of_one[self.count % len(self.texts_of_one)].replace(STAMP, str(stamp()))
        self.count += 1
        await self.server.emit("live", json.loads(text), room="all")


def in_turns(do: Callable[[], object], count: int, per_s: float) -> None:
    """So many times, so often; at once where `per_s` is 0."""
    began = time.monotonic()
    for number in range(count):
        if per_s:
            time.sleep(max(0.0, began + number / per_s - time.monotonic()))
        do()


def made(kind: str, folder: Path) -> Side:
    """What is served."""
    if kind in ("weft", "memory"):
        return Weft(folder, in_memory=kind == "memory")
    return Raw() if kind == "raw" else SocketIo()


def main(kind: str, folder: str) -> None:
    """Serve until `end`, or until nobody is left to say it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_MAX, most), most))
    side = made(kind, Path(folder))
    listens = socket.create_server(("127.0.0.1", 0), backlog=2048)
    is_ours = isinstance(side, Weft)
    config = config_of(side.app) if is_ours else uvicorn.Config(side.app, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, args=([listens],), daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    say({"port": listens.getsockname()[1], **side.needs})
    for line in sys.stdin:
        what, *args = line.split()
        if what == "end":
            break
        if what == "texts":
            side.texts(json.loads(Path(args[0]).read_text()))
        elif what == "tell":
            side.tell(int(args[0]), float(args[1]))
        if what == "collect":
            gc.collect()
        say({"done": what, "head": side.head})
    os._exit(0)  # whoever is still connected need not be told


def say(said: dict[str, object]) -> None:
    """A line out."""
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
