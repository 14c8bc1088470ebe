"""The engine: the only writer of a space. It assigns positions, folds, marks what is due, and settles slots.

Each public method is one of the transactions of the log: `tell` (an event and all it changes), `define` and `offer`
(what types and services are in force), `settle` (a result and all it changes). They write into one open batch;
`commit` makes the batch durable, or forgets it and everything made from it. The whole module is synchronous and takes
time and ids as arguments, so that a simulated world can drive it.

Knows nothing of threads, event loops, runners or handles.
Invariant: memory equals what `rows` and the open batch say; a batch that fails leaves memory empty, to be read again.
Source: deterministic state machines over a replicated log.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from weft.content import Cid, Link, Plain, content_id, encode, encode_shallow
from weft.errors import WeftError, text_of
from weft.evolution import DefinitionChange
from weft.failure import message_of
from weft.folding import DEPTH_MAX, Folding, TooDeep, check_event, event_id, event_plain, intents_digest, is_told
from weft.gathered import Gathered
from weft.graph import (
    Due,
    Edge,
    Slot,
    Source,
    Thing,
    ToldNode,
    Whole,
    branch_told,
    edge_outcome,
    number_of,
    target_of,
)
from weft.identity import is_keyed, rule_of
from weft.kept_tree import nodes_in
from weft.ledger import Ledger
from weft.loops import Place, find_loop, needs_of
from weft.matching.known import encode_known
from weft.matching.lists import Identified, changed_rows, has_keys, identified, recorded
from weft.matching.vector import Vectors, vectors_of_plain
from weft.pins import pin_row
from weft.record import COMPUTED, EditTooLarge, Entry, Record
from weft.reduce import Refused, Told
from weft.rewiring import lists_from, make_due_anew, readers_of, readers_through, slots_of
from weft.schedule import due_after, due_by, mark_of
from weft.slot import Err, Gone, Ok, Outcome, Result, SlotKey, dominates, is_same, reason_superseded
from weft.spec import TypeSpec
from weft.spent import Spent, parse_spent
from weft.standing import without
from weft.store import (
    ALTERNATIVE,
    DEFINITION,
    DUE,
    EDGE,
    EVENT,
    KIND,
    MEMO,
    NEWEST,
    NODE,
    SERVICE,
    TREE,
    VERSION,
    Row,
    entry_at,
    memo_key,
    node_key,
)
from weft.tree import Tree, changed
from weft.triggers import fired_by_event, fired_by_result
from weft.vectors import keep_vectors, vectors_for
from weft.written_result import encode_result

_log = logging.getLogger("weft")


class EventReused(WeftError):
    """The {what} was told before and said something else. Give a different edit a different `once=`."""

    what: str


class EngineBroke(WeftError):
    """The engine failed while it applied an event that was in order: {what}. Nothing of it was kept. This is a defect
    of Weft, or of the store under it: open the space again, and report what it says."""

    what: str


class Settling(Struct, frozen=True, gc=False):
    """What a call, or the engine in its place, came to."""

    at: int
    outcome: Outcome
    call_key: Cid | None = None
    attempt: tuple[int, int] = (0, 0)
    inputs: Sequence[Plain] = ()
    used: Sequence[Outcome] | None = None
    how: str = "ran"
    preimage: bytes = b""
    took_us: int = 0
    other: Ok | None = None
    """What the call gave, where the first result of its call key stands in its place."""
    is_stale: bool | None = None
    """Whether an input has changed since the call was given it, where that is known: of a replayed result as it was
    recorded, of a call that was made on the spot."""
    is_first: bool = False
    """Whether its call key is known to have no result yet."""
    made: Ok | None = None
    """What the call gave, where its elements could not be told apart, so that an error is shown."""
    vectors: Vectors | None = None
    """What matching asked for."""
    match: Mapping[str, Plain] | None = None
    """Of a replayed result: how its elements were told apart."""
    spent: Spent | None = None
    """What the services said that the call used."""


class Engine(Ledger):
    """The state machine of one space under one lease."""

    # ---- T1: what people and programs tell ----
    def tell(self, event: dict[str, Plain]) -> int:
        """Fold an event; returns its position. Told again, it changes nothing and returns its first position.

        Raises `EventReused` for an id that said something else, and `Refused` (or the fold's own error, as `Refused`)
        when it cannot be folded: then the log holds the refusal, and nothing else was changed. `EditTooLarge`: then
        the log holds nothing of it."""
        check_event(event)
        id, intents = str(event["id"]), event["intents"]
        assert isinstance(intents, list)
        known = self.row(EVENT, (id,))
        if known is not None:
            return self._told_again(id, intents, known)
        digest = intents_digest(intents)
        position = self.position + 1
        time = "" if self.replaying else str(event["time"])
        told = Told(position, int(event["base"]), str(event["actor"]), time)  # type: ignore[arg-type]
        folding = Folding(self, told)
        try:
            self._check_depth(event)
            for intent in intents:
                assert isinstance(intent, list)
                folding.fold(intent)
            folding.check_loops()
            self.record("event", event)
        except Exception as why:
            if self.replaying:
                raise
            folding.undo()
            return self._refuse(event, why)
        try:
            self.cut = position
            self.batch.put(EVENT, (id,), (position, digest, None))
            folding.write()
            self._spread_told(folding, position)
            self.fired += [] if self.replaying else fired_by_event(folding, intents)
        except Exception as why:
            # The open batch holds a part of the event by now. It must never be committed, so this ends the engine.
            raise EngineBroke(what=f"{type(why).__name__}: {text_of(why)}") from why
        return position

    def _told_again(self, id: str, intents: list[Plain], known: Row) -> int:
        position, was, outcome = known
        if not is_told(intents, cast("bytes", was)):
            raise EventReused(what=f"event {id}")
        if outcome is not None:
            raise Refused(place=f"event {id}", why=str(outcome))
        assert isinstance(position, int)
        return position

    def _refuse(self, event: dict[str, Plain], why: Exception) -> int:
        said = message_of(why) if isinstance(why, WeftError) else f"{type(why).__name__}: {message_of(why)}"
        kept = without(cast("list[Plain]", event["intents"]), lambda id: bool(self.erased_at(id)))
        with contextlib.suppress(EditTooLarge):  # then nobody keeps that it was refused
            position = self.record("refused", {**event, "intents": kept, "why": said}).position
            self.cut = position
            self.batch.put(EVENT, (str(event["id"]),), (position, intents_digest(kept), said))
        if isinstance(why, WeftError):
            raise why
        raise Refused(place="event " + str(event["id"]), why=said) from why

    def _check_depth(self, event: dict[str, Plain]) -> None:
        depth, cause = event.get("depth") or 0, event.get("cause") or 0
        if isinstance(depth, int) and isinstance(cause, int) and depth > DEPTH_MAX:
            raise TooDeep(depth=depth, cause=cause, bound=DEPTH_MAX)

    def _spread_told(self, folding: Folding, position: int) -> None:
        self.graph.adopt(folding.created)
        for thing in folding.created:
            self.make_all_due(list(thing.slots()), position)
        fresh = set(folding.created)
        self._point_all(folding, fresh, position)
        for node, changes in folding.changes.items():
            real = [c for c in changes.values() if c.before != c.after or (c.moved and c.after is not None)]
            if not real or node in folding.pointed:
                continue
            if node.thing not in fresh:
                self.graph.load_readers(node.thing)
                deltas = [(change.element, change.before is None, change.after is None) for change in real]
                if not real[0].element and self._has_element_readers(node):  # told as a whole, and read by its elements
                    deltas = self._deltas(node, node.tree_read(), has_absent=True)
                self.spread(node, deltas, position)
        for slot in folding.retried:
            slot.tries = 0
            self.make_due(slot, position)

    def _point_all(self, folding: Folding, fresh: set[Thing], position: int) -> None:
        """References lead elsewhere: keep their edge rows, and let their readers read there."""
        moved = [ref for ref in folding.pointed if any(c.before != c.after for c in folding.changes[ref].values())]
        for ref in moved:
            for way, row in ((folding.pointed[ref], None), (target_of(ref.outcome()), (position,))):
                if way is not None:
                    self.batch.put(EDGE, (*way, ref.thing.id, ref.spec.name), row)
            if ref.thing not in fresh:
                # Readers are made due first: what was unsettled where any of them pointed until now counts for them.
                self.spread(ref, [("", False, False)], position)
        awaited = [ref for ref in folding.awaited if ref not in moved]
        for ref in awaited:
            self.spread(ref, [("", False, False)], position)
        known = [ref for ref in moved if ref.thing not in fresh]
        for reader, name in readers_through([*known, *awaited], folding.walked):
            if isinstance(reader, Slot):
                self.graph.rewire(reader, position)
            else:
                self._rewire_whole(reader, name, position)

    def _rewire_whole(self, whole: Whole, ref: str, position: int) -> None:
        if whole.spec.inputs[0].ref == ref:
            before = list(whole.slots)
            self.spread(whole, [], position)
            self.graph.rewire_whole(whole, position)
            self._resize(whole, before, position)
        for slot in list(whole.slots.values()):
            self.graph.rewire(slot, position)

    def _resize(self, whole: Whole, before: list[str], position: int) -> None:
        now = whole.element_ids()
        gone = set(before) - set(now)
        deltas = [(id, False, True) for id in before if id in gone]
        deltas += [(id, id not in whole.slots, False) for id in now]
        self._follow_source(whole, deltas, position)
        self.spread(whole, deltas, position)

    def tell_retry(self, key: SlotKey) -> int:
        """Have a failed slot tried again; the engine itself says so."""
        id = event_id("weft", f"retry {key} {self.position}")
        intents: list[Plain] = [[key.entity, key.node, "retry", key.element]]
        return self.tell(event_plain(id, intents, actor="weft", base=self.cut, time=self.now()))

    # ---- due ----
    def make_all_due(self, slots: list[Slot], cut: int) -> None:
        """A row for each. What each was before is asked first: else a long chain is walked once for each of its
        nodes, down to the first one that this very edit made due."""
        for slot, before in [(slot, self.graph.first(slot) if slot.due is None else 0) for slot in slots]:
            self.make_due(slot, cut, before)

    def make_due(self, slot: Slot, cut: int, before: int | None = None) -> None:
        """A row for a direct reader of what changed. `before`: its first() until now, where that is known."""
        had = slot.due
        if before is None:
            before = self.graph.first(slot) if had is None else 0
        due = due_by(cut, had, before)
        if due != had:
            self.graph.set_due(slot, due)
            self.touched[slot] = None

    def spread(self, source: Source, deltas: list[tuple[str, bool, bool]], cut: int) -> None:
        """Make due whoever reads directly what changed, each from the cut on at which it reads that. A delta is
        (element, is new, is gone)."""
        self.graph.load_readers(source.thing)
        if not source.readers:
            return
        # Beside what is another, each collection is told which elements have to be looked at: some only moved.
        touched = [element for element, _, _ in deltas]
        stack: list[tuple[Source, list[tuple[str, bool, bool]], list[str], int]] = [(source, deltas, touched, cut)]
        while stack:
            node, changed, touched, cut = stack.pop()
            if isinstance(node, Whole) and touched:
                node.touch(touched)
            elif isinstance(node, Whole):
                node.forget()
            for edge in list(node.readers.get("", ())):
                reader = edge.reader
                if isinstance(reader, Slot):
                    self.make_due(reader, max(cut, edge.since))
                elif edge.input == -1:
                    assert isinstance(node, Slot)
                    element = node.key.element
                    stack.append((reader, [(element, False, False)], [element], cut))
                else:
                    read_at = max(cut, edge.since)
                    stack.append((reader, self._follow_source(reader, changed, read_at), touched, read_at))
                    for element in [one for one in reader.readers if one and one not in reader.slots]:
                        # Who reads what is not there looks again: its absence may be an error now, or none any more.
                        self._spread_element(reader, element, read_at)
            for element, _, _ in changed:
                self._spread_element(node, element, cut)

    def _spread_anew(self, node: ToldNode | Whole, cut: int) -> None:
        """Make due whoever reads what has no result of its own to tell by that it is another: what says something else
        by default, or runs over another collection."""
        self.spread(node, [], cut)
        for element in list(node.readers):
            self._spread_element(node, element, cut)

    def _spread_element(self, node: Source, element: str, cut: int) -> None:
        if not element:
            return
        for edge in list(node.readers.get(element, ())):
            if isinstance(edge.reader, Slot):
                self.make_due(edge.reader, max(cut, edge.since))
                if isinstance(node, Whole) or node.spec.key is not None:  # it may have gone into another, or come back
                    self.graph.rewire(edge.reader, cut)

    def _follow_source(
        self, whole: Whole, changed: list[tuple[str, bool, bool]], cut: int
    ) -> list[tuple[str, bool, bool]]:
        """Slots for elements that came, tombstones for those that went; returns what that means to readers."""
        sized: list[tuple[str, bool, bool]] = []
        whole.touch(element for element, _, _ in changed)
        for element, _, is_gone in changed:
            if is_gone and element in whole.slots:
                self._bury(whole, element, cut)
                sized.append((element, False, True))
            elif not is_gone and element not in whole.slots and element:
                slot = self.graph.add_element(whole, element)
                self.make_due(slot, cut)
                sized.append((element, True, False))
        return sized

    def _bury(self, whole: Whole, element: str, cut: int) -> None:
        slot = whole.slots[element]
        if self.graph.pins:
            self.cuts.shown.keep_slot(slot, cut, dropped_from=whole)
        waiting = [edge.reader for edge in slot.readers.get("", ()) if isinstance(edge.reader, Slot)]
        # Readers first, those of the whole too: what was unsettled about this element until now counts for them.
        self.make_all_due(waiting, cut)
        for edge in whole.readers.get("", ()):
            if isinstance(edge.reader, Slot):
                self.make_due(edge.reader, max(cut, edge.since))
        self.graph.drop_element(whole, element)
        slot.show(self._entomb(slot.key, cut))
        self.touched[slot] = None
        for reader in waiting:
            self.graph.rewire(reader, cut)

    def _entomb(self, key: SlotKey, cut: int) -> Result:
        """A tombstone where a slot was: what comes late for it finds that it is gone."""
        gone = "its element was removed"
        encoded = encode_shallow({"slot": list(key), "at": cut, "outcome": {"gone": gone}})
        position = self.keep_result(encoded)
        self.batch.put(VERSION, key, (cut, position, encoded))
        return Result(cut, Gone(gone), None, (0, 0), position)

    # ---- T3: what a call came to ----
    def settle(self, slot: Slot, said: Settling) -> bool:
        """Record what a slot came to; returns whether it is what the slot shows now.

        Dominated results are kept under their call key and in the log, with the reason, and change nothing visible.
        """
        outcome = made = said.outcome
        old, found = slot.result, self._assign(slot, said) if slot.spec.key is not None else None
        if found is not None:
            outcome, made = found.outcome, found.made or found.outcome
            if isinstance(made, Err) and isinstance(said.outcome, Ok):
                # What cannot be shown is not lost. One that was kept is so by its key, for which it would be retried
                # for ever.
                reused = said.how == "reused"
                said = replace(said, call_key=None) if reused else replace(said, other=said.other or said.outcome)
        if isinstance(outcome, Gathered) and outcome.is_large and not self.replaying:
            self.keep_nodes(slot, outcome.tree, said.at, said.inputs)
        position = self.position + 1
        result = Result(said.at, outcome, said.call_key, said.attempt, position)
        stands = old is None or said.at > old.at or dominates(result, old)
        is_stale = self._is_stale(slot, said) if said.is_stale is None else said.is_stale
        is_first = said.how == "ran" and self._is_first(said, made)
        notes: dict[str, Plain] = {} if found is None else self._match_plain(found, said, position)
        if is_stale:
            notes["stale"] = True
        if not stands:
            assert old is not None
            notes["superseded"] = reason_superseded(result, old)
        encoded = self._encoded(slot, said, outcome, notes, is_first=is_first)
        self.keep_result(encoded)
        if is_first or said.other is not None:
            self._remember(said, position, is_first=is_first)
        if not stands or self.node(*slot.key) is not slot:
            return False
        self._show(slot, result, encoded, found, is_stale=is_stale)
        return True

    def _assign(self, slot: Slot, said: Settling) -> Identified | None:
        """A keyed list with ids for its elements: those recorded, where this repeats a record."""
        outcome = said.outcome
        if not isinstance(outcome, Ok) or not is_keyed(slot):
            return Identified(outcome, said.made) if said.made is not None else None
        if outcome.elements is not None and (said.how != "reused" or has_keys(rule_of(slot.spec), outcome)):
            return recorded(rule_of(slot.spec), outcome, said.match)
        used = said.used if said.used is not None else self.shown_inputs(slot)
        given = frozenset(id for one in used if isinstance(one, Ok) for id in one.elements or ())
        by = f"{said.at}/{said.attempt[0]}/{said.attempt[1]}"
        rule, known = rule_of(slot.spec), self.elements(slot.key)
        vectors = vectors_for(self, rule.embedded, outcome.encoded, self.held(slot), told=said.vectors)
        return identified(slot.key, rule, outcome, known, given=given, accepted_by=by, at=said.at, vectors=vectors)

    def _match_plain(self, found: Identified, said: Settling, position: int) -> dict[str, Plain]:
        """What a record keeps of matching: the decisions, a list that could not be matched, and vectors."""
        plain: dict[str, Plain] = {"match": found.assignment.plain()} if found.assignment is not None else {}
        if isinstance(found.outcome, Err) and found.made is not None:
            plain["made"] = self.outcome_plain(found.made)
        if said.vectors is not None and isinstance(found.outcome, Ok):
            plain["vectors"] = keep_vectors(self, said.vectors, position).plain()
        return plain

    def _keep_tree(self, slot: Slot, found: Identified) -> None:
        """A row for each element that has, or had, an id: its key, whether it lives, its last value, notes."""
        shown = [(member.element, member.encoded) for member in slot.members()]
        for one in changed_rows(rule_of(slot.spec), self.elements(slot.key), shown, found.assignment):
            self.batch.put(TREE, (*slot.key[:2], one.id), (encode_known(one),))

    def _encoded(
        self, slot: Slot, said: Settling, outcome: Outcome, notes: dict[str, Plain], *, is_first: bool
    ) -> bytes:
        """The bytes of a result, as the log and the slot's row keep them."""
        how, key = said.how, said.call_key
        call = (is_first and said.preimage) or (Link(key) if key is not None else None)
        plain = self.made_plain(outcome) if how == "ran" else self.outcome_plain(outcome, slot.key)
        if said.other is not None:
            notes["other"] = self.outcome_plain(said.other)
        if said.spent is not None:
            notes["spent"] = said.spent.plain()
        if slot.last is not None and not isinstance(outcome, Ok):
            notes["last"] = self.outcome_plain(slot.last, slot.key)
        attempt: list[Plain] = [*said.attempt]
        return encode_result([*slot.key], said.at, how, attempt, plain, [*said.inputs], call, said.took_us, notes)

    def _is_stale(self, slot: Slot, said: Settling) -> bool:
        """Whether an input shows something else by now than what the call was given."""
        if said.used is None:
            return False
        shown = self.shown_inputs(slot)
        return not (len(said.used) == len(shown) and all(map(is_same, said.used, shown)))

    def _is_first(self, said: Settling, outcome: Outcome) -> bool:
        """Whether this is the first value of its call key."""
        key = said.call_key
        return key is not None and isinstance(outcome, Ok) and (said.is_first or self.memo(key) is None)

    def _remember(self, said: Settling, position: int, *, is_first: bool) -> None:
        """The first ok outcome of a call key is the result; a later, different one is kept beside it."""
        if said.call_key is not None and said.other is not None:
            self.batch.put(ALTERNATIVE, (said.call_key, position), (encode(self.outcome_plain(said.other)),))
        if is_first:
            assert said.call_key is not None
            self.batch.put(MEMO, memo_key(said.call_key), (position,))
            self.touched.update(self.failed_keys.get(said.call_key, ()))

    def keep_finding(self, said: dict[str, Plain]) -> int:
        """Record that a call, made again, came to something else, beside its result, which stands. Returns the
        position. `said` holds the call's `key`, what was `found`, and the `other` outcome."""
        position = self.keep_result(encode_shallow(said))
        self.batch.put(ALTERNATIVE, (cast("Link", said["key"]).cid, position), (encode(said["other"]),))
        return position

    def _show(self, slot: Slot, result: Result, encoded: bytes, found: Identified | None, *, is_stale: bool) -> None:
        old, outcome, at = slot.result, result.outcome, result.at
        if not slot.thing.knows_readers:
            self.graph.load_readers(slot.thing)
        is_list = slot.spec.sort != "plain" and self._has_element_readers(slot)
        before = slot.tree() if is_list else Tree()
        if self.graph.pins:
            self.cuts.shown.keep_slot(slot, at)
            self.cuts.shown.settle(slot)
        slot.show(result)
        slot.frame = None
        self.batch.put(VERSION, slot.key, (at, result.position, encoded))
        if found is not None and isinstance(outcome, Ok):  # a list that failed buries nobody
            self._keep_tree(slot, found)
        if isinstance(outcome, Err):
            self.index_failure(slot)
        self.touched[slot] = None
        # An error that is tried no more, or again, is the same to whoever reads it, but for the elements that stand in
        # for it meanwhile.
        is_over = is_list and isinstance(outcome, Err)
        if slot.readers and (old is None or is_over or not is_same(old.outcome, outcome)):
            # Readers first: what was unsettled about this slot until now counts for them too.
            element = slot.key.element
            is_turned = old is None or not (isinstance(old.outcome, Ok) and isinstance(outcome, Ok))
            here = [(element, False, False)] if element else []
            deltas = self._deltas(slot, before, has_absent=is_turned) if is_list else here
            self.spread(slot, deltas, at)
        if slot.thing.type.flows and not self.replaying:
            self.fired += fired_by_result(slot, None if old is None else old.outcome, outcome, result.position)
        had, is_final = slot.due, not isinstance(outcome, Err) or outcome.final
        due = due_after(at, had, is_stale=is_stale, is_final=is_final)
        if due != had:
            joins = self.graph.set_due(slot, due)
            if had is not None and had.first < at:
                self._skip(slot, joins, had.first)

    def _skip(self, slot: Slot, joins: list[Edge], first: int) -> None:
        """It settled, without the cuts between `first` and there. `joins`: see `Graph.turn`."""
        assert slot.result is not None
        if not slot.current:  # also where something below it is due: its own mark says no more of what it skipped
            joins = [edge for edges in slot.readers.values() for edge in edges]
        if joins:
            self._hold_marks(joins, first, slot.result.at)
        if self.graph.pins:
            self.cuts.skipped(slot, slot.result.at)

    def _hold_marks(self, joins: list[Edge], first: int, at: int) -> None:
        """A slot that skipped cuts is right at `at`, and was perhaps not right at any cut between `first` and there.

        Whoever reads it beside something still unsettled shows a value of before `first`; without a row of its own its
        mark would follow that other input to a cut in between, at which nothing is known of it.
        """
        stack = list(joins)
        while stack:
            edge = stack.pop()
            reader = edge.reader
            if isinstance(reader, Whole):
                stack.extend(further for edges in reader.readers.values() for further in edges)
            elif reader.due is None and not reader.current and (reader.result is None or reader.result.at < at):
                # Also no later than what else is unsettled below it: a row that stands is not asked about that again.
                self.graph.set_due(reader, Due(min(max(first, edge.since), self.graph.first(reader)), at))
                self.touched[reader] = None

    def _has_element_readers(self, node: Slot | ToldNode) -> bool:
        if node.spec.sort == "plain" or (isinstance(node, Slot) and node.key.element):
            return False  # (the value of one call of an `each` is read as a whole, whatever it is)
        return any(node.readers.keys() - {""}) or any(isinstance(e.reader, Whole) for e in node.readers.get("", ()))

    def _deltas(self, source: Slot | ToldNode, before: Tree, *, has_absent: bool) -> list[tuple[str, bool, bool]]:
        """What differs from `before`. `has_absent`: also who reads what is in neither of them is to look again."""
        now = source.tree()
        went, came = changed(before, now)
        was, here = ({entry.last: entry.id for entry in entries} for entries in (went, came))
        gone = [(element, False, True) for element in was if element not in here]
        kept = [(element, element not in was, False) for element in here if was.get(element) != here[element]]
        watched: list[tuple[str, bool, bool]] = []
        if has_absent:
            watched = [(one, False, False) for one in source.readers if one not in was and source.entry(one) is None]
        return [*gone, *kept, *watched]

    def shown_inputs(self, slot: Slot) -> tuple[Outcome, ...]:
        """What each input of a slot shows now, to be compared with what an attempt was given."""
        return tuple([edge_outcome(edge) for edge in slot.edges if edge.mode != "state"])

    # ---- what is in force ----
    def define(self, spec: TypeSpec) -> bool:
        """Put a definition in force; returns whether that changed anything. Only what differs becomes due. One that is
        refused changes nothing."""
        old = self.in_force.get(spec.name)
        if old is not None and old.content() == spec.content():
            self.types[spec.name] = self.in_force[spec.name] = self.given[spec.content()] = spec
            return False
        said = spec.plain()
        change = DefinitionChange(old, spec) if old is not None else None
        if change is not None:
            change.check_kept(self)
            self._check_loops(spec)
        self.types[spec.name] = self.given[spec.content()] = spec
        renamed = change.renamed if change is not None else {}
        for name in change.unannounced() if change is not None else ():
            _log.warning(
                "the source of %s has changed and its declared version has not: nothing is computed anew", name
            )
        position = self.record("definition", said | ({"renamed": dict(renamed)} if renamed else {})).position
        self._put_definition(spec, old, position, encode(said))
        return True

    def _check_loops(self, spec: TypeSpec) -> None:
        """Refuse a definition under which references that were told already close a loop."""
        readers = [node.name for node in spec.nodes.values() if any(entry.ref for entry in node.inputs)]
        done: dict[Place, None] = {}

        def needs(place: Place) -> Iterator[Place]:
            thing = self.graph.thing(place[0])
            known = thing.type if thing is not None else None
            return needs_of(place, thing, spec if known is not None and known.name == spec.name else known)

        for key, _ in self.rows(KIND, (spec.name,)) if readers else ():
            for node in readers:
                loop = find_loop((str(key[2]), node), needs, done)
                if loop:
                    raise Refused(place=f"the definition of {spec.name}", why=f"it would close a loop: {loop}")

    def _put_definition(
        self,
        spec: TypeSpec,
        old: TypeSpec | None,
        position: int,
        content: bytes,
        *,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        self.cut = position
        self.batch.put(DEFINITION, (spec.name,), (position, content))
        if old is None:
            self.in_force[spec.name] = spec
            return
        changes = DefinitionChange(old, spec, renamed=renamed)
        ids = dict.fromkeys(str(key[2]) for key, _ in self.rows(KIND, (spec.name,)))

        def now(key: SlotKey) -> SlotKey:
            return key._replace(node=changes.renamed.get(key.node, key.node)) if key.entity in ids else key

        former = changes.former if any(self.rows(DUE)) else []
        lists = lists_from(self.graph, ids, [*changes.lists.values(), *changes.dropped])
        slots = [*slots_of(self.node(id, name) for id in ids for name in former), *readers_of(lists)]
        # What was unsettled where it read until now counts for it afterwards too.
        firsts = {now(slot.key): self.graph.first(slot) for slot in slots}
        before = dict.fromkeys(now(slot.key) for slot in slots_of(lists))
        for id in ids:
            changes.move_rows(self, id)
        self.in_force[spec.name] = spec
        self.reload()
        own = [self.node(id, name) for id in ids for name in spec.nodes if name in changes.changed]
        here = {slot.key for slot in slots_of(lists_from(self.graph, ids, changes.lists))}
        for key in [key for key in before if key not in here and self.node(*key[:2]) is not None]:
            self._entomb(key, position)
            self.batch.put(DUE, key, None)
        due = [*slots_of(own), *(self.node(*key) for key in firsts)]
        self.touched |= make_due_anew(self.graph, due, position, firsts)
        for node in [one for one in own if isinstance(one, ToldNode | Whole)]:
            self._spread_anew(node, position)

    def offer(self, name: str, fingerprint: Plain, *, recompute: bool, cost: str = "") -> bool:
        """Put a service's fingerprint in force; returns whether it differs from the one before.

        Calls made from here on carry it. What was computed with another stands, unless `recompute`, now or at a later
        offer; what failed is tried again in any case."""
        content = encode(fingerprint)
        is_another = self.fingerprints.get(name) != content_id(content)
        if not is_another and (not recompute or self._is_recomputed(name)):
            return False
        said: dict[str, Plain] = {"name": name, "fingerprint": fingerprint, "recompute": recompute}
        position = self.record("service", said | ({"cost": cost} if cost else {})).position
        self._put_service(name, content, position)
        # Also for the first of its name: what was computed without an optional service is computed again with it.
        self._due_for_service(name, position, recompute=recompute)
        return is_another

    def _is_recomputed(self, name: str) -> bool:
        """Whether all that uses the service was made due when the one that is in force came."""
        row = self.row(SERVICE, (name,))
        assert row is not None and isinstance(row[0], int)
        told = entry_at(self.store, row[0])
        return told is not None and bool(told.said["recompute"])

    def _put_service(self, name: str, content: bytes, position: int) -> None:
        self.cut = position
        self.batch.put(SERVICE, (name,), (position, content))
        self.fingerprints = {**self.fingerprints, name: content_id(content)}

    def _due_for_service(self, name: str, position: int, *, recompute: bool) -> None:
        for spec in self.in_force.values():
            nodes = {node.name for node in spec.nodes.values() if node.needs(name)}
            for key, _ in list(self.rows(KIND, (spec.name,))) if nodes else ():
                thing = self.graph.thing(str(key[2]))
                mine = [slot for slot in thing.slots() if slot.key.node in nodes] if thing is not None else []
                self.make_all_due([s for s in mine if recompute or isinstance(s.outcome(), Err)], position)

    # ---- replay ----
    def replay(self, record: Record) -> None:
        """Apply a record of the log to the tables, as it was applied when it was written; nothing is run or matched."""
        assert self.replaying
        said = record.content() if record.kind != COMPUTED else {}
        match record.kind:
            case "event" | "refused" if not said:
                self.cut = record.position  # the record that says that it was erased says its id, too
            case "event":
                self.tell(said)
            case "refused":
                intents = said["intents"]
                assert isinstance(intents, list)
                self.chain(record)
                self.cut = record.position
                row = (record.position, intents_digest(intents), str(said["why"]))
                self.batch.put(EVENT, (str(said["id"]),), row)
            case "definition":
                self.chain(record)
                renamed = said.pop("renamed", {})
                assert isinstance(renamed, dict)
                spec, names = self.with_code(said), {old: str(new) for old, new in renamed.items()}
                old = self.in_force.get(spec.name)
                self._put_definition(spec, old, record.position, encode(said), renamed=names)
            case "service":
                self.chain(record)
                name = str(said["name"])
                self._put_service(name, encode(said["fingerprint"]), record.position)
                self._due_for_service(name, record.position, recompute=bool(said["recompute"]))
            case "pinned":
                self.cut = record.position
                self.batch.put(NEWEST, *pin_row(said, record.position))
            case _:
                for entry in record.entries():
                    self._replay_entry(entry)
        self.chain(record)

    def _replay_entry(self, entry: Entry) -> None:
        position, kind, said = entry
        self.position = position - 1
        if entry.is_erased or (kind == "result" and self._has_erased_nodes(said["outcome"])):
            parts = said.get("slot")
            if isinstance(parts, list) and kind != "checked":
                self.blank[SlotKey(*(str(part) for part in parts))] = position
                self.has_blanks = True
        elif kind == "result":
            self._replay_result(said)
        elif kind == "nodes":
            entity, node, _ = cast("list[str]", said["slot"])
            for id, encoded in cast("list[tuple[Link, bytes]]", said["nodes"]):
                below = nodes_in(encoded) if self.has_blanks else ()
                if all(self.row(NODE, node_key(entity, node, one)) is not None for one in below):
                    self.batch.put(NODE, node_key(entity, node, id.cid), (position,))
        elif kind == "checked":
            self.keep_finding(said)
        else:
            # What came before it has buried the element already, but in an order of its own.
            key = SlotKey(*(str(part) for part in cast("list[Plain]", said["slot"])))
            self.batch.put(VERSION, key, (cast("int", said["at"]), position, encode_shallow(said)))

    def _has_erased_nodes(self, said: Plain) -> bool:
        """Whether an outcome is a tree of which nodes were erased."""
        if not isinstance(said, dict) or "of" not in said:
            return False
        entity, node, *_ = cast("list[str]", said["of"])
        return self.row(NODE, node_key(entity, node, cast("Link", said["ok"]).cid)) is None

    def _replay_result(self, said: dict[str, Plain]) -> None:
        slot_key, attempt, key = said["slot"], said["attempt"], said.get("key")
        assert isinstance(slot_key, list) and isinstance(attempt, list)
        slot = self.node(*(str(part) for part in slot_key))
        thing = self.graph.thing(str(slot_key[0]))
        if not isinstance(slot, Slot):
            assert thing is not None
            slot = self.slot(thing, thing.type.nodes[str(slot_key[1])], str(slot_key[2]))
        if slot.spec.kind == "choose":
            test = [edge for edge in slot.edges if not number_of(edge)]
            # A test that failed picks nothing; whether the branch before it was still read, the record says.
            if branch_told(test) or len(said["inputs"]) == len(test):  # type: ignore[arg-type]
                self.graph.choose(slot, branch_told(test), int(said["at"]))  # type: ignore[arg-type]
        self.settle(
            slot,
            Settling(
                int(said["at"]),  # type: ignore[arg-type]
                self.outcome_of(said["outcome"]),
                key.cid if isinstance(key, Link) else None,
                (int(attempt[0]), int(attempt[1])),  # type: ignore[arg-type]
                tuple(said["inputs"]),  # type: ignore[arg-type]
                how=str(said["how"]),
                preimage=cast("bytes", said.get("preimage", b"")),
                took_us=int(said.get("took_us") or 0),  # type: ignore[arg-type]
                other=cast("Ok | None", self.outcome_of(said["other"]) if "other" in said else None),
                is_stale="stale" in said,
                made=cast("Ok | None", self.outcome_of(said["made"]) if "made" in said else None),
                vectors=vectors_of_plain(said["vectors"]) if "vectors" in said else None,
                match=cast("Mapping[str, Plain] | None", said.get("match")),
                spent=parse_spent(said.get("spent")),
            ),
        )

    # ---- what can be read ----
    def settled_mark(self) -> int:
        """The settled mark of everything demanded. O(due rows of that): what a demanded slot needs is demanded too, so
        no slot has to look down at its needs."""
        return mark_of(self.cut, self._firsts_wanted())

    def _firsts_wanted(self) -> Iterator[int]:
        return (slot.due.first for slot in self.graph.wanted if slot.due is not None)

    def is_settled(self, since: int) -> bool:
        """Whether everything demanded is settled at or after a position, and nothing is about to begin."""
        return not self.graph.ready and not any(first <= min(since, self.cut) for first in self._firsts_wanted())

    def demanded(self) -> Iterator[Slot]:
        """Every demanded slot in memory."""
        return (slot for thing in list(self.graph.things.values()) for slot in thing.slots() if slot.demand)
