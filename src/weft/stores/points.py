"""The named moments at which a process may die, so that tests can make it die there.

Each name is a boundary between what is durable and what is not yet. A store calls its `on_point` with the name as it
passes; a test kills the process in that call and looks at what is left.

Knows nothing of tests or of what is stored.
Invariant: `CRASH_POINTS` lists every name that is ever passed; `reach` refuses any other.
Source: SQLite's own crash tests; fail points as in TiKV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

CRASH_POINTS = (
    "space drafted",
    "space created",
    "lease locked",
    "lease taken",
    "before commit",
    "after commit",
    "marked",
    "inbox posted",
    "blob piece",
    "blob kept",
    "erased",
    "before sweep",
    "swept",
    "before checkpoint",
    "checkpointed",
    "backed up",
    "before migration",
    "migrated",
    "renewed",
    "cleared",
    "lease released",
)
"""Every name that a store passes, in no order."""

_NAMES = frozenset(CRASH_POINTS)
OnPoint: TypeAlias = Callable[[str], None]


def pass_by(name: str) -> None:
    """What a store does at a point when nobody asked to know."""
    assert name in _NAMES, name
