"""Which slots should be due, from which cut on, and until when: what each record of the log does to due rows.

A told record makes due who reads directly what it changes. A result clears its slot's own row if nothing newer asked
for it, else has it begin behind its cut; where it shows something else, and only there, it makes its direct readers
due. Whoever is made due takes along what was unsettled below it. The rows of an engine are held against that after each
turn, and all of them when another begins. Where the rules leave something open (which branch of a `choose` is read,
since when a reference is, what becomes of an element that moves) a row may be one of several, within bounds.

Knows nothing of engines, stores' insides or values.
Invariant: a row that differs from all that are allowed raises `RuleBroken`; what was seen is what is gone on from.
Source: the model of Weft's results; refinement mappings, checked step by step.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.content import Link, Plain
from weft.record import COMPUTED, Record
from weft.reduce import element_identity
from weft.slot import SlotKey
from weft.store import DUE, Store
from weft.testing.allowed_rows import AllowedRows
from weft.testing.computed import Computed
from weft.testing.graph_plan import UNTAGGED
from weft.testing.plain_fold import Place, Pointed, State
from weft.testing.reference import Reference
from weft.testing.row_bounds import NEVER, NO_ROW, Bounds, settled
from weft.testing.wired import Reading, Wiring

_UNKNOWN = ("unknown",)
_GONE = ("gone",)


class DueRows(AllowedRows):
    """The due rows of one space, through all the lives of its engines."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(Wiring({}, reference.plans, 0))
        self.reference = reference
        self._shown: dict[SlotKey, tuple[object, ...]] = {}
        self._made_at: dict[SlotKey, int] = {}
        """As of which cut that is."""
        self._state: State = {}
        self._epoch = 0
        self._is_whole = self._has_forgotten = False

    # ---- the log ----
    def begin_life(self) -> None:
        """An engine that begins reads every row."""
        self._is_whole = True

    def read(self, records: Iterable[tuple[Record, Iterable[Computed]]]) -> None:
        """Take in what was appended, with the results of each record; the reference has read it already."""
        for record, results in records:
            self._least.clear()
            if record.epoch != self._epoch:  # another engine, which knows no more of when references were told
                self._epoch = record.epoch
                self._since.clear()
            if record.kind != COMPUTED:
                self._read_told(record)
            for result in results:
                self._read_result(result)

    def _read_told(self, record: Record) -> None:
        cut = self._newest = record.position
        before, self._state = self._state, self.reference.state(cut)
        match record.kind:
            case "event":
                said = record.content()
                intents = [one for one in _list(said["intents"]) if isinstance(one, list)] if said else []
                self._read_event(intents, before, cut)
            case "definition":
                self._read_definition(str(record.content()["name"]), cut)
            case "service":
                self._let_go()
            case "erased" if not record.content()["stands"]:
                self._since.clear()
                self._is_whole = True
            case "erased":
                self._let_go()
                self._has_forgotten = True
                self._shown.clear()
                self._made_at.clear()
                self._elements.clear()
                self._wire(cut)

    def _let_go(self) -> None:
        """Of what this turn does to rows nothing is known; they are looked at as they are after it."""
        self._is_wild = True
        self._open.clear()

    def _wire(self, cut: int) -> None:
        self._wiring = Wiring(self._state, self.reference.plans, cut)
        self._least.clear()

    # ---- T1 ----
    def _read_event(self, intents: list[list[Plain]], before: State, cut: int) -> None:
        created = {str(one[0]) for one in intents if one[2] == "create"}
        pointed = {
            (str(one[0]), str(one[1])) for one in intents
            if one[2] == "set" and one[1] in ("to", "of", "next") and str(one[0]) not in created
        }  # fmt: skip
        moved = [place for place in sorted(pointed) if _cell(before, place) != _cell(self._state, place)]
        for place in moved:
            self._point(place, cut)
        if created or moved:
            self._wire(cut)
        for place in moved:
            self._point(place, cut)  # also who reads through it from now on
            self._since[place] = cut
        for entity in sorted(created):
            self._create(entity, cut)
        told = dict.fromkeys((str(one[0]), str(one[1]), str(one[2])) for one in intents)
        for entity, node, verb in told:
            if entity not in created and verb != "create" and (entity, node) not in pointed:
                self._tell((entity, node), verb, before, cut)
        for one in intents:
            if one[2] == "retry":
                key = SlotKey(str(one[0]), str(one[1]), str(one[3]))
                self._make_due(key, cut, cut, is_sure=key in self._shown and key not in self._buried)

    def _create(self, entity: str, cut: int) -> None:
        self._created[entity] = cut
        for place in self._wiring.plans:
            if place[0] == entity and self._wiring.is_each(place):
                self._loosen(place, cut, cut)
            elif place[0] == entity:
                self._make_due(SlotKey(*place), cut, cut)

    def _point(self, ref: Place, cut: int) -> None:
        for place in self._wiring.through.get(ref, ()):
            if self._wiring.is_each(place):
                self._loosen(place, cut, cut)
                self._spread(place, cut, is_sure=False)
            else:
                self._make_due(SlotKey(*place), cut, cut)

    def _tell(self, place: Place, verb: str, before: State, cut: int) -> None:
        if place[0] not in self._state or verb == "retry":
            return
        if verb == "tell":
            place = (place[0], "heap")
        was, now = before.get(place[0]), self._state[place[0]]
        if place[1] == "xs":
            order = was.order if was is not None else ()
            self._spread(place, cut, is_sure=order != now.order)
            came = [element_identity(value, None) for value in now.order if value not in order]
            for reading, _ in self._wiring.above(place) if came else ():
                if reading.number == 0 and self._wiring.is_each(reading.reader):
                    for element in came:
                        self._make_due(SlotKey(*reading.reader, element), cut, self._latest(cut, reading, True))
            return
        shown = [self.reference.value(*place, at) for at in (cut - 1, cut)]
        self._spread(place, cut, is_sure=shown[0] != shown[1])

    # ---- definitions ----
    def _read_definition(self, type: str, cut: int) -> None:
        """A changed node's slot is due from no later a cut on; of all else nothing is said."""
        former = self._wiring.plans
        self._wire(cut)
        self._let_go()
        self._since.clear()
        self._elements.clear()
        for key in [key for key in self._shown if key[:2] not in self._wiring.plans]:
            del self._shown[key]
            self._made_at.pop(key, None)
        for place, plan in self._wiring.plans.items():
            was = former.get(place)
            if self._state[place[0]].type == type and was is not None and not self._wiring.is_each(place):
                is_another = (was.kind, was.reads, was.version) != (plan.kind, plan.reads, plan.version)
                if is_another or (was.tag != plan.tag and plan.kind not in UNTAGGED):
                    self._open[SlotKey(*place)] = frozenset({Bounds(0, cut, cut, cut)})

    # ---- T3 ----
    def _read_result(self, result: Computed) -> None:
        key, at = result.slot, result.at
        place = key[:2]
        if result.how == "removed":
            self._bury(key, at)
            return
        if result.superseded or place not in self._wiring.plans:
            return
        old = self._shown.get(key, _UNKNOWN if self._has_forgotten else None)
        new = _seen(result.outcome)
        has_row = key in self._open or key in self.rows
        is_buried = key in self._buried
        if is_buried and place not in self._loose and not has_row:
            return  # it is not there any more
        # After an erasure it may be no element of its list any more, by what stands.
        is_sure = not is_buried and (not self._has_forgotten or self._is_there(key) or has_row)
        self._least.clear()
        had = self._allowed(key)
        if new != old or result.is_error:
            known = is_sure and new != old and _UNKNOWN not in (old, new)
            self._spread(place, at, is_sure=known, element=key.element)
        self._shown[key] = new if is_sure else _UNKNOWN
        if key.element and is_sure:
            self._elements.setdefault(place, {})[key.element] = None
        is_stale = result.is_stale or self._is_given_other(result)
        after = settled(had, at, is_stale=is_stale, is_final=result.is_final)
        self._put(key, after if is_sure else after | had)
        if is_sure:
            self._made_at[key] = at
        rows = [row for row in had if row is not None]
        if rows and min(row.first_min for row in rows) < at:
            self._least.clear()
            is_told = is_sure and all(row.first_max < at for row in rows) and len(rows) == len(had)
            is_told = is_told and (None not in after or self._first_min(place) == NEVER)
            firsts = min(row.first_min for row in rows), max(row.first_max for row in rows)
            self._hold_marks(key, firsts, at, is_told=is_told)

    def _is_there(self, key: SlotKey) -> bool:
        return not key.element or key.element in self._elements.get(key[:2], ())

    def _is_given_other(self, result: Computed) -> bool:
        """Whether what it was given, by the record, is not what is shown by now."""
        if self._wiring.plans[result.slot[:2]].kind in ("told", "live"):
            return False
        shown = [
            (self._shown.get(SlotKey(entity, node, element)), content)
            for entity, node, element, content in result.given
            if bool(element) == self._wiring.is_each((entity, node))
        ]
        return any(
            now is not None and now[0] != content
            for now, content in shown
            if isinstance(content, bytes) and now is not _UNKNOWN and now is not _GONE
        )

    def _bury(self, key: SlotKey, at: int) -> None:
        place = key[:2]
        self._least.clear()
        self._spread(place, at, is_sure=True, element=key.element)
        self._buried.add(key)
        self._elements.get(place, {}).pop(key.element, None)
        self._shown[key] = _GONE
        self._open[key] = NO_ROW  # also where nothing is known of other rows: a tombstone leaves none

    def _hold_marks(self, settled: SlotKey, first: tuple[int, int], at: int, *, is_told: bool) -> None:
        """It is right at `at`, and was perhaps not right since its row began: nor is what reads it beside others, be
        it through what has become current with it. `is_told`: whoever reads it hears of that for sure."""
        place = settled[:2]
        todo, seen = [(place, first[1])], {place}
        while todo:
            node, most = todo.pop()
            for reading, is_through in self._wiring.above(node):
                here = max(most, self._latest(0, reading, is_through))
                keys = [key for key in self._keys_of(reading.reader) if None in self._allowed(key)]
                for key in keys:
                    unsettled = self._first_max(key)
                    row = Bounds(min(first[0], self._first_min(key[:2])), min(here, unsettled), at, at)
                    is_sure = is_told and node == place and not is_through and self._wiring.is_certain(reading)
                    is_sure = is_sure and unsettled < NEVER and self._made_at.get(key, at) < at
                    if not reading.number and self._wiring.is_each(reading.reader):
                        is_sure = is_sure and key.element == settled.element  # the others read other elements
                    before = frozenset() if is_sure and self._allowed(key) == NO_ROW else self._allowed(key)
                    self._put(key, before | {row})
                if self._wiring.is_each(reading.reader):
                    self._loosen(reading.reader, at, at, first[0])
                if keys and reading.reader not in seen:
                    seen.add(reading.reader)
                    todo.append((reading.reader, here))

    # ---- who is made due ----
    def _spread(self, place: Place, cut: int, *, is_sure: bool, element: str = "") -> None:
        """What a place shows is another: so its direct readers are due."""
        for reading, is_through in self._wiring.above(place):
            until = self._latest(cut, reading, is_through)
            is_known = (
                is_sure and not is_through and (self._wiring.is_certain(reading) or self._is_of(reading, element))
            )
            if not self._wiring.is_each(reading.reader):
                self._make_due(SlotKey(*reading.reader), cut, until, is_sure=is_known)
                continue
            own = self._elements.get(reading.reader, {})
            if reading.number:
                for one in own:
                    self._make_due(SlotKey(*reading.reader, one), cut, until, is_sure=is_known)
            elif element in own and self._wiring.is_each(place):
                self._make_due(SlotKey(*reading.reader, element), cut, until, is_sure=is_known)
            self._loosen(reading.reader, cut, until)

    def _is_of(self, reading: Reading, element: str) -> bool:
        """Whether it is pinned to that element, which has a slot."""
        target = _cell(self._state, reading.edge) if reading.is_pinned else None
        is_it = isinstance(target, Pointed) and target.element == element
        return is_it and element in self._elements.get(reading.target, ())

    # ---- what an engine has ----
    def check(self, store: Store, touched: Iterable[SlotKey]) -> None:
        """Hold its rows against those that are allowed, and go on from them. Raises `RuleBroken`."""
        is_all = self._is_whole or self._is_wild
        there = {SlotKey(*map(str, key)): (int(row[0]), int(row[1])) for key, row in store.rows(DUE)} if is_all else {}  # type: ignore[arg-type]
        keys = dict.fromkeys([*touched, *self._open, *(self.rows if is_all else ()), *there])
        for key in keys:
            if is_all:
                row = there.get(key)
            else:
                found = store.row(DUE, key)
                row = (int(found[0]), int(found[1])) if found is not None else None  # type: ignore[arg-type]
            if not self._is_wild or key in self._open:
                self.checked += 1
                self._check_row(key, row)
            self._take(key, row)
        self._open.clear()
        self._loose.clear()
        self._is_whole = self._is_wild = False


def _seen(outcome: dict[str, Plain]) -> tuple[object, ...]:
    """An outcome, as those who read it tell it from others."""
    if "ok" in outcome:
        content, ids = outcome["ok"], outcome.get("ids")
        assert isinstance(content, Link)
        return (bytes(content.cid), tuple(_list(ids)) if ids is not None else None)
    if "error" in outcome:
        return (outcome["error"], outcome["message"], outcome["origin"])
    return _GONE


def _cell(state: State, place: Place) -> object:
    told = state.get(place[0])
    return told.cells.get(place[1]) if told is not None else None


def _list(said: Plain) -> list[Plain]:
    assert isinstance(said, list)
    return said
