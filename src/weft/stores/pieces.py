"""Raw content inside the SQLite file: cut into pieces while it streams in, put together while it is read.

Content whose end has not come yet waits in a nameless temporary file, since its id is known only at the end. Its pieces
are then written under that id, some at a time, so that no transaction holds up the engine for long; the row in `blob`
is last and makes it visible. Pieces without that row are invisible, and are swept by the next holder of the lease.

Knows nothing of the log or the lease.
Invariant: if the `blob` row is there, so are all pieces, and each has its checksum.
Source: git's loose objects (write, then name by content); chunked blobs as in Fossil.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

from weft.content import Cid, cid_text, raw_id_of_digest
from weft.store import SpaceDamaged
from weft.stores import schema
from weft.stores.refusal import SqliteErrors, of_sqlite, of_system

PIECE_BYTES = 1 << 20
"""The size of every piece but the last."""
PIECES_AT_ONCE = 8
"""How many pieces one transaction writes."""


class Intake:
    """Content on its way in: hashed and spooled, at most one chunk and one piece in memory. Close it."""

    def __init__(self, chunks: Iterable[bytes], path: str) -> None:
        self._path = path
        digest = hashlib.sha256()
        self.size_bytes = 0
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(PIECE_BYTES, dir=os.path.dirname(path))  # noqa: SIM115
        try:
            for chunk in chunks:
                digest.update(chunk)
                self.size_bytes += len(chunk)
                self._write(chunk)
        except BaseException:
            self._spool.close()
            raise
        self.cid: Cid = raw_id_of_digest(digest.digest())

    @property
    def piece_count(self) -> int:
        """How many pieces the content makes."""
        return piece_count(self.size_bytes)

    def batches(self) -> Iterator[list[tuple[bytes, int, bytes, int]]]:
        """The pieces as rows, by transaction."""
        self._spool.seek(0)
        for first in range(0, self.piece_count, PIECES_AT_ONCE):
            numbers = range(first, min(first + PIECES_AT_ONCE, self.piece_count))
            yield [self._piece(number) for number in numbers]

    def close(self) -> None:
        """Let go of the temporary file."""
        self._spool.close()

    def _write(self, chunk: bytes) -> None:
        try:
            self._spool.write(chunk)
        except OSError as error:
            raise of_system(error, self._path) from error

    def _piece(self, number: int) -> tuple[bytes, int, bytes, int]:
        content = self._spool.read(PIECE_BYTES)
        return self.cid, number, content, schema.piece_sum(self.cid, number, content)


def piece_count(size_bytes: int) -> int:
    """How many pieces content of this size has."""
    return -(-size_bytes // PIECE_BYTES)


def read_piece(connection: sqlite3.Connection, path: str, cid: Cid, number: int) -> bytes:
    """One piece. Raises `SpaceDamaged` when it is missing or changed."""
    try:
        found = connection.execute(schema.PIECE_GET, (cid, number)).fetchone()
    except SqliteErrors as error:
        raise of_sqlite(error, path, writing=False) from error
    if found is None:
        raise SpaceDamaged(path=path, what=f"piece {number} of the content {cid_text(cid)} is missing")
    content, crc = found
    if not isinstance(content, bytes) or schema.piece_sum(cid, number, content) != crc:
        raise SpaceDamaged(path=path, what=f"piece {number} of the content {cid_text(cid)} has changed")
    return content


class PieceReader(io.RawIOBase):
    """Seekable reading of one blob over a connection of its own, since it outlives the caller's lock on the store's."""

    def __init__(self, connection: sqlite3.Connection, path: str, cid: Cid, size_bytes: int) -> None:
        super().__init__()
        self._connection = connection
        self._path = path
        self._cid = cid
        self._size_bytes = size_bytes
        self._position = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to `offset` from the start, the present place or the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        if origin + offset < 0:
            raise ValueError(f"cannot seek to {origin + offset}: positions are not negative")
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """The present place."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill `buffer` with what follows, up to the end of a piece."""
        number, start = divmod(self._position, PIECE_BYTES)
        if self._position >= self._size_bytes:
            return 0
        if number != self._number:
            self._piece = read_piece(self._connection, self._path, self._cid, number)
            self._number = number
        part = self._piece[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        """Let go of the connection; harmless twice."""
        if not self.closed:
            self._connection.close()
        super().close()
