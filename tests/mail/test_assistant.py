"""The assistant over mailboxes in files and on servers: it reads all, once each, changes nothing, and goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from tests.mail.dovecot import PASSWORD, USER, dovecot
from tests.mail.imap_server import Script, imap_server
from tests.mail.office import WAIT_S, Office, Rooms, began, came, contents, looked_at
from tests.until import until
from weft.examples.mail.awkward import AWKWARD
from weft.examples.mail.letters import Letter as Delivered
from weft.examples.mail.letters import letters, write_maildir, write_mbox
from weft.examples.mail.planning import by_rules as planned_by_rules
from weft.examples.mail.planning import searched
from weft.examples.mail.ranking import by_rules
from weft.examples.mail.reading import BATCH
from weft.examples.mail.types import Unknown, Where, Wish, Wishes, Worth
from weft.flow import Secret
from weft.operation import Retry
from weft.returned import RunFailed
from weft.services.completion import OpenAICompletion
from weft.services.endpoint import Endpoint
from weft.services.fake_model import FakeModel
from weft.services.imap import Imap
from weft.services.mailbox import BadMailbox

MAILS = letters(1, 2 * BATCH + 30)
"""Three batches; all awkward mails and all attempts at injection are in the first."""
KINDS = ("maildir", "mbox", "imap", "dovecot")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(Retry, "delay_s_before", lambda self, attempt: 0.0)


@dataclass
class Kept:
    """Mails where an assistant finds them; `changed`: all that reading could change there."""

    where: Mapping[str, object]
    rooms: Rooms
    files: Path | None = None
    script: Script = field(default_factory=Script)

    def state(self) -> object:
        """All that reading could change."""
        if self.files is None:
            return {one for one in self.script.heard if "STORE" in one or "SELECT" in one or "BODY[" in one}
        if self.files.is_file():
            return self.files.read_bytes()
        return {each.relative_to(self.files): each.read_bytes() for each in self.files.glob("[nc]*/*")}


def on_server(port: int, password: str = PASSWORD) -> dict[str, object]:
    """What is answered about a server on this machine."""
    return {"kind": "imap", "place": f"localhost:{port}", "user": USER, "password": password}


@contextmanager
def kept(kind: str, folder: Path, patch: pytest.MonkeyPatch, mails: tuple[Delivered, ...] = MAILS) -> Iterator[Kept]:
    place = folder / "mails"
    if kind == "maildir":
        write_maildir(place, mails)
        yield Kept({"kind": kind, "place": str(place)}, Rooms(), place)
    elif kind == "mbox":
        write_mbox(place, mails)
        # Its file was written just now, and what is young may not be whole.
        yield Kept({"kind": kind, "place": str(place)}, Rooms(settle_s=-3600.0), place)
    elif kind == "imap":
        with imap_server(Script(dict(enumerate((each.raw for each in mails), 1)))) as script:
            yield Kept(on_server(script.port), Rooms(security="plain"), None, script)
    else:
        with dovecot(mails, has_tls=True) as server:
            patch.setenv("SSL_CERT_FILE", str(server.certificate))  # whose certificate this machine now trusts
            yield Kept(on_server(server.tls_port), Rooms(), server.maildir)


@pytest.mark.parametrize("kind", KINDS)
def test_all_mails_are_read_ranked_and_summed_up_once_and_none_is_marked_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept(kind, tmp_path, monkeypatch) as mails:
        before, office = mails.state(), Office(tmp_path, mails.rooms)
        wishes = Wishes(every="day", skip=("Botany",), also="find the roof")

        came_to = began(office, mails.where, wishes)

        assert mails.state() == before
        assert mails.rooms.entered == 3
    with office.opened() as (space, assistant):
        found, notes = tuple(assistant.letters), assistant.notes.wait(WAIT_S)
        digests = dict(assistant.digests.wait(WAIT_S))
        assert space.runs() == []
    assert came_to == {"hired": len(MAILS), "sum_up": len(digests), "see_to": "done"}
    assert len({letter.uid for letter in found}) == len(found)
    if kind != "imap":  # which says of all that they arrived at one time
        assert contents(iter(found)) == looked_at(MAILS)
    assert [note.uid for note in notes] == [letter.uid for letter in found]
    assert [note.worth for note in notes] == [by_rules(letter, wishes).worth for letter in found]
    assert {note.worth for note in notes} == set(get_args(Worth))
    assert Counter(note.uid for made in digests.values() for note in made.notes) == Counter(one.uid for one in found)
    for made in digests.values():
        order = [get_args(Worth).index(note.worth) for note in made.notes]
        assert order == sorted(order), "those that matter come first"
    assert office.digests_shown() == [f"Mails of {period}" for period in sorted(digests)]
    about = [text.splitlines() for title, text in office.shown if title == "Mails about roof"]
    assert about == [list(searched("roof", found))], "it is looked for among all, once all are there"
    assert about[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_that_keeps_to_no_standard_is_read_with_its_defects_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept(kind, tmp_path, monkeypatch, MAILS[:BATCH]) as mails:
        office = Office(tmp_path, mails.rooms)
        began(office, mails.where)

    with office.opened() as (_, assistant):
        found, notes = tuple(assistant.letters), assistant.notes.wait(WAIT_S)
    assert len(found) == len(notes) == BATCH
    for awkward in AWKWARD:
        same = [
            one for one in found if awkward.text in one.text and any(awkward.defect in each for each in one.defects)
        ]
        assert same or not awkward.defect, awkward.name
        assert any(awkward.text in one.text for one in found), awkward.name


def test_between_two_batches_no_connection_is_held(tmp_path: Path) -> None:
    def all_closed(number: int) -> None:
        until(lambda: script.connections == script.closed)
        connections.append(script.connections)

    connections: list[int] = []
    with imap_server(Script(dict(enumerate((each.raw for each in MAILS), 1)))) as script:
        office = Office(tmp_path, Rooms(security="plain", before=all_closed))
        began(office, on_server(script.port))
        until(lambda: script.connections == script.closed)
        connections.append(script.connections)
        logouts = script.heard.count("LOGOUT")

    assert len(connections) == 4
    assert [after - before for before, after in pairwise(connections)] == [2, 2, 2], "one for heads, one for mails"
    assert logouts == connections[-1]


def test_a_password_is_kept_where_secrets_are_and_nowhere_else(tmp_path: Path) -> None:
    with imap_server(Script({1: MAILS[0].raw})) as script:
        office = Office(tmp_path, Rooms(security="plain"))
        began(office, on_server(script.port))

        assert any(PASSWORD in one for one in script.heard)
    (name,) = office.secrets.list()
    assert office.secrets.get(Secret(name)) == PASSWORD
    for file in tmp_path.iterdir():
        for written in (PASSWORD, PASSWORD.replace("\\", "\\\\")):
            assert written.encode() not in file.read_bytes()


def test_where_a_server_lets_nobody_in_it_is_asked_again_for_another_login_and_tries_none_twice(
    tmp_path: Path,
) -> None:
    refusal = "TAG NO [AUTHENTICATIONFAILED] not with this password"
    with imap_server(Script({1: MAILS[0].raw}, said={"PASSWORD": refusal})) as script:
        office = Office(tmp_path, Rooms(security="plain"))
        with office.opened() as (space, assistant):
            office.answer(space, "login", on_server(script.port))
            office.answer(space, "wishes", Wishes())
            until(lambda: [one.about is not None for one in space.questions() if one.name == "login"] == [True])
            (again,) = [one for one in space.questions() if one.name == "login"]
        assert "does not let this user in" in str(again.about)
        assert PASSWORD not in str(again.about)
        assert script.connections == 1
        script.said.clear()

        with office.opened() as (space, assistant):
            office.answer(space, "login", on_server(script.port))
            assert assistant.hired.wait(WAIT_S) == 1
            assert came(assistant.sum_up) == 1


@pytest.mark.parametrize("elsewhere", ["imap", "maildir"])
def test_of_another_mailbox_that_is_named_in_mid_run_all_mails_are_read(elsewhere: str, tmp_path: Path) -> None:
    def move(number: int) -> None:
        if number == 2 and elsewhere == "imap":
            script.said["PASSWORD"] = "TAG NO [AUTHENTICATIONFAILED] it has moved"
        elif number == 2:
            (tmp_path / "old").rename(tmp_path / "away")

    old, new = letters(1, BATCH + 30), letters(2, BATCH + 30)
    with (
        imap_server(Script(dict(enumerate((each.raw for each in old), 1)))) as script,
        imap_server(Script(dict(enumerate((each.raw for each in new), 1)))) as other,
    ):
        places: list[Mapping[str, object]] = [on_server(script.port), on_server(other.port)]
        if elsewhere == "maildir":
            write_maildir(tmp_path / "old", old)
            write_maildir(tmp_path / "new", new)
            places = [{"kind": "maildir", "place": str(tmp_path / name)} for name in ("old", "new")]
        how = {"security": "plain"} if elsewhere == "imap" else {}
        office = Office(tmp_path, Rooms(before=move, **how))
        with office.opened() as (space, assistant):
            office.answer(space, "login", places[0])
            office.answer(space, "wishes", Wishes())
            until(lambda: [one.about is not None for one in space.questions() if one.name == "login"] == [True])
            assert len(assistant.letters) == BATCH

            office.answer(space, "login", places[1])

            assert came(assistant.hired) == len(new)
            assert contents(iter(assistant.letters)) == looked_at(new)


def test_a_reminder_that_is_further_off_than_any_calendar_fails_no_run(tmp_path: Path) -> None:
    write_maildir(tmp_path / "mails", MAILS[:3])
    office = Office(tmp_path, Rooms())

    came_to = began(
        office,
        {"kind": "maildir", "place": str(tmp_path / "mails")},
        Wishes(also="remind me to call mum in 200000 weeks"),
    )

    assert came_to["see_to"] == "nobody can be reminded of call mum in 1400000 days, 0:00:00"


def test_a_reminder_in_more_time_than_can_be_counted_is_known_to_no_rule() -> None:
    for number in ("9" * 9, "9" * 5000):
        planned = planned_by_rules(Wish(f"remind me to call mum in {number} weeks"))

        assert planned is not None and isinstance(planned.do, Unknown)


@pytest.mark.slow
def test_who_gave_a_wrong_password_is_asked_again_and_gives_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept("dovecot", tmp_path, monkeypatch, MAILS[:30]) as mails:
        office = Office(tmp_path, mails.rooms)
        with office.opened() as (space, assistant):
            office.answer(space, "login", {**mails.where, "password": "wrong"})
            office.answer(space, "wishes", Wishes())
            until(lambda: [one.about is not None for one in space.questions() if one.name == "login"] == [True])
            assert len(assistant.letters) == 0

            office.answer(space, "login", mails.where)

            assert came(assistant.hired) == 30
            assert came(assistant.sum_up) == len(office.digests_shown())
            assert contents(iter(assistant.letters)) == looked_at(MAILS[:30])


def test_a_server_without_a_password_is_not_asked(tmp_path: Path) -> None:
    with imap_server(Script({1: MAILS[0].raw})) as script:
        office = Office(tmp_path, Rooms(security="plain"))
        with office.opened() as (space, _):
            office.answer(space, "login", {**on_server(script.port), "password": None})
            office.answer(space, "wishes", Wishes())
            until(lambda: ["asks for a password" in str(one.about) for one in space.questions()] == [True])
        assert script.connections == 0


@pytest.mark.parametrize(
    "place", ["localhost:imaps", "localhost:", "localhost:99999", "localhost:0", "", ":993", "::1"]
)
def test_a_place_that_names_no_server_is_named_as_such(place: str) -> None:
    with pytest.raises(BadMailbox, match="host"):
        Rooms().mailbox(Where("imap", place, USER, Secret("password")))


@pytest.mark.parametrize(
    ("place", "host", "port"),
    [("mail.example", "mail.example", None), ("mail.example:143", "mail.example", 143), ("[::1]:993", "::1", 993)],
)
def test_a_place_names_a_host_and_perhaps_a_port(place: str, host: str, port: int | None) -> None:
    found = Rooms().mailbox(Where("imap", place, USER, Secret("password")))

    assert isinstance(found, Imap)
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize("kind", ["imap", "dovecot"])
def test_a_mailbox_that_is_renewed_in_mid_run_is_read_from_its_beginning_and_each_mail_is_there_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renew(number: int) -> None:
        if number != 2:
            return
        if mails.files is None:
            mails.script.validity += 1
            return
        for index in mails.files.glob("dovecot*"):
            index.unlink()
        (mails.files / "dovecot-uidlist").write_text("3 V1234 N1\n")

    with kept(kind, tmp_path, monkeypatch) as mails:
        mails.rooms.before = renew
        office = Office(tmp_path, mails.rooms)

        came_to = began(office, mails.where)

    with office.opened() as (_, assistant):
        found = tuple(assistant.letters)
    assert len(found) == came_to["hired"] == len(MAILS)
    assert len({one.uid.partition(".")[0] for one in found}) == 1
    assert contents(iter(found)) == looked_at(MAILS)


class Broken(Exception):
    """What does not pass by itself, and what no other answer mends."""

    may_pass = False


def test_a_run_that_fails_after_its_mailbox_was_renewed_goes_on_when_it_is_told_to(tmp_path: Path) -> None:
    def go_wrong(number: int) -> None:
        if number == 2:
            script.validity += 1
        if number == 4:  # behind the first batch of the new one
            raise Broken

    with imap_server(Script(dict(enumerate((each.raw for each in MAILS), 1)))) as script:
        office = Office(tmp_path, Rooms(security="plain", before=go_wrong))
        with office.opened() as (space, assistant):
            office.answer(space, "login", on_server(script.port))
            office.answer(space, "wishes", Wishes())
            with pytest.raises(RunFailed, match="Broken"):
                assistant.hired.wait(WAIT_S)
            assert len(assistant.letters) == BATCH

        with office.opened() as (space, assistant):
            space.retry(assistant.hired)

            assert assistant.hired.wait(WAIT_S) == len(MAILS)
            assert contents(iter(assistant.letters)) == looked_at(MAILS)


def test_a_mailbox_that_is_renewed_again_and_again_is_given_up_by_name(tmp_path: Path) -> None:
    def renew(number: int) -> None:
        script.validity += 1

    with imap_server(Script(dict(enumerate((each.raw for each in MAILS), 1)))) as script:
        office = Office(tmp_path, Rooms(security="plain", before=renew))
        with office.opened() as (space, assistant):
            office.answer(space, "login", on_server(script.port))
            office.answer(space, "wishes", Wishes())

            with pytest.raises(RunFailed, match="MailboxRenewed"):
                assistant.hired.wait(WAIT_S)


def test_a_line_that_breaks_within_a_batch_is_had_again_from_the_same_cursor(tmp_path: Path) -> None:
    def cut(number: int) -> None:
        script.cut_after = 5000 if number == 2 else None

    with imap_server(Script(dict(enumerate((each.raw for each in MAILS), 1)))) as script:
        office = Office(tmp_path, Rooms(security="plain", before=cut))
        came_to = began(office, on_server(script.port))

    assert came_to["hired"] == len(MAILS)
    assert office.rooms.entered == 4


def test_a_model_behind_an_endpoint_says_what_is_done_next(tmp_path: Path) -> None:
    write_maildir(tmp_path / "mails", ())
    steps = ('{"reason": "wanted", "do": {"$": "Search", "words": "roof"}}', '{"reason": "over", "do": {"$": "Done"}}')
    with FakeModel(replies=steps) as url:
        office = Office(tmp_path, Rooms(), model=OpenAICompletion(Endpoint(url), "fake-model"))
        came_to = began(office, {"kind": "maildir", "place": str(tmp_path / "mails")}, Wishes(also="the roof, please"))

    assert came_to == {"hired": 0, "sum_up": 0, "see_to": "done"}
    assert office.shown == [("Mails about roof", "there are none")]


def test_other_wishes_rank_all_mails_again_and_fetch_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kept("maildir", tmp_path, monkeypatch) as mails:
        office = Office(tmp_path, mails.rooms)
        began(office, mails.where)
        entered, shown = mails.rooms.entered, office.digests_shown()

        with office.opened() as (space, assistant):
            before = assistant.notes.wait(WAIT_S)
            assistant.wishes = Wishes(every="week", skip=("Botany",))
            after = assistant.notes.wait(WAIT_S)
            weeks = assistant.digests.wait(WAIT_S)
            came(assistant.see_to)
            counted = {name.rpartition("/")[2]: how["executed"] for name, how in space.counts().items()}

    assert mails.rooms.entered == entered
    assert [note.uid for note in after] == [note.uid for note in before]
    assert {note.period for note in after}.isdisjoint(note.period for note in before)
    assert {note.worth for note in before} < {note.worth for note in after}
    assert set(weeks) == {note.period for note in after}
    assert office.digests_shown() == shown, "digests are shown when mails come in"
    assert counted["rank"] == len(MAILS)
