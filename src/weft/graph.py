"""The graph in memory: entities, what their nodes show, who reads whom, and what is not current.

A `ToldNode` holds a field, a `Slot` one derived value, a `Whole` gathers the slots of an `each`. Edges run from what is
read to who reads it. A node is current when it is not due and all it reads is current; the graph keeps that by
counting, so an event costs the nodes it reaches, once each, and nothing is ever walked by recursion. Entities are
loaded when they are first touched; a loaded entity's needs are loaded too.

Knows nothing of transactions, records or runners: it never writes.
Invariant: `reader.pending` is the number of its edges whose source is not current, at every return from this module.
Source: push-pull reactive graphs (Salsa, Incremental); counting in place of walking, as in Tarjan-style topological
sorts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from weft.collection import content_elements, key_element
from weft.content import Plain, content_id, decode, encode
from weft.gathered import Gathered
from weft.reduce import Cell, ItemsCell
from weft.slot import WAS_ERASED, Err, Gone, Ok, Outcome, Result, SlotKey
from weft.spec import InputSpec, Mode, NodeSpec, TypeSpec
from weft.tree import ById, Entry, Grown, Member, Tree
from weft.turns.ordered_keys import OrderedKeys
from weft.turns.ready import Ready

NOT_COMPUTED = Gone("not computed yet")
NEVER = 1 << 62
"""A position that no record reaches: the first() of what is current."""


class Due(NamedTuple):
    """The slot is not known to be right from cut `first` on; `last` is the newest cut that asked for it."""

    first: int
    last: int


class _Collection:
    """A node with elements, by their ids and in order; one that is no collection has none."""

    __slots__ = ()

    def tree(self) -> Tree:
        """Its elements."""
        raise NotImplementedError

    def entry(self, element: str) -> Entry | None:
        """One element by its id, at its place."""
        raise NotImplementedError

    def members(self) -> list[Member]:
        """Its elements, in order; of an `each`, those that have a value."""
        return list(self.tree())

    def member(self, element: str) -> Member | None:
        """One element by its id."""
        found = self.entry(element)
        return found.member if found is not None else None


class ToldNode(_Collection):
    """A field of an entity in memory. What people told is always current."""

    __slots__ = ("_by_id", "_read", "_tree", "cell", "demand", "readers", "spec", "thing")

    current = True
    pending = 0
    due = None

    def __init__(self, thing: Thing, spec: NodeSpec, cell: Cell) -> None:
        self.thing, self.spec, self.cell = thing, spec, cell
        self.readers: dict[str, dict[Edge, None]] = {}
        self.demand = 0
        self._read: Outcome | None = None
        self._tree = Tree()
        self._by_id = ById()

    def outcome(self) -> Outcome:
        """What readers are given."""
        return self.cell.outcome()

    def tree(self) -> Tree:
        """Its elements."""
        if isinstance(self.cell, ItemsCell):
            return self.cell.tree()
        outcome = self.cell.outcome()
        if self._read is not outcome:
            self._tree = tree_of(self.spec, outcome)
            self._read = outcome
        return self._tree

    def tree_read(self) -> Tree:
        """Its elements as they were when somebody last looked at them; of `items` they are told one by one."""
        return self._tree

    def element_ids(self) -> list[str]:
        """The ids of its elements, in order."""
        if isinstance(self.cell, ItemsCell):
            return [element for _, element in self.cell.order]
        return [member.element for member in self.members()]

    def entry(self, element: str) -> Entry | None:
        """One element by its id, at its place."""
        if isinstance(self.cell, ItemsCell):
            return self.cell.entry(element)
        return self._by_id.entry(self.tree(), element)


class Slot(_Collection):
    """A derived value in memory: what it shows, what it reads, and how it stands."""

    __slots__ = (
        "_by_id",
        "_tree",
        "again",
        "attempt",
        "blocking",
        "current",
        "demand",
        "due",
        "edges",
        "frame",
        "key",
        "last",
        "maintained",
        "pending",
        "queued",
        "readers",
        "result",
        "seen",
        "spec",
        "thing",
        "tries",
    )  # fmt: skip

    def __init__(self, thing: Thing, spec: NodeSpec, key: SlotKey) -> None:
        self.thing, self.spec, self.key = thing, spec, key
        self.edges: list[Edge] = []
        self.readers: dict[str, dict[Edge, None]] = {}
        self.pending = self.blocking = self.demand = self.tries = 0
        self.current = True
        self.due: Due | None = None
        self.result: Result | None = None
        self.last: Ok | None = None
        self.attempt: object | None = None
        self.frame: bytes | None = None
        self.seen: object = None
        self.queued = self.again = False
        self._tree: Tree | None = None
        self._by_id: ById | None = None
        self.maintained: object = None
        """What a rule over a whole collection made of its elements, where it goes on from there."""

    def outcome(self) -> Outcome:
        """What it shows, settled."""
        return self.result.outcome if self.result is not None else NOT_COMPUTED

    def show(self, result: Result) -> None:
        """Take a result as the visible one."""
        self.result = result
        if isinstance(result.outcome, Ok):
            self.last = result.outcome
        self._tree = None

    def tree(self) -> Tree:
        """Its value's elements."""
        if self._tree is None:
            self._tree = tree_of(self.spec, self._standing())
        return self._tree

    def _standing(self) -> Outcome:
        """What says which elements there are. A failure that is tried again removes none: they may be back at its very
        cut, where what they come to could not stand over their tombstones."""
        outcome = self.outcome()
        is_pending = isinstance(outcome, Err) and not outcome.final
        return self.last if is_pending and self.last is not None else outcome

    def element_ids(self) -> list[str]:
        """The ids of its value's elements, in order."""
        return [member.element for member in self.members()]

    def entry(self, element: str) -> Entry | None:
        """One element of its value by its id, at its place."""
        if self._by_id is None:
            self._by_id = ById()
        return self._by_id.entry(self.tree(), element)


class Whole(_Collection):
    """All slots of an `each`, as one collection in the order of what it runs over."""

    __slots__ = (
        "_base",
        "_good",
        "_outcome",
        "_unwell",
        "blocking",
        "current",
        "demand",
        "edge_by",
        "pending",
        "readers",
        "slots",
        "spec",
        "thing",
        "unsettled",
    )  # fmt: skip

    due = None

    def __init__(self, thing: Thing, spec: NodeSpec) -> None:
        self.thing, self.spec = thing, spec
        self.slots: dict[str, Slot] = {}
        self.edge_by: dict[str, Edge] = {}
        self.readers: dict[str, dict[Edge, None]] = {}
        self.pending = self.blocking = self.demand = 0
        self.current = True
        self.unsettled = OrderedKeys[Edge]()
        """The edges whose source is not current: `pending` of them."""
        self._outcome: Outcome | None = None
        self._good = Grown()
        self._base: ToldNode | Slot | None = None
        self._unwell: dict[str, Entry] = {}
        """Elements without a value, when the tree was last asked for."""

    @property
    def edges(self) -> Iterable[Edge]:
        """What it reads: what it runs over (under ""), and each element's slot."""
        return self.edge_by.values()

    @property
    def source(self) -> Source:
        """What it runs over."""
        return self.edge_by[""].source

    @property
    def base(self) -> ToldNode | Slot:
        """What the first `each` of a row of them runs over: it says which elements there are, and in which order."""
        if self._base is None:
            node = self.source
            while isinstance(node, Whole) and node._base is None:
                node = node.source
            self._base = node._base if isinstance(node, Whole) else node
            assert self._base is not None
        return self._base

    def element_ids(self) -> list[str]:
        """The ids of its elements, in order, settled or not."""
        return self.base.element_ids()

    def note(self, edge: Edge, *, is_current: bool) -> None:
        """What an edge reads became current, or ceased to be."""
        if is_current:
            self.unsettled.discard(edge)
        else:
            self.unsettled[edge] = None

    def touch(self, elements: Iterable[str]) -> None:
        """Some elements changed, and of an `items` no other moved."""
        self._outcome = None
        for element in elements:
            self._good.touch(element)

    def forget(self) -> None:
        """Any element may have changed, or moved, or there are those of another list: gather again when next asked."""
        self._outcome = self._base = None
        self._good.forget()
        self._unwell.clear()

    def entry(self, element: str) -> Entry | None:
        """One element's value, at its place."""
        at = self.base.entry(element)
        if at is None:
            self._unwell.pop(element, None)
        return None if at is None else self._value_at(at)

    def _value_at(self, at: Entry) -> Entry | None:
        element = at.last
        slot = self.slots.get(element)
        outcome = slot.outcome() if slot is not None else None
        if not isinstance(outcome, Ok):
            self._unwell[element] = at
            return None
        self._unwell.pop(element, None)
        return Entry.of(at.place, Member(element, outcome.content, outcome.encoded, at.member.key))

    def _entries(self) -> Iterator[Entry]:
        self._unwell.clear()
        for at in self.base.tree().entries():
            entry = self._value_at(at)
            if entry is not None:
                yield entry

    def tree(self) -> Tree:
        """The elements that have a value. O(changes · log n), or O(n) where what it runs over was made anew."""
        base = self.base
        tells = isinstance(base, ToldNode) and isinstance(base.cell, ItemsCell)
        return self._good.tree(self.entry, self._entries, None if tells else base.tree())

    def outcome(self) -> Outcome:
        """The collection; failed where an element is; gone where what it runs over is."""
        if self._outcome is None:
            self._outcome = self._gather()
        return self._outcome

    def _gather(self) -> Outcome:
        base = self.base.outcome()
        if not isinstance(base, Ok):
            return base
        tree = self.tree()
        for at in sorted(self._unwell.values(), key=lambda at: at.place):
            slot = self.slots.get(at.last)
            outcome = slot.outcome() if slot is not None else None
            if slot is not None and isinstance(outcome, Err):
                said = outcome.message if outcome.origin else f"{slot.key} failed: {outcome.kind}: {outcome.message}"
                return Err(outcome.kind, said, outcome.where, outcome.origin or str(slot.key))
        return Gathered.of(tree, is_mapping=self.spec.sort == "mapping") if not self._unwell else NOT_COMPUTED


Source: TypeAlias = ToldNode | Slot | Whole
Reader: TypeAlias = Slot | Whole


class Edge:
    """Who reads what, how, since which position, and which element of it ("" for all of it)."""

    __slots__ = ("blocks", "element", "input", "mode", "picked", "place", "reader", "since", "source")

    def __init__(self, source: Source, reader: Reader, *, mode: Mode, element: str, since: int, number: int) -> None:
        self.source, self.reader, self.mode, self.element, self.since = source, reader, mode, element, since
        inner = source.key.element if isinstance(source, Slot) else ""
        self.place = (source.thing.id, source.spec.name, element or inner)
        """What is read: (entity, node, element)."""
        self.blocks = int(mode in ("plain", "settled"))
        """1 where the reader waits until what is read is current, else 0."""
        self.input, self.picked = number, 0
        """Which of the reader's declared inputs it serves; ~number is the reference that one is read through, and -1 is
        also a Whole's own gathering. And of a branch of a `choose`, from which cut on its test picks it: what was
        unsettled there before is nothing that the reader has read. 0 where that is not known."""


class Thing:
    """An entity in memory."""

    __slots__ = ("created", "id", "is_wired", "knows_readers", "nodes", "type")

    def __init__(self, id: str, type: TypeSpec, created: int) -> None:
        self.id, self.type, self.created = id, type, created
        self.nodes: dict[str, Source] = {}
        self.is_wired = self.knows_readers = False

    def slots(self) -> Iterator[Slot]:
        """Every slot, those of elements among them."""
        for node in self.nodes.values():
            if isinstance(node, Slot):
                yield node
            elif isinstance(node, Whole):
                yield from node.slots.values()

    def runs_over(self, other: Thing) -> bool:
        """Whether it has slots for the elements of another entity's node."""
        return any(isinstance(node, Whole) and node.source.thing is other for node in self.nodes.values())


def tree_of(spec: NodeSpec, outcome: Outcome) -> Tree:
    """The elements of a value, as a tree."""
    return outcome.tree if isinstance(outcome, Gathered) else Tree.in_order(members_of(spec, outcome))


def members_of(spec: NodeSpec, outcome: Outcome) -> list[Member]:
    """The elements of a value: by the ids that came with it, by its keys, or by content."""
    if isinstance(outcome, Gathered):
        return list(outcome.tree)
    if not isinstance(outcome, Ok):
        return []
    # However large: each part of it was taken, and what is here must not keep a space from opening.
    value = decode(outcome.encoded, bytes_max=len(outcome.encoded))
    if spec.sort == "mapping" or spec.kind == "entries":
        return [_entry(key, member) for key, member in _pairs(value)]
    if not isinstance(value, list):
        return []
    parts = [encode(member) for member in value]
    contents = [content_id(part) for part in parts]
    ids = outcome.elements if outcome.elements is not None else content_elements(contents)
    return [Member(*triple) for triple in zip(ids, contents, parts, strict=True)]


def _pairs(value: Plain) -> list[tuple[Plain, Plain]]:
    """Keys with values; none of what was kept under another annotation, and is no mapping."""
    if isinstance(value, dict):
        return list(value.items())
    pairs = value if isinstance(value, list) else []
    return [(pair[0], pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2]


def _entry(key: Plain, value: Plain) -> Member:
    encoded = encode(value)
    return Member(key_element(key), content_id(encoded), encoded, encode(key))


def collected(spec: NodeSpec, members: Iterable[Member]) -> Ok:
    """Members as one collection, with its root id."""
    return Gathered.of(Tree.in_order(members), is_mapping=spec.sort == "mapping")


def edge_outcome(edge: Edge) -> Outcome:
    """What an edge gives its reader, settled: the whole, one element, or the elements that settled well."""
    source = edge.source
    if edge.mode == "settled" and isinstance(source, Whole):
        found = source.base.outcome()
        is_mapping = source.spec.sort == "mapping"
        return Gathered.of(source.tree(), is_mapping=is_mapping) if isinstance(found, Ok) else found
    if not edge.element:
        return source.outcome()
    if isinstance(source, Whole) and edge.element in source.slots:
        return source.slots[edge.element].outcome()  # (it was not there yet when this edge was made)
    member = source.member(edge.element)
    if member is not None:
        return Ok(member.content, member.encoded)
    # Whether it is there, what the `each` runs over says alone: that another element failed has nothing to do with it.
    outcome = source.base.outcome() if isinstance(source, Whole) else source.outcome()
    return outcome if not isinstance(outcome, Ok) else Gone("what it refers to is not there any more")


def place_of(node: Source) -> str:
    """ENTITY.NODE[ELEMENT], for messages."""
    return str(node.key) if isinstance(node, Slot) else f"{node.thing.id}.{node.spec.name}"


class Loader:
    """What the graph asks of whoever keeps rows: an entity's type, cells, results, due rows and reference targets."""

    def thing(self, id: str) -> Thing | None:
        """A new Thing with its nodes (told ones loaded, slots with their results and due rows), not yet wired."""
        raise NotImplementedError

    def readers(self, id: str) -> Iterable[str]:
        """The entities that hold a reference to this one."""
        raise NotImplementedError

    def element_slot(self, whole: Whole, element: str) -> Slot:
        """The slot of one element, with what was kept of it."""
        raise NotImplementedError

    def survivor(self, source: Source, element: str) -> str:
        """What stands for an element now: itself, or what it went into."""
        raise NotImplementedError

    def is_lost(self, thing: Thing, ref: str) -> bool:
        """Whether a reference points to an entity that was erased."""
        raise NotImplementedError


class Graph:
    """Everything loaded, and the counts that say what is current, demanded and ready to run."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.things: dict[str, Thing] = {}
        self.ready: Ready[Slot] = Ready()
        self._offered = self.ready.offered
        self.wanted = OrderedKeys[Slot]()
        """Every wired slot that has a due row and that somebody asks for."""
        self.was_due: dict[Slot, Due | None] = {}
        """What it was, of each slot whose row has changed since rows were written."""
        self.pins: list[int] = []
        """The cuts at which somebody computes, ascending: empty while nothing is under way."""
        self.released: list[Slot] = []
        """Slots that nobody asks for any more, since a cut was pinned."""

    # ---- loading ----
    def thing(self, id: str) -> Thing | None:
        """The entity, loaded and wired with all it needs; None where there is no such entity."""
        found = self.things.get(id)
        if found is not None and found.is_wired:
            return found
        thing = self._loaded(id)
        todo = [thing] if thing is not None else []
        while todo:
            todo.extend(found for found in self._wire_thing(todo.pop()) if not found.is_wired)
        return thing

    def _loaded(self, id: str) -> Thing | None:
        found = self.things.get(id)
        if found is None:
            found = self.loader.thing(id)
            if found is not None:
                self.things[id] = found
        return found

    def adopt(self, things: Collection[Thing]) -> None:
        """Take in entities that were just created, and wire them: then, as each may refer to a later one."""
        self.things |= {thing.id: thing for thing in things}
        for thing in things:
            self.thing(thing.id)

    def load_readers(self, thing: Thing) -> None:
        """Make sure that all who read this entity through references are in memory, also behind what runs over it."""
        todo = [] if thing.knows_readers else [thing]
        while todo:
            one = todo.pop()
            if not one.knows_readers:
                one.knows_readers = True
                found = [self.thing(id) for id in list(self.loader.readers(one.id))]
                todo += [reader for reader in found if reader is not None and reader.runs_over(one)]

    def _wire_thing(self, thing: Thing) -> list[Thing]:
        """Attach every edge of this entity's nodes; returns the entities reached through references."""
        if thing.is_wired:
            return []
        thing.is_wired = True
        reached: list[Thing] = []
        for node in list(thing.nodes.values()):
            if isinstance(node, Whole):
                self._wire_whole(node, reached)
            elif isinstance(node, Slot):
                self._wire_slot(node, reached)
        return reached

    def _wire_whole(self, whole: Whole, reached: list[Thing]) -> None:
        stack = [whole]
        while stack:
            one = stack[-1]
            if "" not in one.edge_by:
                self._set_source(one, reached, one.thing.created)
            if isinstance(one.source, Whole) and "" not in one.source.edge_by:
                # Of another entity, or declared later: what it runs over says which elements there are.
                stack.append(one.source)
                continue
            stack.pop()
            for element in one.element_ids():
                if element not in one.slots:
                    self.add_element(one, element, reached=reached)

    def _set_source(self, whole: Whole, reached: list[Thing], since: int) -> None:
        wanted = self._edges_of(whole, whole.spec.inputs[0], 0, reached, since)
        if not wanted:
            # Its reference leads nowhere: it runs over a place that shows nothing.
            nowhere = Slot(whole.thing, whole.spec, SlotKey(whole.thing.id, whole.spec.name))
            if self.loader.is_lost(whole.thing, whole.spec.inputs[0].ref):
                nowhere.result = Result(0, WAS_ERASED, None, (0, 0), 0)
            wanted = [Edge(nowhere, whole, mode="plain", element="", since=since, number=0)]
        old = whole.edge_by.get("")
        if old is None or old.source is not wanted[0].source:
            whole.edge_by[""] = wanted[0]
            self._attach(wanted[0])
            if old is not None:
                self._detach(old)
        whole.forget()

    def add_element(self, whole: Whole, element: str, *, reached: list[Thing] | None = None) -> Slot:
        """The slot of a further element, wired."""
        slot = self.loader.element_slot(whole, element)
        whole.slots[element] = slot
        whole.touch((element,))
        self._wire_slot(slot, [] if reached is None else reached)
        edge = Edge(slot, whole, mode="plain", element="", since=0, number=-1)
        whole.edge_by[element] = edge
        self._attach(edge)
        return slot

    def drop_element(self, whole: Whole, element: str) -> Slot:
        """Take a slot out of its collection; returns it, reading nothing any more."""
        slot = whole.slots.pop(element)
        whole.touch((element,))
        self._detach(whole.edge_by.pop(element))
        if self.pins:
            self.released.append(slot)
        self.set_due(slot, None)
        self.unwire(slot)
        return slot

    # ---- edges ----
    def rewire(self, slot: Slot, position: int) -> None:
        """Bring a slot's edges in line with its references and choices as they are now."""
        reached: list[Thing] = []
        self._wire_slot(slot, reached, since=position)
        for thing in reached:
            self.thing(thing.id)

    def rewire_whole(self, whole: Whole, position: int) -> None:
        """Bring what a collection runs over in line with its reference; its elements are the caller's to compare."""
        reached: list[Thing] = []
        self._set_source(whole, reached, position)
        for thing in reached:
            self.thing(thing.id)

    def _wire_slot(self, slot: Slot, reached: list[Thing], *, since: int = 0) -> None:
        if slot.due is not None and slot.demand:
            self.wanted[slot] = None
        if slot.spec.kind == "choose":
            wanted = self._wanted(slot, [0], reached, since)
            # Of one just loaded: the test shows what it did when its result was made, or the slot is due.
            branch = branch_of(slot) or (branch_told(wanted) if slot.result is not None else 0)
            wanted += self._wanted(slot, [branch], reached, since) if branch else []
        else:
            wanted = self._wanted(slot, range(len(slot.spec.inputs)), reached, since)
        kept = {(edge.source, edge.element, edge.mode, edge.input): edge for edge in slot.edges}
        edges: list[Edge] = []
        for edge in wanted:
            old = kept.pop((edge.source, edge.element, edge.mode, edge.input), None)
            if old is None:
                self._attach(edge)
            edges.append(old or edge)
        for edge in kept.values():
            self._detach(edge)
        slot.edges = edges
        if slot.due is not None:
            # Just loaded and eager, it may be ready by now, and no edge of its turned to say so.
            self.offer(slot)

    def choose(self, slot: Slot, branch: int, position: int) -> None:
        """Let a `choose` read the branch that its test picked, and no other; 0: none."""
        if branch_of(slot) == branch:
            return
        reached: list[Thing] = []
        wanted = self._wanted(slot, [branch], reached, position) if branch else []
        for edge in slot.edges:
            if number_of(edge):
                self._detach(edge)
        tested = [edge.source.result for edge in slot.edges if edge.input == 0 and isinstance(edge.source, Slot)]
        for edge in wanted:
            edge.picked = min(position, tested[0].at) if tested and tested[0] is not None else 0
            self._attach(edge)
        slot.edges = [*(edge for edge in slot.edges if not number_of(edge)), *wanted]
        for thing in reached:
            self.thing(thing.id)

    def unwire(self, slot: Slot) -> None:
        """Detach all that a slot reads."""
        for edge in slot.edges:
            self._detach(edge)
        slot.edges = []

    def _wanted(self, slot: Slot, numbers: Iterable[int], reached: list[Thing], since: int) -> list[Edge]:
        inputs = slot.spec.inputs
        return [edge for number in numbers for edge in self._edges_of(slot, inputs[number], number, reached, since)]

    def _edges_of(self, reader: Reader, entry: InputSpec, number: int, reached: list[Thing], since: int) -> list[Edge]:
        element = reader.key.element if isinstance(reader, Slot) and number == 0 else ""
        if not entry.ref:
            return [self._edge_to(reader.thing.nodes[entry.node], element, reader, entry.mode, 0, number)]
        holder = reader.thing.nodes[entry.ref]
        edges: list[Edge] = []
        if isinstance(reader, Slot):
            # The reference itself is read too: pointing it elsewhere makes the reader due.
            edges.append(Edge(holder, reader, mode="plain", element="", since=0, number=~number))
        found = self._follow(holder, entry.node, reached)
        if found is not None:
            source, inner = found
            heir = self.loader.survivor(source, inner) if inner else ""
            if heir != inner:
                # What it points to went into another. Its own place is read too: there it may come back.
                edges.append(Edge(source, reader, mode="plain", element=inner, since=since, number=~number))
                inner = heir
            edges.append(self._edge_to(source, element or inner, reader, entry.mode, since, number))
        return edges

    def _edge_to(self, source: Source, element: str, reader: Reader, mode: Mode, since: int, number: int) -> Edge:
        """An element of an `each` is read from its own slot, so that it never waits for its siblings."""
        if element and isinstance(source, Whole) and element in source.slots:
            source, element = source.slots[element], ""
        return Edge(source, reader, mode=mode, element=element, since=since, number=number)

    def _follow(self, holder: Source, node: str, reached: list[Thing]) -> tuple[Source, str] | None:
        """What a reference leads to: (node, element), or None where it leads nowhere."""
        target = target_of(holder.outcome())
        if target is None:
            return None
        entity, target_node, element = target
        thing = self._loaded(entity)
        if thing is None:
            return None
        if not thing.is_wired:
            reached.append(thing)
        source = thing.nodes.get(node or target_node)
        return None if source is None else (source, "" if node else element)

    def _attach(self, edge: Edge) -> None:
        edge.source.readers.setdefault(edge.element, {})[edge] = None
        if not edge.source.current:
            self._count(edge, 1)
        if edge.reader.demand:
            self.demand(edge.source)

    def _detach(self, edge: Edge) -> None:
        mine = edge.source.readers.get(edge.element)
        if mine is None or edge not in mine:
            return
        del mine[edge]
        if not mine:
            del edge.source.readers[edge.element]
        if not edge.source.current:
            self._count(edge, -1)
        if edge.reader.demand:
            self.demand(edge.source, -1)

    # ---- what is current ----
    def _count(self, edge: Edge, by: int) -> None:
        reader = edge.reader
        reader.pending += by
        if isinstance(reader, Whole):
            reader.note(edge, is_current=by < 0)
        reader.blocking += edge.blocks * by
        self.turn(reader)

    def turn(self, node: Reader) -> list[Edge]:
        """A node may have become current, or ceased to be: tell all who read it.

        Returns the edges by which something that is current now is read by something that waits for more.
        """
        joins: list[Edge] = []
        stack: list[Reader] = [node]
        while stack:
            node = stack.pop()
            now = node.pending == 0 and node.due is None
            if isinstance(node, Slot):
                if now:
                    node.frame = None  # also where what it reads came to what it was, and nothing is settled anew
                else:
                    self.offer(node)
            if now == node.current:
                continue
            node.current = now
            by = -1 if now else 1
            for edges in node.readers.values():
                for edge in edges:
                    reader = edge.reader
                    reader.pending += by
                    reader.blocking += edge.blocks * by
                    if isinstance(reader, Whole):
                        reader.note(edge, is_current=now)
                    if now and reader.pending:
                        joins.append(edge)
                    if reader.due is None:
                        stack.append(reader)
                    else:
                        self.offer(reader)  # it is not current, whatever it reads
        return joins

    def set_due(self, slot: Slot, due: Due | None) -> list[Edge]:
        """Mark or clear, and tell readers; returns what `turn` does."""
        self.was_due.setdefault(slot, slot.due)
        slot.due = due
        if due is None:
            self.wanted.discard(slot)
        elif slot.demand:
            self.wanted[slot] = None
        is_current = due is None and slot.pending == 0
        if is_current != slot.current and slot.readers:
            return self.turn(slot)
        slot.current = is_current
        if not is_current:
            self.offer(slot)
        return []

    def offer(self, slot: Slot) -> None:
        """Queue a slot if there may be something to run: looked at again when its turn comes. While something is under
        way that may be at an older cut, at which all that it needs is known."""
        if (
            slot.demand
            and not slot.queued
            and (slot.blocking == 0 or (self.pins and slot.due is not None))
            and (slot.due is not None or slot.pending)
        ):
            slot.queued = True
            self._offered.append(slot)

    def first(self, slot: Slot) -> int:
        """The first cut at which the slot is not known to be settled; NEVER when it is current."""
        if slot.current:
            return NEVER
        least, since = NEVER, 0
        node: Source = slot
        while True:  # straight down, while there is one way
            if node.due is not None:
                least = min(least, max(node.due.first, since))
            if node.pending != 1:
                return self._first_below(node, since, least) if node.pending else least
            (edge,) = unsettled(node)
            node, since = edge.source, max(edge.since, edge.picked, since)

    def _first_below(self, node: Source, since: int, least: int) -> int:
        """The same where the way forks: each node once for each earlier cut that it is reached from."""
        seen: dict[Source, int] = {node: since}
        stack: list[tuple[Source, int]] = [(node, since)]
        while stack:
            node, since = stack.pop()
            if node.due is not None:
                least = min(least, max(node.due.first, since))
            for edge in unsettled(node):
                at = max(edge.since, edge.picked, since)
                if at < seen.get(edge.source, NEVER):
                    seen[edge.source] = at
                    stack.append((edge.source, at))
        return least

    # ---- demand ----
    def demand(self, node: Source, by: int = 1) -> None:
        """Somebody watches or reads this node, or (-1) no longer does."""
        stack: list[tuple[Source, int]] = [(node, by)]
        while stack:
            node, by = stack.pop()
            was = bool(node.demand)
            node.demand += by
            if isinstance(node, ToldNode) or was == bool(node.demand):
                continue
            stack.extend((edge.source, by) for edge in node.edges)
            if not isinstance(node, Slot):
                continue
            self.offer(node)
            if node.demand and node.due is not None:
                self.wanted[node] = None
            elif not node.demand:
                self.wanted.discard(node)
                if self.pins:
                    self.released.append(node)

    def path_between(self, start: Source, goal: Source) -> list[Source] | None:
        """A way from `start` down its needs to `goal`, both included; None where there is none."""
        came: dict[Source, Source | None] = {start: None}
        stack: list[Source] = [start]
        while stack:
            node = stack.pop()
            if node is goal:
                path: list[Source] = []
                step: Source | None = node
                while step is not None:
                    path.append(step)
                    step = came[step]
                return path[::-1]
            if not isinstance(node, ToldNode):
                for edge in node.edges:
                    if edge.source not in came:
                        came[edge.source] = node
                        stack.append(edge.source)
        return None


def unsettled(node: Source) -> Collection[Edge]:
    """The edges to what is not current: never to a field."""
    if isinstance(node, Slot):
        return node.edges if node.pending == len(node.edges) else [one for one in node.edges if not one.source.current]
    return node.unsettled if isinstance(node, Whole) else ()


def number_of(edge: Edge) -> int:
    """Which declared input an edge serves, be it the input itself or the reference that it is read through."""
    return max(edge.input, ~edge.input)


def branch_of(slot: Slot) -> int:
    """The branch that a `choose` reads now, as the number of its input; 0 for none."""
    return max((number_of(edge) for edge in slot.edges), default=0)


def branch_told(test: list[Edge]) -> int:
    """The branch that what is shown now picks, given the edges of a test; 0 where it shows no value."""
    outcome = edge_outcome(test[-1]) if test else None
    return (1 if decode(outcome.encoded) is True else 2) if isinstance(outcome, Ok) else 0


def target_of(outcome: Outcome) -> tuple[str, str, str] | None:
    """Where a reference points: (entity, node, element); node and element are empty for an entity itself."""
    if not isinstance(outcome, Ok):
        return None
    value = decode(outcome.encoded)
    if not isinstance(value, dict):
        return None
    return str(value.get("entity", "")), str(value.get("node", "")), str(value.get("element", ""))
