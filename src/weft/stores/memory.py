"""A store in memory: the same promises as a file, for as long as the process lives.

Several store objects can share one space (`beside=`), as several programs share a file: one of them holds the lease,
the others are clients. A table is a dict of buckets by first key column, so that a range costs what it returns.

Knows nothing of files, and copies nothing that is immutable.
Invariant: a bucket's `order`, where it exists, lists exactly the keys of its rows, ascending.
Source: procrastinate's in-memory connector, which users' tests share with the library's own.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import threading
import weakref
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, TypeAlias

from weft.content import Cid, cid_text, raw_id_of_digest
from weft.record import Record
from weft.standing import Erasure
from weft.store import Batch, Fenced, Head, Holder, Key, LockedHere, NoBlob, Row, Table, Within
from weft.stores.chain import EMPTY, follow

_Order: TypeAlias = tuple[str | int | bytes, ...]
_ABOVE_ALL = 3


def _order(key: Key) -> _Order:
    """A tuple that sorts keys as SQLite does: integers before text before bytes, text by code point."""
    return tuple(part for column in key for part in (_rank(column), column))


def _rank(column: str | int | bytes) -> int:
    return 1 if isinstance(column, str) else 2 if isinstance(column, bytes) else 0


class _Bucket:
    """Rows that share their first key column, or all of a table with only one; `order` is made by the first range and
    kept from then on."""

    __slots__ = ("order", "rows")

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.order: list[tuple[_Order, Key]] | None = None

    def drop(self, key: Key) -> None:
        if self.rows.pop(key, None) is not None and self.order is not None:
            del self.order[bisect_left(self.order, (_order(key), key))]

    def range(self, prefix: Key) -> list[tuple[Key, Row]]:
        if self.order is None:
            self.order = sorted((_order(key), key) for key in self.rows)
        low = bisect_left(self.order, (_order(prefix),))
        high = bisect_left(self.order, ((*_order(prefix), _ABOVE_ALL),), low)
        return [(key, self.rows[key]) for _, key in self.order[low:high]]


class _Space:
    """What the store objects of one space share; its owner is whoever holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.log: list[Record] = []
        self.head = EMPTY
        self.tables: dict[str, dict[str | int | bytes, _Bucket]] = {}
        self.inbox: dict[int, bytes] = {}
        self.posted = 0
        self.blobs: dict[Cid, bytes] = {}
        self.unnamed: dict[Cid, None] = {}
        self.epoch = 0
        self.holder: weakref.ref[MemoryStore] | None = None
        self.present: weakref.WeakValueDictionary[str, MemoryStore] = weakref.WeakValueDictionary()
        self.changes = 0


class MemoryStore:
    """A new, empty space in memory, or with `beside` one more opener of another store's space."""

    path: str | None = None

    def __init__(self, *, beside: MemoryStore | None = None) -> None:
        self._space: _Space = _Space() if beside is None else beside._space
        self._seen = self._space.changes

    def head(self) -> Head:
        """The newest record's position and digest."""
        return self._space.head

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        """Write the batch, all or nothing. Raises `Fenced` and `Unchained`; then nothing was written."""
        space = self._space
        with space.lock:
            self._refuse_old(epoch)
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        space = self._space
        space.head = follow(space.head, batch.records)
        space.log.extend(batch.records)
        for table, rows in batch.rows.items():
            _put_all(table, space.tables.setdefault(table.name, {}), rows)
        for number in batch.taken:
            space.inbox.pop(number, None)
        for cid in batch.named:
            space.unnamed.pop(cid, None)
        space.changes += 1

    def erase(self, batch: Batch, erasure: Erasure, /, *, epoch: int) -> None:
        """Write the batch and take the erasure's parts away, all or nothing. Raises as `append` does."""
        space = self._space
        with space.lock:
            self._refuse_old(epoch)
            self._write(batch)
            for position, payload in erasure.payloads.items():
                place = bisect_left(space.log, position, key=_position_of)
                space.log[place] = space.log[place]._replace(payload=payload)
            space.inbox.update(erasure.inbox)
            for cid in erasure.blobs:
                space.blobs.pop(cid, None)
                space.unnamed.pop(cid, None)

    def sweep(self) -> str:
        """Nothing is left anywhere: what was replaced is let go of at once."""
        return ""

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        """The records that hold a position behind `after` and up to `until` (by default the head as it is now),
        ascending, gap-free."""
        log, until = self._space.log, self._space.head.position if until is None else until
        first = bisect_right(log, after, key=_position_of)
        last = bisect_left(log, until, key=_position_of)
        return iter(log[first : last + 1] if after < until else [])

    def row(self, table: Table, key: Key, /) -> Row | None:
        """The row at exactly this key."""
        buckets = self._space.tables.get(table.name)  # one look-up each: needs no lock
        bucket = None if buckets is None else buckets.get(key[0] if len(table.key) > 1 else "")
        return None if bucket is None else bucket.rows.get(key)

    def some(self, table: Table, keys: Sequence[Key], /) -> Mapping[Key, Row]:
        """The rows at these keys, of those that are there."""
        if len(table.key) > 1:
            return {key: row for key in keys if (row := self.row(table, key)) is not None}
        bucket = self._space.tables.get(table.name, {}).get("")
        return {} if bucket is None else {key: bucket.rows[key] for key in keys if key in bucket.rows}

    def rows(self, table: Table, prefix: Key = (), /) -> Iterator[tuple[Key, Row]]:
        """All rows whose key begins with `prefix`, ascending by key; a snapshot. O(rows returned), sorted once."""
        with self._space.lock:
            buckets = self._space.tables.get(table.name, {})
            if prefix:
                bucket = buckets.get(_first(table, prefix))
                return iter([] if bucket is None else bucket.range(prefix))
            firsts = sorted(buckets, key=lambda first: _order((first,)))
            return iter([found for first in firsts for found in buckets[first].range(())])

    def clear(self, *, epoch: int) -> None:
        """Empty every table, for a rebuild. Raises `Fenced`."""
        with self._space.lock:
            self._refuse_old(epoch)
            self._space.tables.clear()
            self._space.changes += 1

    def acquire(self) -> int:
        """Take the lease and return its epoch. Raises `SpaceLocked` while another living store object holds it."""
        with self._space.lock:
            if self._holding() is not None:
                raise LockedHere(path="This space in memory", pid=os.getpid(), host=socket.gethostname())
            self._space.holder = weakref.ref(self)
            self._space.epoch += 1
            self._space.changes += 1
            return self._space.epoch

    def release(self) -> None:
        """Give the lease back; harmless when it is not held."""
        with self._space.lock:
            if self._holding() is self:
                self._space.holder = None

    def holder(self) -> Holder | None:
        """Who holds the lease now."""
        with self._space.lock:
            held = self._holding() is not None
            return Holder(os.getpid(), socket.gethostname(), self._space.epoch) if held else None

    def enter(self, name: str, /) -> None:
        """Be there under a name, for as long as this object is there and is not closed."""
        with self._space.lock:
            self._space.present[name] = self

    def is_there(self, name: str, /) -> bool:
        """Whether whoever entered under a name is still there."""
        return name in self._space.present

    def post(self, payload: bytes, /) -> int:
        """Put bytes into the inbox; returns the entry's number."""
        space = self._space
        with space.lock:
            space.posted += 1
            space.inbox[space.posted] = bytes(payload)
            space.changes += 1
            return space.posted

    def inbox(self, limit: int = 1000) -> Sequence[tuple[int, bytes]]:
        """Entries not yet taken, ascending by number."""
        with self._space.lock:
            return list(self._space.inbox.items())[:limit]

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = contextlib.nullcontext
    ) -> tuple[Cid, int]:
        """Store content; returns its raw content id and size in bytes. `is_made`: a record is yet to name it."""
        digest = hashlib.sha256()
        kept = bytearray()
        for chunk in chunks:
            digest.update(chunk)
            kept += chunk
        cid = raw_id_of_digest(digest.digest())
        with within(), self._space.lock:
            if cid not in self._space.blobs:
                self._space.blobs[cid] = bytes(kept)
                self._space.changes += 1
                if is_made:
                    self._space.unnamed[cid] = None
        return cid, len(kept)

    def unnamed(self) -> Sequence[Cid]:
        """The contents that were kept as made, and that no batch has named since."""
        return list(self._space.unnamed)

    def has_blob(self, cid: Cid, /) -> bool:
        """Whether the whole content is here."""
        return cid in self._space.blobs

    def blobs(self) -> Iterator[tuple[Cid, int]]:
        """Content ids and sizes of all blobs, ascending by id; a snapshot."""
        with self._space.lock:
            return iter(sorted((cid, len(content)) for cid, content in self._space.blobs.items()))

    def open_blob(self, cid: Cid, /) -> BinaryIO:
        """A seekable reader over the content. Raises `NoBlob`."""
        content = self._space.blobs.get(cid)
        if content is None:
            raise NoBlob(cid=cid_text(cid))
        return io.BytesIO(content)

    def changed(self) -> bool:
        """Whether anything was committed since this was last asked, by any store object of this space."""
        seen, self._seen = self._seen, self._space.changes
        return seen != self._seen

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Others wait with what they commit."""
        with self._space.lock:
            yield

    def close(self) -> None:
        """Release the lease; what the space holds stays as long as another store object shares it."""
        self.release()
        with self._space.lock:
            for name in [name for name, store in self._space.present.items() if store is self]:
                del self._space.present[name]

    def _holding(self) -> MemoryStore | None:
        return None if self._space.holder is None else self._space.holder()

    def _refuse_old(self, epoch: int) -> None:
        if epoch != self._space.epoch:
            raise Fenced(epoch=epoch, newest=self._space.epoch)


def _position_of(record: Record) -> int:
    return record.position


def _first(table: Table, key: Key) -> str | int | bytes:
    return key[0] if len(table.key) > 1 else ""


def _put_all(table: Table, buckets: dict[str | int | bytes, _Bucket], rows: Mapping[Key, Row | None]) -> None:
    is_split = len(table.key) > 1
    for key, row in rows.items():
        first = key[0] if is_split else ""
        bucket = buckets.get(first)
        if row is None:
            if bucket is not None:
                bucket.drop(key)
                if not bucket.rows:
                    del buckets[first]
            continue
        if bucket is None:
            bucket = buckets[first] = _Bucket()
        elif bucket.order is not None and key not in bucket.rows:
            insort(bucket.order, (_order(key), key))
        bucket.rows[key] = row
