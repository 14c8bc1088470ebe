"""What is live of one space: its feed, its views, and who is there.

Knows nothing of connections. Invariant: views follow the definitions in force: where these changed, what is looked at
is demanded anew.
Source: rooms of chat servers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from weft.server.feed import Feed
from weft.server.presence import Presences
from weft.server.settings import LiveSettings
from weft.server.views import Views, computed
from weft.space import Space


class LiveSpace:
    """What is live of one space."""

    def __init__(self, space: Space, settings: LiveSettings) -> None:
        self.space, self.settings = space, settings
        self.feed = Feed(space, settings)
        self.views = Views(space._host, self._nodes_of)
        self.presences = Presences()
        self._renewals: set[asyncio.Task[None]] = set()
        self.feed.on_reset = self._renew

    def _nodes_of(self, entity: str) -> Mapping[str, bool]:
        with self.space.view() as engine:
            thing = engine.graph.thing(entity)
            return computed(thing.type.nodes.values()) if thing is not None else {}

    def _renew(self) -> None:
        task = asyncio.get_running_loop().create_task(asyncio.to_thread(self.views.renew))
        self._renewals.add(task)
        task.add_done_callback(self._renewals.discard)
