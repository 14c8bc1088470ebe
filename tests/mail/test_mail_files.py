"""Maildirs and mbox files while other programs are at work on them."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.reading import all_heads, mails_of, page_of
from weft.examples.mail.letters import letters, mbox_entry, write_maildir, write_mbox
from weft.services import maildir, mbox
from weft.services.mailbox import BadCursor, MailboxBusy, MailboxMissing, MailboxRenewed
from weft.services.maildir import TMP_S_MAX, Maildir
from weft.services.mbox import ANCHORS, Mbox

NOW = 1_800_000_000.0
MAIL = b"Subject: x\n\ntext\n"


def new_maildir(folder: Path) -> Maildir:
    write_maildir(folder, [])
    return Maildir(folder, now=lambda: NOW)


def names(box: Maildir, after: str | None = None, limit: int = 100) -> list[str]:
    return [each.uid for each in all_heads(box, limit, after)]


@given(
    st.lists(st.tuples(st.sampled_from(["arrive", "flag", "read", "remove"]), st.integers(0, 30)), max_size=25),
    st.integers(1, 4),
)
def test_a_maildir_gives_each_mail_once_whatever_is_done_to_it_between_pages(
    deeds: list[tuple[str, int]], limit: int
) -> None:
    with TemporaryDirectory() as made:
        box, seconds = new_maildir(Path(made)), 1_700_000_000
        removed, found, after = set[str](), list[str](), None
        pending = [("arrive", 0)] * 5 + deeds
        came: list[str] = []
        while pending:
            for deed, which in pending[:5]:
                there = sorted(box.path.glob("[nc]*/*"))
                if deed == "arrive":
                    seconds += 1
                    came.append(f"{seconds}.M{which}P1.here")
                    (box.path / "new" / came[-1]).write_bytes(MAIL)
                elif there:
                    each = there[which % len(there)]
                    base = each.name.partition(":")[0]
                    if deed == "remove":
                        each.unlink()
                        removed.add(base)
                    else:
                        each.rename(box.path / "cur" / f"{base}:2,{'F' * which}{'S' * (deed == 'read')}")
            pending = pending[5:]
            page = page_of(box, after, limit)
            found, after = [*found, *(each.uid for each in page.heads)], page.next
        found += names(box, after)

        assert len(found) == len(set(found))
        assert found == [each for each in came if each in {*found}]
        assert set(came) - removed <= {*found} <= set(came)


@given(st.lists(st.tuples(st.sampled_from(["arrive", "mark", "remove"]), st.integers(0, 30)), max_size=25))
def test_an_mbox_gives_each_mail_once_whatever_is_done_to_it_between_pages(deeds: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as made:
        box = Mbox(Path(made) / "mbox", now=lambda: NOW * 2)
        coming = [mbox_entry(each) for each in letters(1, 40) if each.kind in ("person", "invoice", "newsletter")]
        there, came, removed = coming[:4], coming[:4], list[bytes]()
        coming, found, after = coming[4:], list[str](), None
        for deed, which in [*deeds, ("", 0)]:
            box.path.write_bytes(b"".join(there))
            page = page_of(box, after, 2)
            found, after = [*found, *(each.message_id for each in page.heads)], page.next
            place = which % len(there) if there else 0
            if deed == "arrive" and coming:
                there.append(coming.pop(0))
                came = [*came, there[-1]]
            elif deed == "mark" and there:
                there[place] = there[place].replace(b"\nFrom:", b"\nStatus: RO\nX-Status: A\nFrom:", 1)
            elif deed == "remove" and len(there) > ANCHORS // 2 and len(removed) < ANCHORS // 2:
                removed.append(there.pop(place))
        box.path.write_bytes(b"".join(there))
        found += [each.message_id for each in all_heads(box, 2, after)]

        gone = {_id(each) for each in removed}
        assert len(found) == len(set(found))
        assert found == [_id(each) for each in came if _id(each) in {*found}]
        assert {_id(each) for each in came} - gone <= {*found}


def _id(entry: bytes) -> str:
    return entry.partition(b"Message-ID: <")[2].partition(b">")[0].decode()


def test_a_maildirs_order_is_that_of_delivery_and_flags_change_nothing(tmp_path: Path) -> None:
    box = new_maildir(tmp_path)
    for name in ("9.M2P1.a", "10.M9P1.a", "10.M10P1.a", "9.M10P1.a", "zzz"):
        (tmp_path / "new" / name).write_bytes(MAIL)
    before = names(box)
    (tmp_path / "new" / "9.M2P1.a").rename(tmp_path / "cur" / "9.M2P1.a:2,FS")

    assert before == names(box) == ["zzz", "9.M2P1.a", "9.M10P1.a", "10.M9P1.a", "10.M10P1.a"]


def test_nothing_younger_is_given_before_what_is_still_being_delivered(tmp_path: Path) -> None:
    box, slow, quick = new_maildir(tmp_path), f"{int(NOW) - 60}.M1P1.a", f"{int(NOW) - 30}.M1P1.a"
    (tmp_path / "tmp" / slow).write_bytes(MAIL[:5])
    (tmp_path / "tmp" / f"{int(NOW) - TMP_S_MAX - 1}.M1P1.given-up").write_bytes(MAIL[:5])
    (tmp_path / "new" / quick).write_bytes(MAIL)
    (tmp_path / "new" / "1000.M1P1.a").write_bytes(MAIL)

    first = page_of(box)
    (tmp_path / "tmp" / slow).rename(tmp_path / "new" / slow)

    assert [each.uid for each in first.heads] == ["1000.M1P1.a"]
    assert names(box, first.next) == [slow, quick]


def test_what_came_just_now_is_left_for_a_later_page(tmp_path: Path) -> None:
    box, name = new_maildir(tmp_path), f"{int(NOW) - 1}.M1P1.a"
    (tmp_path / "new" / name).write_bytes(MAIL)

    assert names(box) == []
    assert names(replace(box, now=lambda: NOW + 2)) == [name]


def test_a_mail_that_is_renamed_while_it_is_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, name, listed = new_maildir(tmp_path), "1000.M1P1.a", maildir._names
    (tmp_path / "new" / name).write_bytes(MAIL)
    left = [10]

    def renaming(folder: Path) -> list[str]:
        found = listed(folder)
        if folder.name == "cur":
            left[0] -= 1
            if left[0] == 8:  # After both listings of the page, and before the file is opened.
                (tmp_path / "new" / name).rename(tmp_path / "cur" / f"{name}:2,S")
        return found

    monkeypatch.setattr(maildir, "_names", renaming)
    [uid] = names(box)
    assert uid == name
    assert mails_of(box, uid)[0].text == "text"


def test_a_listing_that_misses_a_file_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, listed = new_maildir(tmp_path), maildir._names
    for number in range(3):
        (tmp_path / "cur" / f"{number}.M1P1.a").write_bytes(MAIL)
    missing = ["1.M1P1.a"]

    def racing(folder: Path) -> list[str]:
        found = listed(folder)
        if folder.name == "cur" and missing:
            found.remove(missing.pop())
        return found

    monkeypatch.setattr(maildir, "_names", racing)
    assert names(box) == ["0.M1P1.a", "1.M1P1.a", "2.M1P1.a"]


def test_a_maildir_in_which_all_changes_all_the_time_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, count = new_maildir(tmp_path), [0]

    def never_the_same(folder: Path) -> list[str]:
        count[0] += 1
        return [f"{count[0]}.M1P1.a"] if folder.name == "cur" else []

    monkeypatch.setattr(maildir, "_names", never_the_same)
    with pytest.raises(MailboxBusy) as failed:
        page_of(box)
    assert failed.value.may_pass


@pytest.mark.parametrize("uid", ["../secret", ".hidden", "a\0b", "/etc/passwd"])
def test_no_file_outside_of_a_maildir_is_read(uid: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(MAIL)

    with pytest.raises(BadCursor):
        mails_of(new_maildir(tmp_path / "mails"), uid)


def new_mbox(folder: Path, number: int = 12) -> Mbox:
    write_mbox(folder / "mbox", letters(2, number))
    return Mbox(folder / "mbox", now=lambda: NOW * 2)


def test_a_mail_at_the_end_of_an_mbox_is_given_once_it_is_whole(tmp_path: Path) -> None:
    box = new_mbox(tmp_path, 3)
    whole = box.path.read_bytes()
    just_now = replace(box, now=lambda: os.stat(box.path).st_mtime)

    assert len(all_heads(box)) == 3
    assert len(all_heads(just_now)) == 2  # More of it may be written, after a line's end too.
    box.path.write_bytes(whole.rstrip(b"\n"))
    assert len(all_heads(box)) == 2


def test_a_line_that_begins_with_from_is_no_envelope(tmp_path: Path) -> None:
    box = Mbox(tmp_path / "mbox", now=lambda: NOW * 2)
    body = b"Hello\n\nFrom here on all is well.\n>From Mon Mar  4 07:00:00 2024\nFrom x Mon Mar  4 07:00:00 2024\n"
    box.path.write_bytes(b"From a Mon Mar  4 07:00:00 2024\nSubject: one\n\n" + body + b"\n")

    [head] = all_heads(box)
    assert mails_of(box, head.uid)[0].text.endswith("\nFrom Mon Mar  4 07:00:00 2024\nFrom x Mon Mar  4 07:00:00 2024")
    assert head.date.isoformat() == "2024-03-04T07:00:00+00:00"


def test_an_mbox_that_is_locked_or_written_to_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = new_mbox(tmp_path)
    lock = tmp_path / "mbox.lock"
    lock.touch()
    with pytest.raises(MailboxBusy, match=r"mbox\.lock"):
        page_of(box)
    lock.unlink()

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    holder = context.Process(target=_hold, args=(box.path, there))
    holder.start()
    here.recv()
    with pytest.raises(MailboxBusy, match="locked it"):
        page_of(box)
    here.send("enough")
    holder.join()

    states = iter([mbox._State(1, 1), mbox._State(2, 1)])
    monkeypatch.setattr(mbox._State, "of", lambda descriptor: next(states))
    with pytest.raises(MailboxBusy, match="wrote into it"):
        page_of(box)


def _hold(path: Path, told: multiprocessing.connection.Connection) -> None:
    with path.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        told.send("locked")
        told.recv()


def test_an_mbox_whose_last_mails_all_went_says_that_it_must_be_read_anew(tmp_path: Path) -> None:
    box = new_mbox(tmp_path, 30)
    after = page_of(box, limit=20).next
    write_mbox(box.path, letters(2, 30)[20:])

    with pytest.raises(MailboxRenewed, match="from the beginning"):
        page_of(box, after)


def test_equal_mails_of_an_mbox_have_uids_of_their_own(tmp_path: Path) -> None:
    box = Mbox(tmp_path / "mbox", now=lambda: NOW * 2)
    box.path.write_bytes(mbox_entry(letters(2, 1)[0]) * 3)

    assert len({each.uid for each in all_heads(box, 1)}) == 3


def test_a_file_that_is_no_mbox_is_not_taken_for_one(tmp_path: Path) -> None:
    box = Mbox(tmp_path / "mbox", now=lambda: NOW * 2)
    box.path.write_text("Dear diary\n")

    with pytest.raises(MailboxMissing, match="line From"):
        page_of(box)
