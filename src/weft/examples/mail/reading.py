"""Reading mailboxes batch by batch: between two batches nothing is open, and nothing that is read is changed.

Knows nothing of what becomes of mails. Invariant: a batch is whole, or its call fails and is made again from the same
cursor.
Source: keyset pagination; IMAP's UIDVALIDITY and UIDs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from weft.call import Limits
from weft.content import Plain
from weft.errors import WeftError
from weft.examples.mail.types import Letter, Where
from weft.flow import Secret
from weft.operation import Retry, op
from weft.services.imap import Imap
from weft.services.mail import Mail
from weft.services.mailbox import BadMailbox, Mailbox
from weft.services.maildir import Maildir
from weft.services.mbox import Mbox
from weft.services.service import Cost, Effect, Health, Service

BATCH = 100
"""How many mails are fetched by one call."""
TEXT_CHARS = 4000
"""So much of a mail's text is looked at."""
_PLACE = re.compile(r"(?P<host>\[[^\[\]]+\]|[^\[\]:]+)(?::(?P<port>[0-9]{1,5}))?")


class NoPassword(WeftError):
    """The IMAP server {place} asks for a password, and none was given. Answer the question again, with one."""

    may_pass: ClassVar[bool] = False
    place: str


class Mailboxes(Service, Protocol):
    """Opens the mailbox that somebody named."""

    def mailbox(self, where: Where, /) -> Mailbox:
        """The mailbox. Raises `BadMailbox`, `NoPassword`, `NoSecret`."""
        ...


class Secrets(Protocol):
    """Where passwords are: the stores of `weft.secrets`."""

    def get(self, secret: Secret, /) -> str:
        """The value behind a reference."""
        ...


class LocalMailboxes:
    """Mailboxes in files, and on servers that a password opens."""

    deterministic: ClassVar[bool] = False
    cost: ClassVar[Cost] = "free"
    effect: ClassVar[Effect] = "reads outside"
    runner: ClassVar[str | None] = None
    limits: ClassVar[Limits] = Limits()

    def __init__(self, secrets: Secrets | None = None) -> None:
        self._secrets = secrets

    def mailbox(self, where: Where, /) -> Mailbox:
        """The mailbox."""
        match where.kind:
            case "maildir":
                return Maildir(Path(where.place))
            case "mbox":
                return Mbox(Path(where.place))
            case "imap":
                if where.password is None or self._secrets is None:
                    raise NoPassword(place=where.place)
                host, port = _server(where.place)
                return Imap(host, where.user, partial(self._secrets.get, where.password), port=port)

    def fingerprint(self) -> Mapping[str, Plain]:
        """One is as good as another: what they give is the mailboxes'."""
        return {"kind": "mailboxes"}

    def health(self) -> Health:
        """Files are there or not; servers are asked when they are needed."""
        return Health(ready=True)


def _server(place: str) -> tuple[str, int | None]:
    """The host that is named, and the port, if one is. Raises `BadMailbox`."""
    named = _PLACE.fullmatch(place)
    if named is None or not 0 < int(named["port"] or 1) < 1 << 16:
        why = "it is no host, with a port or without"
        raise BadMailbox(mailbox=repr(place), why=why, next_step="Give it like imap.example.com:993 or [::1]:993")
    return named["host"].strip("[]"), int(named["port"]) if named["port"] else None


@dataclass(frozen=True)
class Batch:
    """Some mails, the cursor behind them, and whether there were no more just then."""

    letters: tuple[Letter, ...]
    next: str
    is_last: bool


@op(retry=Retry(attempts=4, delay_s=1.0))
async def fetch(where: Where, after: str | None, *, mailboxes: Mailboxes) -> Batch:
    """The next mails behind a cursor: heads first, then the texts of those that are there."""
    mailbox = mailboxes.mailbox(where)
    page = await mailbox.page(after, limit=BATCH)
    mails = await mailbox.mails([head.uid for head in page.heads])
    return Batch(tuple(letter_of(mail) for mail in mails), page.next, page.is_last)


def letter_of(mail: Mail) -> Letter:
    """What is looked at of a mail."""
    sender = mail.sender.name or mail.sender.address if mail.sender is not None else ""
    return Letter(mail.uid, sender, mail.subject, mail.date, mail.text[:TEXT_CHARS], mail.is_bulk, mail.defects)
