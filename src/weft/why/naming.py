"""How people know an entity: its type, the beginning of its id, and its name, where it has one; in texts too.

Knows nothing of what is printed. Invariant: nothing is computed; what is no entity stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from weft.content import Plain, decode
from weft.engine import Engine
from weft.graph import ToldNode
from weft.slot import Ok
from weft.store import ENTITY

May: TypeAlias = Callable[[str], bool]
"""Whether whoever is told may know of an entity."""
NAMING = ("name", "title")
"""Fields by which people know an entity."""
_ID_SHOWN = 8
_PLACE = re.compile(r"\b([a-z2-7]{26})\b(?:\.(\w+)(?:\[([a-z2-7]{26})\])?)?")


def anybody(_: str, /) -> bool:
    """Whoever holds the space itself may know of all that is in it."""
    return True


def describe(engine: Engine, entity: str) -> str:
    """The entity as people know it: its type, the beginning of its id, and its name, where it has one."""
    row = engine.row(ENTITY, (entity,))
    name = name_of(engine, entity)
    kind = str(row[0]) if row is not None else "?"
    return f"{kind} {entity[:_ID_SHOWN]}" + (f" ({name})" if name else "")


def name_of(engine: Engine, entity: str) -> str:
    """What a field called name or title holds, or nothing."""
    for field in NAMING:
        found = engine.node(entity, field)
        if isinstance(found, ToldNode):
            outcome = found.outcome()
            said: Plain = decode(outcome.encoded) if isinstance(outcome, Ok) else None
            if isinstance(said, str):
                return said
    return ""


def described(engine: Engine, text: str, may: May = anybody) -> str:
    """The text with each entity in it described, and elements' ids cut: TYPE ID (NAME).NODE[ELEMENT]. Those that nobody
    may know of who reads it stay as they are written."""

    def said(found: re.Match[str]) -> str:
        entity, node, element = found.groups()
        if not may(entity) or engine.row(ENTITY, (entity,)) is None:
            return found[0]
        inside = f"[{element[:_ID_SHOWN]}]" if element else ""
        return describe(engine, entity) + (f".{node}{inside}" if node else "")

    return _PLACE.sub(said, text)
