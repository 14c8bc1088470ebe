"""The history of one node: each result that was made for it, or each event that changed it, in the order of the log.

Knows nothing of what is printed. Invariant: moments ascend by position, and each says whether it came to be shown.
Source: `git log` of one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

from weft.content import Cid, Link, Plain, decode
from weft.graph import members_of
from weft.past.as_of import AsOf
from weft.past.index import within
from weft.past.known import NotKept, Past, content_key
from weft.past.right_then import RightThen
from weft.record import Entry
from weft.slot import Gone, Ok, SlotKey
from weft.spec import NodeSpec
from weft.store import NoBlob, entry_at


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry of a node's history. Of what was told `how` is `told`, and `actor` and `time` say by whom and when."""

    position: int
    how: str
    """`told`, `ran`, `reused`, `built in`, `passed on`, `removed`; `erased` where what was said is gone."""
    outcome: Past
    element: str = ""
    at: int | None = None
    """The cut that a result was made for."""
    operation: str = ""
    version: str = ""
    took_us: int | None = None
    superseded: str = ""
    """Why it never came to be shown; empty where it did."""
    actor: str = ""
    time: str = ""
    due_from: int | None = None
    """The first position at which it was shown though it is not known to have been right any more, as something was
    told that it is made from; None where there was none. Of an `each` and its elements it is not looked for."""


def history(as_of: AsOf, entity: str, name: str, element: str = "") -> Iterator[Moment]:
    """Every moment of a node, or of one element, up to the position of `as_of`. O(moments · log n), and O(log) when the
    index is first read."""
    spec, erased = as_of.node(entity, name), as_of.engine.erased_at(entity)
    if erased:
        yield Moment(erased, "erased", NotKept(f"it was erased at {erased}"))
        return
    if spec is None:
        return
    if spec.is_told:
        yield from _told(as_of, entity, spec, element)
    elif spec.kind == "each" or not element:
        moments = _computed(as_of, entity, spec, element)
        yield from moments if spec.kind == "each" else _with_due(as_of, entity, spec, list(moments))
    else:
        yield from _element(as_of, entity, spec, element)


# What was told -------------------------------------------------------------------------------------------------------


def _told(as_of: AsOf, entity: str, spec: NodeSpec, element: str) -> Iterator[Moment]:
    before: object = content_key(Gone())
    for step in as_of.told(entity, spec):
        if isinstance(step, NotKept):
            yield Moment(as_of.position, "erased", step)
            return
        position, cell = step
        outcome: Past = cell.outcome()
        if element:
            found = {member.element: member for member in members_of(spec, cell.outcome())}.get(element)
            outcome = Ok(found.content, found.encoded) if found is not None else Gone("it was removed")
        if content_key(outcome) != before:
            said = _said(as_of, position)
            yield Moment(position, "told", outcome, actor=str(said.get("actor", "?")), time=str(said.get("time", "?")))
        before = content_key(outcome)


def _said(as_of: AsOf, position: int) -> Mapping[str, Plain]:
    entry = entry_at(as_of.engine.store, position)
    return entry.said if entry is not None else {}


# What was computed ---------------------------------------------------------------------------------------------------


def _computed(as_of: AsOf, entity: str, spec: NodeSpec, element: str) -> Iterator[Moment]:
    """Results of a slot; of an `each` as a whole those of all its elements."""
    for position, slot in sorted(_positions(as_of, entity, spec, element)):
        entry = entry_at(as_of.engine.store, position)
        if entry is not None and not entry.is_erased:
            yield _moment(as_of, entry, entry.said, spec, "" if element else slot.element)
        else:
            other = "" if entry is not None and entry.said else "; it may have been of another node"
            said = f"what was recorded at {position} was erased{other}"
            yield Moment(position, "erased", NotKept(said))


def _positions(as_of: AsOf, entity: str, spec: NodeSpec, element: str) -> Iterator[tuple[int, SlotKey]]:
    index = as_of.index
    for name, after, until in index.spans(as_of.type_name(entity), spec.name, as_of.position, is_told=False):
        wanted = [SlotKey(entity, name, element)]
        if spec.kind == "each" and not element:
            wanted = [key for key in {**index.shown, **index.superseded} if key[:2] == (entity, name)]
        for key in wanted:
            for kept in (index.shown, index.superseded):
                yield from ((position, key) for position in within(kept.get(key, ()), after, until))
        yield from ((position, wanted[0]) for position in within(index.erased_computed, after, until) if wanted)


def _moment(as_of: AsOf, entry: Entry, said: Mapping[str, Plain], spec: NodeSpec, element: str) -> Moment:
    operation, version = _operation(as_of, said.get("key"), spec)
    took = said.get("took_us")
    try:
        outcome: Past = as_of.engine.outcome_of(said["outcome"])
    except NoBlob as lost:
        outcome = NotKept(str(lost))
    return Moment(
        entry.position,
        str(said.get("how", "removed")),
        outcome,
        element,
        cast("int", said["at"]),
        operation,
        version,
        took if isinstance(took, int) else None,
        str(said.get("superseded", "")),
    )


def _operation(as_of: AsOf, key: Plain, spec: NodeSpec) -> tuple[str, str]:
    """The operation and version: what the call key was made of; where no value was ever kept of it, the version that
    the definition in force then says."""
    if not isinstance(key, Link):
        return "", ""
    preimage = preimage_of(as_of, key.cid)
    if preimage is not None:
        return str(preimage[0]), str(preimage[1])
    return (spec.operation.name, spec.operation.version) if spec.operation is not None else ("", "")


def preimage_of(as_of: AsOf, key: Cid) -> list[Plain] | None:
    """What a call key was made of: operation, version, settings, services, inputs."""
    preimage = as_of.engine.preimage(key)
    return cast("list[Plain]", decode(preimage)) if preimage else None


def _with_due(as_of: AsOf, entity: str, spec: NodeSpec, moments: list[Moment]) -> Iterator[Moment]:
    """Each with where it began to be older than what it is made from."""
    shown = [moment for moment in moments if not moment.superseded and moment.at is not None]
    until = {one.position: later.position - 1 for one, later in pairwise(shown)}
    for moment in moments:
        last = until.get(moment.position, as_of.position)
        due_from = None if moment not in shown else _due_from(as_of, entity, spec, moment, last)
        yield moment if due_from is None else replace(moment, due_from=due_from)


def _due_from(as_of: AsOf, entity: str, spec: NodeSpec, moment: Moment, last: int) -> int | None:
    """The first position, up to the last at which a result was shown, at which something else was right, or it is not
    known what."""
    assert moment.at is not None
    then = RightThen(as_of.engine, last, as_of.index)
    name = then.name_at(entity, spec.name, known_at=as_of.position)
    for position in then.told_before.since(entity, name, moment.at):
        at = RightThen(as_of.engine, position, as_of.index)
        name = at.name_at(entity, spec.name, known_at=as_of.position)
        if content_key(at.known(entity, name)) != content_key(moment.outcome):
            return max(position, moment.position)
    return None


# One element of a list -----------------------------------------------------------------------------------------------


def _element(as_of: AsOf, entity: str, spec: NodeSpec, element: str) -> Iterator[Moment]:
    """The results of the whole list in which this element differs from what it was before."""
    before: object = None
    for moment in _computed(as_of, entity, spec, ""):
        outcome = moment.outcome
        if isinstance(outcome, Ok):
            found = next((one for one in members_of(spec, outcome) if one.element == element), None)
            outcome = Ok(found.content, found.encoded) if found is not None else Gone("it is not in the list")
        if moment.superseded or content_key(outcome) == before or (before is None and isinstance(outcome, Gone)):
            continue
        before = content_key(outcome)
        yield Moment(**{**{name: getattr(moment, name) for name in Moment.__slots__}, "outcome": outcome})
