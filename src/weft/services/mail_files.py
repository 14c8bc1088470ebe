"""What mailboxes in files share: they are read in a thread, where they are, and never written.

Knows nothing of how mails lie in the files.
Invariant: no method opens anything for writing.
Source: keyset pagination.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from weft.content import Plain
from weft.limits import Limits
from weft.services.mail import Mail
from weft.services.mailbox import MAIL_BYTES_MAX, PAGE_MAX, BadCursor, Cursor, MailboxMissing, Page, checked_limit
from weft.services.service import Cost, Effect, Health


@dataclass(frozen=True, slots=True)
class MailFiles:
    """A mailbox at `path`. Mails that came within the last `settle_s` are left for a later page: another program may
    still be at work on them, or on one that comes before."""

    path: Path
    settle_s: float = 2.0
    mail_bytes_max: int = MAIL_BYTES_MAX
    now: Callable[[], float] = field(default=time.time, repr=False, compare=False)
    limits: Limits = field(default_factory=lambda: Limits(concurrency=2))

    deterministic: ClassVar[bool] = False
    cost: ClassVar[Cost] = "free"
    effect: ClassVar[Effect] = "reads outside"
    runner: ClassVar[str | None] = None

    async def page(self, after: Cursor | None = None, /, *, limit: int = PAGE_MAX) -> Page:
        """At most `limit` heads behind the cursor. Raises a `MailboxError`."""
        checked_limit(limit)
        return await asyncio.to_thread(self._page, after, limit)

    async def mails(self, uids: Sequence[str], /) -> tuple[Mail, ...]:
        """The mails of these uids, without those that are gone. Raises a `MailboxError`."""
        return await asyncio.to_thread(self._mails, tuple(uids)) if uids else ()

    def fingerprint(self) -> Mapping[str, Plain]:
        """Which files these are, by a digest of where they lie, and how much of each mail is read."""
        where = hashlib.sha256(os.fsencode(self.path.absolute())).hexdigest()[:16]
        return {"name": type(self).__name__, "version": 1, "where": where, "mail_bytes_max": self.mail_bytes_max}

    def health(self) -> Health:
        """Whether there is such a mailbox."""
        try:
            self._check()
        except (MailboxMissing, OSError) as error:
            return Health(False, why=str(error), enable="give the path of a mailbox that this program may read")
        return Health(True)

    def _missing(self, why: str) -> MailboxMissing:
        return MailboxMissing(mailbox=str(self.path), why=why)

    def _bad_cursor(self, text: str, why: str) -> BadCursor:
        return BadCursor(mailbox=str(self.path), cursor=repr(text[:300]), why=why)

    @abstractmethod
    def _check(self) -> None:
        """Raise `MailboxMissing` where there is none."""

    @abstractmethod
    def _page(self, after: Cursor | None, limit: int) -> Page: ...

    @abstractmethod
    def _mails(self, uids: tuple[str, ...]) -> tuple[Mail, ...]: ...
