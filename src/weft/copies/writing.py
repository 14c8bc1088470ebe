"""Writing: records, as they come, taken into a store in batches.

Knows nothing of where they come from. Invariant: each record follows the one before it, or is not written; what stands
in place of an erased payload is written as that.
Source: bulk loading.
"""

from __future__ import annotations

from weft.record import Record
from weft.standing import Erasure
from weft.store import Batch, Head, Store

RECORDS_PER_BATCH = 500
"""How many records one transaction writes, at most."""
BATCH_BYTES_MAX = 8 << 20
"""How many bytes of records one transaction writes, but for one record that is larger."""


class Writing:
    """Into one store, by whoever holds its lease; `flush` ends it."""

    def __init__(self, store: Store, epoch: int) -> None:
        self._store, self._epoch = store, epoch
        self._batch, self._batch_bytes = Batch(), 0
        self._standing: dict[int, bytes | None] = {}

    @property
    def head(self) -> Head:
        """The newest record that was taken."""
        if not self._batch.records:
            return self._store.head()
        newest = self._batch.records[-1]
        return Head(newest.position, newest.digest)

    def take(self, record: Record, standing: bytes | None = None) -> None:
        """Write a record. `standing`: what stands in place of the payload that its header names, which is not there;
        a record further on is to say so. Raises `Fenced`, `StoreFailed`, as do the others."""
        if standing is not None:
            self._standing[record.position] = standing
        self._batch.records.append(record)
        self._batch_bytes += len(record.header) + len(record.payload or b"") + len(standing or b"")
        if len(self._batch.records) >= RECORDS_PER_BATCH or self._batch_bytes >= BATCH_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._standing:
            self._store.erase(self._batch, Erasure(self._standing), epoch=self._epoch)
        elif self._batch.records:
            self._store.append(self._batch, epoch=self._epoch)
        self._batch, self._batch_bytes, self._standing = Batch(), 0, {}
