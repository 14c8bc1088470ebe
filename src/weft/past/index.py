"""Where in the log each thing was said: positions by slot and by field, found by bisection.

The log is read once, from its beginning; what came since is read at each further question. In memory it takes 8 bytes a
position and a dictionary entry an entity, slot or field.

Knows nothing of values. Invariant: every list of positions ascends, and holds none behind `until`.
Source: inverted indexes; the position lists of event stores' streams.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from weft.content import Plain
from weft.record import RESULT_KINDS, Entry
from weft.slot import SlotKey
from weft.standing import ERASED, stands_of
from weft.store import Log, entries_of


class Defined(NamedTuple):
    """A definition that came into force: its position, its nodes, and former names of those that were renamed."""

    position: int
    nodes: frozenset[str]
    former: Mapping[str, str]


class Offered(NamedTuple):
    """A service that came into force: its position, and whether all that uses it was to be computed anew."""

    position: int
    is_recomputed: bool


class Created(NamedTuple):
    """An entity that was told: its type, where it was created, and where it was erased; 0 where it was not."""

    type: str
    position: int
    erased: int = 0


class Span(NamedTuple):
    """Positions, `after` < position <= `until`, in which a node had this name."""

    name: str
    after: int
    until: int


@dataclass(slots=True)
class LogIndex:
    """Positions of the log. `read` brings it up to the log's end."""

    until: int = 0
    created: dict[str, Created] = field(default_factory=dict)
    """Entities by id, but for those whose creation is not known any more."""
    shown: dict[SlotKey, array[int]] = field(default_factory=dict)
    """Results and removals that came to be what a slot shows."""
    cuts: dict[SlotKey, array[int]] = field(default_factory=dict)
    """For which cut each of those was made; of one that was erased that of the one before it, as its own is lost."""
    superseded: dict[SlotKey, array[int]] = field(default_factory=dict)
    told: dict[tuple[str, str], array[int]] = field(default_factory=dict)
    """Events by (entity, node); under the node "" what is said of an entity as a whole."""
    retried: dict[tuple[str, str], array[int]] = field(default_factory=dict)
    """Of computed nodes: where it was told to try again."""
    defined: dict[str, list[Defined]] = field(default_factory=dict)
    offered: dict[str, list[Offered]] = field(default_factory=dict)
    """Services by name, each time that another one was put in force, or all was to be computed anew with it."""
    disturbed: array[int] = field(default_factory=lambda: array("q"))
    """Entries that may change what is computed from the same fields: definitions and services."""
    erased_told: array[int] = field(default_factory=lambda: array("q"))
    """Entries whose payload was erased: what they said, and of what, is not known."""
    erased_computed: array[int] = field(default_factory=lambda: array("q"))

    def read(self, log: Log) -> None:
        """Take in what the log holds by now. O(records since the last time)."""
        for entry in entries_of(log, self.until):
            self._take(entry)
            self.until = entry.position

    def _take(self, entry: Entry) -> None:
        said = entry.said
        if entry.kind == ERASED:
            self._bury(entry.position, said)
        elif entry.is_erased and entry.kind == "checked":
            return
        elif entry.is_erased and "slot" in said:
            self._show(said["slot"], entry.position, None)
        elif entry.is_erased:
            (self.erased_computed if entry.kind in RESULT_KINDS else self.erased_told).append(entry.position)
        elif entry.kind in RESULT_KINDS:
            if "superseded" in said:
                self._keep(self.superseded, said["slot"], entry.position)
            else:
                self._show(said["slot"], entry.position, said["at"])
        elif entry.kind == "event":
            self._tell(entry.position, said)
        elif entry.kind == "definition":
            self.disturbed.append(entry.position)
            self._define(entry.position, said)
        elif entry.kind == "service":
            self._offer(entry.position, said)

    def _bury(self, position: int, said: Mapping[str, Plain]) -> None:
        # What was erased is known to be of that entity, or of slots that it names: of nothing else.
        gone = stands_of(said)
        self.erased_told = array("q", [at for at in self.erased_told if at not in gone])
        if "created" in said:
            self._create(said["what"], said["type"], cast("int", said["created"]), position)

    def _tell(self, position: int, said: Mapping[str, Plain]) -> None:
        for place, is_retry in dict.fromkeys(_spoken_of(said)):
            kept = self.retried if is_retry else self.told
            kept.setdefault(place, array("q")).append(position)
        for entity, _, verb, *rest in cast("list[list[Plain]]", said["intents"]):
            if verb == "create":
                self._create(entity, rest[0], position)

    def _create(self, entity: Plain, type: Plain, position: int, erased: int = 0) -> None:
        self.created[str(entity)] = Created(sys.intern(str(type)), position, erased)

    def _offer(self, position: int, said: Mapping[str, Plain]) -> None:
        self.disturbed.append(position)
        self.offered.setdefault(str(said["name"]), []).append(Offered(position, bool(said["recompute"])))

    def _keep(self, kept: dict[SlotKey, array[int]], slot: Plain, position: int) -> SlotKey:
        assert isinstance(slot, list)
        key = SlotKey(*(str(part) for part in slot))
        kept.setdefault(key, array("q")).append(position)
        return key

    def _show(self, slot: Plain, position: int, at: Plain) -> None:
        cuts = self.cuts.setdefault(self._keep(self.shown, slot, position), array("q"))
        cuts.append(at if isinstance(at, int) else cuts[-1] if cuts else 0)

    def _define(self, position: int, said: Mapping[str, object]) -> None:
        nodes, renamed = said["nodes"], said.get("renamed", {})
        assert isinstance(nodes, list) and isinstance(renamed, dict)
        former = {str(new): str(old) for old, new in renamed.items()}
        names = frozenset(str(entry[0]) for entry in nodes)
        self.defined.setdefault(str(said["name"]), []).append(Defined(position, names, former))

    def spans(self, type: str, name: str, until: int, *, is_told: bool) -> Iterator[Span]:
        """The names that a node, called `name` at `until`, has had, newest first. What was computed for a node ends
        where a definition dropped it; what was told lasts."""
        for defined in reversed(self.defined.get(type, [])):
            if defined.position > until:
                continue
            if name not in defined.nodes and not is_told:
                yield Span(name, defined.position, until)
                return
            if name in defined.former:
                yield Span(name, defined.position, until)
                name, until = defined.former[name], defined.position
        yield Span(name, 0, until)

    def name_at(self, type: str, name: str, *, known_at: int, position: int) -> str:
        """The name at `position` of the node that is called `name` at `known_at`, before or after."""
        if position >= known_at:
            for defined in self.defined.get(type, []):
                if known_at < defined.position <= position:
                    name = next((new for new, old in defined.former.items() if old == name), name)
            return name
        for defined in reversed(self.defined.get(type, [])):
            if position < defined.position <= known_at:
                name = defined.former.get(name, name)
        return name


def last_within(positions: Sequence[int], after: int, until: int) -> int:
    """The last of ascending positions with `after` < position <= `until`, or 0. O(log n)."""
    place = bisect_right(positions, until)
    return positions[place - 1] if place and positions[place - 1] > after else 0


def first_within(positions: Sequence[int], after: int, until: int) -> int:
    """The first of ascending positions with `after` < position <= `until`, or 0. O(log n)."""
    place = bisect_right(positions, after)
    return positions[place] if place < len(positions) and positions[place] <= until else 0


def within(positions: Sequence[int], after: int, until: int) -> Sequence[int]:
    """The ascending positions with `after` < position <= `until`."""
    return positions[bisect_right(positions, after) : bisect_right(positions, until)]


def _spoken_of(said: Mapping[str, object]) -> Iterator[tuple[tuple[str, str], bool]]:
    """What an event speaks of, and whether it is told to try again."""
    intents = said.get("intents")
    for intent in intents if isinstance(intents, list) else ():
        assert isinstance(intent, list)
        yield (str(intent[0]), str(intent[1])), intent[2] == "retry"


def places_of(said: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What an event speaks of: (entity, node)."""
    intents = said.get("intents")
    for intent in intents if isinstance(intents, list) else ():
        assert isinstance(intent, list)
        yield str(intent[0]), str(intent[1])
