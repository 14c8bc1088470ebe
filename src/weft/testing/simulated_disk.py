"""A simulated disk, and a store on it: what was written and not synced is lost, torn or whole after a crash.

Each transaction is written as pieces (a record each, the rows of a table each, and a closing piece that says how many
there were) and then synced. A crash before the sync lets each piece through, tears it, or loses it, whatever their
order was: a transaction of which one piece is missing or torn never was, nor is any behind it. A disk that `lies`
returns from a sync without having done it, as drives with a volatile cache do; no engine can keep its promises on one,
so a test that cannot tell is blind.

Knows nothing of engines. Invariant: after a crash there are whole transactions, and all that an honest disk synced.
Source: write-ahead logs with checksummed frames; SQLite's power-cut tests; ALICE.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from weft.content import Cid
from weft.record import Record
from weft.standing import Erasure
from weft.store import Batch, Fenced, Head, Holder, Key, Row, StoreFailed, Table, Within
from weft.stores.memory import MemoryStore
from weft.testing.crash import Life


@dataclass(slots=True)
class Transaction:
    """What is written at once: a batch under an epoch, an inbox entry, or a blob; and in how many pieces. `is_made`: of
    a blob, that a record is yet to name it."""

    change: Batch | bytes | tuple[bytes, ...]
    epoch: int
    pieces: int
    erasure: Erasure | None = None
    """What a batch takes away."""
    is_made: bool = False


class SimulatedDisk:
    """What outlives crashes."""

    def __init__(self, rnd: random.Random, *, lies: bool = False) -> None:
        self._rnd, self._lies = rnd, lies
        self.platter = MemoryStore()
        """What can be read of it."""
        self.refusals = 0
        """How many more writes fail, as on a full disk."""
        self._written: list[Transaction] = []
        """Everything in order, where a disk that lies may have to go back."""
        self._unsynced: list[Transaction] = []

    def open(self, life: Life) -> SimulatedStore:
        """A store on it, for one life of one program."""
        return SimulatedStore(self, life)

    def write(self, transaction: Transaction) -> None:
        """Begin a transaction: its pieces are under way, and not synced."""
        self._unsynced.append(transaction)

    def sync(self) -> None:
        """What was written is durable; a disk that lies only says so."""
        if not self._lies:
            self._unsynced.clear()

    def note(self, transaction: Transaction) -> None:
        """A transaction can be read from now on."""
        if self._lies:
            self._written.append(transaction)

    def crash(self) -> int:
        """Lose power; returns how many transactions that were not synced survived."""
        unsynced, self._unsynced = self._unsynced, []
        survived = 0
        while survived < len(unsynced) and self._is_whole(unsynced[survived]):
            survived += 1
        if self._lies:
            lost = len(unsynced) - survived
            del self._written[max(0, len(self._written) - lost) :]
            self._rebuild()
        else:
            for transaction in unsynced[:survived]:
                _apply(self.platter, transaction)
        self.platter._space.holder = None
        return survived

    def _is_whole(self, transaction: Transaction) -> bool:
        """Whether recovery finds every piece of it: each got through, was torn, or was lost."""
        fates = [self._rnd.choice(("through", "through", "through", "torn", "lost")) for _ in range(transaction.pieces)]
        return self._rnd.random() < 0.3 or all(fate == "through" for fate in fates)

    def _rebuild(self) -> None:
        self.platter, epoch = MemoryStore(), self.platter._space.epoch
        self.platter._space.epoch = epoch
        for transaction in self._written:
            _apply(self.platter, transaction)


def _apply(platter: MemoryStore, transaction: Transaction) -> None:
    change = transaction.change
    if isinstance(change, Batch):
        now, platter._space.epoch = platter._space.epoch, transaction.epoch
        try:
            if transaction.erasure is None:
                platter.append(change, epoch=transaction.epoch)
            else:
                platter.erase(change, transaction.erasure, epoch=transaction.epoch)
        finally:
            platter._space.epoch = now
    elif isinstance(change, bytes):
        platter.post(change)
    else:
        platter.keep_blob(change, is_made=transaction.is_made)


class SimulatedStore:
    """The Store port on a simulated disk, for one life of one program: after a crash it can do nothing any more."""

    path: str | None = None

    def __init__(self, disk: SimulatedDisk, life: Life) -> None:
        self._disk, self._life = disk, life
        self._mine = MemoryStore(beside=disk.platter)

    def beside(self) -> SimulatedStore:
        """Another program's store on the same disk, in the same life."""
        return self._disk.open(self._life)

    # ---- what is written ----
    def append(self, batch: Batch, /, *, epoch: int) -> None:
        """Write the batch: pieces, then a sync."""
        self._write(Transaction(batch, epoch, len(batch.records) + len(batch.rows) + 1))

    def erase(self, batch: Batch, erasure: Erasure, /, *, epoch: int) -> None:
        """Write the batch and replace payloads: pieces, then a sync."""
        pieces = len(batch.records) + len(batch.rows) + len(erasure.payloads) + 1
        self._write(Transaction(batch, epoch, pieces, erasure))

    def sweep(self) -> str:
        """Nothing is left of what was replaced."""
        self._life.check()
        return ""

    def _write(self, transaction: Transaction) -> None:
        self._life.check()
        self._refuse()
        newest = self._mine._space.epoch
        if transaction.epoch != newest:
            raise Fenced(epoch=transaction.epoch, newest=newest)
        self._disk.write(transaction)
        self._life.pass_by("before commit")
        _apply(self._mine, transaction)
        self._disk.note(transaction)
        self._disk.sync()
        self._life.pass_by("after commit")

    def post(self, payload: bytes, /) -> int:
        """Put bytes into the inbox, durably."""
        self._life.check()
        self._refuse()
        number = self._mine.post(payload)
        self._done(Transaction(payload, 0, 1))
        self._life.pass_by("inbox posted")
        return number

    def keep_blob(
        self, chunks: Iterable[bytes], /, *, is_made: bool = False, within: Within = contextlib.nullcontext
    ) -> tuple[Cid, int]:
        """Keep content, durably."""
        self._life.check()
        content = tuple(chunks)
        kept = self._mine.keep_blob(content, is_made=is_made, within=within)
        self._done(Transaction(content, 0, 1, is_made=is_made))
        self._life.pass_by("blob kept")
        return kept

    def _done(self, transaction: Transaction) -> None:
        self._disk.write(transaction)
        self._disk.note(transaction)
        self._disk.sync()

    def _refuse(self) -> None:
        if self._disk.refusals:
            self._disk.refusals -= 1
            raise StoreFailed(path="the simulated disk", why="it is full")

    def clear(self, *, epoch: int) -> None:
        """Empty every table."""
        self._life.check()
        self._mine.clear(epoch=epoch)

    # ---- the lease ----
    def acquire(self) -> int:
        """Take the lease."""
        self._life.check()
        epoch = self._mine.acquire()
        self._life.pass_by("lease taken")
        return epoch

    def release(self) -> None:
        """Give the lease back."""
        if not self._life.is_over:
            self._mine.release()
            self._life.pass_by("lease released")

    def holder(self) -> Holder | None:
        """Who holds it."""
        self._life.check()
        return self._mine.holder()

    def enter(self, name: str, /) -> None:
        """Be there under a name."""
        self._life.check()
        self._mine.enter(name)

    def is_there(self, name: str, /) -> bool:
        """Whether whoever entered under a name is still there."""
        self._life.check()
        return self._mine.is_there(name)

    def close(self) -> None:
        """Let go."""
        self.release()
        if not self._life.is_over:
            self._mine.close()

    # ---- what is read ----
    def head(self) -> Head:
        """The newest record."""
        self._life.check()
        return self._mine.head()

    def records(self, after: int = 0, *, until: int | None = None) -> Iterator[Record]:
        """Records, ascending."""
        self._life.check()
        return self._mine.records(after, until=until)

    def row(self, table: Table, key: Key, /) -> Row | None:
        """A row."""
        self._life.check()
        return self._mine.row(table, key)

    def some(self, table: Table, keys: Sequence[Key], /) -> Mapping[Key, Row]:
        """Rows by their keys."""
        self._life.check()
        return self._mine.some(table, keys)

    def rows(self, table: Table, prefix: Key = (), /) -> Iterator[tuple[Key, Row]]:
        """Rows by prefix."""
        self._life.check()
        return self._mine.rows(table, prefix)

    def inbox(self, limit: int = 1000) -> Sequence[tuple[int, bytes]]:
        """Entries not taken yet."""
        self._life.check()
        return self._mine.inbox(limit)

    def unnamed(self) -> Sequence[Cid]:
        """The contents that were kept as made, and that no batch has named since."""
        return self._mine.unnamed()

    def has_blob(self, cid: Cid, /) -> bool:
        """Whether the content is here."""
        self._life.check()
        return self._mine.has_blob(cid)

    def open_blob(self, cid: Cid, /) -> BinaryIO:
        """A reader over the content."""
        self._life.check()
        return self._mine.open_blob(cid)

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """What the store beneath does."""
        return self._mine.reading()

    def changed(self) -> bool:
        """Whether anything was committed since it was last asked."""
        self._life.check()
        return self._mine.changed()
