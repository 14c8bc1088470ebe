"""Commands of daily life: what is listed, retried, backed up, exported and imported, beside an engine and without."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import weft as library
from tests.cli.conftest import Weft, clean, command
from weft.cli.backup import sized
from weft.slot import SlotKey
from weft.store import ENTITY

SCRIPT = """
import sys
import threading
from pathlib import Path

import weft
from weft import Entity, Field, Settled, derive, field, items


def asked(n: int) -> int:
    if not Path("there").exists():
        raise ValueError("nobody answers; token=CANARY123456")
    return n + 1


def doubled(n: int) -> int:
    return 2 * n


class Job(Entity):
    name: Field[str] = field(default="")
    n: Field[int] = field(default=1)
    numbers = items(int)
    fetched = derive(asked, n)
    twice = derive(doubled, fetched)
    each = numbers.each(asked)


if __name__ == "__main__":
    with weft.open("jobs.weft", types=[Job], engine=True) as space:
        print("ready", flush=True)
        for line in sys.stdin:
            if line.startswith("wait"):
                job = space.find(Job)[0]
                space.watch(job.twice)
                while not (isinstance(job.fetched.state, Settled) and isinstance(job.twice.state, Settled)):
                    threading.Event().wait(0.01)
                print(job.fetched.state.value, job.twice.state.value, flush=True)
            else:
                space.create(Job, name=line.strip())
                print(space.position, flush=True)
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script, and a space in which it failed."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "jobs.py").write_text(SCRIPT)
    arguments = ("run", "jobs.py", "name=first", "numbers=[1, 2]", "--space", "jobs.weft")
    done = subprocess.run(command(*arguments), cwd=folder, env=clean(), capture_output=True, check=False)
    assert done.returncode == 1
    return folder


@pytest.fixture
def failed(lived: Path, tmp_path: Path) -> Path:
    """A space in which an operation failed, for a node and for two elements, as what it asks is not there."""
    shutil.copytree(lived, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "jobs.weft"


@contextmanager
def engine(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that is the engine of the space."""
    with subprocess.Popen(
        [sys.executable, "jobs.py"],
        cwd=folder,
        env=clean(PYTHONPATH=str(Path(library.__file__).parents[1])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert answer(process) == "ready"
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[str], said: str = "") -> str:
    """The next line of a program, after it was told one."""
    assert process.stdin is not None
    assert process.stdout is not None
    if said:
        process.stdin.write(said + "\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


# list ----------------------------------------------------------------------------------------------------------------


def test_list_counts_entities_and_names_what_failed(failed: Path, weft: Weft) -> None:
    done = weft("list", failed)

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert "nobody computes it now" in lines
    assert [line.split() for line in lines if line.startswith(("type", "Job"))] == [
        ["type", "entities", "due", "failed"],
        ["Job", "1", "0", "4"],
    ]
    assert sum(".each[" in line for line in lines) == 2
    assert sum(line.endswith(".fetched") for line in lines) == 1
    assert "  and 1 that is made from what failed" in lines
    assert "CANARY" not in done.stdout
    assert max(map(len, lines)) <= 80


def test_list_as_json_names_every_place(failed: Path, weft: Weft) -> None:
    said = json.loads(weft("list", failed, "--json").stdout)

    (job,) = said["types"]
    assert job == {"name": "Job", "entities": 1, "due": 0, "failed": 4, "failed_runs": 0}
    assert said["engine"] is None
    by_node = {each["place"][1]: each for each in said["failed"]}
    assert by_node["fetched"]["error"] == "ValueError"
    assert "jobs.py" in by_node["fetched"]["where"]
    assert by_node["twice"]["origin"].endswith(".fetched")


def test_list_shows_what_is_due(failed: Path, weft: Weft) -> None:
    with library.open(str(failed), engine=True) as space, space.view() as held:
        entity = next(str(key[0]) for key, _ in held.rows(ENTITY))
        held.tell_retry(SlotKey(entity, "fetched"))
        held.commit()

    done, said = weft("list", failed), json.loads(weft("list", failed, "--json").stdout)

    assert "due" in done.stdout.splitlines()
    assert [each["place"][1] for each in said["due"]] == ["fetched"]
    assert said["types"][0]["due"] == 1
    assert "fetched" not in {each["place"][1] for each in said["failed"]}


def test_list_of_an_empty_space_and_of_none(tmp_path: Path, weft: Weft) -> None:
    library.open(str(tmp_path / "new.weft")).close()
    (tmp_path / "text.weft").write_text("text")

    assert weft("list", "new.weft").stdout.endswith("there are no types in it yet\n")
    assert weft("list", "text.weft").returncode == 4
    assert weft("list", "none.weft").returncode == 2


# retry ---------------------------------------------------------------------------------------------------------------


def test_a_retry_reaches_the_engine_of_another_program(failed: Path, tmp_path: Path, weft: Weft) -> None:
    with engine(tmp_path) as program:
        (tmp_path / "there").touch()

        done = weft("retry", failed, "Job.fetched")

        assert done.returncode == 0
        assert "told at position" in done.stdout or "has not taken it yet" in " ".join(done.stdout.split())
        assert answer(program, "wait") == "2 4"


def test_a_retry_without_an_engine_waits_for_the_next(failed: Path, tmp_path: Path, weft: Weft) -> None:
    done = weft("retry", failed, "Job.fetched")
    (tmp_path / "there").touch()

    assert done.returncode == 0
    assert "no program computes the space now" in " ".join(done.stdout.split())
    with engine(tmp_path) as program:
        assert answer(program, "wait") == "2 4"


def test_a_node_that_failed_for_its_input_is_retried_where_it_began(failed: Path, weft: Weft) -> None:
    said = json.loads(weft("retry", failed, "Job.twice", "--json").stdout)

    assert [place[1] for place in said["retried"]] == ["fetched"]
    assert said["position"] is None


def test_all_elements_that_failed_are_retried_and_each_alone(failed: Path, weft: Weft) -> None:
    both = json.loads(weft("retry", failed, "Job.each", "--json").stdout)["retried"]
    one = json.loads(weft("retry", failed, "Job.each[1]", "--json").stdout)["retried"]
    everything = json.loads(weft("retry", failed, "--all", "--json").stdout)["retried"]

    assert len(both) == 2
    assert one[0] in both
    assert len(everything) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Say which NODE is meant, or --all"),
        (["Job.fetched", "--all"], "Say which NODE is meant, or --all"),
        (["Job.name"], "it is told, not computed"),
        (["Job.fetch"], "has no node 'fetch': did you mean 'fetched'"),
        (["Jub.fetched"], "There is no entity 'Jub'"),
        (["fetched"], "is not ENTITY.NODE"),
    ],
)
def test_a_retry_of_what_is_not_there_or_did_not_fail_is_refused(
    failed: Path, weft: Weft, arguments: list[str], said: str
) -> None:
    done = weft("retry", failed, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_what_is_settled_is_not_retried(failed: Path, tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "there").touch()
    assert weft("retry", failed, "--all").returncode == 0
    with engine(tmp_path) as program:
        assert answer(program, "wait") == "2 4"

    one = weft("retry", failed, "Job.twice")

    assert one.returncode == 2
    assert "did not fail: it is settled" in one.stderr


def test_an_error_that_is_kept_is_told_as_such_with_the_command_that_retries_it(failed: Path, weft: Weft) -> None:
    arguments = ("--space", "jobs.weft")

    first, again = (weft("run", "jobs.py", "name=other", *arguments) for _ in range(2))
    several = weft("run", "jobs.py", "name=first", "numbers=[1, 2]", *arguments)

    id = first.stdout.split()[1]
    for done in (first, again):
        assert done.returncode == 1
        assert done.stderr.endswith(f" retry jobs.weft {id[:8]}.fetched\n")
    assert "nothing was asked anew" not in first.stderr
    assert "Kept from before: nothing was asked anew in this run.\n" in again.stderr
    assert f"error: Job.twice failed: InputFailed: Job {id[:8]}.fetched failed: ValueError: " in first.stderr
    assert several.stderr.endswith(" retry jobs.weft --all\n")
    assert weft("run", "jobs.py", "name=other").stderr.count("retry") == 0


def test_show_names_the_command_that_retries_what_failed(failed: Path, weft: Weft) -> None:
    command = weft("show", "jobs.weft", "Job").stdout.splitlines()[-1]

    done = weft(*command.split()[1:])

    assert command.endswith(" retry jobs.weft --all")
    assert done.returncode == 0
    assert sum("to be tried again: " in line for line in done.stdout.splitlines()) == 3


def test_a_rebuild_beside_an_engine_says_to_end_that_program(failed: Path, tmp_path: Path, weft: Weft) -> None:
    with engine(tmp_path) as program:
        done = weft("doctor", failed, "--rebuild")

    assert done.returncode == 4
    assert f"is held by the engine of process {program.pid} on " in done.stderr
    assert "end that program, then run the command again.\n" in done.stderr
    assert "engine=" not in done.stderr


# backup, export, import ----------------------------------------------------------------------------------------------


def test_a_backup_is_made_beside_a_running_engine(failed: Path, tmp_path: Path, weft: Weft) -> None:
    with engine(tmp_path) as program:
        position = int(answer(program, "second"))

        done = weft("backup", failed, "copy.weft")

        assert done.returncode == 0
        assert f"copy.weft is a copy of {failed} at position {position}" in " ".join(done.stdout.split())
        assert int(answer(program, "third")) == position + 1
    names = [
        entity["name"] for entity in json.loads(weft("show", "copy.weft", "--json").stdout)["types"][0]["entities"]
    ]
    assert names == ["first", "second"]
    assert weft("doctor", "copy.weft").returncode == 0


def test_a_backup_says_what_it_made_and_refuses_in_words(failed: Path, tmp_path: Path, weft: Weft) -> None:
    said = json.loads(weft("backup", failed, "copy.weft", "--json").stdout)
    again = weft("backup", failed, "copy.weft")
    over = weft("backup", failed, "copy.weft", "--overwrite", "--thorough")

    assert said["backup"] == str(tmp_path / "copy.weft")
    assert said["waiting"] == 0
    assert (again.returncode, again.stdout) == (2, "")
    assert "copy.weft is there already" in again.stderr
    assert over.returncode == 0
    assert weft("backup", failed, ".").returncode == 1
    assert "belongs to the space" in weft("backup", f"{failed}-mark", "other.weft").stderr


def test_an_export_and_its_import_have_the_same_head(failed: Path, weft: Weft) -> None:
    out = weft("export", failed, "jobs.ndjson")
    folder = weft("export", failed, "jobs/")
    back, again = weft("import", "jobs.ndjson", "b.weft"), weft("import", "jobs", "c.weft")

    heads = {done.stdout.splitlines()[-1] for done in (out, folder, back, again)}
    assert len(heads) == 1
    assert heads.pop().startswith("head ")
    assert (
        weft("list", "b.weft", "--json").stdout.replace("b.weft", "c.weft") == weft("list", "c.weft", "--json").stdout
    )
    assert [weft("doctor", path).returncode for path in ("b.weft", "c.weft")] == [0, 0]


def test_an_export_to_standard_output_is_the_export(failed: Path, tmp_path: Path, weft: Weft) -> None:
    weft("export", failed, "jobs.ndjson")

    done = weft("export", failed, "-")

    assert done.stdout == (tmp_path / "jobs.ndjson").read_text()
    assert weft("export", failed, "-", "--json").returncode == 2


def test_what_waits_in_the_inbox_is_said_to_be_left_out(failed: Path, weft: Weft) -> None:
    weft("retry", failed, "Job.fetched")

    export, backup = weft("export", failed, "jobs.ndjson"), weft("backup", failed, "copy.weft")

    assert "2 messages of other programs that no engine has taken yet: not exported" in export.stderr
    assert "2 messages of other programs" in " ".join(backup.stdout.split())


def test_a_fork_is_the_space_as_it_was_and_one_of_its_own(failed: Path, tmp_path: Path, weft: Weft) -> None:
    head = json.loads(weft("list", failed, "--json").stdout)["position"]

    now, then = weft("fork", failed, "b.weft"), weft("fork", failed, "c.weft", "--at", "2", "--json")

    assert " ".join(now.stdout.split()).endswith(f"up to position {head}, and goes its own way from there")
    said = json.loads(then.stdout)
    assert {name: said[name] for name in ("base", "position", "runs", "schedules", "lost")} == {
        "base": 2, "position": 2, "runs": 0, "schedules": 0, "lost": [],
    }  # fmt: skip
    one, other = (json.loads(weft("list", path, "--json").stdout) for path in (failed, "b.weft"))
    assert {**one, "space": ""} == {**other, "space": ""}
    assert [weft("doctor", path).returncode for path in ("b.weft", "c.weft")] == [0, 0]
    taken, ahead, none = (
        weft("fork", failed, "b.weft"), weft("fork", failed, "d.weft", "--at", str(head + 1)), weft("fork", "x", "d"),
    )  # fmt: skip
    assert [done.returncode for done in (taken, ahead, none)] == [2, 2, 2]
    assert "b.weft is there already" in taken.stderr
    assert f"its log ends at {head}" in " ".join(ahead.stderr.split())
    assert not (tmp_path / "d.weft").exists()


def test_an_import_names_the_line_and_leaves_nothing(failed: Path, tmp_path: Path, weft: Weft) -> None:
    weft("export", failed, "jobs.ndjson")
    lines = (tmp_path / "jobs.ndjson").read_text().splitlines(keepends=True)
    (tmp_path / "short.ndjson").write_text("".join(lines[:-1]))

    short, taken = weft("import", "short.ndjson", "b.weft"), weft("import", "jobs.ndjson", failed)

    assert (short.returncode, taken.returncode) == (1, 2)
    assert f"line {len(lines)}: the file ends" in short.stderr
    assert not (tmp_path / "b.weft").exists()
    assert weft("import", "none.ndjson", "b.weft").returncode == 2


def test_folds_of_ones_own_need_their_code_when_a_space_is_imported(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "hits.py").write_text(
        "import weft\nfrom weft import Entity, fold\n"
        "def added(total: int, by: int) -> int:\n    return total + by\n"
        "class Hits(Entity):\n    total = fold(0).on(int, added)\n"
        "if __name__ == '__main__':\n"
        "    with weft.open('hits.weft', types=[Hits]) as space:\n        space.create(Hits).tell(5)\n"
    )
    subprocess.run([sys.executable, "hits.py"], cwd=tmp_path, check=True, env=clean())
    weft("export", "hits.weft", "hits.ndjson")

    without, with_code = (
        weft("import", "hits.ndjson", "b.weft"),
        weft("import", "hits.ndjson", "c.weft", "--app", "hits.py"),
    )

    assert (without.returncode, with_code.returncode) == (1, 0)
    assert "not made again:" in without.stderr
    assert "5" in weft("show", "c.weft", "Hits").stdout.split()


def test_sizes_are_said_in_the_largest_unit_of_which_there_is_one() -> None:
    assert [sized(size) for size in (0, 1023, 1536, 5 << 20, 3 << 30)] == [
        "0 bytes", "1023 bytes", "1.5 KiB", "5.0 MiB", "3.0 GiB",
    ]  # fmt: skip
