"""Reading: what events tell of, read once for all clients of a space who are told of it.

Knows nothing of clients, and of who may see what. Invariant: what is told is what REST answers; nothing is kept of a
space that nobody is told of, and nothing of what was forgotten.
Source: request coalescing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from weft.blob import Blob
from weft.errors import WeftError
from weft.server.caller import CAPABILITIES, Caller
from weft.server.feathers.happened import Changed, Happened, happened_at
from weft.server.feathers.names import Rows, Service, row_at
from weft.server.feathers.packet import encode_json
from weft.server.method import Json, Later, begin
from weft.server.served import Served
from weft.server.status import told_of
from weft.store import entry_at

T = TypeVar("T")
KEPT_MAX = 64
"""So many of the newest things that were read are kept, for those who are told of them a little later."""
GONE = (404, 410)
_EVERYBODY = Caller("weft", frozenset(CAPABILITIES))
"""Who reads for all; each is told only of what they may read themselves."""
_ID = {"entities": "entity", "runs": "run", "questions": "question"}


class Reading:
    """Of one space, on the server's loop."""

    def __init__(self, served: Served, rows: Rows, name: str) -> None:
        self._served, self._rows, self._name = served, rows, name
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

    async def happened(self, position: int) -> Happened:
        """What an event of the log changed."""
        return await self._once(("", "", position), partial(self._happened, position))

    async def told(self, one: Changed, position: int) -> tuple[str, str]:
        """What changed at a position, as an event: its name, and what it says, as JSON. Of what is not there any more
        the id alone is said."""
        return await self._once((one.service, one.id, position), partial(self._told, one, position))

    async def outcome(self, entity: str, traversal: int) -> Json | None:
        """What `entities.get` answers, read once a traversal is completed; None where nothing is there."""
        return await self._once(("outcome", entity, traversal), partial(self._got, "entities", entity))

    async def is_gone(self, entity: str, position: int) -> bool:
        """Whether an entity of this id was erased."""
        return await self._once(("erased", entity, position), partial(self._is_gone, entity))

    async def _once(self, key: tuple[str, str, int], act: Callable[[], T]) -> T:
        task = self._kept.get(key)
        if task is None:
            self._kept[key] = task = asyncio.ensure_future(asyncio.to_thread(act))
            task.add_done_callback(partial(self._read, key))
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        found: T = task.result() if task.done() else await asyncio.shield(task)
        return found

    def _read(self, key: tuple[str, str, int], task: asyncio.Task[Any]) -> None:
        """What could not be read is not kept: whoever waits for it has the error, and others try anew."""
        if (task.cancelled() or task.exception() is not None) and self._kept.get(key) is task:
            del self._kept[key]

    def _happened(self, position: int) -> Happened:
        with self._served.space(self._name).view() as engine:
            return happened_at(entry_at(engine.store, position) if position <= engine.position else None)

    def _told(self, one: Changed, position: int) -> tuple[str, str]:
        said = self._got(one.service, one.id) if one.change != "removed" else None
        change = one.change
        if change == "told":
            change = "created" if said is not None and said["created"] == position else "patched"
        return f"{one.service} {change}", encode_json({**(said or {"id": one.id}), "told": position})

    def _got(self, service: str, id: str) -> Json | None:
        row = row_at(self._rows, Service(service, self._name, service), "get")
        try:
            found = begin(row, self._served, _EVERYBODY, {"space": self._name, _ID[service]: id})
        except WeftError as why:
            if told_of(why).status in GONE:
                return None
            raise
        assert not isinstance(found, Blob | Later), "what is read here neither waits nor is content"
        return found

    def _is_gone(self, entity: str) -> bool:
        with self._served.space(self._name).view() as engine:
            return bool(engine.erased_at(entity))
