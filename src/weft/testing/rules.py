"""The rules that every run must keep, asked after each turn of the engine, at rest, and of the log that is left.

What is shown is right at its cut and never goes back (L3, L7); due rows are those that the log makes; marks promise no
more than is so; a partial value never stands over a settled one (L12); at rest all that is demanded is right at the
newest cut (L6, I5). Of the log: it is one chain without gaps; acknowledged edits are there, once, in order, and the
others whole or not at all (I1, I2); no result comes from an attempt that was closed, or of another epoch; one call key
has one result (L9); what stands is what dominates (L2); the tables are those that the log makes (I11).

Knows nothing of how a run came about. Invariant: a rule that does not hold raises `RuleBroken`, naming itself.
Source: TigerBeetle's state checkers; the laws of Weft's model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.content import Cid, Plain, decode
from weft.engine import Engine
from weft.graph import Slot
from weft.held.group import is_joint
from weft.matching.known import encode_known
from weft.rebuild import rebuild
from weft.record import Record
from weft.schedule import mark_of
from weft.slot import Err, Gone, Ok, Outcome, SlotKey
from weft.spec import NodeSpec, TypeSpec
from weft.standing import ERASED, without
from weft.store import ATTEMPT, DUE, ENTITY, MEMO, TABLES, TREE, VERSION, Head, Key, Row, Store, memo_key
from weft.stores.chain import EMPTY, flaw
from weft.testing.computed import Computed, computed_in, erased_results
from weft.testing.due_rows import DueRows
from weft.testing.graph_plan import ABSENT, ERROR, UNKNOWN, Value
from weft.testing.late_runner import WEATHER
from weft.testing.reference import Reference
from weft.testing.remains import erased_in, stands_in
from weft.testing.rule import RuleBroken, require
from weft.written_result import parse_result

# After each turn ---------------------------------------------------------------------------------------------------


class TurnRules:
    """What must hold between any two turns of an engine, beside the reference. One for a run, through all its lives."""

    def __init__(self, reference: Reference, *, calls_break: bool) -> None:
        self.reference, self._calls_break = reference, calls_break
        self.due = DueRows(reference)
        self._end = Head(0, b"")
        """The log's end as it was read last."""
        self._is_new_life = False
        self._at: dict[SlotKey, int] = {}
        self._witness: dict[SlotKey, tuple[int, int]] = {}
        self._marks: dict[SlotKey, int] = {}
        self.checked = 0
        """How many values and marks were held against the reference."""
        self.behind = 0
        """How many values of nodes with several computed inputs were settled at a cut that was not the newest any more:
        what comes while inputs never rest."""

    def begin_life(self) -> None:
        """A new engine: what was demanded is asked anew."""
        self._marks.clear()
        self._is_new_life = True
        self.due.begin_life()

    def check(self, engine: Engine, touched: Sequence[Slot]) -> None:
        """Raises `RuleBroken`."""
        before = self.reference.position
        if self._is_new_life:
            self._check_end(engine.store)
        if engine.head.position == before and not touched:
            return  # a turn in which nothing happened
        self._end = engine.store.head()
        erased = len(self.reference.erased)
        self.due.read(self.reference.read(engine.store.records(before)))
        self.due.check(engine.store, [slot.key for slot in touched])
        if len(self.reference.erased) > erased:
            # The tables were made anew, from what stands: others may show what they did before they showed what went.
            self._at.clear()
            self._witness.clear()
            self._marks.clear()
        for slot in touched:
            if engine.node(*slot.key) is slot:
                self._check_shown(slot)
                is_new = slot.result is not None and slot.result.position > before
                self.behind += is_new and slot.result.at < engine.cut and is_joint(slot)  # type: ignore[union-attr]
        self._check_marks(engine)

    def _check_end(self, store: Store) -> None:
        """What was durable in the life before is there in this one."""
        self._is_new_life = False
        end = self._end
        found = next(iter(store.records(end.position - 1, until=end.position)), None) if end.position else None
        is_there = not end.position or (found is not None and found.digest == end.digest)
        require(is_there, "I1", f"the log was read to {end.position}, and that record is not there any more")

    def _check_shown(self, slot: Slot) -> None:
        require(slot.frame is None or not slot.current, "L12", f"{slot.key} is settled and shows a partial value")
        result = slot.result
        if result is None:
            return
        if isinstance(result.outcome, Gone) and not slot.current:
            return  # it is back, and its tombstone says only that it was away
        before = self._at.get(slot.key, 0)
        require(result.at >= before, "L3", f"{slot.key} went back from {before} to {result.at}")
        self._at[slot.key] = result.at
        self.checked += 1
        ids = result.outcome.elements if isinstance(result.outcome, Ok) else None
        said = self.reference.ids_at(slot.key, result.at) if ids is not None else None
        require(said is None or ids == said, "L14", f"{slot.key} shows elements {ids} at {result.at}, not {said}")
        if not self._fits(slot.key, result.outcome, result.at):
            said = self.reference.shown(slot.key, result.at)
            raise RuleBroken(rule="L7", what=f"{slot.key} shows {told(result.outcome)} at {result.at}, not {said!r}")

    def _fits(self, key: SlotKey, outcome: Outcome, cut: int) -> bool:
        """Whether this may be shown at that cut."""
        expected = self.reference.shown(key, cut)
        is_loose = self._calls_break and self.reference.plans.is_loose(key.node)
        if expected is UNKNOWN or is_loose:
            return True
        if isinstance(outcome, Ok):
            return expected not in (ERROR, ABSENT) and decode(outcome.encoded) == expected
        return expected is (ERROR if isinstance(outcome, Err) else ABSENT) or self._calls_break

    def _check_marks(self, engine: Engine) -> None:
        """Each demanded slot shows what is right at some cut not before its mark."""
        for slot in engine.demanded():
            self._check_mark(engine, slot)

    def _check_mark(self, engine: Engine, slot: Slot) -> None:
        mark = engine.cut if slot.current else mark_of(engine.cut, [engine.graph.first(slot)])
        if self.reference.plans.is_steady(slot.key, slot.thing.type.name):
            before = self._marks.get(slot.key, 0)
            require(mark >= before, "marks only rise", f"that of {slot.key} fell from {before} to {mark}")
            self._marks[slot.key] = mark
        result = slot.result
        if result is None or result.at >= mark or not isinstance(result.outcome, Ok):
            return
        position, cut = self._witness.get(slot.key, (0, 0))
        if position == result.position and cut >= mark:
            return
        self.checked += 1
        cuts = self.reference.cuts_from(mark)
        found = next((cut for cut in cuts if self._fits(slot.key, result.outcome, cut)), None)
        if found is None:
            what = f"{slot.key} promises to be right at {mark} or later and shows {told(result.outcome)}"
            raise RuleBroken(rule="marks do not overclaim", what=what)
        self._witness[slot.key] = (result.position, found)

    def check_rest(self, engine: Engine) -> None:
        """At rest, with every call gone well in the end. Raises `RuleBroken`."""
        newest = engine.cut
        mark = engine.settled_mark()
        below = mark_below(engine, engine.demanded())
        require(mark == newest == below, "L6", f"at rest the mark is {mark}, not {newest}")
        for slot in engine.demanded():
            require(slot.current and slot.due is None, "L6", f"{slot.key} is due at rest")
            outcome, expected = slot.outcome(), self.reference.shown(slot.key, newest)
            self.checked += 1
            if expected is not UNKNOWN and not _is_shown(outcome, expected):
                what = f"at rest {slot.key} shows {told(outcome)}, not {expected!r}"
                raise RuleBroken(rule="I5", what=what)


def _is_shown(outcome: Outcome, expected: Value) -> bool:
    if isinstance(outcome, Ok):
        return expected not in (ERROR, ABSENT) and decode(outcome.encoded) == expected
    return bool(expected is (ERROR if isinstance(outcome, Err) else ABSENT))


def broken_by_weather(engine: Engine) -> list[Slot]:
    """What is demanded and shows the failure of a call of its own that broke for no reason of its own."""
    return [
        slot
        for slot in engine.demanded()
        if isinstance(outcome := slot.outcome(), Err)
        and outcome.final
        and outcome.kind == WEATHER
        and not outcome.origin
    ]


def told(outcome: Outcome) -> str:
    """An outcome in a few words."""
    match outcome:
        case Ok(_, encoded):
            return repr(decode(encoded))
        case Err(kind, message):
            return f"the error {kind}: {message}"
        case Gone(why):
            return f"nothing ({why})"


# When a call is sent -----------------------------------------------------------------------------------------------


def mark_below(engine: Engine, slots: Iterable[Slot]) -> int:
    """The settled mark of these slots, by all they need: the long way, by which an engine's short one is checked."""
    return mark_of(engine.cut, (engine.graph.first(slot) for slot in slots))


def check_sent(store: Store, id: tuple[int, int], *, is_always_listed: bool) -> None:
    """A call that is sent is written down before, and has no result yet. Raises `RuleBroken`."""
    row = store.row(ATTEMPT, id)
    require(row is not None or not is_always_listed, "T4", f"attempt {id} was sent and is not written down")
    if row is not None:
        assert isinstance(row[-1], bytes)
        require(store.row(MEMO, memo_key(Cid(row[-1]))) is None, "L9", f"attempt {id} calls again what has a result")


# Of what is left ---------------------------------------------------------------------------------------------------


@dataclass
class Promises:
    """What people were told about their edits, by event id: what each said; when it was first told and acknowledged
    (by a count that rises); and which were refused."""

    said: dict[str, list[Plain]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    """Those that were not kept, as whoever told them last was told, while nobody else was telling them."""
    refused: set[str] = field(default_factory=set)
    """Those that could not be folded, as whoever told them was told."""
    posted: set[str] = field(default_factory=set)
    """Those that went through the inbox: they are in order among themselves, and their positions follow later."""
    being_told: Counter[str] = field(default_factory=Counter)
    """How many are telling each, or died while they did, and so know nothing of what became of it."""

    def begin(self, id: str) -> None:
        """Somebody tells it, for the first time or again."""
        self.being_told[id] += 1
        self.denied.discard(id)

    def end(self, id: str, *, is_denied: bool = False) -> None:
        """They were told what became of it."""
        self.being_told[id] -= 1
        if is_denied and not self.being_told[id]:
            self.denied.add(id)


def check_log(store: Store, promises: Promises) -> None:
    """Whatever can be seen in the log alone. Raises `RuleBroken`."""
    records = list(store.records())
    entities, events = erased_in(store)
    _check_chain(records, stands_in(store))
    _check_promises(records, promises, entities, events)
    computed = [[*computed_in(record)] for record in records]
    results = [result for some in computed for result in some]
    _check_attempts(results)
    _check_memo(store, results, is_whole=not entities)
    _check_dominance(store, list(zip(records, computed, strict=True)))
    require(not store.inbox(), "I1", "an edit of another program was never taken from the inbox")


def _check_chain(records: Sequence[Record], stands: Mapping[int, Cid | None]) -> None:
    head = EMPTY
    for record in records:
        why = f"position {head.position + 1} is next" if record.position - record.span != head.position else None
        why = why or flaw(record, head, stands.get)
        is_gone = record.position in stands and stands[record.position] is None
        is_there = (record.payload is None) == is_gone
        require(why is None and is_there, "I3", f"record {record.position} is no link: {why}")
        head = Head(record.position, record.digest)


def _check_promises(
    records: Iterable[Record],
    promises: Promises,
    entities: Mapping[str, int],
    events: Mapping[str, tuple[int, str]],
) -> None:
    at = {id: position for id, (position, _) in events.items()}
    refused = {id for id, (_, why) in events.items() if why}
    for record in records:
        if record.kind not in ("event", "refused") or record.payload is None:
            continue
        said = record.content()
        id = str(said["id"])
        require(id not in at, "L10", f"event {id} stands at {at.get(id)} and at {record.position}")
        at[id] = record.position
        refused |= {id} if record.kind == "refused" else set()
        if said["actor"] != "weft":
            require(id in promises.said, "I2", f"nobody said event {id}")
            stands = without(promises.said[id], entities.__contains__)
            require(said["intents"] == stands, "I2", f"event {id} says something else than it did")
    lost = [id for id in promises.acknowledged if id not in at]
    require(not lost, "I1", f"acknowledged and lost: {', '.join(lost)}")
    kept = sorted(id for id in promises.denied if id in at and id not in promises.acknowledged)
    require(not kept, "I2", f"refused, and there: {', '.join(kept)}")
    wrong = sorted(((promises.acknowledged.keys() - promises.posted) & refused) ^ promises.refused)
    require(not wrong, "I2", f"folded, and its author was told otherwise, or the other way round: {', '.join(wrong)}")
    for ids in (promises.posted, promises.told.keys() - promises.posted):
        _check_order({id: at[id] for id in ids if id in at}, promises)


def _check_order(at: Mapping[str, int], promises: Promises) -> None:
    done = 1 << 60
    for id in sorted(at, key=lambda id: -at[id]):
        require(done >= promises.told[id], "I1", f"event {id} stands before one that was acknowledged earlier")
        done = min(done, promises.acknowledged.get(id, done))


def _check_attempts(results: Iterable[Computed]) -> None:
    """No zombies: an attempt answers once, to the engine that made it."""
    ran = Counter(result.attempt for result in results if result.how == "ran")
    twice = [attempt for attempt, count in ran.items() if count > 1]
    require(not twice, "L5", f"attempts with two results: {twice}")
    strays = [r.position for r in results if r.how == "ran" and r.attempt[0] != r.epoch]
    require(not strays, "zombies", f"results of attempts of another epoch: {strays}")


def _check_memo(store: Store, results: Iterable[Computed], *, is_whole: bool) -> None:
    """`is_whole`: nothing was erased, so that first results are there."""
    first: dict[bytes, Computed] = {}
    for result in results:
        if result.call_key is None or not result.is_ok or result.how != "ran":
            continue
        before = first.setdefault(bytes(result.call_key), result)
        same = before.outcome.get("ok") == result.outcome.get("ok")
        require(same, "L9", f"one call key has the results of {before.position} and {result.position}")
        is_first = (result is before) == (result.preimage is not None)
        require(is_first or not is_whole, "L9", f"{result.position} is no first result")
    for key, result in first.items():
        row = store.row(MEMO, memo_key(Cid(key)))
        require(row is not None and row[0] == result.position, "L9", f"the memo has forgotten {result.position}")


def _check_dominance(store: Store, records: Sequence[tuple[Record, list[Computed]]]) -> None:
    """What stands is the greatest of its slot, whatever order they came in, since its node was last declared."""
    top: dict[SlotKey, tuple[tuple[int, int, tuple[int, int], int], Computed]] = {}
    types: dict[str, str] = {}
    nodes: dict[str, set[str]] = {}
    blank: dict[SlotKey, set[int]] = {}
    for slot, position in (place for record, _ in records for place in erased_results(record)):
        blank.setdefault(slot, set()).add(position)
    is_whole = all(record.kind != ERASED for record, _ in records)
    for record, results in records:
        if record.kind == "event":
            types |= _created_in(record)
        elif record.kind == "definition":
            spec = TypeSpec.of_plain({key: part for key, part in record.content().items() if key != "renamed"})
            nodes[spec.name] = set(spec.nodes)
            for slot in [slot for slot in top if slot.node not in nodes[types[slot.entity]]]:
                del top[slot]
        for result in results:
            if result.slot.node in nodes[types[result.slot.entity]]:
                is_sure = is_whole or (result.slot not in blank and not result.slot.element)
                _stand(top, result, is_whole=is_sure)
    shown = {SlotKey(*map(str, key)): row for key, row in store.rows(VERSION)}
    for slot, (_, result) in top.items():
        row = shown.get(slot)
        fits = row is not None and (row[:2] == (result.at, result.position) or row[1] in blank.get(slot, ()))
        fits = fits or (bool(slot.element) and not is_whole and _is_out(row))  # by what stands it is in no list
        require(fits, "L2", f"{slot} shows {None if row is None else row[:2]}, not {(result.at, result.position)}")


def _is_out(row: Row | None) -> bool:
    """Whether an element shows nothing, or that it was removed."""
    outcome = parse_result(row[2])["outcome"] if row is not None and isinstance(row[2], bytes) else {}
    return row is None or (isinstance(outcome, dict) and "gone" in outcome)


def _created_in(record: Record) -> dict[str, str]:
    intents = record.content().get("intents")
    listed = [one for one in intents if isinstance(one, list)] if isinstance(intents, list) else []
    return {str(one[0]): str(one[3]) for one in listed if one[2] == "create"}


def _stand(
    top: dict[SlotKey, tuple[tuple[int, int, tuple[int, int], int], Computed]], result: Computed, *, is_whole: bool
) -> None:
    is_error = "error" in result.outcome
    worth = 2 if result.is_ok else int(is_error)
    # Of two tombstones of one cut the later one stands: the element had come back, and shown nothing.
    last = result.position if result.how == "removed" else -result.position
    rank = (result.at, worth, result.attempt if is_error else (0, 0), last)
    stood = top.get(result.slot)
    if result.how != "removed" and is_whole:  # it may have stood behind what was erased
        is_lower = stood is not None and rank < stood[0]
        require(is_lower == result.superseded, "L4", f"{result.position} is wrong about what it stands behind")
    if stood is None or rank > stood[0]:
        top[result.slot] = (rank, result)


def check_elements(store: Store, reference: Reference) -> None:
    """What is kept of elements that a matcher tells apart is what its decisions come to. Raises `RuleBroken`."""
    for place, of_list in reference.elements.items():
        kept = {str(key[2]): row[0] for key, row in store.rows(TREE, place)}
        known = {id: encode_known(one) for id, one in of_list.known.items()}
        require(kept == known, "L14", f"of the elements of {'.'.join(place)} is kept {kept!r}, not {known!r}")


def check_rebuilt(store: Store, types: Mapping[str, TypeSpec], *, epoch: int, was_one_life: bool) -> None:
    """The tables that the log makes are those that were there. An engine that began anew, as it does behind a crash or
    a refused write, does not know since when a reference leads where it does: so what reads through one may be due
    since an earlier cut than the log says. Raises `RuleBroken`."""
    before = _tables(store)
    rebuild(store, epoch=epoch, types=types)
    after = _tables(store)
    # Which branch a `choose` reads is in the log once it has settled, and one that restarted reads none where its test
    # failed: so another cut may have asked for it last, and by the log it may be due where it was not.
    had, has = before[DUE.name], after[DUE.name]
    for key in [key for key in has if _picks(store, types, key)]:
        had[key] = has[key]
    if not was_one_life:
        through = [key for key in had.keys() & has.keys() if hangs_on_reference(store, types, key)]
        had |= {key: has[key] for key in through if _is_since_earlier(had[key], has[key])}
    for name, rows in before.items():
        differ = sorted(str(key) for key in rows.keys() | after[name].keys() if rows.get(key) != after[name].get(key))
        require(not differ, "I11", f"rows of {name} differ after a rebuild: {', '.join(differ[:3])}")


def _is_since_earlier(had: Row, has: Row) -> bool:
    (first, last), (by_the_log, newest) = had, has
    assert isinstance(first, int) and isinstance(by_the_log, int)
    return first < by_the_log and last == newest


def _picks(store: Store, types: Mapping[str, TypeSpec], key: Key) -> bool:
    """Whether a slot reads one of two branches, as its test says."""
    node = _node(store, types, key)
    return node is not None and node.kind == "choose"


def hangs_on_reference(store: Store, types: Mapping[str, TypeSpec], key: Key) -> bool:
    """Whether a slot reads something through a reference, or what does: it is due since when that is."""
    row = store.row(ENTITY, key[:1])
    return row is not None and _reads_through(types[str(row[0])], str(key[1]))


def _reads_through(spec: TypeSpec, name: str) -> bool:
    inputs = spec.nodes[name].inputs if name in spec.nodes else ()
    return any(entry.ref or _reads_through(spec, entry.node) for entry in inputs)


def _node(store: Store, types: Mapping[str, TypeSpec], key: Key) -> NodeSpec | None:
    row = store.row(ENTITY, key[:1])
    return types[str(row[0])].nodes.get(str(key[1])) if row is not None else None


def _tables(store: Store) -> dict[str, dict[Key, Row]]:
    """Every row that the log determines: open attempts are of one engine's life."""
    return {table.name: dict(store.rows(table)) for table in TABLES if table is not ATTEMPT}
