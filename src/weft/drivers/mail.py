"""Mails as effects: handed to one SMTP server, all recipients or none, with a Message-ID that is made from the key.

Until the text of a mail is sent, whatever fails leaves nothing behind: a server's 4xx (greylisting) and a lost
connection are *not reached*, its 5xx is a refusal. Once the text is sent only the server's answer tells; without one
the mail is in doubt. Every try has the same Message-ID, by which its receivers can tell a repeated mail.

Knows nothing of what mails are about.
Invariant: no text of an effect becomes a header, an address or a command beside the one it was given for; a password
goes over an encrypted connection alone, and what a server says back of it stands in no error and no receipt.
Source: RFC 5321, 5322 and 3207.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import BinaryIO, Literal, NamedTuple, TypeAlias

from weft.driver import EffectRefused, InDoubt, NotReached
from weft.echoes import Echoes, echoes_of
from weft.flow import Effect, Secret

Encryption: TypeAlias = Literal["starttls", "tls", "none"]
RECIPIENTS_MAX = 100
"""A mail to more recipients is refused."""
REPLY_BYTES_MAX = 64 << 10
"""The longest answer to one command that is taken from a server."""
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(
    rf"{_WORD}(?:\.{_WORD})*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_ADDRESS_CHARS_MAX = 254
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BODY_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SEVEN_BITS = SMTP.clone(cte_type="7bit")
_REPLY_CHARS = 300


@dataclass(frozen=True)
class MailReceipt:
    """What the server took the mail by: its Message-ID, and the server's words."""

    message_id: str
    reply: str


@dataclass(frozen=True)
class SendMail(Effect[MailReceipt]):
    """One mail of plain text. Addresses are bare, as in `name@example.org`."""

    to: tuple[str, ...]
    subject: str
    body: str


class Login(NamedTuple):
    """By which name, and with which password."""

    user: str
    password: Secret


class _Mail(NamedTuple):
    """A mail as it is sent."""

    message_id: str
    to: tuple[str, ...]
    content: bytes


class _Said(Exception):
    """An answer that is not the one that a mail needs."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class _Lines:
    """What comes over a connection, of which one answer has a bound."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.left_bytes = REPLY_BYTES_MAX

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self.left_bytes -= len(line)
        if self.left_bytes < 0:
            raise ConnectionAbortedError(f"an answer is longer than the {REPLY_BYTES_MAX} bytes that are allowed")
        return line

    def close(self) -> None:
        self._file.close()


class _Smtp(smtplib.SMTP):
    """The standard library's client, which takes as much of an answer as a server likes to send, and hands its words on
    as they come: with a bound, and without the secrets that it was told."""

    echoes = Echoes()

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.left_bytes = REPLY_BYTES_MAX
        code, words = super().getreply()
        return code, self.echoes.cleared_bytes(words)


class _SmtpTls(_Smtp, smtplib.SMTP_SSL):
    """The same over TLS."""


class MailDriver:
    """Hands mails to the SMTP server at `host`. `secrets` gives the value of the login's password."""

    effects: tuple[type[SendMail], ...] = (SendMail,)

    def __init__(
        self,
        host: str,
        *,
        sender: str,
        encryption: Encryption = "starttls",
        port: int | None = None,
        login: Login | None = None,
        secrets: Callable[[Secret], str] | None = None,
        tls: ssl.SSLContext | None = None,
        silence_s_max: float = 30.0,
        send_s_max: float = 120.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not _is_address(sender):
            raise ValueError(f"sender is {sender!r}, and should be an address such as weft@example.org")
        if encryption == "none" and (host not in _LOOPBACK or login is not None):
            raise ValueError(
                f"encryption='none' is for a server on this machine and without a login, not for {host}: "
                "use 'starttls' or 'tls'"
            )
        if login is not None and secrets is None:
            raise ValueError("a login needs secrets=…, which gives the value of its password")
        self.host, self.sender, self.encryption, self.login = host, sender, encryption, login
        self.port = port if port is not None else _PORTS[encryption]
        self.secrets, self.clock = secrets, clock
        self.tls = tls or ssl.create_default_context()
        self.silence_s_max, self.send_s_max = silence_s_max, send_s_max

    async def carry_out(self, effect: SendMail, key: str, /) -> MailReceipt:
        """Hand it over, and return what the server took it by."""
        name = f"the mail to {', '.join(effect.to[:3])}{' …' if len(effect.to) > 3 else ''}"
        if (why := _fault(effect)) is not None:
            raise EffectRefused(effect="a mail", why=why)
        mail = self._composed(effect, key)
        sending = _Sending(self)
        work = asyncio.get_running_loop().run_in_executor(None, sending.send, mail)
        try:
            done, _ = await asyncio.wait({work}, timeout=self.send_s_max)
            if done:
                return MailReceipt(mail.message_id, work.result())
            raise TimeoutError(f"no answer within {self.send_s_max:g} s")
        except _Said as said:
            kind = NotReached if 400 <= said.code < 500 else EffectRefused if 500 <= said.code < 600 else InDoubt
            # A server that speaks no SMTP says neither yes nor no; before the text is sent, that is harmless.
            kind = NotReached if kind is InDoubt and not sending.is_text_sent else kind
            raise kind(effect=name, why=said.why, after_s=None) from None
        except Exception as failed:  # noqa: BLE001 - what a server says can make the library raise anything
            kind = InDoubt if sending.cut() else NotReached
            raise kind(effect=name, why=_why(failed), after_s=None) from None
        finally:
            sending.cut()
            work.add_done_callback(_forget)

    def _composed(self, effect: SendMail, key: str) -> _Mail:
        domain = self.sender.rpartition("@")[2]
        # A hash of the key, so that whatever characters it has make one good id.
        message_id = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"
        message = EmailMessage(policy=_SEVEN_BITS)
        message["From"], message["To"] = self.sender, ", ".join(effect.to)
        message["Subject"], message["Date"] = effect.subject, formatdate(self.clock())
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(effect.body, charset="utf-8")
        return _Mail(message_id, tuple(dict.fromkeys(effect.to)), bytes(message))


class _Sending:
    """One mail on its way, in a thread; another thread may cut it off, and learns whether the text had been begun."""

    def __init__(self, driver: MailDriver) -> None:
        self.driver = driver
        self.is_text_sent = False
        self._is_cut = False
        self._lock = threading.Lock()
        self._smtp: _Smtp | None = None

    def cut(self) -> bool:
        """Let nothing more be sent; returns whether the text may have been."""
        with self._lock:
            self._is_cut = True
            smtp = self._smtp
        if smtp is not None:
            _shut(smtp)
        return self.is_text_sent

    def send(self, mail: _Mail) -> str:
        """Hand it over, and return the server's words. Raises `_Said`, or what the connection raised."""
        smtp = self._made()
        try:
            self._greet(smtp)
            self._enveloped(smtp, mail)
            return self._texted(smtp, mail.content)
        finally:
            smtp.close()

    def _made(self) -> _Smtp:
        driver = self.driver
        local, waits_s = driver.sender.rpartition("@")[2], driver.silence_s_max
        # Made before it connects, so that it can be cut off from the first moment on.
        if driver.encryption == "tls":
            smtp: _Smtp = _SmtpTls(local_hostname=local, timeout=waits_s, context=driver.tls)
        else:
            smtp = _Smtp(local_hostname=local, timeout=waits_s)
        self._note(smtp)
        smtp._host = driver.host  # type: ignore[attr-defined]  # what certificates are checked against
        return smtp

    def _note(self, smtp: _Smtp) -> None:
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("it was given up")
            self._smtp = smtp

    def _greet(self, smtp: _Smtp) -> None:
        driver = self.driver
        _check(220, *smtp.connect(driver.host, driver.port), "greets with")
        smtp.ehlo_or_helo_if_needed()
        if driver.encryption == "starttls":
            if not smtp.has_extn("starttls"):
                raise ConnectionAbortedError("the server offers no encryption (STARTTLS)")
            _check(220, *smtp.starttls(context=driver.tls), "answers STARTTLS with")
            smtp.ehlo_or_helo_if_needed()
        if driver.login is not None and driver.secrets is not None:
            self._log_in(smtp, driver.login, driver.secrets)

    def _log_in(self, smtp: _Smtp, login: Login, secrets: Callable[[Secret], str]) -> None:
        try:
            password = secrets(login.password)
        except Exception as failed:  # noqa: BLE001 - it is the program's, and its text might hold the value
            raise ConnectionAbortedError(f"the secret {login.password.name} raised {type(failed).__name__}") from None
        echoes = echoes_of([password], user=login.user)
        try:
            smtp.login(login.user, password)
        except smtplib.SMTPAuthenticationError as refused:
            # The server's words are left out: it may repeat what it was sent.
            raise _Said(refused.smtp_code, f"the server refuses the login ({refused.smtp_code})") from None
        except UnicodeError:
            raise ConnectionAbortedError("the login holds characters that SMTP cannot carry") from None
        except ValueError:
            raise ConnectionAbortedError("the server asks for the login in a way that cannot be read") from None
        except smtplib.SMTPException as failed:
            raise ConnectionAbortedError(echoes.cleared(str(failed))) from None
        # Not before: what a server says within the login has to be answered as it was said.
        smtp.echoes = echoes

    def _enveloped(self, smtp: _Smtp, mail: _Mail) -> None:
        _check(250, *smtp.mail(self.driver.sender), "answers the sender with")
        answers = [(to, *smtp.rcpt(to)) for to in mail.to]
        refused = [(code, to, words) for to, code, words in answers if code not in (250, 251)]
        if refused:
            # A refusal that stays is told before one that passes: the mail as it is goes nowhere.
            code = max(code for code, _, _ in refused)
            told = "; ".join(f"{to}: {code} {_line(words)}" for code, to, words in refused)
            raise _Said(code, f"the server does not take {told}")

    def _texted(self, smtp: _Smtp, content: bytes) -> str:
        _check(354, *smtp.docmd("data"), "answers DATA with")
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError("it was given up")
            self.is_text_sent = True
        lines = re.sub(rb"(?m)^\.", b"..", content)
        smtp.send(lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, words = smtp.getreply()
        _check(250, code, words, "answers the mail with")
        return _line(words)


def _check(wanted: int, code: int, words: bytes, what: str) -> None:
    if code != wanted:
        raise _Said(code, f"the server {what} {code} {_line(words)}".rstrip())


def _fault(effect: SendMail) -> str | None:
    if not effect.to:
        return "it has no recipient"
    if len(effect.to) > RECIPIENTS_MAX:
        return f"it has more than {RECIPIENTS_MAX} recipients"
    wrong = next((to for to in effect.to if not _is_address(to)), None)
    if wrong is not None:
        return f"{wrong!r} is no bare address such as name@example.org"
    if _CONTROL.search(effect.subject):
        return "its subject holds a line break or another control character"
    if _BODY_CONTROL.search(effect.body):
        return "its body holds control characters other than tabs and line breaks"
    return None


def _is_address(text: str) -> bool:
    return len(text) <= _ADDRESS_CHARS_MAX and not text.startswith("-") and _ADDRESS.fullmatch(text) is not None


def _line(words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:_REPLY_CHARS]


def _why(failed: Exception) -> str:
    said = _line(str(failed))
    if isinstance(failed, OSError):  # as all errors of `smtplib` are
        return said or type(failed).__name__
    return f"{type(failed).__name__}: {said}" if said else type(failed).__name__


def _shut(smtp: _Smtp) -> None:
    connection = smtp.sock
    if connection is not None:  # it is connected, and not closed yet
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # a read that waits in the thread ends


def _forget(work: asyncio.Future[str]) -> None:
    if not work.cancelled():
        work.exception()
