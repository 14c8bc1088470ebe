"""Where an assistant is hired in tests: its space, the mailboxes that it is given, and what it showed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import weft
from tests.until import until
from weft import Absent, Running, Settled, Space
from weft.drivers.show import ShowDriver
from weft.examples.mail.app import Assistant
from weft.examples.mail.letters import Letter as Delivered
from weft.examples.mail.reading import LocalMailboxes, Mailboxes, letter_of
from weft.examples.mail.types import Letter, Where, Wishes
from weft.handle import Value
from weft.secrets import MemorySecrets
from weft.services.completion import Completion
from weft.services.imap import Imap
from weft.services.mail import read_mail
from weft.services.mailbox import Mailbox
from weft.services.maildir import Maildir
from weft.services.mbox import Mbox

WAIT_S = 60.0


class Rooms(LocalMailboxes):
    """Mailboxes as anybody's. `entered`: how often one was opened; `before` is done each time, with that number;
    `how`: what they have otherwise."""

    def __init__(self, *, before: Callable[[int], None] = lambda number: None, **how: Any) -> None:
        self.secrets = MemorySecrets()
        super().__init__(self.secrets)
        self.entered, self.before, self.how = 0, before, how

    def mailbox(self, where: Where, /) -> Mailbox:
        """The mailbox."""
        self.entered += 1
        self.before(self.entered)
        found = super().mailbox(where)
        assert isinstance(found, Maildir | Mbox | Imap)
        return replace(found, **self.how)


class Office:
    """A space in a file, which is opened again and again with the same around it."""

    def __init__(self, folder: Path, rooms: Rooms, *, model: object = None) -> None:
        self.path, self.rooms = folder / "office.weft", rooms
        self.services: dict[type, object] = {Mailboxes: rooms}
        if model is not None:
            self.services[Completion] = model
        self.secrets, self.shown = rooms.secrets, list[tuple[str, str]]()

    @contextmanager
    def opened(self) -> Iterator[tuple[Space, Assistant]]:
        """The space and its assistant, who is hired when there is none."""
        show = ShowDriver(lambda title, text: self.shown.append((title, text)))
        with weft.open(str(self.path), types=[Assistant], services=self.services, drivers=[show], actor="you") as space:
            found = space.find(Assistant)
            yield space, found[0] if found else space.create(Assistant, owner="you")

    def answer(self, space: Space, name: str, answer: object) -> None:
        """Answer the question of this name as soon as it is asked."""
        until(lambda: any(one.name == name and not one.is_answered for one in space.questions()))
        (question,) = [one for one in space.questions() if one.name == name and not one.is_answered]
        space.answer(question, answer, secrets=self.secrets)

    def digests_shown(self) -> list[str]:
        """The titles of those."""
        return [title for title, _ in self.shown if title.startswith("Mails of ")]


def came(flow: Value[Any]) -> object:
    """What the newest run of a flow comes to, also where it is yet to be fired."""
    until(lambda: not isinstance(flow.state, Absent))
    return flow.wait(WAIT_S)


def ended(flow: Value[Any]) -> object:
    """How it stands when it is over, well or not."""
    until(lambda: not isinstance(flow.state, Absent | Running))
    return flow.state


def began(office: Office, where: object, wishes: Wishes = Wishes()) -> Mapping[str, object]:  # noqa: B008
    """Hire an assistant who does all there is; what each flow came to."""
    with office.opened() as (space, assistant):
        office.answer(space, "login", where)
        office.answer(space, "wishes", wishes)
        found = {name: came(getattr(assistant, name)) for name in ("hired", "sum_up", "see_to")}
        assert all(isinstance(getattr(assistant, name).state, Settled) for name in found)
    return found


def looked_at(mails: Sequence[Delivered]) -> list[tuple[str, str, str]]:
    """Of these mails what their letters hold, whatever mailbox they lie in, in order of that."""
    return contents(
        letter_of(read_mail(each.raw, uid="", arrived=each.arrived, size_bytes=len(each.raw))) for each in mails
    )


def contents(letters: Iterator[Letter]) -> list[tuple[str, str, str]]:
    """Who wrote each, about what, and its text; in order of that."""
    return sorted((each.sender, each.subject, each.text) for each in letters)
