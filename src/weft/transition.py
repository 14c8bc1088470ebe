"""Transitions: the changes of an entity that fire a trigger, as data.

Knows nothing of triggers, flows or records.
Invariant: a transition is a set of changes, any one of which is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from weft.declare import Node


class Becomes(Struct, frozen=True):
    """The node changes from another value to this one."""

    node: Node[object]
    value: object


class Changes(Struct, frozen=True):
    """The node's value changes."""

    node: Node[object]


class Settles(Struct, frozen=True):
    """The node settles on a new value."""

    node: Node[object]


class Created(Struct, frozen=True):
    """The entity comes to be."""


class Transition(Struct, frozen=True):
    """Changes of one entity, any of which fires a trigger."""

    any_of: tuple[Becomes | Changes | Settles | Created, ...]

    def __or__(self, other: Transition) -> Transition:
        """Either."""
        return Transition(self.any_of + other.any_of)
