"""Every driver passes the suite for drivers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import weft
from tests.drivers.mailboxes import CUT, SILENT, MailReceiver
from tests.drivers.receivers import SILENT as NO_ANSWER
from tests.drivers.receivers import HttpReceiver, closed_port, reply
from weft import Effect, Entity, Space, items
from weft.driver import Driver, EffectRefused
from weft.drivers.edits import EditDriver
from weft.drivers.file import FileDriver, WriteFile
from weft.drivers.http import HttpDriver, HttpRequest
from weft.drivers.mail import MailDriver, SendMail
from weft.testing.driver_suite import KEY, LIMIT_S, AnsweredSuite, DriverSuite


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


@dataclass(frozen=True)
class Note(Effect[int]):
    text: str


class Notes(Entity):
    """What was noted."""

    texts = items(str)


def note(space: Space, effect: Note) -> None:
    if not effect.text:
        raise ValueError("there is nothing to note")
    space.find(Notes)[0].texts.add(effect.text)


class TestEdits(DriverSuite):
    """Edits of another space."""

    def setup_method(self) -> None:
        """Begin with nothing noted."""
        self.space, self.closed = weft.open(types=[Notes]), weft.open(types=[Notes])
        self.notes = self.space.create(Notes)
        self.closed.close()

    def teardown_method(self) -> None:
        """Let go of it."""
        self.space.close()

    def new_driver(self) -> Driver[Any]:
        return EditDriver(self.space, {Note: note}, by="noter")

    def new_effect(self, number: int) -> Note:
        return Note(str(number))

    def carried_out(self) -> Sequence[str]:
        return list(self.notes.texts)

    def refused_effect(self) -> Note:
        return Note("")

    def unreachable_driver(self) -> Driver[Any]:
        return EditDriver(self.closed, {Note: note})

    def test_a_receipt_is_where_it_was_told_and_who_told_it_is_known(self) -> None:
        """However often it was tried."""
        driver = self.new_driver()
        first = self.run(driver.carry_out(Note("a"), KEY))
        self.notes.texts.add("by somebody else")

        again = self.run(driver.carry_out(Note("a"), KEY))

        assert first == again
        told = [one for one in self.space.history(self.notes, Notes.texts) if one.position == first]
        assert [one.actor for one in told] == ["noter"]
        assert self.carried_out() == ["a", "by somebody else"]

    def test_what_says_something_else_under_a_key_is_refused(self) -> None:
        """Two effects never share one."""
        driver = self.new_driver()
        self.run(driver.carry_out(Note("a"), KEY))

        assert isinstance(self.fails(driver, Note("b")), EffectRefused)


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
