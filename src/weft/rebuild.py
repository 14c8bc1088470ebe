"""Rebuilding: every table made again from the log, by playing its records through the engine.

Nothing is run: results are taken from their records. What a user's own folds hold can only be made again where their
code is; without it their rows are kept as they were, where they can still be read, and named.

Knows nothing of files or commands. Invariant: the log is only read; until the last batch is in, no engine takes the
tables for whole.
Source: event sourcing's projections, made anew from position 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weft.engine import Engine
from weft.erased import replay_erased
from weft.errors import WeftError
from weft.record import COMPUTED, Record
from weft.spec import TypeSpec
from weft.standing import ERASED, stands_of
from weft.store import NEWEST, STATE, Batch, Key, Row, SpaceDamaged, Store

RECORDS_PER_BATCH = 500

FoldRows = dict[tuple[str, str], list[tuple[Key, Row]]]
"""The rows of folds, by entity and node."""


class RecordUnplayable(WeftError):
    """Record {position} of {path} cannot be played again: {why}. The tables are not whole now; mend that, and run
    `weft doctor {path} --rebuild` again. The log itself was not touched."""

    exit_code = 4
    path: str
    position: int
    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was done: how many records were played, and the folds (ENTITY.NODE) whose code was missing: those whose
    rows were `kept` as they were, and those that are `lost` until they are rebuilt with their code."""

    records: int
    kept: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def rebuild(
    store: Store,
    *,
    epoch: int,
    types: Mapping[str, TypeSpec] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Rebuilt:
    """Make every table anew. `epoch`: of the lease, which the caller holds. `types`: with code, for folds of one's own.
    O(log). Raises `RecordUnplayable`, `Fenced`, `StoreFailed`, `SpaceDamaged` for a damaged log."""
    newest = store.head().position
    folds, erased = _read_ahead(store)
    store.clear(epoch=epoch)
    engine = Engine(store, epoch=epoch, types=types or {}, now=lambda: "", replaying=True)
    for number, record in enumerate(store.records(), 1):
        if record.payload is None and record.kind != COMPUTED and record.position not in erased:
            raise RecordUnplayable(path=str(store.path), position=record.position, why="what it says is not there")
        _play(engine, record, str(store.path))
        if number % RECORDS_PER_BATCH == 0:
            engine.commit()
            on_progress(record.position, newest)
    assert engine.head == store.head(), "the log was played to its end"
    kept, lost = _restore(engine.batch, engine.unfolded, folds)
    if newest:
        engine.batch.put(NEWEST, ("told",), (engine.cut,))
    engine.commit()
    on_progress(newest, newest)
    return Rebuilt(newest, kept, lost)


def _play(engine: Engine, record: Record, path: str) -> None:
    try:
        replay_erased(engine, record) if record.kind == ERASED else engine.replay(record)
    except (WeftError, AssertionError, KeyError, ValueError, TypeError) as why:
        said = str(why) or type(why).__name__
        raise RecordUnplayable(path=path, position=record.position, why=said) from why


def _read_ahead(store: Store) -> tuple[FoldRows, set[int]]:
    """The rows of every fold of one's own, as far as they can be read: entities and folds by what the log says; and
    the positions whose payloads it says were erased."""
    folds: dict[str, set[str]] = {}
    rows: FoldRows = {}
    erased: set[int] = set()
    for record in store.records():
        said = record.content() if record.kind in ("definition", "event", ERASED) else {}
        erased |= {position for position, standing in stands_of(said).items() if standing is None}
        nodes, intents = said.get("nodes"), said.get("intents")
        for entry in nodes if isinstance(nodes, list) else ():
            if isinstance(entry, list) and isinstance(entry[1], dict) and entry[1].get("kind") == "fold":
                folds.setdefault(str(said["name"]), set()).add(str(entry[0]))
        for intent in intents if isinstance(intents, list) else ():
            if isinstance(intent, list) and intent[2] == "create":
                for node in folds.get(str(intent[3]), ()):
                    rows[str(intent[0]), node] = _readable(store, str(intent[0]), node)
    return rows, erased


def _readable(store: Store, entity: str, node: str) -> list[tuple[Key, Row]]:
    try:
        return list(store.rows(STATE, (entity, node)))
    except SpaceDamaged:
        return []


def _restore(batch: Batch, unfolded: set[tuple[str, str]], folds: FoldRows) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kept: list[str] = []
    lost: list[str] = []
    for place in sorted(unfolded):
        (kept if folds.get(place) else lost).append(".".join(place))
        for key, row in folds.get(place, ()):
            batch.put(STATE, key, row)
    return tuple(kept), tuple(lost)
