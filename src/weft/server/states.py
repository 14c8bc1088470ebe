"""How nodes and runs stand that are not settled, as clients are told it: the present, by what changed when.

Each change has a number. Whoever was told up to a number is told what changed since; whoever comes, or was away for
longer than is remembered of what went, is told all there is. So a client costs a number here, and no queue.

Knows nothing of the engine and of connections. Invariant: whoever takes each frame that is made for the number of the
one before holds how all of its channel stands.
Source: conflation in market data feeds; the resource versions of watched lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, takewhile

from msgspec.structs import replace

from weft.server.frames import NodeState, States, encode_frame
from weft.server.stretch import Visible, entity_of

GONE_MAX = 4096
"""Of so many that stand no longer it is remembered when they went."""
AWAY = -1
"""Where somebody is who was told something before, and nobody knows what."""
FRAMES_KEPT_MAX = 256
"""So many frames of the present are kept for those who are told the same."""


class Present:
    """How all stands now, on the loop of the server."""

    def __init__(self, first_number: int) -> None:
        self.number = first_number
        """That of the newest change: it only grows, also over starts of a server."""
        self._states: dict[str, tuple[int, NodeState]] = {}
        """By name, each with the number of its change; the newest last."""
        self._gone: dict[str, int] = {}
        """What stands no longer, and since which change; the newest last."""
        self._by_entity: dict[str, dict[str, None]] = {}
        """The names of both."""
        self._forgot_up_to = first_number
        self._frames: dict[tuple[str, int], str] = {}

    def take(self, changes: Mapping[str, NodeState | None]) -> None:
        """What stands otherwise now."""
        self.number += 1
        self._frames.clear()
        for node, state in changes.items():
            self._by_entity.setdefault(entity_of(node), {})[node] = None
            self._states.pop(node, None)
            self._gone.pop(node, None)
            if state is None:
                self._gone[node] = self.number
            else:
                self._states[node] = (self.number, state)
        while len(self._gone) > GONE_MAX:
            node = next(iter(self._gone))
            self._forgot_up_to = self._gone.pop(node)
            names = self._by_entity[entity_of(node)]
            del names[node]
            if not names:
                del self._by_entity[entity_of(node)]

    def frame(self, channel: str, entity: str, visible: Visible, seen: int) -> str:
        """What is to be said on a channel to somebody who was told up to a number; 0: who was told nothing, `AWAY`: who
        may hold what another connection told. "" where there is nothing to say. Who was told is at `number` then."""
        if visible is not None:
            return self._encoded(channel, entity, visible, seen)
        found = self._frames.get((channel, seen))
        if found is None:
            found = self._encoded(channel, entity, None, seen)
            if len(self._frames) < FRAMES_KEPT_MAX:
                self._frames[channel, seen] = found
        return found

    def _encoded(self, channel: str, entity: str, visible: Visible, seen: int) -> str:
        is_whole = seen < self._forgot_up_to
        said: dict[str, NodeState | None] = {}
        for node in self._names(entity, 0 if is_whole else seen):
            if visible is not None and entity_of(node) not in visible:
                continue
            number, state = self._states.get(node) or (self._gone[node], None)
            if state is not None if is_whole else number > seen:
                said[node] = state if state is None or visible is None else _seen_by(state, visible)
        if not said and (not is_whole or seen == 0):
            return ""
        return encode_frame(States(channel, self.number, said, is_whole))

    def _names(self, entity: str, seen: int) -> Iterable[str]:
        """Those of a channel; of all there are, those that changed since a number. O(them)."""
        if entity:
            return self._by_entity.get(entity, ())
        gone = takewhile(lambda node: self._gone[node] > seen, reversed(self._gone))
        return chain(takewhile(lambda node: self._states[node][0] > seen, reversed(self._states)), gone)


def _seen_by(state: NodeState, visible: frozenset[str]) -> NodeState:
    """Without the names of what somebody may not see."""
    return replace(state, needs=tuple(node for node in state.needs if entity_of(node) in visible))
