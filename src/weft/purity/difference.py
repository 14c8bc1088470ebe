"""Where two plain values differ first: the path to the place, and what is there in each.

Knows nothing of calls or operations.
Invariant: two values have a difference if, and only if, their canonical bytes differ.
Source: the assertion messages of pytest; `diff`, with a path in place of a line.
"""

from __future__ import annotations

from typing import NamedTuple

from weft.content import Plain, cid_text, content_id, encode
from weft.subscription import plain_text, shortened

VALUE_CHARS_MAX = 100
"""How much of a value a finding shows."""
NOTHING = "nothing"
"""What a place shows that only the other value has."""


class Difference(NamedTuple):
    """The first place at which two values differ, as Python would write it behind the value; empty for the values
    themselves. `one` and `other` are what stands there, shortened. `hint` says what is peculiar about it."""

    path: str
    one: str
    other: str
    hint: str = ""


def first_difference(one: Plain, other: Plain) -> Difference | None:
    """The first difference, in canonical order; None for equal values. O(size · depth)."""
    if not _differ(one, other):
        return None
    path, hint = "", ""
    while True:
        hint = hint or _hint(one, other)
        place = _place(one, other)
        if place is None:
            return Difference(path, *_views(one, other), hint)
        is_name = isinstance(place, str) and place.isidentifier()
        path += f".{place}" if is_name else f"[{place!r}]"
        there = _at(one, place), _at(other, place)
        if not (there[0] and there[1]):
            said = [view(found[0]) if found else NOTHING for found in there]
            return Difference(path, said[0], said[1], hint)
        one, other = there[0][0], there[1][0]


def view(value: Plain) -> str:
    """A value, shortened, for people."""
    return shortened(plain_text(value), VALUE_CHARS_MAX)


def _differ(one: Plain, other: Plain) -> bool:
    return encode(one) != encode(other)  # 1, 1.0 and True are equal to Python, and no equal content


def _place(one: Plain, other: Plain) -> int | str | None:
    """Where two values that differ do so first: an index or a key; None where they are not containers of one kind."""
    if isinstance(one, list) and isinstance(other, list):
        pairs = enumerate(zip(one, other, strict=False))
        return next((place for place, pair in pairs if _differ(*pair)), min(len(one), len(other)))
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other}, key=lambda key: (len(key.encode()), key))
        return next(key for key in keys if key not in one or key not in other or _differ(one[key], other[key]))
    return None


def _at(value: Plain, place: int | str) -> tuple[Plain, ...]:
    """What a container holds at a place, as the only element; nothing where there is no such place."""
    if isinstance(value, list) and isinstance(place, int):
        return tuple(value[place : place + 1])
    return (value[place],) if isinstance(value, dict) and isinstance(place, str) and place in value else ()


def _hint(one: Plain, other: Plain) -> str:
    if not (isinstance(one, list) and isinstance(other, list)):
        return ""
    is_reordered = sorted(map(encode, one)) == sorted(map(encode, other))
    return "the same elements, in another order: is it made from a set?" if is_reordered else ""


def _views(one: Plain, other: Plain) -> tuple[str, str]:
    said = view(one), view(other)
    if said[0] != said[1]:
        return said
    # What differs was cut off, or is not shown, as the content of bytes.
    return f"{said[0]} ({_short_id(one)})", f"{said[1]} ({_short_id(other)})"


def _short_id(value: Plain) -> str:
    return "…" + cid_text(content_id(encode(value)))[-8:]
