"""What runs of flows ask, answered from a shell, and how runs stand: by a program without the code of the types."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click import UsageError

from tests.cli.conftest import Weft, clean, command
from tests.cli.pseudo_terminal import in_terminal
from weft.cli.answer import AnsweredAlready, AnsweredByAnother, AskedPlainly, SecretInArgument
from weft.cli.runs import NotNow, UnknownRun, UnknownStep
from weft.errors import WeftError
from weft.form import UnfitAnswer
from weft.questions import UnknownQuestion, answer_intent
from weft.reduce import Refused

SCRIPT = """
import sys
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Literal

import weft
from weft import Entity, Field, Ref, Run, field, on
from weft.flow import Secret


@dataclass(frozen=True)
class Size:
    boxes: int
    fragile: bool = False
    note: str = ""
    pace: Literal["slow", "fast"] = "slow"


@dataclass(frozen=True)
class Login:
    user: str
    password: Secret
    pin: Secret | None = None


class Order(Entity):
    work: Field[str] = field()

    @on(Entity.created)
    async def placed(self, run: Run) -> str:
        match self.work:
            case "size":
                return str(await run.ask("size", Size, about="a long way from here, " * 20))
            case "limited":
                month, default = timedelta(days=30), Size(1, note="as ever")
                return str(await run.ask("limit", Size, by=["ann", "ben"], expires=month, default=default))
            case "login":
                return str(await run.ask("login", Login))
            case "number":
                return str(await run.ask("number", int, about=b"bytes"))
            case "fail":
                raise ValueError("no lorry is there")
        return "nothing to do"


class Parcel(Entity):
    work: Field[str] = field()

    @on(Entity.created, queue="hall", limit=1)
    async def stored(self, run: Run) -> str:
        await run.sleep(timedelta(days=365))
        return "stored"


STANDS = {"fail": "failed", "behind": "waits to begin"}


def wait_until_it_waits(space, entity):
    wanted = STANDS.get(entity.work, "goes on")
    while not any(
        one.entity == entity.id and one.stands == wanted and (one.awaits or wanted != "goes on") for one in space.runs()
    ):
        Event().wait(0.01)


if __name__ == "__main__":
    verb, *works = sys.argv[1:]
    with weft.open("orders.weft", types=[Order, Parcel]) as space:
        print("ready", flush=True)
        if verb == "begin":
            for work in works:
                kind = Parcel if work in ("store", "behind") else Order
                wait_until_it_waits(space, space.create(kind, work=work))
        for order in space.find(Order):
            if verb == "finish" and order.work in works:
                print(order.placed.wait(60))
        while verb == "take" and not any(one.is_answered for one in space.questions()):
            Event().wait(0.01)
"""
WORKS = ("size", "limited", "login", "number", "fail", "store", "behind")
LIMIT_S = 30.0


def orders(folder: Path, *arguments: str) -> list[str]:
    """What the script of the types says when it is run, behind its first word."""
    done = subprocess.run(
        [sys.executable, "orders.py", *arguments],
        cwd=folder,
        env=with_library(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return done.stdout.splitlines()[1:]


def with_library() -> dict[str, str]:
    import weft

    return clean(PYTHONPATH=str(Path(weft.__file__).parents[1]))


@contextmanager
def computing(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The script of the types, at work in the space."""
    with subprocess.Popen(
        [sys.executable, "orders.py", *arguments], cwd=folder, env=with_library(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script, and a space in which runs of all kinds wait."""
    folder = tmp_path_factory.mktemp("orders")
    (folder / "orders.py").write_text(SCRIPT, encoding="utf-8")
    orders(folder, "begin", *WORKS)
    return folder


@pytest.fixture
def space(begun: Path, tmp_path: Path) -> Path:
    """The space, in the folder in which commands run."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "orders.weft"


def asked(weft: Weft, space: Path) -> dict[str, dict[str, Any]]:
    """The questions, by name."""
    done = weft("questions", space, "--json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)["questions"]}


def said_by(error: type[Exception], stderr: str) -> bool:
    """Whether this is one line, with the words that the error's message begins with."""
    words = " ".join((error.__doc__ or "").split()).partition("{")[0]
    return stderr.startswith(f"error: {words}") and stderr.count("\n") == 1


def told(weft: Weft, space: Path, *arguments: object, stdin: str) -> subprocess.CompletedProcess[str]:
    """`weft answer` with something on its standard input."""
    return subprocess.run(
        command("answer", space, *arguments),
        cwd=space.parent,
        env=clean(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


# weft questions ------------------------------------------------------------------------------------------------------


def test_where_nothing_is_asked_that_is_said(tmp_path: Path, script: Path, weft: Weft) -> None:
    weft("run", script, "--space", "sums.weft", "n=1")

    done, said = weft("questions", "sums.weft"), weft("questions", "sums.weft", "--json")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "nothing is asked\n")
    assert json.loads(said.stdout) == {"questions": []}


def test_questions_are_listed_in_eighty_columns(space: Path, weft: Weft) -> None:
    done = weft("questions", space)

    lines = done.stdout.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert max(map(len, lines)) <= 80
    assert sorted(head.split()[1:4] for head in heads) == [
        ["limit:", "a", "Size,"], ["login:", "a", "Login,"], ["number:", "a", "whole"], ["size:", "a", "Size,"],
    ]  # fmt: skip
    assert "  about: a long way from here, a long way from here," in done.stdout
    assert "  about: 5 bytes" in lines


def test_who_may_answer_and_what_comes_of_silence_is_listed(space: Path, weft: Weft) -> None:
    lines = weft("questions", space).stdout.splitlines()

    at = lines.index("  may be answered by: ann, ben")
    assert lines[at + 1].startswith("  expires: 2")
    assert lines[at + 1].endswith("Z, and is then note: 'as ever', pace: 'slow',")
    assert lines[at + 2] == "    boxes: 1, fragile: False"


def test_questions_as_json_hold_the_schema_of_their_answer(space: Path, weft: Weft) -> None:
    found = asked(weft, space)

    limited = found["limit"]
    assert limited["schema"]["properties"]["boxes"]["type"] == "integer"
    assert limited["schema"]["required"] == ["boxes"]
    assert (limited["flow"], limited["form"], limited["by"]) == ("placed", "Size", ["ann", "ben"])
    assert limited["default"] == {"boxes": 1, "fragile": False, "note": "as ever", "pace": "slow"}
    assert limited["expires"].endswith("Z")
    assert (found["size"]["expires"], found["size"]["by"], found["size"]["answered"]) == (None, [], False)
    assert "default" not in found["size"]
    assert found["number"]["schema"]["type"] == "integer"


# weft answer ---------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_by_json_and_its_run_goes_on(space: Path, weft: Weft) -> None:
    done = weft("answer", space, asked(weft, space)["size"]["id"], '{"boxes": 3, "fragile": true}')

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "size is answered; its run goes on when a program opens the space with its types\n"
    assert orders(space.parent, "finish", "size") == ["Size(boxes=3, fragile=True, note='', pace='slow')"]
    assert "size" not in asked(weft, space)


def test_a_question_is_answered_on_standard_input_by_the_beginning_of_its_id(space: Path, weft: Weft) -> None:
    done = told(weft, space, asked(weft, space)["number"]["id"][:8], "-", stdin="7\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert orders(space.parent, "finish", "number") == ["7"]


def test_the_engine_at_work_takes_an_answer_at_once(space: Path, weft: Weft) -> None:
    id = asked(weft, space)["number"]["id"]

    with computing(space.parent, "finish", "number") as program:
        done = weft("answer", space, id, "12")
        came, _ = program.communicate(timeout=LIMIT_S)

    assert done.stdout == "number is answered; its run goes on\n"
    assert came == "12\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('{"boxes": "three"}', "boxes: 'three' where a whole number is wanted"),
        ("{}", "boxes: nothing where a whole number is wanted"),
        ('{"boxes": 3, "colour": 1}', "colour: a field where no other field is wanted"),
        ('{"boxes": 3', "it is not JSON"),
        ("3", "the answer: 3 where a Size is wanted"),
    ],
)
def test_what_does_not_fit_is_told_to_nobody(space: Path, weft: Weft, answer: str, why: str) -> None:
    id, before = asked(weft, space)["size"]["id"], weft("log", space).stdout

    done = weft("answer", space, id, answer)

    assert (done.returncode, done.stdout) == (1, "")
    assert said_by(UnfitAnswer, done.stderr)
    assert why in done.stderr
    assert weft("log", space).stdout == before
    assert not asked(weft, space)["size"]["answered"]


def test_what_is_not_unicode_is_refused_and_not_repeated(space: Path, weft: Weft) -> None:
    done = subprocess.run(
        command("answer", space, asked(weft, space)["login"]["id"], "-"),
        cwd=space.parent,
        env=clean(PYTHONUTF8="0"),
        input=b'"CANARY\xff"',
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert (done.returncode, done.stderr) == (1, b"error: The answer is no Login: it is not Unicode.\n")


def test_a_question_is_answered_once(space: Path, weft: Weft) -> None:
    id = asked(weft, space)["size"]["id"]
    weft("answer", space, id, '{"boxes": 1}')

    again = weft("answer", space, id, '{"boxes": 2}')

    assert (again.returncode, again.stdout) == (1, "")
    assert said_by(AnsweredAlready, again.stderr)
    assert asked(weft, space)["size"]["answered"]
    assert "  answered: no program that computes the space has taken it yet" in weft("questions", space).stdout
    assert orders(space.parent, "finish", "size") == ["Size(boxes=1, fragile=False, note='', pace='slow')"]
    assert said_by(UnknownQuestion, weft("answer", space, id, '{"boxes": 2}').stderr)


def test_an_answer_that_was_taken_stands_while_its_run_is_blocked(space: Path, weft: Weft) -> None:
    id = asked(weft, space)["size"]["id"]
    other_code(space)
    weft("answer", space, id, '{"boxes": 1}')
    orders(space.parent, "take")

    again = weft("answer", space, id, '{"boxes": 2}')

    assert said_by(AnsweredAlready, again.stderr)
    assert "  answered: its run has not gone on yet" in weft("questions", space).stdout


def test_an_unknown_question_is_answered_with_the_nearest(space: Path, weft: Weft) -> None:
    id = asked(weft, space)["size"]["id"]

    near, far = weft("answer", space, f"{id[:-1]}?", "{}"), weft("answer", space, "", "{}")

    assert (near.returncode, far.returncode) == (1, 1)
    assert said_by(UnknownQuestion, near.stderr)
    assert f"did you mean '{id}'" in near.stderr
    assert f"'{id}'" in far.stderr


def test_nothing_at_all_names_no_question(tmp_path: Path, weft: Weft) -> None:
    (tmp_path / "orders.py").write_text(SCRIPT, encoding="utf-8")
    orders(tmp_path, "begin", "number")

    done = weft("answer", "orders.weft", "", "1")

    assert done.returncode == 1
    assert said_by(UnknownQuestion, done.stderr)


def test_what_two_questions_begin_with_names_neither(space: Path, weft: Weft) -> None:
    """So many that two of them begin with the same letter."""
    orders(space.parent, "begin", *["number"] * 33)
    ids = [one["id"] for one in json.loads(weft("questions", space, "--json").stdout)["questions"]]
    letter = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)

    done = weft("answer", space, letter, "1")

    assert done.returncode == 1
    assert said_by(UnknownQuestion, done.stderr)
    assert all(f"'{id}'" in done.stderr for id in ids if id[0] == letter)


def test_only_those_answer_who_may(space: Path, weft: Weft) -> None:
    id, before = asked(weft, space)["limit"]["id"], weft("log", space).stdout

    for refused in (weft("answer", space, id, '{"boxes": 2}'), weft("answer", space, id, '{"boxes": 2}', "--by=zoe")):
        assert (refused.returncode, refused.stdout) == (1, "")
        assert said_by(AnsweredByAnother, refused.stderr)
        assert "may not answer the question limit, but ann or ben may: say who answers, by --by." in refused.stderr
    assert not asked(weft, space)["limit"]["answered"]

    done = weft("answer", space, id, '{"boxes": 2}', "--by", "ben")

    assert done.returncode == 0, done.stderr
    assert orders(space.parent, "finish", "limited") == ["Size(boxes=2, fragile=False, note='', pace='slow')"]
    assert weft("log", space).stdout != before


def test_the_answer_of_somebody_who_may_not_does_not_stand_in_the_way(space: Path, weft: Weft) -> None:
    """A program that does not ask who may: an engine refuses it, and says so, once there is one."""
    import weft as library

    with library.open(str(space), engine=False, actor="zoe") as client:
        (question,) = (one for one in client.questions() if one.name == "limit")
        with pytest.raises(Refused, match="zoe may not answer it, but ann, ben may: write"):
            client.answer(question, {"boxes": 9})
        with client.edit() as edit:
            edit.intents.append(answer_intent(question, {"boxes": 9}, None))

    done = weft("answer", space, asked(weft, space)["limit"]["id"], '{"boxes": 2}', "--by=ann")

    assert done.returncode == 0, done.stderr
    assert orders(space.parent, "finish", "limited") == ["Size(boxes=2, fragile=False, note='', pace='slow')"]
    assert "zoe may not answer it, but ann, ben may" in weft("log", space, COLUMNS="400").stdout


# secrets -------------------------------------------------------------------------------------------------------------


def test_a_secret_is_no_argument(space: Path, weft: Weft) -> None:
    done = weft("answer", space, asked(weft, space)["login"]["id"], '{"user": "ann", "password": "CANARY"}')

    assert (done.returncode, done.stdout) == (2, "")
    assert said_by(SecretInArgument, done.stderr)
    assert "asks for pin and password" in done.stderr
    assert "CANARY" not in done.stderr
    assert not asked(weft, space)["login"]["answered"]


def test_a_secret_goes_to_the_store_of_secrets_and_never_into_the_space(space: Path, weft: Weft) -> None:
    id, kept = asked(weft, space)["login"]["id"], space.parent / "kept.json"

    done = told(weft, space, id, "-", "--file", kept, stdin='{"user": "ann", "password": "CANARY1", "pin": "CANARY2"}')
    (outcome,) = orders(space.parent, "finish", "login")

    assert (done.returncode, done.stderr) == (0, "")
    assert "CANARY" not in done.stdout + outcome
    assert f"password=Secret(name='login/{id}/password', generation=1)" in outcome
    assert all(value in kept.read_text(encoding="utf-8") for value in ("CANARY1", "CANARY2"))
    assert kept.stat().st_mode & 0o077 == 0
    assert weft("secret", "list", "--file", kept).stdout.split()[::3] == [f"login/{id}/password", f"login/{id}/pin"]
    for path in space.parent.glob("orders.weft*"):
        assert b"CANARY" not in path.read_bytes()


def test_a_secret_that_nobody_may_give_is_not_kept(space: Path, weft: Weft) -> None:
    id, kept = asked(weft, space)["login"]["id"], space.parent / "kept.json"
    told(weft, space, id, "-", "--file", kept, stdin='{"user": "ann", "password": "first"}')
    before = kept.read_bytes()

    again = told(weft, space, id, "-", "--file", kept, stdin='{"user": "ann", "password": "CANARY"}')
    unfit = told(weft, space, id, "-", "--file", kept, stdin='{"user": 1, "password": "CANARY"}')

    assert said_by(AnsweredAlready, again.stderr)
    assert unfit.returncode == 1
    assert kept.read_bytes() == before


def test_one_place_for_secrets_is_named(space: Path, weft: Weft) -> None:
    done = told(weft, space, asked(weft, space)["login"]["id"], "-", "--file=x", "--keyring", stdin='{"user": "ann"}')

    assert done.returncode == 2
    assert "--file and --keyring exclude each other" in done.stderr


# in a terminal -------------------------------------------------------------------------------------------------------


def test_without_a_terminal_and_an_answer_it_is_said_how_to_give_one(space: Path, weft: Weft) -> None:
    done = weft("answer", space, asked(weft, space)["login"]["id"])

    assert (done.returncode, done.stdout) == (2, "")
    assert said_by(AskedPlainly, done.stderr)
    assert "there is no terminal to ask in. Give - as ANSWER" in done.stderr


def test_in_a_terminal_each_field_is_asked_for_until_it_fits(space: Path, weft: Weft) -> None:
    id = asked(weft, space)["size"]["id"]
    said = [
        ("Boxes: ", "three"), ("Boxes: ", "3"), ("Note: ", "17"), ("Pace (slow, fast) [slow]: ", "quick"),
        ("Pace (slow, fast) [slow]: ", ""), ("Fragile (yes, no) [no]: ", "y"),
    ]  # fmt: skip

    with in_terminal("answer", space, id, folder=space.parent) as terminal:
        for prompt, line in said:
            terminal.read_to(prompt)
            terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert "'three' where a whole number is wanted" in terminal.shown
    assert "'quick' where one of 'slow', 'fast' is wanted" in terminal.shown
    assert orders(space.parent, "finish", "size") == ["Size(boxes=3, fragile=True, note='17', pace='slow')"]


def test_in_a_terminal_secrets_are_not_shown_also_those_that_may_be_left_out(space: Path, weft: Weft) -> None:
    found, kept = asked(weft, space)["login"], space.parent / "kept.json"
    said = [("User: ", "ann"), ("Password: ", "CANARY"), ("Pin: ", "90210")]

    with in_terminal("answer", space, found["id"], "--file", kept, folder=space.parent) as terminal:
        for prompt, line in said:
            terminal.read_to(prompt)
            terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert "ann" in terminal.shown
    assert "CANARY" not in terminal.shown
    assert "90210" not in terminal.shown
    (outcome,) = orders(space.parent, "finish", "login")
    assert "pin=Secret(" in outcome
    assert '"90210"' in kept.read_text(encoding="utf-8")


def test_in_a_terminal_what_has_no_fields_is_asked_for_as_a_whole(space: Path, weft: Weft) -> None:
    with in_terminal("answer", space, asked(weft, space)["number"]["id"], folder=space.parent) as terminal:
        for line in ("many", "5"):
            terminal.read_to("number: ")
            terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert orders(space.parent, "finish", "number") == ["5"]


# weft runs -----------------------------------------------------------------------------------------------------------


def other_code(space: Path) -> None:
    """The script has another version of the flow's code from now on."""
    path = space.parent / "orders.py"
    path.write_text(path.read_text(encoding="utf-8").replace('"nothing to do"', '"nothing at all"'), encoding="utf-8")


def runs(weft: Weft, space: Path) -> list[dict[str, Any]]:
    done = weft("runs", space, "--json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["runs"]
    return found


def test_where_no_run_is_under_way_that_is_said(script: Path, weft: Weft) -> None:
    weft("run", script, "--space", "sums.weft", "n=1")

    done, said = weft("runs", "sums.weft"), weft("runs", "sums.weft", "--json")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no run is under way, and none has failed\n")
    assert json.loads(said.stdout) == {"runs": [], "schedules": []}


def test_runs_are_listed_with_what_they_wait_for_and_those_that_failed_first(space: Path, weft: Weft) -> None:
    done = weft("runs", space)

    lines = done.stdout.splitlines()
    heads = [line.partition("  ")[2] for line in lines if not line.startswith(" ")]
    assert max(map(len, lines)) <= 80
    assert heads[0].startswith("Order.placed of ")
    assert heads[0].endswith(": failed")
    assert lines[1] == "  why: ValueError: no lorry is there"
    assert heads[-1].startswith("Parcel.stored of ")
    assert heads[-1].endswith(": waits to begin")
    assert all(head.endswith(": goes on") for head in heads[1:-1])
    assert len(heads) == len(WORKS)
    assert "  waits for: ask login" in lines
    assert "  waits for: sleep 365 days, 0:00:00" in lines


def test_runs_as_json_say_all_of_each(space: Path, weft: Weft) -> None:
    found = runs(weft, space)

    assert found[0].keys() == {"run", "entity", "type", "flow", "stands", "awaits", "why", "where"}
    assert [one["stands"] for one in found] == ["failed", *["goes on"] * 5, "waits to begin"]
    assert (found[0]["type"], found[0]["flow"]) == ("Order", "placed")
    assert found[0]["why"] == "ValueError: no lorry is there"
    assert "orders.py:" in found[0]["where"]
    assert sorted(one["awaits"] for one in found) == [
        [], [], ["ask limit"], ["ask login"], ["ask number"], ["ask size"], ["sleep 365 days, 0:00:00"],
    ]  # fmt: skip


def of(weft: Weft, space: Path, work: str) -> dict[str, Any]:
    """The run whose order does this work, in full."""
    stands = {"fail": "failed", "behind": "waits to begin"}.get(work)
    awaits = {"size": ["ask size"], "limited": ["ask limit"], "number": ["ask number"]}.get(work, [])
    (found,) = [
        one for one in runs(weft, space)
        if (one["stands"] == stands if stands else one["awaits"] == awaits)
    ]  # fmt: skip
    return found


def test_a_run_is_shown_with_its_steps_by_the_beginning_of_its_id(space: Path, weft: Weft) -> None:
    run = of(weft, space, "size")

    shown, said = weft("runs", space, run["run"][:6]), weft("runs", space, run["run"], "--json")

    lines = shown.stdout.splitlines()
    assert lines[0].startswith(f"{run['run'][:8]}  Order.placed of ")
    assert lines[-1].startswith("    awaited  ask size ")
    assert max(map(len, lines)) <= 80
    ((step,),) = [json.loads(said.stdout)["steps"]]
    assert (step["kind"], step["name"], step["at"], step["error"]) == ("ask", "size", 0, "")


def test_a_run_that_failed_is_retried_and_fails_again(space: Path, weft: Weft) -> None:
    run = of(weft, space, "fail")["run"]

    kept = weft("runs", space, run[:8], "--retry", "--json")
    assert json.loads(kept.stdout) == {"run": run, "verb": "rewind", "position": None}
    orders(space.parent, "begin")

    again = of(weft, space, "fail")
    assert again["run"] == run and again["why"] == "ValueError: no lorry is there"
    assert weft("log", space).stdout.count("rewind") == 1


def test_a_run_goes_on_before_a_step_ends_and_begins_anew(space: Path, weft: Weft) -> None:
    size, number = of(weft, space, "size")["run"], of(weft, space, "number")["run"]

    before = weft("runs", space, size, "--retry", "--before", "ask size", "--by", "ann")
    ended = weft("runs", space, number, "--cancel")
    assert (before.returncode, ended.returncode) == (0, 0), before.stderr + ended.stderr
    assert before.stdout.startswith("kept; the program that computes the space takes it")
    orders(space.parent, "begin")

    assert of(weft, space, "size")["run"] == size
    assert number not in {one["run"] for one in runs(weft, space)}
    assert "ann" in weft("log", space).stdout


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        (["zzzz"], UnknownRun, "no run in "),
        ([""], UnknownRun, "each of 7 runs in "),
        (["--retry"], UsageError, "Say which RUN is meant"),
        (["SIZE", "--before", "ask size"], UsageError, "--before belongs to --retry"),
        (["SIZE", "--retry", "--before", "ask nothing"], UnknownStep, "no step of the run"),
        (["SIZE", "--retry"], NotNow, "goes on, and --retry is for runs that failed"),
        (["SIZE", "--adopt"], NotNow, "goes on, and --adopt is for runs that are blocked"),
    ],
)
def test_what_is_no_run_and_no_step_is_named(
    space: Path, weft: Weft, arguments: list[str], error: type[WeftError | UsageError], why: str
) -> None:
    size = of(weft, space, "size")["run"]

    refused = weft("runs", space, *(size if one == "SIZE" else one for one in arguments))

    assert refused.returncode == error.exit_code == 2
    assert why.lower() in " ".join(refused.stderr.lower().split())


def test_runs_that_began_with_other_code_are_blocked_and_say_why(space: Path, weft: Weft) -> None:
    other_code(space)
    orders(space.parent, "begin")

    found = runs(weft, space)

    blocked = [one for one in found if one["stands"] == "blocked"]
    assert [one["stands"] for one in found] == ["failed", *["blocked"] * 4, "goes on", "waits to begin"]
    assert {one["type"] for one in blocked} == {"Order"}
    assert weft("runs", space, blocked[0]["run"], "--retry").stderr == (
        f"error: The run {blocked[0]['run'][:8]} is blocked, and --retry is for runs that failed. Nothing was told; "
        "for this one there are --restart, --cancel, --adopt and --retry with --before.\n"
    )
    behind = next(one["run"] for one in found if one["stands"] == "waits to begin")
    assert "for this one there is --cancel." in weft("runs", space, behind, "--restart").stderr
    assert all(one["why"].startswith("it began with another version of its code") for one in blocked)
    assert (
        "  why: it began with another version of its code: open the space with that one," in weft("runs", space).stdout
    )


def test_runs_whose_flow_is_gone_are_blocked_and_ask_nothing(space: Path, weft: Weft) -> None:
    path = space.parent / "orders.py"
    source = path.read_text(encoding="utf-8")
    at, end = source.index("    @on(Entity.created)\n"), source.index("class Parcel")
    path.write_text(f"{source[:at]}\n{source[end:]}", encoding="utf-8")
    orders(space.parent, "begin")

    found = runs(weft, space)

    gone = [one for one in found if one["stands"] == "blocked"]
    assert {one["flow"] for one in gone} == {"placed"}
    assert all("its type has no such flow any more" in one["why"] for one in gone)
    assert asked(weft, space) == {}
