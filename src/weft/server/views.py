"""Views: which entities somebody looks at, and so which nodes are demanded.

A connection opens an entity as often as it likes, and has it open until it closed it as often. While anybody has it
open, all its computed nodes are demanded; those that stream, while anybody has it open who has not paused it. When the
last one closes it they are let go of; what was begun goes on, and what others demand stays demanded.

Knows nothing of connections but that each has a name of its own. Invariant: what is demanded here is what the open
views say, after any history of opening, closing and connections that were lost.
Source: reference counts; views of a window system.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeAlias

from weft.errors import WeftError
from weft.spec import NodeSpec

Place: TypeAlias = tuple[str, str, str]
Viewer: TypeAlias = object
"""Whoever looks: compared by identity."""


class NotViewed(WeftError):
    """The entity {entity} is not open on this connection, so it cannot be closed. Open it first."""

    entity: str


class Demands(Protocol):
    """What views ask of a space's host."""

    def watch(self, place: Place, /) -> None:
        """Demand a node until it is let go of."""
        ...

    def let_go(self, place: Place, /) -> None:
        """Demand it no longer."""
        ...


class Views:
    """Who looks at what, in one space. Any thread may use it; a call may wait for a turn of the engine."""

    def __init__(self, host: Demands, nodes_of: Callable[[str], Mapping[str, bool]]) -> None:
        self._host, self._nodes_of = host, nodes_of
        self._open: dict[Viewer, Counter[str]] = {}
        self._paused: dict[Viewer, set[str]] = {}
        self._held: dict[str, set[Place]] = {}
        self._lock = threading.Lock()

    def count(self, viewer: Viewer) -> int:
        """How many views this one has open, each as often as it was opened."""
        return sum(self._open.get(viewer, Counter[str]()).values())

    def open(self, viewer: Viewer, entity: str) -> None:
        """Look at an entity; what the host refuses is raised, and nothing is open then that was not."""
        with self._lock:
            mine = self._open.setdefault(viewer, Counter())
            mine[entity] += 1
            try:
                self._follow(entity)
            except BaseException:
                self._drop(viewer, entity)
                raise

    def close(self, viewer: Viewer, entity: str) -> None:
        """Look at it once less. Raises `NotViewed`."""
        with self._lock:
            if entity not in self._open.get(viewer, ()):
                raise NotViewed(entity=entity)
            self._drop(viewer, entity)

    def pause(self, viewer: Viewer, entity: str) -> None:
        """Have no streaming node of it computed for this one, until it plays."""
        with self._lock:
            self._paused.setdefault(viewer, set()).add(entity)
            self._follow(entity)

    def play(self, viewer: Viewer, entity: str) -> None:
        """Have them computed again."""
        with self._lock:
            self._paused.get(viewer, set()).discard(entity)
            self._follow(entity)

    def leave(self, viewer: Viewer) -> None:
        """Whoever looked is gone. Harmless twice."""
        with self._lock:
            gone = self._open.pop(viewer, Counter())
            self._paused.pop(viewer, None)
            for entity in gone:
                self._follow(entity)

    def renew(self) -> None:
        """Types may have other nodes now."""
        with self._lock:
            for entity in {entity for mine in self._open.values() for entity in mine}:
                self._follow(entity)

    def _drop(self, viewer: Viewer, entity: str) -> None:
        mine = self._open[viewer]
        mine[entity] -= 1
        if not mine[entity]:
            del mine[entity]
        if not mine:
            del self._open[viewer]
        self._follow(entity)

    def _follow(self, entity: str) -> None:
        """Demand what is to be demanded of an entity, and let go of the rest."""
        wanted, held = self._wanted(entity), self._held.setdefault(entity, set())
        try:
            for place in sorted(wanted - held):
                self._host.watch(place)
                held.add(place)
            for place in sorted(held - wanted):
                held.discard(place)
                self._host.let_go(place)
        finally:
            if not held:
                self._held.pop(entity, None)

    def _wanted(self, entity: str) -> set[Place]:
        viewers = [viewer for viewer, mine in self._open.items() if entity in mine]
        if not viewers:
            return set()
        is_playing = any(entity not in self._paused.get(viewer, ()) for viewer in viewers)
        nodes = self._nodes_of(entity)
        return {(entity, node, "") for node, is_stream in nodes.items() if is_playing or not is_stream}


def computed(nodes: Iterable[NodeSpec]) -> dict[str, bool]:
    """The computed ones of a type's nodes, each with whether it streams."""
    return {node.name: _is_stream(node) for node in nodes if not node.is_told}


def _is_stream(node: NodeSpec) -> bool:
    operation = node.code.operation if node.code is not None else None
    return operation is not None and operation.kind == "stream"
