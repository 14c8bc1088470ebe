"""Packets: what a client says over Socket.IO, read and held to its bounds before anything else sees it.

A client opens its connection with what it is known by, calls methods, answers heartbeats, and leaves. It has no other
namespace, sends no binary attachments, and acknowledges nothing: nobody here asks it to.

Knows nothing of services. Invariant: what comes out is JSON no deeper and no larger than what REST takes, and an event
bears a name of its own.
Source: the protocols of Engine.IO 4 and Socket.IO 5.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, TypeAlias

from weft.errors import WeftError
from weft.form.answer import OutOfBounds, parse_answer
from weft.server.body import check_bounds
from weft.server.encoded import encoded
from weft.server.refusals import UnreadableBody

_EVENT = re.compile(r"42(\d{0,15})(\[.*)", re.DOTALL | re.ASCII)
_CONNECT, _LEAVE, _PONG, _CLOSE = "40", "41", "3", "1"
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})
"""Names that mean something else to Socket.IO."""


class BadPacket(WeftError):
    """This is no packet of Socket.IO that is taken here: {why}."""

    why: str


class Connect(NamedTuple):
    """The connection is to be opened, by somebody who brings this."""

    auth: dict[str, Any] | None


class Event(NamedTuple):
    """Something is called. `id`: by which its answer is known, where one is wanted."""

    id: str
    name: str
    arguments: list[Any]


class Kept(NamedTuple):
    """What keeps the connection open, or ends it."""

    is_end: bool


Packet: TypeAlias = Connect | Event | Kept


def parse_packet(text: str, *, bytes_max: int) -> Packet:
    """What a text says. Raises `BadPacket`."""
    if len(text) > bytes_max or len(encoded := text.encode(errors="replace")) > bytes_max:
        raise BadPacket(why=f"it has more than {bytes_max} bytes")
    if text in (_PONG, _CLOSE, _LEAVE):
        return Kept(is_end=text != _PONG)
    if text == _CONNECT:
        return Connect(None)
    if text.startswith(f"{_CONNECT}{{"):
        found = _json(encoded[2:])
        assert isinstance(found, dict), "it begins as an object does"
        return Connect(found)
    if (match := _EVENT.fullmatch(text)) is not None:
        return _event(match[1], _json(match[2].encode(errors="replace")))
    raise BadPacket(why=f"it begins with {text[:8]!r}")


def _event(id: str, said: Any) -> Event:
    if not said or not isinstance(said[0], str):
        raise BadPacket(why="the event has no name")
    if said[0] in RESERVED:
        raise BadPacket(why=f"no event may be called {said[0]!r}")
    return Event(id, said[0], said[1:])


def _json(encoded: bytes) -> Any:
    try:
        check_bounds(encoded)
        return parse_answer(encoded)
    except UnreadableBody as why:
        raise BadPacket(why=why.why) from None
    except OutOfBounds as why:
        raise BadPacket(why=str(why)) from None


def encode_event(name: str, *texts: str) -> str:
    """An event for the client; its arguments are JSON already."""
    return f"42[{','.join((json.dumps(name, ensure_ascii=False), *texts))}]"


def encode_answer(id: str, *texts: str) -> str:
    """The answer to what it called; its arguments are JSON already."""
    return f"43{id}[{','.join(texts)}]"


def encode_json(said: object) -> str:
    """A value as REST has it."""
    return encoded(said)


DISCONNECT = "41"
"""The client is let go of, and does not come back by itself."""
