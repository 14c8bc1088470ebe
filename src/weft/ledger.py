"""The ledger: one space's rows and entities as the engine sees them, the open batch over what is durable.

Rows are read through the batch that is being written, entities are loaded from rows when they are first touched,
records are chained as they are written. `commit` makes the batch durable; when that fails everything made from it is
forgotten, and memory is read anew.

Knows nothing of what an event or a result changes.
Invariant: memory equals what the rows and the open batch say.
Source: write-behind caches with one writer; identity maps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import cast
from weakref import ref

from weft.cells import make_cell
from weft.content import Cid, Link, Plain, cid_text, content_id, decode, encode, encode_shallow, encoded_list
from weft.flow_spec import Firing
from weft.gathered import Gathered
from weft.graph import Due, Graph, Loader, Slot, Source, Thing, ToldNode, Whole, target_of
from weft.held.cuts import Cuts, Timer
from weft.identity import home_of, rule_of
from weft.kept_tree import in_parts, kept_tree, unkept
from weft.matching.known import Known, parse_known
from weft.matching.lists import UNMATCHED, recorded
from weft.recent_results import RecentResults
from weft.record import COMPUTED, Record, computed_record, make_record
from weft.run_rows import Woken
from weft.slot import Err, Gone, Ok, Outcome, Result, SlotKey, unmade_plain
from weft.spec import NodeSpec, TypeSpec
from weft.store import (
    DEFINITION,
    DUE,
    EDGE,
    ENTITY,
    MEMO,
    NEWEST,
    NODE,
    SERVICE,
    STATE,
    TREE,
    VERSION,
    Batch,
    Column,
    Head,
    Key,
    NoBlob,
    Row,
    SpaceDamaged,
    Store,
    Table,
    memo_key,
    node_key,
)  # fmt: skip
from weft.tree import Node, Tree
from weft.written_result import Said, parse_result

UNFINISHED = "its tables are not whole, as a rebuild was not finished"
INLINE_BYTES_MAX = 64 << 10
"""Values up to this size stand in records and rows; larger ones are kept by content id."""
RESULTS_BYTES_MAX = 32 << 10
"""A record of results that has grown beyond this is closed: whoever reads one of them reads them all."""


class Ledger(Loader):
    """What a space holds, under one lease."""

    def __init__(
        self,
        store: Store,
        *,
        epoch: int,
        types: Mapping[str, TypeSpec],
        now: Callable[[], str],
        replaying: bool = False,
    ) -> None:
        self.store, self.epoch, self.now, self.replaying = store, epoch, now, replaying
        self.types: dict[str, TypeSpec] = dict(types)
        self.given: dict[Cid, TypeSpec] = {spec.content(): spec for spec in types.values()}
        """Every definition that came with code, by content: one that is refused leaves the former with its own."""
        self.in_force: dict[str, TypeSpec] = {}
        self.fingerprints: Mapping[str, Cid] = {}
        """Of each service the one in force; another mapping whenever one has changed."""
        self.watched: dict[tuple[str, str, str], int] = {}
        self.batch = Batch()
        self.head = Head(0, bytes(32))
        self.position = 0
        """The newest position; ahead of the head by the results that wait for their record."""
        self.results: list[bytes] = []
        """Those, encoded: one record for all of them is made before anything else is recorded, and at a commit."""
        self._results_bytes = 0
        self.cut = 0
        self.timer = Timer()
        self._begin_graph()
        self.touched: dict[Slot, None] = {}
        self.failed_keys: dict[Cid, dict[Slot, None]] = {}
        self.fired: list[Firing] = []
        """What was fired since that was last told."""
        self.woken: list[Woken] = []
        """What was told of runs, by entity and flow, that whoever drives them has not looked at: answers, and that they
        are to end."""
        self.unfolded: set[tuple[str, str]] = set()
        """Folds of one's own (entity, node) that a replay could not fold, for want of their code."""
        self.blank: dict[SlotKey, int] = {}
        """Slots with a result that was erased, and its position, while a replay has not come to where that is said."""
        self.has_blanks = False
        """Whether a replay has met one."""
        self._memos: dict[Cid, Row | None] = {}
        """What the store said of the call keys that it was asked for since the last commit."""
        self._recorded = RecentResults(store)
        self._read_head()

    def _begin_graph(self) -> None:
        self.graph = Graph(self)
        self.cuts = Cuts(self.graph, self.timer)

    # ---- rows: the open batch over the store ----
    def row(self, table: Table, key: Key) -> Row | None:
        """The row as the open batch would have it."""
        if table is DUE:
            self._write_due()
        mine = self.batch.rows.get(table)
        if mine is not None and key in mine:
            return mine[key]
        return self.store.row(table, key)

    def rows(self, table: Table, prefix: Key = ()) -> Iterator[tuple[Key, Row]]:
        """Rows by prefix, the open batch over the store; ascending only where the batch adds none."""
        if table is DUE:
            self._write_due()
        mine = self.batch.rows.get(table, {})
        for key, row in self.store.rows(table, prefix):
            if key not in mine:
                yield key, row
        for key, kept in list(mine.items()):
            if kept is not None and key[: len(prefix)] == prefix:
                yield key, kept

    def _read_head(self) -> None:
        if self.replaying:
            return  # the tables are made from the log's beginning, whatever its end is
        self.head = self.store.head()
        self.position = self.head.position
        newest = self.store.row(NEWEST, ("told",))
        if newest is None and self.head.position:
            raise SpaceDamaged(path=str(self.store.path), what=UNFINISHED)
        self.cut = int(newest[0]) if newest is not None and isinstance(newest[0], int) else 0
        for (name,), row in self.store.rows(SERVICE):
            assert isinstance(row[1], bytes)
            self.fingerprints = {**self.fingerprints, str(name): content_id(row[1])}
        for (name,), row in self.store.rows(DEFINITION):
            assert isinstance(row[1], bytes)
            self.in_force[str(name)] = self.with_code(decode(row[1]))

    def with_code(self, said: Plain) -> TypeSpec:
        """A kept definition, with this program's code where it is the very same definition."""
        assert isinstance(said, dict)
        return self.given.get(content_id(encode(said))) or TypeSpec.of_plain(said)

    def record(self, kind: str, payload: dict[str, Plain]) -> Record:
        """Write the next told record."""
        self._close_results()
        record = make_record(self.position + 1, kind, epoch=self.epoch, previous=self.head.digest, payload=payload)
        self.chain(record)
        return record

    def keep_result(self, encoded: bytes) -> int:
        """Write the next result, as part of a record of many; returns its position."""
        self.position += 1
        if not self.replaying:
            self.results.append(encoded)
            self._results_bytes += len(encoded)
            if self._results_bytes > RESULTS_BYTES_MAX:
                self._close_results()
        return self.position

    def _close_results(self) -> None:
        if self.results:
            first, previous = self.head.position + 1, self.head.digest
            self.chain(computed_record(first, self.results, epoch=self.epoch, previous=previous))
            self.results, self._results_bytes = [], 0

    @property
    def has_results(self) -> bool:
        """Whether the open batch holds results."""
        return bool(self.results) or any(record.kind == COMPUTED for record in self.batch.records)

    @property
    def kept_position(self) -> int:
        """Where the log ends as far as it is durable: before the open batch."""
        first = next(iter(self.batch.records), None)
        return self.head.position if first is None else first.position - first.span

    def chain(self, record: Record) -> None:
        """Take a record as the newest."""
        self.head = Head(record.position, record.digest)
        self.position = record.position
        if not self.replaying:
            self.batch.records.append(record)

    def commit(self) -> None:
        """Make the open batch durable. When the store refuses, nothing of it was kept and memory is read anew."""
        self._close_results()
        self._write_due()
        if self.batch.is_empty():
            return
        if any(record.kind != COMPUTED for record in self.batch.records):
            self.batch.put(NEWEST, ("told",), (self.cut,))
        try:
            self.store.append(self.batch, epoch=self.epoch)
        except BaseException:
            self.forget()
            raise
        self._begin_batch()

    def _begin_batch(self) -> None:
        self.batch = Batch()
        self._memos.clear()

    def forget(self) -> None:
        """Drop the open batch and all that is in memory; what is watched stays watched."""
        self._begin_batch()
        self.results, self._results_bytes, self.fired, self.woken = [], 0, [], []
        self._begin_graph()
        self._recorded.forget()
        self.touched.clear()
        self.failed_keys.clear()
        self._read_head()
        watched, self.watched = self.watched, {}
        for place, count in watched.items():
            self.watch(*place, by=count)

    # ---- loading ----
    def thing(self, id: str) -> Thing | None:
        row = self.row(ENTITY, (id,))
        if row is None or row[2] is not None:
            return None
        spec = self.in_force.get(str(row[0]))
        created = row[1]
        assert spec is not None and isinstance(created, int)
        thing = Thing(id, spec, created)
        told: defaultdict[str, list[tuple[Key, Row]]] = defaultdict(list)
        for key, kept in self.rows(STATE, (id,)):
            told[str(key[1])].append((key, kept))
        for name, node in spec.nodes.items():
            if node.is_told:
                thing.nodes[name] = ToldNode(thing, node, make_cell(node.cell, told[name]))
        self.add_computed(thing)
        return thing

    def add_computed(self, thing: Thing) -> None:
        """Give an entity the slots of its computed nodes, with what was kept of them."""
        for name, spec in thing.type.nodes.items():
            if spec.is_told:
                continue
            thing.nodes[name] = node = Whole(thing, spec) if spec.kind == "each" else self.slot(thing, spec, "")
            node.demand = int(spec.eager) + self.watched.get((thing.id, name, ""), 0)

    def slot(self, thing: Thing, spec: NodeSpec, element: str) -> Slot:
        """A slot with its kept result and due row, apart from the graph."""
        key = SlotKey(thing.id, spec.name, element)
        slot = Slot(thing, spec, key)
        version, due = self.row(VERSION, key), self.row(DUE, key)
        if due is not None:
            first, last = due
            assert isinstance(first, int) and isinstance(last, int)
            slot.due, slot.current = Due(first, last), False
        if version is not None:
            at, position, shown = version
            assert isinstance(at, int) and isinstance(position, int) and isinstance(shown, bytes)
            slot.result, slot.last = self.result_of(shown, at, position)
            self.index_failure(slot)
        return slot

    def result_of(self, shown: bytes, at: int, position: int) -> tuple[Result, Ok | None]:
        """A kept result, and the last good value beside it."""
        said = parse_result(shown)
        outcome = self.outcome_of(said["outcome"])
        key, attempt = said.get("key"), said.get("attempt") or [0, 0]
        assert isinstance(attempt, list)
        last = self.outcome_of(said["last"]) if said.get("last") is not None else outcome
        numbers = (int(attempt[0]), int(attempt[1]))  # type: ignore[arg-type]
        result = Result(at, outcome, key.cid if isinstance(key, Link) else None, numbers, position)
        return result, last if isinstance(last, Ok) else None

    def outcome_of(self, said: Plain) -> Outcome:
        """An outcome as records keep it; large values are fetched by their content id, trees as they are looked into,
        past their root. Raises `NoBlob` where what was shown once is gone."""
        assert isinstance(said, dict)
        if "gone" in said:
            return Gone(str(said["gone"]))
        if "error" in said:
            tries = said["tries"]
            assert isinstance(tries, int)
            kind, message, where, origin = (str(said[name]) for name in ("error", "message", "where", "origin"))
            return Err(kind, message, where, origin, tries, bool(said["final"]))
        content, encoded, ids = said["ok"], said.get("value"), said.get("ids")
        assert isinstance(content, Link)
        if "of" in said:
            entity, node, is_mapping = cast("tuple[str, str, bool]", said["of"])
            tree = kept_tree(content.cid, partial(_node_bytes, ref(self), (entity, node)))
            return Gathered(content.cid, b"", None, tree, is_mapping)
        if not isinstance(encoded, bytes):
            place = said["at"]
            assert isinstance(place, Link)
            encoded = self.store.open_blob(place.cid).read()
        return Ok(content.cid, encoded, tuple(str(id) for id in ids) if isinstance(ids, list) else None)

    def erased_at(self, id: str) -> int:
        """The position of the record that says that an entity was erased; 0 where none does."""
        row = self.row(ENTITY, (id,))
        return row[2] if row is not None and isinstance(row[2], int) else 0

    def is_lost(self, thing: Thing, ref: str) -> bool:
        target = target_of(thing.nodes[ref].outcome())
        return target is not None and bool(self.erased_at(target[0]))

    def readers(self, id: str) -> Iterable[str]:
        return dict.fromkeys(str(key[3]) for key, _ in self.rows(EDGE, (id,)))

    def references_to(self, id: str) -> list[ToldNode]:
        """The references that lead to an entity, whether it is there or not."""
        things = [thing for reader in self.readers(id) if (thing := self.graph.thing(reader)) is not None]
        told = [node for thing in things for node in thing.nodes.values() if isinstance(node, ToldNode)]
        return [ref for ref in told if ref.spec.kind == "ref" and (target_of(ref.outcome()) or ("",))[0] == id]

    def element_slot(self, whole: Whole, element: str) -> Slot:
        slot = self.slot(whole.thing, whole.spec, element)
        slot.demand = self.watched.get(slot.key, 0)
        return slot

    def resume(self) -> None:
        """Load what was left due, and all that reads it, so that eager nodes go on by themselves."""
        # In the order of rows, not of a set: what is loaded first runs first, and a run must be repeatable.
        todo = dict.fromkeys(str(key[0]) for key, _ in self.rows(DUE))
        seen: set[str] = set()
        while todo:
            id, _ = todo.popitem()
            seen.add(id)
            thing = self.graph.thing(id)
            if thing is not None:
                self.graph.load_readers(thing)
                todo |= dict.fromkeys(reader for reader in self.readers(id) if reader not in seen)

    def node(self, entity: str, node: str, element: str = "") -> Source | None:
        """A node of an entity, or one element's slot; None where there is none."""
        thing = self.graph.thing(entity)
        found = thing.nodes.get(node) if thing is not None else None
        if element and isinstance(found, Whole):
            return found.slots.get(element)
        return found

    def watch(self, entity: str, node: str, element: str = "", *, by: int = 1) -> None:
        """Demand a node (or, with -1, no longer), across everything that `forget` forgets."""
        place = (entity, node, element)
        found = self.node(entity, node, element)  # what comes later is demanded then, by the count
        if found is not None:
            self.graph.demand(found, by)
        self.watched[place] = self.watched.get(place, 0) + by
        if self.watched[place] <= 0:
            del self.watched[place]

    # ---- results by call key ----
    def first_said(self, call_key: Cid, row: Row | None = None) -> Said | None:
        """What the record says of the first value of a call key; None where it has none. `row`: its own, if known."""
        row = row or self.row(MEMO, memo_key(call_key))
        said = self.said_at(row[0]) if row is not None else {}
        key = said.get("key")
        return said if isinstance(key, Link) and key.cid == call_key else None

    def said_at(self, position: Column) -> Said:
        """What the result at a position says; nothing where it was erased."""
        assert isinstance(position, int)
        first = self.position - len(self.results) + 1
        if position >= first:
            return parse_result(self.results[position - first])
        return self._recorded.said_at(position, self.batch.records)

    def preimage(self, call_key: Cid) -> bytes | None:
        """The bytes that a call key was made from."""
        preimage = (self.first_said(call_key) or {}).get("preimage")
        return preimage if isinstance(preimage, bytes) else None

    def lost_slot(self, key: SlotKey) -> Slot | None:
        """A slot that is no longer part of the graph, for a result that comes too late for it."""
        thing = self.graph.thing(key.entity)
        spec = thing.type.nodes.get(key.node) if thing is not None else None
        return (
            self.slot(thing, spec, key.element) if thing is not None and spec is not None and not spec.is_told else None
        )

    def recall(self, call_key: Cid) -> Ok | None:
        """What a call key came to, the first time that it came to something."""
        known = self.memo(call_key)
        said = self.first_said(call_key, known) if known is not None else None
        return self.value_of(said) if said is not None else None

    def value_of(self, said: Said) -> Ok:
        """What the call came to whose result says this: without ids, which are of the slot. Raises `NoBlob`."""
        made = self.outcome_of(said["made"] if "made" in said else said["outcome"])
        assert isinstance(made, Ok), "a first result is a value"
        if "match" in said and "made" not in said:
            entity, node, _ = (str(part) for part in cast("list[Plain]", said["slot"]))
            row = self.row(ENTITY, (entity,))
            spec = self.in_force[str(row[0])].nodes.get(node) if row is not None else None
            match = cast("Mapping[str, Plain]", said["match"])
            made = (recorded(rule_of(spec), made, match).made if spec is not None else None) or made
        return Ok(made.content, made.encoded)

    def memo(self, call_key: Cid) -> Row | None:
        """The row of a call key. The store is asked once a batch: a call is looked up before it is made, and after."""
        key = memo_key(call_key)
        known = self.batch.rows[MEMO].get(key)
        if known is None and call_key not in self._memos:
            self._memos[call_key] = self.store.row(MEMO, key)
        return known or self._memos[call_key]

    def look_up(self, call_keys: Sequence[Cid]) -> None:
        """Ask the store for the rows of many call keys at once, for `memo`."""
        keys = [memo_key(one) for one in call_keys]
        self._memos.update(zip(call_keys, map(self.store.some(MEMO, keys).get, keys), strict=True))

    # ---- trees that slots show ----
    def keep_nodes(self, slot: Slot, tree: Tree, at: int, inputs: Sequence[Plain]) -> None:
        """Write the nodes of a slot's tree that were not written before, ahead of the result that names it: with its
        cut and its inputs, as what holds a value goes with what it was made from."""

        def is_kept(node: Node) -> bool:
            is_there = node.keeper is slot or self.row(NODE, node_key(*slot.key[:2], node.id)) is not None
            node.keeper = slot
            return is_there

        for part in in_parts(unkept(tree, is_kept), RESULTS_BYTES_MAX):
            said: dict[str, Plain] = {"slot": [*slot.key], "at": at, "inputs": [*inputs], "nodes": part}
            position = self.keep_result(encode_shallow(said))
            for id, _ in cast("list[tuple[Link, bytes]]", part):
                self.batch.put(NODE, node_key(*slot.key[:2], id.cid), (position,))

    # ---- elements with ids ----
    def elements(self, slot: SlotKey) -> list[Known]:
        """Every element that a list has or had, by id."""
        return [parse_known(str(key[2]), bytes(row)) for key, (row,) in self.rows(TREE, slot[:2])]  # type: ignore[arg-type]

    def survivor(self, source: Source, element: str) -> str:
        """What stands for an element now: itself, or what it went into, however often."""
        home, seen = home_of(source), {""}
        while home is not None and element not in seen:
            seen.add(element)
            row = self.row(TREE, (home.thing.id, home.spec.name, element))
            if row is not None and isinstance(row[0], bytes):
                element = parse_known(element, row[0]).alias or element
        return element

    def held(self, slot: Slot) -> bytes:
        """The last value of every element that a list has or had, as one list."""
        return encoded_list([one.last for one in self.elements(slot.key)])

    def made_plain(self, outcome: Outcome) -> Plain:
        """What a call came to, as its record holds it: just the value's bytes where they say all."""
        if type(outcome) is Ok and outcome.elements is None and len(outcome.encoded) <= INLINE_BYTES_MAX:
            return outcome.encoded
        return self.outcome_plain(outcome)

    def outcome_plain(self, outcome: Outcome, slot: SlotKey | None = None) -> dict[str, Plain]:
        """The outcome as records hold it; a large value is kept as a blob first, and found by its content id. `slot`:
        whose nodes are kept, if it is a tree."""
        if not isinstance(outcome, Ok):
            return unmade_plain(outcome)
        if slot is not None and isinstance(outcome, Gathered) and outcome.is_large:
            return {"ok": Link(outcome.content), "of": [slot.entity, slot.node, outcome.is_mapping]}
        encoded, elements = outcome.encoded, outcome.elements
        size = len(encoded)
        plain: dict[str, Plain] = {"ok": Link(outcome.content), "size": size}
        if size <= INLINE_BYTES_MAX:
            plain["value"] = encoded
        else:
            cid, _ = self.store.keep_blob([encoded], is_made=True)
            self.batch.named.append(cid)
            plain["at"] = Link(cid)
        if elements is not None:
            plain["ids"] = [*elements]
        return plain

    def _write_due(self) -> None:
        """Put the due rows that differ from what they were into the open batch: what comes and goes within one batch
        never reaches the store."""
        rows, was_due = self.batch.rows[DUE], self.graph.was_due
        for slot, was in was_due.items():
            if slot.due != was:
                rows[slot.key] = slot.due
        was_due.clear()

    def index_failure(self, slot: Slot) -> None:
        """Remember which call a slot shows the failure of, for the day that call comes out well."""
        result = slot.result
        if result is None or result.call_key is None or not isinstance(result.outcome, Err):
            return
        if result.outcome.kind not in UNMATCHED:  # else the call came out well, and trying again at once would not help
            self.failed_keys.setdefault(result.call_key, {})[slot] = None
            if self.memo(result.call_key) is not None:
                self.touched[slot] = None  # it did come out well, and an engine died before it said so here

    def reload(self) -> None:
        """Read every entity anew, under the definitions now in force, with the open batch as it stands."""
        self._write_due()
        self._begin_graph()
        self.failed_keys.clear()
        watched, self.watched = self.watched, {}
        for place, count in watched.items():
            self.watch(*place, by=count)


def _node_bytes(of: ref[Ledger], place: tuple[str, str], id: Cid) -> bytes:
    """A node of a collection. Whoever holds the collection does not keep the ledger: its slots are in no circle."""
    ledger = of()
    row = ledger.row(NODE, node_key(*place, id)) if ledger is not None else None
    said = ledger.said_at(row[0]) if ledger is not None and row is not None else {}
    nodes = cast("list[tuple[Link, bytes]]", said.get("nodes", ()))
    found = next((encoded for link, encoded in nodes if link.cid == id), None)
    if found is None:
        raise NoBlob(cid=cid_text(id))
    return found
