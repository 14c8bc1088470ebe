"""Connections that ask for nothing, and sockets whose other end does not read, are let go of."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode

import weft
from tests.server.charms import TYPES
from tests.server.serving import Keys, Served, running, served, user
from tests.until import LIMIT_S, until
from weft.server import held_to_time, serve
from weft.server.held_to_time import framed

SHORT_S = 0.2


@contextmanager
def asking(server: Served, said: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as taken:
        taken.sendall(said)
        yield taken


def ends(taken: socket.socket) -> bool:
    """Whether the other end lets go; never where it waits."""
    try:
        return taken.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("said", [b"", b"G", b"GET /live/shelf HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_who_does_not_say_what_they_want_is_let_go_of(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", SHORT_S)
    with weft.open(types=TYPES) as space, served(space) as server, asking(server, said) as taken:
        assert ends(taken)


def test_who_begins_a_second_request_and_does_not_end_it_is_let_go_of_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", SHORT_S)
    whole = b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with weft.open(types=TYPES) as space, served(space) as server, asking(server, whole) as taken:
        assert taken.recv(65_536).startswith(b"HTTP/1.1 404")
        taken.sendall(b"GET /no")
        taken.settimeout(LIMIT_S)
        while taken.recv(4096):
            pass


def test_who_is_answered_slowly_is_not_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", SHORT_S)
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        time.sleep(3 * SHORT_S)
        ann.say("ping", is_asking=True)
        ann.next()
        assert len(server.live.connections) == 1


def test_a_socket_that_is_over_and_is_never_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "CLOSED_S", SHORT_S)
    guard = Keys(ann=user("ann"))
    open_sockets: list[held_to_time.Sockets] = []
    made = held_to_time.Sockets.connection_made

    def noted(self: held_to_time.Sockets, transport: asyncio.BaseTransport) -> None:
        open_sockets.append(self)
        made(self, transport)

    monkeypatch.setattr(held_to_time.Sockets, "connection_made", noted)
    with weft.open(types=TYPES) as space, served(space, guard) as server, asking(server, handshake("ann")):
        until(lambda: bool(server.live.connections))
        (stuck,) = open_sockets
        stuck.loop.call_soon_threadsafe(stuck.pause_writing)  # as where its buffer is full
        guard.put("ann", None)
        until(lambda: not server.live.connections)
        until(lambda: stuck.disconnected)
        assert not stuck.connections


def test_who_takes_nothing_of_server_sent_events_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "STALLED_S", SHORT_S)
    asks = b"GET /live/shelf/events?from=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer key of ann\r\n\r\n"
    seen: list[held_to_time.Requests] = []
    made = held_to_time.Requests.connection_made

    def noted(self: held_to_time.Requests, transport: asyncio.Transport) -> None:
        seen.append(self)
        made(self, transport)

    monkeypatch.setattr(held_to_time.Requests, "connection_made", noted)
    with weft.open(types=TYPES) as space, served(space) as server, asking(server, asks):
        until(lambda: bool(server.live.connections))
        (stuck,) = seen
        stuck.loop.call_soon_threadsafe(stuck.pause_writing)
        until(lambda: not server.live.connections)
        until(lambda: not stuck.connections)


LINES = b"x: y\r\n"
ASKS = b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(ASKS + LINES * held_to_time.HEADERS_MAX + b"\r\n", id="too many headers"),
        pytest.param(ASKS + b"x: " + b"y" * held_to_time.HEAD_BYTES_MAX + b"\r\n\r\n", id="a long header"),
        pytest.param(b"GET /" + b"y" * held_to_time.HEAD_BYTES_MAX + b" HTTP/1.1\r\n\r\n", id="a long address"),
        pytest.param(ASKS + b"x: " + b"y" * 4_000_000, id="an endless header"),
        pytest.param(ASKS + b"y" * 4_000_000, id="an endless name"),
        pytest.param(b"\r\n" * 2_000_000, id="empty lines"),
        pytest.param(CHUNKED + LINES * 201, id="headers behind a body"),
        pytest.param(CHUNKED + b"x: " + b"y" * 4_000_000, id="an endless header behind a body"),
    ],
)
def test_a_head_that_is_too_large_is_never_held(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", 10 * LIMIT_S)
    with weft.open(types=TYPES) as space, served(space) as server, asking(server, b"") as taken:
        with contextlib.suppress(OSError):  # it may be let go of before it has said all
            taken.sendall(said)
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while more := taken.recv(65_536):
                heard += more
        assert b"HTTP/1.1 431 " in heard
        assert b"connection: close" in heard
        with asking(server, ASKS + b"\r\n") as other:
            assert other.recv(12) == b"HTTP/1.1 404"


def test_a_head_that_is_as_large_as_it_may_be_is_heard() -> None:
    with weft.open(types=TYPES) as space, served(space) as server:
        room = held_to_time.HEAD_BYTES_MAX - 200 * 6 - 200
        with asking(server, ASKS + b"l: " + b"y" * room + b"\r\n" + LINES * 198 + b"\r\n") as taken:
            assert taken.recv(12) == b"HTTP/1.1 404"


class Reader:
    """An app that answers how many bytes it was sent, from the moment on that it may read; at `/deaf` it reads none."""

    def __init__(self) -> None:
        self.may_read = threading.Event()
        self.may_read.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        size = 0
        if scope["path"] != "/deaf":
            await asyncio.to_thread(self.may_read.wait, LIMIT_S)
            while (said := await receive())["type"] == "http.request":
                size += len(said["body"])
                if not said["more_body"]:
                    break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]})
        await send({"type": "http.response.body", "body": b"%8d" % size})


def posts(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()


@contextmanager
def telling(app: ASGIApp, said: bytes) -> Iterator[socket.socket]:
    with running(app) as (port, _), socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as taken:
        taken.sendall(said)
        yield taken


def heard_until_it_ends(taken: socket.socket) -> bytes:
    heard = b""
    with contextlib.suppress(ConnectionResetError):
        while more := taken.recv(65_536):
            heard += more
    return heard


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(posts("/", "Content-Length: 9"), id="none"),
        pytest.param(posts("/", "Content-Length: 9") + b"begun", id="some"),
        pytest.param(posts("/", "Transfer-Encoding: chunked"), id="no chunk"),
        pytest.param(posts("/", "Transfer-Encoding: chunked") + b"5\r\nbegun\r\n0\r\n", id="no end"),
    ],
)
def test_who_does_not_send_what_they_said_they_would_is_let_go_of(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "BODY_STALLED_S", SHORT_S)
    with telling(Reader(), said) as taken:
        assert heard_until_it_ends(taken) == b""


def test_who_sends_slowly_and_steadily_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "BODY_STALLED_S", 4.0)
    with telling(Reader(), posts("/", "Content-Length: 20")) as taken:
        for _ in range(20):
            time.sleep(0.25)
            taken.sendall(b"x")
        assert taken.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("headers", [("Content-Length: 9000000",), ("Content-Length: 9", "Expect: 100-continue")])
def test_who_waits_to_be_read_is_not_let_go_of(headers: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "BODY_STALLED_S", SHORT_S)
    app = Reader()
    app.may_read.clear()
    with telling(app, posts("/", *headers)) as taken:
        size = int(headers[0].split()[1])
        asks_first = len(headers) > 1
        later = threading.Timer(4 * SHORT_S, app.may_read.set)
        later.start()
        if asks_first:
            assert taken.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        taken.sendall(b"x" * size)  # which waits as long as the app does
        heard = b""
        while not heard.endswith(b"%8d" % size):
            more = taken.recv(65_536)
            assert more, heard
            heard += more
        later.join()


def test_a_body_that_is_not_read_ends_the_connection_and_the_answer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", 10 * LIMIT_S)
    with telling(Reader(), posts("/deaf", "Content-Length: 1000000")) as taken:
        heard = taken.recv(65_536)
        assert b"connection: close" in heard
        taken.sendall(b"x" * 1_000_000)  # it is taken, so that whoever sends first and reads then has the answer

        heard += heard_until_it_ends(taken)
        assert heard.endswith(b"%8d" % 0)


def test_who_is_answered_and_never_ends_what_they_send_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", SHORT_S)
    with telling(Reader(), posts("/deaf", "Content-Length: 1000000")) as taken:
        assert taken.recv(65_536).startswith(b"HTTP/1.1 200")

        def say_more() -> None:
            for _ in range(int(LIMIT_S / SHORT_S)):
                taken.sendall(b"x")
                time.sleep(SHORT_S / 2)

        with pytest.raises(OSError, match=r"reset|pipe"):
            say_more()


@pytest.mark.parametrize("said", [b"\r\n", b"\r"])
def test_who_was_answered_and_says_nothing_that_is_a_request_is_let_go_of(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_to_time, "HEADERS_S", SHORT_S)
    with telling(Reader(), posts("/", "Content-Length: 0")) as taken:
        heard = b""
        while not heard.endswith(b"%8d" % 0):  # the answer says how long the body was
            heard += taken.recv(65_536)
        assert heard.startswith(b"HTTP/1.1 200")
        taken.sendall(said)
        assert heard_until_it_ends(taken) == b""


@pytest.mark.parametrize("is_read_again", [True, False])
def test_of_a_socket_that_does_not_read_nothing_is_read(is_read_again: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_to_time, "STALLED_S", 10 * LIMIT_S if is_read_again else SHORT_S)
    seen: list[held_to_time.Sockets] = []
    made = held_to_time.Sockets.connection_made

    def noted(self: held_to_time.Sockets, transport: asyncio.BaseTransport) -> None:
        seen.append(self)
        made(self, transport)

    monkeypatch.setattr(held_to_time.Sockets, "connection_made", noted)
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        ann.say("ping", is_asking=True)
        ann.next()
        (stuck,) = seen
        stuck.loop.call_soon_threadsafe(stuck.pause_writing)  # as where its buffer is full
        if not is_read_again:
            until(lambda: stuck.disconnected)
            return
        until(lambda: not stuck.transport.is_reading())
        pong = ann.socket.ping()
        assert not pong.wait(SHORT_S)
        stuck.loop.call_soon_threadsafe(stuck.resume_writing)
        assert pong.wait(LIMIT_S)


def test_a_message_that_is_too_long_is_never_held() -> None:
    with weft.open(types=TYPES) as space, served(space) as server, server.client() as ann:
        # Its first bytes say how long it is; had more been sent, the reset might overtake what is answered.
        ann.socket.socket.sendall(struct.pack("!BBQ", 0x81, 0x80 | 127, 2 * serve.MESSAGE_BYTES_MAX) + b"mask")

        assert ann.closed()[0] == 1009


def test_sockets_count_as_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "CONNECTIONS_MAX", 2)
    with weft.open(types=TYPES) as space, served(space) as server:
        with server.client() as ann, server.client("ben"):
            with pytest.raises(InvalidStatus, match="503"):
                server.client()
            ann.say("ping", is_asking=True)
            ann.next()
        until(lambda: not server.live.connections)
        with server.client() as ann:
            ann.say("ping", is_asking=True)
            ann.next()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_is_framed_as_the_standard_has_it(length: int) -> None:
    text = "ä" * (length // 2) + "x" * (length % 2)

    assert framed(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


def handshake(user: str) -> bytes:
    return (
        "GET /live/shelf HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer key of {user}\r\n\r\n"
    ).encode()


def test_a_handshake_that_is_refused_is_told_why_and_is_nothing_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("uvicorn.error")
    with weft.open(types=TYPES) as space, served(space) as server:
        logger.addHandler(caplog.handler)
        try:
            with pytest.raises(InvalidStatus) as refused, server.client("ann", origin="http://evil.example"):
                pass
            server.stop()
            until(lambda: not any(one.name == "server" for one in threading.enumerate()))
        finally:
            logger.removeHandler(caplog.handler)

    assert refused.value.response.status_code == 403
    assert b"ForeignOrigin" in refused.value.response.body
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
