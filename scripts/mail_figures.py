"""What reading two thousand mails costs, as ratios to plain `imaplib` on the same server; needs Dovecot.

    python -m scripts.mail_figures

Each figure is the median of interleaved repeats. Knows nothing of what is done with mails.
Invariant: every reading gives all the mails.
Source: none.
"""

from __future__ import annotations

import imaplib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.mail.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.mail.reading import all_heads, mails_of
from weft.examples.mail.letters import letters, write_maildir, write_mbox
from weft.services.imap import Imap
from weft.services.mailbox import Mailbox
from weft.services.maildir import Maildir
from weft.services.mbox import Mbox

MAILS = 2000
REPEATS = 3


def main() -> None:
    """Measure, and print a line a figure."""
    with tempfile.TemporaryDirectory() as made, dovecot(letters(1, MAILS)) as server:
        write_maildir(Path(made) / "maildir", letters(1, MAILS))
        write_mbox(Path(made) / "mbox", letters(1, MAILS))
        imap = Imap("127.0.0.1", USER, lambda: PASSWORD, port=server.port, security="plain")
        boxes: dict[str, Mailbox] = {
            "IMAP": imap,
            "Maildir": Maildir(Path(made) / "maildir"),
            "mbox": Mbox(Path(made) / "mbox", settle_s=-3600),
        }
        jobs: dict[str, Callable[[], int]] = {
            "plain imaplib, headers": lambda: _plain(server, "BODY.PEEK[HEADER]"),
            "plain imaplib, bodies": lambda: _plain(server, "BODY.PEEK[]"),
        }
        for name, box in boxes.items():
            uids = [each.uid for each in all_heads(box, 100)]
            jobs[f"{name}, heads, pages of 100"] = partial(_heads, box, 100)
            jobs[f"{name}, heads, pages of 1,000"] = partial(_heads, box, 1000)
            jobs[f"{name}, mails"] = partial(_mails, box, uids)
        took: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(REPEATS):
            for name, job in jobs.items():
                began = time.perf_counter()
                assert job() == MAILS
                took[name].append(time.perf_counter() - began)
        unit = statistics.median(took["plain imaplib, headers"])
        for name, each in took.items():
            print(f"{statistics.median(each) / unit:6.1f} times  {name}")


def _heads(box: Mailbox, limit: int) -> int:
    return len(all_heads(box, limit))


def _mails(box: Mailbox, uids: list[str]) -> int:
    return len(mails_of(box, *uids))


def _plain(server: Dovecot, section: str) -> int:
    """All mails in one command, with nothing read of them."""
    client = imaplib.IMAP4("127.0.0.1", server.port)
    client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
    client.select(readonly=True)
    _, found = client.fetch("1:*", f"({section})")
    client.logout()
    return sum(isinstance(each, tuple) for each in found)


if __name__ == "__main__":
    main()
