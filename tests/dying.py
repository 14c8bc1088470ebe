"""Ending an engine as a crash does, in a test: it says nothing of what was under way."""

from __future__ import annotations

import contextlib

from weft import Space
from weft.engine import EngineBroke
from weft.home import Home

LIMIT_S = 30.0


def die(space: Space) -> None:
    """Its engine breaks in the middle of its work; then its program ends."""

    def broken() -> None:
        raise EngineBroke(what="a test broke it")

    home = space._host
    assert isinstance(home, Home)
    with contextlib.suppress(EngineBroke):
        home._running().submit(broken).result(LIMIT_S)
    space.close()
