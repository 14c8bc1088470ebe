"""Mails: to a real server, and to one that says, or leaves unsaid, whatever a test wants."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conftest import require_module
from tests.drivers.mailboxes import CUT, DRIP, FLOOD, SILENT, MailReceiver
from tests.drivers.receivers import closed_port, serving_tls, trusting_tls
from weft.driver import EffectRefused, InDoubt, NotReached
from weft.drivers.mail import (
    RECIPIENTS_MAX,
    REPLY_BYTES_MAX,
    Encryption,
    Login,
    MailDriver,
    MailReceipt,
    SendMail,
)
from weft.flow import Secret

ONE = SendMail(("one@mail.example",), "Hello", "Yes.\n")
CANARY = "canary-4711"


def driver_for(server: MailReceiver, encryption: Encryption = "none", **options: Any) -> MailDriver:
    return MailDriver("127.0.0.1", sender="weft@mail.example", encryption=encryption, port=server.port, **options)


def send(driver: MailDriver, effect: SendMail = ONE, key: str = "bafykey") -> MailReceipt:
    return asyncio.run(driver.carry_out(effect, key))


@contextmanager
def answering(**answers: bytes) -> Iterator[MailReceiver]:
    """A server with these answers, by the first words of commands; `MAIL_TEXT` is the one to a mail."""
    named = {"MAIL_TEXT": ".", "GREETING": "greeting"}
    with MailReceiver({named.get(word, word): answer for word, answer in answers.items()}) as server:
        yield server


# ---- what a mail is ----
def test_a_mail_arrives_with_an_id_made_from_its_key() -> None:
    with answering() as server:
        driver = driver_for(server, clock=lambda: 0.0)
        first = send(driver, SendMail(("one@mail.example", "two@mail.example"), "Grüße", "Schön.\n.\n..\nEnd"))
        again = send(driver, key="bafykey")
        other = send(driver, key="bafyother")

    mail = server.mails[0]
    assert mail["subject"] == "Grüße"
    assert mail.get_content().splitlines() == ["Schön.", ".", "..", "End"]
    assert (mail["from"], mail["to"]) == ("weft@mail.example", "one@mail.example, two@mail.example")
    assert mail["date"] == "Thu, 01 Jan 1970 00:00:00 -0000"
    assert mail["message-id"] == first.message_id
    assert first.message_id == again.message_id != other.message_id
    assert first.message_id.endswith("@mail.example>")
    assert first.reply == "ok"
    assert [line.lower() for line in server.lines if line.lower().startswith("rcpt")][:2] == [
        "rcpt to:<one@mail.example>",
        "rcpt to:<two@mail.example>",
    ]


@pytest.mark.parametrize("key", ["", "a b", "a>\r\nBcc: all@mail.example", "ü" * 500])
def test_any_key_makes_a_good_id(key: str) -> None:
    with answering() as server:
        assert send(driver_for(server), key=key).message_id == server.mails[0]["message-id"]

    assert server.mails[0]["bcc"] is None


@pytest.mark.parametrize(
    "body", [".", ".\n", "a\n.\nb", "a\r\n.\r\nRSET\r\n", "a\r.\rb", "a\n.\r\n", "\n.", "x" * 5000, "ü" * 5000]
)
def test_no_body_ends_the_mail_before_its_end(body: str) -> None:
    with answering() as server:
        send(driver_for(server), SendMail(("one@mail.example",), "s", body))

    assert len(server.mails) == 1
    assert server.mails[0].get_content().splitlines() == body.splitlines()
    assert all(len(line) <= 998 and line.isascii() for line in server.raw[0].splitlines())
    assert [line.lower() for line in server.lines if line.lower().startswith(("rset", "mail"))] == [
        "mail from:<weft@mail.example>"
    ]


@pytest.mark.parametrize(
    ("effect", "why"),
    [
        (SendMail((), "s", "b"), "it has no recipient"),
        (SendMail(tuple(f"a{n}@b.example" for n in range(RECIPIENTS_MAX + 1)), "s", "b"), "more than 100 recipients"),
        *(
            (SendMail(("one@mail.example", to), "s", "b"), "is no bare address")
            for to in (
                "",
                "one",
                "@mail.example",
                "one@",
                "one@mail.example\r\nBcc: all@mail.example",
                "one@mail.example\n",
                "one@mail.example, two@mail.example",
                "One <one@mail.example>",
                "one@mail.example> SIZE=1",
                "one two@mail.example",
                "one@two@mail.example",
                '"one\r\nRCPT TO:<x>"@mail.example',
                "one@mail..example",
                "one@-mail.example",
                "-oQ/tmp@mail.example",
                "öne@mail.example",
                "one@[127.0.0.1]",
                "a" * 250 + "@mail.example",
            )
        ),
        *(
            (SendMail(("one@mail.example",), subject, "b"), "its subject holds a line break")
            for subject in ("a\r\nBcc: x@mail.example", "a\nb", "a\rb", "a\x00b", "a\x7fb", "\x85", "\u2028", "\ud800")
        ),
        *(
            (SendMail(("one@mail.example",), "s", body), "its body holds control characters")
            for body in ("a\x00b", "a\x1bb", "a\x0bb", "\ud800")
        ),
    ],
)  # fmt: skip
def test_what_could_become_another_header_or_command_is_refused(effect: SendMail, why: str) -> None:
    with answering() as server, pytest.raises(EffectRefused, match=why):
        send(driver_for(server), effect)

    assert server.connections == 0


# ---- what a server's words come to ----
@pytest.mark.parametrize("place", ["GREETING", "MAIL", "RCPT", "DATA", "MAIL_TEXT"])
@pytest.mark.parametrize(
    ("words", "kind"),
    [(b"451 try later\r\n", NotReached), (b"421 going\r\n", NotReached), (b"550 not you\r\n", EffectRefused)],
)
def test_a_refusal_for_now_is_not_reached_and_one_for_good_is_final(
    place: str, words: bytes, kind: type[Exception]
) -> None:
    with answering(**{place: words}) as server, pytest.raises(kind, match=words.decode().strip()):
        send(driver_for(server))

    assert server.mails == []


@pytest.mark.parametrize("place", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("words", [CUT, SILENT, b"nonsense\r\n", b"x" * 10_000])
def test_whatever_fails_before_the_text_is_not_reached(place: str, words: bytes) -> None:
    with (
        answering(**{place: words}, **({"HELO": words} if place == "EHLO" else {})) as server,
        pytest.raises(NotReached),
    ):
        send(driver_for(server, silence_s_max=0.3))

    assert server.raw == []


@pytest.mark.parametrize("words", [CUT, SILENT, DRIP, b"nonsense\r\n", b"x" * 10_000, b"354 more\r\n", b"999 ?\r\n"])
def test_whatever_fails_after_the_text_leaves_doubt(words: bytes) -> None:
    with answering(MAIL_TEXT=words) as server, pytest.raises(InDoubt):
        send(driver_for(server, silence_s_max=0.3, send_s_max=1.0))

    assert server.taken.is_set()


@pytest.mark.parametrize("place", ["GREETING", "RCPT"])
def test_an_answer_without_an_end_ends_with_patience(place: str) -> None:
    with answering(**{place: DRIP}) as server, pytest.raises(NotReached, match=r"no answer within 0\.5 s"):
        send(driver_for(server, send_s_max=0.5))

    assert server.raw == []


@pytest.mark.parametrize(
    ("place", "kind"), [("GREETING", NotReached), ("EHLO", NotReached), ("RCPT", NotReached), ("MAIL_TEXT", InDoubt)]
)
def test_an_answer_without_bound_is_not_read_to_its_end(place: str, kind: type[Exception]) -> None:
    with (
        answering(**{place: FLOOD}) as server,
        pytest.raises(kind, match=f"longer than the {REPLY_BYTES_MAX} bytes that are allowed"),
    ):
        send(driver_for(server, send_s_max=3.0))

    assert server.raw == [] or place == "MAIL_TEXT"


def test_all_recipients_are_sent_to_or_none() -> None:
    answers = {
        "rcpt to:<late@mail.example>": b"450 greylisted\r\n",
        "rcpt to:<gone@mail.example>": b"550 no such person\r\n",
    }
    with MailReceiver(answers) as server:
        with pytest.raises(NotReached, match=r"does not take late@mail\.example: 450 greylisted"):
            send(driver_for(server), SendMail(("one@mail.example", "late@mail.example"), "s", "b"))
        with pytest.raises(EffectRefused, match=r"late@mail\.example: 450 greylisted; gone@mail\.example: 550 no such"):
            send(driver_for(server), SendMail(("late@mail.example", "gone@mail.example", "one@mail.example"), "s", "b"))

    assert server.raw == []
    assert not [line for line in server.lines if line.startswith("data")]


def test_what_is_given_up_sends_nothing_more() -> None:
    # The server answers once nobody waits any more.
    with MailReceiver({"RCPT": SILENT}) as server, pytest.raises(NotReached):
        send(driver_for(server, send_s_max=0.3))

    assert not [line for line in server.lines if line.startswith("data")]


def test_a_text_is_not_begun_once_the_sender_was_cut_off() -> None:
    from weft.drivers.mail import _Sending

    with answering() as server:
        driver = driver_for(server)
        sending = _Sending(driver)
        smtp = sending._made()
        sending._greet(smtp)
        sending._enveloped(smtp, driver._composed(ONE, "key"))
        sending._smtp = None  # so that the connection stays, as where it is not made yet

        assert not sending.cut()
        with pytest.raises(ConnectionAbortedError, match="it was given up"):
            sending._texted(smtp, b"text\r\n")
        smtp.close()

    assert server.raw == []


def test_a_server_that_is_not_there_is_not_reached() -> None:
    driver = MailDriver("127.0.0.1", sender="weft@mail.example", encryption="none", port=closed_port())

    with pytest.raises(NotReached, match="refused"):
        send(driver)


# ---- encryption and logins ----
@pytest.mark.parametrize(
    "options", [{"host": "mail.example"}, {"host": "10.0.0.1"}, {"login": Login("me", Secret("p"))}]
)
def test_without_encryption_there_are_no_other_machines_and_no_logins(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="encryption='none' is for a server on this machine and without a login"):
        MailDriver(
            **{"host": "127.0.0.1", "sender": "weft@mail.example", "encryption": "none", "secrets": str, **options}
        )


def test_a_driver_that_could_send_nothing_is_not_made() -> None:
    with pytest.raises(ValueError, match="sender is 'weft'"):
        MailDriver("mail.example", sender="weft")
    with pytest.raises(ValueError, match="a login needs secrets="):
        MailDriver("mail.example", sender="weft@mail.example", login=Login("me", Secret("p")))


def test_a_server_that_offers_no_encryption_gets_nothing() -> None:
    with answering() as server, pytest.raises(NotReached, match=r"offers no encryption \(STARTTLS\)"):
        send(
            driver_for(server, "starttls", tls=trusting_tls(), login=Login("me", Secret("p")), secrets=lambda _: CANARY)
        )

    assert [line.split()[0].upper() for line in server.lines] == ["EHLO"]


def test_mails_go_through_tls_from_the_first_byte() -> None:
    with MailReceiver(tls=serving_tls()) as server:
        send(driver_for(server, "tls", tls=trusting_tls()))
        with pytest.raises(NotReached, match="certificate"):
            send(driver_for(server, "tls"))

    assert len(server.mails) == 1


def test_a_secret_that_cannot_be_had_is_not_reached() -> None:
    def unknown(secret: Secret) -> str:
        raise KeyError(CANARY)

    said = "the secret p raised KeyError"
    with MailReceiver(tls=serving_tls()) as server, pytest.raises(NotReached, match=said) as failed:
        send(driver_for(server, "tls", tls=trusting_tls(), login=Login("me", Secret("p")), secrets=unknown))

    assert CANARY not in repr(failed.value.__dict__)


def by_tls(server: MailReceiver, password: str = CANARY) -> MailDriver:
    login = Login("me", Secret("password"))
    return driver_for(server, "tls", tls=trusting_tls(), login=login, secrets=lambda _: password, silence_s_max=5.0)


IN_BASE64 = b64encode(CANARY.encode())
AS_PLAIN = b64encode(f"\0me\0{CANARY}".encode())
OFFERS_LOGIN = {"EHLO": b"250-mail\r\n250 AUTH PLAIN\r\n", "AUTH": b"235 come in\r\n"}


@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("echo", [CANARY.encode(), IN_BASE64, AS_PLAIN, b"x" * 285 + CANARY.encode()])
def test_a_password_that_comes_back_is_told_nowhere(place: str, echo: bytes) -> None:
    answers = {**OFFERS_LOGIN, place: b"550 you said " + echo + b"\r\n"}
    with MailReceiver(answers, tls=serving_tls()) as server, pytest.raises(EffectRefused) as refused:
        send(by_tls(server))
    with MailReceiver({**OFFERS_LOGIN, ".": b"250 you said " + echo + b"\r\n"}, tls=serving_tls()) as server:
        receipt = send(by_tls(server))

    told = repr((str(refused.value), refused.value.__dict__, receipt))
    assert told.count("***") >= 2
    assert not [secret for secret in (CANARY[:8], IN_BASE64.decode()[:8], AS_PLAIN.decode()) if secret in told]


def test_a_login_that_never_ends_tells_no_password() -> None:
    again = b"334 " + IN_BASE64 + b"\r\n"
    answers = {**OFFERS_LOGIN, "AUTH": again, AS_PLAIN.decode().lower(): again}
    with MailReceiver(answers, tls=serving_tls()) as server, pytest.raises(NotReached, match="loop") as failed:
        send(by_tls(server))

    assert IN_BASE64.decode() not in repr((str(failed.value), failed.value.__dict__))


@pytest.mark.parametrize("challenge", [b"!!!a", b"", b"\xff"])
def test_a_login_that_cannot_be_answered_leaves_no_doubt(challenge: bytes) -> None:
    answers = {"EHLO": b"250-mail\r\n250 AUTH CRAM-MD5\r\n", "AUTH": b"334 " + challenge + b"\r\n"}
    with MailReceiver(answers, tls=serving_tls()) as server, pytest.raises(NotReached) as failed:
        send(by_tls(server))

    assert server.raw == []
    assert "cannot be read" in str(failed.value) or "the server refuses the login" in str(failed.value)


@pytest.mark.parametrize(("is_text_sent", "kind"), [(False, NotReached), (True, InDoubt)])
def test_whatever_else_goes_wrong_is_in_doubt_where_the_text_was_sent(
    is_text_sent: bool, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    from weft.drivers.mail import _Sending

    def broken(sending: _Sending, mail: object) -> str:
        sending.is_text_sent = is_text_sent
        raise IndexError("no such line")

    monkeypatch.setattr(_Sending, "send", broken)

    with answering() as server, pytest.raises(kind, match="IndexError: no such line"):
        send(driver_for(server))


class Mailbox:
    """What a real server does with mails."""

    def __init__(self) -> None:
        self.content: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 no such person"
        if address.startswith("late"):
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.content.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 queued as 1"


@contextmanager
def real_server(mailbox: Mailbox) -> Iterator[int]:
    """aiosmtpd, with STARTTLS and a login that are both required."""
    controllers, smtp = require_module("aiosmtpd.controller"), require_module("aiosmtpd.smtp")

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, said: Any) -> Any:
        ok = isinstance(said, smtp.LoginPassword) and (said.login, said.password) == (b"me", CANARY.encode())
        return smtp.AuthResult(success=ok, handled=False)

    class Server(controllers.Controller):  # type: ignore[misc, name-defined]
        def factory(self) -> Any:
            return smtp.SMTP(
                self.handler,
                hostname="mail.example",
                tls_context=serving_tls(),
                require_starttls=True,
                auth_required=True,
                authenticator=authenticate,
            )

    controller = Server(mailbox, hostname="127.0.0.1", port=closed_port())
    controller.start()
    try:
        yield controller.server.sockets[0].getsockname()[1]
    finally:
        controller.stop()


def logged_in(port: int, password: str = CANARY, tls: Callable[[], ssl.SSLContext] = trusting_tls) -> MailDriver:
    return MailDriver(
        "127.0.0.1",
        sender="weft@mail.example",
        port=port,
        login=Login("me", Secret("password")),
        secrets=lambda secret: password,
        tls=tls(),
    )


def test_a_real_server_takes_a_mail_by_starttls_and_login() -> None:
    mailbox = Mailbox()
    with real_server(mailbox) as port:
        receipt = send(logged_in(port))

        with pytest.raises(EffectRefused, match=r"gone@mail\.example: 550 5\.1\.1 no such person"):
            send(logged_in(port), SendMail(("gone@mail.example",), "s", "b"))
        with pytest.raises(NotReached, match=r"late@mail\.example: 451 4\.7\.1 greylisted"):
            send(logged_in(port), SendMail(("late@mail.example",), "s", "b"))
        with pytest.raises(NotReached, match="certificate"):
            send(logged_in(port, tls=ssl.create_default_context))

    assert receipt.reply == "2.0.0 queued as 1"
    assert len(mailbox.content) == 1
    assert mailbox.encrypted == [True]
    assert f"Message-ID: {receipt.message_id}".encode() in mailbox.content[0]
    assert CANARY.encode() not in mailbox.content[0]


def test_a_real_server_that_refuses_a_login_is_told_nothing_else() -> None:
    mailbox = Mailbox()
    with (
        real_server(mailbox) as port,
        pytest.raises(EffectRefused, match=r"the server refuses the login \(535\)") as failed,
    ):
        send(logged_in(port, password="wrong-" + CANARY))

    assert CANARY not in repr(failed.value.__dict__)
    assert mailbox.content == []
