"""Blobs between a runner and its worker: a worker's shelf of what its calls were given, and parcels of what they made.

Content travels in pieces and lies in files, so that neither side holds a blob in memory. What a call was given is
fetched when it is first opened, and checked against its id before anybody reads it. The shelf keeps what was used last,
up to a bound; what a call may still open is not dropped while the call runs.

Knows nothing of calls or shapes.
Invariant: a file on the shelf holds exactly the content that its name is the id of.
Source: the object store beside git's working tree; CVMFS's cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import weakref
from collections.abc import Callable
from typing import IO, BinaryIO, cast

from weft.blob import Blob
from weft.content import Cid, cid_text, raw_id_of_digest
from weft.errors import WeftError
from weft.runners.frames import CHUNK_BYTES, Message, write_frame

SHELF_BYTES_MAX = 256 << 20


class BlobNotSent(WeftError):
    """The content {cid} did not reach the worker process: {why}."""

    cid: str
    why: str


def send_blob(sink: IO[bytes], wanted: Cid, blob: Blob | None) -> None:
    """Answer a worker that asked for content: piece by piece, or with the reason why not. Raises `OSError` when nobody
    reads any more."""
    if blob is None:
        write_frame(sink, {"do": "blob", "why": "it is not part of this call's arguments"})
        return
    chunks = blob.chunks(CHUNK_BYTES)
    while True:
        # Only reading is guarded: a pipe that breaks while writing is the worker's end, not a blob's fault.
        try:
            chunk = next(chunks, b"")
        except Exception as error:  # noqa: BLE001 - whatever a store raises is told to who asked
            write_frame(sink, {"do": "blob", "why": str(error)})
            return
        write_frame(sink, {"do": "blob", "content": chunk})
        if not chunk:
            return


class Parcel:
    """The content of a blob that a worker made, in a file here that goes when nobody can open it any more."""

    def __init__(self, cid: Cid, media_type: str) -> None:
        descriptor, self._path = tempfile.mkstemp(prefix="weft-")
        self._file = os.fdopen(descriptor, "wb")
        self._cid = cid
        self._media_type = media_type
        self._size_bytes = 0
        weakref.finalize(self, _remove, self._file, self._path)

    def add(self, content: bytes) -> None:
        """The next piece."""
        self._file.write(content)
        self._size_bytes += len(content)

    def open(self, _: Cid, /) -> BinaryIO:
        """A seekable reader of the content."""
        return open(self._path, "rb")

    def blob(self) -> Blob:
        """The blob, complete; it checks its content against its id, as every blob does."""
        self._file.close()
        return Blob(self._cid, self._media_type, self._size_bytes, self.open)


class Shelf:
    """Files by content id in `directory`, filled by whoever `ask`s for them and `receive`s what is sent.

    `open` may be called from any thread of user code, `receive` from the one that reads the pipe.
    """

    def __init__(self, directory: str, ask: Callable[[Message], None], *, bytes_max: int = SHELF_BYTES_MAX) -> None:
        self._directory = directory
        self._ask = ask
        self._bytes_max = bytes_max
        self._sizes: dict[Cid, int] = {}
        self._one_at_a_time = threading.Lock()
        self._arrived = threading.Event()
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self._why = ""

    def open(self, cid: Cid, /) -> BinaryIO:
        """A seekable reader of the content. Raises `BlobNotSent`."""
        with self._one_at_a_time:
            if cid not in self._sizes:
                self._fetch(cid)
            self._sizes[cid] = self._sizes.pop(cid)  # to the end: the last to go
            return open(self._path(cid), "rb")

    def receive(self, message: Message) -> None:
        """Take the next piece, or the reason why there is none."""
        assert self._file is not None
        content = cast("bytes | None", message.get("content"))
        if not content:
            self._why = cast("str", message.get("why", ""))
            self._file.close()
            self._arrived.set()
            return
        self._digest.update(content)
        try:
            self._file.write(content)
        except OSError as error:
            # The rest still arrives and is read away; its digest will not fit, or this reason is told.
            self._why = str(error)

    def trim(self) -> None:
        """Drop what was used longest ago, down to the bound; to be called between calls."""
        while sum(self._sizes.values()) > self._bytes_max:
            cid = next(iter(self._sizes))
            del self._sizes[cid]
            os.unlink(self._path(cid))

    def _fetch(self, cid: Cid) -> None:
        path = self._path(cid)
        self._digest, self._why = hashlib.sha256(), ""
        self._arrived.clear()
        self._file = open(path, "wb")  # noqa: SIM115 - closed with its last piece, by another thread
        self._ask({"say": "want", "blob": cid})
        self._arrived.wait()
        why = self._why
        if not why and raw_id_of_digest(self._digest.digest()) != cid:
            why = "what was sent has another content id"
        if why:
            os.unlink(path)
            raise BlobNotSent(cid=cid_text(cid), why=why)
        self._sizes[cid] = os.path.getsize(path)

    def _path(self, cid: Cid) -> str:
        return os.path.join(self._directory, cid_text(cid))


def _remove(file: IO[bytes], path: str) -> None:
    file.close()
    try:
        os.unlink(path)
    except OSError:
        pass  # somebody tidied up the directory of temporary files
