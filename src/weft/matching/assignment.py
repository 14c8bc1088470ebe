"""The assignment: which id each element of an accepted list has, decided once, checked, and recorded.

In order: the id that the operation was given and returned, the declared key, then each declared matcher for what is
still open; what is left is new, and gets an id made from the slot, the accepting result and its place. A matcher's
verdicts are checked before any of them counts: one that gives an id twice, or one that there is not, is a named error,
and nothing of the list is assigned.

Knows nothing of stores, and of vectors only what they are near to.
Invariant: no two elements of one list have one id; replay reads what was recorded, and matches nothing.
Source: keyed reconciliation of lists (React); record linkage with recorded decisions.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from msgspec import Struct

from weft.collection import short_id
from weft.content import Plain, decode, encode
from weft.errors import WeftError, text_of
from weft.failure import is_ctrl_c
from weft.matching.known import Flag, Known
from weft.matching.matcher import Embedded, Match, Matcher, Merge, New, Old, Split, Unclear, Vector, Verdict

GIVEN = "given"
KEY = "key"
NEW = "new"


class KeyTwice(WeftError):
    """{slot} holds two elements whose {key} is {value!r}: a declared key names one element. Make the operation merge or
    tell apart what has the same {key}."""

    slot: str
    key: str
    value: object


class KeyMissing(WeftError):
    """{slot} holds an element without {key}, which is its declared key, at place {place}. Have the operation give it;
    where the key is a new one, declare a higher version of the operation."""

    slot: str
    key: str
    place: int


class IdTwice(WeftError):
    """{slot} holds two elements with the id {id}, at places {one} and {other}: an element that becomes two keeps its id
    in one of them. Leave the field {field} empty in the others; they get ids of their own."""

    slot: str
    id: str
    one: int
    other: int
    field: str


class IdNotGiven(WeftError):
    """{slot} holds an element with the id {id!r} at place {place}, and its operation was given no element with this
    id. Return ids as they came, and leave the field {field} empty in what is new."""

    slot: str
    id: str
    place: int
    field: str


class MatcherFailed(WeftError):
    """The elements of {slot} could not be told apart: the matcher {matcher} {why}. The list is kept in the log; mend
    the matcher, and retry the node."""

    slot: str
    matcher: str
    why: str


class DimensionChanged(WeftError):
    """The elements of {slot} could not be told apart: {service} gave vectors of {now} numbers, and of {before} before.
    Give back the model that made those, or let another say so in its fingerprint: then all texts are embedded anew. The
    list is kept in the log; retry the node then."""

    slot: str
    service: str
    before: int
    now: int


class Rule(NamedTuple):
    """How the elements of a list are told apart: the field that is their key, the field that holds their id ("" for
    none), and the matchers, in order."""

    key: str
    id_field: str = ""
    matchers: tuple[Matcher, ...] = ()

    @property
    def embedded(self) -> Embedded | None:
        """The matcher that wants vectors, if one does."""
        return next((one for one in self.matchers if isinstance(one, Embedded) and one.service), None)


class Decision(NamedTuple):
    """How an element came by its id: by what, with which score, and that of the runner-up."""

    id: str
    by: str
    score: float = 1.0
    second: float = 0.0


class Assignment(Struct, frozen=True):
    """One decision for each element, in order; what went into another (gone id, place, score); and flags by id."""

    decisions: tuple[Decision, ...]
    merged: tuple[tuple[str, int, float], ...] = ()
    flags: tuple[tuple[str, Flag], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The elements' ids, in order."""
        return tuple(decision.id for decision in self.decisions)

    def plain(self) -> dict[str, Plain]:
        """As the record keeps it."""
        said: dict[str, Plain] = {"decided": [list(decision) for decision in self.decisions]}
        if self.merged:
            said["merged"] = [list(one) for one in self.merged]
        if self.flags:
            said["flags"] = [[id, *flag] for id, flag in self.flags]
        return said


def assignment_of_plain(said: Mapping[str, Plain]) -> Assignment:
    """The assignment that a record keeps."""
    parts: list[list[list[Plain]]] = []
    for name in ("decided", "merged", "flags"):
        listed = said.get(name) or []
        assert isinstance(listed, list)
        parts.append([entry for entry in listed if isinstance(entry, list)])
    decided, merged, flags = parts
    return Assignment(
        tuple(Decision(*entry) for entry in decided),  # type: ignore[arg-type]
        tuple((str(entry[0]), int(entry[1]), float(entry[2])) for entry in merged),  # type: ignore[arg-type]
        tuple((str(entry[0]), Flag(*entry[1:])) for entry in flags),  # type: ignore[arg-type]
    )


def assign(
    slot: Sequence[str],
    rule: Rule,
    elements: Sequence[Plain],
    known: Sequence[Known],
    *,
    given: Collection[str] = (),
    accepted_by: str,
    at: int = 0,
    old_vectors: Mapping[str, Vector] | None = None,
    new_vectors: Mapping[int, Vector] | None = None,
) -> Assignment:
    """Ids for the elements of a list. `slot`: entity, node, element; `known`: every element it ever had; `given`: the
    ids that the operation's inputs held; vectors by id and by place.

    Raises `KeyTwice`, `KeyMissing`, `IdTwice`, `IdNotGiven` (the operation's doing), and `MatcherFailed`."""
    found = _Assigning(".".join(part for part in slot if part), rule, elements, known, at)
    found.take_given(given)
    found.take_keys()
    for matcher in rule.matchers:
        found.take_verdicts(matcher, old_vectors or {}, new_vectors or {})
    return found.assignment(slot, accepted_by)


@contextmanager
def naming(slot: str, matcher: Matcher | Embedded) -> Iterator[None]:
    """Raise `MatcherFailed` for whatever a matcher raises, SystemExit too, but for a Ctrl-C."""
    try:
        yield
    except MatcherFailed:
        raise
    except BaseException as why:
        if is_ctrl_c(why):
            raise
        said = f"raised {type(why).__name__}: {text_of(why)}"
        raise MatcherFailed(slot=slot, matcher=_name_of(matcher), why=said) from why


def _name_of(matcher: object) -> str:
    """What a matcher is called, also where it cannot say."""
    try:
        return str(getattr(matcher, "name", type(matcher).__name__))
    except BaseException as why:
        if is_ctrl_c(why):
            raise
        return type(matcher).__name__


class _Assigning:
    """One list on its way to ids."""

    def __init__(self, slot: str, rule: Rule, elements: Sequence[Plain], known: Sequence[Known], at: int) -> None:
        self.slot, self.rule, self.at = slot, rule, at
        self.values = [self._keyed(element, place) for place, element in enumerate(elements)]
        self.keys = self._keys()
        self.known = {one.id: one for one in known}
        self.place_of: dict[str, int] = {}
        self.decided: dict[int, Decision] = {}
        self.merged: dict[str, tuple[int, float]] = {}
        self.flags: list[tuple[str, Flag]] = []
        self.of_places: list[tuple[int, Flag]] = []
        """Flags for elements whose ids are not known yet."""

    def _keyed(self, element: Plain, place: int) -> dict[str, Plain]:
        if not isinstance(element, dict) or self.rule.key not in element:
            raise KeyMissing(slot=self.slot, key=self.rule.key, place=place)
        return element

    def _keys(self) -> list[bytes]:
        keys: dict[bytes, None] = {}
        for value in self.values:
            key = encode(value[self.rule.key])
            if key in keys:
                raise KeyTwice(slot=self.slot, key=self.rule.key, value=value[self.rule.key])
            keys[key] = None
        return list(keys)

    def _take(self, place: int, decision: Decision) -> None:
        self.decided[place] = decision
        self.place_of[decision.id] = place

    # ---- what the operation says ----
    def take_given(self, given: Collection[str]) -> None:
        """Ids that came back, each checked."""
        field = self.rule.id_field
        for place, value in enumerate(self.values) if field else ():
            id = value.get(field)
            if id is None or id == "":
                continue
            if not isinstance(id, str) or (id not in given and id not in self.known):
                raise IdNotGiven(slot=self.slot, id=str(id), place=place, field=field)
            if id in self.place_of:
                raise IdTwice(slot=self.slot, id=id, one=self.place_of[id], other=place, field=field)
            self._take(place, Decision(id, GIVEN))

    def take_keys(self) -> None:
        """Elements whose key was there: that of a living one first, else that of one that had gone."""
        by_key: dict[bytes, str] = {}
        for one in sorted(self.known.values(), key=lambda one: (one.is_alive, one.id)):
            by_key[one.key] = one.id
        for place, key in enumerate(self.keys):
            id = by_key.get(key)
            if id is not None and place not in self.decided and id not in self.place_of:
                self._take(place, Decision(id, KEY))

    # ---- what matchers say ----
    def take_verdicts(
        self, matcher: Matcher, old_vectors: Mapping[str, Vector], new_vectors: Mapping[int, Vector]
    ) -> None:
        """A matcher's verdicts on what is still open, all checked before the first counts."""
        if len(self.decided) == len(self.values) and not any(self._vanished()):
            return
        olds = [
            Old(
                one.id,
                _value(one.last),
                one.is_alive,
                self.place_of.get(one.id),
                old_vectors.get(one.id),
                one.alias,
                _value(one.former) if one.former else None,
            )
            for one in self.known.values()
        ]
        news = [New(place, value, self._id(place), new_vectors.get(place)) for place, value in enumerate(self.values)]
        with naming(self.slot, matcher):
            verdicts = list(matcher.match(olds, news))
            name = matcher.name
        for matched in sorted(verdicts, key=lambda one: not isinstance(one, Match)):
            with naming(self.slot, matcher):
                self._check(matcher, matched)
            self._follow(name, matched)

    def _vanished(self) -> list[Known]:
        return [one for one in self.known.values() if one.is_alive and one.id not in self.place_of]

    def _id(self, place: int) -> str | None:
        decision = self.decided.get(place)
        return decision.id if decision is not None else None

    def _check(self, matcher: Matcher, said: object) -> None:
        if not isinstance(said, Match | Merge | Split | Unclear):
            raise self._failed(matcher, f"returned {said!r}, which is no verdict")
        ids = said.ids if isinstance(said, Unclear) else (said.id,)
        for id in ids:
            if id not in self.known:
                raise self._failed(matcher, f"returned the id {id!r}, which it was never given")
        if not 0 <= said.place < len(self.values):
            raise self._failed(matcher, f"returned the place {said.place}, and the list has {len(self.values)}")
        if not 0 <= said.score <= 1 or not math.isfinite(said.score):
            raise self._failed(matcher, f"returned the score {said.score}, and scores lie between 0 and 1")
        if isinstance(said, Match):
            if said.id in self.place_of:
                raise self._failed(matcher, f"returned the id {said.id} twice, or for one that has it already")
            if said.place in self.decided:
                raise self._failed(matcher, f"matched the element at place {said.place}, which has its id already")
        if isinstance(said, Merge) and (said.id in self.place_of or said.id in self.merged):
            raise self._failed(matcher, f"merged {said.id}, which is there still or was merged before")

    def _failed(self, matcher: Matcher, why: str) -> MatcherFailed:
        return MatcherFailed(slot=self.slot, matcher=_name_of(matcher), why=why)

    def _follow(self, name: str, said: Verdict) -> None:
        match said:
            case Match(place, id, score, second, by):
                self._take(place, Decision(id, f"{name} ({by})" if by else name, score, second))
                if by == "split" and self.known[id].is_alive:
                    self.flags.append((id, Flag("split", self.at, "", score)))
            case Merge(id, place, score):
                if self.known[id].is_alive:
                    self.merged[id] = (place, score)
                    self.of_places.append((place, Flag("merged", self.at, id, score)))
            case Split(place, id, score):
                if not any(whose == id and flag.what == "split" for whose, flag in self.flags):
                    self.flags.append((id, Flag("split", self.at, "", score)))
                self.of_places.append((place, Flag("split off", self.at, id, score)))
            case Unclear(place, ids, score, _):
                self.of_places.extend((place, Flag("unclear", self.at, id, score)) for id in ids or ("",))

    # ---- what comes of it ----
    def assignment(self, slot: Sequence[str], accepted_by: str) -> Assignment:
        """The rest is new."""
        for place in range(len(self.values)):
            if place not in self.decided:
                self._take(place, Decision(short_id(*slot, accepted_by, place), NEW, 0.0))
        decisions = tuple(self.decided[place] for place in range(len(self.values)))
        flags = [*self.flags, *((decisions[place].id, flag) for place, flag in self.of_places)]
        for decision in decisions:
            before = self.known.get(decision.id)
            if before is not None and not before.is_alive:
                flags.append((decision.id, Flag("revived", self.at, before.alias, decision.score)))
        merged = tuple((id, place, score) for id, (place, score) in self.merged.items())
        return Assignment(decisions, merged, tuple(dict.fromkeys(flags)))


def _value(encoded: bytes) -> dict[str, Plain]:
    value = decode(encoded)
    assert isinstance(value, dict)
    return value


def next_known(
    before: Sequence[Known], elements: Sequence[tuple[str, bytes, bytes]], assignment: Assignment | None
) -> list[Known]:
    """The rows that differ once a list is accepted. `elements`: id, key and value of each, in order. Without an
    assignment (none was recorded) the rest of what is known stays as it is noted."""
    was = {one.id: one for one in before}
    now = _living_now(was, elements, assignment)
    now |= {id: one._replace(is_alive=False, alias="") for id, one in was.items() if one.is_alive and id not in now}
    if assignment is not None:
        _note(was, now, assignment)
    aliased = {one.alias for one in (was | now).values()}
    for id, one in now.items():
        if one.former and id not in aliased:
            now[id] = one._replace(former=b"")
    return [one for id, one in now.items() if was.get(id) != one]


def _living_now(
    was: Mapping[str, Known], elements: Sequence[tuple[str, bytes, bytes]], assignment: Assignment | None
) -> dict[str, Known]:
    decided = {one.id: one for one in assignment.decisions} if assignment is not None else {}
    now: dict[str, Known] = {}
    for id, key, last in elements:
        kept, decision = was.get(id), decided.get(id)
        by = kept.by if kept is not None else None
        if decision is not None:
            by = None if decision.by == KEY else (decision.by, decision.score, decision.second)
        now[id] = Known(id, key, True, last, "", by, *((kept.flags, kept.former) if kept is not None else ()))
    return now


def _note(was: Mapping[str, Known], now: dict[str, Known], assignment: Assignment) -> None:
    """Aliases, what their heirs were before, and flags."""
    ids = assignment.ids
    for id, place, _ in assignment.merged:
        heir = ids[place]
        if id in now and not now[id].is_alive:
            now[id] = now[id]._replace(alias=heir)
            if heir in was and not now[heir].former:
                now[heir] = now[heir]._replace(former=was[heir].last)
    for id, flag in assignment.flags:
        if id in now:
            now[id] = now[id].flagged(flag)
