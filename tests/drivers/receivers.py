"""Receivers on this machine: servers that say line by line what a test wants them to say."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

CERTIFICATE = Path(__file__).parent / "certificate.pem"
"""For shop.example, localhost and 127.0.0.1, signed by itself; its key is in the same file, and is no secret."""
PATIENCE_S = 60
SILENT = b""
"""An answer that never comes: the connection stays open, until the test has ended."""


def serving_tls() -> ssl.SSLContext:
    """What a server with the tests' certificate uses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def trusting_tls() -> ssl.SSLContext:
    """What a client uses that trusts the tests' certificate, and no other."""
    return ssl.create_default_context(cafile=CERTIFICATE)


class Receiver:
    """A server in a thread, that gives each connection to a function, in a thread of its own."""

    def __init__(
        self, serve: Callable[[socket.socket], None], *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._serve, self._tls = serve, tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=family)
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        self.server_names: list[str | None] = []
        self.ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.server_names.append(name)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(lambda connection=connection: self._serve_one(connection))  # type: ignore[misc]

    def _serve_one(self, connection: socket.socket) -> None:
        # Clients may go whenever they like; that is their test, not this server's.
        with connection, suppress(OSError):
            connection.settimeout(PATIENCE_S)
            if self._tls is None:
                self._serve(connection)
                return
            with self._tls.wrap_socket(connection, server_side=True) as encrypted:
                self._open.append(encrypted)
                self._serve(encrypted)


class Request(NamedTuple):
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


class HttpReceiver(Receiver):
    """Answers each request with the bytes that `answer` gives, and closes the connection."""

    def __init__(
        self,
        answer: Callable[[Request], bytes] = lambda _: reply(200, b"done"),
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(self._exchange, tls=tls, host=host)
        self.answer = answer
        self.requests: list[Request] = []
        self.taken = threading.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def listed(self) -> tuple[str, ...]:
        """As a driver's `allow` names it."""
        return (f"127.0.0.1:{self.port}",)

    def _exchange(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as incoming:
            line = incoming.readline().decode().strip()
            if not line:
                return
            headers: dict[str, str] = {}
            while text := incoming.readline().decode().strip():
                name, _, value = text.partition(":")
                headers[name.lower()] = value.strip()
            body = incoming.read(int(headers.get("content-length", 0)))
        request = Request(line, headers, body)
        self.requests.append(request)
        self.taken.set()
        answer = self.answer(request)
        if answer is SILENT:
            self.ended.wait(PATIENCE_S)
        connection.sendall(answer)


def reply(status: int, body: bytes = b"", *headers: str, size: int | None = None) -> bytes:
    """An answer in bytes; `size` is the length that it claims."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if size is None else size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
