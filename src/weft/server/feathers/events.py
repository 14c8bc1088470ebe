"""Events: what one client is told of one space, as Feathers' services tell it.

`created`, `patched` and `removed` of `entities`, `runs` and `questions` come for all that the client may read. `node`,
what happened to a node, and `partial`, what a stream has so far, come for those entities that it has open; `completed`,
once, for each traversal that began with something of them, or of the client's user. Each brings a mark, from which a
client that was away goes on.

Knows nothing of sockets. Invariant: rights are asked before each event, and each comes once, in the order of the log.
Source: Feathers' service events; dispatching by channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from weft.server.feathers.mark import OPEN_MAX, Mark, encode_mark
from weft.server.feathers.packet import encode_event, encode_json
from weft.server.feathers.wire import Puts
from weft.server.frames import SPACE, Batch, Completed, Delta, Error, Partial, ServerFrame, Snapshot, Sub, encode_frame
from weft.server.frames import parse_server_frame as parse_uncached
from weft.server.stretch import entity_of

if TYPE_CHECKING:
    from weft.server.connection import Connection
    from weft.server.feathers.reading import Reading

FRAMES_KEPT_MAX = 64
"""So many of the newest frames are kept as they were read: most clients are sent the same."""


@lru_cache(FRAMES_KEPT_MAX)
def _parsed(text: str) -> ServerFrame:
    return parse_uncached(text)


class Events:
    """For one client, of one space."""

    def __init__(self, space: str, reading: Reading, put: Puts) -> None:
        self._path, self._reading, self._put = f"spaces/{space}", reading, put
        self.connection: Connection
        self.open: Counter[str] = Counter()
        """The entities that the client has open, each as often as it opened it."""
        self._position = self._seen = 0
        """All up to there was told, and so many of the next position's events."""
        self._came_with = Mark(0)
        """What the client said when it came: of the position behind it so many events were told before."""
        self._begun: Collection[int] = ()
        """The traversals that began, and were not told to be completed."""

    def begin(self, mark: Mark) -> None:
        """Be where the client is."""
        self._position, self._came_with, self._begun = mark.position, mark, mark.open

    async def take(self, texts: Sequence[str]) -> None:
        """Tell what frames tell, one after another."""
        frames = [_parsed(text) for text in texts]
        for number, frame in enumerate(frames):
            if (cursor := self.connection.cursors.get(SPACE)) is not None:
                # What is told behind this is not told yet, and a mark says so.
                later = {one.traversal for one in frames[number + 1 :] if isinstance(one, Completed)}
                self._begun = cursor.open | later
            await self._take(frame)

    async def _take(self, frame: ServerFrame) -> None:
        match frame:
            case Batch() as batch:
                for delta in batch.deltas:
                    await self._delta(delta)
                self._position = batch.position
            case Completed() as completed:
                await self._completed(completed)
            case Partial() as partial if self.open[entity_of(partial.node)]:
                said = {"node": partial.node, "position": partial.position, "number": partial.number}
                said |= {"preview": partial.preview, "value": partial.value}
                await self._tell("entities partial", encode_json(said))
            case Snapshot() as snapshot:
                self._position = snapshot.position
                await self._tell("views reset", encode_json({"position": snapshot.as_of}))
            case Error(about=about) if about == SPACE:
                # There is more in the space than a snapshot holds, and none is told here.
                self._position = head = self.connection.live.feed.position
                await self.connection.take(Sub(SPACE, head, tuple(sorted(self._begun)[-OPEN_MAX:])))
                await self._tell("views reset", encode_json({"position": head}))
            case _:
                pass

    async def _delta(self, delta: Delta) -> None:
        found = await self._found(delta)
        told = self._came_with.seen if delta.position == self._came_with.position + 1 else 0
        for n, (name, said) in enumerate(found):
            is_last = n == len(found) - 1
            self._position, self._seen = (delta.position, 0) if is_last else (delta.position - 1, n + 1)
            if n >= told:
                await self._tell(name, said)
        self._position, self._seen = delta.position, 0

    async def _found(self, delta: Delta) -> list[tuple[str, str]]:
        """What a delta is told as: events, each with what it says."""
        if delta.type == "traversal.started":
            happened, may = await self._reading.happened(delta.position), self.connection.caller.may
            seen = [one for one in happened.changes if may("read", one.entity)]
            return [await self._reading.told(one, delta.position) for one in seen]
        if delta.type == "erased":
            self._reading.forget()
            if delta.node and await self._reading.is_gone(delta.node, delta.position):
                return [("entities removed", encode_json({"entity": delta.node, "position": delta.position}))]
        elif any(self.open[entity] for entity in _entities(delta)):
            return [("entities node", encode_frame(delta))]
        return []

    async def _completed(self, done: Completed) -> None:
        happened, caller = await self._reading.happened(done.traversal), self.connection.caller
        if happened.by != caller.user and not any(self.open[entity] for entity in happened.entities):
            return
        seen = [entity for entity in sorted(happened.entities) if caller.may("read", entity)]
        found = [await self._reading.outcome(one, done.traversal) for one in seen]
        entities = [one for one in found if one is not None]
        said = {"traversal": done.traversal, "position": done.position, "nodes": done.nodes, "failed": done.failed}
        await self._tell("entities completed", encode_json({**said, "entities": entities}))

    async def _tell(self, name: str, said: str) -> None:
        self.connection.check()
        mark = encode_mark(self._position, self._seen, self._begun)
        await self._put(encode_event(f"{self._path}/{name}", said, f'"{mark}"'))


def _entities(delta: Delta) -> list[str]:
    return sorted({entity_of(node) for node in delta.node.split(", ")} - {""})
