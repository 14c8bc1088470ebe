"""A blob: raw content, such as a photo or a document, named by the id of its bytes.

A Blob is a small frozen value. Its content stays where it is, in a file, in memory or in a store, until it is opened,
so that a value may hold many large blobs.

Knows nothing of stores: what decodes a value hands in the function that opens content by id.
Invariant: `chunks` and `bytes` never give the whole of other content than the id names; they raise instead.
Source: git's blobs; IPFS raw leaves.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, TypeAlias

from weft.content import Cid, cid_text, is_raw_id, raw_id, raw_id_of_digest
from weft.errors import WeftError

Opener: TypeAlias = Callable[[Cid], BinaryIO]
"""Opens content by its raw id, seekable; a store's `open_blob` is one."""

CHUNK_BYTES = 1 << 20
UNKNOWN_MEDIA_TYPE = "application/octet-stream"

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(?:; ?[\w-]{1,40}=[\w.+-]{1,80})*", re.ASCII)


class UnreadableFile(WeftError):
    """{path} cannot be read: {why}. Give the path of a regular file that this program may read."""

    path: str
    why: str


class BlobChanged(WeftError):
    """{path} no longer holds the content {cid} that was read from it. Read it anew with Blob.read."""

    path: str
    cid: str


class BlobDamaged(WeftError):
    """What was found as the content {cid} has another content id, so it is not used. Look at the space with
    `weft doctor`."""

    cid: str


class BlobOutOfReach(WeftError):
    """The content {cid} is not within reach: its Blob was made or decoded apart from a space. Take the Blob from an
    open space, or from Blob.read or Blob.from_bytes."""

    cid: str


class NotABlob(WeftError):
    """{what} cannot be part of a blob: {why}."""

    what: str
    why: str


class _File(NamedTuple):
    """A local file, and what its file system said of it when it was hashed."""

    path: str
    stamp: tuple[int, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Blob:
    """Raw content by id, with its media type; equal to another of the same id and media type."""

    id: Cid
    media_type: str
    size_bytes: int = field(compare=False)
    _source: bytes | _File | Opener | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Media types end up in headers, and ids in paths of stores: neither is taken on trust."""
        if not is_raw_id(self.id):
            raise NotABlob(what="This id", why="it is not the id of raw content")
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise NotABlob(what=f"The media type {self.media_type[:80]!r}", why='it does not look like "image/png"')
        if self.size_bytes < 0:
            raise NotABlob(what=f"The size {self.size_bytes}", why="sizes are not negative")

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, media_type: str | None = None) -> Blob:
        """The content of the file at `path`, hashed in one pass; O(1) memory. The file has to stay as it is until the
        blob is kept by a space; if it changes first, keeping it raises `BlobChanged`. Raises `UnreadableFile`."""
        name = os.fspath(path)
        if not name:
            raise UnreadableFile(path="An empty path", why="it names no file")
        try:
            # O_NONBLOCK: opening a named pipe would otherwise wait for a writer, before it can be refused.
            with open(
                name, "rb", buffering=0, opener=lambda at, flags: os.open(at, flags | getattr(os, "O_NONBLOCK", 0))
            ) as file:
                before = _stamp_of(file.fileno())
                head = file.read(64)
                file.seek(0)
                digest = hashlib.file_digest(file, "sha256").digest()
                size_bytes = file.tell()
                after = _stamp_of(file.fileno())
        except (OSError, ValueError) as refused:
            why = refused.strerror if isinstance(refused, OSError) and refused.strerror else str(refused)
            raise UnreadableFile(path=name, why=why) from None
        if before != after:
            raise UnreadableFile(path=name, why="it is being written to")
        media_type = media_type or _sniffed(head) or _by_name(name)
        return cls(raw_id_of_digest(digest), media_type, size_bytes, _File(os.path.join(os.getcwd(), name), after))

    @classmethod
    def from_bytes(cls, content: bytes, *, media_type: str | None = None) -> Blob:
        """These bytes as a blob; the media type is taken from their beginning unless it is given."""
        return cls(raw_id(content), media_type or _sniffed(content[:64]) or UNKNOWN_MEDIA_TYPE, len(content), content)

    @property
    def is_pending(self) -> bool:
        """Whether the content comes from this program's memory or files, so that a store may not have it yet."""
        return isinstance(self._source, (bytes, _File))

    def bound_to(self, opener: Opener) -> Blob:
        """The same blob, its content found by `opener`."""
        return Blob(self.id, self.media_type, self.size_bytes, opener)

    def open(self) -> BinaryIO:
        """A seekable reader; close it. Raises `BlobOutOfReach`, `BlobChanged`, `UnreadableFile`, or what the store
        raises for content that it has not got. Only `chunks` and `bytes` check all that is read against the id."""
        match self._source:
            case None:
                raise BlobOutOfReach(cid=cid_text(self.id))
            case bytes() as content:
                return io.BytesIO(content)
            case _File() as file:
                return self._open_file(file)
            case opener:
                return opener(self.id)

    def chunks(self, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The content piece by piece. Raises `BlobChanged` or `BlobDamaged` at the end when all of it together is not
        what the id names, so a store that takes it in must not commit before the last."""
        seen = hashlib.sha256()
        with self.open() as reader:
            while chunk := reader.read(size):
                seen.update(chunk)
                yield chunk
        if raw_id_of_digest(seen.digest()) != self.id:
            raise self._mismatch()

    def bytes(self) -> bytes:
        """The whole content, checked against the id; for large content use `open` or `chunks`."""
        return b"".join(self.chunks())

    def _open_file(self, file: _File) -> BinaryIO:
        try:
            reader = open(file.path, "rb")  # noqa: SIM115 - the caller closes it
        except OSError as refused:
            raise UnreadableFile(path=file.path, why=refused.strerror or str(refused)) from None
        if _stamp_of(reader.fileno()) != file.stamp:
            reader.close()
            raise self._mismatch()
        return reader

    def _mismatch(self) -> WeftError:
        if isinstance(self._source, _File):
            return BlobChanged(path=self._source.path, cid=cid_text(self.id))
        return BlobDamaged(cid=cid_text(self.id))

    def __repr__(self) -> str:
        return f"Blob({cid_text(self.id)}, {self.media_type}, {self.size_bytes} bytes)"


def bind(blob: Blob, opener: Opener) -> None:
    """Tell a blob that was only just decoded, and that nobody else has seen, how to find its content."""
    assert blob._source is None
    object.__setattr__(blob, "_source", opener)


def find_as(blob: Blob, other: Blob) -> None:
    """The same, as another of the same id finds it: what is in this program's memory or files alone stays pending."""
    assert blob._source is None and blob.id == other.id
    object.__setattr__(blob, "_source", other._source)


def _stamp_of(descriptor: int) -> tuple[int, ...]:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a regular file")
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypM4A ", "audio/mp4"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"%PDF-", "application/pdf"),
)


def _sniffed(head: bytes) -> str | None:
    """Content first: a file's name is often wrong, and an upload's often absent."""
    for offset, signature, media_type in _SIGNATURES:
        if head.startswith(signature, offset) and (offset != 8 or head.startswith(b"RIFF")):
            return media_type
    return None


def _by_name(path: str) -> str:
    import mimetypes

    # An object of our own knows Python's table alone: what a system's files add would differ from machine to machine.
    media_type, compressed = mimetypes.MimeTypes(filenames=()).guess_type(os.path.basename(path))
    return UNKNOWN_MEDIA_TYPE if media_type is None or compressed else media_type
