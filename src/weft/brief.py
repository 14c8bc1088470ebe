"""A value in a few words, as people would say it: what it is called, how many there are, what kind of content it is.

Knows nothing of spaces. Invariant: whatever a space may hold comes out as one line; no value is told whole for its
notation's sake, and none that has anything to say is told as nothing.
"""

from __future__ import annotations

import re
from typing import Final

from weft.content import Link, Plain, cid_text
from weft.slot import SlotKey

NAMING: Final = ("name", "title", "label", "subject", "text")
"""Fields by which people know a thing, the first that there is."""
_TOLD_MAX = 4
"""How many of a list are called by their names."""
_PAIRS_MAX = 3
_CHARS = 200
"""Of a text, at most so many characters are looked at: whoever shows it cuts it where there is room for less."""
_ID_CHARS = 16
_ID_LENGTH = 26
"""Of an entity's id."""
_CID = re.compile(r"baf[a-z2-7]{50,}")
_CONTENT = {"blob", "media", "size"}
_KINDS = {"image": "picture", "text": "text", "audio": "sound", "video": "video"}
_PHOTOS = {"jpeg", "heic", "heif", "webp", "avif"}
_UNITS = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"))


def brief(value: Plain) -> str:
    """The value in a few words, on one line: `Drawdown, pages: 240`; of lists the first, and how many more there are.
    Content is told by its kind, the beginning of its id, and its size."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return _id(value) if _CID.fullmatch(value) else " ".join(value[:_CHARS].split()) or "empty"
        case bytes():
            return _size(len(value))
        case Link():
            return _id(cid_text(value.cid))
        case list():
            return _of_list(value)
        case dict():
            return _of_record(value)
        case _:
            return str(value)


def _of_list(value: list[Plain]) -> str:
    if not value:
        return "none"
    names = [_called(one) for one in value[:_TOLD_MAX]]
    if not all(names):
        return f"{len(value)} item{'s' if len(value) > 1 else ''}"
    more = len(value) - len(names)
    return " · ".join(names) + (f" · {more} more" if more else "")


def _of_record(value: dict[str, Plain]) -> str:
    if name := _called(value):
        others = [key for key, one in value.items() if key not in NAMING and _is_short(one)]
        if value.keys() == _CONTENT or reference_text(value):
            return name
        return ", ".join([name, *(f"{_key(key)}: {brief(value[key])}" for key in others[:_PAIRS_MAX])])
    fields = [key for key in value if key != "$"]
    pairs = [f"{_key(key)}: {brief(value[key])}" for key in fields[:_PAIRS_MAX]]
    more = len(fields) - len(pairs)
    return ", ".join(pairs) + (f", {more} more" if more else "") or brief(value.get("$", []))


def _called(value: Plain) -> str:
    """What one thing is called among others; nothing where it has no name."""
    if not isinstance(value, dict):
        return "" if isinstance(value, list) else brief(value)
    if reference := reference_text(value):
        return reference
    if value.keys() == _CONTENT and isinstance(size := value["size"], int):
        sort, _, form = str(value["media"]).partition("/")
        kind = "photo" if sort == "image" and form in _PHOTOS else "pdf" if form == "pdf" else _KINDS.get(sort, "file")
        return f"{kind} {brief(value['blob'])}, {_size(size)}"
    found = (value[key] for key in NAMING if isinstance(value.get(key), str) and value[key])
    return next((brief(one) for one in found), "")


def _key(name: str) -> str:
    return " ".join(name[:_CHARS].split())


def _is_short(value: Plain) -> bool:
    return isinstance(value, str | int | float) and value != ""


def reference_text(value: dict[str, Plain]) -> str:
    """Of a kept reference, the place that it refers to: ENTITY, ENTITY.NODE or ENTITY.NODE[ELEMENT], ids in full; of
    another mapping, nothing."""
    if value.keys() != {"entity", "node", "element"}:
        return ""
    entity, node, element = (str(value[part]) for part in ("entity", "node", "element"))
    if len(entity) != _ID_LENGTH or any(not isinstance(part, str) for part in value.values()):
        return ""
    return str(SlotKey(entity, node, element)) if node else entity


def _id(text: str) -> str:
    return text[:_ID_CHARS] + "…"


def _size(length: int) -> str:
    for unit, name in _UNITS:
        if length >= unit:
            return f"{round(length / unit)} {name}"
    return f"{length} byte{'s' if length != 1 else ''}"
