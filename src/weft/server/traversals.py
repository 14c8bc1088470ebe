"""Traversals: when all that one event made due is settled.

A traversal is completed when every demanded node that hangs on what its event changed shows a value of a cut not before
that event, and every element that a list got on the way shows one at all. What nobody demands is not waited for; what
is demanded only after that, neither. Each is completed once. A node that no program here can compute keeps its
traversals open.

While one is open, it waits for one unfinished node at a time, so a turn asks a node once, however many wait for it. One
whose event reaches more than `REACH_MAX` nodes is not followed node by node: it is completed with all before it, by the
settled mark, which may be later and is never sooner; it names no nodes then.

Knows nothing of clients. Invariant: what is completed was open, and is never open again.
Source: the engine's own first(): the least cut at which a slot is not known to be right; watched literals.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from weft.content import Plain, cid_text
from weft.engine import Engine
from weft.graph import Slot, Source, ToldNode, Whole
from weft.record import Entry
from weft.server.frames import Completed, encode_frame
from weft.server.stretch import Visible, entity_of
from weft.slot import Err, Ok, SlotKey
from weft.subscription import shortened

REACH_MAX = 2000
"""How many nodes a traversal is followed to."""
FOLLOWED_MAX = 200_000
"""How many nodes all open ones are followed to, together."""
NODES_TOLD_MAX = 500
"""How many nodes are named when it is completed."""


class Done:
    """A completed traversal: what its nodes show, known at a position."""

    __slots__ = ("_frames", "entities", "failed", "nodes", "position", "traversal")

    def __init__(self, traversal: int, position: int, entities: frozenset[str]) -> None:
        self.traversal, self.position, self.entities = traversal, position, entities
        self.nodes: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self._frames: dict[str, str] = {}

    def frame(self, channel: str, entity: str, visible: Visible) -> str:
        """It, on a channel, for somebody who may see these entities."""
        if visible is not None:
            return self._encoded(channel, entity, visible)
        if channel not in self._frames:
            self._frames[channel] = self._encoded(channel, entity, None)
        return self._frames[channel]

    def _encoded(self, channel: str, entity: str, visible: Visible) -> str:
        def of_channel(said: dict[str, str]) -> dict[str, str]:
            if not entity and visible is None:
                return said
            return {node: one for node, one in said.items() if is_seen(entity_of(node))}

        def is_seen(about: str) -> bool:
            return (not entity or about == entity) and (visible is None or about in visible)

        return encode_frame(
            Completed(channel, self.traversal, self.position, of_channel(self.nodes), of_channel(self.failed))
        )


class _Open(Struct):
    entities: frozenset[str]
    origins: list[tuple[str, str, str]]
    reach: dict[SlotKey, None]
    """Every demanded slot that hangs on its event."""
    left: list[SlotKey]
    """Those that it has not seen finished."""
    by_mark: bool = False


class Traversals:
    """Those that are open, and the newest that are completed. Used while the engine stands still."""

    def __init__(self, *, completed_max: int, sees_demand: bool = True) -> None:
        """`sees_demand`: whether this program is the engine; else somebody has to say when they are to `finish`."""
        self._sees_demand = sees_demand
        self.open: dict[int, _Open] = {}
        self.completed: OrderedDict[int, Done] = OrderedDict()
        self._completed_max = completed_max
        self._waiting: dict[SlotKey, list[int]] = {}
        self._by_mark: dict[int, None] = {}
        self._followed = 0

    def begin(self, engine: Engine, entry: Entry) -> Done | None:
        """Follow the traversal of an event; returns it where it is completed already."""
        known = self.completed.get(entry.position)
        if known is not None or entry.position in self.open:
            return known
        intents = entry.said.get("intents")
        origins = list(_origins(intents if isinstance(intents, list) else []))
        found, is_whole = _reached(engine, origins) if self._sees_demand else ({}, True)
        by_mark = not is_whole or self._followed + len(found) > FOLLOWED_MAX
        reach = {} if by_mark else found
        entities = frozenset(entity for entity, _, _ in origins)
        one = _Open(entities, origins, reach, list(reach), by_mark)
        self.open[entry.position] = one
        self._followed += len(reach)
        if by_mark:
            self._by_mark[entry.position] = None
        return self._go_on(engine, entry.position, one) if self._sees_demand else None

    def check(self, engine: Engine) -> list[Done]:
        """Those that are completed since this was last asked."""
        done: list[Done] = []
        for key in list(self._waiting):
            waiting = self._waiting[key]
            freed = [one for one in waiting if not _is_unfinished(engine, key, one)]
            if not freed:
                continue
            left = set(waiting).difference(freed)
            if left:
                self._waiting[key] = [one for one in waiting if one in left]
            else:
                del self._waiting[key]
            done += [one for one in (self._go_on(engine, each, self.open[each]) for each in freed) if one is not None]
        if self._by_mark:
            ready = [one for one in self._by_mark if engine.settled_mark() >= one]
            done += [one for one in (self._go_on(engine, each, self.open[each]) for each in ready) if one is not None]
        return sorted(done, key=lambda one: one.traversal)

    def finish(self, position: int, traversal: int) -> Done | None:
        """Complete one, since somebody who knows says so."""
        return self._complete(position, traversal) if traversal in self.open else None

    def _go_on(self, engine: Engine, traversal: int, one: _Open) -> Done | None:
        if one.by_mark:
            return self._complete(engine.position, traversal) if engine.settled_mark() >= traversal else None
        while True:
            while one.left:
                if _is_unfinished(engine, one.left[-1], traversal):
                    self._waiting.setdefault(one.left[-1], []).append(traversal)
                    return None
                one.left.pop()
            # Lists that were settled on the way may have got elements, which no cut before theirs is asked about.
            found, _ = _reached(engine, one.origins)
            came = [key for key in found if key not in one.reach and _is_of_computed(engine, key)]
            one.reach.update(dict.fromkeys(came))
            self._followed += len(came)
            one.left += [key for key in came if _shows_nothing(engine, key)]
            if not one.left:
                return self._complete(engine.position, traversal, engine)

    def _complete(self, position: int, traversal: int, engine: Engine | None = None) -> Done:
        one = self.open.pop(traversal)
        self._by_mark.pop(traversal, None)
        self._followed -= len(one.reach)
        done = Done(traversal, position, one.entities)
        for key in list(one.reach)[:NODES_TOLD_MAX] if engine is not None else ():
            assert engine is not None
            node = engine.node(*key)
            outcome = node.outcome() if isinstance(node, Slot) else None
            if isinstance(outcome, Ok):
                done.nodes[str(key)] = cid_text(outcome.content)
            elif isinstance(outcome, Err):
                done.failed[str(key)] = shortened(f"{outcome.kind}: {outcome.message}")
        self.completed[traversal] = done
        while len(self.completed) > self._completed_max:
            self.completed.popitem(last=False)
        return done


def _origins(intents: list[Plain]) -> Iterator[tuple[str, str, str]]:
    """The nodes that an event is about: (entity, node, element); no node for all of a new entity."""
    for intent in intents:
        if isinstance(intent, list) and len(intent) > 2:
            entity, node, verb, *args = intent
            element = str(args[0]) if verb == "retry" and args and args[0] else ""
            yield str(entity), str(node or ""), element


def _reached(engine: Engine, origins: Iterable[tuple[str, str, str]]) -> tuple[dict[SlotKey, None], bool]:
    """Every demanded slot that hangs on these, and whether that is all."""
    stack = list(_sources(engine, origins))
    seen: dict[Source, None] = dict.fromkeys(stack)
    found: dict[SlotKey, None] = {}
    while stack:
        node = stack.pop()
        if isinstance(node, Slot) and node.demand:
            found[node.key] = None
        if len(node.readers) > REACH_MAX or len(seen) > REACH_MAX:
            return found, False
        for reader in _readers(node):
            if reader.demand and reader not in seen:
                seen[reader] = None
                stack.append(reader)
    return found, True


def _sources(engine: Engine, origins: Iterable[tuple[str, str, str]]) -> Iterator[Source]:
    for entity, name, element in origins:
        thing = engine.graph.thing(entity)
        if thing is None:
            continue
        node = engine.node(entity, name, element) if name else None
        if node is not None:
            yield node
        elif not name:
            yield from thing.nodes.values()


def _readers(node: Source) -> Iterator[Source]:
    for edges in list(node.readers.values()):
        yield from (edge.reader for edge in list(edges))


def _is_of_computed(engine: Engine, key: SlotKey) -> bool:
    """Whether it is an element of a list that is computed."""
    whole = engine.node(key.entity, key.node) if key.element else None
    return isinstance(whole, Whole) and not isinstance(whole.base, ToldNode)


def _shows_nothing(engine: Engine, key: SlotKey) -> bool:
    slot = engine.node(*key)
    return isinstance(slot, Slot) and not slot.current and slot.result is None


def _is_unfinished(engine: Engine, key: SlotKey, traversal: int) -> bool:
    slot = engine.node(*key)
    if not isinstance(slot, Slot) or slot.current or not slot.demand:
        return False
    return slot.result is None or engine.graph.first(slot) <= traversal
