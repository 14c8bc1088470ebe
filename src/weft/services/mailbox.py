"""Mailboxes: the `Mailbox` protocol, and every way in which reading one can fail.

A mailbox is read in pages: heads first, from where a cursor says, and whole mails for those whose text is wanted. A
cursor is a short text that the mailbox gave with the page before; between pages nothing is held open, so a program can
be killed anywhere and goes on from the last cursor that it kept. Reading changes nothing: no mail becomes seen.

Knows nothing of protocols and files, or of what is done with mails.
Invariant: pages that follow one another give each mail once, also while mails come and go; a page is whole, or raises.
Source: IMAP's UIDVALIDITY and UIDs (RFC 9051); keyset pagination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

from weft.errors import WeftError
from weft.services.mail import Head, Mail
from weft.services.service import Service

Cursor: TypeAlias = str
"""Up to where a mailbox was read: short, opaque, and worth keeping."""

PAGE_MAX = 100
"""So many heads are on a page, unless told otherwise."""
MAIL_BYTES_MAX = 4 << 20
"""Of a mail so much is read; what is behind it are attachments, mostly."""


@dataclass(frozen=True, slots=True)
class Page:
    """Heads in the mailbox's order, and the cursor behind them. `is_last` says that there were no more just then; the
    cursor is good all the same, for mails that come later. A page that is not the last has at least one head."""

    heads: tuple[Head, ...]
    next: Cursor
    is_last: bool


class Mailbox(Service, Protocol):
    """A mailbox that can be read and that reading does not change."""

    async def page(self, after: Cursor | None = None, /, *, limit: int = PAGE_MAX) -> Page:
        """At most `limit` heads behind the cursor, or from the beginning. Raises a `MailboxError`."""
        ...

    async def mails(self, uids: Sequence[str], /) -> tuple[Mail, ...]:
        """The mails of these uids, in this order, without those that are gone. Raises a `MailboxError`."""
        ...


class BadMailbox(WeftError):
    """{mailbox} cannot be read as a mailbox: {why}. {next_step}."""

    exit_code = 2
    may_pass: ClassVar[bool] = False
    mailbox: str
    why: str
    next_step: str


class MailboxError(WeftError):
    """The mailbox {mailbox} could not be read: {why}."""

    may_pass: ClassVar[bool] = False
    """Whether the same page can be had later, with nothing else changed: worth a retry, from the same cursor."""
    mailbox: str
    why: str


class MailboxUnreachable(MailboxError):
    """The server of the mailbox {mailbox} cannot be reached: {why}. Check its address and port, and that this machine
    is online; then ask again from the same cursor."""

    may_pass = True


class MailboxUntrusted(MailboxError):
    """No private connection to the mailbox {mailbox} could be made: {why}. Nothing was sent. Check the server's name
    and its certificate, and whether it wants security="tls" or "starttls"."""


class LoginRefused(MailboxError):
    """The server of the mailbox {mailbox} does not let this user in: {why}. Check the user's name and password; many
    providers want one that was made for this program alone."""


class MailboxMissing(MailboxError):
    """There is no mailbox {mailbox}: {why}. Check its name, and that this user may read it."""


class MailboxBusy(MailboxError):
    """The mailbox {mailbox} is not to be had just now: {why}. Ask again from the same cursor, a little later."""

    may_pass = True


class MailboxCut(MailboxError):
    """Reading the mailbox {mailbox} broke off: {why}. Nothing of that page counts; ask again from the same cursor."""

    may_pass = True


class MailboxTooSlow(MailboxError):
    """The mailbox {mailbox} did not give what it was asked for within {answer_s} s. Ask again from the same cursor, for
    fewer mails, or allow it longer with answer_s_max."""

    may_pass = True
    answer_s: float


class MailboxNonsense(MailboxError):
    """What stands at {mailbox} does not answer as a mailbox does: {why}. Check that the address and port are those of
    an IMAP server."""


class MailboxRenewed(MailboxError):
    """The mailbox {mailbox} is not the one that was read before ({why}), so cursors and uids of then mean nothing now.
    Read it from the beginning, without a cursor, and tell mails that you know by their message ids."""


class BadCursor(MailboxError):
    """{cursor} is no cursor or uid of the mailbox {mailbox}: {why}. Give one that this mailbox gave, or none to read
    from the beginning."""

    cursor: str


def checked_limit(limit: int) -> int:
    """The limit of a page; ValueError where no page could ever get anywhere."""
    if limit < 1:
        raise ValueError(f"limit is {limit}; a page must have room for at least 1 mail")
    return limit
