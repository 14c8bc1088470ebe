"""`weft demo mail`: an assistant is hired over a mailbox that the demonstration makes, and does its work.

Progress and questions go to standard error, what the assistant shows to standard output. Ended at any moment and begun
again over the same space, it goes on where it was.

Knows nothing of how mails are read and ranked.
Invariant: no key and no network are needed, and nothing leaves this program.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft import Space, WeftError
from weft import open as open_space
from weft.cli import terminal
from weft.cli.answer import asked_for
from weft.cli.questions import ID_CHARS
from weft.content import Plain
from weft.dag_json import json_of
from weft.driver import NotReached
from weft.drivers.show import ShowDriver
from weft.examples.mail.app import Assistant
from weft.examples.mail.letters import MAILS, letters, write_maildir
from weft.examples.mail.reading import LocalMailboxes, Mailboxes
from weft.examples.mail.types import Done, Next, Where, Wishes
from weft.handle import Failed, Settled
from weft.reduce import Refused
from weft.secrets import FileSecrets, default_path
from weft.services.completion import Completion, from_environment
from weft.store import entries_of
from weft.value import shape_of

if TYPE_CHECKING:
    from weft.questions import Question

LOOK_S = 0.02
"""How often it is looked whether something is asked, or over."""
FLOWS = ("hired", "sum_up", "see_to")


class WaitsForAnswers(WeftError):
    """The assistant asks for {names}, and there is no terminal to ask in. Answer by `weft answer {space} {id} -` with
    JSON on standard input, such as {example}, and start again, or start again with --yes; it goes on where it is."""

    exit_code = 3
    names: str
    space: str
    id: str
    example: str


class NoFolder(WeftError):
    """There is no folder {folder} to keep the assistant in. Make it, or give --space a file in one that is there."""

    exit_code = 2
    folder: str


class AssistantFailed(WeftError):
    """The assistant stopped, as {flow} failed: {error}. Mend that, and start again over {space}: the flow begins
    anew, and asks again."""

    flow: str
    error: str
    space: str


def tell(*, space: str | None, yes: bool, as_json: bool, number: int | None) -> int:
    """The whole story. Returns the exit code."""
    path = Path(space or Path(tempfile.mkdtemp(prefix="weft-demo-")) / "mail.weft")
    mails = path.with_name(f"{path.stem}.mails")
    if not path.parent.is_dir():
        raise NoFolder(folder=str(path.parent))
    if mails.is_dir() and number is not None:
        terminal.note(f"--mails is left aside: the mailbox is made, and is in {mails}")
    if not mails.is_dir():
        draft = mails.with_name(f"{mails.name}.new-{os.getpid()}")
        write_maildir(draft, letters(1, MAILS if number is None else number))
        draft.rename(mails)
    secrets, model = FileSecrets(default_path()), from_environment(os.environ)
    services: dict[type, object] = {Mailboxes: LocalMailboxes(secrets)}
    if model is not None:
        services[Completion] = model
    page = _Page(is_shown=not as_json)
    shows = ShowDriver(page.show)
    with open_space(str(path), types=(Assistant,), services=services, drivers=(shows,), actor="you") as opened:
        try:
            return _Story(opened, path, mails, secrets, page, yes=yes, as_json=as_json).tell()
        except (KeyboardInterrupt, click.Abort):
            terminal.note(f"begun again with --space {path}, the demonstration goes on where it was")
            raise


class _Page:
    """What the assistant shows, on standard output."""

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self.gone: BrokenPipeError | None = None
        """Whoever read it does no longer: what is left is shown when the demonstration is begun again."""

    def write(self, title: str, text: str) -> None:
        """A text under its title."""
        lines = [terminal.strong(title)]
        for line in text.splitlines():
            lines += terminal.wrapped(line, terminal.width(), indent="  ", hanging="    ")
        for line in [*lines, ""] if self._is_shown else ():
            terminal.say(line)

    def show(self, title: str, text: str) -> None:
        """The same, for the assistant. Raises `NotReached`."""
        try:
            self.write(title, text)
        except BrokenPipeError as why:
            self.gone = why
            raise NotReached(effect="Show", why="nobody reads what this program says", after_s=None) from why


def _about(question: Question) -> str:
    """What a question is about, where that is a text."""
    said = question.about.get("value") if isinstance(question.about, dict) else None
    return said if isinstance(said, str) else ""


def _as_json(answer: object) -> str:
    """An answer as `weft answer` takes it, without what is left out."""
    plain = json_of(shape_of(type(answer)).to_plain(answer))
    said = {name: one for name, one in plain.items() if one not in (None, "")} if isinstance(plain, dict) else plain
    return json.dumps(said, ensure_ascii=False)


class _Story:
    """One assistant in an open space."""

    def __init__(
        self, space: Space, path: Path, mails: Path, secrets: FileSecrets, page: _Page, *, yes: bool, as_json: bool
    ) -> None:
        self.space, self.path, self.mails, self.secrets, self.page = space, path, mails, secrets, page
        self.yes, self.as_json, self._has_said_where = yes, as_json, False
        found = space.find(Assistant)
        self.assistant = found[0] if found else space.create(Assistant, owner="you")
        for flow, _ in self._failed():
            space.restart(getattr(self.assistant, flow))

    def tell(self) -> int:
        """Answer what is asked until nothing is under way."""
        read = -1
        if self._is_over():
            self._show_again()
        while not self._is_over():
            if self.page.gone is not None:
                raise self.page.gone
            for flow, error in self._failed():
                raise AssistantFailed(flow=flow, error=error, space=str(self.path))
            for question in self.space.questions():
                if not question.is_answered:
                    self._answer(question)
            if read != (read := len(self.assistant.letters)) and read:
                terminal.note(f"{terminal.counted(read, 'mail is', 'mails are')} read")
            time.sleep(LOOK_S)
        if self.as_json:
            terminal.say_json(self._counts())
        terminal.note(f"the assistant is in {self.path}; begun again over it, the demonstration goes on where it was")
        return 0

    def _show_again(self) -> None:
        terminal.note("the assistant has done all that it was asked for; these are its digests")
        for period, made in sorted(self.assistant.digests.wait().items()):
            self.page.write(f"Mails of {period}", made.text)
        if (wishes := self.assistant.wishes) is not None and wishes.also:
            terminal.note(f"what it did for your other wish is told by: weft log {self.path}")

    def _is_over(self) -> bool:
        return all(isinstance(getattr(self.assistant, flow).state, Settled) for flow in FLOWS)

    def _failed(self) -> Iterator[tuple[str, str]]:
        """The flows that failed, and why: what waits for them never begins."""
        for flow in FLOWS:
            if isinstance(state := getattr(self.assistant, flow).state, Failed):
                yield flow, state.error

    def _answer(self, question: Question) -> None:
        if self.yes and question.name == "login" and self._has_said_where:
            raise AssistantFailed(flow=question.flow, error=_about(question), space=str(self.path))
        if self.yes:
            self._has_said_where = self._has_said_where or question.name == "login"
            terminal.note(f"{question.name}: answered by {_as_json(self._by_default(question))}")
            self.space.answer(question, self._by_default(question), secrets=self.secrets)
            return
        if not sys.stdin.isatty():
            example = _as_json(self._by_default(question))
            raise WaitsForAnswers(names=question.name, space=str(self.path), id=question.id[:ID_CHARS], example=example)
        if question.name == "login":
            terminal.note(f"the made-up mailbox: maildir, in {self.mails}")
        answer = asked_for(question)
        if isinstance(answer, dict) and answer.get("kind") == "maildir" and not Path(str(answer["place"])).is_dir():
            terminal.note(f"there is no folder {answer['place']!s}")
            return  # it is asked again
        try:
            self.space.answer(question, answer, secrets=self.secrets)
        except Refused as why:  # somebody was quicker, while it was asked for here
            terminal.note(f"nothing came of this answer to {question.name}: {why.why}; the assistant goes on")

    def _by_default(self, question: Question) -> object:
        match question.name:
            case "login":
                return Where("maildir", str(self.mails))
            case "wishes":
                return Wishes(every="day", skip=("Botany",), also="find the roof")
            case "next":
                return Next("nothing more is wanted", Done())
            case _:
                return "again"  # an effect in doubt

    def _counts(self) -> dict[str, object]:
        notes = self.assistant.notes.wait()
        told = Counter(self._verbs())
        return {
            "mails": len(self.assistant.letters),
            "summarised": sum(1 for note in notes if note.gist),
            "ranked": dict(sorted(Counter(note.worth for note in notes).items())),
            "digests": len(self.assistant.digests.wait()),
            "questions": told["answer"],
            "effects": told["done"],
        }

    def _verbs(self) -> Iterator[str]:
        """What was answered, and which effects have a receipt."""
        with self.space.view() as engine:
            for _, kind, said in entries_of(engine.store):
                intents: list[Plain] = said["intents"] if kind == "event" else []  # type: ignore[assignment]
                for intent in intents:
                    assert isinstance(intent, list)
                    if intent[2] == "answer" or (intent[2] == "done" and str(intent[4]).startswith("perform ")):
                        yield str(intent[2])
