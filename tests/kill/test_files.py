"""Files that are damaged, newer, of another kind, or torn by a kill: said by `weft.open` and by the commands alike."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import weft
from tests.kill.program import NEXT_SCHEMA, garden, make_first, open_space
from tests.kill.victim import ROOT
from weft import WeftError
from weft.store import NotASpace, SpaceDamaged, SpaceLocked, SpaceNewer
from weft.stores.sqlite import SqliteStore

pytestmark = pytest.mark.kill


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "space.weft"
    with open_space(str(path)) as space:
        with space.edit(once="make first"):
            make_first(space)
        space.wait_settled(timeout_s=30)
    return path


def cut_short(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change_header(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def change_records(path: Path) -> None:
    """Every place where the first edit's words stand."""
    content = path.read_bytes()
    assert b"gardener" in content
    path.write_bytes(content.replace(b"gardener", b"gArdener"))


def move_on(path: Path) -> None:
    SqliteStore(path, schema=NEXT_SCHEMA).close()


def write_letter(path: Path) -> None:
    for file in path.parent.iterdir():
        file.unlink()
    path.write_text("Dear diary, " * 100)


CASES: list[tuple[Callable[[Path], None], type[WeftError]]] = [
    (cut_short, SpaceDamaged),
    (change_header, SpaceDamaged),
    (change_records, SpaceDamaged),
    (move_on, SpaceNewer),
    (write_letter, NotASpace),
]


@pytest.mark.parametrize(("spoil", "error"), CASES, ids=lambda case: case.__name__)
def test_a_spoiled_file_is_named_by_open_and_by_commands_and_is_left_alone(
    whole: Path, tmp_path: Path, spoil: Callable[[Path], None], error: type[WeftError]
) -> None:
    path = tmp_path / "copy" / "space.weft"
    shutil.copytree(whole.parent, path.parent)
    spoil(path)
    before = path.read_bytes()

    with pytest.raises(error) as named:
        read_all(path)
    done = weft_command("log", path)

    assert str(path) in str(named.value)
    assert named.value.exit_code == 4
    assert done.returncode == 4, done.stderr
    assert str(path) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert path.read_bytes() == before


def read_all(path: Path) -> None:
    """Open a space as its user would, and read its log."""
    with closing(weft.open(str(path), engine=False)) as space:
        space.subscribe().present()


def test_an_engine_beside_a_living_one_is_refused_and_the_space_stays_usable(whole: Path) -> None:
    with open_space(str(whole)) as space:
        with pytest.raises(SpaceLocked, match="held by an engine of this very program"):
            open_space(str(whole), engine=True)
        assert garden(space).place == "kew"
        assert weft_command("show", whole).returncode == 0


def weft_command(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from weft.cli import main; main()", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
