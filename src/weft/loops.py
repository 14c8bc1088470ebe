"""Loops of references: entities whose nodes would each wait for the other, so that none could ever be current.

Walked over what is declared, both branches of a `choose` among it: one that is not taken today may be tomorrow, and
then nobody is there to be refused.

Knows nothing of who asks, an edit that points a reference or a definition that reads through one.
Invariant: no recursion; a place is walked once, however many ways lead to it.
Source: depth-first search with an explicit path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from weft.graph import Thing, target_of
from weft.spec import TypeSpec

Place: TypeAlias = tuple[str, str]
"""(entity, node)"""
Needs: TypeAlias = Callable[[Place], Iterable[Place]]


def needs_of(place: Place, thing: Thing | None, type: TypeSpec | None) -> Iterator[Place]:
    """What a node reads, by the type given and the references as they are."""
    id, node = place
    if thing is None or type is None or node not in type.nodes:
        return
    for entry in type.nodes[node].inputs:
        if not entry.ref:
            yield id, entry.node
            continue
        holder = thing.nodes.get(entry.ref)
        target = target_of(holder.outcome()) if holder is not None else None
        if target is not None and (entry.node or target[1]):
            yield target[0], entry.node or target[1]


def find_loop(start: Place, needs: Needs, done: dict[Place, None]) -> str:
    """A loop that `start` needs, in words; empty where there is none. `done` remembers what was walked, each place
    behind all that it needs."""
    path: dict[Place, None] = {}
    stack = [(start, False)]
    while stack:
        place, is_left = stack.pop()
        if is_left:
            del path[place]
            done[place] = None
        elif place in path:
            steps = [*list(path)[list(path).index(place) :], place]
            return " ← ".join(".".join(step) for step in steps)
        elif place not in done:
            path[place] = None
            stack.append((place, True))
            stack.extend((need, False) for need in needs(place) if need not in done)
    return ""
