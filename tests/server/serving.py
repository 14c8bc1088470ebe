"""A live server on loopback, in a thread of its own, and what a client of it does."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.until import LIMIT_S, until
from weft import Space
from weft.server.caller import CAPABILITIES, Caller, Guard, Stranger
from weft.server.client_state import ClientState, apply, news
from weft.server.frames import Completed, Delta, Error, ServerFrame, parse_server_frame
from weft.server.live import Live
from weft.server.serve import config_of
from weft.server.settings import LiveSettings
from weft.server.transports import live_routes


class Keys:
    """A guard: who has which key, as tests say."""

    def __init__(self, **users: Caller) -> None:
        self.callers = {f"key of {user}": caller for user, caller in users.items()}
        self.changes = 0
        self.asked = 0

    def caller(self, credential: str, /) -> Caller:
        self.asked += 1
        if credential not in self.callers:
            raise Stranger(why="nobody has this key")
        return self.callers[credential]

    def put(self, user: str, caller: Caller | None) -> None:
        """Let somebody do this from now on; None for no longer in."""
        self.callers.pop(f"key of {user}", None)
        if caller is not None:
            self.callers[f"key of {user}"] = caller
        self.changes += 1


def user(name: str, *capabilities: str, entities: frozenset[str] | None = None) -> Caller:
    """Somebody who may do all, or this."""
    return Caller(name, frozenset(capabilities or CAPABILITIES), entities)  # type: ignore[arg-type]


def any_origin(host: str, origin: str | None) -> bool:
    return host.startswith("127.0.0.1") and origin in (None, "http://127.0.0.1")


class Served:
    """A server that runs."""

    def __init__(self, live: Live, port: int, stop: Callable[[], None]) -> None:
        self.live, self.port, self.stop = live, port, stop

    def client(
        self, user: str = "ann", space: str = "shelf", *, state: ClientState | None = None, origin: str | None = None
    ) -> Client:
        return Client(f"ws://127.0.0.1:{self.port}/live/{space}", f"key of {user}", state=state, origin=origin)


@contextmanager
def served(space: Space, guard: Guard | None = None, settings: LiveSettings | None = None) -> Iterator[Served]:
    """Serve a space as `shelf` until this is left."""
    live = Live({"shelf": space}, guard or Keys(ann=user("ann"), ben=user("ben")), settings=settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with live:
            yield

    app = Starlette(routes=live_routes(live, may_come=any_origin), lifespan=lifespan)
    with running(app) as (port, stop):
        yield Served(live, port, stop)


@contextmanager
def running(app: ASGIApp) -> Iterator[tuple[int, Callable[[], None]]]:
    """Serve an app on loopback, on a thread, until this is left: its port, and what stops it sooner."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    config = config_of(app)
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    thread = threading.Thread(target=server.run, args=([listening],), name="server")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield listening.getsockname()[1], stop
    finally:
        stop()
        thread.join(LIMIT_S)
        listening.close()
        assert not thread.is_alive()


class Client:
    """A client with a state of its own, as programs write one: it counts what it was told."""

    def __init__(self, url: str, key: str, *, state: ClientState | None = None, origin: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= {"Origin": origin} if origin is not None else {}
        self._open = contextlib.ExitStack()
        opened = connect(url, additional_headers=headers, open_timeout=LIMIT_S, proxy=None)
        self.socket: ClientConnection = self._open.enter_context(opened)
        self.state = state or ClientState()
        self.frames: list[ServerFrame] = []
        self.texts: list[str] = []
        self.deltas: list[Delta] = []
        self.completed: list[Completed] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def say(self, op: str, **fields: object) -> None:
        self.socket.send(json.dumps({"op": op, **fields}))

    def next(self) -> ServerFrame:
        """Take the next frame."""
        text = self.socket.recv(timeout=LIMIT_S)
        assert isinstance(text, str)
        frame = parse_server_frame(text)
        found = news(self.state, frame)
        self.state = apply(self.state, frame)
        self.deltas += found if isinstance(found, tuple) else ()
        self.completed += [found] if isinstance(found, Completed) else []
        self.frames.append(frame)
        self.texts.append(text)
        return frame

    def until(self, is_so: Callable[[], object]) -> None:
        """Take frames until it is."""
        while not is_so():
            self.next()

    def error(self) -> Error:
        """The next error frame."""
        self.until(lambda: self.frames and isinstance(self.frames[-1], Error))
        found = self.frames[-1]
        assert isinstance(found, Error)
        return found

    def closed(self) -> tuple[int, str]:
        """Take what still comes, until the server closes: its code and reason."""
        with pytest.raises(ConnectionClosed) as closed:
            self.until(lambda: False)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason
