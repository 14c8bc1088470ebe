"""Whoever is at the other end of a connection: what they may do, asked anew whenever any rights have changed, and how
much they may still say.

Knows nothing of what is said. Invariant: a caller who may do less than before is found out at the next question.
Source: capability checks at use, not at entry; token buckets.
"""

from __future__ import annotations

import logging

from weft.errors import WeftError
from weft.server.caller import Caller, Guard, Stranger
from weft.server.ending import DENIED, FLOOD, STRANGER, TROUBLE, ConnectionOver
from weft.server.settings import LiveSettings

_log = logging.getLogger("weft.server")


class Bearer:
    """Who bears a credential."""

    def __init__(self, guard: Guard, credential: str, settings: LiveSettings, now_s: float) -> None:
        """Raises `Stranger`."""
        self._guard, self._credential, self._settings = guard, credential, settings
        self._rights_at = guard.changes
        self.caller: Caller = guard.caller(credential)
        self._tokens, self._tokens_s = float(settings.messages_burst), now_s

    def check(self, changes: int | None = None) -> bool:
        """Whether their rights were asked anew: they may do more then. `changes`: those of the guard, where they are
        known. Raises `ConnectionOver` where they may do less, and where nobody can say what they may do."""
        try:
            if (self._guard.changes if changes is None else changes) == self._rights_at:
                return False
            self._ask_rights()
        except ConnectionOver:
            raise
        except WeftError as why:
            _log.error("a guard failed: %s", why)
            raise ConnectionOver(code=TROUBLE, why="it cannot be said what its caller may do: come again") from None
        return True

    def _ask_rights(self) -> None:
        self._rights_at = self._guard.changes
        was = self.caller
        try:
            self.caller = self._guard.caller(self._credential)
        except Stranger as why:
            raise ConnectionOver(code=STRANGER, why=str(why)) from None
        if not has_all_of(self.caller, was):
            raise ConnectionOver(code=DENIED, why="its caller may do less than before: connect again")

    def spend(self, now_s: float) -> None:
        """They say something. Raises `ConnectionOver` where that is too often."""
        settings = self._settings
        earned = (now_s - self._tokens_s) * settings.messages_per_s
        self._tokens = min(float(settings.messages_burst), self._tokens + earned) - 1
        self._tokens_s = now_s
        if self._tokens < 0:
            raise ConnectionOver(code=FLOOD, why=f"it sent more than {settings.messages_per_s:g} messages a second")


def has_all_of(now: Caller, was: Caller) -> bool:
    """Whether a caller may do all that it might before."""
    is_wider = now.entities is None or (was.entities is not None and was.entities <= now.entities)
    both = {*now.granted, *was.granted}
    is_more = was.capabilities <= now.capabilities and all(was.to(entity) <= now.to(entity) for entity in both)
    return now.user == was.user and is_wider and is_more
