"""Serving: a server on an address, until it is told to stop.

Knows nothing of what is served. Invariant: nobody but this machine reaches a server that has no users; when it stops,
what it has answered for is kept.
Source: uvicorn, whose signals end it gracefully.
"""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from weft.errors import WeftError
from weft.server.bounds import BODY_BYTES_MAX
from weft.server.held_to_time import Requests, Sockets

STOP_S = 5
"""How long a server that stops waits for the calls that are at work, in seconds."""
CONNECTIONS_MAX = 4000
"""How many connections are served at one time, sockets too; more are told to come again."""
MESSAGE_BYTES_MAX = BODY_BYTES_MAX + 64
"""How long a message to a socket may be, which is a call of Socket.IO at most: no more of one is ever held."""


class NoUsers(WeftError):
    """{host} can be reached by others, and nobody is known here yet. Make a user first, by `weft user add NAME`, or
    leave out --host to serve this machine alone."""

    exit_code = 2
    host: str


class CannotListen(WeftError):
    """{host} port {port} cannot be listened at: {why}. Give another --port, or 0 for any that is free."""

    host: str
    port: int
    why: str


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_host(host: str, has_users: Callable[[], bool]) -> None:
    """Raises `NoUsers`."""
    if not is_loopback(host) and not has_users():
        raise NoUsers(host=host)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens; at port 0 at one that is free. Raises `CannotListen`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host.strip("[]"), port), family=family)
    except OSError as why:
        raise CannotListen(host=host, port=port, why=why.strerror or str(why)) from None
    with found:
        yield found


def address_of(host: str, listens: socket.socket) -> str:
    """Where a browser finds it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listens.getsockname()[1]}"


def config_of(app: ASGIApp) -> uvicorn.Config:
    """How an app is served."""
    return uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, http=Requests, ws=Sockets,
        timeout_graceful_shutdown=STOP_S, limit_concurrency=CONNECTIONS_MAX, proxy_headers=False,
        ws_per_message_deflate=False, ws_max_size=MESSAGE_BYTES_MAX,
    )  # fmt: skip


def serve(app: ASGIApp, listens: socket.socket, on_start: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C or SIGTERM; calls at work are given a few seconds to end. The main thread alone may."""
    _allow_descriptors()
    server = _Server(config_of(app))
    server.on_start = on_start
    with _told_to_stop(server):
        server.run(sockets=[listens])


def _allow_descriptors() -> None:
    """Have as many as the system lets this program have, for connections: most systems begin with 1,024."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * CONNECTIONS_MAX
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


class _Server(uvicorn.Server):
    on_start: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so once it is up."""
        await super().startup(sockets)
        if not self.should_exit:
            self.on_start()


@contextmanager
def _told_to_stop(server: uvicorn.Server) -> Iterator[None]:
    """Uvicorn, when it has ended, raises anew the signals that ended it, and they would end the program before the
    spaces are closed: so they are taken here."""

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
