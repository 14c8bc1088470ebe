"""What somebody waits for at this moment, and what that needs: its entities are hurried until the wait is over.

Knows nothing of who waits. Invariant: whatever was hurried for a wait is so no more when that has ended, and once only.
Source: priority inheritance, without priorities.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from weft.graph import Graph, Source, unsettled

NODES_MAX = 1000
"""How many nodes are looked at for what a wait needs: the nearest."""


class Waited:
    """One wait."""

    def __init__(self, graph: Graph) -> None:
        self._ready = graph.ready
        self._entities: list[str] = []

    def begin(self, node: Source | None) -> None:
        """Hurry what is to settle by now before the node does."""
        self._entities = entities_below(node) if node is not None else []
        self._ready.hurry(self._entities)

    def end(self) -> None:
        """The wait is over. Harmless twice."""
        self._ready.rest(self._entities)
        self._entities = []


def entities_below(node: Source, nodes_max: int = NODES_MAX) -> list[str]:
    """The entities of what has to settle before a node does, its own first; of the nearest so many nodes."""
    seen: dict[Source, None] = {} if node.current else {node: None}
    todo = deque(seen)
    while todo and len(seen) < nodes_max:
        for edge in islice(unsettled(todo.popleft()), nodes_max - len(seen)):
            if not edge.source.current:
                seen[edge.source] = None
                todo.append(edge.source)
    return list(dict.fromkeys(one.thing.id for one in seen))
