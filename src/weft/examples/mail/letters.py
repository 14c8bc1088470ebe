"""A demonstration's mails: equal seeds give equal bytes, on every machine and at every time.

Newsletters, invoices, threads between people, awkward messages, and injections; over some days in March 2024. Of few
mails each kind has its share, and of many the ordinary ones have nearly all.
Knows nothing of how mails are read.
Invariant: the mails of a smaller number are those that a larger number begins with.
Source: none; all persons, firms and addresses are made up (RFC 2606).
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from pathlib import Path

from weft.examples.mail.awkward import AWKWARD
from weft.examples.mail.injections import INJECTIONS, Injection

FIRST = datetime(2024, 3, 4, 7, 0, tzinfo=UTC)
STEP = timedelta(minutes=97)
MAILS = 40

_PEOPLE = ("Ada Moss", "Ben Okoro", "Chiara Lind", "Dilek Arslan", "Emil Novák", "Freya Holm", "Goro Sato")
_SUBJECTS = ("the roof", "Saturday's market", "your draft", "train to Lyon", "the choir", "grandmother's birthday")
_LINES = (
    "Could you look at it before Thursday?",
    "I have moved our date to four o'clock.",
    "The price is higher than we thought: {amount} euros.",
    "Please bring the keys and the yellow folder.",
    "No hurry, but I would like to know by the end of the week.",
    "Thank you for yesterday, it was a good evening.",
    "They have cancelled, so we need another place.",
    "I have put the photos where you can find them.",
)
_LISTS = ("Weekly Botany", "Small Press Review", "Lake Weather", "Bicycle Notes")
_TOPICS = ("ferns in the shade", "three new poets", "storms from the west", "how to true a wheel", "seed swaps")
_FIRMS = ("Brook Energy", "Hollow Print", "Northline Trains", "Clearwater Telecom")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as it is delivered: its kind, its bytes, and when it came."""

    kind: str
    raw: bytes
    arrived: datetime


def letters(seed: int = 1, number: int = MAILS) -> tuple[Letter, ...]:
    """The first `number` mails of this seed, in the order in which they came."""
    return tuple(islice(_letters(seed), number))


def write_maildir(path: Path, mails: Sequence[Letter]) -> None:
    """A new Maildir with these mails: those of the last day in `new`, the others read and in `cur`."""
    for folder in ("tmp", "new", "cur"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    last_day = mails[-1].arrived.date() if mails else None
    for number, each in enumerate(mails):
        name = f"{int(each.arrived.timestamp())}.M{number:06d}P1.demo"
        target = path / "new" / name if each.arrived.date() == last_day else path / "cur" / f"{name}:2,S"
        target.write_bytes(each.raw)
        os.utime(target, (each.arrived.timestamp(), each.arrived.timestamp()))  # which some servers go by


def write_mbox(path: Path, mails: Sequence[Letter]) -> None:
    """An mbox file with these mails."""
    path.write_bytes(b"".join(mbox_entry(each) for each in mails))


def mbox_entry(mail: Letter) -> bytes:
    """A mail as it stands in an mbox file: its envelope line before it, and an empty line behind it."""
    envelope = f"From demo@mail.example {mail.arrived.ctime()}\n".encode("ascii")
    quoted = re.sub(rb"(?m)^(>*From )", rb">\1", mail.raw)
    return envelope + quoted.rstrip(b"\n") + b"\n\n"


def _letters(seed: int) -> Iterator[Letter]:
    rng = random.Random(seed)
    odd: list[tuple[str, bytes | Injection]] = [("awkward", each.raw) for each in AWKWARD]
    odd += [("injection", each) for each in INJECTIONS]
    rng.shuffle(odd)
    number = 0
    while True:
        arrived = FIRST + STEP * number + timedelta(seconds=rng.randrange(3600))
        kind = rng.choice(("newsletter", "invoice", "person", "person"))
        if number % 5 in (1, 3) and odd:
            kind, made = odd.pop()
            raw = made if isinstance(made, bytes) else _injection(made, number, arrived)
        else:
            raw = _ORDINARY[kind](rng, number, arrived)
        yield Letter(kind, raw, arrived)
        number += 1


def _mail(number: int, arrived: datetime, sender: str, subject: str, body: str, *fields: str) -> bytes:
    header = (
        f"From: {sender}",
        "To: Owner <owner@mail.example>",
        f"Subject: {subject}",
        f"Date: {format_datetime(arrived)}",
        f"Message-ID: <{number}@demo.example>",
        *fields,
    )
    has_kind = any(each.startswith("Content-Type") for each in fields)
    kind = () if has_kind else ("Content-Type: text/plain; charset=utf-8",)
    return "\n".join([*header, *kind, "", body, ""]).encode()


def _newsletter(rng: random.Random, number: int, arrived: datetime) -> bytes:
    name = rng.choice(_LISTS)
    place = name.lower().replace(" ", "-")
    items = "".join(f"<li>About {topic}: page {rng.randrange(2, 60)}</li>" for topic in rng.sample(_TOPICS, 3))
    body = f"<html><head><title>{name}</title></head><body><h1>{name}</h1><ul>{items}</ul></body></html>"
    lists = (f"List-Id: {name} <{place}.example>", f"List-Unsubscribe: <https://{place}.example/leave>")
    about = f"{name}, number {number}"
    return _mail(number, arrived, f"{name} <news@{place}.example>", about, body, *lists, "Content-Type: text/html")


def _invoice(rng: random.Random, number: int, arrived: datetime) -> bytes:
    firm = rng.choice(_FIRMS)
    place = firm.lower().replace(" ", "-")
    due = (arrived + timedelta(days=rng.choice((7, 14, 30)))).date()
    body = f"Invoice {1000 + number} from {firm}.\n\nAmount: {rng.randrange(900, 30000) / 100:.2f} EUR\nDue: {due}\n"
    return _mail(number, arrived, f"{firm} <billing@{place}.example>", f"Invoice {1000 + number}", body)


def _person(rng: random.Random, number: int, arrived: datetime) -> bytes:
    name = rng.choice(_PEOPLE)
    place = name.split()[0].lower()
    again = "Re: " if rng.random() < 0.6 else ""
    lines = " ".join(rng.sample(_LINES, rng.randrange(1, 4))).format(amount=rng.randrange(50, 900))
    sender = name if name.isascii() else "=?utf-8?q?Emil_Nov=C3=A1k?="
    body = f"Hello,\n\n{lines}\n\n{name.split()[0]}"
    return _mail(number, arrived, f"{sender} <{place}@people.example>", again + rng.choice(_SUBJECTS), body)


def _injection(made: Injection, number: int, arrived: datetime) -> bytes:
    kind = ("Content-Type: text/html; charset=utf-8",) if made.is_html else ()
    return _mail(number, arrived, made.sender, made.subject, made.body, *kind)


_ORDINARY = {"newsletter": _newsletter, "invoice": _invoice, "person": _person}
