"""One event, acknowledged: through a space's public surface, by the store alone, and as plain SQL.

All three write the very same rows, record and all, in one durable transaction. The store adds checksums, the chain
check, the lease's epoch and the mark; the space adds the event's folding and the way to its engine's thread and back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import weft
from benchmarks.case import Case, Limit, seconds_each
from weft import Entity, Field, Space, field
from weft.content import Plain
from weft.definition import compile_type
from weft.engine import Engine
from weft.folding import event_id, event_plain
from weft.store import Batch
from weft.stores import schema as sql
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore

GROUP = "append of one event"
SAME_ROWS = "plain SQL, the same rows"
EVENTS = 50
NOW = "2026-01-01T00:00:00.000000Z"


class Note(Entity):
    """Nothing is computed from it."""

    told: Field[int] = field()


def cases(folder: Path) -> Iterator[Case]:
    """The same append, with ever less around it."""
    space = Noting(str(folder / "append.weft"))
    yield Case("a space", GROUP, "event", space.measure, ours=True, limit=Limit(2, SAME_ROWS), close=space.close)
    store = Appending(str(folder / "store.weft"))
    yield Case("the store alone", GROUP, "event", store.measure, close=store.close)
    plain = Inserting(str(folder / "rows.sqlite"))
    yield Case(SAME_ROWS, GROUP, "event", plain.measure, close=plain.close)


class Noting:
    """An open space with one entity, which is told one number after another."""

    def __init__(self, path: str) -> None:
        self.path, self.told = path, count(1)
        self.space: Space | None = None

    def measure(self) -> float:
        """Seconds an event."""
        if self.space is None:
            self.space = weft.open(self.path, types=(Note,))
            self.note = self.space.create(Note, told=0)
        return seconds_each(self._tell, EVENTS)

    def _tell(self) -> None:
        self.note.told = next(self.told)

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self.space is not None:
            self.space.close()


def batches(epoch: int) -> Iterator[Batch]:
    """What an engine writes for these events, one batch each; the first two define the type and make the entity."""
    store = MemoryStore()
    spec = compile_type(Note)
    store.acquire()
    engine = Engine(store, epoch=epoch, types={spec.name: spec}, now=lambda: NOW)
    engine.define(spec)
    id = "abcdefghijklmnopqrstuvwxyz"
    for told in count():
        yield engine.batch
        engine.commit()
        intents: list[Plain] = [[id, "told", "set", told]] if told else [[id, "", "create", spec.name]]
        event = event_plain(event_id("local", f"{told:032x}"), intents, actor="local", base=engine.cut, time=NOW)
        engine.tell(event)


class Appending:
    """A store, without an engine."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.store: SqliteStore | None = None

    def measure(self) -> float:
        """Seconds an event; the batches are made before."""
        if self.store is None:
            self.store = SqliteStore(self.path)
            self.epoch = self.store.acquire()
            self.batches = batches(self.epoch)
            self._append(next(self.batches))
            self._append(next(self.batches))
        ready = iter([next(self.batches) for _ in range(EVENTS)])
        return seconds_each(lambda: self._append(next(ready)), EVENTS)

    def _append(self, batch: Batch) -> None:
        assert self.store is not None
        self.store.append(batch, epoch=self.epoch)

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self.store is not None:
            self.store.close()


class Inserting:
    """The space's file as plain SQL: rows are bound as they are."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.database: sqlite3.Connection | None = None

    def measure(self) -> float:
        """Seconds an event; the rows are made before."""
        if self.database is None:
            sql.fill(self.path, sql.SCHEMA)
            self.database = sqlite3.connect(self.path, isolation_level=None)
            self.database.execute("PRAGMA synchronous = FULL")
            self.batches = batches(1)
            self._commit(self._rows(next(self.batches)))
            self._commit(self._rows(next(self.batches)))
        ready = iter([self._rows(next(self.batches)) for _ in range(EVENTS)])
        return seconds_each(lambda: self._commit(next(ready)), EVENTS)

    def _rows(self, batch: Batch) -> list[tuple[str, tuple[object, ...]]]:
        rows: list[tuple[str, tuple[object, ...]]] = [(sql.RECORD_PUT, tuple(record)) for record in batch.records]
        for table, puts in batch.rows.items():
            text = sql.TEXTS[table.name]
            rows += [(text.put, tuple(text.cells(key, row))) for key, row in puts.items() if row is not None]
        return rows

    def _commit(self, rows: list[tuple[str, tuple[object, ...]]]) -> None:
        assert self.database is not None
        self.database.execute("BEGIN IMMEDIATE")
        for text, cells in rows:
            self.database.execute(text, cells)
        self.database.execute("COMMIT")

    def close(self) -> None:
        """Let go of it, if it was opened."""
        if self.database is not None:
            self.database.close()
