"""The due rows that are allowed at a moment: those that were seen last, and what a turn's records have made of them.

Knows nothing of records, engines or what slots show.
Invariant: what becomes of a row is looked at when a turn is over, and is exact from then on.
Source: refinement mappings, checked step by step; intervals for what the rules leave open.
"""

from __future__ import annotations

from weft.slot import SlotKey
from weft.testing.plain_fold import Place
from weft.testing.row_bounds import NEVER, Allowed, Bounds, exactly, fits, made_due, worded
from weft.testing.rule import RuleBroken
from weft.testing.wired import Reading, Wiring

RULE = "due rows"


class AllowedRows:
    """Rows by slot, as far as they are known, and who is unsettled since when by them."""

    def __init__(self, wiring: Wiring) -> None:
        self.checked = 0
        """How many rows were held against those that are allowed."""
        self.rows: dict[SlotKey, tuple[int, int]] = {}
        self._wiring = wiring
        self._open: dict[SlotKey, Allowed] = {}
        """What the rows may be that this turn's records speak of."""
        self._loose: dict[Place, Bounds] = {}
        """Nodes of which any element may have been made due, and the row that one without a row got by that."""
        self._at: dict[Place, dict[SlotKey, None]] = {}
        """The slots of each node that have a row, or may."""
        self._elements: dict[Place, dict[str, None]] = {}
        """Elements of which a slot is known to be there."""
        self._buried: set[SlotKey] = set()
        self._since: dict[Place, int] = {}
        """Where each reference was told last in this life."""
        self._created: dict[str, int] = {}
        """Where each entity was created: what runs over a list reads it from then on."""
        self._newest = 0
        self._is_wild = False
        """Whether rows are made of which the model says nothing."""
        self._least: dict[Place, int] = {}

    def _latest(self, cut: int, reading: Reading, is_through: bool) -> int:
        """The latest cut by which a change at `cut` may be heard there: from when on it is read."""
        if reading.is_pinned:
            return max(cut, self._newest)
        if is_through:
            return max([cut, *self._since.values(), *self._created.values()])
        return max(cut, self._read_since(reading))

    def _read_since(self, reading: Reading) -> int:
        """From which cut on an input is read, for all that can be known of it."""
        told = self._since.get(reading.edge, 0)
        is_run_over = bool(reading.ref) and reading.number == 0 and self._wiring.is_each(reading.reader)
        return max(told, self._created.get(reading.reader[0], 0)) if is_run_over else told

    def _loosen(self, place: Place, cut: int, until: int, first: int = NEVER) -> None:
        """Any element of a node may have been made due. `first`: a cut before which none was unsettled by that."""
        least = min(cut, first, self._first_min(place))
        had = self._loose.get(place, Bounds(least, until, cut, until))
        most = max(had.last_max, until)
        loose = Bounds(min(had.first_min, least), most, min(had.last_min, cut), most)
        if self._loose.get(place) != loose:
            self._loose[place] = loose
            self._least.clear()

    def _make_due(self, key: SlotKey, cut: int, until: int, *, is_sure: bool = True) -> None:
        if self._is_wild and key not in self._open:
            return
        allowed = self._allowed(key)
        least = most = NEVER
        if None in allowed:
            least, most = self._first_min(key[:2]), self._first_max(key)
        after = made_due(allowed, (cut, until), (least, most))
        self._put(key, after if is_sure else after | allowed)

    def _allowed(self, key: SlotKey) -> Allowed:
        found = self._open.get(key)
        known = found if found is not None else exactly(self.rows.get(key))
        loose = self._loose.get(key[:2])
        if loose is None or not key.element:
            return known
        return known | made_due(known, loose[2:], loose[:2])

    def _put(self, key: SlotKey, allowed: Allowed) -> None:
        if not self._is_wild or key in self._open:
            self._open[key] = allowed
            self._at.setdefault(key[:2], {})[key] = None

    def _keys_of(self, place: Place) -> list[SlotKey]:
        if not self._wiring.is_each(place):
            return [SlotKey(*place)]
        return [SlotKey(*place, element) for element in self._elements.get(place, ())]

    # ---- since when something is unsettled ----
    def _first_min(self, place: Place) -> int:
        """The earliest cut that anything at or below a place could be unsettled from."""
        known = self._least.get(place)
        if known is None:
            rows = [row for key in self._at.get(place, ()) for row in self._allowed(key) if row is not None]
            known = min((row.first_min for row in rows), default=NEVER)
            if place in self._loose:
                known = min(known, self._loose[place].first_min)
            for reading in self._wiring.needs.get(place, ()):
                known = min(known, self._first_min(reading.target))
            self._least[place] = known
        return known

    def _first_max(self, key: SlotKey) -> int:
        """The latest cut from which a slot is unsettled for sure; NEVER where it may be current."""
        most = self._row_max(key)
        for reading in self._wiring.needs.get(key[:2], ()):
            if self._wiring.is_certain(reading):
                is_one = key.element and reading.number == 0 and self._wiring.is_each(reading.target)
                below = SlotKey(*reading.target, key.element if is_one else "")
                most = min(most, max(self._below_max(below), self._read_since(reading)))
        return most

    def _below_max(self, key: SlotKey) -> int:
        place = key[:2]
        if key.element or not self._wiring.is_each(place):
            return self._first_max(key) if place in self._wiring.plans else NEVER
        most = min((self._row_max(one) for one in self._at.get(place, ())), default=NEVER)
        for reading in self._wiring.needs.get(place, ()):
            if reading.number == 0:
                most = min(most, max(self._below_max(SlotKey(*reading.target)), self._read_since(reading)))
        return most

    def _row_max(self, key: SlotKey) -> int:
        allowed = self._allowed(key)
        return NEVER if None in allowed else max(row.first_max for row in allowed if row is not None)

    # ---- what an engine has ----
    def _check_row(self, key: SlotKey, row: tuple[int, int] | None) -> None:
        allowed = self._allowed(key)
        if fits(row, allowed):
            return
        what = f"{key} has {worded(exactly(row))}, and should have {worded(allowed)}"
        raise RuleBroken(rule=RULE, what=what)

    def _take(self, key: SlotKey, row: tuple[int, int] | None) -> None:
        place = key[:2]
        if row is None:
            self.rows.pop(key, None)
            self._at.get(place, {}).pop(key, None)
            return
        self.rows[key] = row
        self._at.setdefault(place, {})[key] = None
        self._buried.discard(key)
