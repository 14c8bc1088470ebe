"""Transitions: the changes of an entity that fire a trigger, as data.

Knows nothing of triggers, flows or records.
Invariant: a transition is a set of changes, any one of which is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

if TYPE_CHECKING:
    from weft.declare import Node

Missed: TypeAlias = Literal["last", "all", "none"]


@dataclass(frozen=True, slots=True)
class Becomes:
    """The node changes from another value to this one."""

    node: Node[object]
    value: object


@dataclass(frozen=True, slots=True)
class Changes:
    """The node's value changes."""

    node: Node[object]


@dataclass(frozen=True, slots=True)
class Settles:
    """The node settles on a new value."""

    node: Node[object]


@dataclass(frozen=True, slots=True)
class Created:
    """The entity comes to be."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A time comes, as a cron expression says."""

    expression: str
    zone: str
    missed: Missed


Change: TypeAlias = Becomes | Changes | Settles | Created | Scheduled


@dataclass(frozen=True, slots=True)
class Transition:
    """Changes of one entity, any of which fires a trigger."""

    any_of: tuple[Change, ...]

    def __or__(self, other: Transition) -> Transition:
        """Either."""
        return Transition(self.any_of + other.any_of)


def scheduled(expression: str, /, *, zone: str = "UTC", missed: Missed = "last") -> Transition:
    """See `Entity.scheduled`."""
    if not isinstance(cast("object", expression), str):
        raise TypeError(f"scheduled takes a cron expression as text, such as '0 8 * * 1-5', not {expression!r}")
    if missed not in get_args(Missed):
        raise ValueError(f"missed is 'last', 'all' or 'none', not {missed!r}")
    return Transition((Scheduled(expression, zone, missed),))
