"""Rewiring: who reads what is about to change, since when each of them is unsettled, and who is to be told first.

References that are told and definitions that come into force change what slots read. What was unsettled where they read
until then counts for them afterwards too, so it is asked before anything changes.

Knows nothing of records or rows.
Invariant: a due row that comes with another wiring says no later cut than the wiring before it did.
Source: low watermarks of stream processors; topological order.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from weft.graph import NEVER, Due, Graph, Slot, Source, ToldNode, Whole
from weft.slot import Ok, SlotKey


def firsts_before(
    graph: Graph, ids: Sequence[str], changed: Container[str], renamed: Mapping[str, str]
) -> dict[SlotKey, int]:
    """Since when each slot of these entities that is to be computed anew was unsettled, by what it reads until now."""
    things = [thing for id in ids if (thing := graph.thing(id)) is not None]
    slots = [slot for thing in things for slot in thing.slots() if not slot.current]
    keys = [slot.key._replace(node=renamed.get(slot.key.node, slot.key.node)) for slot in slots]
    return {key: graph.first(slot) for key, slot in zip(keys, slots, strict=True) if key.node in changed}


def readers_of(graph: Graph, ids: Sequence[str], dropped: Sequence[str]) -> dict[SlotKey, int]:
    """Who reads, from anywhere, nodes of these entities that go, and since when each was unsettled."""
    found: dict[SlotKey, int] = {}
    for id in ids if dropped else ():
        thing = graph.thing(id)
        assert thing is not None
        graph.load_readers(thing)
        nodes = [thing.nodes[name] for name in dropped if name in thing.nodes]
        wholes = [node for node in nodes if isinstance(node, Whole)]
        for node in [*nodes, *(slot for whole in wholes for slot in whole.slots.values())]:
            for reader in [edge.reader for edges in node.readers.values() for edge in edges]:
                if isinstance(reader, Slot):
                    found[reader.key] = graph.first(reader)
                elif reader.thing is not thing:
                    found[SlotKey(reader.thing.id, reader.spec.name)] = NEVER
    return found


def make_due_anew(
    graph: Graph, nodes: Iterable[Source | None], cut: int, firsts: Mapping[SlotKey, int]
) -> dict[Slot, None]:
    """Make due what reads otherwise now; returns those slots. `firsts`: since when it was unsettled until now."""
    found = [(slot, graph.first(slot)) for slot in nodes if isinstance(slot, Slot)]
    for slot, first in found:
        graph.set_due(slot, Due(min(first, firsts.get(slot.key, NEVER), cut), cut))
    return dict.fromkeys(slot for slot, _ in found)


def right_until(slot: Slot) -> int | None:
    """Since when an element that comes is perhaps not right any more: where another definition had it before, no
    tombstone says since when it was away."""
    result = slot.result
    return result.at + 1 if result is not None and isinstance(result.outcome, Ok) else None


def readers_through(refs: Iterable[ToldNode], walked: Iterable[tuple[str, str]]) -> Iterator[tuple[Slot | Whole, str]]:
    """Who reads through some references, each with the name of one. `walked`: at least those, each behind what it
    needs: so no list ever runs over itself, as it would where two trade places and are followed one by one."""
    names = {(ref.thing.id, spec.name): ref for ref in refs for spec in ref.thing.type.readers_of(ref.spec.name)}
    for id, name in walked if names else ():
        ref = names.get((id, name))
        reader = ref.thing.nodes[name] if ref is not None else None
        if ref is not None and isinstance(reader, Slot | Whole):
            yield reader, ref.spec.name
