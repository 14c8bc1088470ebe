"""A change that reaches 1,000 nodes which do nothing: what the engine itself costs, by the node.

Every node's function is called, since its input is new (and no two nodes share a call key); every result is recorded
with its provenance, in memory or durably in a file. Beside a plain call of the function, which is lost in the noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import weft
from benchmarks.case import Case, Limit
from benchmarks.peers import GROUP as DURABLE
from benchmarks.peers import NODES, UNIT
from benchmarks.yardsticks import CONTENT
from weft import Entity, Field, Node, Space, derive, field

IN_PROCESS = "no-op derive, in memory, a change that reaches 1,000 nodes"
IN_PROCESS_MAX = Limit(18, CONTENT)
"""20 µs, on a machine that encodes and hashes 400 bytes in 1.1."""
DURABLE_MAX = Limit(91, CONTENT)
"""100 µs, likewise."""
TOLD = "told"
WAIT_S = 600.0


def cases(folder: Path) -> Iterator[Case]:
    """A fan-out and a chain, each in memory and in a file."""
    for group, limit, suffix in ((IN_PROCESS, IN_PROCESS_MAX, ""), (DURABLE, DURABLE_MAX, ", durably")):
        for shape in (fan_out, chain):
            name = f"{shape.__name__.replace('_', '-')} of 1,000{suffix}"
            shelf = Shelf(shape, str(folder / f"{shape.__name__}.weft") if suffix else None)
            yield Case(name, group, UNIT, shelf.change, ours=shape is fan_out, limit=limit, close=shelf.close)


def same(told: int, *, number: int) -> int:
    """What a node of the fan-out does; its number is a setting, so each has call keys of its own."""
    return told


def after(told: int) -> int:
    """What a node of the chain does; its input is new as long as its output is."""
    return told + 1


def fan_out(told: Field[int], nodes: int) -> Iterator[Node[int]]:
    """Nodes that all read one field."""
    for number in range(nodes):
        yield derive(partial(same, number=number), told)


def chain(told: Field[int], nodes: int) -> Iterator[Node[int]]:
    """Nodes of which each reads the one before."""
    node: Node[int] = told
    for _ in range(nodes):
        node = derive(after, node)
        yield node


Shape = Callable[[Field[int], int], Iterator[Node[int]]]


class Shelf:
    """One entity with many nodes in a space of its own, opened when first measured and kept open."""

    def __init__(self, shape: Shape, path: str | None, *, nodes: int = NODES) -> None:
        self.shape, self.path, self.nodes = shape, path, nodes
        self.space: Space | None = None
        # A step larger than the chain is long, so that no node of it meets a value that it has met before.
        self.told = count(nodes, 2 * nodes)

    def change(self) -> float:
        """One edit that reaches all nodes, until the last has settled; seconds a node."""
        space = self.space or self.open()
        began = time.perf_counter()
        setattr(self.entity, TOLD, next(self.told))
        space.wait_settled(timeout_s=WAIT_S)
        took = time.perf_counter() - began
        self.executed += self.nodes
        assert sum(each["executed"] for each in space.counts().values()) == self.executed
        return took / self.nodes

    def open(self) -> Space:
        """Open the space and settle it twice: by then the function is known to be quick."""
        kind = entity_type(self.shape, self.nodes)
        self.space = space = weft.open(self.path, types=(kind,))
        self.entity = space.create(kind, **{TOLD: 0})
        space.watch(*(getattr(self.entity, name) for name in vars(kind) if name.startswith("node")))
        space.wait_settled(timeout_s=WAIT_S)
        self.executed = self.nodes
        self.change()
        return space

    def close(self) -> None:
        """Let go of the space, if it was opened."""
        if self.space is not None:
            self.space.close()


def entity_type(shape: Shape, nodes: int) -> type[Entity]:
    """A class as if its nodes had been written down one by one."""
    told: Field[int] = field()
    body = {f"node{number}": node for number, node in enumerate(shape(told, nodes))}
    return type("Shelf", (Entity,), {"__annotations__": {TOLD: Field[int]}, "__module__": __name__, TOLD: told, **body})
