"""The file of accounts: its tables, how it is opened, read and changed, and how a change is noticed.

    user       name, display, role, entities, password, is_disabled, is_owner, made_s
    token      user, name, hash, capabilities, entities, made_s, expires_s, used_s, revoked_s
    session    hash, user, opened_s, used_s, closed_s
    link       hash, user, expires_s
    meta       changes: grows with every change of what anybody may do

Entities are ids as JSON, NULL for all; moments are seconds since 1970. What belongs to a user goes with the user.

Knows nothing of what the rows mean. Invariant: a change is whole or not there at all, and is made only in a file that
its owner alone can read; whoever else has the file open notices it at the next question.
Source: SQLite's data_version; git's racy index, for when a file's moment says nothing; the modes of OpenSSH's keys.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from weft.errors import WeftError
from weft.secrets.file import default_path as secrets_path
from weft.secrets.file import make_folder, refuse_unsafe
from weft.stores.schema import sync_folder

APPLICATION_ID = 0x57465441
"""What bytes 68 to 71 of the file say: "WFTA"."""
VERSION = 1
PATIENCE_S = 5.0
"""How long one program waits for another that writes to the file of accounts."""
SETTLED_S = 3.0
"""Of a file of accounts that was last written longer ago, the moment of that says whether it has changed: file systems
count in shorter steps."""
STATEMENTS = (
    """CREATE TABLE user (name TEXT PRIMARY KEY COLLATE NOCASE, display TEXT NOT NULL, role TEXT NOT NULL,
        entities TEXT, password TEXT NOT NULL, is_disabled INTEGER NOT NULL, is_owner INTEGER NOT NULL,
        made_s INTEGER NOT NULL)""",
    """CREATE TABLE token (user TEXT NOT NULL COLLATE NOCASE REFERENCES user ON DELETE CASCADE, name TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE, capabilities TEXT NOT NULL, entities TEXT, made_s INTEGER NOT NULL, expires_s REAL,
        used_s INTEGER, revoked_s INTEGER, PRIMARY KEY (user, name))""",
    """CREATE TABLE session (hash BLOB PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES user ON DELETE CASCADE,
        opened_s REAL NOT NULL, used_s REAL NOT NULL, closed_s REAL)""",
    """CREATE TABLE link (hash BLOB PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE REFERENCES user ON DELETE CASCADE,
        expires_s REAL NOT NULL)""",
    "CREATE TABLE meta (changes INTEGER NOT NULL)",
    "INSERT INTO meta VALUES (0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
_FAULTS_OF_FILE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

Cell: TypeAlias = str | int | float | bytes | None


class DamagedAccounts(WeftError):
    """{path} is not read as a file of accounts, as {why}. Put a copy of it back, or begin anew with: {command}"""

    path: str
    why: str
    command: str


class NewerAccounts(WeftError):
    """{path} was written by a newer Weft: it is of version {found}, and this one knows {known}. Install that, or keep
    accounts in another file."""

    path: str
    found: int
    known: int


class AccountsFailed(WeftError):
    """The accounts in {path} could not be read or changed: {why}. Nothing of the change was kept; mend that, and try
    again."""

    path: str
    why: str


def default_path() -> Path:
    """Where the command line keeps accounts: `.weft/accounts.sqlite` in the user's home, beside the secrets."""
    return secrets_path().with_name("accounts.sqlite")


class AccountFile:
    """An open file of accounts; without a path, one in memory. Any thread may use it. Raises `UnsafeSecrets`,
    `DamagedAccounts`, `NewerAccounts`, `AccountsFailed`."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else Path(os.path.abspath(path))
        self.written = 0
        """Grows with each change that was made by this opener."""
        self._place = "" if self.path is None else str(self.path)
        self._lock = threading.RLock()
        self._opened = 0
        self._stamp: tuple[int, int] | None = None
        self._version: object = None
        self._open()

    @property
    def version(self) -> object:
        """Another one whenever anything was written, whoever did it; for a few microseconds."""
        with self._lock:
            return self._version if self._is_as_it_was() else self._look()

    def _is_as_it_was(self) -> bool:
        """Whether nothing was written, for sure: what is asked before each message of each connection."""
        if self._stamp is None or self._connection.in_transaction:
            return False
        try:
            found = os.lstat(self._place)
        except OSError:
            return False  # which is then said in words
        return (found.st_mtime_ns, found.st_size) == self._stamp and (found.st_dev, found.st_ino) == self._inode

    def _look(self) -> object:
        with self._told():
            found = self._open_anew_if_replaced()
            stamp = None if found is None else (found.st_mtime_ns, found.st_size)
            if stamp is None or stamp != self._stamp:
                (others,) = self._connection.execute("PRAGMA data_version").fetchone()
                self._version = self._opened, others, self._connection.total_changes
                # Of a file that was written to just now the next change may have the same moment.
                is_old = found is not None and time.time() - found.st_mtime > SETTLED_S
                self._stamp = stamp if is_old else None
            return self._version

    @property
    def changes(self) -> object:
        """Another one after each change of what anybody may do, whoever made it."""
        ((changes,),) = self.rows("SELECT changes FROM meta")
        return self._opened, changes

    def rows(self, query: str, *cells: Cell) -> list[sqlite3.Row]:
        """What a query finds now."""
        with self._lock, self._told():
            self._open_anew_if_replaced()
            try:
                return self._connection.execute(query, cells).fetchall()
            except UnicodeEncodeError:
                return []  # of what is not Unicode nothing is kept

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of what changes nobody's rights."""
        with self._lock, self._told():
            self._open_anew_if_replaced()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
                self.written += 1
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that changes what somebody may do, or ends what lets somebody in."""
        with self.writing() as connection:
            yield connection
            connection.execute("UPDATE meta SET changes = changes + 1")

    def note(self, statement: str, *cells: Cell) -> None:
        """Write what is only good to know, such as when something was used last; not at all where that takes long or
        fails: nobody is kept out by a full disk."""
        with self._lock, self._told(), contextlib.suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA busy_timeout = 0")
            try:
                self._connection.execute(statement, cells)
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE_S * 1000)}")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _open(self) -> None:
        with self._told():
            inode = (0, 0) if self.path is None else _made(self.path)
            place = ":memory:" if self.path is None else f"{self.path.as_uri()}?mode=rw"
            connection = sqlite3.connect(
                place, uri=self.path is not None, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            try:
                connection.row_factory = sqlite3.Row
                self._begin(connection)
            except BaseException:
                connection.close()
                raise
        self._connection, self._inode = connection, inode
        self._opened += 1

    def _begin(self, connection: sqlite3.Connection) -> None:
        # What was removed is overwritten; a commit is on the disk, and so is the end of its journal.
        for setting in ("secure_delete = ON", "synchronous = EXTRA", "foreign_keys = ON", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        (is_empty,) = connection.execute("SELECT count(*) = 0 FROM sqlite_master").fetchone()
        if is_empty:
            connection.execute("BEGIN IMMEDIATE")
            # Another program may have been quicker.
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in STATEMENTS:
                    connection.execute(statement)
            connection.execute("COMMIT")
        (program,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if program != APPLICATION_ID:
            raise self._damaged("it is a file of another kind")
        if version > VERSION:
            raise NewerAccounts(path=str(self.path), found=version, known=VERSION)
        (flaw,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if flaw != "ok":
            raise self._damaged("it is not whole")

    def _open_anew_if_replaced(self) -> os.stat_result | None:
        """What there is at the path; a copy that was put back counts at once, as does one that was taken away."""
        if self.path is None or self._connection.in_transaction:
            return None
        found = None
        with contextlib.suppress(FileNotFoundError):
            found = os.lstat(self.path)
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            # The one before stays until then: where this fails, it is tried again at the next question.
            before = self._connection
            self._open()
            before.close()
            return None
        return found

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite and the system say, said as an error of this module."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code is not None and code & 0xFF in _FAULTS_OF_FILE:
                raise self._damaged("it is not whole") from error
            busy = code is not None and code & 0xFF in _BUSY
            why = "another program has kept it locked for too long" if busy else str(error)
            raise AccountsFailed(path=str(self.path or "memory"), why=why) from error

    def _damaged(self, why: str) -> DamagedAccounts:
        path = str(self.path)
        aside = f"mv {shlex.quote(path)} {shlex.quote(f'{path}.damaged')}"
        return DamagedAccounts(path=path, why=why, command=aside)


def _made(path: Path) -> tuple[int, int]:
    """The file's device and number; it is made, empty, where there is none. Raises `UnsafeSecrets`."""
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)  # a umask may have taken the owner's rights too
        finally:
            os.close(descriptor)
        sync_folder(str(path))
    found = os.lstat(path)
    refuse_unsafe(path, found, is_folder=False)
    return found.st_dev, found.st_ino
