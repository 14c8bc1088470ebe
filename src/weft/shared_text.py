"""A text that several people edit at once: what it is kept as, how an edit is written down, and how edits are merged.

An author turns changes into an update against the text that the author saw. Merging folds updates: what others wrote
meanwhile stays, concurrent insertions all survive, and whoever folds the same updates has the same text. A kept text is
one CRDT document of `loro`, which is loaded only when a text is first edited; the empty text is no bytes at all.

Knows nothing of events, entities or positions.
Invariant: a text is decided by the set of updates that were merged, not by how often each one came.
Source: loro, and through it Fugue (Weidner, Kleppmann) for insertions that do not interleave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from importlib.util import find_spec
from typing import TypeAlias

from weft.content import encode
from weft.errors import Unencodable, WeftError

UPDATE_BYTES_MAX = 16 << 20
"""The longest update that is merged; it may come from somebody else."""
_ROOT = "text"
_PEERS = 2**64 - 1  # loro keeps the greatest number for itself.


class NoText(WeftError):
    """Texts that several people edit are kept with `loro`, which is not installed. Install it with:
    pip install 'weft[text]'."""


class NotAnEdit(WeftError):
    """What should be an edit of a text ({size_bytes} bytes) cannot be merged: {why}. The text is unchanged."""

    size_bytes: int
    why: str


class UnreadableText(WeftError):
    """A kept text ({size_bytes} bytes) cannot be read: {why}. Rebuild the tables with `weft doctor --rebuild`."""

    exit_code = 4
    size_bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Put `text` in front of the character at `at`; characters are counted as in a Python str."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Take out the characters from `start` to before `stop`."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `text` in the place of the characters from `start` to before `stop`."""

    start: int
    stop: int
    text: str


Change: TypeAlias = Insert | Delete | Replace


class TextCell:
    """A kept text, loaded. Raises `UnreadableText` for a state that is none, and `NoText` where loro is missing."""

    __slots__ = ("_document", "_root")

    def __init__(self, state: bytes) -> None:
        """Load what `state` keeps."""
        if find_spec("loro") is None:
            raise NoText
        import loro

        self._document: loro.LoroDoc = loro.LoroDoc()  # type: ignore[no-untyped-call]  # its stub lacks `-> None`
        if state:
            try:
                with _loro_refusals():
                    self._document.import_(state)
            except _Refused as refused:
                raise UnreadableText(size_bytes=len(state), why=str(refused)) from None
        self._root = self._document.get_text(_ROOT)

    @property
    def text(self) -> str:
        """The text now."""
        return self._root.to_string()

    @property
    def state(self) -> bytes:
        """What to keep. Equal texts may be kept as different bytes: never hash or compare these."""
        import loro

        return self._document.export(loro.ExportMode.Snapshot())

    def edit(self, actor: str, changes: Sequence[Change], *, session: str | None = None) -> bytes:
        """Apply the changes, each to what the one before left; return the update that says so.

        Without a `session` every edit stands for itself (about 75 bytes in the kept text), and an equal edit of the
        same text by the same actor is the same edit. The edits of one session are packed together (about 8 bytes
        each), and each must be made on the text that holds all before it: of two made on the same text loro loses the
        second. An event's id is a session of one edit.

        Raises IndexError for places outside the text, and `Unencodable` for text that is not Unicode.
        """
        import loro

        document, stretches = self._document, _stretches(changes, self._root.len_unicode)
        document.peer_id = self._peer(actor, changes) if session is None else _number("session", actor, session)
        seen = document.oplog_vv
        for start, stop, text in stretches:
            if stop > start:
                self._root.delete(start, stop - start)
            if text:
                self._root.insert(start, text)
        document.commit()
        return document.export(loro.ExportMode.Updates(seen))

    def merge(self, update: bytes) -> bool:
        """Fold an update in, and say whether it was new. After `NotAnEdit` this cell must not be used any more."""
        if len(update) > UPDATE_BYTES_MAX:
            raise NotAnEdit(size_bytes=len(update), why=f"it is longer than {UPDATE_BYTES_MAX} bytes")
        before = self._document.oplog_vv
        try:
            with _loro_refusals():
                self._import(update)
        except _Refused as refused:
            raise NotAnEdit(size_bytes=len(update), why=str(refused)) from None
        return self._document.oplog_vv != before

    def _import(self, update: bytes) -> None:
        import loro

        # A snapshot is compressed, so a short one may unfold into anything; what `edit` makes never is one.
        if self._document.decode_import_blob_meta(update, True).mode != loro.EncodedBlobMode.Updates:
            raise _Refused("it is a whole document")
        if self._document.import_(update).pending is not None:
            raise _Refused("it builds on edits that are not in this text")
        held = self._document.get_deep_value()
        if not (isinstance(held, dict) and held.keys() <= {_ROOT} and isinstance(held.get(_ROOT, ""), str)):
            raise _Refused("it writes elsewhere than in the text")

    def _peer(self, actor: str, changes: Sequence[Change]) -> int:
        """Who loro takes for the author of these changes: a number made of all that makes the edit.

        One number for each actor would not do: loro takes two edits that one author made on the same text, as in two
        windows, for the same edit, and loses the second without a word.
        """
        said = [part for change in changes for part in (type(change).__name__, *map(str, astuple(change)))]
        return _number("edit", actor, self._document.oplog_frontiers.encode().hex(), *said)


def empty_text() -> bytes:
    """The text without characters; needs no loro."""
    return b""


def text_of(state: bytes) -> str:
    """The characters of a kept text."""
    return TextCell(state).text if state else ""


def edit_text(state: bytes, actor: str, changes: Sequence[Change], *, session: str | None = None) -> bytes:
    """The update that says what `actor`, who saw `state`, changed; see `TextCell.edit`."""
    return TextCell(state).edit(actor, changes, session=session)


def merge_text(state: bytes, update: bytes) -> bytes:
    """The kept text with an update folded in, unchanged if it was in already. Raises `NotAnEdit` for what is no update,
    or builds on edits that `state` lacks. Cost: loading and writing the text, 1–5 ms at 3,000 edits."""
    cell = TextCell(state)
    return cell.state if cell.merge(update) else state


def _stretches(changes: Sequence[Change], length: int) -> list[tuple[int, int, str]]:
    """Each change as start, stop and text, all checked before the first is applied."""
    stretches = []
    for change in changes:
        start, stop, text = _stretch(change, length)
        length += len(text) - (stop - start)
        stretches.append((start, stop, text))
    return stretches


def _stretch(change: Change, length: int) -> tuple[int, int, str]:
    start, stop = (change.at, change.at) if isinstance(change, Insert) else (change.start, change.stop)
    text = "" if isinstance(change, Delete) else change.text
    if not 0 <= start <= stop <= length:
        raise IndexError(f"the text has {length} characters: {start}…{stop} is not a stretch of it")
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        raise Unencodable(where="the text", what=repr(text[broken.start]), why="it is half a character") from None
    return start, stop, text


def _number(*parts: str) -> int:
    digest = hashlib.sha256(encode(list(parts))).digest()
    return int.from_bytes(digest[:8], "big") % _PEERS


class _Refused(Exception):
    """Loro took something for no document of its own."""


@contextmanager
def _loro_refusals() -> Iterator[None]:
    """Turn what loro raises into a `_Refused`: it raises BaseException itself, and its panics derive from that."""
    try:
        yield
    except Exception:
        raise
    except BaseException as raised:
        if type(raised) is not BaseException and type(raised).__name__ != "PanicException":
            raise  # An interrupt, an exit or a cancellation that fell into this moment.
        raise _Refused(str(raised)) from None
