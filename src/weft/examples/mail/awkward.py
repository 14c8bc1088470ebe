"""Messages that keep to no standard, as they come: each with what can be read of it all the same.

Knows nothing of how mails are read.
Invariant: every one has a name of its own, ends in a line feed, and holds no line that begins with "From ".
Source: what mail programs really send; all names are made up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Awkward:
    """One message: its bytes, a text that must be found in it, and words of a defect that must be told (or none)."""

    name: str
    raw: bytes
    text: str
    defect: str = ""


def _message(*fields: bytes, body: bytes) -> bytes:
    return b"\n".join([b"Message-ID: <%d@awkward.example>" % len(body), *fields, b"", body])


_WHO = b"From: Odd <odd@awkward.example>"
_WHEN = b"Date: Wed, 06 Mar 2024 08:00:00 +0100"
_INNER = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"

AWKWARD: tuple[Awkward, ...] = (
    Awkward("no header", b"Just words, and no header at all\nreally\n", "Just words", "no header"),
    Awkward("no date", _message(_WHO, b"Subject: undated", body=b"When was this?\n"), "When was this?", "no date"),
    Awkward(
        "an odd date", _message(_WHO, b"Date: yesterday at noon", body=b"Soon.\n"), "Soon.", "its date cannot be read"
    ),
    Awkward(
        "a date without a zone",
        _message(_WHO, b"Date: Wed, 06 Mar 2024 08:00:00", body=b"Somewhere.\n"),
        "Somewhere.",
        "names no zone",
    ),
    Awkward(
        "no charset",
        _message(_WHO, _WHEN, body="Grüße aus Köln\n".encode("latin-1")),
        "Grüße aus Köln",
        "no charset that is named",
    ),
    Awkward(
        "a wrong charset",
        _message(_WHO, _WHEN, b"Content-Type: text/plain; charset=utf-8", body="Caf\u00e9 closed\n".encode("latin-1")),
        "closed",
        "not in the charset that is named",
    ),
    Awkward(
        "a charset that nobody knows",
        _message(_WHO, _WHEN, b"Content-Type: text/plain; charset=x-klingon", body="Tschüß\n".encode()),
        "Tschüß",
        "charset that is not known",
    ),
    Awkward(
        "broken base64",
        _message(_WHO, _WHEN, b"Content-Transfer-Encoding: base64", body=b"SGVsbG8g*d29ybGQ\n"),
        "Hello world",
        "base64 is broken",
    ),
    Awkward(
        "broken quoted-printable",
        _message(_WHO, _WHEN, b"Content-Transfer-Encoding: quoted-printable", body=b"100=% sure=\n\n"),
        "100=% sure",
        "quoted-printable is broken",
    ),
    Awkward(
        "parts that never end",
        _message(_WHO, _WHEN, b"Content-Type: multipart/mixed; boundary=x", body=b"--x\n\nThe only part\n"),
        "The only part",
        "not closed",
    ),
    Awkward(
        "parts without a mark",
        _message(_WHO, _WHEN, b"Content-Type: multipart/mixed", body=b"No part at all\n"),
        "No part at all",
        "not what parts them",
    ),
    Awkward(
        "parts that do not begin",
        _message(_WHO, _WHEN, b"Content-Type: multipart/mixed; boundary=x", body=b"Nothing begins\n"),
        "Nothing begins",
        "none begins",
    ),
    Awkward(
        "parts in parts in parts",
        _message(_WHO, _WHEN, body=b"").rstrip()
        + b"\n"
        + b"".join(_INNER % (depth, depth) for depth in range(40))
        + b"\nfar in\n",
        "",
        "nested deeper",
    ),
    Awkward(
        "text in two forms, and files",
        _message(
            _WHO,
            _WHEN,
            b"Content-Type: multipart/mixed; boundary=out",
            body=b"--out\nContent-Type: multipart/alternative; boundary=in\n\n--in\n\nplain words\n--in\n"
            b"Content-Type: text/html\n\n<p>marked words</p>\n--in--\n--out\nContent-Type: application/pdf\n"
            b"Content-Disposition: attachment; filename*=utf-8''..%2Fbill%20%C3%BC.pdf\n"
            b"Content-Transfer-Encoding: base64\n\nJVBERi0=\n--out--\n",
        ),
        "plain words",
    ),
    Awkward(
        "a subject in pieces",
        _message(
            _WHO,
            _WHEN,
            b"Subject: =?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?=\n =?utf-8?b?IQ==?=",
            body=b"The subject is split within a character.\n",
        ),
        "split within a character",
    ),
    Awkward(
        "HTML alone",
        _message(
            _WHO,
            _WHEN,
            b"Content-Type: text/html; charset=utf-8",
            body=b"<html><head><style>p{}</style><script>alert(1)</script></head><p>Seen &amp; read"
            b"<div style='display: none'>not for you</div></html>\n",
        ),
        "Seen & read",
        "hides text",
    ),
    Awkward(
        "a very long text", _message(_WHO, _WHEN, body=b"On and on it goes. \n" * 12_000), "On and on", "was cut at"
    ),
    Awkward(
        "bytes in the header",
        _message("From: Jürgen <juergen@awkward.example>".encode("latin-1"), _WHEN, body=b"Eight bits.\n"),
        "Eight bits.",
        "not ASCII",
    ),
    Awkward("nobody", _message(_WHEN, b"Subject: anonymous", body=b"Guess who.\n"), "Guess who.", "whom it is from"),
    Awkward(
        "lines that are no fields",
        _message(_WHO, b"This line is not one", _WHEN, body=b"Read on.\n"),
        "Read on.",
        "lines that are no fields",
    ),
)
