"""Transitions: the changes of an entity that fire a trigger, as data.

Knows nothing of triggers, flows or records.
Invariant: a transition is a set of changes, any one of which is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft.declare import Node


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
class Transition:
    """Changes of one entity, any of which fires a trigger."""

    any_of: tuple[Becomes | Changes | Settles | Created, ...]

    def __or__(self, other: Transition) -> Transition:
        """Either."""
        return Transition(self.any_of + other.any_of)
