"""Every driver passes the suite for drivers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.drivers.mailboxes import CUT, SILENT, MailReceiver
from tests.drivers.receivers import SILENT as NO_ANSWER
from tests.drivers.receivers import HttpReceiver, closed_port, reply
from weft.driver import Driver
from weft.drivers.file import FileDriver, WriteFile
from weft.drivers.http import HttpDriver, HttpRequest
from weft.drivers.mail import MailDriver, SendMail
from weft.testing.driver_suite import LIMIT_S, AnsweredSuite, DriverSuite


class TestFile(DriverSuite):
    """Files in a folder."""

    def setup_method(self) -> None:
        """Begin with an empty folder."""
        self.folder = tempfile.TemporaryDirectory()

    def teardown_method(self) -> None:
        """Remove it."""
        self.folder.cleanup()

    def new_driver(self) -> Driver[Any]:
        return FileDriver(self.folder.name)

    def new_effect(self, number: int) -> WriteFile:
        return WriteFile(f"{number}.txt", b"content")

    def carried_out(self) -> Sequence[str]:
        return [path.name for path in Path(self.folder.name).iterdir()]

    def refused_effect(self) -> WriteFile:
        return WriteFile("../1.txt", b"content")

    def unreachable_driver(self) -> Driver[Any]:
        return FileDriver(Path(self.folder.name, "not there"))


class TestHttp(AnsweredSuite):
    """Requests to a server in this process."""

    @pytest.fixture(autouse=True)
    def http(self, require_part: Callable[[str], ModuleType]) -> None:
        require_part("httpx")

    def setup_method(self) -> None:
        """Begin with a server that has heard nothing."""
        self.server = HttpReceiver(lambda heard: reply(403 if heard.body == b"refused" else 200, b"said"))
        self.server.__enter__()

    def teardown_method(self) -> None:
        """End it."""
        self.server.__exit__()

    def new_driver(self) -> Driver[Any]:
        return HttpDriver(allow=self.server.listed)

    def new_effect(self, number: int) -> HttpRequest:
        return HttpRequest("POST", self.server.url, {"content-type": "text/plain"}, str(number).encode())

    def carried_out(self) -> Sequence[str]:
        return [heard.headers["idempotency-key"] for heard in self.server.requests if heard.body != b"refused"]

    def refused_effect(self) -> HttpRequest:
        return HttpRequest("POST", self.server.url, {}, b"refused")

    def unreachable_driver(self) -> Driver[Any]:
        self.teardown_method()
        return self.new_driver()

    def cut_driver(self) -> Driver[Any]:
        self.server.answer = lambda _: b"HTTP/1.1 2"
        return self.new_driver()

    def silent_driver(self, *, patience_s: float) -> Driver[Any]:
        self.server.answer = lambda _: NO_ANSWER
        return HttpDriver(allow=self.server.listed, answer_s_max=patience_s)

    def wait_taken(self) -> None:
        assert self.server.taken.wait(LIMIT_S)


class TestMail(AnsweredSuite):
    """Mails to a server in this process."""

    def setup_method(self) -> None:
        """Begin with a server that has heard nothing."""
        self.server = MailReceiver({"rcpt to:<nobody@mail.example>": b"550 no such person\r\n"})
        self.server.__enter__()

    def teardown_method(self) -> None:
        """End it."""
        self.server.__exit__()

    def new_driver(self) -> Driver[Any]:
        return self.patient_driver(LIMIT_S)

    def patient_driver(self, patience_s: float) -> Driver[Any]:
        """One that waits so long for an answer."""
        return MailDriver(
            "127.0.0.1",
            sender="weft@mail.example",
            encryption="none",
            port=self.server.port,
            send_s_max=patience_s,
        )

    def new_effect(self, number: int) -> SendMail:
        return SendMail(("one@mail.example",), f"number {number}", "Yes.\n")

    def carried_out(self) -> Sequence[str]:
        return [mail["message-id"] for mail in self.server.mails]

    def refused_effect(self) -> SendMail:
        return SendMail(("nobody@mail.example",), "refused", "")

    def unreachable_driver(self) -> Driver[Any]:
        self.server.port = closed_port()
        return self.new_driver()

    def cut_driver(self) -> Driver[Any]:
        self.server.answers["."] = CUT
        return self.new_driver()

    def silent_driver(self, *, patience_s: float) -> Driver[Any]:
        self.server.answers["."] = SILENT
        return self.patient_driver(patience_s)

    def wait_taken(self) -> None:
        assert self.server.taken.wait(LIMIT_S)
