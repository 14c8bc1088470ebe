"""Flows as they are looked at from a shell: what runs were told, how they ended, and what they wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import weft as library
from tests.cli.conftest import Weft
from tests.cli.pseudo_terminal import in_terminal
from tests.cli.test_asked import LIMIT_S, with_library
from tests.until import until
from weft import Entity, Run, on
from weft.cli import terminal
from weft.cli.answer import _said
from weft.cli.runs import _lines
from weft.form import Blank, UnfitAnswer
from weft.moment import moment_text
from weft.portrait.ended import ended_runs
from weft.run_list import ListedRun
from weft.store import KIND

SCRIPT = '''
import sys
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Literal

import weft
from weft import Effect, Entity, Field, Run, field, on


@dataclass(frozen=True)
class Verdict:
    """What the boss says of it."""

    yes: bool
    tags: tuple[str, ...] = ()
    """Under which it is filed."""


@dataclass(frozen=True)
class Pay(Effect[str]):
    amount: int


class Bank:
    effects = (Pay,)

    async def carry_out(self, effect: Pay, key: str) -> str:
        if effect.amount == 13:
            raise ConnectionError("the line went")
        return "no. 1"


def with_fee(amount: int) -> int:
    return amount + 1


class Expense(Entity):
    amount: Field[int] = field()
    state: Field[str] = field(default="draft")
    paid: Field[str | None] = field(default=None)

    @on(state.becomes("submitted"))
    async def approve(self, run: Run) -> str:
        never = timedelta(days=1_000_000)
        if not (await run.ask("approve?", Verdict, about=self.amount, expires=never)).yes:
            self.state = "rejected"
            return "rejected"
        if self.amount == 7:
            raise ValueError("seven is not paid, whatever the boss says: nobody ever was, and nobody ever will be")
        self.state = "approved"
        amount = await run.call(with_fee, self.amount)
        self.paid = await run.perform(Pay(amount))
        return "paid"


class Digest(Entity):
    name: Field[str] = field()

    @on(Entity.scheduled("0 8 * * 1-5", zone="Europe/Berlin"))
    async def sent(self, run: Run) -> None:
        pass


ANSWERS = {1: True, 12: True, 7: True, 5: False}


def wait_until(holds):
    while not holds():
        Event().wait(0.01)


if __name__ == "__main__":
    with weft.open("expenses.weft", types=[Expense, Digest], drivers=[Bank()], actor="ann") as space:
        for amount in (1, 12, 7, 3, 5):
            space.create(Expense, amount=amount).state = "submitted"
        wait_until(lambda: len(space.questions()) == 5)
        for question in space.questions():
            if (amount := question.about["value"]) in ANSWERS:
                space.answer(question, Verdict(ANSWERS[amount]))
        wait_until(lambda: [one.stands for one in space.runs()] == ["failed", "goes on", "goes on"])
        wait_until(lambda: any(one.doubt for one in space.questions()))
        space.create(Digest, name="daily")
        space.pause(space.create(Digest, name="never").sent)
'''


RAISING = next(line for line in SCRIPT.splitlines() if "raise ValueError" in line)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space in which one run was paid, one rejected and one failed; one asks, and one is in doubt."""
    folder = tmp_path_factory.mktemp("expenses")
    (folder / "expenses.py").write_text(SCRIPT, encoding="utf-8")
    subprocess.run([sys.executable, "expenses.py"], cwd=folder, env=with_library(), timeout=LIMIT_S, check=True)
    return folder


@pytest.fixture
def space(begun: Path, tmp_path: Path) -> Path:
    """The space, in the folder in which commands run."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "expenses.weft"


def lines_of(weft: Weft, *arguments: object) -> list[str]:
    """What a command says in 80 columns."""
    done = weft(*arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines), default=0) <= 80
    return lines


# what is asked -------------------------------------------------------------------------------------------------------


def test_a_question_that_stands_as_long_as_any_can_is_listed(space: Path, weft: Weft) -> None:
    lines = lines_of(weft, "questions", space)
    found = json.loads(weft("questions", space, "--json").stdout)["questions"]

    (expires,) = [one["expires"] for one in found if not one["doubt"]]
    assert f"  expires: {expires}" in lines
    assert expires[:2] == "47", "a million days from now"


@pytest.mark.parametrize("us", [2**60, 2**62, 2**70])
def test_a_moment_that_no_date_can_say_is_the_last_one(us: int) -> None:
    assert moment_text(us) == "9999-12-31T23:59:59Z"


# runs ----------------------------------------------------------------------------------------------------------------


def flow_named(weft: Weft, space: Path, standing: str) -> str:
    """The expense whose flow stands so."""
    found = json.loads(weft("show", space, "Expense", "--json").stdout)["entities"]
    return next(str(one["id"]) for one in found if f"approve: {standing}" in one["preview"])


def run_of(weft: Weft, space: Path, word: str) -> str:
    """The run that stands so, or awaits that."""
    found = json.loads(weft("runs", space, "--json").stdout)["runs"]
    return next(str(one["run"]) for one in found if word in (one["stands"], *one["awaits"]))


def test_one_thing_is_said_of_a_run_at_a_time(space: Path, weft: Weft) -> None:
    before = weft("log", space).stdout

    two = weft("runs", space, run_of(weft, space, "failed"), "--retry", "--restart")
    three = weft("runs", space, run_of(weft, space, "failed"), "--cancel", "--adopt", "--retry")

    assert (two.returncode, three.returncode) == (2, 2)
    assert "--retry and --restart exclude each other" in two.stderr
    assert "--retry, --cancel and --adopt exclude each other" in three.stderr
    assert weft("log", space).stdout == before


def test_a_run_that_is_over_says_how_it_ended_and_what_it_was_told(space: Path, weft: Weft) -> None:
    entity = flow_named(weft, space, "returned 'paid'")
    run = str(json.loads(weft("show", space, entity, "--json").stdout)["nodes"][-1]["run"]["id"])

    head, *steps, over, command = lines_of(weft, "runs", space.name, run[:8])
    said = json.loads(weft("runs", space, run, "--json").stdout)
    retried = weft("runs", space, run[:8], "--retry")

    assert head.startswith(f"{run[:8]}  Expense.approve of {entity[:8]}: returned 'paid', at ")
    assert [step.split(maxsplit=2)[2] for step in steps] == [
        "ask approve?: {yes: True, tags: []}", "call expenses/with_fee: 2", "perform Pay: 'no. 1'",
    ]  # fmt: skip
    assert (over, command) == (
        "it is over; all that was told since it was fired:", f"  weft log expenses.weft --from {said['fired']}"
    )  # fmt: skip
    assert (said["stands"], said["outcome"], len(said["steps"])) == ("returned", "paid", 3)
    assert retried.returncode == 2
    assert f"The run {run[:8]} returned, and --retry is for runs that failed. " in retried.stderr


class Fails(Entity):
    @on(Entity.created)
    async def tried(self, run: Run) -> None:
        await run.sleep(timedelta(0))
        raise ValueError("in vain")


def test_a_run_that_failed_is_over_once_it_was_cancelled() -> None:
    with library.open(types=[Fails]) as opened:
        entity = opened.create(Fails)
        until(lambda: [one.stands for one in opened.runs()] == ["failed"])
        (run,) = opened.runs()
        with opened.view() as engine:
            (failed,) = ended_runs(engine, run.run[:4])
        opened.restart(entity.tried)
        until(lambda: [one.stands for one in opened.runs()] == ["failed"])
        opened.cancel(entity.tried)
        with opened.view() as engine:
            (cancelled,) = ended_runs(engine, run.run[:4])
            assert ended_runs(engine, "?") == []

    assert (failed.ending, cancelled.ending) == ("failed", "cancelled")
    assert cancelled.ended > failed.ended
    assert (len(failed.steps), len(cancelled.steps)) == (1, 1)


# weft log ------------------------------------------------------------------------------------------------------------


def test_the_log_tells_what_a_run_was_told_step_by_step(space: Path, weft: Weft) -> None:
    lines = [line[19:] for line in lines_of(weft, "log", space)]

    entity = next(line for line in lines if "done: perform Pay" in line)[:8]
    of_run = [line for line in lines if line.startswith(entity) and ".state by ann" not in line]
    created, fired, *said = [line.partition("  ")[2] for line in of_run]
    run = fired[:8]
    assert created.startswith("create 'Expense'")
    assert of_run[0].startswith(f"{entity} by ann  ")
    assert fired == f"{run} fire"
    assert [line.partition("/")[0].partition(" {")[0].partition(" '")[0] for line in said] == [
        f"{run} begin; step: ask approve?", f"{run} answer: ask approve?", f"approve {run} done: ask approve?",
        f"{run} done: call expenses", f"approve {run} done: perform Pay",
    ]  # fmt: skip


# weft show -----------------------------------------------------------------------------------------------------------


def flows_in(weft: Weft, space: Path) -> dict[str, list[str]]:
    """What is said of the flow of each expense, by how that stands: its first line, and those below."""
    found = {}
    for one in json.loads(weft("show", space, "Expense", "--json").stdout)["entities"]:
        lines = lines_of(weft, "show", space, one["id"])
        at = next(number for number, line in enumerate(lines) if line.startswith("approve  "))
        found[one["preview"].partition("approve: ")[2][:12]] = lines[at:]
    return found


def test_a_flow_is_shown_by_how_its_newest_run_stands(space: Path, weft: Weft) -> None:
    found = flows_in(weft, space)

    assert found.pop("returned 'pa") == ["approve  flow, returned", "  'paid'"]
    assert found.pop("returned 're") == ["approve  flow, returned", "  'rejected'"]
    failed = found.pop("failed: Valu")
    assert failed[0] == "approve  flow, failed"
    assert " ".join(line.strip() for line in failed[1:-1]) == (
        "ValueError: seven is not paid, whatever the boss says: nobody ever was, and nobody ever will be"
    )
    assert failed[-1] == f"  at expenses.py:{SCRIPT.splitlines().index(RAISING) + 1} in approve"
    assert sorted(map(str, found)) == ["goes on", "goes on: per"]


def test_what_a_run_waits_for_is_shown(space: Path, weft: Weft) -> None:
    run = run_of(weft, space, "perform Pay")
    entity = next(
        one["entity"] for one in json.loads(weft("runs", space, "--json").stdout)["runs"] if one["run"] == run
    )

    trouble = "perform Pay is in doubt: ConnectionError: the line went"
    assert lines_of(weft, "show", space, entity)[-3:] == [
        "approve  flow, goes on", f"  {trouble}", "  waits for: perform Pay",
    ]  # fmt: skip
    said = json.loads(weft("show", space, entity, "--json").stdout)["nodes"][-1]["run"]
    assert said == {"id": run, "stands": "goes on", "why": trouble, "awaits": ["perform Pay"]}


def test_of_a_run_that_failed_it_is_said_where(space: Path, weft: Weft) -> None:
    lines = lines_of(weft, "runs", space, run_of(weft, space, "failed"))

    assert lines[1].startswith("  why: ValueError: seven is not paid, ")
    assert lines[3] == f"  at expenses.py:{SCRIPT.splitlines().index(RAISING) + 1} in approve"
    assert lines[4].split()[2:4] == ["ask", "approve?"]


# schedules -----------------------------------------------------------------------------------------------------------


def test_flows_that_fire_by_the_clock_say_when(space: Path, weft: Weft) -> None:
    daily, times, never, _ = lines_of(weft, "runs", space)[-4:]
    shown, paused = (lines_of(weft, "show", space, name)[-2:] for name in ("daily", "never"))
    said = json.loads(weft("runs", space, "--json").stdout)["schedules"]

    assert [one["paused"] for one in said] == [False, True]
    assert {(one["type"], one["flow"], *one["times"]) for one in said} == {
        ("Digest", "sent", "0 8 * * 1-5 Europe/Berlin"),
    }
    assert said[0]["next"].endswith(":00:00Z")
    assert daily == f"Digest.sent of {said[0]['entity'][:8]} fires next at {said[0]['next']}"
    assert never == f"Digest.sent of {said[1]['entity'][:8]} is paused"
    assert times == "  at 0 8 * * 1-5 Europe/Berlin"
    assert shown == [f"  fires next at {said[0]['next']}", times]
    assert paused == ["  is paused", times]
    assert "sent  flow, scheduled" in lines_of(weft, "show", space, "daily")


# answers -------------------------------------------------------------------------------------------------------------


def question_of(weft: Weft, space: Path, name: str) -> str:
    found = json.loads(weft("questions", space, "--json").stdout)["questions"]
    return next(str(one["id"]) for one in found if one["name"] == name)


@pytest.mark.parametrize("word", ["leave", '"leave"'])
def test_one_of_several_words_is_answered_as_it_stands_or_as_json(space: Path, weft: Weft, word: str) -> None:
    done = weft("answer", space, question_of(weft, space, "Pay"), word)

    assert (done.returncode, done.stderr) == (0, "")
    assert weft("answer", space, question_of(weft, space, "Pay"), "again").returncode == 1


@pytest.mark.parametrize("word", ["maybe", '"maybe"', "17"])
def test_a_word_that_is_none_of_them_is_refused(space: Path, weft: Weft, word: str) -> None:
    done = weft("answer", space, question_of(weft, space, "Pay"), word)

    assert done.returncode == 1
    assert "one of 'again', 'leave' is wanted" in done.stderr


def test_in_a_terminal_what_is_said_of_the_form_is_printed_and_how_a_list_is_written(space: Path, weft: Weft) -> None:
    id = question_of(weft, space, "approve?")

    with in_terminal("answer", space, id, folder=space.parent) as terminal:
        for prompt, line in (("Yes (yes, no): ", "yes"), ("Tags", '["travel"]')):
            terminal.read_to(prompt)
            terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert "What the boss says of it.\r\nYes (yes, no): " in terminal.shown
    assert "  Under which it is filed.\r\nTags (" in terminal.shown


def test_a_form_with_secrets_takes_no_bare_words() -> None:
    with pytest.raises(UnfitAnswer):
        _said(Blank("key", {"type": "string", "writeOnly": True}), b'"CANARY\n')
    assert _said(Blank("note", {"type": "string"}), b"17\r\n") == "17"
    assert _said(Blank("note", {"type": "string"}), '"17"') == "17"


# weft list -----------------------------------------------------------------------------------------------------------


def test_runs_that_failed_are_counted_among_what_failed(space: Path, weft: Weft) -> None:
    lines = lines_of(weft, "list", space.name)
    types = json.loads(weft("list", space, "--json").stdout)["types"]

    assert next(line for line in lines if line.startswith("Expense")).split() == ["Expense", "5", "0", "1"]
    assert lines[-2:] == ["1 run of a flow failed; why, and what can be done:", "  weft runs expenses.weft"]
    assert {one["name"]: (one["failed"], one["failed_runs"]) for one in types} == {"Expense": (0, 1), "Digest": (0, 0)}


# order ---------------------------------------------------------------------------------------------------------------


def test_runs_and_questions_are_listed_oldest_first_and_answered_ones_apart(space: Path, weft: Weft) -> None:
    with library.open(str(space), engine=False) as opened, opened.view() as engine:
        created = [str(key[2]) for key, _ in engine.rows(KIND, ("Expense",))]
    runs = json.loads(weft("runs", space, "--json").stdout)["runs"]
    questions = json.loads(weft("questions", space, "--json").stdout)["questions"]
    assert [one["entity"] for one in runs] == [created[2], created[1], created[3]]
    assert [one["entity"] for one in questions] == [created[1], created[3]]

    weft("answer", space, questions[0]["id"], "leave")
    lines = lines_of(weft, "questions", space)

    assert lines[0].startswith(f"{questions[1]['id'][:8]}  approve?")
    at = lines.index("Answered, and their runs have not gone on yet")
    assert lines[at + 1].startswith(f"{questions[0]['id'][:8]}  Pay")
    assert lines[at - 1] == ""


def test_notes_are_broken_between_words_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for is_terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", [lambda: False, lambda: True][is_terminal])
        terminal.note("word " * 20 + "end")

    plain, *broken = capsys.readouterr().err.splitlines()

    assert plain == "word " * 20 + "end"
    assert max(map(len, broken)) <= 60
    assert " ".join(line.strip() for line in broken) == plain


def test_of_why_a_run_failed_the_list_shows_both_ends() -> None:
    why = "it began so " + "and went on " * 200 + "until here: do this next"
    listed = ListedRun("run", "entity", "Type", "flow", "failed", (), why, "")

    said = " ".join(line.strip() for line in _lines(listed))

    assert "why: it began so and" in said
    assert said.endswith("until here: do this next")
    assert len(said) < 700


def test_errors_are_broken_between_words_on_a_terminal_and_one_line_elsewhere(space: Path, weft: Weft) -> None:
    arguments = ("runs", space.name, "zzzz")

    with in_terminal(*arguments, folder=space.parent, COLUMNS="60") as terminal:
        assert terminal.end() == 2
    done = weft(*arguments, COLUMNS="60")

    lines = terminal.shown.splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(line.strip() for line in lines) + "\n" == done.stderr


# weft run ------------------------------------------------------------------------------------------------------------


def test_who_runs_what_then_waits_for_somebody_is_told_so(space: Path, weft: Weft) -> None:
    told = ("run", "expenses.py:Expense", "amount=4", "state=submitted")

    kept, lost = weft(*told, "--space", "new.weft"), weft(*told)

    assert (kept.returncode, lost.returncode) == (0, 0)
    assert kept.stderr.splitlines() == ["approve waits for ask approve?:", "  weft questions new.weft"]
    assert lost.stderr == "approve waits for ask approve?; give --space FILE to keep it, and go on later.\n"
    assert weft("questions", "new.weft").stdout
