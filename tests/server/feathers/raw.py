"""A client of Socket.IO that says what it likes, and reads when it likes."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.until import LIMIT_S


class Raw:
    """A WebSocket, opened as Engine.IO is."""

    def __init__(self, port: int, *, holds_bytes: int = 0, **headers: str) -> None:
        """`holds_bytes`: how much comes in, about, while it does not read."""
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self._open = ExitStack()
        self.line = socket.socket()
        if holds_bytes:
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, holds_bytes)
        self.line.connect(("127.0.0.1", port))
        opened = connect(
            url, additional_headers=headers, open_timeout=LIMIT_S, proxy=None, max_queue=1, ping_interval=None,
            close_timeout=1, sock=self.line,
        )  # fmt: skip
        self.socket = self._open.enter_context(opened)
        assert self.next().startswith("0{")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def say(self, said: str | bytes) -> None:
        self.socket.send(said)

    def next(self) -> str:
        text = self.socket.recv(timeout=LIMIT_S)
        assert isinstance(text, str)
        return text

    def enter(self, key: str = "key of ann") -> None:
        """Be somebody."""
        self.say("40" + json.dumps({"accessToken": key}))
        assert self.next().startswith("40{")

    def call(self, *arguments: Any, id: int = 7) -> list[Any]:
        """What is answered; events before it are passed over."""
        self.say(f"42{id}" + json.dumps(arguments))
        while not (text := self.next()).startswith(f"43{id}"):
            pass
        found: list[Any] = json.loads(text.removeprefix(f"43{id}"))
        return found

    def _read_all(self) -> None:
        while True:
            self.next()

    def over(self) -> tuple[int, str]:
        """Read what still comes, until it is closed: the code, and why."""
        with pytest.raises(ConnectionClosed) as closed:
            self._read_all()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason
