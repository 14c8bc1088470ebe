"""A space in one SQLite file, with a write-ahead log and a sync at every commit.

Beside `space.weft` lie `-wal` and `-shm` (SQLite's, gone after a clean close), `-lease` (who runs the engine), `-mark`
(what was acknowledged last) and `-client-…` (a program that demands something of another's engine, while it is there),
all named after the file itself where a link names it. One object is used by one
thread at a time, whichever: who shares it locks it, also around the iterators that it returns; only `open_blob` and
what it returns are free of it.

Knows nothing of folds, results or scheduling.
Invariant: every write is one transaction; an append's transaction has read the newest epoch and the head it follows.
Source: SQLite as an application file format; WAL with synchronous=FULL lost nothing acknowledged in our power cuts.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import BinaryIO

from weft.content import Cid, cid_text
from weft.record import Record
from weft.standing import ERASED, Erasure
from weft.store import (
    TABLES,
    Batch,
    Column,
    Fenced,
    Head,
    Holder,
    Key,
    NoBlob,
    Row,
    SpaceDamaged,
    StoreFailed,
    Table,
    Within,
    refuse_fork,
)
from weft.stores import schema as sql
from weft.stores.chain import follow
from weft.stores.checkpoint import Checkpointer
from weft.stores.damage import (
    Finding,
    broken_pages,
    check_quickly,
    findings,
    first_row_flaw,
    last_posted,
    read_head,
    read_records,
)
from weft.stores.lease import FileLock
from weft.stores.mark import Mark
from weft.stores.opening import locked, open_file, real_path, refuse_other
from weft.stores.pieces import Intake, PieceReader
from weft.stores.points import OnPoint, pass_by
from weft.stores.presence import Presences
from weft.stores.refusal import SqliteErrors, of_sqlite, of_system
from weft.stores.renewal import renew
from weft.stores.schema import SCHEMA, TEXTS, Schema
from weft.stores.standing import meta_number, newest_erased, put_meta
from weft.stores.unnamed import note_named, note_unnamed, unnamed_in

_CLOSE_BUSY_MS = 1000
UNSWEPT = "unswept"
"""The row of `meta` that says, by 1, that bytes that were erased may still lie where nothing points to."""


class SqliteStore:
    """The space at `path`, made if nothing is there. `on_point` is told each name of `CRASH_POINTS` as it is passed."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        on_point: OnPoint = pass_by,
        schema: Schema = SCHEMA,
        checkpoints_aside: bool = True,
    ) -> None:
        self._path = real_path(path)
        self.path: str | None = self._path
        self._pid = os.getpid()
        _refuse_opened_before_fork(self._path)
        self._point = on_point
        self._schema = schema
        self._lock = FileLock(f"{self._path}-lease")
        self._mark = Mark(f"{self._path}-mark")
        self._presences = Presences(self._path)
        opened = open_file(self._path, schema, self._mark, self._lock, on_point)
        self._db = opened.connection
        self._read_query = opened.read_query
        self._identity = opened.identity
        self.is_writable = opened.is_writable
        self._checkpointer = Checkpointer(
            self._path,
            self._db,
            identity=opened.identity,
            mark=self._mark,
            on_point=on_point,
            is_aside=checkpoints_aside,
        )
        self._wrote = False
        self._begun: set[str] = set()
        """The tables whose first row was seen, before anything else was read from them."""
        try:
            check_quickly(self._db, self._path, schema, self._mark)
            self._seen = self._commits_of_others()
        except SqliteErrors as error:
            self._db.close()
            raise of_sqlite(error, self._path, writing=False) from error
        except BaseException:
            self._db.close()
            raise
        _open[id(self)] = self

    def head(self) -> Head:
        """The newest record's position and digest."""
        try:
            return read_head(self._db)
        except SqliteErrors as error:
            raise self._unread(error) from error

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        """Write the batch, durably, all or nothing. Raises `Fenced`, `Unchained`, `StoreFailed`: then nothing was."""
        with self._transaction() as db:
            self._refuse_old(epoch)
            head = _write(db, batch)
        self._note(batch, head)

    def _note(self, batch: Batch, head: Head) -> None:
        if batch.records:
            # What failed here leaves an older mark, which sees less; the batch itself is kept, so nothing is raised.
            with contextlib.suppress(OSError):
                self._mark.write_head(head)
            self._point("marked")
        if self._lock.is_held:  # without a lease SQLite folds the log in by itself
            rows = len(batch.records) + len(batch.taken) + sum(map(len, batch.rows.values()))
            self._checkpointer.count(rows)

    def erase(self, batch: Batch, erasure: Erasure, /, *, epoch: int) -> None:
        """Write the batch and take the erasure's parts away, all or nothing. Raises as `append` does."""
        (before,) = self._db.execute("PRAGMA secure_delete").fetchone()
        self._db.execute("PRAGMA secure_delete = ON").fetchall()
        try:
            with self._transaction() as db:
                self._refuse_old(epoch)
                head = _write(db, batch)
                _take_away(db, erasure)
                if any(record.kind == ERASED for record in batch.records):
                    put_meta(db, UNSWEPT, 1)
        finally:
            self._db.execute(f"PRAGMA secure_delete = {int(before)}").fetchall()
        self._note(batch, head)
        self._point("erased")

    def sweep(self) -> str:
        """Write the file anew from what it holds, and fold its log in: until then the bytes of what was erased lie in
        free pages, in gaps of others, and in the write-ahead log. Returns why that could not be done now, or ""."""
        try:
            self._point("before sweep")
            self._db.execute(f"PRAGMA busy_timeout = {_CLOSE_BUSY_MS}")
            try:
                # SQLite waits for readers, and refuses at once beside another checkpoint.
                with self._checkpointer.paused():
                    self._db.execute("VACUUM")
                    if self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                        return "another program reads the space just now"
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {int(sql.BUSY_S * 1000)}")
            with self._transaction() as db:
                put_meta(db, UNSWEPT, 0)
        except SqliteErrors as error:
            return str(of_sqlite(error, self._path, writing=True))
        except StoreFailed as refused:
            return str(refused)
        self._point("swept")
        return ""

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        """The records that hold a position behind `after` and up to `until` (by default the head as it is now),
        ascending, each checked."""
        refuse_fork(self._path, self._pid)
        last = self.head().position if until is None else until
        return read_records(self._db, self._path, max(after, 0), last, may_end=until is not None)

    def row(self, table: Table, key: Key, /) -> Row | None:
        """The row at exactly this key. Raises `SpaceDamaged` when it is not what was written."""
        return self._row(self._db, table, key)

    def _row(self, connection: sqlite3.Connection, table: Table, key: Key) -> Row | None:
        text = TEXTS[table.name]
        try:
            self._refuse_taken_over(connection, text)
            found = connection.execute(text.get, key).fetchone()
        except SqliteErrors as error:
            raise self._unread(error) from error
        return None if found is None else text.checked(found, self._path)[1]

    def some(self, table: Table, keys: Sequence[Key], /) -> Mapping[Key, Row]:
        """The rows at these keys, of those that are there. Raises `SpaceDamaged`."""
        text, found = TEXTS[table.name], list[Sequence[Column]]()
        try:
            self._refuse_taken_over(self._db, text)
            begun = 0
            for count, query in text.some:
                while len(keys) - begun >= count:
                    asked = keys[begun : begun + count]
                    found += self._db.execute(query, [*chain.from_iterable(asked)]).fetchall()
                    begun += count
        except SqliteErrors as error:
            raise self._unread(error) from error
        return dict(text.checked(cells, self._path) for cells in found)

    def rows(self, table: Table, prefix: Key = (), /) -> Iterator[tuple[Key, Row]]:
        """All rows whose key begins with `prefix`, ascending by key; a snapshot in memory. Raises `SpaceDamaged`."""
        text = TEXTS[table.name]
        try:
            self._refuse_taken_over(self._db, text)
            found = self._db.execute(text.ranges[len(prefix)], prefix).fetchall()
        except SqliteErrors as error:
            raise self._unread(error) from error
        path = self._path
        return (text.checked(cells, path) for cells in found)

    def _refuse_taken_over(self, connection: sqlite3.Connection, text: sql.TableText) -> None:
        """Once for each table, before it is read: an opening needs few of them, and one of a rebuild needs none."""
        if text.table.name not in self._begun:
            if what := first_row_flaw(connection, text):
                raise SpaceDamaged(path=self._path, what=what)
            self._begun.add(text.table.name)

    def clear(self, *, epoch: int) -> None:
        """Empty every table of `TABLES`, also one whose pages are broken, for a rebuild. Raises `Fenced`."""
        self._refuse_old(epoch)
        if any(broken_pages(self._db)):
            self._renew()
        with self._transaction() as db:
            self._refuse_old(epoch)
            for table in TABLES:
                db.execute(TEXTS[table.name].empty)
                db.execute(TEXTS[table.name].put, TEXTS[table.name].first)
        self._point("cleared")

    def acquire(self) -> int:
        """Take the lease and return its epoch. Raises `SpaceLocked` while anybody living, or this object, holds it."""
        self._refuse_unwritable()
        try:
            if not self._lock.acquire():
                raise locked(self._path, self._lock)
            self._point("lease locked")
            epoch = self._begin_epoch()
        except OSError as error:
            self._lock.release()
            raise of_system(error, self._path) from error

        if meta_number(self._db, self._path, UNSWEPT):
            self.sweep()  # whoever erased died before it was done, or others were reading
        self._presences.clear()
        return epoch

    def release(self) -> None:
        """Give the lease back; harmless when it is not held."""
        if self._lock.is_held:
            self._checkpointer.stop()
            self._lock.release()
            self._point("lease released")

    def holder(self) -> Holder | None:
        """Who holds the lease now, if anybody living does."""
        try:
            owner = self._lock.owner()
        except OSError as error:
            raise of_system(error, self._path) from error
        return None if owner is None else Holder(owner.pid, owner.host, self._epoch())

    def enter(self, name: str, /) -> None:
        """Be there under a name, until this object is closed or its program ends. Raises `StoreFailed`."""
        self._refuse_unwritable()
        try:
            self._presences.enter(name)
        except OSError as error:
            raise of_system(error, self._path) from error

    def is_there(self, name: str, /) -> bool:
        """Whether whoever entered under a name is still there; also where that cannot be found out."""
        return self._presences.is_there(name)

    def post(self, payload: bytes, /) -> int:
        """Put bytes into the inbox; durable on return. Returns the entry's number. Raises `StoreFailed`."""
        with self._transaction() as db:
            number = last_posted(db) + 1
            db.execute(sql.INBOX_PUT, sql.INBOX_TEXT.cells((number,), (payload,)))
        self._point("inbox posted")
        with contextlib.suppress(OSError):
            self._mark.write_inbox(number)
        return number

    def inbox(self, limit: int = 1000) -> Sequence[tuple[int, bytes]]:
        """Entries not yet taken, ascending by number. Raises `SpaceDamaged`."""
        try:
            self._refuse_taken_over(self._db, sql.INBOX_TEXT)
            found = self._db.execute(sql.INBOX_GET, (limit,)).fetchall()
        except SqliteErrors as error:
            raise self._unread(error) from error
        for number, payload, crc in found:
            if not sql.INBOX_TEXT.is_whole([number, payload], crc):
                raise SpaceDamaged(path=self._path, what=f"entry {number} of the inbox has changed")
        return [(number, payload) for number, payload, _ in found]

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = contextlib.nullcontext
    ) -> tuple[Cid, int]:
        """Store content as it streams in, durable on return; its raw content id and size. `is_made`: a record is yet to
        name it. Raises `StoreFailed`."""
        self._refuse_unwritable()
        with contextlib.closing(Intake(chunks, self._path)) as intake:
            while not self._has_blob(intake.cid, within):
                self._keep(intake, is_made=is_made, within=within)
            self._point("blob kept")
            return intake.cid, intake.size_bytes

    def _has_blob(self, cid: Cid, within: Within) -> bool:
        with within():
            return self.has_blob(cid)

    def has_blob(self, cid: Cid, /) -> bool:
        """Whether the whole content is here."""
        return self._blob_size(cid, self._db) is not None

    def blobs(self) -> Iterator[tuple[Cid, int]]:
        """Content ids and sizes of all whole blobs, ascending by id; a snapshot. Raises `SpaceDamaged`."""
        found = list(self.rows(sql.BLOB))
        return ((Cid(cid), size) for (cid,), (size,) in found if isinstance(cid, bytes) and isinstance(size, int))

    def newest_erased(self) -> int:
        """The position of the newest record that says that something was erased; 0 where there is none."""
        try:
            return newest_erased(self._db, self._path)
        except SqliteErrors as error:
            raise self._unread(error) from error

    def unnamed(self) -> Sequence[Cid]:
        """The contents that were kept as made, and that no batch has named since. Raises `SpaceDamaged`."""
        try:
            return unnamed_in(self._db)
        except SqliteErrors as error:
            raise self._unread(error) from error

    def open_blob(self, cid: Cid, /) -> BinaryIO:
        """A seekable reader over a connection of its own, for any one thread. Raises `NoBlob`; while reading,
        `SpaceDamaged`. Any thread may call it at any time: nothing here touches the connection that others share."""
        refuse_fork(self._path, self._pid)
        try:
            connection = sql.connect(self._path, self._read_query)
        except SqliteErrors as error:
            raise self._unread(error) from error
        try:
            size_bytes = self._blob_size(cid, connection)
            if size_bytes is None:
                raise NoBlob(cid=cid_text(cid))
        except BaseException:
            connection.close()
            raise
        return io.BufferedReader(PieceReader(connection, self._path, cid, size_bytes))

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read meanwhile is of one moment. Raises `SpaceDamaged` where nothing can be read at all."""
        refuse_fork(self._path, self._pid)
        if self._db.in_transaction:
            yield
            return
        try:
            self._db.execute("BEGIN")
            self._db.execute("SELECT 1 FROM meta LIMIT 1").fetchone()  # from here on it is that moment
        except SqliteErrors as error:
            raise self._unread(error) from error
        try:
            yield
        finally:
            self._db.commit()

    def changed(self) -> bool:
        """Whether anything, by anybody, was committed since this was last asked."""
        refuse_fork(self._path, self._pid)
        seen, self._seen = self._seen, self._commits_of_others()
        wrote, self._wrote = self._wrote, False
        return wrote or seen != self._seen

    def verify(self) -> Iterator[Finding]:
        """Everything that is wrong with the file, as far as it can be seen. O(file), changes nothing."""
        return findings(self._db, self._path, self._schema, self._mark)

    def close(self) -> None:
        """Fold the write-ahead log into the file if this object holds the lease; release it; let go of files.
        In a fork of the process that opened it nothing is done: what was opened belongs to that process."""
        if os.getpid() != self._pid:
            return
        if self._lock.is_held:
            self._checkpointer.stop()
            with contextlib.suppress(*SqliteErrors, OSError):
                # Somebody who reads for long would else hold up the close; the log then stays for the next opener.
                self._db.execute(f"PRAGMA busy_timeout = {_CLOSE_BUSY_MS}")
                self._checkpointer.fold_all()
        self.release()
        self._presences.leave()
        self._db.close()
        self._mark.close()
        _open.pop(id(self), None)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable write; whatever is raised inside undoes all of it."""
        self._refuse_unwritable()
        db = self._db
        self._checkpointer.refuse_failed()
        try:
            try:
                # Within: an interrupt that came while it waited for other writers is raised when it has begun.
                db.execute("BEGIN IMMEDIATE")
                yield db
                self._point("before commit")
                refuse_other(self._path, self._identity)
                db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(*SqliteErrors):
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                raise
        except SqliteErrors as error:
            raise of_sqlite(error, self._path, writing=True) from error
        self._wrote = True
        self._point("after commit")

    def _refuse_unwritable(self) -> None:
        refuse_fork(self._path, self._pid)
        if not self.is_writable:
            raise StoreFailed(path=self._path, why="it is open for reading only, as nothing can be written there")

    def _refuse_old(self, epoch: int) -> None:
        newest = self._epoch()
        if epoch != newest:
            raise Fenced(epoch=epoch, newest=newest)

    def _epoch(self) -> int:
        found = self.row(sql.META, ("epoch",))
        if found is None or not isinstance(found[0], int):
            raise SpaceDamaged(path=self._path, what="its epoch is missing")
        return found[0]

    def _begin_epoch(self) -> int:
        try:
            with self._transaction() as db:
                # A damaged file may have lost the newest epoch; no record may then be written under an old one again.
                last = db.execute("SELECT epoch FROM record ORDER BY position DESC LIMIT 1").fetchone()
                if last and not isinstance(last[0], int):
                    raise SpaceDamaged(path=self._path, what="the newest record's epoch is no number")
                epoch = max(self._epoch(), last[0] if last else 0) + 1
                db.execute(TEXTS["meta"].put, TEXTS["meta"].cells(("epoch",), (epoch,)))
                db.executemany(sql.PIECE_DROP, db.execute(sql.PIECE_STRAYS, TEXTS["blob"].first).fetchall())
            # Made now, while there is room, so that an append needs none for it.
            self._mark.write_head(self.head())
            self._mark.write_inbox(last_posted(self._db))
        except BaseException:
            self._lock.release()
            raise
        self._point("lease taken")
        return epoch

    def _keep(self, intake: Intake, *, is_made: bool, within: Within) -> None:
        """Write all pieces, and with the last the row that makes them visible, unless a sweep took some meanwhile."""
        last = intake.piece_count
        for pieces in intake.batches() if last else iter([[]]):
            with within(), self._transaction() as db:
                db.executemany(sql.PIECE_PUT, pieces)
                is_whole = db.execute(sql.PIECE_COUNT, (intake.cid,)).fetchone()[0] == last
                if is_whole:
                    blob = TEXTS["blob"]
                    db.execute(blob.put, blob.cells((intake.cid,), (intake.size_bytes,)))
                    if is_made:
                        note_unnamed(db, intake.cid)
            self._point("blob piece")

    def _blob_size(self, cid: Cid, connection: sqlite3.Connection) -> int | None:
        found = self._row(connection, sql.BLOB, (cid,))
        return None if found is None or not isinstance(found[0], int) else found[0]

    def _renew(self) -> None:
        self._refuse_unwritable()
        try:
            with self._checkpointer.paused():
                renew(self._db, self._path, self._schema)
        except SqliteErrors as error:
            raise of_sqlite(error, self._path, writing=True) from error
        except OSError as error:
            raise of_system(error, self._path) from error
        self._wrote = True
        self._point("renewed")

    def _commits_of_others(self) -> int:
        try:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])
        except SqliteErrors as error:
            raise self._unread(error) from error

    def _unread(self, error: sqlite3.Error | UnicodeDecodeError) -> Exception:
        return of_sqlite(error, self._path, writing=False)


_open: weakref.WeakValueDictionary[int, SqliteStore] = weakref.WeakValueDictionary()
"""The stores that are open in this process, and in a fork those of the process it came from: SQLite counts the locks of
the latter as the fork's own, so what a fork wrote into the same file could be lost when the other folds its log in."""


def _refuse_opened_before_fork(path: str) -> None:
    for reference in _open.valuerefs():  # a list: other threads open stores meanwhile
        other = reference()
        if other is not None and other._path == path:
            refuse_fork(path, other._pid)


def _write(db: sqlite3.Connection, batch: Batch) -> Head:
    """Write a batch within a transaction; returns the head behind it. Raises `Unchained`."""
    head = follow(read_head(db), batch.records)
    db.executemany(sql.RECORD_PUT, batch.records)
    for record in batch.records:
        if record.kind == ERASED:
            put_meta(db, ERASED, record.position)
    for table, rows in batch.rows.items():
        _write_rows(db, TEXTS[table.name], rows)
    if batch.taken:
        db.executemany(sql.INBOX_DROP, [(number,) for number in batch.taken])
    note_named(db, batch.named)
    return head


def _take_away(db: sqlite3.Connection, erasure: Erasure) -> None:
    db.executemany(sql.RECORD_STANDS, [(payload, position) for position, payload in erasure.payloads.items()])
    for number, payload in erasure.inbox.items():
        db.execute(sql.INBOX_STANDS, (payload, sql.INBOX_TEXT.cells((number,), (payload,))[-1], number))
    db.executemany(sql.PIECE_DROP, [(cid,) for cid in erasure.blobs])
    db.executemany(TEXTS["blob"].drop, [(cid,) for cid in erasure.blobs])
    note_named(db, erasure.blobs)


def _write_rows(db: sqlite3.Connection, text: sql.TableText, rows: dict[Key, Row | None]) -> None:
    puts = [text.cells(key, row) for key, row in rows.items() if row is not None]
    if puts:
        db.executemany(text.put, puts)
    if len(puts) < len(rows):
        db.executemany(text.drop, [key for key, row in rows.items() if row is None])
