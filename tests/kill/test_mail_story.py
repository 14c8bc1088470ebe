"""An assistant's program is killed at random moments, again and again: what it comes to is as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kill import tally
from tests.kill.mail_program import BATCH, open_office
from tests.kill.victim import Victim, victim
from tests.mail.dovecot import PASSWORD, USER, dovecot
from weft.content import Plain
from weft.examples.mail.app import Assistant
from weft.examples.mail.letters import letters, write_maildir
from weft.examples.mail.types import Digest, Letter, Note
from weft.store import entries_of
from weft.stores.sqlite import SqliteStore

pytestmark = pytest.mark.kill
PROGRAM = "tests.kill.mail_program"
KILLS_PER_SPACE = 8
SPACES = 12 if os.environ.get("WEFT_LONG") else 1
MAILS = letters(1, 300)
WAIT_S = 60.0


@dataclass(frozen=True)
class Figures:
    """What an assistant came to; `receipts`: how often the log has one, by what was shown."""

    letters: tuple[Letter, ...]
    notes: tuple[Note, ...]
    digests: Mapping[str, Digest]
    receipts: Mapping[str, int]
    came_to: tuple[int, int, str]


def figures(folder: Path) -> Figures:
    """Of a space whose program came to its end."""
    with closing(open_office(folder)) as space:
        (assistant,) = space.find(Assistant)
        assert space.runs() == []
        came_to = tuple(flow.wait(WAIT_S) for flow in (assistant.hired, assistant.sum_up, assistant.see_to))
        found = tuple(assistant.letters), tuple(assistant.notes.wait(WAIT_S)), dict(assistant.digests.wait(WAIT_S))
    return Figures(*found, receipts(folder), came_to)  # type: ignore[arg-type]


def receipts(folder: Path) -> Counter[str]:
    """How often the log says of each effect what it came to."""
    found: Counter[str] = Counter()
    with closing(SqliteStore(str(folder / "space.weft"))) as store:
        assert list(store.verify()) == []
        for _, kind, said in entries_of(store):
            intents: Plain = said["intents"] if kind == "event" else []
            assert isinstance(intents, list)
            for intent in intents:
                assert isinstance(intent, list)
                if intent[2] == "done" and str(intent[4]).startswith("perform "):
                    found[str(intent[4]).rpartition(" ")[0].removeprefix("perform ")] += 1
    return found


def undisturbed(folder: Path, where: object) -> Figures:
    """What it comes to if nobody kills anything."""
    folder.mkdir()
    with begun(folder, where) as program:
        assert program.finish() == 0, program.errors
        assert program.said[-1] == "over"
        assert program.said.count("there") == len(MAILS) // BATCH
    return figures(folder)


def begun(folder: Path, where: object) -> AbstractContextManager[Victim]:
    """The program, in this folder."""
    return victim(PROGRAM, folder, json.dumps(where), calls=folder / "calls", workers=False)


def killed_sometime(folder: Path, where: object, chance: random.Random) -> bool:
    """Whether a program was killed within or behind one of its next few steps, and did not come to its end before."""
    with begun(folder, where) as program:
        wait_sometime(program, chance)
        code = program.kill()
    assert code in (-signal.SIGKILL, 0), program.errors
    if code:
        tally.killed(f"a mail assistant, after “{program.said[-1].split()[0] if program.said else 'nothing'}”")
    return bool(code)


def wait_sometime(program: Victim, chance: random.Random) -> None:
    for _ in range(chance.randint(0, 9)):
        if not program.read_line():
            return
    time.sleep(chance.uniform(0, 0.03))  # a random moment, and nothing that is waited for


def check(folder: Path, where: object, undisturbed: Figures) -> None:
    """Have it come to its end, and compare."""
    with begun(folder, where) as program:
        assert program.finish() == 0, program.errors
    found = figures(folder)
    uids = Counter(letter.uid for letter in found.letters)
    assert len(uids) == uids.total() == len(MAILS), "no mail is lost, and none is there twice"
    assert found.letters == undisturbed.letters
    assert found.notes == undisturbed.notes
    assert found.digests == undisturbed.digests
    assert found.came_to == undisturbed.came_to
    digests = {name: count for name, count in found.receipts.items() if "digest" in name}
    assert digests == {f"Show once digest {period}": 1 for period in undisturbed.digests}
    assert found.receipts == undisturbed.receipts


@pytest.mark.parametrize("seed", range(SPACES))
def test_an_assistant_that_is_killed_again_and_again_reads_each_mail_once_and_shows_each_digest_once(
    tmp_path: Path, seed: int
) -> None:
    write_maildir(tmp_path / "mails", MAILS)
    where = {"kind": "maildir", "place": str(tmp_path / "mails")}
    reference, chance = undisturbed(tmp_path / "undisturbed", where), random.Random(seed)
    folder, kills = tmp_path / "killed", 0
    folder.mkdir()

    while kills < KILLS_PER_SPACE and killed_sometime(folder, where, chance):
        kills += 1

    assert kills > KILLS_PER_SPACE // 2
    check(folder, where, reference)


def test_an_assistant_that_is_killed_while_it_reads_from_a_server_reads_each_mail_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dovecot(MAILS, has_tls=True) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        where = {"kind": "imap", "place": f"localhost:{server.tls_port}", "user": USER, "password": PASSWORD}
        reference, chance = undisturbed(tmp_path / "undisturbed", where), random.Random(7)
        before = {file.name for file in server.maildir.glob("[nc]*/*")}
        folder, kills = tmp_path / "killed", 0
        folder.mkdir()

        while kills < KILLS_PER_SPACE and killed_sometime(folder, where, chance):
            kills += 1

        assert kills > KILLS_PER_SPACE // 2
        check(folder, where, reference)
        assert {file.name for file in server.maildir.glob("[nc]*/*")} == before, "none is marked read"
