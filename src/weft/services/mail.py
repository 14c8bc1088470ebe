"""A mail as typed values: who, when, about what, its text, and what was wrong with it.

A head is what the header says, which mailboxes give without the rest; a mail is a head with its text. Both are small,
can be kept, and say of what they could not read that they could not.

Knows nothing of mailboxes.
Invariant: nothing raises for any bytes; a date has a zone, and says where it was taken from.
Source: RFC 5322; RFC 2369 and 2919 for lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from typing import Literal, TypeAlias

from weft.services.mime import (
    HEADER_BYTES_MAX,
    Attachment,
    Found,
    Header,
    Reading,
    decoded_words,
    in_plain_lines,
    split,
)

TEXT_CHARS_MAX = 100_000
"""A mail's text is cut at this length."""
ADDRESSES_MAX = 100
"""So many of those that a mail is sent to are named."""
_UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"<([^<>\s]{1,998})>")
_BULK = ("bulk", "list", "junk")

DateFrom: TypeAlias = Literal["date", "received", "arrival", "unknown"]
"""Where a mail's date was taken from: its own date, what the last server wrote into it, when it came into the mailbox,
or nowhere, and then it is the beginning of 1970."""


@dataclass(frozen=True, slots=True)
class Address:
    """A person or program: what it calls itself, and where it gets mail. Nobody has checked either."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the header of a mail says. `uid` names the mail in its mailbox for as long as that is the same mailbox.

    `list_id` is the mailing list's; `is_bulk` is whether the mail says that it went to many. `size_bytes` is as the
    mailbox counts. `defects` tell in words what was odd or could not be read.
    """

    uid: str
    message_id: str
    sender: Address | None
    to: tuple[Address, ...]
    date: datetime
    date_from: DateFrom
    subject: str
    list_id: str
    is_bulk: bool
    size_bytes: int
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mail(Head):
    """A head with the mail's text, as plain text, and its attachments by name; `is_cut` says that there was more."""

    text: str
    attachments: tuple[Attachment, ...]
    is_cut: bool


def read_head(raw: bytes, *, uid: str, arrived: datetime | None, size_bytes: int) -> Head:
    """The head of a mail, from its header or from more of it than that."""
    found = Found()
    header, _ = split(in_plain_lines(header_bytes(raw)), found)
    return Head(*_head(header, found, uid=uid, arrived=arrived, size_bytes=size_bytes), tuple(found.defects))


def read_mail(raw: bytes, *, uid: str, arrived: datetime | None, size_bytes: int) -> Mail:
    """A whole mail. Where `raw` is shorter than `size_bytes` the rest was not fetched, and the mail says so."""
    found = Found()
    plain = in_plain_lines(raw)
    header, body = split(plain, found)
    head = _head(header, found, uid=uid, arrived=arrived, size_bytes=size_bytes)
    is_cut = len(raw) < size_bytes
    if is_cut:
        found.note(f"only the first {len(raw)} of its {size_bytes} bytes were read")
    text = found.tried(lambda: Reading(found).text(header, body), "", "its parts cannot be read")
    if len(text) > TEXT_CHARS_MAX:
        is_cut = True
        found.note(f"its text has {len(text)} characters, and was cut at {TEXT_CHARS_MAX}")
        text = text[:TEXT_CHARS_MAX]
    return Mail(*head, tuple(found.defects), text.strip(), tuple(found.attachments), is_cut)


def header_bytes(raw: bytes) -> bytes:
    """The bytes of a mail up to the end of its header, or a little more than is read of one."""
    beginning = raw[: HEADER_BYTES_MAX + 4]
    ends = [found.end() for found in (re.search(rb"\r?\n\r?\n", beginning), re.match(rb"\r?\n", beginning)) if found]
    return beginning[: min(ends)] if ends else beginning


_Shared: TypeAlias = tuple[str, str, Address | None, tuple[Address, ...], datetime, DateFrom, str, str, bool, int]


def _head(header: Header, found: Found, *, uid: str, arrived: datetime | None, size_bytes: int) -> _Shared:
    senders = _addresses(header, "from", found) or _addresses(header, "sender", found)
    if not senders:
        found.note("it does not say whom it is from")
    date, date_from = _date(header, arrived, found)
    return (
        uid,
        _message_id(header),
        senders[0] if senders else None,
        (*_addresses(header, "to", found), *_addresses(header, "cc", found))[:ADDRESSES_MAX],
        date,
        date_from,
        decoded_words(header.first("subject"), found),
        _list_id(header, found),
        _is_bulk(header),
        size_bytes,
    )


def _message_id(header: Header) -> str:
    named = _ID.search(header.first("message-id"))
    return named[1] if named else " ".join(header.first("message-id").split())[:998]


def _addresses(header: Header, name: str, found: Found) -> tuple[Address, ...]:
    """Everyone in the first field of that name. Names are decoded after the parting: a comma in one parts nothing."""
    value = header.first(name)
    if not value:
        return ()
    none: list[tuple[str, str]] = []
    pairs = found.tried(lambda: getaddresses([value]), none, "an address cannot be read")
    parted = tuple(Address(decoded_words(each, found), address) for each, address in pairs if "@" in address)
    if len(parted) > ADDRESSES_MAX:
        found.note(f"it names more than {ADDRESSES_MAX} addresses: the others were left out")
    if not parted:
        found.note("an address cannot be read")
        return (Address(decoded_words(value, found), ""),)
    return parted[:ADDRESSES_MAX]


def _date(header: Header, arrived: datetime | None, found: Found) -> tuple[datetime, DateFrom]:
    told = header.first("date")
    date = _moment(told, found) if told else None
    if date is not None:
        return date, "date"
    found.note("its date cannot be read" if told else "it has no date")
    received = header.first("received").rpartition(";")[2].strip()
    date = _moment(received, found) if received else None
    if date is not None:
        return date, "received"
    return (arrived.astimezone(UTC), "arrival") if arrived is not None else (_UNKNOWN, "unknown")


def _moment(text: str, found: Found) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            found.note("its date names no zone: it was taken as UTC")
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except Exception:  # noqa: BLE001 - the standard library raises what it likes on odd dates; the caller says it
        return None


def _list_id(header: Header, found: Found) -> str:
    value = header.first("list-id")
    named = _ID.search(value)
    return named[1] if named else decoded_words(value, found)


def _is_bulk(header: Header) -> bool:
    if any(header.has(name) for name in ("list-id", "list-unsubscribe", "list-post")):
        return True
    return header.first("precedence").strip().lower() in _BULK
