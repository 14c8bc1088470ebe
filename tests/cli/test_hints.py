"""What errors say to who typed a command: no next step speaks of a call that only a program can make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Weft
from weft.cli.hints import NEXT_STEPS, for_people
from weft.client import ClientDefines, NoEngine
from weft.erasure.asking import NotItsEngine
from weft.errors import WeftError
from weft.pump import SpaceClosed
from weft.store import Fenced, SpaceLocked

ERRORS: list[tuple[WeftError, str]] = [
    (
        SpaceLocked(path="s.weft", pid=7, host="here"),
        "on here. This command needs the space for itself: end that program, then run the command again.",
    ),
    (NoEngine(path="s.weft"), "Run the command again to take over; edits that were made here are kept"),
    (Fenced(epoch=1, newest=2), "nothing was written. Run the command again."),
    (SpaceClosed(), "The space is closed. Run the command again."),
    (ClientDefines(type="Shelf"), "End that program and run the command again to put this definition in force"),
    (
        NotItsEngine(path="s.weft", pid=7, host="here"),
        "End that program and run the command again, or have it call space.forget(…). Nothing was changed.",
    ),
]


@pytest.mark.parametrize(("error", "said"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
def test_the_next_step_is_a_commands(error: WeftError, said: str) -> None:
    assert said in for_people(str(error))
    for spoken in ("engine=", "Close this space", "open it again", "weft.open"):
        assert spoken not in for_people(str(error))


def test_each_next_step_that_is_worded_anew_is_one_that_is_said() -> None:
    """A message that is reworded would else pass by its entry here."""
    messages = [*(str(error) for error, _ in ERRORS), "a/b needs Ocr; open the space with services={Ocr: …}"]

    for said, _ in NEXT_STEPS:
        assert any(said.search(message) for message in messages), said.pattern


def test_what_else_is_said_stays() -> None:
    assert for_people("disk full: free space, then try again.") == "disk full: free space, then try again."
    assert for_people(f"{'abcdefgh' + 'a' * 18}.text cannot") == "abcdefgh.text cannot"


def test_a_script_that_lacks_a_service_is_told_where_a_script_gives_it(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "asked.py").write_text(
        "from typing import Protocol\n"
        "from weft import Entity, Field, derive, field\n"
        "class Model(Protocol):\n    def say(self) -> str: ...\n"
        "def ask(n: int, *, model: Model) -> str:\n    return model.say()\n"
        "class Asked(Entity):\n    n: Field[int] = field(default=1)\n    text = derive(ask, n)\n"
    )

    done = weft("run", "asked.py")

    assert done.returncode == 1
    assert "give it in the script, as SERVICES = {Model: …}" in done.stderr
