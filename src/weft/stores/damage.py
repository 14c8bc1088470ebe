"""What is wrong with a space's file: looked for quickly at every opening, thoroughly when somebody asks.

A finding names what has changed and says whether it is derived, and so comes back by a rebuild, or was told, and is
lost unless a copy has it. SQLite itself notices broken pages; bits changed inside one show in our checksums and chain.

Knows nothing of how a rebuild is done, and changes nothing.
Invariant: whatever bytes the file holds, the outcome is findings or `SpaceDamaged`, never another exception.
Source: git fsck; SQLite's integrity_check.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from weft.content import Cid, cid_text, is_cid, raw_id_of_digest
from weft.errors import WeftError
from weft.record import Record
from weft.store import TABLES, Column, Head, SpaceDamaged
from weft.stores import schema as sql
from weft.stores.chain import EMPTY, flaw
from weft.stores.mark import Mark
from weft.stores.opening import real_path, refuse_strangers
from weft.stores.pieces import piece_count, read_piece
from weft.stores.refusal import SqliteErrors, of_sqlite
from weft.stores.schema import SCHEMA, Schema
from weft.stores.standing import Standing

LOST_END = "its end is lost"
"""How a finding begins that says that what was acknowledged last is not in the file; it may lie in the log beside."""
QUICK_RECORDS = 64
"""How many of the newest records each opening checks."""
_PAGE_RECORDS = 64
_COLUMN_TYPES = frozenset({(int, str, int, bytes, bytes, bytes), (int, str, int, bytes, bytes, type(None))})
"""Of a record, and of one whose payload was erased."""
_MISSING = (None,) * 6
_DERIVED = frozenset(table.name for table in TABLES)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `what` in words, `where` as a table, record or file; `mendable` by a rebuild."""

    what: str
    where: str
    mendable: bool


def check_quickly(connection: sqlite3.Connection, path: str, schema: Schema, mark: Mark) -> None:
    """Raise `SpaceDamaged` for what an opening can see at O(1): schema, own rows, the newest records, the mark."""
    # The mark is read first: an engine at work moves the log ahead of it, never behind.
    acknowledged, posted = mark.head(), mark.inbox()
    # One after the other: what a changed schema says of a table is not to be read.
    what = (
        _schema_flaw(connection, schema) or _meta_flaw(connection, path) or _mark_flaw(connection, acknowledged, posted)
    )
    if what:
        raise SpaceDamaged(path=path, what=what)
    newest = read_head(connection).position
    for _ in read_records(connection, path, max(0, newest - QUICK_RECORDS), newest):
        pass


def read_head(connection: sqlite3.Connection) -> Head:
    """The newest record's position and digest, unchecked. Raises sqlite3.Error."""
    return _head(connection.execute(sql.HEAD_GET).fetchone())


def read_records(
    connection: sqlite3.Connection, path: str, after: int, until: int, *, may_end: bool = False
) -> Iterator[Record]:
    """The records that hold a position with `after` < it <= `until`, each checked. `may_end`: the log may end before
    that. Raises `SpaceDamaged` at the first bad one."""
    if until <= after:
        return
    try:
        stands = Standing(connection, path)
        head, page = _first_page(connection, after, _page_size(after, until))
        while head.position < until:
            if not page and may_end:
                return
            for cells in page or [_MISSING]:
                if head.position >= until:
                    return
                what = _record_flaw(cells, head, stands)
                if what:
                    raise SpaceDamaged(path=path, what=what)
                record = Record(*cells)  # type: ignore[arg-type]
                yield record
                head = Head(record.position, record.digest)
            count = _page_size(head.position, until)
            page = connection.execute(sql.RECORD_GET, (head.position, count)).fetchall()
    except SqliteErrors as error:
        raise of_sqlite(error, path, writing=False) from error


def _page_size(after: int, until: int) -> int:
    """As many as there can be: whoever asks for one position reads one record, and not what lies behind it."""
    return max(0, min(_PAGE_RECORDS, until - after))


def _first_page(connection: sqlite3.Connection, after: int, count: int) -> tuple[Head, list[tuple[object, ...]]]:
    """Records behind a position, and the head that the first of them follows: the record that holds the position behind
    `after` begins where the newest one ends that ends by then. One question, as most who read want one record."""
    found = connection.execute(sql.RECORD_BEHIND, (after, count)).fetchall()
    if not found:
        return _head(connection.execute(sql.HEAD_BY, (after,)).fetchone()), []
    before = found[0][len(_MISSING) :]
    return _head(before if before[0] is not None else None), [cells[: len(_MISSING)] for cells in found]


def findings(connection: sqlite3.Connection, path: str, schema: Schema, mark: Mark) -> Iterator[Finding]:
    """Everything that is wrong, as far as it can be seen. O(file). An older file is only looked at once it was moved
    on: its tables may be others."""
    if (version := _older_version(connection, schema)) is not None:
        yield Finding(f"it has schema {version}; opening it moves it on to {schema.version}", "schema", mendable=True)
        return
    acknowledged, posted = mark.head(), mark.inbox()
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("pages", lambda: broken_pages(connection)),
        ("schema", lambda: _single("schema", _schema_flaw(connection, schema))),
        ("meta", lambda: _single("meta", _meta_flaw(connection, path))),
        ("mark", lambda: _single(mark.path, mark.flaw(), mendable=True)),
        ("mark", lambda: _single("record", _mark_flaw(connection, acknowledged, posted))),
        ("record", lambda: _broken_records(connection, path)),
        *((text.table.name, lambda text=text: _taken_over(connection, text)) for text in sql.BEGUN),
        *((name, lambda name=name: _broken_rows(connection, name)) for name in sql.TEXTS if name != "blob"),
        ("inbox", lambda: _broken_entries(connection)),
        ("blob", lambda: _broken_blobs(connection, path)),
    ]
    for where, look in looks:
        try:
            yield from look()
        except SpaceDamaged as error:
            yield Finding(error.what, where, where in _DERIVED)
        except (*SqliteErrors, ValueError, TypeError, OverflowError) as error:
            yield Finding(str(error), where, where in _DERIVED)


def examine(path: str, *, schema: Schema = SCHEMA) -> list[Finding]:
    """What is wrong with a file that may not even open; nothing is changed, and no lease is needed."""
    path = real_path(path)
    mark = Mark(f"{path}-mark")
    try:
        # As every opening does: read through its log, a file may look whole whose own header no opening gets past.
        refuse_strangers(path, schema, mark)
        with contextlib.closing(sql.connect(path, sql.READABLE)) as connection:
            return list(findings(connection, path, schema, mark))
    except SpaceDamaged as error:
        return [Finding(error.what, "header", mendable=False)]  # its tables would each be missing, and say no more
    except SqliteErrors as error:
        return [Finding(str(of_sqlite(error, path, writing=False)), "header", mendable=False)]
    except (WeftError, OSError) as error:
        return [Finding(str(error), "header", mendable=False)]


def _older_version(connection: sqlite3.Connection, schema: Schema) -> int | None:
    """The schema of a file that the next opening moves on; None for any other."""
    with contextlib.suppress(*SqliteErrors):
        version = sql.version_of(connection)
        if version in schema.steps and version == sql.version_in_meta(connection):
            return version
    return None


def _single(where: str, what: str | None, *, mendable: bool = False) -> Iterator[Finding]:
    if what:
        yield Finding(what, where, mendable)


def _digest(header: object) -> bytes:
    return hashlib.sha256(header if isinstance(header, bytes) else b"").digest()


def _header(connection: sqlite3.Connection, position: int) -> object:
    found = connection.execute(sql.HEADER_GET, (position,)).fetchone()
    return None if found is None else found[0]


def _head(found: Sequence[object] | None) -> Head:
    if found is None:
        return EMPTY
    position, header = found
    if not isinstance(position, int):
        raise sqlite3.DatabaseError("a record's position is no number")
    return Head(position, _digest(header))


def _record_flaw(cells: Sequence[object], head: Head, stands: Standing) -> str | None:
    """What is wrong with the record that was found behind `head`, the predecessor as it was read."""
    next_one = head.position + 1
    if cells[0] is None:
        return f"record {next_one} is missing"
    if tuple(map(type, cells)) not in _COLUMN_TYPES:
        return f"record {cells[0]!r:.20} has changed: a column is of another type"
    record = Record(*cells)  # type: ignore[arg-type]
    what = flaw(record, head, stands)
    if what and record.position - record.span > head.position:
        return f"record {next_one} is missing"
    return f"record {record.position} has changed: {what}" if what else None


def _schema_flaw(connection: sqlite3.Connection, schema: Schema) -> str | None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != sql.APPLICATION_ID:
        return "its header has changed: the application id is another"
    if (version := sql.version_of(connection)) != schema.version:
        return f"its header says schema {version}, and {schema.version} was looked for"
    found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    found.discard("CREATE TABLE sqlite_sequence(name,seq)")
    if odd := found ^ set(schema.statements):
        return f"its schema has changed: {min(odd, key=str)!r}"
    # SQLite uses no log at all, and says so, on media that nobody can write: those connections are for queries only.
    is_frozen = connection.execute("PRAGMA query_only").fetchone()[0]
    if not is_frozen and connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        return "its header no longer asks for a write-ahead log"
    return None


def _meta_flaw(connection: sqlite3.Connection, path: str) -> str | None:
    text = sql.TEXTS["meta"]
    found = dict(text.checked(cells, path) for cells in connection.execute(text.ranges[0]))
    for name in ("schema", "epoch"):
        if not isinstance(found.get((name,), (None,))[0], int):
            return f"its {name} is missing"
    return None


def _mark_flaw(connection: sqlite3.Connection, acknowledged: Head | None, posted: int) -> str | None:
    newest = read_head(connection).position
    last, digest = acknowledged or EMPTY
    if last > newest:
        return f"{LOST_END}: the log ends at record {newest}, and record {last} was acknowledged"
    if last and _digest(_header(connection, last)) != digest:
        return f"record {last} is not the one that was acknowledged"
    if (entry := last_posted(connection)) < posted:
        return f"{LOST_END}: the inbox ends at entry {entry}, and entry {posted} was acknowledged"
    return None


def last_posted(connection: sqlite3.Connection) -> int:
    """The greatest number that an inbox entry ever had. Raises sqlite3.Error."""
    found = connection.execute(sql.INBOX_NEXT).fetchone()
    if found is None or not isinstance(found[0], int):
        raise sqlite3.DatabaseError("the number of the newest inbox entry is missing")
    return found[0]


def broken_pages(connection: sqlite3.Connection) -> Iterator[Finding]:
    """What SQLite finds, by table where it can be said: a broken page of a derived table is mended by a rebuild."""
    whole = _integrity(connection, "PRAGMA integrity_check(1)")
    if whole is None:
        return
    is_named = False
    for name in ("sqlite_master", "sqlite_sequence", "record", "inbox", "piece", *sql.TEXTS):
        if what := _integrity(connection, f"PRAGMA integrity_check('{name}')"):
            is_named = True
            yield Finding(what, name, name in _DERIVED)
    if not is_named:
        # Of no table: the list of free pages, or pages that nothing refers to. A rebuild writes the file anew.
        yield Finding(whole, "free pages", mendable=True)


def _integrity(connection: sqlite3.Connection, question: str) -> str | None:
    try:
        what = str(connection.execute(question).fetchone()[0])
    except SqliteErrors as error:
        return str(error)
    return None if what == "ok" else what


def _broken_records(connection: sqlite3.Connection, path: str) -> Iterator[Finding]:
    """Every record that is not whole: after one, the walk goes on behind it."""
    newest = read_head(connection).position
    after = 0
    while after < newest:
        try:
            for record in read_records(connection, path, after, newest):
                after = record.position
        except SpaceDamaged as error:
            yield Finding(error.what, f"record {after + 1}", mendable=False)
            if "malformed" in error.what:
                return
            after = _behind(connection, after)


def _behind(connection: sqlite3.Connection, after: int) -> int:
    """The position of the next record that is there at all, so that the walk goes on behind it."""
    found = connection.execute(sql.RECORD_GET, (after, 1)).fetchone()
    # Where the tree of pages is out of order, what comes next may well have a lower position.
    return max(found[0] if found is not None and isinstance(found[0], int) else 0, after + 1)


def _broken_rows(connection: sqlite3.Connection, name: str) -> Iterator[Finding]:
    text = sql.TEXTS[name]
    for found in connection.execute(text.ranges[0]):
        *cells, crc = found
        if not text.is_whole(cells, crc):
            yield Finding(f"the row at {_shown(cells[: text.key_count])} has changed", name, name in _DERIVED)


def _taken_over(connection: sqlite3.Connection, text: sql.TableText) -> Iterator[Finding]:
    yield from _single(text.table.name, first_row_flaw(connection, text), mendable=text.table.name in _DERIVED)


def first_row_flaw(connection: sqlite3.Connection, text: sql.TableText) -> str | None:
    """What is wrong with a table that does not hold the row that it was made with: a page of another lies where its own
    was, which SQLite takes for a table with other rows, or none. Raises sqlite3.Error."""
    if connection.execute(text.get, text.first_key).fetchone() == text.first:
        return None
    return f"the first row of {text.table.name} is missing, and what else it held may be"


def _broken_entries(connection: sqlite3.Connection) -> Iterator[Finding]:
    for number, payload, crc in connection.execute(sql.INBOX_GET, (-1,)):
        if not sql.INBOX_TEXT.is_whole([number, payload], crc):
            yield Finding(f"entry {number} has changed", "inbox", mendable=False)
        # Asked while the entries are read, so of the same moment: others post meanwhile.
        if number > last_posted(connection):
            yield Finding(f"entry {number} is newer than the newest", "inbox", mendable=False)


def _broken_blobs(connection: sqlite3.Connection, path: str) -> Iterator[Finding]:
    text = sql.TEXTS["blob"]
    for found in connection.execute(text.ranges[0]).fetchall():
        (cid, size, crc) = found
        if not text.is_whole([cid, size], crc) or not isinstance(cid, bytes) or not is_cid(cid):
            yield Finding(f"the row at {_shown([cid])} has changed", "blob", mendable=False)
            continue
        digest = hashlib.sha256()
        try:
            for number in range(piece_count(size)):
                digest.update(read_piece(connection, path, Cid(cid), number))
        except SpaceDamaged as error:
            yield Finding(error.what, f"blob {cid_text(Cid(cid))}", mendable=False)
            continue
        if raw_id_of_digest(digest.digest()) != cid:
            yield Finding("its content does not match its id", f"blob {cid_text(Cid(cid))}", mendable=False)


def _shown(key: Sequence[Column]) -> str:
    return ", ".join(ascii(column)[:80] for column in key)
