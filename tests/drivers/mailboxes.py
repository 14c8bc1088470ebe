"""A mail server that a test tells what to answer: each command its line, or silence, or an end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.drivers.receivers import PATIENCE_S, Receiver

SILENT = b"(silent)"
CUT = b"(cut)"
DRIP = b"(drip)"
"""Lines of an answer without an end, each in good time."""
FLOOD = b"(flood)"
"""The same as fast as they are taken."""


class MailReceiver(Receiver):
    """Speaks SMTP, and answers as `answers` say: by a whole line in small letters, its first word in large
    ones, `.` for a mail, or `greeting`."""

    def __init__(self, answers: Mapping[str, bytes] | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._talk, tls=tls)
        self.answers = dict(answers or {})
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.lines: list[str] = []
        self.taken = threading.Event()
        self._usual = {"greeting": b"220 ready\r\n", "DATA": b"354 go on\r\n", "EHLO": b"250-mail\r\n250 HELP\r\n"}

    def _talk(self, connection: socket.socket) -> None:
        if not self._say(connection, "greeting", "greeting"):
            return
        with connection.makefile("rb") as incoming:
            while raw := incoming.readline():
                line = raw.decode().strip()
                self.lines.append(line)
                word = line.partition(" ")[0].upper()
                if not self._say(connection, line, word):
                    return
                if word == "DATA" and self.answers.get("DATA", b"354").startswith(b"354"):
                    content = b""
                    while (text := incoming.readline()) != b".\r\n":
                        if not text:
                            return  # the client went before the end
                        content += text[1:] if text.startswith(b".") else text
                    self.taken.set()
                    if self.answers.get(".", b"250").startswith((b"250", b"(")):
                        self.raw.append(content)
                        self.mails.append(message_from_bytes(content, policy=policy.default))
                    if not self._say(connection, ".", "."):
                        return

    def _say(self, connection: socket.socket, line: str, word: str) -> bool:
        answer = self.answers.get(line.lower()) or self.answers.get(word) or self._usual.get(word) or b"250 ok\r\n"
        if answer == SILENT:
            self.ended.wait(PATIENCE_S)
        while answer == DRIP and not self.ended.wait(0.01):
            connection.sendall(b"250-more\r\n")
        while answer == FLOOD and not self.ended.is_set():
            connection.sendall(b"250-more\r\n" * 1000)
        if answer in (SILENT, CUT, DRIP, FLOOD):
            return False
        connection.sendall(answer)
        return True
