"""Policies: what becomes of a call whose inputs change while it is under way, or before it has begun.

Without one a call that was begun is finished, its value is shown as that of an older cut, and one more is made.

Knows nothing of graphs or runners. Invariant: a policy says when calls are made, never what they come to: it is part of
no call key and no definition.
Source: `switchMap` and `debounce` of reactive streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Debounce:
    """Begin when no input has changed for `quiet_s` seconds, and at the latest `at_most_s` after the first change."""

    quiet_s: float
    at_most_s: float

    def __post_init__(self) -> None:
        """Refuse what could never be kept to."""
        if not 0 < self.quiet_s <= self.at_most_s:
            raise ValueError(f"{self}: quiet_s is more than 0, and at_most_s is no less than that")


class Policy(NamedTuple):
    """Of one node. `restart`: a changed input cancels the call under way."""

    restart: bool = False
    debounce: Debounce | None = None


class Says(Protocol):
    """A node's options, or an operation."""

    @property
    def restart(self) -> bool:
        """Whether a changed input cancels the call under way."""
        ...

    @property
    def debounce(self) -> Debounce | None:
        """When a call may begin."""
        ...


def policy_of(node: Says, operation: Says) -> Policy | None:
    """What the node says, or else its operation; None for the usual."""
    restart, debounce = node.restart or operation.restart, node.debounce or operation.debounce
    said: object = debounce
    if not (said is None or isinstance(said, Debounce)):
        raise TypeError(f"debounce is {said!r}, and should read Debounce(quiet_s=…, at_most_s=…)")
    return Policy(restart, debounce) if restart or debounce is not None else None
