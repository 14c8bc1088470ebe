"""What goes wrong between here and a mail server, and what is never told to anyone."""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import sys
import time
import traceback
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mail.dovecot import PASSWORD, USER, dovecot
from tests.mail.imap_server import Script, imap_server
from tests.mail.reading import all_heads, mails_of, page_of
from weft.examples.mail.letters import letters
from weft.services.imap import WINDOW, Imap
from weft.services.imap_line import ANSWER_BYTES_MAX
from weft.services.mailbox import (
    BadMailbox,
    LoginRefused,
    MailboxBusy,
    MailboxCut,
    MailboxError,
    MailboxMissing,
    MailboxNonsense,
    MailboxRenewed,
    MailboxTooSlow,
    MailboxUnreachable,
    MailboxUntrusted,
)

SECRET = "sésame-7"


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.01)


def raws(number: int) -> dict[int, bytes]:
    return {uid: each.raw for uid, each in enumerate(letters(1, number), 1)}


def box_of(script: Script, password: Callable[[], str] = lambda: SECRET) -> Imap:
    return Imap("127.0.0.1", "ann", password, port=script.port, security="plain", timeout_s=10)


@pytest.mark.parametrize(
    ("script", "kind", "may_pass"),
    [
        (Script(said={"PASSWORD": "TAG NO [AUTHENTICATIONFAILED] no"}), LoginRefused, False),
        (Script(said={"PASSWORD": "TAG NO [UNAVAILABLE] later"}), MailboxBusy, True),
        (Script(said={"EXAMINE": "TAG NO [NONEXISTENT] no such folder"}), MailboxMissing, False),
        (Script(said={"EXAMINE": "TAG NO [INUSE] locked"}), MailboxBusy, True),
        (Script(said={"EXAMINE": "TAG OK without numbers"}), MailboxNonsense, False),
        (Script(said={"UID SEARCH": "TAG BAD what"}, mails=raws(1)), MailboxNonsense, False),
        (Script(said={"UID FETCH": "TAG NO [LIMIT] too much"}, mails=raws(1)), MailboxBusy, True),
        (Script(said={"UID FETCH": "cut"}, mails=raws(1)), MailboxCut, True),
        (Script(said={"EXAMINE": "cut"}), MailboxCut, True),
        (Script(said={"UID FETCH": "* BYE going down"}, mails=raws(1), silent=frozenset({"X"})), MailboxCut, True),
        (Script(greeting="HTTP/1.1 400 Bad Request"), MailboxUnreachable, True),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_failure_has_its_name_and_says_whether_it_may_pass(
    script: Script, kind: type[MailboxError], may_pass: bool
) -> None:
    with imap_server(replace(script)) as server, pytest.raises(kind) as failed:
        page_of(replace(box_of(server), timeout_s=0.5))

    assert type(failed.value) is kind
    assert failed.value.may_pass is may_pass


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with imap_server(Script()) as server:
        box = box_of(server)

    assert not box.health().ready
    with pytest.raises(MailboxUnreachable, match=r": \[Errno .*same cursor"):
        page_of(box)


def test_a_server_that_says_nothing_is_not_waited_for_without_end() -> None:
    with imap_server(Script(mails=raws(1), silent=frozenset({"UID FETCH"}))) as server:
        with pytest.raises(MailboxCut):
            page_of(replace(box_of(server), timeout_s=0.2))
        with pytest.raises(MailboxTooSlow, match=r"within 0\.3 s"):
            page_of(replace(box_of(server), answer_s_max=0.3))


def test_who_stops_waiting_cuts_the_connection() -> None:
    async def stopped(box: Imap) -> None:
        waiting = asyncio.ensure_future(box.page())
        await asyncio.to_thread(until, lambda: any(each.startswith("UID FETCH") for each in server.heard))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(asyncio.to_thread(until, lambda: server.closed == 1), 20)

    with imap_server(Script(mails=raws(1), silent=frozenset({"UID FETCH"}))) as server:
        asyncio.run(stopped(replace(box_of(server), timeout_s=30)))


def test_another_uidvalidity_is_told_and_says_what_to_do() -> None:
    with imap_server(Script(mails=raws(5))) as server:
        first = page_of(box_of(server), limit=2)
        server.validity = 8

        with pytest.raises(MailboxRenewed, match=r"was 7 and is 8.*from the beginning, without a cursor"):
            page_of(box_of(server), first.next)
        with pytest.raises(MailboxRenewed):
            mails_of(box_of(server), first.heads[0].uid)
        assert len(all_heads(box_of(server))) == 5


@pytest.mark.parametrize("cut_after", [0, 1, 40, 300, 1200])
def test_a_page_that_is_cut_counts_for_nothing_and_is_had_again(cut_after: int) -> None:
    with imap_server(Script(mails=raws(12))) as server:
        known = [each.uid for each in all_heads(box_of(server))]
        first = page_of(box_of(server), limit=4)
        server.cut_after = cut_after
        with pytest.raises(MailboxCut, match="same cursor"):
            page_of(box_of(server), first.next, limit=8)
        with pytest.raises(MailboxCut):
            mails_of(box_of(server), *known)
        server.cut_after = None

        rest = all_heads(box_of(server), after=first.next)

    assert [each.uid for each in (*first.heads, *rest)] == known


def test_a_mail_that_goes_while_its_page_is_made_is_passed_by() -> None:
    with imap_server(Script(mails=raws(9), gone_before_fetch=frozenset({1, 2, 3, 5}))) as server:
        heads = all_heads(box_of(server), limit=3)

    assert [each.uid for each in heads] == ["7.4", "7.6", "7.7", "7.8", "7.9"]


def test_however_many_mails_go_while_their_pages_are_made_the_next_one_is_found() -> None:
    many = sys.getrecursionlimit() + 100
    mails = dict.fromkeys(range(1, many), raws(1)[1])
    with imap_server(Script(mails=mails, gone_before_fetch=frozenset(range(1, many - 1)))) as server:
        page = page_of(box_of(server), limit=1)

    assert [each.uid for each in page.heads] == [f"7.{many - 1}"]


def test_uids_far_apart_are_found_and_an_answer_stays_short() -> None:
    mails = {uid: raws(1)[1] for uid in (3, WINDOW, WINDOW + 1, 40 * WINDOW, 700 * WINDOW)}
    with imap_server(Script(mails=mails)) as server:
        heads = all_heads(box_of(server), limit=2)
        asked = [each for each in server.heard if each.startswith("UID SEARCH")]

    assert [each.uid for each in heads] == [f"7.{uid}" for uid in mails]
    assert asked[0] == f"UID SEARCH UID 1:{WINDOW}"


def test_what_a_server_says_of_its_own_accord_is_no_mail() -> None:
    extra = "* 9 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 2 RFC822.SIZE 9 FLAGS (\\Seen))\r\n* 3 EXPUNGE\r\n"
    with imap_server(Script(mails=raws(3), extra=extra, gone_before_fetch=frozenset({2}))) as server:
        assert [each.uid for each in all_heads(box_of(server))] == ["7.1", "7.3"]


def test_a_uid_that_there_cannot_be_is_no_mail() -> None:
    said = f"* SEARCH 1 {'7' * 5000} \u00b2 -1 4294967296\r\nTAG OK done"
    with imap_server(Script(mails=raws(2), said={"UID SEARCH": said})) as server:
        assert [each.uid for each in all_heads(box_of(server))] == ["7.1"]


@pytest.mark.parametrize("name", ["UIDVALIDITY", "UIDNEXT"])
@pytest.mark.parametrize("number", ["4294967296", "9" * 5000, "-1"])
def test_a_folder_with_numbers_that_there_cannot_be_is_not_read(name: str, number: str) -> None:
    numbers = {"UIDVALIDITY": "7", "UIDNEXT": "2", name: number}
    said = "".join(f"* OK [{each} {value}]\r\n" for each, value in numbers.items()) + "TAG OK [READ-ONLY] done"
    with (
        imap_server(Script(mails=raws(1), said={"EXAMINE": said})) as server,
        pytest.raises(MailboxNonsense, match=f"does not say its {name}"),
    ):
        page_of(box_of(server))


@pytest.mark.parametrize("size", [ANSWER_BYTES_MAX + 1, 10**30])
def test_an_answer_without_bound_is_refused_before_it_is_read(size: int) -> None:
    said = f"* 1 FETCH (UID 1 RFC822.SIZE 1 BODY[] {{{size}}}"
    with (
        imap_server(Script(mails=raws(1), said={"UID FETCH": said})) as server,
        pytest.raises(MailboxCut, match="longer than"),
    ):
        page_of(box_of(server))


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=PLAIN", "IMAP4rev1"])
def test_the_password_is_asked_for_each_time_and_told_to_nobody_else(capabilities: str) -> None:
    secret = "open-sesame-7"
    asked: list[int] = []

    def password() -> str:
        asked.append(1)
        return secret

    echo = f"TAG NO you said {secret}"
    script = Script(said={"PASSWORD": echo, "LOGIN": echo}, capabilities=capabilities)
    with imap_server(script) as server:
        box = box_of(server, password)
        for _ in range(2):
            with pytest.raises(LoginRefused, match=r"you said \[password\]") as failed:
                page_of(box)
            assert secret not in "".join(traceback.format_exception(failed.value))
        assert any(secret in each for each in server.heard)

    assert len(asked) == 2
    assert secret not in repr(box) + str(box.fingerprint())


@pytest.mark.parametrize("encoded", [b64encode(SECRET.encode()), b64encode(f"\0ann\0{SECRET}".encode())])
def test_a_password_that_comes_back_encoded_or_quoted_is_blotted_out(encoded: bytes) -> None:
    for echo in (encoded.decode(), SECRET, f'"{SECRET}"'):
        for said in ({"PASSWORD": f"TAG NO you said {echo}"}, {"EXAMINE": f"TAG NO you said {echo}"}):
            with (
                imap_server(Script(said=said)) as server,
                pytest.raises(MailboxError, match=r"you said .?\[password\]") as failed,
            ):
                page_of(box_of(server))
            told = "".join(traceback.format_exception(failed.value))
            assert echo not in told and "same-7" not in told


def test_a_password_of_any_letters_is_sent_and_one_with_a_line_end_is_not() -> None:
    with imap_server(Script()) as server:
        page_of(box_of(server, lambda: 'p\u00e4ss "\\'))
        assert '\0ann\0p\u00e4ss "\\' in server.heard
        server.heard.clear()
        with pytest.raises(LoginRefused, match="line end"):
            page_of(box_of(server, lambda: "one\r\nX LOGOUT"))
        assert not any("one" in each for each in server.heard)
        server.capabilities = "IMAP4rev1"
        with pytest.raises(LoginRefused, match="only ASCII"):
            page_of(box_of(server))


@pytest.mark.parametrize("host", ["mail.example", "192.0.2.1", "127.0.0.1.example", "0.0.0.0"])
def test_nothing_is_sent_in_the_open_to_another_machine(host: str) -> None:
    with pytest.raises(BadMailbox, match="unencrypted"):
        Imap(host, "ann", lambda: SECRET, security="plain")


@pytest.mark.parametrize("field", ["user", "folder", "host"])
def test_a_name_with_a_line_end_is_refused(field: str) -> None:
    names = {"host": "127.0.0.1", "user": "ann", "folder": "INBOX", field: "a\r\nX LOGOUT"}
    with pytest.raises(BadMailbox, match=field):
        Imap(names["host"], names["user"], lambda: SECRET, folder=names["folder"])


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_without_a_private_connection_no_password_is_sent(security: Literal["tls", "starttls"]) -> None:
    with imap_server(Script()) as server:
        box = replace(box_of(server), security=security)
        with pytest.raises((MailboxUntrusted, MailboxCut, MailboxUnreachable)):
            page_of(replace(box, timeout_s=0.5))
        assert not any(SECRET in each or "AUTH" in each or "LOGIN" in each for each in server.heard)


def test_a_server_that_offers_no_starttls_is_not_trusted() -> None:
    with imap_server(Script()) as server, pytest.raises(MailboxUntrusted, match="does not offer STARTTLS"):
        page_of(replace(box_of(server), security="starttls"))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12))
def test_folders_of_any_name_are_sent_in_ascii(folder: str) -> None:
    from weft.services.imap_line import _in_utf7

    assert _in_utf7(folder).isascii()
    assert _in_utf7("Entwürfe & mehr") == "Entw&APw-rfe &- mehr"


def test_a_real_server_is_read_over_tls_and_starttls_and_its_certificate_is_looked_at() -> None:
    with dovecot(letters(1, 5), has_tls=True) as server:
        known = ssl.create_default_context(cafile=str(server.certificate))
        tls = Imap("localhost", USER, lambda: PASSWORD, port=server.tls_port, tls=known)
        start = Imap("localhost", USER, lambda: PASSWORD, port=server.port, security="starttls", tls=known)

        assert len(all_heads(tls)) == len(all_heads(start)) == 5
        for box in (tls, start):
            with pytest.raises(MailboxUntrusted, match="certificate"):
                page_of(replace(box, tls=None))
        with pytest.raises(LoginRefused):
            page_of(replace(tls, password=lambda: "wrong"))
        with pytest.raises(MailboxMissing):
            page_of(replace(tls, folder="Entwürfe"))


def _read_on(port: int, sent: multiprocessing.connection.Connection) -> None:
    """A program that reads pages for ever, and says what it has after each."""
    box, after = Imap("127.0.0.1", USER, lambda: PASSWORD, port=port, security="plain"), sent.recv()
    while True:
        page = asyncio.run(box.page(after, limit=100))
        after = page.next
        sent.send(([each.uid for each in page.heads], after, page.is_last))


@pytest.mark.kill
@pytest.mark.slow
def test_a_reader_that_is_killed_again_and_again_reads_two_thousand_mails_once() -> None:
    found: list[str] = []
    after, is_last, kills = None, False, 0
    context = multiprocessing.get_context("spawn")
    with dovecot(letters(1, 2000)) as server:
        while not is_last:
            here, there = context.Pipe()
            reader = context.Process(target=_read_on, args=(server.port, there))
            reader.start()
            here.send(after)
            for _ in range(kills % 3 + 3):
                heads, after, is_last = here.recv()
                found += heads
                if is_last:
                    break
            # It is at its next page by now: within it, or in what it would have said.
            reader.kill()
            reader.join()
            kills += 1

    assert len(found) == len(set(found)) == 2000
    assert kills > 3


def test_another_uidvalidity_of_a_real_server_is_told() -> None:
    with dovecot(letters(1, 6)) as server:
        box = Imap("127.0.0.1", USER, lambda: PASSWORD, port=server.port, security="plain")
        first = page_of(box, limit=2)
        for index in server.maildir.glob("dovecot*"):
            index.unlink()
        (server.maildir / "dovecot-uidlist").write_text("3 V1234 N1\n")

        with pytest.raises(MailboxRenewed, match="is 1234"):
            page_of(box, first.next)
