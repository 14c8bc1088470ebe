"""Bodies of requests: how large, how deep and how many they may be, looked at before they are decoded.

Knows nothing of routes. Invariant: what is decoded was within its bounds before; bytes beyond are never read.
Source: the security notes of JSON parsers.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable
from typing import Any

from weft.form.answer import DEPTH_MAX, NODES_MAX, OutOfBounds, parse_answer
from weft.server.refusals import BodyTooLarge, UnreadableBody

JSON_TYPE = "application/json"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[\]{},]', re.DOTALL)
"""A string, also one that nobody closes, or what opens, closes and parts. Possessive: it looks at each byte once."""


def check_bounds(body: bytes) -> None:
    """Raises `UnreadableBody` for what is too deep, or holds too much. O(bytes), and less where it is out of bounds."""
    depth, nodes = 0, 1
    for found in _TOKEN.finditer(body):
        match found[0]:
            case b"[" | b"{":
                depth, nodes = depth + 1, nodes + 1
            case b"]" | b"}":
                depth -= 1
            case b",":
                nodes += 1
        if depth > DEPTH_MAX:
            raise UnreadableBody(why=f"it is deeper than {DEPTH_MAX}")
        if nodes > NODES_MAX:
            raise UnreadableBody(why=f"it holds more than {NODES_MAX} values")


def media_type_of(said: str) -> str:
    """What a header `Content-Type` names, without its parameters."""
    return said.partition(";")[0].strip().lower()


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one where there is nothing. Raises `UnreadableBody`."""
    if not body:
        return {}
    check_bounds(body)
    try:
        found = parse_answer(body)
    except OutOfBounds as why:
        raise UnreadableBody(why=str(why)) from None
    if not isinstance(found, dict):
        raise UnreadableBody(why="it is no JSON object")
    return found


def check_length(length: str | None, size_bytes_max: int) -> None:
    """Raises `BodyTooLarge`, `UnreadableBody` for what a request says of its own size, before any of it is read."""
    if length is None:
        return
    if not length.isascii() or not length.isdigit():
        raise UnreadableBody(why=f"its Content-Length is {length[:40]!r}")
    if len(length) > 18 or int(length) > size_bytes_max:
        raise BodyTooLarge(size_bytes_max=size_bytes_max)


async def read_all(chunks: AsyncIterable[bytes], size_bytes_max: int) -> bytes:
    """The whole of a body. Raises `BodyTooLarge`, having read no more than that."""
    found, size = list[bytes](), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > size_bytes_max:
            raise BodyTooLarge(size_bytes_max=size_bytes_max)
        found.append(chunk)
    return b"".join(found)


def query_of(pairs: Iterable[tuple[str, str]], properties: dict[str, Any]) -> dict[str, Any]:
    """What a query says, numbers and truths as such where the schema asks for them. Raises `UnreadableBody` for what is
    said twice."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        if name in found:
            raise UnreadableBody(why=f"its query says {name[:40]!r} twice")
        found[name] = _read(text, properties.get(name, {}).get("type"))
    return found


def _read(text: str, kind: object) -> Any:
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", text, re.ASCII):
        return float(text)
    return text
