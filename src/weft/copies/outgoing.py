"""An export: the whole log and every blob of a space, as lines of JSON that people and other programs can read.

One line for the beginning, one a record in order of position, one a blob in order of content id (followed, in a file
of its own, by its content in parts), one for the end:

    {"weft-export": 1, "position": 8, "head": "9f86d0…"}
    {"record": {header}, "payload": {…}}               payload null where it was erased, or what is left of it
    {"blob": "bafk…", "size": 12345}
    {"part": "base64…"}                                in a file; in a folder the content is in blobs/bafk…
    {"end": {"position": 8, "head": "9f86d0…", "records": 8, "erased": 0, "blobs": 1, "bytes": 12345}}

Headers and payloads are written as they are kept, whatever kinds of record there are; `notation` says how.
Knows nothing of what payloads mean; reads the log through the store's port alone.
Invariant: memory holds one record, or one part of a blob, at a time; a place holds a whole export or none.
Source: git's fast-export; dag-json.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from weft.content import Cid, cid_text, decode
from weft.copies.notation import base64_of, json_of, line_of
from weft.copies.publishing import CannotWrite, create_private, drafting, mode_of, publish_new, refuse_taken, sync_file
from weft.record import Record
from weft.store import Head, NotASpace, Store
from weft.stores.schema import sync_folder
from weft.stores.sqlite import SqliteStore

FORMAT = 1
"""The number of the form that is written; it rises when a reader of the former one would be misled."""
FORMAT_ERASED = 2
"""The form of a space in which something was erased: a payload may be what stands in place of the one that its header
names, which a reader of the former form would take for damage."""
BEGINNING = "weft-export"
PART_BYTES = 384 << 10
"""How much of a blob stands on one line of a file: 512 KiB in base64."""
LINES_NAME = "log.ndjson"
"""What the lines are called in a folder."""
BLOBS_NAME = "blobs"
"""What the folder of blobs is called in a folder."""

Progress = Callable[[int, int], None]


class Listed(Store, Protocol):
    """A store that can also say which blobs it has, and whether something was erased from it."""

    def blobs(self) -> Iterator[tuple[Cid, int]]:
        """Content ids and sizes in bytes of all whole blobs, ascending by id."""
        ...

    def newest_erased(self) -> int:
        """The position of the newest record that says that something was erased; 0 where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: where, up to which head, how many records, blobs and bytes of blobs; and how many entries of
    the inbox (up to 1,000), which are not told yet, were not."""

    path: str
    head: Head
    records: int
    erased: int
    blobs: int
    blob_bytes: int
    waiting: int


def export_space(
    space: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    on_progress: Progress = lambda done, of: None,
) -> Exported:
    """The space at a path, also while a program computes it, as one file, or as a folder with a file for each blob:
    a destination without an ending such as `.ndjson`, or that ends in a slash, is a folder.

    `overwrite`: a file that is there is replaced; a folder never is. O(space) time. Raises `PlaceTaken`,
    `CannotWrite`, and what opening the space raises."""
    source, place = os.path.abspath(os.fspath(space)), os.path.abspath(os.fspath(destination))
    is_folder = is_folder_name(os.fspath(destination))
    if not os.path.lexists(source):
        raise NotASpace(path=source, why="nothing is there")
    if is_folder or os.path.isdir(place):
        refuse_taken(place)
    elif not overwrite:
        refuse_taken(place, remedy=", or say that it may be overwritten")
    elif os.path.lexists(place) and os.path.samefile(source, place):
        raise CannotWrite(path=place, why="it is the space itself")
    with _opened(source) as store, drafting(place) as draft:
        write = _write_folder if is_folder else _write_file
        made = write(store, draft, mode_of(source), on_progress)
        if is_folder:
            os.rename(draft, place)
            sync_folder(place)
        elif overwrite:
            os.replace(draft, place)
            sync_folder(place)
        else:
            publish_new(draft, place)
        waiting = len(store.inbox(_INBOX_MAX))
    return Exported(place, *made, waiting)


_INBOX_MAX = 1000
"""Up to how many entries of the inbox are counted."""


def is_folder_name(destination: str) -> bool:
    """Whether a destination names a folder: by a slash at its end, or for want of an ending."""
    return destination.endswith(("/", os.sep)) or not os.path.splitext(os.path.basename(destination))[1]


@contextlib.contextmanager
def _opened(source: str) -> Iterator[Listed]:
    store = SqliteStore(source)
    try:
        yield store
    finally:
        store.close()


def write_lines(
    space: str | os.PathLike[str], out: BinaryIO, *, on_progress: Progress = lambda done, of: None
) -> Exported:
    """The export of a space as lines, blobs included, for whoever reads them as they come."""
    source = os.path.abspath(os.fspath(space))
    if not os.path.lexists(source):
        raise NotASpace(path=source, why="nothing is there")
    with _opened(source) as store:
        made = _write(store, out, lambda cid, size: _parts(store, cid), on_progress)
        return Exported("-", *made, len(store.inbox(_INBOX_MAX)))


_Counts = tuple[Head, int, int, int, int]
_Content = Callable[[Cid, int], Iterable[bytes]]
"""Given a blob, the lines of its content; in a folder none, and the content is written beside."""


def _write_file(store: Listed, draft: str, mode: int, on_progress: Progress) -> _Counts:
    create_private(draft)
    with open(draft, "wb") as out:
        made = _write(store, out, lambda cid, size: _parts(store, cid), on_progress)
    _finish(draft, mode)
    return made


def _write_folder(store: Listed, draft: str, mode: int, on_progress: Progress) -> _Counts:
    blobs = os.path.join(draft, BLOBS_NAME)
    os.mkdir(draft, 0o700)
    os.mkdir(blobs, 0o700)

    def keep(cid: Cid, size: int) -> Iterable[bytes]:
        path = os.path.join(blobs, cid_text(cid))
        create_private(path)
        with open(path, "wb") as out, store.open_blob(cid) as content:
            while chunk := content.read(PART_BYTES):
                out.write(chunk)
        _finish(path, mode)
        return ()

    lines = os.path.join(draft, LINES_NAME)
    create_private(lines)
    with open(lines, "wb") as out:
        made = _write(store, out, keep, on_progress)
    _finish(lines, mode)
    for folder in (blobs, draft):
        sync_folder(os.path.join(folder, "."))
        os.chmod(folder, mode | (mode & 0o444) >> 2)  # whoever may read may also look into it
    return made


def _finish(path: str, mode: int) -> None:
    sync_file(path)
    os.chmod(path, mode)


def _write(store: Listed, out: BinaryIO, content: _Content, on_progress: Progress) -> _Counts:
    # The head first, then the blobs: an engine at work only adds, and keeps content before it is told of.
    head = store.head()
    said = {"position": head.position, "head": head.digest.hex()}
    out.write(line_of({BEGINNING: FORMAT_ERASED if store.newest_erased() else FORMAT, **said}))
    records = erased = blobs = blob_bytes = 0
    for record in store.records(until=head.position):
        out.write(record_line(record))
        records += 1
        erased += record.payload is None
        on_progress(record.position, head.position)
    for cid, size in store.blobs():
        out.write(line_of({"blob": cid_text(cid), "size": size}))
        out.writelines(content(cid, size))
        blobs += 1
        blob_bytes += size
    if store.newest_erased() > head.position:
        raise CannotWrite(path="the export", why="something was erased from the space meanwhile; export it again")
    end = {**said, "records": records, "erased": erased, "blobs": blobs, "bytes": blob_bytes}
    out.write(line_of({"end": end}))
    return head, records, erased, blobs, blob_bytes


def record_line(record: Record) -> bytes:
    """A record as a line: its header and its payload, as they are."""
    payload = None if record.payload is None else json_of(decode(record.payload))
    header = decode(record.header)
    assert isinstance(header, dict)
    header = {"position": header["position"], "kind": header["kind"]} | header  # what people look for comes first
    return line_of({"record": json_of(header, unfolding=0), "payload": payload})


def _parts(store: Listed, cid: Cid) -> Iterator[bytes]:
    with store.open_blob(cid) as content:
        while chunk := content.read(PART_BYTES):
            yield line_of({"part": base64_of(chunk)})
