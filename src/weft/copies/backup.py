"""A backup: a second file with all that a space holds at one moment, taken while its engine goes on.

SQLite copies a snapshot, the write-ahead log included: whoever writes meanwhile is neither stopped nor waited for. The
copy is checked as any space is when it is opened, and its whole chain of records is walked, before it takes its place.

Knows nothing of what records mean, and takes no lease on what it copies.
Invariant: at the destination is what was there before, or a whole space at one position, with the mark that says so.
Source: SQLite's backup API; restoring as the only proof of a backup.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from weft.copies.publishing import (
    CannotWrite,
    create_private,
    drafting,
    mode_of,
    publish_new,
    refuse_taken,
    sync_file,
)
from weft.errors import WeftError
from weft.store import NotASpace, SpaceDamaged
from weft.stores import schema as sql
from weft.stores.damage import check_quickly, findings, first_row_flaw, last_posted, read_head, read_records
from weft.stores.lease import FileLock
from weft.stores.mark import Mark
from weft.stores.opening import locked, real_path, refuse_strangers
from weft.stores.refusal import SqliteErrors, of_sqlite
from weft.stores.schema import SCHEMA, sync_folder

PAGES_PER_STEP = 2048
"""How many pages (of 4 KiB, as a rule) are copied between two reports of progress."""

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


class CopyNotWhole(WeftError):
    """{path} was copied, and the copy is not whole: {what}. It was thrown away. Look at the space with
    `weft doctor {path}`; if that finds nothing, try again on another disk."""

    exit_code = 4
    path: str
    what: str


class OntoItself(WeftError):
    """{path} is the space itself. Give the backup another name."""

    exit_code = 2
    path: str


class OlderSchema(WeftError):
    """{path} has schema {found}, and this Weft copies {known}. Open it once, which keeps a copy of it as it is and
    moves it on, or copy it with the Weft that wrote it."""

    exit_code = 4
    path: str
    found: int
    known: int


class PlaceInUse(WeftError):
    """{path} is still in use: {why}. Close what uses it, or give the backup another name; nothing was changed."""

    exit_code = 4
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made: where, the position of its newest record, how many entries wait in its inbox, its size."""

    path: str
    position: int
    waiting: int
    size_bytes: int


def back_up(
    space: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    thorough: bool = False,
    on_progress: Progress = lambda done, of: None,
) -> Backup:
    """A copy of the space at one moment, also while programs write to it; it opens as a space.

    `overwrite`: an older backup at the destination is replaced. `thorough`: rows and blobs are checked too, each byte,
    as `weft doctor` does. O(file). Raises `PlaceTaken`, `PlaceInUse`, `OntoItself`, `CannotWrite`, `CopyNotWhole`,
    and what opening the space raises: `NotASpace`, `SpaceDamaged`, `SpaceNewer`."""
    source, place = (real_path(path) for path in (space, destination))
    _refuse_source(source)
    _refuse_place(source, place, overwrite=overwrite)
    with drafting(place) as draft:
        create_private(draft)
        acknowledged = Mark(f"{source}-mark")
        # Read before the copy is begun: an engine at work moves the log ahead of its mark, never behind.
        _write_mark(draft, acknowledged)
        _copy(source, draft, on_progress)
        made = _checked(source, place, draft, thorough=thorough)
        sync_file(draft)
        for path in (draft, f"{draft}-mark"):
            os.chmod(path, mode_of(source))
        if overwrite and os.path.lexists(place):
            _replace(draft, place)
        else:
            _publish(draft, place)
    return made


def _refuse_source(source: str) -> None:
    if not os.path.lexists(source):
        raise NotASpace(path=source, why="nothing is there")
    refuse_strangers(source, SCHEMA, Mark(f"{source}-mark"))


def _refuse_place(source: str, place: str, *, overwrite: bool) -> None:
    if os.path.isdir(place):
        raise CannotWrite(path=place, why=f"it is a folder; say {os.path.join(place, os.path.basename(source))}")
    if os.path.lexists(place):
        if os.path.samefile(source, place):
            raise OntoItself(path=place)
        if not overwrite:
            refuse_taken(place, remedy=", or say that it may be overwritten")
        try:
            refuse_strangers(place, SCHEMA, Mark(f"{place}-mark"))
        except SpaceDamaged:
            pass  # a damaged backup may be replaced
        except NotASpace as found:
            refuse_taken(place, remedy=f": this is never overwritten, as {found.why}")
    elif _has_content(f"{place}-wal"):
        raise PlaceInUse(path=place, why=f"{place}-wal of an earlier space is there")


def _has_content(path: str) -> bool:
    return os.path.exists(path) and os.path.getsize(path) > 0


def _write_mark(draft: str, acknowledged: Mark) -> None:
    head, posted = acknowledged.head(), acknowledged.inbox()
    create_private(f"{draft}-mark")
    with contextlib.closing(Mark(f"{draft}-mark")) as mark:
        if head is not None:
            mark.write_head(head)
        if posted:
            mark.write_inbox(posted)


@contextlib.contextmanager
def _reading(source: str) -> Iterator[sqlite3.Connection]:
    """A connection that sees one moment of the space for as long as it is held. Nothing is written through it."""
    # A connection that may write, though nothing is: the last one to close takes SQLite's neighbour files away with it.
    may_write = os.access(source, os.W_OK) and os.access(os.path.dirname(source), os.W_OK)
    try:
        connection = sql.connect(source, sql.WRITABLE if may_write else sql.READABLE)
        try:
            connection.execute("BEGIN")
            read_head(connection)
        except SqliteErrors:
            connection.close()
            if _has_content(f"{source}-wal"):
                raise
            connection = sql.connect(source, sql.FROZEN)  # media on which not even SQLite's neighbours can be made
    except SqliteErrors as error:
        raise of_sqlite(error, source, writing=False) from error
    with contextlib.closing(connection):
        if (version := sql.version_of(connection)) != SCHEMA.version:
            raise OlderSchema(path=source, found=version, known=SCHEMA.version)
        yield connection


def _copy(source: str, draft: str, on_progress: Progress) -> None:
    def step(_: int, remaining: int, of: int) -> None:
        on_progress(of - remaining, of)

    with _reading(source) as connection, contextlib.closing(sqlite3.connect(draft)) as copy:
        # One sync at the end makes it durable; until then nobody can see it.
        copy.execute("PRAGMA synchronous = OFF")
        try:
            # The transaction that is held keeps the snapshot: without it each step would begin anew after a commit.
            connection.backup(copy, pages=PAGES_PER_STEP, progress=step, sleep=0)
        except SqliteErrors as error:
            raise _of_copying(error, source, draft) from error


def _of_copying(error: sqlite3.Error | UnicodeDecodeError, source: str, draft: str) -> WeftError:
    said = of_sqlite(error, source, writing=False)
    if isinstance(said, SpaceDamaged):
        return CopyNotWhole(path=source, what=said.what)
    return CannotWrite(path=draft.rpartition(".new-")[0], why=getattr(said, "why", str(error)))


def _checked(source: str, place: str, draft: str, *, thorough: bool) -> Backup:
    mark = Mark(f"{draft}-mark")
    try:
        with contextlib.closing(sql.connect(draft, sql.WRITABLE)) as copy, contextlib.closing(mark):
            check_quickly(copy, draft, SCHEMA, mark)
            for text in sql.BEGUN:
                if what := first_row_flaw(copy, text):
                    raise SpaceDamaged(path=draft, what=what)
            if (said := str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])) != "ok":
                raise SpaceDamaged(path=draft, what=said)
            head = read_head(copy)
            for _ in read_records(copy, draft, 0, head.position):
                pass
            for finding in findings(copy, draft, SCHEMA, mark) if thorough else ():
                raise SpaceDamaged(path=draft, what=f"{finding.where}: {finding.what}")
            posted = last_posted(copy)
            mark.write_head(head)
            mark.write_inbox(posted)
            mark.sync()
            (waiting,) = copy.execute(sql.INBOX_COUNT).fetchone()
    except SpaceDamaged as error:
        raise CopyNotWhole(path=source, what=error.what) from error
    except SqliteErrors as error:
        raise CopyNotWhole(path=source, what=str(error)) from error
    return Backup(place, head.position, int(waiting), os.path.getsize(draft))


def _publish(draft: str, place: str) -> None:
    """The space first: without a mark it is whole, as far as can be seen; a mark alone would speak of another."""
    refuse_taken(place)  # also what came there meanwhile; its mark is not ours to remove
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{place}-mark")
    publish_new(draft, place)
    os.replace(f"{draft}-mark", f"{place}-mark")
    sync_folder(place)


def _replace(draft: str, place: str) -> None:
    """Put the copy where an older one is, whose mark and write-ahead log must not be taken for the new one's."""
    lock = FileLock(f"{place}-lease")
    if not lock.acquire():
        raise locked(place, lock)
    try:
        _fold_in(place)
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{place}-mark")
        os.replace(draft, place)
        os.replace(f"{draft}-mark", f"{place}-mark")
        sync_folder(place)
    finally:
        lock.release()


def _fold_in(place: str) -> None:
    """Have no write-ahead log beside what is replaced: SQLite would play it into the new file."""
    if not os.path.exists(f"{place}-wal"):
        return
    try:
        with contextlib.closing(sql.connect(place, sql.WRITABLE)) as old:
            old.execute("PRAGMA busy_timeout = 1000")
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except SqliteErrors as error:
        raise PlaceInUse(path=place, why=f"its write-ahead log cannot be folded in ({error})") from error
    if os.path.exists(f"{place}-wal"):
        raise PlaceInUse(path=place, why=f"another program reads it, and {place}-wal belongs to it")
