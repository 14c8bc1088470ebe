"""How an export writes plain values: JSON that loses nothing, and in which a text is found by searching for it.

What JSON has not stands in a map whose one key is "/", as in dag-json:

    {"/": "bafy…"}                a link, by its content id
    {"/": {"bytes": "aGk"}}       bytes, in base64 without padding
    {"/": {"value": …}}           bytes that are themselves the canonical form of a text, list or map: that value
    {"/": {"map": [[k, v], …]}}   a map that has a key "/" of its own

Knows nothing of records.
Invariant: `plain_of(json_of(value)) == value` for every plain value, and whatever else is read is refused by
`Misspelt`; so canonical bytes, and with them content ids, come back as they were.
Source: IPLD's dag-json.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import cast

from weft.content import Link, NotAContentId, Plain, cid_text, decode, encode, parse_cid
from weft.errors import Undecodable, Unencodable

UNFOLDED_MAX = 3
"""How deep within each other bytes are written as the values that they hold: a record's results, and their values."""
_OTHER = "/"


class Misspelt(ValueError):
    """What was read is not what `line_of` writes; the text says why."""


def line_of(value: dict[str, object]) -> bytes:
    """A JSON object on a line of its own, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def parse_line(line: bytes) -> dict[str, object]:
    """The JSON object of a line. Raises `Misspelt`, also for keys that are there twice."""
    try:
        found = json.loads(line.decode(), object_pairs_hook=_pairs, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Misspelt("it is not UTF-8") from None
    except RecursionError:
        raise Misspelt("it is nested too deep") from None
    except Misspelt:
        raise
    except ValueError:
        raise Misspelt("it is not JSON" if line.endswith(b"\n") else "it is cut off") from None
    if not isinstance(found, dict):
        raise Misspelt("it is not a JSON object")
    return found


def json_of(value: Plain, *, unfolding: int = UNFOLDED_MAX) -> object:
    """The value for `json.dumps`. `unfolding`: how deep within each other bytes that hold a value are written so."""
    match value:
        case Link():
            return {_OTHER: cid_text(value.cid)}
        case bytes():
            inner = _value_in(value, unfolding - 1) if unfolding else None
            return {_OTHER: {"bytes": base64_of(value)}} if inner is None else {_OTHER: {"value": inner}}
        case list():
            return [json_of(one, unfolding=unfolding) for one in value]
        case dict() if _OTHER in value:
            pairs = [[key, json_of(one, unfolding=unfolding)] for key, one in value.items()]
            return {_OTHER: {"map": pairs}}
        case dict():
            return {key: json_of(one, unfolding=unfolding) for key, one in value.items()}
        case _:
            return value


def plain_of(said: object) -> Plain:
    """The value that `json_of` gave `said` for. Raises `Misspelt`."""
    match said:
        case dict() if _OTHER in said:
            if len(said) > 1:
                raise Misspelt('a map with "/" has other keys beside it')
            return _other(said[_OTHER])
        case dict():
            return {str(key): plain_of(one) for key, one in said.items()}
        case list():
            return [plain_of(one) for one in said]
        case _:
            return cast("Plain", said)


def canonical(value: Plain) -> bytes:
    """The value's canonical bytes. Raises `Misspelt` for what has none."""
    try:
        return encode(value)
    except Unencodable as why:
        raise Misspelt(str(why)) from None


def base64_of(content: bytes) -> str:
    """Base64 without padding."""
    return base64.b64encode(content).decode().rstrip("=")


def bytes_of(text: object) -> bytes:
    """The bytes that `base64_of` wrote, and no other spelling of them. Raises `Misspelt`."""
    if not isinstance(text, str):
        raise Misspelt("its bytes are not base64")
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Misspelt("its bytes are not base64") from None
    if base64_of(found) != text:
        raise Misspelt("its bytes are not in base64's one spelling")
    return found


def _value_in(content: bytes, unfolding: int) -> object | None:
    """The text, list or map that these bytes are the canonical form of; numbers and the like look like any bytes."""
    try:
        value = decode(content)
    except Undecodable:
        return None
    return json_of(value, unfolding=unfolding) if isinstance(value, str | list | dict) else None


def _other(said: object) -> Plain:
    if isinstance(said, str):
        try:
            return Link(parse_cid(said))
        except NotAContentId as why:
            raise Misspelt(str(why)) from None
    if isinstance(said, dict) and len(said) == 1:
        ((form, inner),) = said.items()
        if form == "bytes":
            return bytes_of(inner)
        if form == "value":
            return canonical(plain_of(inner))
        if form == "map" and isinstance(inner, list):
            return _map(inner)
    raise Misspelt('what stands under "/" is none of the known forms')


def _map(pairs: list[object]) -> dict[str, Plain]:
    found: list[tuple[str, Plain]] = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Misspelt("a map is not written as pairs of a key and a value")
        found.append((pair[0], plain_of(pair[1])))
    return _pairs(found)


def _pairs(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Misspelt("a key is there twice")
    return found


def _no_number(text: str) -> None:
    raise Misspelt(f"{text} is not a number in JSON")
