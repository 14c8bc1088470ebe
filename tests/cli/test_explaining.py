"""`why`, `plan`, `log --node` and `diff`, as shells see them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import weft as library
from tests.cli.conftest import SCRIPT, Weft, clean, command
from tests.past.erasing import erase_in_file as erase
from weft.content import Plain, encode
from weft.folding import event_id, event_plain
from weft.store import ENTITY
from weft.stores.sqlite import SqliteStore


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space with one sum, told and computed, then told again while nobody asks for what follows."""
    folder = tmp_path_factory.mktemp("sums")
    (folder / "sums.py").write_text(SCRIPT, encoding="utf-8")
    path = folder / "sums.weft"
    arguments = command("run", "sums.py", "--space", path, "n=4", "name=four", "xs=[1, 2]")
    subprocess.run(arguments, cwd=folder, env=clean(), check=True, capture_output=True, stdin=subprocess.DEVNULL)
    with library.open(str(path), engine=False) as opened, opened.view() as engine:
        id = next(str(key[0]) for key, _ in engine.rows(ENTITY))
        cut = engine.cut
    tell(path, cut, [[id, "n", "set", 9]], "later")
    return path


@pytest.fixture
def space(made: Path, tmp_path: Path) -> Path:
    """A copy of it: nobody has it open."""
    for file in made.parent.glob("sums.weft*"):
        shutil.copy(file, tmp_path)
    return tmp_path / made.name


def tell(path: Path, base: int, intents: list[Plain], name: str) -> None:
    """An edit of another program, folded when the space is next opened; nobody asks for what follows."""
    said = event_plain(event_id("ann", name), intents, actor="ann", base=base, time="2026-01-01T00:00:00Z")
    store = SqliteStore(str(path))
    store.post(encode({"event": said}))
    store.close()
    with library.open(str(path), engine=True) as opened:
        opened.wait_settled(timeout_s=30)


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


# why -----------------------------------------------------------------------------------------------------------------


def test_why_draws_a_flowchart(space: Path, weft: Weft) -> None:
    done = weft("why", space, "Sum.doubled", "--mermaid")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0] == "flowchart TD"
    assert any("Sum" in line and "doubled" in line for line in lines)
    assert any("changed since" in line for line in lines)


def test_why_has_one_form_at_a_time(space: Path, weft: Weft) -> None:
    done = weft("why", space, "Sum.doubled", "--mermaid", "--json")

    assert (done.returncode, done.stdout) == (2, "")
    assert "Give --json or --mermaid, not both" in done.stderr


# plan ----------------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_would_be_called(space: Path, weft: Weft) -> None:
    done = weft("plan", space)
    said = json.loads(weft("plan", space, "--json").stdout)

    assert done.returncode == 0
    assert "2 calls, 0 known already" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {node["node"]: node["calls"] for node in said["nodes"]} == {"doubled": 1, "rooted": 1}
    assert said["takes_us"] > 0


def test_a_plan_of_some_nodes_leaves_out_the_others(space: Path, weft: Weft) -> None:
    said = json.loads(weft("plan", space, "Sum.doubled", "four.totalled", "--json").stdout)

    assert [node["node"] for node in said["nodes"]] == ["doubled"]
    assert "nothing, all is current" in weft("plan", space, "Sum.totalled").stdout


def test_a_plan_changes_nothing(space: Path, weft: Weft) -> None:
    before = weft("show", space, "--json").stdout, weft("log", space).stdout

    weft("plan", space)

    assert (weft("show", space, "--json").stdout, weft("log", space).stdout) == before


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("Sun.doubled", "did you mean 'Sum'?"),
        ("Sum.double", "did you mean 'doubled'?"),
        ("Sum", "name a node"),
        ("Sum.xs[7]", "has no element '7'"),
    ],
)
def test_a_place_that_is_not_there_is_refused(space: Path, weft: Weft, place: str, said: str) -> None:
    for arguments in (["plan", space, place], ["log", space, "--node", place]):
        done = weft(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


# log --node ----------------------------------------------------------------------------------------------------------


def test_the_history_of_a_node_is_every_value_it_had(space: Path, weft: Weft) -> None:
    computed = objects(weft("log", space, "--node", "Sum.doubled", "--json").stdout)
    told = objects(weft("log", space, "--node", "Sum.n", "--json").stdout)
    text = weft("log", space, "--node", "Sum.n").stdout

    (once,) = computed
    assert (once["how"], once["operation"], once["shown"]) == (
        "ran",
        "sums/double",
        {"state": "value", "value": 8, "content_id": once["shown"]["content_id"]},  # type: ignore[index]
    )
    assert isinstance(once["at"], int) and isinstance(once["version"], str)
    assert once["due_from"] == told[-1]["position"]
    said = weft("log", space, "--node", "Sum.doubled").stdout
    assert f"shown on though it was due, from {once['due_from']} on" in said
    assert [(one["by"], one["shown"]["value"]) for one in told] == [("weft run", 4), ("ann", 9)]  # type: ignore[index]
    assert max(map(len, text.splitlines())) <= 80
    assert "by ann, 2026-01-01T00:00:00Z" in text


def test_a_history_begins_where_it_is_told_to(space: Path, weft: Weft) -> None:
    (first, second) = objects(weft("log", space, "--node", "Sum.n", "--json").stdout)

    later = objects(weft("log", space, "--node", "Sum.n", "--json", "--from", first["position"] + 1).stdout)  # type: ignore[operator]
    none = weft("log", space, "--node", "Sum.n", "--from", "1000")

    assert later == [second]
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == "nothing was recorded of Sum.n from position 1000 on\n"


def test_a_history_is_not_followed(space: Path, weft: Weft) -> None:
    done = weft("log", space, "--node", "Sum.n", "--follow")

    assert (done.returncode, done.stdout) == (2, "")
    assert "does not --follow" in done.stderr


# diff ----------------------------------------------------------------------------------------------------------------


def test_a_difference_shows_before_and_after(space: Path, weft: Weft) -> None:
    head = len(weft("log", space).stdout.splitlines())

    done = weft("diff", space, head - 1, head)
    back = objects(weft("diff", space, head, head - 1, "--json").stdout)

    lines = done.stdout.splitlines()
    assert lines[1:3] == ["        - 4", "        + 9"]
    assert lines[3].split()[1:] == ["computed", "Sum", lines[3].split()[3]] and lines[3].endswith(".doubled")
    assert lines[4:6] == ["        - 8", "        + unknown, as it was due; shown was 8, from 3 on"]
    told, doubled, _ = back
    assert (told["node"], told["before"]["value"], told["after"]["value"]) == ("n", 9, 4)  # type: ignore[index]
    before = doubled["before"]
    assert isinstance(before, dict)
    assert (before["state"], before["shown"]["value"], before["since"]) == ("unknown", 8, 3)
    assert doubled["after"]["value"] == 8  # type: ignore[index]
    assert max(map(len, weft("diff", space, 0, head).stdout.splitlines())) <= 80


def test_a_difference_as_shown_is_of_what_came_to_be_shown(space: Path, weft: Weft) -> None:
    head = len(weft("log", space).stdout.splitlines())

    done = weft("diff", "--as-shown", space, head - 1, head)

    assert done.stdout.splitlines()[1:] == ["        - 4", "        + 9"]


def test_the_same_position_differs_in_nothing(space: Path, weft: Weft) -> None:
    done = weft("diff", space, "3", "3")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing differs between 3 and 3\n")


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        (["-1", "2"], "There is no position -1 in this space: its log ends at"),
        (["1", "100000"], "There is no position 100000 in this space: its log ends at"),
        (["one", "2"], "'one' is not a valid integer"),
        (["1"], "Missing argument 'B'"),
    ],
)
def test_a_position_that_is_not_there_is_refused(space: Path, weft: Weft, positions: list[str], said: str) -> None:
    done = weft("diff", space, *positions)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_was_erased_is_said_to_be(space: Path, weft: Weft) -> None:
    head = len(weft("log", space).stdout.splitlines())
    erase(space, head)

    done = weft("diff", space, head - 1, head)

    assert done.returncode == 0
    assert "what this changed is not known: it was erased" in done.stdout
    assert "erased" in weft("log", space, "--node", "Sum.n").stdout


def test_all_of_them_read_while_another_program_is_the_engine(space: Path, weft: Weft) -> None:
    with library.open(str(space), engine=True) as opened:
        head = opened.position

        for arguments in (["plan", space], ["log", space, "--node", "Sum.n"], ["diff", space, "0", str(head)]):
            assert weft(*arguments).returncode == 0
        assert weft("why", space, "Sum.n", "--mermaid").returncode == 0
        assert opened.position == head
