"""One connection to an IMAP server: opened for a page, and closed behind it.

Knows nothing of pages and mails: it finds UIDs, and fetches bytes.
Invariant: only commands that change nothing are sent (EXAMINE, UID SEARCH, UID FETCH with PEEK); every failure is a
`MailboxError` in which the password is blotted out; an answer has a bound.
Source: RFC 9051; RFC 3501's modified UTF-7 for names of folders.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn

from weft.echoes import Echoes, echoes_of
from weft.services.mailbox import (
    LoginRefused,
    MailboxBusy,
    MailboxCut,
    MailboxError,
    MailboxMissing,
    MailboxNonsense,
    MailboxUnreachable,
    MailboxUntrusted,
)
from weft.services.service import Health

ANSWER_BYTES_MAX = 64 << 20
"""The longest literal, and the longest answer to one command, that is taken from a mail server."""
UID_MAX = 2**32 - 1
"""No UID is greater, and no number by which a folder is known."""
_EXCERPT_CHARS = 200
_PASSES = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA)\b")
_QUOTED = re.compile(r"""\[?b?(["'])(.*)\1\]?""")
"""How imaplib repeats what a server said."""
_ITEM = re.compile(rb"\d+ \(")
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,18})\b")
_ARRIVED = re.compile(rb'\bINTERNALDATE "([^"]{1,60})"')
_IN_QUOTES = re.compile(rb'BODY\[(?:HEADER)?\](?:<\d+>)? (?:NIL|"((?:[^"\\]|\\.)*)")')


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder is and how it is reached."""

    host: str
    port: int
    security: str
    user: str
    folder: str
    timeout_s: float
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """As errors name it."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server gave of one mail."""

    content: bytes
    arrived: datetime | None
    size_bytes: int


class _Bounded(imaplib.IMAP4):
    """The standard library's client, which takes of an answer as much as a server likes to send, with a bound."""

    left_bytes = ANSWER_BYTES_MAX

    def read(self, size: int) -> bytes:
        self._count(size)
        content = super().read(size)
        if len(content) < size:
            raise self.abort("the connection was closed within a mail")
        return content

    def readline(self) -> bytes:
        line = super().readline()
        self._count(len(line))
        return line

    def _count(self, size: int) -> None:
        self.left_bytes -= size
        if self.left_bytes < 0:
            raise self.abort(f"an answer is longer than the {ANSWER_BYTES_MAX} bytes that are allowed")


class _BoundedTls(_Bounded, imaplib.IMAP4_SSL):
    """The same over TLS."""


class Line:
    """A connection while it is open. `validity` and `uid_next` are those of the folder, as of then."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.validity = 0
        self.uid_next = 1
        self._server: imaplib.IMAP4 | None = None
        self._is_cut = False
        self._secret = ""
        self._echoes = Echoes()

    @contextmanager
    def opened(self, password: Callable[[], str]) -> Iterator[None]:
        """The connection, logged in, with the folder examined."""
        self._secret = password()
        self._echoes = echoes_of([self._secret], user=self.place.user, instead="[password]")
        try:
            with self._explained():
                self._server = server = self._connected()
                if self._is_cut:
                    self._fail(MailboxCut, "nobody waits for it any more")
                self._log_in(server)
                self._examine(server)
            yield
            with suppress(imaplib.IMAP4.error, OSError):
                server.logout()
        finally:
            self.cut()
            self._secret, self._echoes = "", Echoes()

    def cut(self) -> None:
        """End the connection, from whichever thread: one that waits for an answer is told so."""
        self._is_cut = True
        server = self._server
        if server is not None:
            with suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, ValueError):
                server.shutdown()

    def health(self) -> Health:
        """Whether there is an IMAP server that can be spoken to as it should be."""
        try:
            with self._explained():
                self._server = server = self._connected()
                server.logout()
        except MailboxError as error:
            return Health(False, why=str(error), enable="start the server, or correct its address")
        finally:
            self.cut()
        return Health(True)

    def search(self, low: int, high: int) -> list[int]:
        """The UIDs that there are from `low` to `high`, ascending."""
        lines = self._asked("SEARCH", "UID", f"{low}:{high}")
        uids = {_uid(word) for line in lines if isinstance(line, bytes) for word in line.split()}
        return sorted(uid for uid in uids if uid is not None and low <= uid <= high)

    def fetch(self, uids: Sequence[int], section: str, bytes_max: int) -> dict[int, Fetched]:
        """The first `bytes_max` bytes of that section of each mail, or without a section only when each came and how
        long it is. What is gone is not among them."""
        if not uids:
            return {}
        partial = f" {section}<0.{bytes_max}>" if section else ""
        lines = self._asked("FETCH", _ranges(uids), f"(UID INTERNALDATE RFC822.SIZE{partial})")
        found: dict[int, Fetched] = {}
        for about, content in _items(lines):
            uid, size = _UID.search(about), _SIZE.search(about)
            if content is None and section:
                quoted = _IN_QUOTES.search(about)
                content = re.sub(rb"\\(.)", rb"\1", quoted[1] or b"") if quoted else None
            if uid and size and not (section and content is None):  # Others say of their own accord what changed.
                found[int(uid[1])] = Fetched((content or b"")[:bytes_max], _arrived(about), int(size[1]))
        return {uid: found[uid] for uid in set(uids) & found.keys()}

    def _connected(self) -> imaplib.IMAP4:
        place = self.place
        context = place.tls or (ssl.create_default_context() if place.security != "plain" else None)
        if place.security == "tls":
            return _BoundedTls(place.host, place.port, ssl_context=context, timeout=place.timeout_s)
        server = _Bounded(place.host, place.port, timeout=place.timeout_s)
        if place.security == "starttls":
            self._server = server
            if "STARTTLS" not in server.capabilities or server.state != "NONAUTH":
                self._fail(MailboxUntrusted, "the server does not offer STARTTLS")
            server.starttls(ssl_context=context)
        return server

    def _log_in(self, server: imaplib.IMAP4) -> None:
        user, secret = self.place.user, self._secret
        if any(each in secret for each in "\0\r\n"):
            self._fail(LoginRefused, "the password holds a line end, which none can be sent with")
        try:
            if "AUTH=PLAIN" in server.capabilities:
                server.authenticate("PLAIN", lambda _: f"\0{user}\0{secret}".encode())
            elif (user + secret).isascii():
                server.login(_quoted(user), secret)
            else:
                self._fail(LoginRefused, "it takes only ASCII in user and password")
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as refused:
            self._fail(MailboxBusy if _PASSES.search(str(refused)) else LoginRefused, str(refused))

    def _examine(self, server: imaplib.IMAP4) -> None:
        kind, said = server.select(_quoted(_in_utf7(self.place.folder)), readonly=True)
        if kind != "OK":
            text = str(said)
            self._fail(MailboxBusy if _PASSES.search(text) else MailboxMissing, text)
        self.validity = self._number(server, "UIDVALIDITY")
        self.uid_next = self._number(server, "UIDNEXT")

    def _number(self, server: imaplib.IMAP4, name: str) -> int:
        _, told = server.response(name)
        text = told[0] if told else None
        number = _uid(text) if isinstance(text, bytes) else None
        if number is None:
            self._fail(MailboxNonsense, f"it does not say its {name}")
        return number

    def _asked(self, command: str, *arguments: str) -> Sequence[object]:
        server = self._server
        assert isinstance(server, _Bounded)
        with self._explained():
            server.left_bytes = ANSWER_BYTES_MAX
            kind, lines = server.uid(command, *arguments)
            if kind != "OK":
                text = str(lines)
                self._fail(MailboxBusy if _PASSES.search(text) else MailboxNonsense, text)
            return lines

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong within, as a `MailboxError`. The others hold what was sent, and are let go of."""
        is_connected = self._server is not None
        try:
            yield
        except MailboxError:
            raise
        except ssl.SSLError as error:
            self._fail(MailboxCut if is_connected else MailboxUntrusted, str(error))
        except (imaplib.IMAP4.abort, OSError, EOFError) as error:
            is_connected = is_connected or self._server is not None
            said = str(error) or type(error).__name__
            self._fail(MailboxCut if is_connected else MailboxUnreachable, said)
        except (imaplib.IMAP4.error, ValueError, IndexError, AttributeError, TypeError) as error:
            self._fail(MailboxNonsense, str(error))

    def _fail(self, kind: type[MailboxError], why: str) -> NoReturn:
        line = _QUOTED.sub(r"\2", " ".join(self._echoes.cleared(why).split())).rstrip(".")
        raise kind(mailbox=self.place.name, why=line[:_EXCERPT_CHARS] or "it says nothing more") from None


def _uid(word: bytes) -> int | None:
    """A number as a folder has them; None for any other word."""
    # Python refuses to read very long numbers, and nothing could keep them.
    number = int(word) if word.isdigit() and len(word) <= len(str(UID_MAX)) else None
    return number if number is not None and number <= UID_MAX else None


def _items(lines: Sequence[object]) -> Iterator[tuple[bytes, bytes | None]]:
    """Each message of an answer: what is said of it, and its literal. A server says things in an order of its own."""
    about, content = b"", None
    for line in lines:
        head, literal = line if isinstance(line, tuple) else (line, None)
        if not isinstance(head, bytes):
            continue
        if _ITEM.match(head) and about:
            yield about, content
            about, content = b"", None
        about += b" " + head
        content = literal if literal is not None else content
    if about:
        yield about, content


def _arrived(about: bytes) -> datetime | None:
    told = _ARRIVED.search(about)
    try:
        moment = parsedate_to_datetime(told[1].decode("ascii").replace("-", " ", 2).strip()) if told else None
        return moment.astimezone(UTC) if moment is not None else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _ranges(uids: Sequence[int]) -> str:
    """As a sequence set: `1:3,7`."""
    spans: list[list[int]] = []
    for uid in sorted(uids):
        if spans and spans[-1][1] == uid - 1:
            spans[-1][1] = uid
        else:
            spans.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in spans)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _in_utf7(folder: str) -> str:
    """A folder's name in IMAP's own UTF-7."""
    pieces = re.findall(r"[ -~]+|[^ -~]+", folder)
    return "".join(piece.replace("&", "&-") if piece.isascii() else _shifted(piece) for piece in pieces)


def _shifted(piece: str) -> str:
    encoded = b64encode(piece.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")
    return f"&{encoded}-"
