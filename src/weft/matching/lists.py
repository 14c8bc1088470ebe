"""Lists with ids: what a list just made comes to, what a recorded one came to, and what is kept of its elements.

An operation may give back elements with the ids that it was given them under; where a class declares a field for that,
the accepted list holds every element's id there, and what the memo keeps is the list as it was made. A list whose
elements could not be told apart settles as an error beside the last good value, and is kept: as an alternative, where
the operation said something impossible, and as the call's result, where a matcher or its vectors failed, so that a
retry asks for those alone.

Knows nothing of stores and of the graph.
Invariant: `recorded` says of what `identified` made what was shown, what was made, and the assignment.
Source: record linkage with recorded decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from weft.content import Plain, content_id, decode, encode
from weft.errors import WeftError
from weft.failure import message_of
from weft.matching.assignment import (
    GIVEN,
    Assignment,
    DimensionChanged,
    MatcherFailed,
    Rule,
    assign,
    assignment_of_plain,
    naming,
    next_known,
)
from weft.matching.known import Known
from weft.matching.matcher import Vector
from weft.matching.vector import check_lengths, vectors_by
from weft.slot import Err, Ok, Outcome, SlotKey

UNMATCHED = frozenset({MatcherFailed.__name__, DimensionChanged.__name__, "VectorsMissing"})
"""Errors by which a list could not be matched, though its call came out well."""


class Identified(NamedTuple):
    """What a list comes to with its elements told apart: what is shown, what the call key came to (None: nothing that
    should be met again), and the assignment, where one was made or recorded."""

    outcome: Outcome
    made: Ok | None
    assignment: Assignment | None = None


def identified(
    slot: SlotKey,
    rule: Rule,
    made: Ok,
    known: Sequence[Known],
    *,
    given: frozenset[str],
    accepted_by: str,
    at: int,
    vectors: Mapping[str, bytes],
) -> Identified:
    """A list just made, with ids. `vectors`: packed, by text."""
    elements = decode(made.encoded)
    assert isinstance(elements, list)
    matcher = rule.embedded
    old_vectors: dict[str, Vector] = {}
    new_vectors: dict[int, Vector] = {}
    try:
        if matcher is not None:
            with naming(str(slot), matcher):
                old_vectors = vectors_by(matcher, {one.id: decode(one.last) for one in known}, vectors)
                new_vectors = vectors_by(matcher, dict(enumerate(elements)), vectors)
            check_lengths(str(slot), matcher.service, old_vectors.values(), new_vectors.values())
        found = assign(
            slot, rule, elements, known, given=given, accepted_by=accepted_by, at=at,
            old_vectors=old_vectors, new_vectors=new_vectors,
        )  # fmt: skip
    except WeftError as why:
        kind = type(why).__name__
        return Identified(Err(kind, message_of(why)), made if kind in UNMATCHED else None)
    if not rule.matchers and not rule.id_field:
        return Identified(Ok(made.content, made.encoded, found.ids), made)
    return Identified(_filled(made, elements, rule.id_field, found), made, found)


def _filled(made: Ok, elements: list[Plain], field: str, found: Assignment) -> Ok:
    """The list with each element's id in its field."""
    if not field:
        return Ok(made.content, made.encoded, found.ids)
    encoded = encode([_with(one, field, id) for one, id in zip(elements, found.ids, strict=True)])
    return Ok(content_id(encoded), encoded, found.ids)


def _with(element: Plain, field: str, id: str) -> Plain:
    return {**element, field: id} if isinstance(element, dict) else element


def has_keys(rule: Rule, made: Ok) -> bool:
    """Whether each element has the declared key: one from before the key was another has an id, and no key for it."""
    elements = decode(made.encoded)
    return isinstance(elements, list) and all(isinstance(one, dict) and rule.key in one for one in elements)


def recorded(rule: Rule, shown: Ok, said: Mapping[str, Plain] | None) -> Identified:
    """A list whose ids are recorded. What was made is what is shown, without the ids that were not given back."""
    found = assignment_of_plain(said) if said is not None else None
    if found is None or not rule.id_field:
        return Identified(shown, Ok(shown.content, shown.encoded), found)
    elements = decode(shown.encoded)
    assert isinstance(elements, list)
    ids = [one.id if one.by == GIVEN else "" for one in found.decisions]
    made = encode([_with(one, rule.id_field, id) for one, id in zip(elements, ids, strict=True)])
    return Identified(shown, Ok.of_bytes(made), found)


def changed_rows(
    rule: Rule, before: Sequence[Known], shown: Iterable[tuple[str, bytes]], assignment: Assignment | None
) -> list[Known]:
    """What is kept of the elements that a list shows and showed, where it is kept otherwise so far. `shown`: id and
    value of each, in order."""
    keyed: list[tuple[str, bytes, bytes]] = []
    for id, encoded in shown:
        value = decode(encoded)
        assert isinstance(value, dict)
        keyed.append((id, encode(value[rule.key]), encoded))
    return next_known(before, keyed, assignment)
