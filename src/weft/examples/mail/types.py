"""What an email assistant knows, as types: where mails are, what somebody wants, what a mail came to.

Knows nothing of mailboxes and models. Invariant: each of these can be kept, and is a form that can be filled in.
Source: the fields that people ask an assistant about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from weft import element
from weft.flow import Secret

NO_SUBJECT = "(no subject)"
"""What stands for the subject of a mail that has none."""
Every: TypeAlias = Literal["hour", "day", "week"]
Worth: TypeAlias = Literal["urgent", "worth reading", "later", "noise"]
"""How much a mail matters to its reader, most first."""


@dataclass(frozen=True)
class Where:
    """Where the mails are: a folder (Maildir), a file (mbox), or an IMAP server with a user and a password."""

    kind: Literal["maildir", "mbox", "imap"]
    place: str
    """The folder or file; or the server, as `imap.example.com` or `imap.example.com:993`."""
    user: str = ""
    password: Secret | None = None


@dataclass(frozen=True)
class Wishes:
    """What somebody wants of the assistant."""

    every: Every = "day"
    """How many mails go into one digest: those of an hour, a day or a week."""
    skip: tuple[str, ...] = ()
    """Words: mails from or about these are noise."""
    also: str = ""
    """What else is wanted, in words of one's own."""


@element(key="uid")
class Letter:
    """One mail, as far as it is looked at. Nobody has checked what it says, about itself or anything else."""

    uid: str
    sender: str
    subject: str
    at: datetime
    text: str
    is_bulk: bool = False
    defects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What a reader of one mail makes of it."""

    gist: str
    worth: Worth
    reason: str


@dataclass(frozen=True)
class Note:
    """One mail in a digest: its gist, what it is worth, and why."""

    uid: str
    period: str
    at: datetime
    sender: str
    subject: str
    gist: str
    worth: Worth
    reason: str


@dataclass(frozen=True)
class Digest:
    """The mails of one period, those that matter first."""

    period: str
    text: str
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Search:
    """Look for mails with these words."""

    words: str


@dataclass(frozen=True)
class Remind:
    """Show this text, so much later."""

    text: str
    after: timedelta


@dataclass(frozen=True)
class Unknown:
    """Nothing that the assistant knows how to do: what is wanted, in other words."""

    wanted: str


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""


@dataclass(frozen=True)
class Next:
    """What is done next for a wish, and why."""

    reason: str
    do: Search | Remind | Unknown | Done


@dataclass(frozen=True)
class Wish:
    """What is known when it is decided what is done next: typed fields only, and never a mail's own text."""

    also: str
    did: tuple[str, ...] = ()
    found: int = 0
    """How many mails the newest search came to."""
