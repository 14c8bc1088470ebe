"""Groups: the siblings that must compute one cut, or whoever reads several of them would hardly ever see them together.

A group is everything that a node with two or more computed inputs needs, joined where such sets overlap, over what is
demanded. What is current is right at the newest cut and needs no place in it.

Knows nothing of cuts, calls or clocks: it walks the graph.
Invariant: what a member needs, and is not current, is a member.
Source: the connected components of union-find, found by walking, since edges go as well as come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from weft.graph import Edge, Reader, Slot, Source, ToldNode, Whole


class Group(NamedTuple):
    """Those that compute, the collections among them, and all whose reading joins them."""

    members: dict[Slot, None]
    joints: dict[Reader, None]
    """What reads two or more computed nodes, and every collection on the way: whoever is below one is in the group."""


def edges_above(source: Source) -> Iterator[Edge]:
    """Every edge by which something demanded reads this."""
    for edges in source.readers.values():
        for edge in edges:
            if edge.reader.demand:
                yield edge


def is_joint(reader: Reader) -> bool:
    """Whether it has two or more computed inputs. O(1) for what has few told ones."""
    first: Source | None = None
    for edge in reader.edges:
        source = edge.source
        if isinstance(source, ToldNode) or source is first:
            continue
        if first is not None:
            return True
        first = source
    return False


def group_around(slot: Slot) -> Group:
    """The group that a slot which is not current is in; without members where it is in none. O(what is not current)."""
    members: dict[Slot, None] = {}
    joints: dict[Reader, None] = {}
    seen: set[Source] = {slot}
    todo: list[Source] = [slot]
    while todo:
        for edge in edges_above(todo.pop()):
            reader = edge.reader
            if reader in seen and reader in joints:
                continue
            if is_joint(reader) and reader not in joints:
                joints[reader] = None
                _take_cone(reader, members, joints, seen, todo)
            if reader not in seen:
                seen.add(reader)
                todo.append(reader)
    return Group(members if slot in members else {}, joints)


def _take_cone(
    joint: Reader, members: dict[Slot, None], joints: dict[Reader, None], seen: set[Source], todo: list[Source]
) -> None:
    """All that a joint needs becomes part of the group; a `choose` too, as what it needs shows only as it is made."""
    stack: list[Reader] = [joint]
    walked: set[Reader] = {joint}
    if isinstance(joint, Slot) and joint.spec.kind == "choose":
        members[joint] = None
    while stack:
        node = stack.pop()
        for edge in list(node.unsettled if isinstance(node, Whole) else node.edges):
            source = edge.source
            if isinstance(source, ToldNode) or source.current or source in walked:
                continue
            walked.add(source)
            if source not in seen:
                seen.add(source)
                todo.append(source)
            if isinstance(source, Whole):
                joints[source] = None
            elif source in members:
                continue  # and with it all that it needs
            else:
                members[source] = None
            stack.append(source)
