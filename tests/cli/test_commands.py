"""Commands as shells see them: what they print where, and how they end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from scripts.help_page import help_page
from tests.cli.conftest import Weft, clean, command
from tests.stores.test_migration import as_version
from weft.cli.doctor import PARTS
from weft.cli.program import COMMANDS, LazyGroup, program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def space(tmp_path: Path, script: Path, weft: Weft) -> Path:
    """A space with two sums, called small and large."""
    path = tmp_path / "sums.weft"
    for name, n in (("small", 2), ("large", 200)):
        assert weft("run", script, "--space", path, f"n={n}", f"name={name}").returncode == 0
    return path


def test_help_lists_every_command_in_eighty_columns(weft: Weft) -> None:
    done = weft("--help")

    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_loads_neither_the_engine_nor_any_command(tmp_path: Path) -> None:
    asked = (
        "import sys; from weft.cli.program import program, run; "
        "run(lambda: program.main(['--help'], standalone_mode=False)); "
        "print(sorted(name for name in sys.modules if name.startswith('weft')), file=sys.stderr)"
    )

    done = subprocess.run([*command()[:2], asked], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert done.stderr.strip() == "['weft', 'weft.cli', 'weft.cli.program']"


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    assert isinstance(program, LazyGroup)
    for name in COMMANDS:
        loaded = program.commands.get(name) or program.get_command(None, name)  # type: ignore[arg-type]
        assert loaded is not None
        assert loaded.help


def test_the_reference_shows_the_help_of_today() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")

    assert page == help_page(), "write it anew: python -m scripts.help_page"


def test_a_mistyped_command_is_answered_with_the_nearest(weft: Weft) -> None:
    done = weft("shwo", "x.weft")

    assert (done.returncode, done.stdout) == (2, "")
    assert "There is no command 'shwo': did you mean 'show'?" in done.stderr


def test_without_a_command_the_help_is_shown(weft: Weft) -> None:
    done = weft()

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == weft("--help").stdout


def test_the_package_is_the_program(tmp_path: Path, weft: Weft) -> None:
    done = subprocess.run(
        [command()[0], "-m", "weft", "--help"], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True
    )

    assert done.stdout == weft("--help").stdout


def test_the_version_is_the_packages(weft: Weft) -> None:
    from importlib.metadata import version

    assert weft("--version").stdout == f"weft {version('weft')}\n"


# run ------------------------------------------------------------------------------------------------------------------


def test_run_prints_what_follows_from_what_it_is_told(script: Path, weft: Weft) -> None:
    done = weft("run", f"{script}:Sum", "n=9", "name=nine", "--json")

    nodes = {node["name"]: node for node in json.loads(done.stdout)["nodes"]}
    assert done.returncode == 0
    assert nodes["doubled"]["value"] == 18
    assert nodes["rooted"]["value"] == 3.0
    assert nodes["name"]["value"] == "nine"


def test_run_with_the_same_arguments_is_the_same_entity(script: Path, space: Path, weft: Weft) -> None:
    again = weft("run", script, "--space", space, "name=small", "n=2", "--json")
    shown = weft("show", space, "--json")

    (sums,) = json.loads(shown.stdout)["types"]
    assert json.loads(again.stdout)["id"] in [each["id"] for each in sums["entities"]]
    assert len(sums["entities"]) == 2


def test_run_tells_collections_too(script: Path, tmp_path: Path, weft: Weft) -> None:
    arguments = ["n=1", "xs=[1, 2]", "xs=3", 'pages={"b": 2, "a": 1}']
    space = tmp_path / "sums.weft"

    done = weft("run", script, *arguments, "--json", "--space", space)
    again = weft("run", script, *arguments[1:], arguments[0], "--json", "--space", space)

    nodes = {node["name"]: node["value"] for node in json.loads(done.stdout)["nodes"]}
    assert (nodes["xs"], nodes["totalled"], nodes["pages"]) == ([1, 2, 3], 6, {"a": 1, "b": 2})
    assert again.stdout == done.stdout


def test_fields_are_printed_in_the_order_in_which_their_class_declares_them(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "spot.py").write_text(
        "from dataclasses import dataclass\n"
        "from weft import Entity, Field, derive, field\n"
        "@dataclass(frozen=True)\n"
        "class Spot:\n    width: int\n    at: int\n    x: int\n"
        "def spot(n: int) -> Spot:\n    return Spot(n, n, n)\n"
        "class Place(Entity):\n    n: Field[int] = field(default=1)\n    spot = derive(spot, n)\n"
    )

    done = weft("run", "spot.py")

    assert "  width: 1, at: 1, x: 1" in done.stdout


def test_a_file_is_read_as_text_for_a_field_of_text(script: Path, tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "name.txt").write_text("größer", encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")

    done = weft("run", script, "n=1", "name=@name.txt", "--json")
    refused = weft("run", script, "n=1", "name=@bytes")

    assert {node["name"]: node["value"] for node in json.loads(done.stdout)["nodes"]}["name"] == "größer"
    assert refused.returncode == 2
    assert "not text in UTF-8" in refused.stderr


def test_what_takes_too_long_is_said_with_what_there_is_of_it(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "slow.py").write_text(
        "import asyncio\n"
        "from collections.abc import AsyncIterator\n"
        "from weft import Entity, Field, derive, field\n"
        "async def spell(word: str) -> AsyncIterator[str]:\n"
        "    for end in range(1, len(word) + 1):\n"
        "        yield word[:end]\n"
        "    await asyncio.Event().wait()\n"
        "class Word(Entity):\n"
        "    word: Field[str] = field()\n"
        "    spelled = derive(spell, word)\n"
    )

    done = weft("run", "slow.py", "word=abc", "--timeout", "1")

    assert done.returncode == 1
    assert done.stderr == (
        "error: Word.spelled was not settled after 1.0 s (so far: 'abc'). "
        "Give a longer --timeout; with --space, what is finished is kept.\n"
    )


def test_a_node_that_fails_is_named_and_the_others_are_printed(script: Path, weft: Weft) -> None:
    done = weft("run", script, "n=-1")

    assert done.returncode == 1
    assert done.stderr == "error: Sum.rooted failed: ValueError: there is no root of a negative number\n"
    assert "-2" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["n=many"], "does not tell Sum anything: the value does not decode as int: it is str"),
        (["nam=1"], "did you mean 'name' or 'n'?"),
        ([], "needs n="),
        (["n"], "write FIELD=VALUE"),
        (["n=1", "name=@missing.txt"], "missing.txt cannot be read"),
        (["n=@sums.py"], "int"),
        (["n=1", 'xs=["a"]'], "int"),
        (["n=99999999999999999999"], "does not tell Sum anything"),
        (["n=1", "doubled=2"], "it has no input 'doubled'"),
    ],
)
def test_a_wrong_argument_is_a_matter_of_usage(script: Path, weft: Weft, arguments: list[str], said: str) -> None:
    done = weft("run", script, *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_script_that_raises_is_named(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "broken.py").write_text("1 / 0", encoding="utf-8")

    done = weft("run", "broken.py")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: broken.py could not be loaded: ZeroDivisionError: division by zero, at broken.py:1.\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import json\n\njson.loads('{')\n", "JSONDecodeError: Expecting property name"),
        ("import weft\n\nweft.open('gone/x.weft')\n", "gone/x.weft"),
        ("from weft import Entity, derive\n\nclass A(Entity): b = derive(len, 1)\n", "TypeError: "),
        ("import os\n\nimport helper\n", "LookupError: closed"),
        ("x = 1\n\n1 = x\n", "SyntaxError: "),
    ],
)
def test_a_script_that_raises_is_told_by_its_own_line(tmp_path: Path, weft: Weft, source: str, said: str) -> None:
    (tmp_path / "broken.py").write_text(source, encoding="utf-8")
    (tmp_path / "helper.py").write_text("\n\nraise LookupError('closed')", encoding="utf-8")

    done = weft("run", "broken.py")

    assert done.returncode != 0
    assert done.stderr.startswith("error: broken.py could not be loaded: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    place = "helper.py:3" if "helper" in source else "(broken.py, line 3)" if "1 = x" in source else "broken.py:3"
    assert done.stderr.endswith(f"{place}.\n")


# log, show, why -------------------------------------------------------------------------------------------------------


def test_the_log_is_one_line_an_activity(space: Path, weft: Weft) -> None:
    lines = weft("log", space).stdout.splitlines()
    activities = [json.loads(line) for line in weft("log", space, "--from", "2", "--json").stdout.splitlines()]

    assert max(map(len, lines)) <= 80
    assert [each["position"] for each in activities] == list(range(2, len(lines) + 1))
    assert {each["type"] for each in activities} == {"traversal.started", "node.settled", "node.reused"}


def test_types_need_no_code_to_be_shown(script: Path, space: Path, weft: Weft) -> None:
    script.unlink()

    shown = json.loads(weft("show", space, "large", "--json").stdout)

    assert shown["type"] == "Sum"
    assert {node["name"]: node.get("value") for node in shown["nodes"]}["doubled"] == 400


@pytest.mark.parametrize("columns", ["80", "50"])
def test_no_line_is_wider_than_the_terminal(space: Path, weft: Weft, columns: str) -> None:
    for arguments in (["show", space], ["show", space, "small"], ["log", space], ["why", space, "small.rooted"]):
        text = weft(*arguments, COLUMNS=columns).stdout
        assert max(map(len, text.splitlines())) <= int(columns)


def test_why_goes_down_to_the_person(space: Path, weft: Weft) -> None:
    done = weft("why", space, "large.doubled")
    said = json.loads(weft("why", space, "large.doubled", "--json").stdout)

    assert "sums/double" in done.stdout
    assert "by weft run" in done.stdout
    computed, told = said["nodes"]
    assert said["root"] == computed["id"]
    assert [given["id"] for given in computed["inputs"]] == [told["id"]]
    assert computed["call"]["operation"] == "sums/double"
    assert computed["call"]["version"] in done.stdout
    assert f"for the cut at {computed['cut']}, recorded at {computed['position']}" in " ".join(done.stdout.split())
    assert [(edit["position"], edit["actor"]) for edit in told["edits"]] == [(computed["cut"], "weft run")]
    assert "call" not in told and "edits" not in computed


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("smal.doubled", "did you mean 'small'?"),
        ("small.double", "did you mean 'doubled'?"),
        ("Sum.doubled", "(large)"),
        ("small", "name a node, as in small.doubled"),
        ("small.xs[7]", "there are none"),
    ],
)
def test_a_place_that_is_not_there_is_refused_with_what_may_be_meant(
    space: Path, weft: Weft, place: str, said: str
) -> None:
    done = weft("why", space, place)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_type_with_two_entities_is_refused_with_the_whole_next_command(space: Path, weft: Weft) -> None:
    (sums,) = json.loads(weft("show", space, "--json").stdout)["types"]
    first, second = (each["id"][:8] for each in sums["entities"])

    done = weft("why", space, "Sum.doubled")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"say which, as {first}.doubled or {second}.doubled." in done.stderr


def test_an_entity_is_found_as_commands_print_it(space: Path, weft: Weft) -> None:
    (sums,) = json.loads(weft("show", space, "--json").stdout)["types"]
    id = sums["entities"][1]["id"]
    wanted = weft("why", space, f"{id}.doubled").stdout

    for written in ([f"Sum {id[:8]}.doubled"], ["Sum", f"{id[:8]}.doubled"]):
        assert weft("why", space, *written).stdout == wanted
    assert "2 entities" not in weft("show", space, "Sum", id[:8]).stdout


def test_a_place_without_an_entity_is_answered_with_one_that_has_the_node(space: Path, weft: Weft) -> None:
    (sums,) = json.loads(weft("show", space, "--json").stdout)["types"]

    done = weft("why", space, ".doubled")

    assert done.returncode == 2
    assert f"no entity: write whose it is, as in {sums['entities'][0]['id'][:8]}.doubled" in done.stderr


def test_entities_are_shown_with_a_line_of_what_they_hold(space: Path, weft: Weft) -> None:
    lines = [line.split(maxsplit=1)[1] for line in weft("show", space).stdout.splitlines() if " large " in line]
    of_type = weft("show", space, "Sum").stdout

    assert lines == ["large  n: 200, doubled: 400, rooted: 14.142135623730951, totalled: 0"]
    assert "position" not in of_type
    assert all(name in of_type for name in ("small", "large", "rooted         derive"))
    assert len(json.loads(weft("show", space, "Sum", "--json").stdout)["entities"]) == 2


def test_a_neighbour_of_a_space_is_answered_with_the_space(space: Path, weft: Weft) -> None:
    for name in ("show", "log", "doctor"):
        done = weft(name, f"{space}-mark")

        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.endswith(f"it belongs to the space {space}. Give the path of that.\n")


def test_nothing_is_made_where_no_space_is(tmp_path: Path, weft: Weft) -> None:
    for name in ("log", "show", "doctor"):
        done = weft(name, "nothing.weft")
        assert done.returncode == 2
        assert "nothing.weft" in done.stderr
    assert not (tmp_path / "nothing.weft").exists()


def test_a_file_of_another_kind_is_refused_as_one(script: Path, weft: Weft) -> None:
    done = weft("show", script)

    assert done.returncode == 4
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_reading_goes_on_while_another_program_is_the_engine(space: Path, weft: Weft) -> None:
    import weft as library

    with library.open(str(space), engine=True) as opened:
        head = opened.position

        assert weft("show", space, "small").returncode == 0
        assert weft("why", space, "small.doubled").returncode == 0
        assert len(weft("log", space).stdout.splitlines()) == head
        assert f"process {os.getpid()}" in weft("show", space).stdout
        assert weft("doctor", space, "--rebuild").returncode == 4
        assert opened.position == head


# doctor ---------------------------------------------------------------------------------------------------------------


def test_the_doctor_knows_the_core_and_every_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: tuple(names) for name, names in project["optional-dependencies"].items()}

    assert {"core": tuple(project["dependencies"]), **extras} == {
        **PARTS, **{name: extras[name] for name in ("all", "dev", "bench")}
    }  # fmt: skip


def test_the_doctor_says_what_is_installed_and_ready(weft: Weft) -> None:
    found = json.loads(weft("doctor", "--json").stdout)

    assert found["extras"]["core"].keys() == {"cbrrr", "msgspec", "click", "typing_extensions"}
    assert found["services"]["model"]["ready"] is False
    assert "WEFT_MODEL" in found["services"]["model"]["enable"]


def test_a_rebuild_mends_a_damaged_table(space: Path, weft: Weft) -> None:
    before = weft("show", space, "large", "--json").stdout
    with closing(sqlite3.connect(space)) as database, database:
        database.execute("UPDATE version SET at = at + 1 WHERE node = 'doubled'")

    found = weft("doctor", space)
    mended = weft("doctor", space, "--rebuild")

    assert found.returncode == 4
    assert "a rebuild mends it" in " ".join(found.stdout.split())
    assert mended.returncode == 0
    assert weft("doctor", space).returncode == 0
    assert weft("show", space, "large", "--json").stdout == before


def test_a_table_that_lies_under_an_empty_one_is_named_and_rebuilt(space: Path, weft: Weft) -> None:
    before = weft("show", space, "large", "--json").stdout
    with closing(sqlite3.connect(space)) as database, database:
        database.execute("DELETE FROM state")

    shown, found, mended = weft("show", space, "large"), weft("doctor", space), weft("doctor", space, "--rebuild")

    assert (shown.returncode, found.returncode, mended.returncode) == (4, 4, 0)
    assert "the first row of state is missing" in " ".join(shown.stderr.split())
    said = " ".join(found.stdout.split())
    assert "state: the first row of state is missing, and what else it held may be (a rebuild mends it)" in said
    assert "--rebuild" in said
    assert weft("doctor", space).returncode == 0
    assert weft("show", space, "large", "--json").stdout == before


def test_a_space_of_an_older_schema_is_not_called_lost(space: Path, weft: Weft) -> None:
    before = weft("show", space, "large", "--json").stdout
    as_version(space, 2)

    found, moved_on = weft("doctor", space), weft("doctor", space, "--rebuild")

    assert (found.returncode, moved_on.returncode) == (4, 0)
    said = " ".join(found.stdout.split())
    assert "it has schema 2; opening it moves it on to 4 (a rebuild mends it)" in said
    assert weft("doctor", space).returncode == 0
    assert weft("show", space, "large", "--json").stdout == before


def test_told_content_that_lies_under_an_empty_table_is_left_to_a_copy(space: Path, weft: Weft) -> None:
    with closing(sqlite3.connect(space)) as database, database:
        database.execute("DELETE FROM blob")

    found, rebuilt = weft("doctor", space), weft("doctor", space, "--rebuild")

    assert (found.returncode, rebuilt.returncode) == (4, 4)
    assert "(only a copy of the file has it)" in " ".join(found.stdout.split())
    assert "--rebuild" not in found.stdout
    assert "still: blob: the first row of blob is missing" in " ".join(rebuilt.stdout.split())


@pytest.mark.parametrize("kind", ["text", "script", "empty", "database"])
def test_the_doctor_says_of_a_stranger_what_show_says(tmp_path: Path, script: Path, weft: Weft, kind: str) -> None:
    path = script if kind == "script" else tmp_path / "stranger"
    if kind == "database":
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE other (thing)")
    elif kind != "script":
        path.write_text("hello " * 40 if kind == "text" else "")

    for arguments in (["doctor", path], ["doctor", path, "--rebuild"]):
        done = weft(*arguments)

        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == weft("show", path).stderr
        assert "is not a Weft space" in done.stderr
        assert "rebuild" not in done.stderr


def killed_writer(folder: Path) -> Path:
    """A space whose only program was killed: what it told is in the write-ahead log alone."""
    path = folder / "lost.weft"
    killed = (
        f"import os, weft; from weft import Entity, Field, field\n"
        f"class Note(Entity):\n    text: Field[str] = field()\n"
        f"weft.open({str(path)!r}, types=[Note]).create(Note, text='kept')\nos._exit(0)"
    )
    (folder / "killed.py").write_text(killed)
    subprocess.run([command()[0], "killed.py"], cwd=folder, env=clean(), check=True)
    return path


def test_a_first_page_that_only_the_log_still_has_is_left_to_a_copy(tmp_path: Path, weft: Weft) -> None:
    path = killed_writer(tmp_path)
    main = path.read_bytes()
    path.write_bytes(main[4096:8192] + main[4096:])

    shown, found = weft("show", "lost.weft"), weft("doctor", "lost.weft")
    rebuilt = weft("doctor", "lost.weft", "--rebuild")

    assert (shown.returncode, found.returncode, rebuilt.returncode) == (4, 4, 4)
    assert "its header has changed" in shown.stderr
    said = " ".join(found.stdout.split())
    assert "header: its header has changed, and now it is a file of another kind" in said
    assert "next: go back to a copy; a rebuild does not help" in said
    assert "go back to a copy" in " ".join(rebuilt.stderr.split())


def test_a_space_that_lost_its_log_is_led_back_to_it_and_not_in_a_circle(tmp_path: Path, weft: Weft) -> None:
    wal = Path(f"{killed_writer(tmp_path)}-wal")
    wal.rename(tmp_path / "put away")

    found, rebuilt = weft("doctor", "lost.weft"), weft("doctor", "lost.weft", "--rebuild")

    assert (found.returncode, rebuilt.returncode) == (4, 4)
    for said in (found.stdout, rebuilt.stderr):
        assert "put lost.weft-wal back beside it, or go back to a copy" in " ".join(said.split())
        assert "weft doctor" not in said

    (tmp_path / "lost.weft-mark").rename(tmp_path / "put away too")
    empty = weft("doctor", "lost.weft").stdout

    assert "whole" not in empty
    assert "is empty: are its neighbours lost.weft-wal and lost.weft-mark missing?" in " ".join(empty.split())


# pipes, interrupts, colours -------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_error(space: Path, tmp_path: Path) -> None:
    log = " ".join(f"'{word}'" for word in command("log", space, "--json"))

    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {log} | head -c 1 > /dev/null"],
        cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.kill
def test_an_interrupt_ends_with_130_and_one_line(space: Path, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("log", space, "--follow"), cwd=tmp_path, env=clean(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None and running.stderr is not None
        running.stdout.readline()

        running.send_signal(signal.SIGINT)

        assert running.wait(20) == 130
        assert running.stderr.read().strip() == "interrupted"


@pytest.mark.kill
def test_the_fake_model_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    from urllib.request import urlopen

    with subprocess.Popen(
        command("fake-model"), cwd=tmp_path, env=clean(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        url = running.stdout.readline().strip()

        with urlopen(f"{url}/models", timeout=10) as answer:
            assert "fake-model" in answer.read().decode()
        running.send_signal(signal.SIGINT)

        assert running.wait(20) == 130


def test_without_a_terminal_there_is_no_colour(space: Path, weft: Weft) -> None:
    for arguments in (["show", space], ["log", space], ["doctor"]):
        assert "\x1b" not in weft(*arguments).stdout


def test_a_traceback_is_shown_to_who_asks_for_it(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "broken.py").write_text("1 / 0", encoding="utf-8")

    assert "Traceback" in weft("run", "broken.py", WEFT_DEBUG="1").stderr
