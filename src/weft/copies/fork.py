"""A fork: a new space that has everything that one had come to at some position, and goes its own way from there.

The log is carried over record by record, so that the two are the same, head and all, up to the base. The tables are
made by playing it. What goes on by itself then is told to end, as nobody asked for it twice: runs that are not over are
cancelled, and schedules pause.

Knows nothing of who serves either. Invariant: the space it is made from is only read; a fork is there whole, or not at
all; nothing that people or the outside would notice happens in it by itself.
Source: git's branches; Neon's and Dolt's branches of databases.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from weft.content import Cid, Plain, blobs_in, content_id
from weft.copies.outgoing import PART_BYTES
from weft.copies.publishing import CannotWrite, drafting, mode_of, publish_space, refuse_taken_space
from weft.copies.writing import Writing
from weft.engine import Engine
from weft.errors import WeftError
from weft.folding import event_id, event_plain
from weft.past.as_of import NoSuchPosition
from weft.rebuild import RecordUnplayable, rebuild
from weft.record import GENESIS, Record
from weft.run_list import listed_runs, listed_schedules
from weft.spec import TypeSpec
from weft.standing import ERASED, stands_of
from weft.store import Head, NotASpace, Store, StoreFailed
from weft.stores.sqlite import SqliteStore
from weft.written_result import kept_in

ACTOR = "weft fork"
"""By whom it is told that runs end, where nobody else is named."""

Progress = Callable[[int, int], None]


class ErasedSince(WeftError):
    """What {path} held at position {at} is not all there any more: position {erased} tells of what was erased since.
    Nothing was made; fork from position {erased} or later."""

    exit_code = 2
    path: str
    at: int
    erased: int


@dataclass(frozen=True, slots=True)
class Forked:
    """What was made: where; the `base`, up to which the two are the same; its head; how many runs that were not over
    ended in it; how many schedules fired until then, and pause in it; and folds of one's own whose state needs their
    code (ENTITY.NODE), to be rebuilt with it."""

    path: str
    base: Head
    head: Head
    runs: int
    schedules: int
    lost: tuple[str, ...] = ()


def fork_space(
    space: str | os.PathLike[str],
    place: str | os.PathLike[str],
    *,
    at: int | None = None,
    actor: str = ACTOR,
    types: Mapping[str, TypeSpec] | None = None,
    on_progress: Progress = lambda done, of: None,
) -> Forked:
    """A new space at `place` with all that the one at `space` had come to at position `at`, or by now; also while a
    program computes that one. What was committed together stays so: of results that stand in one record, all are there
    or none, so that the base may lie a little behind `at`. Edits that no engine has taken are left out.

    `actor`: who has runs end in it. `types`: with code, for folds of one's own. O(log up to `at`) time; memory for one
    batch of records. Raises `NoSuchPosition`, `ErasedSince`, `PlaceTaken`, `CannotWrite`, and what opening a space
    raises."""
    source, goal = os.path.abspath(os.fspath(space)), os.path.abspath(os.fspath(place))
    if not os.path.lexists(source):
        raise NotASpace(path=source, why="nothing is there")
    refuse_taken_space(goal)
    with contextlib.closing(SqliteStore(source)) as given, drafting(goal) as draft:
        base = _base(given, at, os.fspath(space))
        mode = mode_of(source)
        made = _made(given, base, draft, mode, actor, types or {}, on_progress)
        publish_space(draft, goal)
    return Forked(goal, base, *made)


def _base(store: SqliteStore, at: int | None, path: str) -> Head:
    """The head of the record that holds a position. Raises `NoSuchPosition`, `ErasedSince`."""
    head = store.head()
    if at is None:
        return head
    if not 0 <= at <= head.position:
        raise NoSuchPosition(position=at, head=head.position)
    base = Head(0, GENESIS)
    for record in store.records(at - 1, until=at) if at else ():
        base = Head(record.position, record.digest)
    newest = store.newest_erased()
    for record in store.records(base.position) if newest > base.position else ():
        stands = stands_of(record.content()) if record.kind == ERASED else {}
        if any(position <= base.position for position in stands):
            raise ErasedSince(path=path, at=at, erased=newest)
    return base


def _made(
    given: SqliteStore,
    base: Head,
    draft: str,
    mode: int,
    actor: str,
    types: Mapping[str, TypeSpec],
    on_progress: Progress,
) -> tuple[Head, int, int, tuple[str, ...]]:
    place, store = draft.rpartition(".new-")[0], SqliteStore(draft)
    try:
        os.chmod(draft, mode)
        epoch, erased = store.acquire(), given.newest_erased()
        blobs = _carry(given, store, epoch, base, on_progress)
        if given.newest_erased() != erased:
            raise CannotWrite(path=place, why="something was erased from the space meanwhile; fork it again")
        assert store.head() == base, "every record up to the base was carried over"
        for cid in blobs:
            if given.has_blob(cid):  # else it was erased
                store.keep_blob(_parts(given, cid))
        done = rebuild(store, epoch=epoch, types=types)
        runs, schedules = _end_all(Engine(store, epoch=epoch, types=dict(types), now=_now), actor, base)
        head = store.head()
    except RecordUnplayable as why:
        raise CannotWrite(path=place, why=f"record {why.position} cannot be played again: {why.why}") from why
    except StoreFailed as why:
        raise CannotWrite(path=place, why=why.why) from why
    finally:
        store.close()
    with contextlib.suppress(FileNotFoundError):
        os.chmod(f"{draft}-mark", mode)
    return head, runs, schedules, (*done.kept, *done.lost)


def _carry(given: Store, store: Store, epoch: int, base: Head, on_progress: Progress) -> set[Cid]:
    """Write every record up to the base; returns the blobs that they name."""
    writing, named = Writing(store, epoch), set[Cid]()
    for record in given.records(until=base.position):
        named |= _named(given, record)
        standing = None
        if record.payload is not None and content_id(record.payload) != record.payload_id:
            standing, record = record.payload, record._replace(payload=None)
        writing.take(record, standing)
        on_progress(record.position, base.position)
    writing.flush()
    return named


def _named(given: Store, record: Record) -> set[Cid]:
    """The blobs that a record names, also within values that are kept apart as they are large."""
    if record.payload is None:
        return set()
    named = blobs_in(record.payload)
    for cid in kept_in(record.payload):
        if given.has_blob(cid):
            with given.open_blob(cid) as content:
                named |= blobs_in(content.read())
    return named


def _parts(given: Store, cid: Cid) -> Iterator[bytes]:
    with given.open_blob(cid) as content:
        while chunk := content.read(PART_BYTES):
            yield chunk


def _end_all(engine: Engine, actor: str, base: Head) -> tuple[int, int]:
    """Tell that runs which are not over end, and that schedules pause and have no past times left to fire for; how
    many of each there are. What failed stays as it is: nothing comes of it unless somebody says so."""
    runs = [one for one in listed_runs(engine) if one.stands != "failed"]
    schedules = [*listed_schedules(engine)]
    intents: list[Plain] = [[one.entity, one.flow, "end", one.run, "cancelled", None] for one in runs]
    for one in schedules:
        intents += [[one.entity, one.flow, "schedule", one.next_us], [one.entity, one.flow, "pause"]]
    if intents:
        id = event_id(actor, f"fork at {base.digest.hex()}")
        engine.tell(event_plain(id, intents, actor=actor, base=base.position, time=_now()))
        engine.commit()
    return len(runs), sum(not one.is_paused for one in schedules)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
