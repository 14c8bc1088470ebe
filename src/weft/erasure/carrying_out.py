"""Carrying it out: one transaction in which bytes go and a record comes that says so, and a sweep behind it.

The tables are not mended row by row: they are made anew, in memory, from the log as it will stand, and what differs is
written in the same transaction. So what a later rebuild gives is what is there already, whatever read what.

Knows nothing of what an entity's bytes are: that is `forgetting`.
Invariant: what was erased and the record that says so come together, or neither does.
Source: event sourcing's projections; VACUUM after secure deletion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from weft.content import Cid, Plain, content_id, link, raw_id_of_digest
from weft.engine import Engine
from weft.erasure.forgetting import Forgetting
from weft.rebuild import rebuild
from weft.record import Record, make_record
from weft.standing import ERASED, Erasure
from weft.store import ATTEMPT, TABLES, Batch, Head, Key, Row, Store, Table, Within
from weft.stores.memory import MemoryStore


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done: everything that went and stayed, the position of the record that says so, and, where bytes that
    nothing points to may still lie in the file, why (`unswept`); whoever opens it next as its engine sweeps them."""

    found: Forgetting
    position: int
    unswept: str = ""


def carry_out(engine: Engine, found: Forgetting, *, actor: str, time: str, why: str = "") -> Forgotten:
    """Erase what was found. The engine's batch is empty, and its memory is to be read anew afterwards. O(log) time, and
    memory for the tables. Raises `StoreFailed`, `Fenced`; then nothing was changed."""
    assert engine.batch.is_empty() and engine.head.position == found.at, "something was told since it was looked for"
    position, said = engine.head.position + 1, _plain(found, actor, time, why)
    record = make_record(position, ERASED, epoch=engine.epoch, previous=engine.head.digest, payload=said)
    batch = Batch([record])
    for table, key, row in _changes(engine, Rewritten(engine.store, found.payloads, record), found):
        batch.put(table, key, row)
    engine.store.erase(batch, Erasure(found.payloads, found.inbox, found.blobs), epoch=engine.epoch)
    return Forgotten(found, position, engine.store.sweep())


def _plain(found: Forgetting, actor: str, time: str, why: str) -> dict[str, Plain]:
    said: dict[str, Plain] = {"what": found.what, "actor": actor, "time": time, "why": why, "before": found.before}
    stands: list[Plain] = []
    for position, payload in sorted(found.payloads.items()):
        stands.append([position, None if payload is None else link(content_id(payload))])
    said |= {"stands": stands, "events": [list(event) for event in found.events]}
    if found.kind == "entity":
        said |= {"type": found.type, "created": found.created}
    return said


def _changes(engine: Engine, rewritten: Rewritten, found: Forgetting) -> Iterator[tuple[Table, Key, Row | None]]:
    """The rows that differ once the tables are made from what stands."""
    rebuild(rewritten, epoch=rewritten.rows_epoch, types=engine.types)
    for table in TABLES:
        if table is ATTEMPT:  # of one engine's life, and not in the log
            gone = [key for key, row in engine.store.rows(table) if found.is_lost(str(row[0]), str(row[1]))]
            yield from ((table, key, None) for key in gone)
            continue
        before, after = dict(engine.store.rows(table)), dict(rewritten.rows(table))
        yield from ((table, key, row) for key, row in after.items() if before.get(key) != row)
        yield from ((table, key, None) for key in before.keys() - after.keys())


class Rewritten(MemoryStore):
    """A log as it will stand, over the one in a store, and tables of its own in memory. Blobs are the store's."""

    def __init__(self, store: Store, payloads: Mapping[int, bytes | None], newest: Record) -> None:
        super().__init__()
        self._store, self._payloads, self._newest = store, payloads, newest
        self._is_cleared = False
        self.path = store.path
        self.rows_epoch = self.acquire()

    def head(self) -> Head:
        return Head(self._newest.position, self._newest.digest)

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        for record in self._store.records(after, until=until):
            if record.position in self._payloads:
                record = record._replace(payload=self._payloads[record.position])
            yield record
        if after < self._newest.position and (until is None or until >= self._newest.position):
            yield self._newest

    def row(self, table: Table, key: Key, /) -> Row | None:
        return super().row(table, key) if self._is_cleared else self._store.row(table, key)

    def rows(self, table: Table, prefix: Key = (), /) -> Iterator[tuple[Key, Row]]:
        return super().rows(table, prefix) if self._is_cleared else self._store.rows(table, prefix)

    def clear(self, *, epoch: int) -> None:
        """From here on its own tables are read, which are empty; before, those of the store."""
        self._is_cleared = True

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = nullcontext
    ) -> tuple[Cid, int]:
        """Only named: what stands is kept already."""
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
        return raw_id_of_digest(digest.digest()), size

    def has_blob(self, cid: Cid, /) -> bool:
        return self._store.has_blob(cid)

    def open_blob(self, cid: Cid, /) -> BinaryIO:
        return self._store.open_blob(cid)
