"""An import: a new space from the lines of an export, every record and blob proved, every table made anew.

Nothing is taken on trust. Each header is put together again, and must name the one before; each payload and each blob
must be what its id says; the end must say what was read. The tables are then made by playing the log. All of that
happens in a draft; only a whole space takes its place.

Knows nothing of what payloads mean.
Invariant: an import gives a space with the very head that was exported, or an error that names the line, and nothing.
Source: git's fast-import and fsck.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from weft.content import BYTES_MAX, Cid, Link, cid_text, content_id, is_raw_id, parse_cid
from weft.copies.notation import Misspelt, bytes_of, canonical, parse_line, plain_of
from weft.copies.outgoing import BEGINNING, BLOBS_NAME, FORMAT, FORMAT_ERASED, LINES_NAME, PART_BYTES
from weft.copies.publishing import CannotWrite, drafting, mode_of, publish_space, refuse_taken_space
from weft.copies.writing import Writing
from weft.errors import WeftError
from weft.rebuild import RecordUnplayable, rebuild
from weft.record import Record
from weft.spec import TypeSpec
from weft.standing import stands_of
from weft.store import Head, SpaceDamaged, Store, StoreFailed
from weft.stores.chain import Unchained, follow
from weft.stores.sqlite import SqliteStore

LINE_BYTES_MAX = 8 * BYTES_MAX
"""The longest line that is read: the largest payload, in text that JSON has to escape."""

Progress = Callable[[int, int], None]


class ImportRefused(WeftError):
    """{path}, line {line}: {why}. Nothing was imported. {next}"""

    path: str
    line: int
    why: str
    next: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made: where, its head, how many records and blobs; and folds of one's own whose state needs their code
    (ENTITY.NODE), to be rebuilt with it."""

    path: str
    head: Head
    records: int
    blobs: int
    lost: tuple[str, ...] = ()


def import_space(
    source: str | os.PathLike[str],
    space: str | os.PathLike[str],
    *,
    types: Mapping[str, TypeSpec] | None = None,
    on_progress: Progress = lambda done, of: None,
) -> Imported:
    """A new space at `space` from the file or folder that `export_space` wrote. `types`: with code, for folds of one's
    own. O(export) time; memory for one batch of records. Raises `ImportRefused`, `PlaceTaken`, `CannotWrite`."""
    given, place = os.path.abspath(os.fspath(source)), os.path.abspath(os.fspath(space))
    folder = given if os.path.isdir(given) else None
    lines = os.path.join(given, LINES_NAME) if folder is not None else given
    refuse_taken_space(place)
    with _open(lines) as file, drafting(place) as draft:
        mode = mode_of(lines)
        made = _made(_Lines(file, lines), folder, draft, mode, types or {}, on_progress)
        publish_space(draft, place)
    return Imported(place, *made)


@contextlib.contextmanager
def _open(lines: str) -> Iterator[BinaryIO]:
    try:
        file = open(lines, "rb")  # noqa: SIM115 - closed below; what else refuses is not about this file
    except OSError as error:
        raise ImportRefused(path=lines, line=0, why=f"it cannot be read ({error.strerror})", next=_ANEW) from None
    with file:
        yield file


_ANEW = "Give the file or folder that `weft export` wrote."
_AGAIN = "Export the space again, or take an unchanged copy of this file."


_SAYS_ERASED = re.compile(rb'.{0,400}"kind" *: *"erased"', re.DOTALL)


class _Lines:
    """The lines of an export, one at a time, each with its number; and how what is wrong with one is said."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self.file, self.path, self.number = file, path, 0

    def next(self, wanted: str) -> dict[str, object]:
        """The next line. Raises `ImportRefused` where it is not there or is no JSON object."""
        self.number += 1
        line = self.file.readline(LINE_BYTES_MAX)
        if not line:
            raise self.refused(f"the file ends, and {wanted} should follow")
        try:
            return parse_line(line)
        except Misspelt as why:
            raise self.refused(f"{why}") from None

    def standing(self) -> dict[int, Cid | None]:
        """What the lines that follow say of payloads that stand in place of others; read ahead, and not proved yet."""
        here, found = self.file.tell(), dict[int, Cid | None]()
        while line := self.file.readline(LINE_BYTES_MAX):
            if _SAYS_ERASED.match(line):
                with contextlib.suppress(Misspelt):
                    payload = plain_of(parse_line(line).get("payload"))
                    found |= stands_of(payload) if isinstance(payload, dict) else {}
        self.file.seek(here)
        return found

    def is_over(self) -> bool:
        """Whether nothing follows."""
        return not self.file.read(1)

    def refused(self, why: str, next: str = _AGAIN) -> ImportRefused:
        """What is wrong with the present line."""
        return ImportRefused(path=self.path, line=self.number, why=why, next=next)


def _made(
    lines: _Lines, folder: str | None, draft: str, mode: int, types: Mapping[str, TypeSpec], on_progress: Progress
) -> tuple[Head, int, int, tuple[str, ...]]:
    head, form = _beginning(lines)
    stands = lines.standing() if form == FORMAT_ERASED else {}
    store = SqliteStore(draft)
    try:
        os.chmod(draft, mode)
        epoch = store.acquire()
        reader = _Reader(lines, store, epoch, folder, stands)
        end = reader.read(head, on_progress)
        if store.head() != head:
            raise lines.refused("the log ends elsewhere than the first line says")
        if end != reader.counts():
            raise lines.refused(f"the end speaks of {_worded(end)}, and there were {_worded(reader.counts())}")
        if not lines.is_over():
            lines.number += 1
            raise lines.refused("something stands behind the end")
        try:
            done = rebuild(store, epoch=epoch, types=types)
        except RecordUnplayable as why:
            said = f"every record is whole, and record {why.position} cannot be played again: {why.why}"
            raise lines.refused(said, "A newer Weft may have written it: import it with that.") from why
        except SpaceDamaged as why:
            raise lines.refused(f"the log does not hold together: {why.what}") from why
    except StoreFailed as why:
        raise CannotWrite(path=draft.rpartition(".new-")[0], why=why.why) from why
    finally:
        store.close()
    os.chmod(f"{draft}-mark", mode)
    return head, reader.records, reader.blobs, (*done.kept, *done.lost)


def _worded(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _beginning(lines: _Lines) -> tuple[Head, int]:
    try:
        said = lines.next("the beginning of an export")
    except ImportRefused as refused:
        raise lines.refused(f"this is no export of a space: {refused.why}", _ANEW) from None
    if BEGINNING not in said:
        raise lines.refused("this is no export of a space", _ANEW)
    form = said[BEGINNING]
    if type(form) is not int or form not in (FORMAT, FORMAT_ERASED):
        known = f"its form is {form!r}, and this Weft reads {FORMAT} and {FORMAT_ERASED}"
        raise lines.refused(known, "Import it with the Weft that wrote it, or install a newer one.")
    return _head_in(lines, said), form


def _head_in(lines: _Lines, said: dict[str, object]) -> Head:
    position, digest = said.get("position"), said.get("head")
    if not isinstance(position, int) or isinstance(position, bool) or not isinstance(digest, str):
        raise lines.refused("it does not say which head was exported")
    try:
        return Head(position, bytes.fromhex(digest))
    except ValueError:
        raise lines.refused("it does not say which head was exported") from None


class _Reader:
    """What stands between the first line and the last, taken into a store."""

    def __init__(
        self, lines: _Lines, store: Store, epoch: int, folder: str | None, stands: Mapping[int, Cid | None]
    ) -> None:
        self.lines, self.store, self.folder, self.stands = lines, store, folder, stands
        self._writing = Writing(store, epoch)
        self.records = self.erased = self.blobs = self.blob_bytes = 0
        self._last_blob = Cid(b"")

    def counts(self) -> dict[str, int]:
        """What was read, as an export's end says it."""
        return {"records": self.records, "erased": self.erased, "blobs": self.blobs, "bytes": self.blob_bytes}

    def read(self, head: Head, on_progress: Progress) -> dict[str, int]:
        """Take every record and blob; returns what the end says of how many there are."""
        while True:
            said = self.lines.next("the end of the export")
            if "record" in said:
                record = self._record(said)
                self._take(record)
                on_progress(record.position, head.position)
                continue
            self._writing.flush()
            if "blob" in said:
                self._take_blob(said)
            elif "end" in said:
                return self._end(said["end"], head)
            else:
                raise self.lines.refused("it is neither a record, nor a blob, nor the end")

    def _record(self, said: dict[str, object]) -> Record:
        if self.blobs:
            raise self.lines.refused("a record stands behind a blob: lines were moved")
        try:
            return record_of(said)
        except Misspelt as why:
            raise self.lines.refused(str(why)) from None

    def _take(self, record: Record) -> None:
        standing = None
        if record.payload is not None and content_id(record.payload) == self.stands.get(record.position):
            # It stands in place of another: so says a record further on, whose turn to be proved is still to come.
            standing, record = record.payload, record._replace(payload=None)
        check_follows(self.lines, self._writing.head, record)
        self._writing.take(record, standing)
        self.records += 1
        self.erased += record.payload is None and standing is None

    def _take_blob(self, said: dict[str, object]) -> None:
        cid, size = self._blob_in(said)
        kept, kept_size = self.store.keep_blob(self._beside(cid) if self.folder is not None else self._parts(size))
        if kept != cid or kept_size != size:
            raise self.lines.refused(f"the content of the blob {cid_text(cid)} is not what its id names")
        self.blobs += 1
        self.blob_bytes += size

    def _blob_in(self, said: dict[str, object]) -> tuple[Cid, int]:
        text, size = said.get("blob"), said.get("size")
        try:
            cid = parse_cid(str(text))
        except WeftError as why:
            raise self.lines.refused(str(why)) from None
        if not is_raw_id(cid) or not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise self.lines.refused("it does not name a blob and its size")
        if cid <= self._last_blob:
            raise self.lines.refused("blobs are not in the order of their ids: lines were moved, or are there twice")
        self._last_blob = cid
        return cid, size

    def _parts(self, size: int) -> Iterator[bytes]:
        while size > 0:
            said = self.lines.next("more of a blob")
            try:
                part = bytes_of(said.get("part"))
            except Misspelt as why:
                raise self.lines.refused(f"more of a blob should stand here: {why}") from None
            if not part or len(part) > PART_BYTES or len(part) > size:
                raise self.lines.refused("this part of a blob is longer or shorter than it should be")
            size -= len(part)
            yield part

    def _beside(self, cid: Cid) -> Iterator[bytes]:
        assert self.folder is not None
        # The id is checked by its one spelling before it becomes part of a path.
        path = os.path.join(self.folder, BLOBS_NAME, cid_text(cid))
        try:
            with open(path, "rb") as content:
                while chunk := content.read(PART_BYTES):
                    yield chunk
        except OSError as error:
            raise self.lines.refused(f"its content, {path}, cannot be read ({error.strerror})") from None

    def _end(self, said: object, head: Head) -> dict[str, int]:
        if not isinstance(said, dict) or _head_in(self.lines, said) != head:
            raise self.lines.refused("the end does not name the head that the first line names")
        return {name: cast("int", said.get(name)) for name in self.counts()}


def record_of(said: dict[str, object]) -> Record:
    """The record that a line holds, put together from its header alone. Raises `Misspelt`."""
    header, payload = plain_of(said["record"]), said.get("payload")
    if said.keys() != {"record", "payload"} or not isinstance(header, dict):
        raise Misspelt("it is not a record with its header and payload")
    place = header.get("payload")
    if not isinstance(place, Link):
        raise Misspelt("its header does not name its payload")
    body = None if payload is None else canonical(plain_of(payload))
    position, kind, epoch = (header.get(name) for name in ("position", "kind", "epoch"))
    for found, wanted in ((position, int), (kind, str), (epoch, int)):
        if type(found) is not wanted:
            raise Misspelt("its header does not say its position, kind and epoch")
    return Record(cast("int", position), cast("str", kind), cast("int", epoch), place.cid, canonical(header), body)


def check_follows(lines: _Lines, head: Head, record: Record) -> None:
    """Refuse a record that is not what its header says, or does not follow the one before it."""
    try:
        follow(head, [record])
    except Unchained as why:
        said = f"record {why.position} cannot follow record {why.head}: {why.why}; it was changed, moved or left out"
        raise lines.refused(said) from None
