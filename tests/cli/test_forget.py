"""`weft forget`: what is said before, what is asked, what is done, and bad input."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Weft, clean, command
from weft.cli.terminal import cells

SCRIPT = """
import sys

import weft
from weft import Blob, Entity, Field, Ref, derive, field, fold, items, ref


def loud(text: str) -> str:
    return text.upper()


def same(text: str) -> str:
    return text


def length(text: str) -> int:
    return len(text)


def joined(heard: str, said: str) -> str:
    return heard + said


class Note(Entity):
    text: Field[str] = field()
    name: Field[str] = field(default="")
    photos = items(Blob)
    heard = fold("").on(str, joined)
    loud = derive(loud, text)


class Board(Entity):
    pinned: Ref[Note] = ref()
    shown = derive(same, pinned.at(Note.text))
    length = derive(length, pinned.at(Note.text))


if __name__ == "__main__":
    with weft.open("notes.weft", types=[Note, Board]) as space:
        note = space.create(Note, text="Canary-0001", name="ada")
        note.photos.add(Blob.from_bytes(b"Canary-0001 in a picture"))
        note.tell("heard")
        board = space.create(Board, pinned=note)
        space.create(Note, text="other", name="bob")
        board.shown.wait(), board.length.wait(), note.loud.wait()
        print(note.id, note.photos[0].id.hex())
        if len(sys.argv) > 1:
            sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notes")
    (folder / "notes.py").write_text(SCRIPT)
    subprocess.run([command()[0], "notes.py"], cwd=folder, env=clean(), check=True, capture_output=True)
    return folder


@pytest.fixture
def space(lived: Path, tmp_path: Path) -> Path:
    shutil.copytree(lived, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "notes.weft"


def holds(space: Path) -> bool:
    return any(b"Canary-0001" in file.read_bytes() for file in space.parent.iterdir() if file.suffix != ".py")


def test_it_says_what_would_go_and_changes_nothing(space: Path, weft: Weft) -> None:
    before = space.read_bytes()

    done = weft("forget", space.name, "ada")

    assert done.returncode == 3
    assert "nothing was changed; --yes does it" in done.stderr
    for words in ("(ada)", "3 events", "repeat it (1): Board", "blobs that nothing else names (1)", "--derived takes"):
        assert words in done.stdout
    assert all(cells(line) <= 80 for line in done.stdout.splitlines())
    assert space.read_bytes() == before
    assert weft("forget", space.name, "ada", "--dry-run").returncode == 0


def test_it_does_it_where_that_was_agreed_to(space: Path, weft: Weft) -> None:
    done = weft("forget", space.name, "ada", "--yes", "--why", "she asked", "--by", "ann")

    assert (done.returncode, done.stderr) == (0, "")
    assert "no file of notes.weft holds it any more" in " ".join(done.stdout.split())
    assert not holds(space)
    assert weft("doctor", space.name).returncode == 0
    (line,) = [line for line in weft("log", space.name).stdout.splitlines() if "forgotten" in line]
    assert "by ann  she asked" in line
    assert "erased" in weft("why", space.name, "Board.shown").stdout
    assert "erased" in weft("log", space.name, "--node", "Board.shown").stdout


def test_programs_are_told_everything(space: Path, weft: Weft) -> None:
    asked = json.loads(weft("forget", space.name, "ada", "--json").stdout)
    done = json.loads(weft("forget", space.name, "ada", "--json", "--yes").stdout)

    assert (asked["done"], done["done"]) == (False, True)
    assert (done["kind"], done["type"], done["told"], done["unswept"]) == ("entity", "Note", 3, "")
    assert [one["type"] for one in done["references"]] == ["Board"]
    assert [one["place"][1] for one in done["repeats"]] == ["shown"]
    assert [one["place"][1] for one in done["derived"]] == ["length"]
    assert len(done["blobs"]) == 1
    assert asked == {name: done[name] for name in asked} | {"done": False}


def test_a_blob_is_named_by_its_content_id(space: Path, weft: Weft) -> None:
    (cid,) = json.loads(weft("forget", space.name, "ada", "--json", "--dry-run").stdout)["blobs"]

    refused = weft("forget", space.name, cid, "--yes")
    done = weft("forget", space.name, cid, "--yes", "--even-if-used")
    again = weft("forget", space.name, cid, "--yes")

    assert refused.returncode == 1
    assert "is still named, by" in refused.stderr
    assert ".photos" in refused.stderr
    assert (done.returncode, again.returncode) == (0, 1)
    assert "it was erased, or it never arrived" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody"], 2, "There is no entity 'nobody'"),
        (["Note"], 2, "say which"),
        (["ada", "--yes", "--dry-run"], 2, "exclude each other"),
        ([], 2, "Missing argument"),
        (["ada", "--app", "none.py", "--yes"], 2, "none.py"),
    ],
)
def test_bad_input_is_refused(space: Path, weft: Weft, words: list[str], code: int, said: str) -> None:
    done = weft("forget", space.name, *words)

    assert done.returncode == code
    assert said in done.stderr
    assert holds(space)


def test_what_was_forgotten_is_said_to_be(space: Path, weft: Weft) -> None:
    what = json.loads(weft("forget", space.name, "ada", "--json", "--yes").stdout)["what"]

    for arguments in (("forget", space.name, what), ("show", space.name, what), ("why", space.name, f"{what}.text")):
        done = weft(*arguments)
        assert done.returncode == 2
        assert f"{what} was erased at position" in done.stderr


def test_beside_an_engine_it_says_who_can(space: Path, weft: Weft) -> None:
    with subprocess.Popen(
        [command()[0], "notes.py", "stay"],
        cwd=space.parent, env=clean(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as engine:  # fmt: skip
        assert engine.stdin is not None
        assert engine.stdout is not None
        what = engine.stdout.readline().split()[0]

        done = weft("forget", space.name, what, "--yes")

        engine.communicate("end\n")
    assert done.returncode == 4
    assert f"is computed by process {engine.pid} on" in done.stderr
    assert "space.forget" in done.stderr
    assert holds(space)
