"""The Store port: a log that only grows, and the tables that are rebuilt from it.

The life of a record. An edit reaches the engine (directly, or through `inbox` when another program holds it). The
engine folds it, and one `Batch` carries the told record and every row that it changes: field `state`, `edge`s of
references, `due` marks of the slots that read what changed. When a slot is run outside the engine's own process an
`attempt` row is committed first. Its result is a computed record; the same batch holds its `memo` (where the first ok
result of its call key stands), where each new `node` of a large collection stands, its `version` (what the slot shows),
its cleared or moved `due` row and the due marks of its direct readers. Nothing else is written, and each table can be
made anew by playing the log through the engine.

Knows nothing of folds, results or scheduling. A store never interprets a row beyond its key columns.
Invariant: a batch is there whole or not at all, and only under the epoch of the newest lease.
Source: event sourcing's recorders; fencing tokens as in Chubby.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, TypeAlias

from msgspec import Struct, field

from weft.content import Cid
from weft.errors import WeftError
from weft.record import Entry, Record
from weft.standing import Erasure

if TYPE_CHECKING:
    from weft.blob import Blob

Column: TypeAlias = str | int | bytes | None
Key: TypeAlias = tuple[str | int | bytes, ...]
Row: TypeAlias = tuple[Column, ...]
Within: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Entered for as long as something is used that others share."""


class Table(Struct, frozen=True, eq=False):
    """A table by name: its key columns (rows are ordered by them) and its further columns. There is one of each."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    is_wide: bool = False
    """Whether its rows are long, and come in an order that is not their keys'."""


EVENT = Table("event", ("id",), ("position", "digest", "outcome"))
"""One row an event ever accepted or refused: where it stands, what it said (a digest), and the refusal, if any."""
ENTITY = Table("entity", ("id",), ("type", "created", "removed"))
KIND = Table("kind", ("type", "created", "id"), ())
"""Entities by type, in order of creation."""
STATE = Table("state", ("entity", "node", "element"), ("cell", "position"))
"""Told state: one row a field, or one an element; `cell` is canonical bytes that only the fold of its kind reads."""
EDGE = Table("edge", ("target", "node", "element", "reader", "ref"), ("since",))
"""Who reads through a reference: target entity (or an element of one of its nodes) to reader and its ref field."""
DUE = Table("due", ("entity", "node", "element"), ("first", "last"))
VERSION = Table("version", ("entity", "node", "element"), ("at", "position", "shown"), is_wide=True)
"""What a slot shows: the cut, the record that says so, and the canonical bytes of the result."""
TREE = Table("tree", ("entity", "node", "element"), ("row",))
"""Elements of a derived list that have, or had, an id: key, whether alive, last value."""
NODE = Table("node", ("entity", "node", "id"), ("position",))
"""Where each node of the trees stands that a slot has shown, by `node_key`."""
MEMO = Table("memo", ("key",), ("position",))
"""Where the first ok result of a call key stands, by `memo_key`."""
ATTEMPT = Table("attempt", ("epoch", "number"), ("entity", "node", "element", "at", "key"))
DEFINITION = Table("definition", ("type",), ("position", "content"))
SERVICE = Table("service", ("name",), ("position", "fingerprint"))
ALTERNATIVE = Table("alternative", ("key", "position"), ("value",))
"""Later ok results of a call key, kept and attributed, never shown by themselves."""

NEWEST = Table("newest", ("kind",), ("position",))
"""Where the newest told record stands: results are made for the cut that it makes. Beside it, which types are pinned,
and, under `closed`, that the engine before ended well while runs were under way."""
WAIT = Table("wait", ("kind", "due_us", "entity", "flow", "run", "step"), ())
"""What runs of flows wait for: see `weft.run_rows.Wait`. Of a kind, in the order of the moments when it is over."""

TABLES: tuple[Table, ...] = (
    EVENT, ENTITY, KIND, STATE, EDGE, DUE, VERSION, TREE, NODE, MEMO, ATTEMPT, DEFINITION, SERVICE, ALTERNATIVE, NEWEST,
    WAIT,
)  # fmt: skip


def memo_key(call_key: Cid) -> Key:
    """What the first result of a call key is found by: half of its digest; who finds it compares the whole."""
    return (call_key[-32:-16],)


def node_key(entity: str, node: str, id: Cid) -> Key:
    """What a node of a slot's tree is found by: half of its digest."""
    return (entity, node, id[-32:-16])


class Head(NamedTuple):
    """The newest record's position (0: none yet) and the sha-256 of its header (32 zero bytes: none yet)."""

    position: int
    digest: bytes


class Holder(NamedTuple):
    """Who holds a space's lease: process id, host name and the lease's epoch."""

    pid: int
    host: str
    epoch: int


class Batch(Struct):
    """What one transaction writes: records in order of position, rows (None deletes), inbox entries now done, and which
    contents that were kept as made its records name."""

    records: list[Record] = field(default_factory=list)
    rows: dict[Table, dict[Key, Row | None]] = field(default_factory=lambda: defaultdict(dict))
    taken: list[int] = field(default_factory=list)
    named: list[Cid] = field(default_factory=list)

    def put(self, table: Table, key: Key, row: Row | None) -> None:
        """Write `row` at `key`; None deletes. The last word for a key within a batch stands."""
        self.rows[table][key] = row

    def is_empty(self) -> bool:
        """Whether committing it would change nothing."""
        return not (self.records or self.taken or self.named or any(self.rows.values()))


class SpaceLocked(WeftError):
    """{path} is held by the engine of process {pid} on {host}. Open it without engine=True to work as its client, or
    close that program first."""

    exit_code = 4
    path: str
    pid: int
    host: str


class LockedHere(SpaceLocked):
    """{path} is held by an engine of this very program (process {pid}). Open it without engine=True to work as its
    client, or close it there first."""


class SpaceDamaged(WeftError):
    """{path} is damaged: {what}. Run `weft doctor {path}` to see what can be mended; keep a copy of the file and its
    neighbours first."""

    exit_code = 4
    path: str
    what: str


class SpaceNewer(WeftError):
    """{path} was written with schema {found}, and this Weft reads up to {known}. Install a newer Weft; nothing was
    changed."""

    exit_code = 4
    path: str
    found: int
    known: int


class NotASpace(WeftError):
    """{path} is not a Weft space: {why}. Give the path of a space, or of a file that does not exist yet."""

    exit_code = 4
    path: str
    why: str


class Fenced(WeftError):
    """This engine's lease (epoch {epoch}) was taken over by epoch {newest}; nothing was written. Open the space
    again."""

    exit_code = 4
    epoch: int
    newest: int


class StoreFailed(WeftError):
    """{path} could not be written: {why}. Nothing of this edit was kept; free space or mend the disk, then try
    again."""

    path: str
    why: str


class OpenedElsewhere(WeftError, RuntimeError):
    """{path} was opened by process {pid}, and this is process {here}, a fork of it, to which neither its engine nor its
    locks came along. Use the space there, or in a process that is started anew, as multiprocessing's "spawn" does."""

    exit_code = 4
    path: str
    pid: int
    here: int


def refuse_fork(path: str | None, pid: int) -> None:
    """Raise `OpenedElsewhere` unless this is process `pid`, which opened the space at `path` (None: in memory): in a
    fork of it no thread runs, and SQLite takes its locks for held that are not."""
    if (here := os.getpid()) != pid:
        raise OpenedElsewhere(path=path or "A space in memory", pid=pid, here=here)


class NoBlob(WeftError):
    """The content {cid} is not in this space: it was erased, or it never arrived."""

    cid: str


class Log(Protocol):
    """The log half: append at the head, read from any position."""

    def head(self) -> Head:
        """The newest record's position and digest."""
        ...

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        """Write the batch, durably, all or nothing. Raises `Fenced` when a newer lease exists, `StoreFailed` when the
        disk refuses; in both cases nothing was written. The first record must stand at head + 1 and name its digest."""
        ...

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        """The records that hold a position behind `after` and up to `until`, ascending, gap-free; payload None where it
        was erased. The first and the last may hold positions outside of these too."""
        ...


def entries_of(log: Log, after: int = 0, *, until: int | None = None) -> Iterator[Entry]:
    """What stands at each position of the log behind `after`, to `until` or the end, ascending. Raises
    `SpaceDamaged`."""
    for record in log.records(after, until=until):
        for entry in record.entries(after):
            if until is not None and entry.position > until:
                return
            yield entry


def entry_at(log: Log, position: int) -> Entry | None:
    """What stands at this position of the log; None behind its head. Raises `SpaceDamaged`."""
    return next(entries_of(log, position - 1, until=position), None) if position > 0 else None


class Rows(Protocol):
    """The table half: rows by key, and ranges by the first columns of a key."""

    def row(self, table: Table, key: Key, /) -> Row | None:
        """The row at exactly this key."""
        ...

    def some(self, table: Table, keys: Sequence[Key], /) -> Mapping[Key, Row]:
        """The rows at these keys, of those that are there; as one by one, and quicker."""
        ...

    def rows(self, table: Table, prefix: Key = (), /) -> Iterator[tuple[Key, Row]]:
        """All rows whose key begins with `prefix`, ascending by key; a snapshot, unmoved by later batches."""
        ...

    def clear(self, *, epoch: int) -> None:
        """Empty every table of `TABLES` (not the log, blobs or inbox), in one transaction; for a rebuild."""
        ...


class Store(Log, Rows, Protocol):
    """Everything a space keeps: log, tables, blobs, the inbox for other programs, and the engine's lease."""

    path: str | None
    """Where it is, or None for memory."""

    def acquire(self) -> int:
        """Take the lease and return its epoch, greater than any before. Raises `SpaceLocked` while a living process (or
        another store object of this one) holds it. The lease is free as soon as its holder dies; a
        program that it was just starting is outwaited."""
        ...

    def release(self) -> None:
        """Give the lease back; harmless when it is not held."""
        ...

    def holder(self) -> Holder | None:
        """Who holds the lease now, if anybody living does."""
        ...

    def enter(self, name: str, /) -> None:
        """Be there under a name that was never used before (`weft.watchers.new_presence`), until this object is closed
        or its program ends, in whichever way. Raises `StoreFailed`."""
        ...

    def is_there(self, name: str, /) -> bool:
        """Whether whoever entered under a name is still there; also where that cannot be found out."""
        ...

    def post(self, payload: bytes, /) -> int:
        """Put bytes into the inbox; durable on return, whoever holds the lease. Returns its increasing number."""
        ...

    def inbox(self, limit: int = 1000) -> Sequence[tuple[int, bytes]]:
        """Entries not yet taken, ascending by number. An entry leaves by `Batch.taken`."""
        ...

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = nullcontext
    ) -> tuple[Cid, int]:
        """Store raw content as it streams in; durable on return; returns its raw content id and size in bytes. Keeping
        the same content again changes nothing. Open to clients, no lease needed. Memory: one chunk at a time.

        `within`: for whoever shares this object with other threads: it is entered for each short use of what is shared,
        and never while the chunks are taken, however long these are in coming.

        `is_made`: a record that is yet to be written names it, so until a batch says so (`Batch.named`) it is one of
        those that are `unnamed`, unless it was here already."""
        ...

    def unnamed(self) -> Sequence[Cid]:
        """The contents that were kept as made and that no batch has named since: whoever kept them came to no record,
        or not yet."""
        ...

    def has_blob(self, cid: Cid, /) -> bool:
        """Whether the whole content is here."""
        ...

    def open_blob(self, cid: Cid, /) -> BinaryIO:
        """A seekable reader over the content, read piece by piece. Raises `NoBlob`. The one method that any thread may
        call while another uses the store: values are decoded, and their blobs opened, wherever an operation runs."""
        ...

    def erase(self, batch: Batch, erasure: Erasure, /, *, epoch: int) -> None:
        """Write the batch and take the erasure's parts away, durably, all or nothing. A payload that replaces another
        must be named by a record of kind "erased", in the log or the batch: a store that checks what it reads takes it
        for damage else.
        Raises as `append` does. Bytes may be left where nothing points to; `sweep` takes those."""
        ...

    def sweep(self) -> str:
        """Leave no byte, in any file of the space, of what was replaced or deleted. Needs the lease. Returns "", or why
        it could not be done now, in words: then whoever next takes the lease does it. O(space)."""
        ...

    def changed(self) -> bool:
        """Whether anything, by anybody, was committed since this was last asked; cheap enough for every 10 ms."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """While it is open, all that is read is of one moment, whatever others commit; nothing is written meanwhile by
        this object. It may be opened within itself."""
        ...

    def close(self) -> None:
        """Release the lease, and let go of files. Harmless twice."""
        ...


def keep_content(store: Store, blob: Blob, within: Within) -> None:
    """Keep a blob's content, if it is not here yet, while others go on using the store."""
    with within():
        is_here = store.has_blob(blob.id)
    if not is_here:
        store.keep_blob(blob.chunks(), within=within)
