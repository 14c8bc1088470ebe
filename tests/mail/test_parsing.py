"""Any bytes are a mail: what can be read is given, and what was wrong is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.examples.mail.awkward import AWKWARD, Awkward
from weft.examples.mail.injections import INJECTIONS
from weft.examples.mail.letters import letters
from weft.services.html_text import text_of_html
from weft.services.mail import ADDRESSES_MAX, TEXT_CHARS_MAX, Address, Mail, header_bytes, read_head, read_mail
from weft.services.mime import DEPTH_MAX, HEADER_BYTES_MAX, PARTS_MAX, Attachment
from weft.value import shape_of

ARRIVED = datetime(2024, 3, 1, 9, tzinfo=UTC)
PIECES = (
    b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Received: x; ", b"Mon, 4 Mar 2024 10:00:00 +9999", b"\n", b"\n\n",
    b"\r\n", b"\r\n\r\n", b"--b\n", b"--b--\n", b"\nContent-Type: multipart/mixed; boundary=b\n", b"message/rfc822",
    b"\nContent-Type: text/html; charset=", b"utf-7", b"punycode", b"hex", b"=?utf-8?q?=C3?=", b"=?utf-16?b?", b"?=",
    b"(", b'"', b"<", b">", b"a@b", b",", b":", b"\xff", b"\0", b"\nContent-Transfer-Encoding: base64\n", b"=",
    b"+2AA-", b"&#" + b"9" * 5000, b"&#xD800;", b"\nContent-Disposition: attachment; filename*0*=x'y'%FF", b"<!--",
)  # fmt: skip
raws = st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join))
HTML = (
    "<",
    ">",
    "<p>",
    "</p>",
    "<div hidden>",
    "</div>",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "&lt;b&gt;",
    "'",
    '"',
)


def mail(raw: bytes, arrived: datetime | None = ARRIVED) -> Mail:
    return read_mail(raw, uid="1", arrived=arrived, size_bytes=len(raw))


def of(*fields: str, body: str = "text") -> Mail:
    return mail("\n".join([*fields, "", body]).encode())


@given(raws)
def test_any_bytes_are_read_and_can_be_kept(raw: bytes) -> None:
    shape, found = shape_of(Mail), mail(raw, None)

    assert shape.decode(shape.encode(found)) == found
    assert found.date.tzinfo is UTC


@given(raws)
def test_a_head_is_the_same_from_the_header_alone_and_from_the_mail(raw: bytes) -> None:
    alone = read_head(header_bytes(raw), uid="1", arrived=ARRIVED, size_bytes=len(raw))
    whole = mail(raw)

    assert (alone.message_id, alone.sender, alone.to, alone.subject) == (
        whole.message_id,
        whole.sender,
        whole.to,
        whole.subject,
    )
    assert (alone.date, alone.date_from, alone.list_id, alone.is_bulk) == (
        whole.date,
        whole.date_from,
        whole.list_id,
        whole.is_bulk,
    )
    assert set(alone.defects) <= {*whole.defects}


@pytest.mark.parametrize("each", AWKWARD, ids=lambda each: each.name)
def test_of_an_awkward_mail_is_read_what_can_be_and_the_defect_is_told(each: Awkward) -> None:
    found = mail(each.raw)

    assert each.text in found.text
    assert each.defect in " ".join(found.defects)
    assert bool(found.defects) == bool(each.defect)


def test_a_date_is_taken_from_where_there_is_one_and_says_from_where() -> None:
    told = of("Date: Mon, 4 Mar 2024 10:00:00 +0200")
    received = of("Date: soon", "Received: from a by b; Mon, 4 Mar 2024 11:00:00 +0000")
    arrived, unknown = of("Subject: none"), mail(b"Subject: none\n\n", None)

    assert (told.date, told.date_from) == (datetime(2024, 3, 4, 8, tzinfo=UTC), "date")
    assert (received.date, received.date_from) == (datetime(2024, 3, 4, 11, tzinfo=UTC), "received")
    assert (arrived.date, arrived.date_from) == (ARRIVED, "arrival")
    assert (unknown.date.year, unknown.date_from) == (1970, "unknown")


def test_names_are_decoded_after_addresses_were_parted() -> None:
    found = of("From: =?utf-8?q?Lind=2C_J=C3=B6rg?= <j@a.example>", 'To: "Reed, Ann" <a@a.example>, b@b.example')

    assert found.sender == Address("Lind, Jörg", "j@a.example")
    assert found.to == (Address("Reed, Ann", "a@a.example"), Address("", "b@b.example"))


def test_a_character_that_is_split_over_two_words_is_whole() -> None:
    assert of("Subject: =?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?= an =?utf-8?b?w6Q=?=").subject == "Grüße an ä"


@pytest.mark.parametrize("field", ["List-Id: <a.example>", "List-Unsubscribe: <mailto:a>", "Precedence: Bulk"])
def test_what_went_to_many_is_bulk(field: str) -> None:
    assert of(field).is_bulk
    assert not of("Precedence: first-class").is_bulk


def test_of_a_list_its_id_is_told() -> None:
    assert of("List-Id: Some List <some.list.example>").list_id == "some.list.example"


def test_attachments_are_named_and_no_path_is() -> None:
    raw = next(each.raw for each in AWKWARD if each.name == "text in two forms, and files")

    assert mail(raw).attachments == (Attachment("bill ü.pdf", "application/pdf"),)


def test_a_mail_of_which_a_part_was_fetched_says_so() -> None:
    found = read_mail(b"Subject: x\n\nbegin", uid="1", arrived=None, size_bytes=5000)

    assert found.is_cut
    assert "only the first 17 of its 5000 bytes were read" in found.defects


def test_a_text_of_ten_megabytes_is_cut_and_says_so() -> None:
    found = mail(b"Subject: x\n\n" + b"words \n" * 1_500_000)

    assert found.is_cut
    assert len(found.text) <= TEXT_CHARS_MAX
    assert any("was cut at" in each for each in found.defects)


def test_parts_headers_and_addresses_without_number_have_bounds() -> None:
    parts = mail(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000)
    header = mail(b"Subject: x\n" + b"X: y\n" * 50_000 + b"\n\nend")
    many = of("To: " + ",".join(f"a{number}@b.c" for number in range(ADDRESSES_MAX + 20)))

    assert any(f"more than {PARTS_MAX} parts" in each for each in parts.defects)
    assert any(f"longer than {HEADER_BYTES_MAX} bytes" in each for each in header.defects)
    assert len(many.to) == ADDRESSES_MAX


def test_parts_nested_without_end_are_left_out_from_a_depth_on() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    found = mail(b"".join(inner % (depth, depth) for depth in range(5000)) + b"\nfar in\n")

    assert any(f"deeper than {DEPTH_MAX}" in each for each in found.defects)


def test_parentheses_without_end_are_a_defect() -> None:
    found = of("From: " + "(" * 10_000)

    assert "an address cannot be read" in found.defects


@given(st.lists(st.one_of(st.text(max_size=5), st.sampled_from(HTML)), max_size=40).map("".join))
def test_no_tag_of_the_source_is_left_in_the_text(source: str) -> None:
    text, _ = text_of_html(source.replace("&", ""))

    assert "<p>" not in text
    assert "<script>" not in text
    assert "<!--" not in text


@pytest.mark.parametrize(
    "hidden",
    [
        "<div style='display: none'>secret<div>secret</div>secret</div>",
        '<span style="font-size:0px">secret</span>',
        "<td style='visibility:hidden;'>secret</td>",
        "<p hidden>secret</p>",
        "<div style='opacity: 0'>secret</div>",
    ],
)
def test_what_a_page_hides_is_left_out_and_told(hidden: str) -> None:
    assert text_of_html(f"<p>before</p>{hidden}<p>after") == ("before\n\nafter", True)


@pytest.mark.parametrize(
    "unseen",
    ["<script>if (a<b) {x}</script>", "<style>p{}</style>", "<!-- x -->", "<svg><a>x</a></svg>", "<title>x</title>"],
)
def test_what_is_no_text_is_left_out_without_a_word(unseen: str) -> None:
    assert text_of_html(f"before {unseen}after") == ("before after", False)


def test_a_larger_size_of_letters_is_not_hidden() -> None:
    assert text_of_html("<p style='font-size:0.9em;opacity:0.8'>seen</p>") == ("seen", False)


@pytest.mark.parametrize("source", ["<!--" * 50_000, "<a '" * 50_000, "<script>" * 50_000, "<p hidden>" * 50_000])
def test_markup_that_never_ends_is_read_once(source: str) -> None:
    assert text_of_html(source)[0] == ""


def test_equal_seeds_make_equal_mails_and_a_smaller_number_is_a_beginning() -> None:
    assert letters(3, 50) == letters(3, 200)[:50]
    assert letters(3, 50) != letters(4, 50)
    assert {each.kind for each in letters()} == {"newsletter", "invoice", "person", "awkward", "injection"}


def test_every_injection_is_among_many_mails_once_and_can_be_read() -> None:
    found = [mail(each.raw) for each in letters(1, 200) if each.kind == "injection"]

    assert sorted(each.subject for each in found) == sorted(each.subject for each in INJECTIONS)
    assert len({each.name for each in INJECTIONS}) == len(INJECTIONS)
    assert not any("password" in each.text for each in found if each.subject == "Your order has shipped")


def test_a_text_in_a_charset_with_surrogates_can_be_kept() -> None:
    found = of("Content-Type: text/plain; charset=utf-7", body="+2AA-")

    assert shape_of(Mail).encode(found)
    assert found.text == "?"


def test_a_number_of_more_digits_than_python_takes_is_left_as_it_is() -> None:
    assert text_of_html("<p>&#" + "9" * 5000 + ";")[0].startswith("&#999")
