"""The program that is killed while an assistant works: it hires one, answers what is asked, and goes on to the end.

It prints a line whenever a batch is asked for, a batch is there, and something is shown. Run as
`python -m tests.kill.mail_program FOLDER WHERE`, WHERE being what is answered to `login`, as JSON. Begun again over the
same folder it goes on.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import weft
from tests.kill.stops import tell_parent
from weft import Absent, Running, Space
from weft.drivers.show import ShowDriver
from weft.examples.mail import reading
from weft.examples.mail.app import Assistant
from weft.examples.mail.types import Where, Wishes
from weft.secrets import FileSecrets
from weft.services.mail import Mail
from weft.services.mailbox import PAGE_MAX, Cursor, Mailbox, Page

BATCH = 20
"""Fewer than in real life, so that a short run has many."""
LOOK_S = 0.01
LIMIT_S = 100.0


class Told:
    """A mailbox that says what it is doing."""

    def __init__(self, box: Mailbox) -> None:
        self.box = box

    async def page(self, after: Cursor | None = None, /, *, limit: int = PAGE_MAX) -> Page:
        """As the mailbox."""
        tell_parent("asked for")
        return await self.box.page(after, limit=limit)

    async def mails(self, uids: Sequence[str], /) -> tuple[Mail, ...]:
        """As the mailbox."""
        found = await self.box.mails(uids)
        tell_parent("there")
        return found


class Mailboxes(reading.LocalMailboxes):
    """All that there are, each saying what it does."""

    def mailbox(self, where: Where, /) -> Mailbox:
        """The mailbox."""
        return cast("Mailbox", Told(super().mailbox(where)))


def open_office(folder: Path) -> Space:
    """The assistant's space, with all that it needs."""
    reading.BATCH = BATCH
    services: dict[type, object] = {reading.Mailboxes: Mailboxes(FileSecrets(folder / "secrets"))}
    show = ShowDriver(lambda title, text: tell_parent("shown", title))
    return weft.open(
        str(folder / "space.weft"), types=[Assistant], services=services, drivers=[show], actor="you"
    ).__enter__()


def answer_all(space: Space, folder: Path, where: object) -> None:
    """Answer what is asked now."""
    answers = {"login": where, "wishes": Wishes(every="day", skip=("Botany",), also="find the roof")}
    for question in space.questions():
        if not question.is_answered:
            space.answer(question, answers[question.name], secrets=FileSecrets(folder / "secrets"))
            tell_parent("answered", question.name)


def main(folder: Path, where: object) -> None:
    space = open_office(folder)
    tell_parent("opened")
    found = space.find(Assistant)
    assistant = found[0] if found else space.create(Assistant, owner="you")
    for run in space.runs():
        if run.stands == "failed" and "RunPoisoned" in run.why:  # it was killed again and again: somebody sees to it
            space.retry(run)
    until = time.monotonic() + LIMIT_S
    flows = (assistant.hired, assistant.sum_up, assistant.see_to)
    while any(isinstance(flow.state, Absent | Running) for flow in flows):
        assert time.monotonic() < until, [flow.state for flow in flows]
        answer_all(space, folder, where)
        time.sleep(LOOK_S)
    for flow in flows:
        flow.wait(0)
    space.close()
    tell_parent("over")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
