"""The write-ahead log folded into the file, beside the commits: on a thread and a connection of its own.

The store counts what it commits. Every so many rows the thread is woken: it syncs the mark, which says what was
acknowledged, and has SQLite copy into the file what the log holds; commits and readers go on meanwhile. SQLite begins
the log anew only where a write finds all of it copied. Under constant writes none ever does; so once the log is long,
the commit that comes next copies the little that is left, and the one after it begins the log anew. Where the disk is
slower than the commits, they wait for it.

Knows nothing of what is stored.
Invariant: one pass at a time; none while it is paused, or after `stop`; a failed one is heard by the next write.
Source: PostgreSQL's checkpointer; "Checkpoint starvation" in SQLite's description of its log.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator

from weft.stores import schema as sql
from weft.stores.mark import Mark
from weft.stores.opening import Identity, refuse_other
from weft.stores.points import OnPoint
from weft.stores.refusal import FileTakenAway, SqliteErrors, of_sqlite, of_system

WRITES_PER_CHECKPOINT = 2000
"""After so many rows the write-ahead log is folded into the file; a row touches a page or two."""
WRITES_BEHIND_MAX = 16_000
"""So many rows may be committed and not folded in: then a commit waits, as the disk does not keep up."""
LONG_LOG_PAGES = 4000
"""A write-ahead log of so many pages (16 MiB) is begun anew when little of it is not folded in. While it is made longer
than it ever was, each sync also writes its new length."""
LOG_PAGES_MAX = 8000
"""One of so many pages is begun anew however much is left: then a commit waits for that."""


class Checkpointer:
    """Folds in the log of the space that a store has open. Everything here is called by whoever uses the store."""

    def __init__(
        self,
        path: str,
        connection: sqlite3.Connection,
        *,
        identity: Identity | None,
        mark: Mark,
        on_point: OnPoint,
        is_aside: bool,
    ) -> None:
        self._path, self._identity, self._mark, self._point = path, identity, mark, on_point
        self._is_aside = is_aside
        self._stores = connection
        self._own: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._asked = threading.Condition()
        """Guards the three below."""
        self._is_wanted = self._is_over = False
        self._is_idle = True
        self._pass = threading.RLock()
        """Held through a pass; also while the process is forked, for the fork would keep SQLite's own locks as they
        were at that moment."""
        self._rows = self._asked_at = self._folded_to = 0
        self._pages = 0
        """How long the log was when the thread last looked; 0 since it may have been begun anew."""
        self.failure: sqlite3.Error | UnicodeDecodeError | OSError | None = None
        _living.add(self)

    def count(self, rows: int) -> None:
        """So many rows more were committed. Raises nothing; waits only if the disk does not keep up."""
        self._rows += rows
        if self._rows - self._asked_at >= WRITES_PER_CHECKPOINT:
            is_behind = self._rows - self._folded_to >= WRITES_BEHIND_MAX or self._pages >= LOG_PAGES_MAX
            if is_behind or not self._is_aside:
                self._fold_here()
            else:
                self._wake()
        elif self._pages >= LONG_LOG_PAGES and self._is_idle:
            self._fold_here()

    def refuse_failed(self) -> None:
        """Try again, where a pass has failed, before anything more is written. Raises `StoreFailed`, `SpaceDamaged`."""
        if self.failure is None:
            return
        self._fold_here()
        if isinstance(self.failure, OSError):
            raise of_system(self.failure, self._path) from self.failure
        if self.failure is not None:
            raise of_sqlite(self.failure, self._path, writing=True) from self.failure

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """No pass begins within; one that is under way is waited for."""
        with self._pass:
            yield

    def stop(self) -> None:
        """Wait for the pass that is under way, and let go of the thread and its connection. Harmless twice."""
        if self._thread is not None:
            with self._asked:
                self._is_over = True
                self._asked.notify_all()
            if self._thread.is_alive():  # else an interrupt came before it was started
                self._thread.join()
            self._thread = None
        if self._own is not None:
            self._own.close()
            self._own = None
        self._pages, self.failure = 0, None

    def fold_all(self) -> None:
        """Fold in all of the log and leave none of it, behind `stop`. Raises what SQLite or the system says."""
        self._fold(self._stores, "TRUNCATE")

    def _wake(self) -> None:
        self._asked_at = self._rows
        with self._asked:
            self._is_wanted, self._is_idle = True, False
            self._asked.notify_all()
        if self._thread is None or not self._thread.is_alive():
            self._is_over = False
            # A program that forgets to close ends all the same: an unfinished pass loses nothing, as it does in a kill.
            self._thread = threading.Thread(target=self._run, name="weft checkpoints", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is about to end, or the system gives no thread
                self._fold_here()

    def _run(self) -> None:
        while self._wait_wanted():
            with self._pass:
                try:
                    self._pages = self._fold(self._connection())
                except (*SqliteErrors, OSError) as error:
                    self.failure = error
                except FileTakenAway:
                    pass  # each commit asks for itself

    def _wait_wanted(self) -> bool:
        with self._asked:
            self._is_idle = not self._is_wanted
            self._asked.wait_for(lambda: self._is_wanted or self._is_over)
            self._is_wanted = False
            return not self._is_over

    def _connection(self) -> sqlite3.Connection:
        """The thread's own, opened at its first pass, if the file is still the one that the store has open: SQLite
        would play the log of that one into another."""
        if self._own is None:
            refuse_other(self._path, self._identity)
            self._own = sql.connect(self._path, sql.WRITABLE)
        return self._own

    def _fold_here(self) -> None:
        """A pass of the calling thread's. What was committed is kept, so nothing is raised."""
        with self._pass:
            self._asked_at, self._pages = self._rows, 0
            try:
                self._fold(self._stores)
                self.failure = None
            except (*SqliteErrors, OSError) as error:
                self.failure = error

    def _fold(self, connection: sqlite3.Connection, mode: str = "PASSIVE") -> int:
        """One pass. Returns how many pages the log had; those that somebody still reads past stay in it."""
        rows = self._rows
        self._point("before checkpoint")
        self._mark.sync()
        _, pages, _ = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        self._folded_to = rows
        self._point("checkpointed")
        return int(pages)


_living: weakref.WeakSet[Checkpointer] = weakref.WeakSet()
_held: list[Checkpointer] = []
"""Those whose passes wait while the process is forked."""


def _hold_all() -> None:
    for each in list(_living):
        each._pass.acquire()
        _held.append(each)


def _let_all_go() -> None:
    while _held:
        _held.pop()._pass.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_let_all_go, after_in_child=_let_all_go)
