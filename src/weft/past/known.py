"""What is known of a place at a position: what it came to, that this is lost, or that nobody knows.

Knows nothing of how it is found. Invariant: a value is never given for what is not known.
Source: three-valued answers of incomplete databases, which name what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from weft.graph import NOT_COMPUTED
from weft.slot import Err, Gone, Ok, Outcome


@dataclass(frozen=True, slots=True)
class NotKept:
    """What was shown cannot be known any more."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """What was right then is not known: it was due, and nobody computed it from what had been told by then. In its
    place `shown` was shown, from the position `since` on; 0 where nothing was."""

    shown: Outcome | NotKept = NOT_COMPUTED
    since: int = 0


Past: TypeAlias = Outcome | NotKept
"""What was shown."""
Known: TypeAlias = Past | Unknown
"""What was right."""


def content_key(outcome: Known) -> object:
    """What two past outcomes are compared by."""
    match outcome:
        case Ok(content, _, elements):
            return "ok", content, elements
        case Err():
            return "err", outcome.kind, outcome.message, outcome.origin
        case Gone():
            return ("gone",)
        case NotKept():
            return "not kept", outcome.why
        case Unknown(shown):
            return "unknown", content_key(shown)
