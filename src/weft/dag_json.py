"""Plain values as JSON, and back: what JSON has not is written as dag-json writes it.

A link is {"/": "bafy…"}, bytes are {"/": {"bytes": "…"}}: both can be decoded again.

Knows nothing of spaces. Invariant: whatever a space may hold comes out as JSON that any reader takes.
Source: the dag-json form of the same content.
"""

from __future__ import annotations

import base64
import binascii
import math

from weft.content import Link, NotAContentId, Plain, cid_text, link, parse_cid
from weft.errors import Undecodable


def json_of(value: Plain) -> object:
    """The value for `json.dumps`."""
    match value:
        case Link():
            return {"/": cid_text(value.cid)}
        case bytes():
            return {"/": {"bytes": base64.b64encode(value).decode().rstrip("=")}}
        case list():
            return [json_of(one) for one in value]
        case dict():
            return {str(key): json_of(one) for key, one in value.items()}
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value


def plain_of_json(said: object) -> Plain:
    """What some JSON that has been parsed stands for. Raises `Undecodable` for what looks like a link, or like bytes,
    and is none."""
    match said:
        case {"/": str() as text, **others} if not others:
            return _link(text)
        case {"/": {"bytes": str() as text, **others}, **beside} if not others and not beside:
            return _bytes(text)
        case list():
            return [plain_of_json(one) for one in said]
        case dict():
            return {str(key): plain_of_json(one) for key, one in said.items()}
        case None | bool() | int() | float() | str():
            return said
        case _:
            raise Undecodable(where="the value", wanted="JSON", why=f"it is a {type(said).__name__}")


def _link(text: str) -> Link:
    try:
        return link(parse_cid(text))
    except NotAContentId as why:
        raise Undecodable(where="the value", wanted="a content id", why=str(why)) from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as why:
        raise Undecodable(where="the value", wanted="bytes in base64", why=str(why)) from None
