"""The SQLite file: its tables, the texts that read and write them, how a new file is made and an old one moved on.

    record       position, kind, epoch, payload id, header, payload: the log; payload is NULL once it was erased, or
                 what is left of it
    event …      the tables of the Store port, generated from its declarations; key columns are the primary key
    inbox        number, payload: what other programs put in
    blob, piece  cid, size; cid, number, content: raw content in pieces of 1 MiB, visible by its blob row
    meta         name, value: the schema version, the lease's epoch, the newest erased record, and whether bytes that
                 were erased may still lie where nothing points to

Each row carries a crc32 of its canonical bytes, as SQLite notices a flipped bit only where it breaks a page. Each table
with such rows has a first one from its creation on, at a key of empty blobs (number 0 in the inbox), whose checksum
begins with the table's name: where that is missing, a page of another table lies where its own was.

Knows nothing of transactions or of who writes.
Invariant: a file at a space's path is whole from its first moment: it is made under another name and then linked.
Source: SQLite's application_id and user_version; expand-migrate steps as in Alembic.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from weft.content import Cid, encode_shallow
from weft.store import TABLES, Column, Key, Row, SpaceDamaged, Table, memo_key
from weft.stores.refusal import SqliteErrors

APPLICATION_ID = 0x57454654
"""What bytes 68 to 71 of the file say: "WEFT"."""
BUSY_S = 30.0
"""How long one writer waits for another."""

LOG_BYTES_KEPT = 16 << 20
"""A write-ahead log that had to be longer is cut to this length when it is begun anew."""

CACHE_BYTES_MAX = 32 << 20
"""How much of the file's pages a writer keeps in memory, at most: it takes what it has met."""

WRITABLE = "mode=rw"
READABLE = "mode=ro"
FROZEN = "mode=ro&immutable=1"
"""The query for media on which not even SQLite's neighbour files can be made; what nobody can write needs no locks."""

META = Table("meta", ("name",), ("value",))
BLOB = Table("blob", ("cid",), ("size",))
INBOX = Table("inbox", ("number",), ("payload",))

RECORD_PUT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)"
RECORD_GET = "SELECT * FROM record WHERE position > ? ORDER BY position LIMIT ?"
RECORD_BEHIND = (
    "SELECT *, (SELECT position FROM record WHERE position <= ?1 ORDER BY position DESC LIMIT 1), "
    "(SELECT header FROM record WHERE position <= ?1 ORDER BY position DESC LIMIT 1) "
    "FROM record WHERE position > ?1 ORDER BY position LIMIT ?2"
)
"""Each with the position and the header of the last one up to there."""
RECORD_AT = "SELECT * FROM record WHERE position = ?"
RECORD_STANDS = "UPDATE record SET payload = ? WHERE position = ?"
HEAD_GET = "SELECT position, header FROM record ORDER BY position DESC LIMIT 1"
HEAD_BY = "SELECT position, header FROM record WHERE position <= ? ORDER BY position DESC LIMIT 1"
HEADER_GET = "SELECT header FROM record WHERE position = ?"
INBOX_NEXT = "SELECT seq FROM sqlite_sequence WHERE name = 'inbox'"
INBOX_PUT = "INSERT INTO inbox VALUES (?, ?, ?)"
INBOX_GET = "SELECT * FROM inbox WHERE number != 0 ORDER BY number LIMIT ?"
INBOX_COUNT = "SELECT count(*) FROM inbox WHERE number != 0"
INBOX_STANDS = "UPDATE inbox SET payload = ?, crc = ? WHERE number = ?"
INBOX_DROP = "DELETE FROM inbox WHERE number = ?"
PIECE_PUT = "INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?)"
PIECE_GET = "SELECT content, crc FROM piece WHERE cid = ? AND number = ?"
PIECE_COUNT = "SELECT count(*) FROM piece WHERE cid = ?"
PIECE_STRAYS = (
    "SELECT DISTINCT cid FROM piece WHERE cid NOT IN (SELECT cid FROM blob) "
    "AND EXISTS (SELECT 1 FROM blob WHERE cid = ? AND size IS ? AND crc = ?)"
)
"""None where the table that would name them has lost its rows: it is given its first row."""
PIECE_DROP = "DELETE FROM piece WHERE cid = ?"


class TableText:
    """The SQL of one table, made once: SQLite's statement cache goes by text; and its first row, at `first_key`."""

    def __init__(self, table: Table, first_key: Key = ()) -> None:
        self.table = table
        self.key_count = len(table.key)
        self.seed = zlib.crc32(table.name.encode())
        keys = [f'"{name}"' for name in table.key]
        columns = ", ".join([*keys, *(f'"{name}"' for name in table.columns), "crc"])
        order = ", ".join(keys)
        # Wide rows are kept as they come, beside an index: one that comes in between moves no others.
        self.create = f'CREATE TABLE "{table.name}" ({columns}, PRIMARY KEY ({order}))'
        self.create += "" if table.is_wide else " WITHOUT ROWID"
        marks = ", ".join("?" * (len(table.key) + len(table.columns) + 1))
        self.put = f'INSERT INTO "{table.name}" VALUES ({marks}) ON CONFLICT DO UPDATE SET '
        self.put += ", ".join(f'"{name}" = excluded."{name}"' for name in (*table.columns, "crc"))
        self.drop = f'DELETE FROM "{table.name}" WHERE ' + _where(keys)
        self.empty = f'DELETE FROM "{table.name}"'
        self.get = f'SELECT * FROM "{table.name}" WHERE ' + _where(keys)
        self.some = tuple((count, f"{self.get}{(' OR ' + _where(keys)) * (count - 1)}") for count in (64, 8, 1))
        """Queries for the rows at so many keys."""
        # Behind all integers and texts, and before all other blobs: no range by a part of the key meets the first row.
        other = " OR ".join(f"{key} IS NOT x''" for key in keys)
        self.ranges = tuple(
            f'SELECT * FROM "{table.name}" WHERE ' + (_where(keys[:count]) if count else other) + f" ORDER BY {order}"
            for count in range(len(keys) + 1)
        )
        self.first_key: Key = first_key or (b"",) * self.key_count
        self.first = tuple(self.cells(self.first_key, (None,) * len(table.columns)))

    def cells(self, key: Key, row: Row) -> list[Column]:
        """What is bound for a row: its columns and their checksum."""
        # SQLite gives True back as 1, whose canonical bytes are others.
        cells = [int(cell) if cell is True or cell is False else cell for cell in (*key, *row)]
        cells.append(zlib.crc32(encode_shallow(cells), self.seed))  # type: ignore[arg-type]
        return cells

    def checked(self, found: Sequence[Column], path: str) -> tuple[Key, Row]:
        """The key and the row that were `found`. Raises `SpaceDamaged` when they are not what was written."""
        *cells, crc = found
        if not self.is_whole(cells, crc):
            raise SpaceDamaged(path=path, what=f"a row of {self.table.name} at {cells[: self.key_count]} has changed")
        return tuple(cells[: self.key_count]), tuple(cells[self.key_count :])  # type: ignore[arg-type]

    def is_whole(self, cells: list[Column], crc: Column) -> bool:
        """Whether the columns are those that the checksum was made of."""
        try:
            return zlib.crc32(encode_shallow(cells), self.seed) == crc  # type: ignore[arg-type]
        except (ValueError, TypeError):
            return False


def _where(keys: Iterable[str]) -> str:
    return " AND ".join(f"{key} = ?" for key in keys)


TEXTS: Mapping[str, TableText] = MappingProxyType({table.name: TableText(table) for table in (*TABLES, META, BLOB)})
"""Texts by table name."""
INBOX_TEXT = TableText(INBOX, first_key=(0,))
"""For checksums and the first row of the inbox only: its table keeps numbers that increase for ever."""
BEGUN: tuple[TableText, ...] = (*TEXTS.values(), INBOX_TEXT)
"""The tables that have a first row."""


def piece_sum(cid: bytes, number: int, content: bytes) -> int:
    """The checksum of one piece of a blob, at its place."""
    return zlib.crc32(content, zlib.crc32(b"%d " % number + cid))


STATEMENTS: tuple[str, ...] = (
    "CREATE TABLE record (position INTEGER PRIMARY KEY, kind, epoch, payload_id, header, payload)",
    "CREATE TABLE inbox (number INTEGER PRIMARY KEY AUTOINCREMENT, payload, crc)",
    "CREATE TABLE piece (cid, number, content, crc, UNIQUE (cid, number))",
    *(text.create for text in TEXTS.values()),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file of this version holds, and the steps from each version to the next, by the version they leave."""

    version: int
    statements: tuple[str, ...]
    steps: Mapping[int, Callable[[sqlite3.Connection], None]] = field(default_factory=dict)


def _by_position(connection: sqlite3.Connection) -> None:
    """From 1 to 2: results by call key say where they stand, not what they are; what slots show lies as it came;
    and there is a table for nodes of collections."""
    memo, version = TEXTS["memo"], TEXTS["version"]
    connection.execute(TEXTS["node"].create)
    found = connection.execute("SELECT key, position FROM memo").fetchall()
    connection.execute("DROP TABLE memo")
    connection.execute(memo.create)
    connection.executemany(memo.put, (memo.cells(memo_key(Cid(key)), (position,)) for key, position in found))
    connection.execute("ALTER TABLE version RENAME TO version_1")
    connection.execute(version.create)
    connection.execute("INSERT INTO version SELECT * FROM version_1")
    connection.execute("DROP TABLE version_1")


def begin(connection: sqlite3.Connection, tables: Iterable[TableText] = BEGUN) -> None:
    """Give each table its first row."""
    for text in tables:
        connection.execute(text.put, text.first)


def _begun(connection: sqlite3.Connection) -> None:
    """From 2 to 3: a page of another table over a table's only one made it read as empty, and nothing said so."""
    begin(connection, [text for text in BEGUN if text is not TEXTS["wait"]])


def _waiting(connection: sqlite3.Connection) -> None:
    """From 3 to 4: runs of flows wait for what they asked for. There were none before."""
    connection.execute(TEXTS["wait"].create)
    begin(connection, [TEXTS["wait"]])


SCHEMA = Schema(4, STATEMENTS, {1: _by_position, 2: _begun, 3: _waiting})


def connect(path: str, query: str) -> sqlite3.Connection:
    """A connection as every store uses it: explicit transactions, any thread, `query` as in SQLite's file URIs."""
    connection = sqlite3.connect(
        f"{pathlib.Path(path).as_uri()}?{query}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        # A file may come from a stranger, or be damaged: no code in its schema runs, and cells are checked before use.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute(f"PRAGMA query_only = {query == FROZEN}")
        if query == WRITABLE:
            _tune(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _tune(connection: sqlite3.Connection) -> None:
    """Durable commits: an acknowledged one survives a power cut. Not below FULL; NORMAL lost 17 % in our power cuts."""
    connection.execute("PRAGMA synchronous = FULL")
    # What one large batch made of the log is given back; up to this it keeps its length, as growing takes time.
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES_KEPT}")
    # An engine has its log folded in earlier by itself; this bound is for clients alone, and for content of many pages.
    connection.execute("PRAGMA wal_autocheckpoint = 8000")
    connection.execute(f"PRAGMA cache_size = -{CACHE_BYTES_MAX >> 10}")


def create(path: str, schema: Schema, on_point: Callable[[str], None]) -> None:
    """Make a new space at `path`, whole or not at all; if another program was quicker, its file stays."""
    draft = f"{path}.new-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        fill(draft, schema)
        on_point("space drafted")
        _publish(draft, path)
    finally:
        for leftover in (draft, f"{draft}-journal", f"{draft}-wal", f"{draft}-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(leftover)
    on_point("space created")


def fill(draft: str, schema: Schema) -> None:
    """Make an empty space at `draft`, in several steps: nobody may see it yet."""
    with contextlib.closing(connect(draft, "mode=rwc")) as connection:
        # In this order: the main file says whose it is before a write-ahead log can hide that.
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("BEGIN IMMEDIATE")
        for statement in schema.statements:
            connection.execute(statement)
        begin(connection)
        meta = TEXTS["meta"]
        connection.execute(meta.put, meta.cells(("schema",), (schema.version,)))
        connection.execute(meta.put, meta.cells(("epoch",), (0,)))
        connection.execute(f"PRAGMA user_version = {schema.version}")
        connection.execute("COMMIT")
        # To the end: it commits after its only row, and a disk that refused that would not be heard.
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def _publish(draft: str, path: str) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:
        # File systems without hard links: the gap between the question and the rename is accepted there.
        if not os.path.exists(path):
            os.rename(draft, path)
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Make the folder's entry for `path` survive a power cut, where systems offer that."""
    if os.name == "posix":
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def migrate(connection: sqlite3.Connection, path: str, schema: Schema, on_point: Callable[[str], None]) -> None:
    """Move an older file to `schema`, in one transaction, after a copy to `<path>.before-<version>`. Lease held."""
    found = version_of(connection)
    _back_up(connection, path, f"{path}.before-{found}")
    on_point("backed up")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(found, schema.version):
            schema.steps[version](connection)
        meta = TEXTS["meta"]
        connection.execute(meta.put, meta.cells(("schema",), (schema.version,)))
        connection.execute(f"PRAGMA user_version = {schema.version}")
        on_point("before migration")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    on_point("migrated")


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version that the file says it has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def version_in_meta(connection: sqlite3.Connection) -> int | None:
    """The schema version that the file says a second time; None where that cannot be read."""
    meta = TEXTS["meta"]
    with contextlib.suppress(*SqliteErrors):
        found = connection.execute(meta.get, ("schema",)).fetchone()
        if found is not None and meta.is_whole([*found[:-1]], found[-1]) and isinstance(found[1], int):
            return found[1]
    return None


def _back_up(connection: sqlite3.Connection, path: str, copy_path: str) -> None:
    draft = f"{copy_path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.remove(draft)
    # Never more readable than the space itself, not even while it is made.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(sqlite3.connect(draft)) as copy:
        connection.backup(copy)
    with open(draft, "rb+") as file:
        os.fsync(file.fileno())
    os.chmod(draft, os.stat(path).st_mode & 0o666)
    os.replace(draft, copy_path)
    sync_folder(copy_path)
