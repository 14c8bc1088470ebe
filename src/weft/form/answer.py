"""Answers from outside, as plain JSON within bounds: what is too large, too deep or means two things goes no further.

Knows nothing of forms or types.
Invariant: what comes out is JSON, no deeper than `DEPTH_MAX`, of at most `NODES_MAX` values.
Source: the security notes of JSON parsers: duplicate keys, lone surrogates, numbers beyond all bounds, nesting.
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from weft.content import Plain

JSON_BYTES_MAX = 1 << 20
"""How long an answer may be, as UTF-8."""
DEPTH_MAX = 64
"""How deep an answer may be: lists and objects within each other."""
NODES_MAX = 100_000
"""How many values an answer may hold, within each other or beside each other."""
_DIGITS_MAX = 20
"""As many as an integer of 64 bits has, with its sign."""


class OutOfBounds(ValueError):
    """An answer that is read no further; the text says why, and never repeats it."""


def parse_answer(text: str | bytes) -> Plain:
    """The JSON in a text. Raises `OutOfBounds`."""
    answer, why = None, ""
    try:
        encoded = text.encode() if isinstance(text, str) else text
        if len(encoded) > JSON_BYTES_MAX:
            raise OutOfBounds(f"it has {len(encoded)} bytes, more than {JSON_BYTES_MAX}")
        answer = json.loads(
            encoded.decode(), object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_refuse
        )
    except OutOfBounds as refused:
        why = str(refused)
    except UnicodeError:
        why = "it is not Unicode"
    except json.JSONDecodeError as unread:  # it holds the whole answer, so it goes no further either
        why = f"it is not JSON: {unread.msg} at line {unread.lineno}, column {unread.colno}"
    except RecursionError:
        why = f"it is deeper than {DEPTH_MAX}"
    if why:
        raise OutOfBounds(why)
    check_bounds(answer)
    return answer


def check_bounds(answer: object) -> None:
    """Raise `OutOfBounds` for what is no JSON, or too much of it."""
    level, count, size = [answer], 0, 0
    for _ in range(DEPTH_MAX):
        count += len(level)
        if count > NODES_MAX:
            raise OutOfBounds(f"it holds more than {NODES_MAX} values")
        size += sum(map(_size_of, level))
        if size > JSON_BYTES_MAX:
            raise OutOfBounds(f"its texts have more than {JSON_BYTES_MAX} bytes")
        # A list that holds itself is as deep as can be, and ends here too.
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise OutOfBounds(f"it is deeper than {DEPTH_MAX}")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _size_of(value: object) -> int:
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise OutOfBounds("a key of it is no text")
        return sum(map(_bytes_of, value))
    if isinstance(value, str):
        return _bytes_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise OutOfBounds("a number of it is not finite")
    if isinstance(value, int) and not -(1 << 64) <= value < 1 << 64:
        raise OutOfBounds("an integer of it takes more than 64 bits")
    if value is not None and not isinstance(value, (int, float, list)):
        raise OutOfBounds(f"it holds a {type(value).__name__}, which is not JSON")
    return 0


def _bytes_of(text: str) -> int:
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        pass
    raise OutOfBounds("a text of it is not Unicode")


def _object(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OutOfBounds("an object of it has a key twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS_MAX + 1:
        raise OutOfBounds("an integer of it takes more than 64 bits")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise OutOfBounds("a number of it is not finite")
    return number


def _refuse(_: str) -> NoReturn:
    raise OutOfBounds("a number of it is not finite")
