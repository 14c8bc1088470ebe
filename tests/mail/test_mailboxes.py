"""What every mailbox does, in a server, in a Maildir and in an mbox file alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.mail.dovecot import PASSWORD, USER, dovecot
from tests.mail.imap_server import Script, imap_server
from tests.mail.reading import all_heads, mails_of, page_of
from weft.examples.mail.letters import FIRST, Letter, letters, mbox_entry, write_maildir, write_mbox
from weft.services.imap import Imap
from weft.services.mail import Head, Mail
from weft.services.mailbox import BadCursor, Mailbox, MailboxMissing
from weft.services.maildir import Maildir
from weft.services.mbox import Mbox
from weft.services.service import Service

KINDS = ("imap", "dovecot", "maildir", "mbox")
LATER = FIRST + timedelta(days=900)


class Changed(Protocol):
    """A mailbox as its owner and other programs change it."""

    box: Mailbox

    def arrive(self, mail: Letter) -> None:
        """A mail comes."""

    def remove(self, message_id: str) -> None:
        """A mail is taken away."""

    def state(self) -> object:
        """All that reading could change."""


@dataclass
class InMaildir:
    path: Path
    box: Mailbox
    number: int = 10**6

    def arrive(self, mail: Letter) -> None:
        self.number += 1
        (self.path / "new" / f"{int(mail.arrived.timestamp())}.M{self.number}P1.demo").write_bytes(mail.raw)

    def remove(self, message_id: str) -> None:
        mark = f"<{message_id}>".encode()
        next(each for each in self.path.glob("[nc]*/*") if mark in each.read_bytes()).unlink()

    def state(self) -> object:
        return {each.relative_to(self.path): each.read_bytes() for each in self.path.glob("[nc]*/*")}


@dataclass
class InMbox:
    path: Path
    box: Mailbox

    def arrive(self, mail: Letter) -> None:
        with self.path.open("ab") as file:
            file.write(mbox_entry(mail))

    def remove(self, message_id: str) -> None:
        entries = [b"From " + each for each in self.path.read_bytes().removeprefix(b"From ").split(b"\n\nFrom ")]
        kept = [each.rstrip(b"\n") + b"\n\n" for each in entries if f"<{message_id}>".encode() not in each]
        self.path.write_bytes(b"".join(kept))

    def state(self) -> object:
        return self.path.read_bytes()


@dataclass
class InServer:
    script: Script
    box: Mailbox

    def arrive(self, mail: Letter) -> None:
        self.script.mails[max(self.script.mails, default=0) + 1] = mail.raw

    def remove(self, message_id: str) -> None:
        mark = f"<{message_id}>".encode()
        del self.script.mails[next(uid for uid, raw in self.script.mails.items() if mark in raw)]

    def state(self) -> object:
        known = ("CAPABILITY", "AUTHENTICATE", "\0owner", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT")
        unknown = [each for each in self.script.heard if not each.startswith(known)]
        return unknown, ["BODY[" in each for each in self.script.heard if "BODY[" in each]


@contextmanager
def changed(kind: str, folder: Path, mails: Sequence[Letter]) -> Iterator[Changed]:
    if kind == "maildir":
        write_maildir(folder / "mails", mails)
        yield InMaildir(folder / "mails", Maildir(folder / "mails"))
    elif kind == "mbox":
        write_mbox(folder / "mails", mails)
        yield InMbox(folder / "mails", Mbox(folder / "mails", settle_s=-3600))
    elif kind == "dovecot":
        with dovecot(mails) as server:
            box = Imap("127.0.0.1", USER, lambda: PASSWORD, port=server.port, security="plain")
            yield InMaildir(server.maildir, box)
    else:
        with imap_server(Script(dict(enumerate((each.raw for each in mails), 1)))) as script:
            yield InServer(script, Imap("127.0.0.1", USER, lambda: PASSWORD, port=script.port, security="plain"))


def ordinary(number: int, start: int = 0) -> list[Letter]:
    """Mails with a message id each."""
    kinds = ("newsletter", "invoice", "person")
    return [each for each in letters(1, start + 3 * number + 60) if each.kind in kinds][start : start + number]


def late(number: int) -> list[Letter]:
    """Mails that come later than all others, with message ids of their own."""
    made = ordinary(number)
    return [
        replace(
            each, raw=each.raw.replace(b"@demo.example", b"@late.example"), arrived=LATER + timedelta(minutes=place)
        )
        for place, each in enumerate(made)
    ]


def ids(heads: Sequence[Head]) -> list[str]:
    return [each.message_id for each in heads]


def told(mail: Mail) -> tuple[object, ...]:
    """What is the same wherever a mail lies: not its uid, and not its size."""
    who = (mail.message_id, mail.sender, mail.to, mail.date, mail.date_from, mail.subject)
    return *who, mail.list_id, mail.is_bulk, mail.defects, mail.text, mail.attachments, mail.is_cut


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_give_each_mail_once_and_in_order(kind: str, limit: int, tmp_path: Path) -> None:
    mails = ordinary(10)
    with changed(kind, tmp_path, mails) as there:
        heads = all_heads(there.box, limit)

        assert len({each.uid for each in heads}) == 10
        assert ids(heads) == [f"{number}@demo.example" for number in _numbers(mails)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_and_goes_between_pages_makes_none_lost_and_none_twice(kind: str, tmp_path: Path) -> None:
    mails = ordinary(12)
    first = ids_of(mails)
    coming, going = late(3), [first[1], first[3], first[11]]
    with changed(kind, tmp_path, mails) as there:

        def between() -> None:
            if coming:
                there.arrive(coming.pop(0))
            if going:
                there.remove(going.pop(0))

        heads = all_heads(there.box, 3, between=between)

    # The second was on the first page before it went; the fourth and the last went before theirs.
    assert sorted(set(ids(heads))) == sorted(ids(heads))
    assert {*first} - {first[3], first[11]} <= {*ids(heads)}
    assert ids(heads)[-3:] == ids_of(late(3))


@pytest.mark.parametrize("kind", KINDS)
def test_the_cursor_of_the_last_page_is_good_for_what_comes_later(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, ordinary(4)) as there:
        end = page_of(there.box).next
        nothing = page_of(there.box, end)
        there.arrive(late(1)[0])
        later = page_of(there.box, nothing.next)

    assert (nothing.heads, nothing.is_last) == ((), True)
    assert ids(later.heads) == ids_of(late(1))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_mailbox_has_one_page_and_a_cursor(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, []) as there:
        page = page_of(there.box)
        there.arrive(late(1)[0])

        assert (page.heads, page.is_last) == ((), True)
        assert ids(all_heads(there.box, after=page.next)) == ids_of(late(1))


@pytest.mark.parametrize("kind", KINDS)
def test_reading_changes_nothing(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, ordinary(6)) as there:
        before = [each.uid for each in all_heads(there.box)]
        state = there.state()
        mails_of(there.box, *before)

        assert [each.uid for each in all_heads(there.box)] == before
        if kind == "imap":
            assert there.state() == ([], [])
        else:
            assert there.state() == state


@pytest.mark.parametrize("kind", KINDS)
def test_mails_come_in_the_order_asked_without_those_that_are_gone(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, ordinary(5)) as there:
        heads = all_heads(there.box)
        there.remove(heads[1].message_id)
        found = mails_of(there.box, heads[3].uid, heads[1].uid, heads[0].uid)

        assert ids(found) == [heads[3].message_id, heads[0].message_id]
        assert all(each.text for each in found)
        assert mails_of(there.box) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_the_same_wherever_it_lies(kind: str, tmp_path: Path) -> None:
    mails = letters(1, 90)
    (tmp_path / "there").mkdir()
    with changed("maildir", tmp_path, mails) as plain, changed(kind, tmp_path / "there", mails) as there:
        known = mails_of(plain.box, *(each.uid for each in all_heads(plain.box, 100)))
        heads = all_heads(there.box, 100)
        found = mails_of(there.box, *(each.uid for each in heads))

    if kind == "imap":  # which says for all mails that they came at one time
        known = tuple(each for each in known if each.date_from != "arrival")
        found = tuple(each for each in found if each.date_from != "arrival")
    assert list(map(told, found)) == list(map(told, known))


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_large_mail_the_beginning_is_read(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, ordinary(1)) as there:
        box = replace(there.box, mail_bytes_max=300)  # type: ignore[type-var]
        [mail] = mails_of(box, all_heads(box)[0].uid)

        assert mail.is_cut
        assert any("only the first 300 of" in each for each in mail.defects)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cursor", ["", "what", "1.2.3", "17 x", "-1.4", "99999999999999.1", "../../etc/passwd"])
def test_a_cursor_that_no_mailbox_gave_is_refused(kind: str, cursor: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, []) as there, pytest.raises(BadCursor, match="read from the beginning"):
        page_of(there.box, cursor)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_service_whose_fingerprint_says_whose_mails_these_are(kind: str, tmp_path: Path) -> None:
    with changed(kind, tmp_path, []) as there:
        box = there.box

        assert isinstance(box, Service)
        assert box.effect == "reads outside"
        assert box.health().ready
        assert box.fingerprint() == replace(box).fingerprint()  # type: ignore[type-var]
        assert PASSWORD not in repr(box) + str(box.fingerprint())
        with pytest.raises(ValueError, match="at least 1 mail"):
            page_of(box, limit=0)


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_where_there_is_no_mailbox_that_is_said(kind: str, tmp_path: Path) -> None:
    box = Maildir(tmp_path / "none") if kind == "maildir" else Mbox(tmp_path / "none")

    assert not box.health().ready
    with pytest.raises(MailboxMissing, match="none"):
        page_of(box)


def ids_of(mails: Sequence[Letter]) -> list[str]:
    return [each.raw.partition(b"Message-ID: <")[2].partition(b">")[0].decode() for each in mails]


def _numbers(mails: Sequence[Letter]) -> list[int]:
    assert all(each.arrived.tzinfo is UTC for each in mails)
    return [int(each.partition("@")[0]) for each in ids_of(mails)]
