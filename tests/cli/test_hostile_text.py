"""Text that somebody else wrote steers no terminal, and looks like nothing that it is not, in whatever is listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click import UsageError

import weft as weft_package
from tests.cli.conftest import Weft
from tests.until import until
from weft import Entity, Field, Run, derive, field, on
from weft.cli import terminal
from weft.cli.program import run
from weft.errors import WeftError

STEERING = "\x1b[2J\x1b]0;owned\x07\x08\x9b31m\x7f\u202egpj.exe\u202c\u2066x\u2069\u200e\ufeff\u200b\u00ad\u2028\u2029"
HOSTILE = f"said {STEERING} and more"
JOINED = "\U0001f468\u200d\U0001f469 می‌خواهم"


def shouted(text: str) -> str:
    if text != "calm":
        raise ValueError(text)
    return text


class Letter(Entity):
    name: Field[str] = field(default=HOSTILE)
    loud = derive(shouted, name)

    @on(Entity.created)
    async def asked(self, run: Run) -> bool:
        return await run.ask("is it " + HOSTILE, bool, about=HOSTILE, by="ann " + HOSTILE)

    @on(Entity.created)
    async def failed(self, run: Run) -> None:
        raise ValueError(HOSTILE)


def steering(text: str) -> list[str]:
    """What of it is no letter, sign or space, but for the ends of lines."""
    return [one for one in text if not one.isprintable() and one != "\n" and one not in JOINED]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("letters") / "letters.weft"
    with weft_package.open(str(path), types=[Letter]) as opened:
        letter = opened.create(Letter)
        with pytest.raises(WeftError):
            letter.loud.wait(30)
        with pytest.raises(WeftError):
            letter.failed.wait(30)
        until(lambda: bool(opened.questions()))
    return path


COMMANDS: Sequence[Sequence[str]] = [
    ("questions",), ("runs",), ("show",), ("show", "Letter"), ("log",), ("why", "Letter.loud"),
    ("why", "Letter.loud", "--mermaid"), ("plan", "Letter.loud"), ("diff", "1"), ("answer", "nobody" + STEERING, "1"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_hands_on_what_steers(weft: Weft, space: Path, command: Sequence[str]) -> None:
    done = weft(command[0], space, *command[1:])

    assert done.stdout + done.stderr
    assert steering(done.stdout + done.stderr) == []


@pytest.mark.parametrize("command", [("questions",), ("runs",), ("show", "Letter"), ("log",), ("why", "Letter.loud")])
def test_json_says_the_same_and_steers_nothing(weft: Weft, space: Path, command: Sequence[str]) -> None:
    done = weft(command[0], space, *command[1:], "--json")

    assert steering(done.stdout) == []
    said = [json.loads(line) for line in (done.stdout.splitlines() if command == ("log",) else [done.stdout])]
    assert STEERING[-12:] in json.dumps(said, ensure_ascii=False)


def test_what_is_said_steers_nothing_and_keeps_its_style(capsys: pytest.CaptureFixture[str]) -> None:
    text = "one\n" + terminal.strong("two") + f"\tthree {HOSTILE} {JOINED}"
    terminal.say(text)
    terminal.note(text)

    said = capsys.readouterr()
    for one in (said.out, said.err):
        assert steering(one.replace("\t", "")) == []
        assert one.startswith("one\ntwo\tthree said \\x1b[2J") and one.endswith(f"{JOINED}\n")
    assert terminal.printable(HOSTILE).isprintable()
    assert terminal.printable(JOINED) == JOINED


def test_an_error_hands_nothing_on_that_steers(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (WeftError(reason=HOSTILE), ValueError(HOSTILE), UsageError(HOSTILE)):

        def failing(error: Exception = error) -> None:
            raise error

        assert run(failing) != 0

        said = capsys.readouterr().err
        assert "gpj.exe" in said
        assert steering(said) == []
