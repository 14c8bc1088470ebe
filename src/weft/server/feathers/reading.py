"""Reading: what events tell of entities, read once for all clients of a space who are told of it.

Knows nothing of clients, and of who may see what. Invariant: nothing is kept of a space that nobody is told of, and
nothing of what was forgotten.
Source: request coalescing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

from weft.edit import UnknownEntity
from weft.erased import EntityErased
from weft.server.entities import portrait
from weft.server.log import entities_in
from weft.server.method import Json
from weft.space import Space
from weft.store import entry_at

T = TypeVar("T")
KEPT_MAX = 64
"""So many of the newest things that were read are kept, for those who are told of them a little later."""


class Told(NamedTuple):
    """What an event of the log was: who told what."""

    by: str
    entities: frozenset[str]


class Reading:
    """Of one space, on the server's loop."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._kept: OrderedDict[tuple[str, str, int], asyncio.Task[Any]] = OrderedDict()
        self.readers = 0
        """How many clients are told of the space."""

    def leave(self) -> None:
        """One of them is gone."""
        self.readers -= 1
        if not self.readers:
            self.forget()

    def forget(self) -> None:
        """Keep nothing of what was read before."""
        self._kept.clear()

    async def told(self, traversal: int) -> Told:
        """What an event of the log was."""
        return await self._once(("told", "", traversal), partial(self._told, traversal))

    async def portrait(self, entity: str, traversal: int) -> Json | None:
        """An entity as `entities.get` answers, read once for each that was told of it; None where there is none."""
        return await self._once(("portrait", entity, traversal), partial(self._portrait, entity))

    async def outcome(self, entity: str, traversal: int) -> Json | None:
        """The same, when a traversal is completed."""
        return await self._once(("outcome", entity, traversal), partial(self._portrait, entity))

    async def is_gone(self, entity: str, position: int) -> bool:
        """Whether an entity of this id was erased."""
        return await self._once(("gone", entity, position), partial(self._is_gone, entity))

    async def _once(self, key: tuple[str, str, int], act: Callable[[], T]) -> T:
        task = self._kept.get(key)
        if task is None:
            self._kept[key] = task = asyncio.ensure_future(asyncio.to_thread(act))
            task.add_done_callback(_looked_at)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        found: T = await asyncio.shield(task)
        return found

    def _told(self, traversal: int) -> Told:
        with self._space.view() as engine:
            entry = entry_at(engine.store, traversal) if traversal <= engine.position else None
        return Told("", frozenset()) if entry is None else Told(str(entry.said.get("actor", "")), entities_in(entry))

    def _portrait(self, entity: str) -> Json | None:
        with self._space.view() as engine:
            try:
                return portrait(engine, entity)
            except (UnknownEntity, EntityErased):
                return None

    def _is_gone(self, entity: str) -> bool:
        with self._space.view() as engine:
            return bool(engine.erased_at(entity))


def _looked_at(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits for it has it too
