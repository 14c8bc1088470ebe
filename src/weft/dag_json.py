"""Plain values as JSON: what JSON has not is written as dag-json writes it.

A link is {"/": "bafy…"}, bytes are {"/": {"bytes": "…"}}: both can be decoded again.

Knows nothing of spaces. Invariant: whatever a space may hold comes out as JSON that any reader takes.
Source: the dag-json form of the same content.
"""

from __future__ import annotations

import base64
import math

from weft.content import Link, Plain, cid_text


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
