"""What commands refuse: each error by its class, as a program that calls them would meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.cli.conftest import clean, command
from weft import Entity, Field, WeftError, element, field, items
from weft.cli.doctor import BeyondRebuild
from weft.cli.opening import NoSpaceThere, NoSuchType, NotAScript, WhichType
from weft.cli.place import ManyEntities, NoEntityNamed, NoSuchElement, NoSuchEntity, NoSuchNode, NotAPlace
from weft.cli.program import program
from weft.cli.retry import NothingFailed
from weft.cli.run import NotAnInput
from weft.stores.refusal import SpaceMissing


@element(key="name")
class Book:
    name: str


class Shelf(Entity):
    books = items(Book)


class Cellar(Entity):
    kegs = items(str)
    full = kegs.count()


class Loft(Entity):
    name: Field[str] = field()
    boxes = items(str)
    size = boxes.count()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A script that a command loads stays loaded, and its folder on the path: not for other tests."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in {"script_of_types", "sums"} - before:
        sys.modules.pop(name, None)


def called(*arguments: object) -> object:
    """Run a command in this process, with its errors as they are raised."""
    return program.main([str(each) for each in arguments], prog_name="weft", standalone_mode=False)


@pytest.fixture
def shelves(tmp_path: Path) -> Path:
    """A space with two shelves, the first of which holds a book."""
    path = tmp_path / "shelves.weft"
    with weft.open(str(path), types=[Shelf]) as space:
        space.create(Shelf).books.add(Book("Drawdown"))
        space.create(Shelf)
    return path


def first(path: Path) -> str:
    """The id of the first shelf."""
    with weft.open(str(path), types=[Shelf]) as space:
        return space.find(Shelf)[0].id


@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("books", NotAPlace, "'books' is not ENTITY.NODE or ENTITY.NODE[KEY]: name a node, as in books.books."),
        (".books", NoEntityNamed, "'.books' names a node and no entity"),
        ("Shelves.books", NoSuchEntity, "There is no entity 'Shelves' in this space: did you mean 'Shelf'?"),
        ("Shelf.books", ManyEntities, "'Shelf' may be "),
        ("{id}.bokes", NoSuchNode, "has no node 'bokes': did you mean 'books'?"),
        ("{id}.books[Dradown]", NoSuchElement, "has no element 'Dradown': did you mean 'Drawdown'?"),
        ("{id}.books[1]", NoSuchElement, "has no element '1'"),
    ],
)
def test_a_place_that_names_nothing_or_several_is_refused(
    shelves: Path, place: str, kind: type[WeftError], said: str
) -> None:
    with pytest.raises(kind) as refused:
        called("why", shelves, place.format(id=first(shelves)))

    assert said in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_node_that_is_named_for_an_example_is_one_that_is_there(shelves: Path) -> None:
    with weft.open(str(shelves), types=[Cellar, Loft]) as space:
        space.create(Loft, name="top floor").boxes.add("x", "y")

    for written in ("Loft", "top floor"):
        with pytest.raises(NotAPlace, match=rf"name a node, as in {written}\.size\."):
            called("why", shelves, written)


def test_a_space_is_headed_as_it_was_called(
    shelves: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shelves.parent)

    called("list", shelves.name)
    called("show", shelves.name)

    heads = [line for line in capsys.readouterr().out.splitlines() if " at position " in line]
    assert [line.split()[0] for line in heads] == [shelves.name] * 2


@pytest.mark.parametrize("name", ["doctor", "show", "backup"])
def test_of_a_space_whose_mark_alone_is_left_a_command_says_what_was_there(shelves: Path, name: str) -> None:
    shelves.unlink()

    with pytest.raises(
        SpaceMissing, match=r"tells of a space whose newest record was \d+\. Bring the file back"
    ) as missing:
        called(name, shelves, *(["copy.weft"] if name == "backup" else []))

    assert missing.value.exit_code == 4


def test_what_did_not_fail_is_not_retried(shelves: Path) -> None:
    place = f"{first(shelves)}.books"
    with pytest.raises(NothingFailed, match=r"did not fail: it is told, not computed\. Nothing was told"):
        called("retry", shelves, place)


def test_all_may_be_retried_where_nothing_failed(shelves: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called("retry", shelves, "--all")
    said = capsys.readouterr().out

    called("retry", shelves, "--all", "--json")

    assert " ".join(said.split()) == (
        f"Nothing in {shelves} shows an error that could be tried again, so nothing was told."
    )
    assert max(map(len, said.splitlines())) <= 80 or len(str(shelves)) > 80
    assert json.loads(capsys.readouterr().out) == {"retried": [], "position": None}


@pytest.mark.parametrize(
    ("source", "typed", "kind", "said"),
    [
        (
            "class Sum(Entity):\n    n: Field[int] = field()\n",
            ":Some",
            NoSuchType,
            "declares no type Some: did you mean",
        ),
        ("", "", NoSuchType, "declares no type at all"),
        ("class A(Entity): ...\nclass B(Entity): ...\n", "", WhichType, "declares the types A, B: say which, as "),
        ("1 / 0\n", "", NotAScript, "could not be loaded: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)\n", "", NotAScript, "it ended by itself (3); guard what it runs by __name__"),
    ],
)
def test_a_script_of_which_no_type_can_be_run_is_refused(
    tmp_path: Path, source: str, typed: str, kind: type[WeftError], said: str
) -> None:
    path = tmp_path / "script_of_types.py"
    path.write_text(f"from weft import Entity, Field, field\n{source}", encoding="utf-8")

    with pytest.raises(kind) as refused:
        called("run", f"{path}{typed}")

    assert said in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [("n", "write FIELD=VALUE"), ("pags=1", "it has no input 'pags': did you mean 'pages'?"), ("n=one", "n")],
)
def test_what_tells_a_type_nothing_is_refused(script: Path, told: str, said: str) -> None:
    with pytest.raises(NotAnInput) as refused:
        called("run", script, told)

    assert f"{told!r} does not tell Sum anything: " in str(refused.value)
    assert said in str(refused.value)


def test_what_is_no_space_is_refused_with_the_space_that_it_belongs_to(shelves: Path, script: Path) -> None:
    with pytest.raises(NoSpaceThere, match=r"sums\.py is not a Weft space: .* Give the path of a space\."):
        called("show", script)
    with pytest.raises(NoSpaceThere, match=r"it belongs to the space .*shelves\.weft\. Give the path of that\."):
        called("show", f"{shelves}-mark")


def test_a_rebuild_of_what_lost_its_log_says_what_to_bring_back(tmp_path: Path) -> None:
    path = tmp_path / "lost.weft"
    killed = (
        "import os, weft; from weft import Entity, Field, field\n"
        "class Note(Entity):\n    text: Field[str] = field()\n"
        f"weft.open({str(path)!r}, types=[Note]).create(Note, text='kept')\nos._exit(0)"
    )
    subprocess.run([command()[0], "-c", killed], cwd=tmp_path, env=clean(), check=True)
    (tmp_path / "lost.weft-wal").rename(tmp_path / "put away")

    with pytest.raises(BeyondRebuild, match=r"put .*-wal back beside it, or go back to a copy") as refused:
        called("doctor", path, "--rebuild")

    assert refused.value.exit_code == 4
