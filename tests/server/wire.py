"""A wire between clients and a server, which is cut where a test says: at a frame, in the middle of one, or where an
answer begins."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.until import LIMIT_S

RESET = struct.pack("ii", 1, 0)
"""Closed without a word: as networks end."""


class Wire:
    """What stands between, on a port of its own."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listens.getsockname()[1]
        self.frames: int | None = None
        """How many frames of a live server are let through before both ends are cut; None for all."""
        self.each: int | None = None
        """How many of them each connection lets through, before it is cut."""
        self.is_half = False
        """Whether half of the next frame gets through too."""
        self.lost = 0
        """How many answers to requests are lost: the server has done what it was asked for."""
        self.is_down = False
        """Whether whoever comes is turned away."""
        self.cuts = 0
        self.came = 0
        """How many connections were made."""
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut all that is connected now."""
        for pair in list(self._pairs):
            self._cut(pair)

    def close(self) -> None:
        """Be no more."""
        with contextlib.suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listens.accept()
            except OSError:
                return
            self.came += 1
            if self.is_down:
                _reset(near)
                continue
            far = socket.create_connection(("127.0.0.1", self._to_port), timeout=LIMIT_S)
            for end in (near, far):
                end.settimeout(None)
            pair = (near, far)
            with self._lock:
                self._pairs.add(pair)
            asked = threading.Event()
            threading.Thread(target=self._out, args=(pair, asked), daemon=True).start()
            threading.Thread(target=self._back, args=(pair, asked), daemon=True).start()

    def _cut(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs.discard(pair)
        for end in pair:
            _reset(end)

    def _out(self, pair: tuple[socket.socket, socket.socket], asked: threading.Event) -> None:
        near, far = pair
        with contextlib.suppress(OSError):
            while said := near.recv(65536):
                asked.set()
                far.sendall(said)
        self._cut(pair)

    def _back(self, pair: tuple[socket.socket, socket.socket], asked: threading.Event) -> None:
        near, far = pair
        with contextlib.suppress(OSError, _CutError):
            head = b""
            while said := far.recv(65536):
                if asked.is_set() and self.lost:
                    self.lost -= 1
                    raise _CutError
                asked.clear()
                head = (head + said)[:4096]
                if not head.startswith(b"HTTP/1.1 101"):
                    head = b""
                    near.sendall(said)
                    continue
                self._frames(near, far, said)
        self._cut(pair)

    def _frames(self, near: socket.socket, far: socket.socket, said: bytes) -> None:
        while b"\r\n\r\n" not in said:
            said += far.recv(65536)
        head, _, rest = said.partition(b"\r\n\r\n")
        near.sendall(head + b"\r\n\r\n")
        passed = 0
        while True:
            while (size := _frame_size(rest)) is None or len(rest) < size:
                more = far.recv(65536)
                if not more:
                    near.sendall(rest)
                    return
                rest += more
            if self.each is not None and passed >= self.each:
                self.cuts += 1
                raise _CutError
            self._pass(near, rest[:size])
            rest, passed = rest[size:], passed + 1

    def _pass(self, near: socket.socket, frame: bytes) -> None:
        if self.frames is not None:
            if self.frames <= 0:
                self.cuts += 1
                self.frames = None
                if self.is_half:
                    near.sendall(frame[: len(frame) // 2])
                raise _CutError
            self.frames -= 1
        near.sendall(frame)


class _CutError(Exception):
    pass


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def _frame_size(said: bytes) -> int | None:
    """How long the first frame is, which a server sent; None while that is not known."""
    if len(said) < 2:
        return None
    length = said[1] & 0x7F
    if length < 126:
        return 2 + length
    more = 2 if length == 126 else 8
    return None if len(said) < 2 + more else 2 + more + int.from_bytes(said[2 : 2 + more], "big")


@contextmanager
def wire(to_port: int) -> Iterator[Wire]:
    """One, until this is left."""
    made = Wire(to_port)
    try:
        yield made
    finally:
        made.close()
