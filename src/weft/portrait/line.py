"""Plain values as lines of text: what names a thing comes first, and content ids are cut.

Knows nothing of spaces. Invariant: whatever a space may hold comes out as one line.
"""

from __future__ import annotations

import re

from weft.content import Link, Plain, cid_text

_FIRST = ("title", "name", "text", "author")
"""Fields that people look for; the others follow as they are kept."""
_CID = re.compile(r"baf[a-z2-7]{50,}")


class Named(str):
    """A text that stands in a value as it is, without quotes: what a reference leads to."""

    __slots__ = ()


def line_of(value: Plain) -> str:
    """The value in one line, however long; text stands as it is."""
    if isinstance(value, dict):
        return _fields(value)
    return value if isinstance(value, str) else inner_of(value)


def inner_of(value: Plain) -> str:
    """The same as it stands in another value, or behind a word: text in quotes, fields in braces."""
    match value:
        case Named():
            return str(value)
        case str():
            return value[:12] + "…" if _CID.fullmatch(value) else repr(value)
        case bytes():
            return f"{len(value)} bytes"
        case Link():
            return cid_text(value.cid)[:12] + "…"
        case list():
            return "[" + ", ".join(inner_of(one) for one in value) + "]"
        case dict():
            return "{" + _fields(value) + "}"
        case None:
            return "nothing"
        case _:
            return str(value)


def _fields(value: dict[str, Plain]) -> str:
    names = sorted(value, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return ", ".join(f"{name}: {inner_of(value[name])}" for name in names)
