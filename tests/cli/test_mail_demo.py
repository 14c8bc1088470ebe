"""The demonstration of the assistant, as a program: told to its end, begun again, killed, and left without answers."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import weft as library
from tests.cli.conftest import Weft, clean, command
from tests.cli.pseudo_terminal import in_terminal
from tests.until import until
from weft.cli.mail import AssistantFailed, NoFolder, WaitsForAnswers
from weft.errors import WeftError
from weft.examples.mail.letters import letters, write_maildir
from weft.examples.mail.ranking import by_rules, period_of
from weft.examples.mail.reading import LocalMailboxes, NoPassword, fetch
from weft.examples.mail.types import Where, Wishes
from weft.flow import Secret
from weft.secrets import MemorySecrets
from weft.services.imap import Imap
from weft.services.mailbox import BadMailbox

MAILS = 40
LIMIT_S = 30.0
SEED = 20240304


def demo(folder: Path, *arguments: object) -> list[str]:
    """The command line of the demonstration."""
    place = folder / "mail.weft"
    return command("demo", "mail", "--json", "--mails", MAILS, "--space", place, *arguments)


def told(folder: Path, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The demonstration, to its end, without a terminal; with its secrets in the folder."""
    return subprocess.run(
        demo(folder, *arguments),
        cwd=folder,
        env=clean(HOME=str(folder)),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What it says came of the mails."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def true_figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What is to come of the mails, by the rules alone: three questions of which rules answer one, a digest of each
    day, and what was found by the one search."""
    folder = tmp_path_factory.mktemp("mails")
    write_maildir(folder, letters(1, MAILS))
    batch = asyncio.run(fetch(Where("maildir", str(folder)), None, mailboxes=LocalMailboxes()))
    wishes = Wishes(every="day", skip=("Botany",))
    judged = [by_rules(letter, wishes) for letter in batch.letters]
    days = {period_of(letter.at, "day") for letter in batch.letters}
    assert batch.is_last
    return {
        "mails": MAILS,
        "summarised": sum(1 for one in judged if one.gist),
        "ranked": Counter(one.worth for one in judged),
        "digests": len(days),
        "questions": 2,
        "effects": len(days) + 1,
    }


@pytest.fixture(scope="module")
def told_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which it was told to its end."""
    folder = tmp_path_factory.mktemp("told")
    done = told(folder, "--yes")
    (folder / "first.json").write_text(done.stdout, encoding="utf-8")
    (folder / "first.err").write_text(done.stderr, encoding="utf-8")
    return folder


def test_it_ends_with_true_figures(told_once: Path, true_figures: dict[str, object]) -> None:
    found = json.loads((told_once / "first.json").read_text(encoding="utf-8"))

    assert found == true_figures
    assert list(found) == list(true_figures)


def test_begun_again_it_changes_nothing(told_once: Path, true_figures: dict[str, object]) -> None:
    with library.open(str(told_once / "mail.weft"), engine=False) as space:
        before = space.position

    again = told(told_once, "--yes")

    assert figures(again) == true_figures
    with library.open(str(told_once / "mail.weft"), engine=False) as space:
        assert space.position == before
        assert not space.runs()
        assert not space.questions()


def test_without_json_it_shows_what_it_found(tmp_path: Path, weft: Weft) -> None:
    done = weft("demo", "mail", "--yes", "--mails", MAILS, "--space", "mail.weft")

    assert done.returncode == 0, done.stderr
    assert "Mails of 2024-03-04\n" in done.stdout
    assert "Mails about roof\n  Ben Okoro: the roof\n" in done.stdout, "it searches once all mails are read"
    assert f"{MAILS} mails are read" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80

    again = weft("demo", "mail", "--yes", "--space", "mail.weft")

    assert again.stderr.startswith("the assistant has done all that it was asked for; these are its digests\n")
    assert "Mails of 2024-03-04\n" in again.stdout


def test_where_nobody_reads_it_ends_and_shows_all_when_it_is_begun_again(tmp_path: Path) -> None:
    arguments = command("demo", "mail", "--yes", "--mails", MAILS, "--space", tmp_path / "mail.weft")
    with subprocess.Popen(
        arguments, cwd=tmp_path, env=clean(HOME=str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as demo:
        assert demo.stdout is not None
        demo.stdout.close()  # long before there is anything to show: what a pipe took counts as shown
        assert demo.wait(LIMIT_S) == 0

    again = subprocess.run(
        arguments, cwd=tmp_path, env=clean(HOME=str(tmp_path)), capture_output=True, text=True, check=True
    )

    shown = [line for line in again.stdout.splitlines() if line.startswith("Mails ")]
    assert sorted(shown) == [
        "Mails about roof",
        "Mails of 2024-03-04",
        "Mails of 2024-03-05",
        "Mails of 2024-03-06",
    ]


def test_without_a_terminal_it_waits_for_answers_and_goes_on_when_they_are_there(
    tmp_path: Path, weft: Weft, true_figures: dict[str, object]
) -> None:
    said = {
        "login": {"kind": "maildir", "place": str(tmp_path / "mail.mails")},
        "wishes": {"also": "find the roof", "every": "day", "skip": ["Botany"]},
    }
    for name, given in said.items():
        waits = told(tmp_path)
        assert (waits.returncode, waits.stdout) == (WaitsForAnswers.exit_code, "") == (3, "")
        assert f"error: The assistant asks for {name}, and there is no terminal to ask in." in waits.stderr
        (question,) = json.loads(weft("questions", "mail.weft", "--json").stdout)["questions"]
        assert f"by `weft answer {tmp_path / 'mail.weft'} {question['id'][:8]} -` with JSON" in waits.stderr
        example = waits.stderr.partition("such as ")[2].partition(", and start again")[0]
        assert json.loads(example) == given
        answer(tmp_path, weft, name, given)

    assert figures(told(tmp_path)) == true_figures


def test_what_is_answered_elsewhere_meanwhile_stands_and_the_demonstration_goes_on(
    tmp_path: Path, weft: Weft, true_figures: dict[str, object]
) -> None:
    said = [
        ("Kind (maildir, mbox, imap): ", "maildir"), ("Place: ", str(tmp_path)), ("User: ", ""), ("Password: ", ""),
        ("nothing came of this answer to login: it was answered already; the assistant goes on", None),
        ("wishes: a Wishes", None),
    ]  # fmt: skip

    with in_terminal(*demo(tmp_path)[3:], folder=tmp_path, HOME=str(tmp_path), COLUMNS="400") as terminal:
        for prompt, line in said:
            terminal.read_to(prompt)
            if prompt.startswith("Kind"):
                answer(tmp_path, weft, "login", {"kind": "maildir", "place": str(tmp_path / "mail.mails")})
            if line is not None:
                terminal.type(line)

    assert figures(told(tmp_path, "--yes")) == true_figures


def test_it_makes_no_folders_and_says_what_it_leaves_aside_and_answers(told_once: Path, tmp_path: Path) -> None:
    nowhere = told(tmp_path, "--space", tmp_path / "no" / "x.weft", "--yes")
    again = told(told_once, "--yes")

    assert (nowhere.returncode, nowhere.stdout) == (NoFolder.exit_code, "")
    assert nowhere.stderr.startswith(f"error: There is no folder {tmp_path / 'no'} to keep the assistant in.")
    assert not (tmp_path / "no").exists()
    assert again.stderr.startswith("--mails is left aside: the mailbox is made, and is in ")
    assert "what it did for your other wish is told by: weft log " in again.stderr
    assert "\nwishes: answered by {" in (told_once / "first.err").read_text(encoding="utf-8")


def answer(folder: Path, weft: Weft, name: str, given: object) -> None:
    """Answer its only question, from another program."""
    (question,) = json.loads(weft("questions", "mail.weft", "--json").stdout)["questions"]
    assert question["name"] == name
    done = subprocess.run(
        command("answer", "mail.weft", question["id"], "-", "--file", "secrets.json"),
        cwd=folder,
        env=clean(),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_in_a_terminal_it_asks_and_a_password_that_is_not_given_is_none(
    tmp_path: Path, true_figures: dict[str, object]
) -> None:
    said = [
        (f"the made-up mailbox: maildir, in {tmp_path / 'mail.mails'}", ""), ("login: a Where", ""),
        ("Kind (maildir, mbox, imap): ", "maildir"), ("Place: ", "nowhere"), ("User: ", ""), ("Password: ", ""),
        ("there is no folder nowhere", ""),
        ("Kind (maildir, mbox, imap): ", "maildir"), ("Place: ", str(tmp_path / "mail.mails")),
        ("User: ", ""), ("Password: ", ""), ("wishes: a Wishes", ""),
        ("Every (hour, day, week) [day]: ", ""), ("Skip (with commas between): ", "Botany, "),
        ("Also: ", "find the roof"),
    ]  # fmt: skip

    with in_terminal(*demo(tmp_path)[3:], folder=tmp_path, HOME=str(tmp_path), COLUMNS="400") as terminal:
        for prompt, line in said:
            terminal.read_to(prompt)
            if prompt.endswith(": "):
                terminal.type(line)
        code = terminal.end()

    assert code == 0, terminal.shown
    assert json.loads(terminal.shown[terminal.shown.index("{\r\n") : terminal.shown.rindex("}") + 1]) == true_figures


def test_killed_at_any_moments_it_comes_to_the_same(tmp_path: Path, true_figures: dict[str, object]) -> None:
    moments = sorted(random.Random(SEED).sample(range(1, 60), 3))

    for moment in moments:
        kill_at(moment, tmp_path)

    assert figures(told(tmp_path, "--yes")) == true_figures


def kill_at(position: int, folder: Path) -> None:
    """Begin the demonstration, and kill it as soon as its space has come to a position, unless it is over."""
    with subprocess.Popen(
        demo(folder, "--yes"),
        cwd=folder,
        env=clean(HOME=str(folder)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: process.poll() is not None or reached(folder) >= position)
        finally:
            process.kill()


def reached(folder: Path) -> int:
    """The newest position of its space; 0 while that is being made."""
    path = folder / "mail.weft"
    if not path.exists():
        return 0
    try:
        with library.open(str(path), engine=False) as space:
            return space.position
    except WeftError:
        return 0


def test_where_its_mails_cannot_be_read_it_asks_again_and_goes_on_with_another_answer(
    tmp_path: Path, weft: Weft, true_figures: dict[str, object]
) -> None:
    told(tmp_path)
    answer(tmp_path, weft, "login", {"kind": "maildir", "place": "nowhere"})

    waits = told(tmp_path)
    assert (waits.returncode, waits.stdout) == (WaitsForAnswers.exit_code, "")

    assert {**figures(told(tmp_path, "--yes")), "questions": 2} == true_figures


def test_where_not_even_its_own_mails_can_be_read_it_stops_and_says_why(
    tmp_path: Path, true_figures: dict[str, object]
) -> None:
    told(tmp_path)
    mails, elsewhere = tmp_path / "mail.mails", tmp_path / "elsewhere"
    mails.rename(elsewhere)
    mails.mkdir()  # no Maildir

    done = told(tmp_path, "--yes")

    assert (done.returncode, done.stdout) == (AssistantFailed.exit_code, "")
    assert "error: The assistant stopped, as hired failed:" in done.stderr
    mails.rmdir()
    elsewhere.rename(mails)
    assert {**figures(told(tmp_path, "--yes")), "questions": 2} == true_figures


# where mails are -----------------------------------------------------------------------------------------------------


def test_a_server_is_not_asked_without_a_password() -> None:
    secrets = MemorySecrets()
    password = secrets.put("login/1/password", "CANARY")

    with pytest.raises(NoPassword, match=r"imap\.example\.com:993 asks for a password"):
        LocalMailboxes(secrets).mailbox(Where("imap", "imap.example.com:993", "ann"))
    with pytest.raises(NoPassword):
        LocalMailboxes().mailbox(Where("imap", "imap.example.com", "ann", password))


def test_a_server_is_asked_with_the_password_that_was_kept() -> None:
    secrets = MemorySecrets()
    password = secrets.put("login/1/password", "CANARY")

    found = LocalMailboxes(secrets).mailbox(Where("imap", "imap.example.com:1993", "ann", password))

    assert isinstance(found, Imap)
    assert (found.host, found.port, found.user) == ("imap.example.com", 1993, "ann")
    assert "CANARY" not in repr(found)


@pytest.mark.parametrize("place", ["imap.example.com:many", "imap.example.com:0", ":993", ""])
def test_a_place_that_is_no_server_is_refused(place: str) -> None:
    with pytest.raises(BadMailbox):
        LocalMailboxes(MemorySecrets()).mailbox(Where("imap", place, "ann", Secret("login/1/password")))
