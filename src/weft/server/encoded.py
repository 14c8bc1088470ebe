"""Answers as text of JSON, made piece by piece: while a large one is made, whatever else the program does goes on.

One piece is made without a break, and other threads wait for it; so there are many of them. What is made is the same as
at one piece.

Knows nothing of what is answered. Invariant: it says what `json.dumps` says, with no spaces and no NaN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

DEEP_MAX = 4
"""So deep it is looked for what is long: a value stands that deep in an answer."""
PIECE_ITEMS = 256
"""So many items of a list are made at once."""
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encoded(said: object) -> str:
    """The text of an answer."""
    return "".join(_pieces(said, DEEP_MAX))


def _pieces(said: object, deep: int) -> Iterator[str]:
    if isinstance(said, list) and len(said) > PIECE_ITEMS:
        for start in range(0, len(said), PIECE_ITEMS):
            yield ("," if start else "[") + _encode(said[start : start + PIECE_ITEMS])[1:-1]
        yield "]"
    elif not deep or not said or not isinstance(said, list | dict):
        yield _encode(said)
    elif isinstance(said, dict):
        yield from _of_map(said, deep)
    else:
        for number, one in enumerate(said):
            yield "," if number else "["
            yield from _pieces(one, deep - 1)
        yield "]"


def _of_map(said: dict[str, Any], deep: int) -> Iterator[str]:
    """What stands side by side and is short is one piece."""
    begins, short = "{", dict[str, Any]()
    for name, one in said.items():
        if not isinstance(one, list | dict):
            short[name] = one
            continue
        if short:
            yield begins + _encode(short)[1:-1]
            begins, short = ",", {}
        yield f"{begins}{_encode(name)}:"
        yield from _pieces(one, deep - 1)
        begins = ","
    yield (begins + _encode(short)[1:-1] if short else "") + "}"
