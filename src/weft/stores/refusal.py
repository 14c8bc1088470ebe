"""What SQLite and the file system say, said as one of Weft's errors.

Knows nothing of SQL or of what was being stored.
Invariant: a path has one reading: refused writes are `StoreFailed`, content that cannot be right is `SpaceDamaged`.
Source: SQLite's list of result codes.
"""

from __future__ import annotations

import os
import sqlite3

from weft.errors import WeftError
from weft.store import SpaceDamaged, StoreFailed

_WRITE_REFUSED = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_BUSY: "another program kept it locked for too long",
    sqlite3.SQLITE_LOCKED: "another program kept it locked for too long",
    sqlite3.SQLITE_CANTOPEN: "the file, or a neighbour that SQLite needs, cannot be opened",
    sqlite3.SQLITE_PERM: "permission is denied",
    sqlite3.SQLITE_NOMEM: "memory ran out",
    sqlite3.SQLITE_TOOBIG: "a value is too large for one row",
    sqlite3.SQLITE_PROTOCOL: "its locks do not work on this file system",
    sqlite3.SQLITE_NOLFS: "this system takes no files that large",
    sqlite3.SQLITE_MISUSE: "two threads used it at once, which is a defect of Weft",
}


SqliteErrors = (sqlite3.Error, UnicodeDecodeError)
"""What the sqlite3 module raises, also when SQLite's message quotes a damaged name that is not text."""


class CannotOpen(StoreFailed):
    """{path} cannot be opened: {why}."""


class FileTakenAway(StoreFailed):
    """{path} could not be written: {why}. Nothing of this edit was kept; put the file that was opened back there, or
    close the space and open it anew."""


class SpaceMissing(SpaceDamaged):
    """{path} is not there, and its mark {path}-mark is: it tells of {what}. Bring the file back, from a backup if need
    be and with the backup's own mark, or remove {path}-mark to begin anew."""


class NoSpaceYet(WeftError, FileNotFoundError):
    """There is no space at {path}, and engine=False opens one that is there. Look at the path; or have a program that
    computes the space make it first, by weft.open(path, types=[…])."""

    exit_code = 4
    path: str


def of_sqlite(error: sqlite3.Error | UnicodeDecodeError, path: str, *, writing: bool) -> WeftError:
    """The Weft error that says what `error` says; `writing` tells a refusing disk from one that reads wrongly."""
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is None:
        if isinstance(error, sqlite3.ProgrammingError):
            return StoreFailed(path=path, why="this store is closed")
        # The sqlite3 module itself complains, without a code, about text that is not UTF-8.
        return SpaceDamaged(path=path, what=str(error))
    primary = extended & 0xFF
    if primary in _WRITE_REFUSED:
        return StoreFailed(path=path, why=_WRITE_REFUSED[primary])
    # Opening writes too, and recovers a log: only what SQLite failed to read speaks against the content.
    is_unread = extended == sqlite3.SQLITE_IOERR_SHORT_READ or (extended == sqlite3.SQLITE_IOERR_READ and not writing)
    if primary == sqlite3.SQLITE_IOERR and not is_unread:
        return StoreFailed(path=path, why=f"the disk reports an error ({error})")
    return SpaceDamaged(path=path, what=str(error))


def of_system(error: OSError, path: str) -> StoreFailed:
    """The Weft error for a file operation that the system refused."""
    return StoreFailed(path=path, why=os.strerror(error.errno) if error.errno else str(error))
