"""Frames: what a runner and its worker process say to each other, one message at a time, over a pipe.

A frame is four bytes of length and a map in canonical dag-cbor. Nothing in it is a Python object, so nothing in it can
run: values travel as the bytes that their shape made of them.

Knows nothing of what messages mean.
Invariant: a frame is at most `FRAME_BYTES_MAX` long, and is read whole or not at all.
Source: Erlang's port protocol (`{packet, 4}`).
"""

from __future__ import annotations

import struct
from typing import IO, TypeAlias

from weft.content import Plain, decode, encode
from weft.errors import Undecodable, WeftError
from weft.value import VALUE_BYTES_MAX

Message: TypeAlias = "dict[str, Plain]"

FRAME_BYTES_MAX = VALUE_BYTES_MAX + (1 << 16)
"""Room for the largest value, and for what else a report says."""
CHUNK_BYTES = 1 << 18
"""How much of a blob goes into one frame."""

_LENGTH = struct.Struct(">I")


class FrameTooLarge(WeftError):
    """A message of {size_bytes} bytes is more than a worker process takes ({size_bytes_max}). Pass large content as a
    Blob, which is read piece by piece, or use runner="thread"."""

    size_bytes: int
    size_bytes_max: int


def write_frame(sink: IO[bytes], message: Message) -> None:
    """Send one message. Raises `FrameTooLarge` before anything was sent, and `OSError` when nobody reads any more."""
    body = encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise FrameTooLarge(size_bytes=len(body), size_bytes_max=FRAME_BYTES_MAX)
    sink.write(_LENGTH.pack(len(body)))
    sink.write(body)
    sink.flush()


def read_frame(source: IO[bytes]) -> Message | None:
    """Wait for the next message; None when the other side is gone, also amid a frame. Raises `Undecodable`."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size_bytes,) = _LENGTH.unpack(head)
    if size_bytes > FRAME_BYTES_MAX:
        raise Undecodable(where="a frame", wanted="a message", why=f"it announces {size_bytes} bytes")
    body = source.read(size_bytes)
    if len(body) < size_bytes:
        return None
    message = decode(body, bytes_max=FRAME_BYTES_MAX)
    if not isinstance(message, dict):
        raise Undecodable(where="a frame", wanted="a message", why="it is not a map")
    return message
