"""A rule that does not hold, and how it is said.

Knows nothing of what the rules are. Invariant: whoever finds one broken says which, and what it saw.
"""

from __future__ import annotations

from weft.errors import WeftError


class RuleBroken(WeftError):
    """The rule "{rule}" does not hold: {what}. Run the same seed again with --story to see what happened."""

    rule: str
    what: str


def require(holds: bool, rule: str, what: str) -> None:
    """Raises `RuleBroken` unless it holds."""
    if not holds:
        raise RuleBroken(rule=rule, what=what)
