"""Watchers: what other programs asked to have kept current, each for as long as it is there.

A program names itself, and enters the store under that name; when it leaves it says so. One that was killed cannot, so
now and then whoever asked is asked for. A name that no program can enter under, of an older one or of none, stands
until the engine closes.

Knows nothing of messages, and of who commits. Invariant: a place is demanded once for each program that asked for it.
Source: leases of service registries; links between Erlang's processes.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from weft.engine import Engine

LOOK_S = 5.0
"""How often the programs that asked are asked for."""
Place: TypeAlias = tuple[str, str, str]
"""(entity, node, element)"""

_PRESENCE = re.compile("[0-9a-f]{32}")
_log = logging.getLogger("weft")


def new_presence() -> str:
    """A name that no program was ever there under."""
    return os.urandom(16).hex()


def is_presence(name: str) -> bool:
    """Whether a program may be there under this name: it becomes part of a file's name, so not under every one."""
    return _PRESENCE.fullmatch(name) is not None


class Watchers:
    """Who asked one engine for what."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._watched: dict[str, dict[Place, None]] = {}
        """By the name that each program gave itself; under "" for good, as older ones give none."""
        self._looked_s = -math.inf

    def watch(self, by: str, place: Place) -> None:
        """Demand a place for a program, once. For one that has ended meanwhile it is not begun."""
        if by not in self._watched and self.is_gone(by):
            return
        mine = self._watched.setdefault(by, {})
        if place not in mine:
            self._engine.watch(*place)
            mine[place] = None

    def let_go(self, by: str, place: Place) -> None:
        """Demand a place no longer for a program, if it was."""
        if place in self._watched.get(by, ()):
            del self._watched[by][place]
            self._engine.watch(*place, by=-1)

    def leave(self, by: str) -> None:
        """Demand nothing for a program any more."""
        for place in self._watched.pop(by, ()):
            self._engine.watch(*place, by=-1)

    def is_gone(self, by: str) -> bool:
        """Whether a program has ended."""
        return is_presence(by) and not self._engine.store.is_there(by)

    def is_time(self, now_s: float) -> bool:
        """Whether it is time to ask for them again; then it is not for a while."""
        if now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        return True

    def leave_for_gone(self) -> None:
        """Demand nothing any more for those that ended without a word."""
        for by in list(self._gone()):
            _log.info("a program that demanded %d nodes has ended without a word", len(self._watched[by]))
            self.leave(by)

    def _gone(self) -> Iterator[str]:
        return (by for by in self._watched if self.is_gone(by))
