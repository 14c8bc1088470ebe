"""What lies at a path, and a connection to it if it is a space.

Only what is missing is made, only what is ours is moved on to a newer schema, and nothing else is ever changed: a file
is first looked at without locks and without its write-ahead log.

Knows nothing of records or tables.
Invariant: after an error the file at the path has the bytes that it had before.
Source: SQLite's application_id.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from weft.errors import WeftError
from weft.store import LockedHere, NotASpace, SpaceDamaged, SpaceLocked, SpaceNewer
from weft.stores import schema as sql
from weft.stores.lease import FileLock, Owner
from weft.stores.mark import Mark
from weft.stores.refusal import CannotOpen, FileTakenAway, NoSpaceYet, SpaceMissing, SqliteErrors, of_sqlite
from weft.stores.schema import Schema

_HEADER_BYTES = 100
"""A file of SQLite is never shorter."""
Identity: TypeAlias = tuple[int, int]
"""The device and the inode of a file: which one it is, whatever it is called."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, the query under which more of them can be made for reading, and which file it is on."""

    connection: sqlite3.Connection
    is_writable: bool
    read_query: str
    identity: Identity | None


def real_path(path: str | os.PathLike[str]) -> str:
    """The file itself, whichever links it is named by. Its neighbours lie beside it and are named after it, as those of
    SQLite are: else two engines under two names would each hold a lease. A link to nothing stays as it is."""
    named = os.path.abspath(os.fspath(path))
    return named if os.path.islink(named) and not os.path.exists(named) else os.path.realpath(named)


def open_file(path: str, schema: Schema, mark: Mark, lock: FileLock, on_point: Callable[[str], None]) -> Opened:
    """Open the space at `path`, or make it where nothing is. Raises as `Store` says, and `CannotOpen`."""
    try:
        if not os.path.lexists(path):
            _create(path, schema, mark, on_point)
        refuse_strangers(path, schema, mark)
        opened = _connect(path)
    except SqliteErrors as error:
        raise of_sqlite(error, path, writing=False) from error
    except OSError as error:
        raise CannotOpen(path=path, why=os.strerror(error.errno) if error.errno else str(error)) from error
    try:
        _move_on(opened, path, schema, lock, on_point)
    except BaseException:
        opened.connection.close()
        raise
    return opened


def _create(path: str, schema: Schema, mark: Mark, on_point: Callable[[str], None]) -> None:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise CannotOpen(path=path, why=f"there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise CannotOpen(path=path, why=f"nothing can be written in {folder}")
    # SQLite would replay a write-ahead log that an earlier file of this name left behind into the new one.
    wal = f"{path}-wal"
    if os.path.exists(wal) and os.path.getsize(wal) and not os.path.lexists(path):
        raise CannotOpen(path=path, why=f"{wal} of an earlier space is there; bring that space back, or move it away")
    refuse_missing(path, mark)
    sql.create(path, schema, on_point)


def refuse_other(path: str, identity: Identity | None) -> None:
    """Raise `FileTakenAway` unless the file at `path` is still the one with this identity: a commit to a file that was
    deleted or replaced succeeds, and is gone with the last program that has it open. One `stat`."""
    if identity is None:
        return
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise FileTakenAway(path=path, why="the file that was opened is not there any more") from None
    except OSError:
        return  # What cannot be looked at is not gone: a program may have given up rights since it opened the file.
    if (found.st_dev, found.st_ino) != identity:
        raise FileTakenAway(path=path, why="the file that is there is not the one that was opened")


def _identity(path: str) -> Identity | None:
    """Asked behind the opening, as a file of a lower layer of an overlay becomes another when it is opened to write.
    Only POSIX systems let go of a file's name while it is open, and only there an inode says reliably which it is."""
    if os.name != "posix":
        return None
    found = os.stat(path)
    return found.st_dev, found.st_ino


def refuse_missing(path: str, mark: Mark) -> None:
    """Raise `SpaceMissing` where nothing is at `path`, and the mark tells of a space that was."""
    # The mark is asked first, since it is written after the file has its place: whoever makes the same space just now
    # has then put the file there. A mark that tells of nothing is left as it is, for that one may hold it open.
    told = mark.told()
    if told and not os.path.lexists(path):
        raise SpaceMissing(path=path, what=told)


def refuse_absent(path: str) -> None:
    """Raise `NoSpaceYet` where nothing is at `path`; where a mark tells of a space that was, `SpaceMissing`."""
    if not os.path.exists(path):
        real = real_path(path)
        refuse_missing(real, Mark(f"{real}-mark"))
        raise NoSpaceYet(path=path)


def refuse_strangers(path: str, schema: Schema, mark: Mark) -> None:
    """Raise unless the file at `path` is a space of a version known here. Looks through SQLite, since merely closing a
    file of our own would drop the locks that another connection of this process holds on it."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise NotASpace(path=path, why="it is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise NotASpace(path=path, why="it is not a regular file")
    if not os.access(path, os.R_OK):
        raise CannotOpen(path=path, why="permission to read it is denied")
    if found.st_size < _HEADER_BYTES:
        raise _stranger(path, mark, "it is a file of another kind" if found.st_size else "it is empty")
    try:
        with contextlib.closing(sql.connect(path, sql.FROZEN)) as connection:
            # A program that died while it folded the log in may have left a first page that speaks of pages which are
            # still in the log alone. SQLite calls that malformed, unless it is told to be lenient.
            connection.execute("PRAGMA writable_schema = ON")
            application_id = connection.execute("PRAGMA application_id").fetchone()[0]
            if application_id == sql.APPLICATION_ID:
                _refuse_newer(connection, path, schema)
    except SqliteErrors as error:
        raise _stranger(path, mark, "it is a file of another kind") from error
    if application_id != sql.APPLICATION_ID:
        raise _stranger(path, mark, "it is another program's database")


def _stranger(path: str, mark: Mark, why: str) -> WeftError:
    """A mark beside the file says that a space was here: then its header has changed."""
    if mark.exists():
        return SpaceDamaged(path=path, what=f"its header has changed, and now {why}")
    return NotASpace(path=path, why=why)


def _refuse_newer(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    version = sql.version_of(connection)
    if version <= schema.version:
        return
    _refuse_unconfirmed(connection, path, version)
    raise SpaceNewer(path=path, found=version, known=schema.version)


def _refuse_unconfirmed(connection: sqlite3.Connection, path: str, version: int) -> None:
    """The version stands twice, so that a changed byte of the header is not taken for a newer Weft, nor an older."""
    second = sql.version_in_meta(connection)
    if second is not None and second != version:
        raise SpaceDamaged(path=path, what=f"its header says schema {version}, and its meta row {second}")


def _connect(path: str) -> Opened:
    connection, is_writable, read_query = _connection(path)
    try:
        return Opened(connection, is_writable, read_query, _identity(path))
    except BaseException:
        connection.close()
        raise


def _connection(path: str) -> tuple[sqlite3.Connection, bool, str]:
    if os.access(path, os.W_OK) and os.access(os.path.dirname(path), os.W_OK):
        return sql.connect(path, sql.WRITABLE), True, sql.READABLE
    connection = sql.connect(path, sql.READABLE)
    try:
        sql.version_of(connection)
        return connection, False, sql.READABLE
    except SqliteErrors:
        connection.close()
    wal = f"{path}-wal"
    if os.path.exists(wal) and os.path.getsize(wal):
        raise CannotOpen(path=path, why=f"its newest records are in {wal}; copy both to where files can be written")
    return sql.connect(path, sql.FROZEN), False, sql.FROZEN


def _move_on(opened: Opened, path: str, schema: Schema, lock: FileLock, on_point: Callable[[str], None]) -> None:
    """Bring an older file to `schema`, holding the lease; another engine must not be at work on the older one."""
    try:
        version = sql.version_of(opened.connection)
        _refuse_newer(opened.connection, path, schema)
        if version == schema.version:
            return
        if version not in schema.steps:
            raise SpaceDamaged(path=path, what=f"it says that its schema is {version}, and there never was such a one")
        _refuse_unconfirmed(opened.connection, path, version)
        if not opened.is_writable:
            raise CannotOpen(path=path, why=f"its schema {version} is older, and moving it on needs to write")
        if not lock.acquire():
            raise locked(path, lock)
        try:
            sql.migrate(opened.connection, path, schema, on_point)
        finally:
            lock.release()
    except SqliteErrors as error:
        raise of_sqlite(error, path, writing=True) from error
    except OSError as error:
        raise CannotOpen(path=path, why=os.strerror(error.errno) if error.errno else str(error)) from error


def locked(path: str, lock: FileLock) -> SpaceLocked:
    """The error that names who holds the lease; `LockedHere` where it is this very process."""
    import socket

    owner = lock.owner() or Owner(0, "a host that did not say")
    kind = LockedHere if owner == (os.getpid(), socket.gethostname()) else SpaceLocked
    return kind(path=path, pid=owner.pid, host=owner.host)
