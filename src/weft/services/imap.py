"""A mailbox on a server: IMAP over the standard library's client, in a thread, without changing anything.

Each page has a connection of its own: it is opened, the folder is examined (never selected), bodies are peeked at, and
it is closed. The cursor is the folder's UIDVALIDITY and the last UID. The password is asked of a function each time.

Knows nothing of what is done with mails.
Invariant: no error, repr, fingerprint or log holds the password, also where the server echoes it; it is sent over TLS
or to this machine alone.
Source: RFC 9051; RFC 4549 for clients that are not connected all the time; RFC 5530 for refusals that pass.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeVar

from weft.content import Plain
from weft.limits import Limits
from weft.services.imap_line import UID_MAX, Fetched, Line, Place
from weft.services.mail import Mail, read_head, read_mail
from weft.services.mailbox import (
    MAIL_BYTES_MAX,
    PAGE_MAX,
    BadCursor,
    BadMailbox,
    Cursor,
    MailboxRenewed,
    MailboxTooSlow,
    Page,
    checked_limit,
)
from weft.services.mime import HEADER_BYTES_MAX
from weft.services.service import Cost, Effect, Health

T = TypeVar("T")
Security = Literal["tls", "starttls", "plain"]

WINDOW = 400
"""So many UIDs are asked about first; four times as many next, where too few mails have one of them."""
WINDOW_MAX = 100_000
"""At most so many UIDs are asked about at once: the answer is a single line."""
FETCH_BYTES_MAX = 8 << 20
"""Mails are fetched in groups of about this size."""
FETCH_MAX = 200
"""So many mails are in a group at most."""
_HEALTH_S_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Imap:
    """A folder on an IMAP server, read as `user` with what `password()` gives.

    `security`: "tls" from the start (port 993), "starttls", or "plain", which only this machine is spoken to with.
    `timeout_s`: the longest silence; `answer_s_max`: the longest that a whole page or the mails asked for may take.
    `tls`: for a server with a certificate of your own authority.
    """

    host: str
    user: str
    password: Callable[[], str] = field(repr=False, compare=False)
    folder: str = "INBOX"
    port: int | None = None
    security: Security = "tls"
    timeout_s: float = 30.0
    answer_s_max: float = 300.0
    mail_bytes_max: int = MAIL_BYTES_MAX
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)
    limits: Limits = field(default_factory=lambda: Limits(concurrency=2))

    deterministic: ClassVar[bool] = False
    cost: ClassVar[Cost] = "free"
    effect: ClassVar[Effect] = "reads outside"
    runner: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        """Refuse what would send a password in the open, or more than one command in a line; raises `BadMailbox`."""
        for name, text in (("host", self.host), ("user", self.user), ("folder", self.folder)):
            if not text or any(ord(each) < 32 or ord(each) == 127 for each in text):
                raise self._bad(f"its {name} is empty or holds control characters", f"Give another {name}")
        if self.security == "plain" and not _is_here(self.host):
            raise self._bad("a password would be sent unencrypted", 'Choose security="tls" or "starttls"')

    def _bad(self, why: str, next_step: str) -> BadMailbox:
        return BadMailbox(mailbox=repr(f"{self.user}@{self.host}/{self.folder}"), why=why, next_step=next_step)

    async def page(self, after: Cursor | None = None, /, *, limit: int = PAGE_MAX) -> Page:
        """At most `limit` heads behind the cursor, in the order of their UIDs. Raises a `MailboxError`."""
        checked_limit(limit)
        start = None if after is None else self._parsed(after)
        return await self._with_line(lambda line: self._page(line, start, limit))

    async def mails(self, uids: Sequence[str], /) -> tuple[Mail, ...]:
        """The mails of these uids without those that are gone; nothing is marked as seen. Raises a `MailboxError`."""
        wanted = [self._parsed(uid) for uid in uids]
        if not wanted:
            return ()
        found = await self._with_line(lambda line: self._mails(line, wanted))
        return tuple(found[uid] for _, uid in wanted if uid in found)

    def fingerprint(self) -> Mapping[str, Plain]:
        """Whose mails these are, and how much of each is read."""
        where: dict[str, Plain] = {"host": self.host.lower(), "user": self.user, "folder": self.folder}
        return {"name": "Imap", "version": 1, **where, "mail_bytes_max": self.mail_bytes_max}

    def health(self) -> Health:
        """Whether the server answers, within a few seconds; nobody is logged in for it."""
        return Line(self._place(min(self.timeout_s, _HEALTH_S_MAX))).health()

    def _place(self, timeout_s: float) -> Place:
        port = self.port if self.port is not None else 993 if self.security == "tls" else 143
        return Place(self.host, port, self.security, self.user, self.folder, timeout_s, self.tls)

    def _parsed(self, text: str) -> tuple[int, int]:
        """UIDVALIDITY and UID of a cursor or uid; both are written alike."""
        validity, _, uid = text.partition(".")
        for part in (validity, uid):
            if not (part.isascii() and part.isdigit() and len(part) <= 10 and int(part) <= UID_MAX):
                raise BadCursor(mailbox=self._place(0).name, cursor=repr(text[:100]), why='it is not like "17.42"')
        return int(validity), int(uid)

    async def _with_line(self, work: Callable[[Line], T]) -> T:
        """What `work` gives, of a connection of its own, in a thread. Who stops waiting cuts the connection."""
        line = Line(self._place(self.timeout_s))

        def done() -> T:
            with line.opened(self.password):
                return work(line)

        thread = asyncio.ensure_future(asyncio.to_thread(done))
        thread.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        limit = asyncio.timeout(self.answer_s_max)
        try:
            async with limit:
                return await asyncio.shield(thread)
        except TimeoutError:
            if not limit.expired():
                raise
            raise MailboxTooSlow(mailbox=line.place.name, why="slow", answer_s=self.answer_s_max) from None
        finally:
            line.cut()

    def _page(self, line: Line, start: tuple[int, int] | None, limit: int) -> Page:
        validity = self._checked(line, None if start is None else start[0])
        behind = 0 if start is None else start[1]
        while True:
            uids, is_last = _next_uids(line, behind, limit)
            fetched = line.fetch(uids, "BODY.PEEK[HEADER]", HEADER_BYTES_MAX + 4)
            behind = uids[-1] if uids else behind
            # Those that went away since they were found are passed by: UIDs are never given again.
            if fetched or is_last:
                break
        heads = tuple(
            read_head(each.content, uid=f"{validity}.{uid}", arrived=each.arrived, size_bytes=each.size_bytes)
            for uid, each in sorted(fetched.items())
        )
        return Page(heads, f"{validity}.{behind}", is_last)

    def _checked(self, line: Line, validity: int | None) -> int:
        if validity is not None and validity != line.validity:
            why = f"its UIDVALIDITY was {validity} and is {line.validity}"
            raise MailboxRenewed(mailbox=line.place.name, why=why)
        return line.validity

    def _mails(self, line: Line, wanted: list[tuple[int, int]]) -> dict[int, Mail]:
        for validity, _ in wanted:
            self._checked(line, validity)
        uids = sorted({uid for _, uid in wanted if uid})
        found: dict[int, Mail] = {}
        for at in range(0, len(uids), FETCH_MAX):
            sizes = line.fetch(uids[at : at + FETCH_MAX], "", 0)
            for group in _groups(sizes, self.mail_bytes_max):
                for uid, each in line.fetch(group, "BODY.PEEK[]", self.mail_bytes_max).items():
                    found[uid] = read_mail(
                        each.content,
                        uid=f"{line.validity}.{uid}",
                        arrived=each.arrived,
                        # Servers may count an end of a line otherwise than they send it.
                        size_bytes=each.size_bytes if len(each.content) >= self.mail_bytes_max else len(each.content),
                    )
        return found


def _next_uids(line: Line, last: int, limit: int) -> tuple[list[int], bool]:
    """The next UIDs that there are, and whether there are no more. Asked in windows: an answer is one line, of which a
    client takes a megabyte."""
    found: list[int] = []
    low, window = last + 1, max(WINDOW, limit)
    while low < line.uid_next:
        high = min(low + window, line.uid_next)
        found += line.search(low, high - 1)
        if len(found) > limit:
            return found[:limit], False
        low, window = high, min(window * 4, WINDOW_MAX)
    return found, True


def _groups(sizes: Mapping[int, Fetched], mail_bytes_max: int) -> Iterator[list[int]]:
    group: list[int] = []
    total = 0
    for uid, each in sorted(sizes.items()):
        size = min(each.size_bytes, mail_bytes_max)
        if group and total + size > FETCH_BYTES_MAX:
            yield group
            group, total = [], 0
        group.append(uid)
        total += size
    if group:
        yield group


def _is_here(host: str) -> bool:
    """Whether that is this machine, without asking anyone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
