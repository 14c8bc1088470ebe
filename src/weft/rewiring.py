"""Rewiring: who reads what is about to change, since when each of them is unsettled, and who is to be told first.

References that are told and definitions that come into force change what slots read. What was unsettled where they read
until then counts for them afterwards too, so it is asked before anything changes.

Knows nothing of records or rows.
Invariant: a due row that comes with another wiring says no later cut than the wiring before it did.
Source: low watermarks of stream processors; topological order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from weft.graph import NEVER, Due, Graph, Slot, Source, ToldNode, Whole
from weft.slot import SlotKey


def lists_from(graph: Graph, ids: Iterable[str], names: Collection[str]) -> dict[Source, None]:
    """These nodes of these entities, and all that runs over the elements of one, from anywhere."""
    things = [thing for id in ids if names and (thing := graph.thing(id)) is not None]
    todo: list[Source] = [thing.nodes[name] for thing in things for name in names if name in thing.nodes]
    found: dict[Source, None] = {}
    while todo:
        node = todo.pop()
        if node not in found:
            found[node] = None
            graph.load_readers(node.thing)
            todo += [edge.reader for edge in node.readers.get("", ()) if isinstance(edge.reader, Whole)]
    return found


def slots_of(nodes: Iterable[Source | None]) -> Iterator[Slot]:
    """The slots of some nodes, those of elements among them."""
    for node in nodes:
        if isinstance(node, Whole):
            yield from node.slots.values()
        elif isinstance(node, Slot):
            yield node


def readers_of(nodes: Collection[Source]) -> Iterator[Slot]:
    """The slots that read any of these nodes, or of their elements."""
    for source in [*nodes, *slots_of(nodes)]:
        yield from (edge.reader for edges in source.readers.values() for edge in edges if isinstance(edge.reader, Slot))


def make_due_anew(
    graph: Graph, nodes: Iterable[Source | None], cut: int, firsts: Mapping[SlotKey, int]
) -> dict[Slot, None]:
    """Make due what reads otherwise now; returns those slots. `firsts`: since when it was unsettled until now."""
    found = [(slot, graph.first(slot)) for slot in nodes if isinstance(slot, Slot)]
    for slot, first in found:
        graph.set_due(slot, Due(min(first, firsts.get(slot.key, NEVER), cut), cut))
    return dict.fromkeys(slot for slot, _ in found)


def readers_through(refs: Iterable[ToldNode], walked: Iterable[tuple[str, str]]) -> Iterator[tuple[Slot | Whole, str]]:
    """Who reads through some references, each with the name of one. `walked`: at least those, each behind what it
    needs: so no list ever runs over itself, as it would where two trade places and are followed one by one."""
    names = {(ref.thing.id, spec.name): ref for ref in refs for spec in ref.thing.type.readers_of(ref.spec.name)}
    for id, name in walked if names else ():
        ref = names.get((id, name))
        reader = ref.thing.nodes[name] if ref is not None else None
        if ref is not None and isinstance(reader, Slot | Whole):
            yield reader, ref.spec.name
