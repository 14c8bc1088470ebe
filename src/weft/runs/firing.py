"""Firing: what the open batch fired is told in that batch, so that neither is ever kept without the other.

Knows nothing of what becomes of a firing.
Invariant: what a batch fires is told in it once, as caused by the records that fired it, and deeper than they are.
Source: the transactional outbox.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from typing import cast

from weft.content import Plain
from weft.engine import Engine
from weft.failure import message_of
from weft.flow_spec import Firing
from weft.folding import TooDeep, event_id, event_plain
from weft.graph import ToldNode
from weft.store import entry_at
from weft.told_runs import RunsCell
from weft.written_result import parse_result

_log = logging.getLogger("weft")
ACTOR = "weft"
"""Who says that something fired."""
_BEGIN_SLICES = ("begin", "done", "stop")
"""What events say first that tell what a run did."""


def tell_fired(engine: Engine) -> list[Firing]:
    """Tell what was fired since that was last told, one event for each record that did; returns those that go on. What
    is too deep in a chain of causes is refused, which is on record, and goes no further."""
    fired, engine.fired = engine.fired, []
    by_cause: dict[int, list[Firing]] = {}
    for one in fired:
        by_cause.setdefault(one.cause, []).append(one)
    told: list[Firing] = []
    for cause, firings in by_cause.items():
        intents: list[Plain] = [one.intent() for one in firings] + _born(engine, cause, firings)
        id, depth = event_id(ACTOR, f"fired at {cause}"), depth_at(engine, cause) + 1
        event = event_plain(id, intents, actor=ACTOR, base=engine.cut, time=engine.now(), cause=cause, depth=depth)
        try:
            engine.tell(event)
        except TooDeep as why:
            _log.error("%s", why)
            _skip(engine, cause, firings, message_of(why))
        else:
            told += firings
    return told


def _skip(engine: Engine, cause: int, firings: list[Firing], why: str) -> None:
    """Tell of runs that never begin, so that whoever waits for them hears why. What that fires in its turn goes no
    further."""
    if any(intent[2:5:2] == ["end", "skipped"] for intent in _intents(engine, cause)):
        return
    intents: list[Plain] = []
    for one in [one for one in firings if not one.is_new]:
        intents += [one.intent(), [one.entity, one.flow, "end", one.run, "skipped", why]]
    id, depth = event_id(ACTOR, f"too deep at {cause}"), depth_at(engine, cause)
    engine.tell(event_plain(id, intents, actor=ACTOR, base=engine.cut, time=engine.now(), cause=cause, depth=depth))


def _intents(engine: Engine, position: int) -> list[list[Plain]]:
    """What the record at a position says, if it is an event."""
    return cast("list[list[Plain]]", _said(engine, position).get("intents") or [])


def _born(engine: Engine, cause: int, firings: list[Firing]) -> list[Plain]:
    """What is told of the run whose creating entities fired some of these: they are its children."""
    intents = _intents(engine, cause)
    if not intents or intents[0][2] not in _BEGIN_SLICES:
        return []
    entity, flow, _, run, *_ = intents[0]
    node = engine.node(str(entity), str(flow))
    cell = node.cell if isinstance(node, ToldNode) else None
    if not isinstance(cell, RunsCell) or str(run) not in cell.runs or cell.runs[str(run)].ending:
        return []
    created = {intent[0] for intent in intents if intent[2] == "create"}
    born: list[Plain] = [[one.entity, one.flow, one.run] for one in firings if one.entity in created and not one.is_new]
    return [[entity, flow, "bear", run, child] for child in born]


def depth_at(engine: Engine, position: int) -> int:
    """How deep in a chain of causes the record at a position stands; a result is as deep as what it was made at."""
    while True:
        said = _said(engine, position)
        depth, at = said.get("depth"), said.get("at")
        if isinstance(depth, int):
            return depth
        if "intents" in said or not isinstance(at, int) or at >= position:
            return 0
        position = at


def actor_of(engine: Engine, position: int) -> str:
    """Who told the record at a position; of a result, who told what it was made at."""
    while True:
        said = _said(engine, position)
        actor, at = said.get("actor"), said.get("at")
        if isinstance(actor, str):
            return actor
        if not isinstance(at, int) or at >= position:
            return ""
        position = at


def _said(engine: Engine, position: int) -> dict[str, Plain]:
    """What a record says, in the open batch or kept."""
    behind = position - engine.head.position - 1
    if 0 <= behind < len(engine.results):
        return parse_result(engine.results[behind])
    records = engine.batch.records  # they stand in the order of their positions, and may be many
    at = bisect_left(records, position, key=lambda record: record.position)
    if at < len(records) and records[at].position - records[at].span < position:
        return next(entry.said for entry in records[at].entries() if entry.position == position)
    found = entry_at(engine.store, position)
    return {} if found is None else found.said
