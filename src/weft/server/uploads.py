"""Uploads: who brought which content lately, so that they may name it in what they tell next.

Knows nothing of content. Invariant: nobody is said to have brought what they did not.
Source: proofs of possession, of which a content's id alone is none.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from weft.content import Cid

UPLOADS_MAX = 100_000
"""So many that came last are known; who brought content before names it where it is shown, or brings it once more."""


class Uploads:
    """Those to one server since it started."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, Cid], None] = OrderedDict()
        self._lock = Lock()

    def note(self, space: str, user: str, id: Cid) -> None:
        """A user brought this content to a space."""
        with self._lock:
            self._known[space, user, id] = None
            self._known.move_to_end((space, user, id))
            if len(self._known) > UPLOADS_MAX:
                self._known.popitem(last=False)

    def has(self, space: str, user: str, id: Cid) -> bool:
        """Whether they did."""
        return (space, user, id) in self._known
