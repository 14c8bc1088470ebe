"""What a program is given of a node's history: each moment with its value as today's types read it.

Knows nothing of how moments are found. Invariant: entries ascend by position.
Source: `git log -p` of one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weft.blob import Opener
from weft.declare import Node
from weft.engine import Engine
from weft.errors import Undecodable
from weft.expected import no_place
from weft.handle import Absent, Failed, Settled, State
from weft.past.as_of import AsOf
from weft.past.history import Moment, history
from weft.past.index import LogIndex
from weft.past.known import NotKept, Past
from weft.past.view import shape_then
from weft.slot import Err, Ok
from weft.value import Shape


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What a field or a node came to at one position of the log. Of what was told `actor` and `time` say by whom and
    when; of what was computed `at` is the cut, and `operation`, `version` and `took_us` say by what."""

    position: int
    state: State[object] | NotKept
    """`Settled` with the value, `Failed`, or `Absent`; `NotKept` where it was erased, or no type of today reads it."""
    how: str
    """`told`, `ran`, `reused`, `built in`, `passed on`, `removed` or `erased`."""
    element: str = ""
    """The id of the element that it was for, of an `each`."""
    at: int | None = None
    operation: str = ""
    version: str = ""
    took_us: int | None = None
    superseded: str = ""
    """Why it never came to be shown; empty where it did."""
    actor: str = ""
    time: str = ""
    due_from: int | None = None
    """The first position at which it was shown though it is not known to have been right any more; None where it always
    was, and of an `each`."""


def history_of(
    engine: Engine, place: tuple[str, str, str], index: LogIndex, *, open_blob: Opener
) -> tuple[HistoryEntry, ...]:
    """Every moment of an (entity, node, element) up to the newest record."""
    as_of = AsOf(engine, engine.head.position, index)
    return tuple(recorded(as_of, *place, open_blob=open_blob))


def told_place(of: object, node: Node[Any] | None) -> tuple[str, str, str]:
    """Where a told node of an entity is. Raises TypeError for what is neither."""
    id = getattr(of, "id", None)
    if node is None or not isinstance(id, str):
        raise no_place("space.history", of, told="space.history(entity, Type.node)")
    return id, node.name, ""


def recorded(as_of: AsOf, entity: str, node: str, element: str, *, open_blob: Opener) -> Iterator[HistoryEntry]:
    """Every moment of a node, or of one element of it, oldest first. As `history`."""
    spec = as_of.node(entity, node)
    shape = shape_then(as_of, entity, spec, element) if spec is not None else None
    of_one = shape_then(as_of, entity, spec, "one") if spec is not None and spec.kind == "each" else shape
    for moment in history(as_of, entity, node, element):
        yield _entry(moment, of_one if moment.element else shape, open_blob)


def _entry(moment: Moment, shape: Shape | None, open_blob: Opener) -> HistoryEntry:
    state = _state(moment.outcome, shape, open_blob)
    return HistoryEntry(
        moment.position, state, moment.how, moment.element, moment.at, moment.operation, moment.version,
        moment.took_us, moment.superseded, moment.actor, moment.time, moment.due_from,
    )  # fmt: skip


def _state(outcome: Past, shape: Shape | None, open_blob: Opener) -> State[object] | NotKept:
    match outcome:
        case NotKept():
            return outcome
        case Err(kind, message):
            return Failed(f"{kind}: {message}")
        case Ok():
            assert shape is not None
            try:
                return Settled(shape.decode(outcome.encoded, open_blob))
            except Undecodable as why:
                return NotKept(str(why))
        case _:
            return Absent()
