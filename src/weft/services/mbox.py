"""An mbox file, read while other programs add mails to it, mark them, or take some away.

Mails are in the order of the file, at whose end new ones are put. A mail is known by a digest of its content without
the fields in which programs keep its flags; the cursor holds the digests of the last few that were given, so that the
place is found again after mails before it were marked or taken away. The whole file is read for each page.

Knows nothing of what stands in mails.
Invariant: a page is of one state of the file, or raises; a mail is given once it is whole. Two mails that are equal
byte by byte, envelope and all, have uids that tell which of them comes first.
Source: RFC 4155; the mboxrd and mboxcl forms, and who writes them.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from weft.services.mail import Head, Mail, header_bytes, read_head, read_mail
from weft.services.mail_files import MailFiles
from weft.services.mailbox import Cursor, MailboxBusy, MailboxRenewed, Page

try:
    import fcntl
except ImportError:  # Windows has no such locks, and no mail servers that take them
    fcntl = None  # type: ignore[assignment]

ANCHORS = 8
"""By so many of the last mails an mbox file's cursor finds its place: all of them must be gone before it cannot."""
_START = re.compile(rb"^From [^\n]*\d:\d\d[^\n]*\d{4}[^\n]*\n", re.MULTILINE)
_FLAGS = re.compile(rb"(?im)^(?:X-)?(?:Status|Keywords|UID|IMAP|IMAPbase|Mozilla-[a-z0-9]+):.*\n(?:[ \t].*\n)*")
_CURSOR = re.compile(r"-|[0-9a-f]{20}\.\d{1,9}(?: [0-9a-f]{20}\.\d{1,9})*")
_ENVELOPE_DATE = re.compile(rb"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{1,2}:\d\d(?::\d\d)?)[^\n]*? (\d{4})")


class Span(NamedTuple):
    """Where a mail lies in the file, its envelope line with it, and the uid that it has."""

    start: int
    end: int
    uid: str


@dataclass(frozen=True, slots=True)
class Mbox(MailFiles):
    """An mbox file."""

    def _check(self) -> None:
        if not self.path.is_file():
            raise self._missing("there is no such file")

    def _page(self, after: Cursor | None, limit: int) -> Page:
        anchors = () if after is None else self._parsed(after)
        content, spans = self._content()
        first = self._place(spans, anchors)
        taken = spans[first : first + limit]
        heads: list[Head] = []
        for span in taken:
            raw, arrived = _mail_bytes(content, span), _arrived(content, span)
            heads.append(read_head(header_bytes(raw), uid=span.uid, arrived=arrived, size_bytes=len(raw)))
        uids = [*anchors, *(span.uid for span in taken)][-ANCHORS:]
        return Page(tuple(heads), " ".join(uids) or "-", is_last=first + limit >= len(spans))

    def _mails(self, uids: tuple[str, ...]) -> tuple[Mail, ...]:
        content, spans = self._content()
        places = {span.uid: span for span in spans}
        found: list[Mail] = []
        for span in (places[uid] for uid in uids if uid in places):
            raw, arrived = _mail_bytes(content, span), _arrived(content, span)
            found.append(read_mail(raw[: self.mail_bytes_max], uid=span.uid, arrived=arrived, size_bytes=len(raw)))
        return tuple(found)

    def _parsed(self, cursor: Cursor) -> tuple[str, ...]:
        if _CURSOR.fullmatch(cursor) is None:
            raise self._bad_cursor(cursor, "it holds no digests of mails")
        return tuple(cursor.split()) if cursor != "-" else ()

    def _place(self, spans: list[Span], anchors: tuple[str, ...]) -> int:
        """Behind the last of the mails given that is still there."""
        if not anchors:
            return 0
        places = {span.uid: place for place, span in enumerate(spans)}
        for anchor in reversed(anchors):
            if anchor in places:
                return places[anchor] + 1
        why = f"none of the last {len(anchors)} mails that were read is in it any more"
        raise MailboxRenewed(mailbox=str(self.path), why=why)

    def _content(self) -> tuple[bytes, list[Span]]:
        """The file's content, of one state of it, and its mails. It is locked as readers do, and its
        state compared: not every program that writes takes a lock."""
        self._check()
        lock = self.path.with_name(self.path.name + ".lock")
        if lock.exists():
            raise self._busy(f"another program has locked it, by the file {lock.name}")
        try:
            file = open(self.path, "rb")  # noqa: SIM115 - closed below, in the same function
        except OSError as error:
            raise self._missing(f"it cannot be read ({error.strerror})") from None
        with file:
            if fcntl is not None:
                try:
                    fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    raise self._busy("another program has locked it") from None
            before = _State.of(file.fileno())
            content = file.read()  # not mapped: a file that is cut while it is mapped ends the program
            if _State.of(file.fileno()) != before:
                raise self._busy("another program wrote into it meanwhile")
        is_settled = before.mtime_ns / 1e9 <= self.now() - self.settle_s
        spans = _spans(content)
        if content and not spans:
            raise self._missing("it does not begin as an mbox file does, with a line From")
        return content, spans if is_settled and content.endswith(b"\n") else spans[:-1]

    def _busy(self, why: str) -> MailboxBusy:
        return MailboxBusy(mailbox=str(self.path), why=why)


class _State(NamedTuple):
    """What tells whether a file was written to."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, descriptor: int) -> _State:
        status = os.fstat(descriptor)
        return cls(status.st_size, status.st_mtime_ns)


def _spans(content: bytes) -> list[Span]:
    """Every mail of the file. A line "From" begins one only with a date in it and an empty line before it."""
    starts = [found.start() for found in _START.finditer(content) if _is_parted(content, found.start())]
    if not starts or starts[0]:
        return []
    seen = Counter[str]()
    spans: list[Span] = []
    for start, end in zip(starts, [*starts[1:], len(content)], strict=True):
        digest = _digest(content[start:end])
        spans.append(Span(start, end, f"{digest}.{seen[digest]}"))
        seen[digest] += 1
    return spans


def _is_parted(content: bytes, start: int) -> bool:
    return start == 0 or content[max(0, start - 3) : start].endswith((b"\n\n", b"\n\r\n"))


def _digest(mail: bytes) -> str:
    header = header_bytes(mail)
    kept = _FLAGS.sub(b"", header).rstrip() + b"\0" + mail[len(header) :].rstrip()
    return hashlib.sha256(kept).hexdigest()[:20]


def _mail_bytes(content: bytes, span: Span) -> bytes:
    """The mail itself: without its envelope line, the empty line behind it, and the marks before lines "From"."""
    begun = content.index(b"\n", span.start) + 1
    raw = content[begun : span.end]
    for ending in (b"\r\n\r\n", b"\n\n"):
        if raw.endswith(ending):
            raw = raw[: -len(ending) // 2]
            break
    return re.sub(rb"(?m)^>(>*From )", rb"\1", raw)


def _arrived(content: bytes, span: Span) -> datetime | None:
    """When the envelope line says that it came; those lines name no zone, and are taken as UTC."""
    told = _ENVELOPE_DATE.search(content, span.start, content.index(b"\n", span.start))
    if told is None:
        return None
    month, day, clock, year = (each.decode("ascii") for each in told.groups())
    try:
        return parsedate_to_datetime(f"{day} {month} {year} {clock} +0000").astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
