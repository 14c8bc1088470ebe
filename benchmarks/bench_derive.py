"""A change that reaches 1,000 nodes which do nothing: what the engine itself costs, by the node.

Every node's function is called, since its input is new (and no two nodes share a call key); every result is recorded
with its provenance, in memory or durably in a file. Beside a plain call of the function, which is lost in the noise.
Then more nodes, which are to cost no more each; and the same when they are new, in a space that is: from the creation
of their entity to all of them settled, calls in threads among them, as nobody knows yet that the function is quick.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import count
from pathlib import Path

import weft
from benchmarks.case import Case, Limit
from benchmarks.peers import GROUP as DURABLE
from benchmarks.peers import NODES, UNIT
from benchmarks.yardsticks import CONTENT
from weft import Entity, Field, Node, Space, derive, field
from weft.content import Link, content_id, encode

IN_PROCESS = "no-op derive, in memory, a change that reaches 1,000 nodes"
IN_PROCESS_MAX = Limit(9, CONTENT)
"""10 µs, on a machine that encodes and hashes 400 bytes in 1.1."""
DURABLE_MAX = Limit(55, CONTENT)
"""60 µs, likewise."""
LARGER = "no-op derive, in memory, a change that reaches 10,000 nodes and more"
FIRST = "no-op derive, in memory, nodes that are new"
LARGER_TIMES = 1.5
"""How much more a node may take where there are ten or twenty times as many."""
LARGER_ROUNDS = 3
CHANGES = 5
"""How many changes one after the other are one sample, where a change takes milliseconds."""
TOLD = "told"
WAIT_S = 600.0


def cases(folder: Path) -> Iterator[Case]:
    """A fan-out and a chain, each in memory and in a file; then larger ones, and all when they are new."""
    for group, limit, suffix in ((IN_PROCESS, IN_PROCESS_MAX, ""), (DURABLE, DURABLE_MAX, ", durably")):
        for shape in (fan_out, chain):
            name = f"{shape.__name__.replace('_', '-')} of 1,000{suffix}"
            shelf = Shelf(shape, str(folder / f"{shape.__name__}.weft") if suffix else None)
            yield Case(name, group, UNIT, shelf.changes, ours=shape is fan_out, limit=limit, close=shelf.close)
        if not suffix:
            yield Case("what is kept of each, alone", group, UNIT, kept_alone)
    yield from larger()


def kept_alone() -> float:
    """The bound of any engine that keeps as much: each function is called, its value and its call's inputs are encoded
    and hashed, the record is encoded, and three tables are told. Seconds a node."""
    results: list[bytes] = []
    memo: dict[tuple[bytes], tuple[int]] = {}
    shown: dict[tuple[str, str, str], tuple[int, int, bytes]] = {}
    values: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
    began = time.perf_counter()
    told = time.perf_counter_ns()
    given = content_id(encode(told))
    for number in range(NODES):
        key = "an entity's id", f"node{number}", ""
        call = encode(["bench/same", "1", {"number": number}, [], [Link(given)]])
        value = encode(same(told, number=number))
        id, call_key = content_id(value), content_id(call)
        record = encode([[*key], 7, "ran", [1, number], value, [["an entity's id", "told", "", Link(given)]], call, 1])
        results.append(record)
        memo[call_key[-32:-16],] = (number,)
        shown[key], values[key] = (7, number, record), (id, value)
    return (time.perf_counter() - began) / NODES


def larger() -> Iterator[Case]:
    """Pairs of a small and a large one, of which the large one is limited by the small."""
    for shape, nodes in ((fan_out, 10_000), (chain, 20_000)):
        small, large = (f"{shape.__name__.replace('_', '-')} of {count:,}" for count in (NODES, nodes))
        shelf, limit = Shelf(shape, None, nodes=nodes), Limit(LARGER_TIMES, small)
        yield Case(large, LARGER, UNIT, shelf.change, limit=limit, rounds_max=LARGER_ROUNDS, close=shelf.close)
    for shape, nodes in ((fan_out, 10_000), (chain, 20_000)):
        small, large = (f"{shape.__name__.replace('_', '-')} of {count:,}, new" for count in (NODES, nodes))
        few, many, limit = Shelf(shape, None), Shelf(shape, None, nodes=nodes), Limit(LARGER_TIMES, small)
        yield Case(small, FIRST, UNIT, few.first, ours=shape is fan_out)
        yield Case(large, FIRST, UNIT, many.first, limit=limit, rounds_max=LARGER_ROUNDS)


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

    def changes(self) -> float:
        """A few edits, one after the other: seconds a node. One alone is over so soon that anything may have happened
        meanwhile on a machine that others use too."""
        return statistics.mean(self.change() for _ in range(CHANGES))

    def first(self) -> float:
        """A new entity in a new space, until the last of its nodes has settled; seconds a node."""
        with weft.open(types=(self.kind,)) as space:
            began = time.perf_counter()
            self._settle(space)
            took = time.perf_counter() - began
            assert sum(each["executed"] for each in space.counts().values()) == self.nodes
            return took / self.nodes

    def open(self) -> Space:
        """Open the space and settle it twice: by then the function is known to be quick."""
        self.space = space = weft.open(self.path, types=(self.kind,))
        self.entity = self._settle(space)
        self.executed = self.nodes
        self.change()
        return space

    def _settle(self, space: Space) -> Entity:
        entity = space.create(self.kind, **{TOLD: 0})
        space.watch(*(getattr(entity, name) for name in vars(self.kind) if name.startswith("node")))
        space.wait_settled(timeout_s=WAIT_S)
        return entity

    @cached_property
    def kind(self) -> type[Entity]:
        """Its class, made when it is first needed: that takes a second for the largest."""
        return entity_type(self.shape, self.nodes)

    def close(self) -> None:
        """Let go of the space, if it was opened."""
        if self.space is not None:
            self.space.close()


def entity_type(shape: Shape, nodes: int) -> type[Entity]:
    """A class as if its nodes had been written down one by one."""
    told: Field[int] = field()
    body = {f"node{number}": node for number, node in enumerate(shape(told, nodes))}
    return type("Shelf", (Entity,), {"__annotations__": {TOLD: Field[int]}, "__module__": __name__, TOLD: told, **body})
