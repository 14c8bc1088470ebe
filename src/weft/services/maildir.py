"""A Maildir, read while other programs deliver into it, move mails from `new` to `cur`, and take them away.

Mails are in the order of the times in their names, which say when each was delivered here; flags change the end of a
name, and copies change the times of files, but not these. What is still being delivered stands in `tmp` under its name
to be, and nothing younger is given before it is there.

Knows nothing of what stands in mails.
Invariant: one listing counts only when the next one finds the same names, since a listing may miss a file that is being
renamed. A mail that is put in later under an older time is behind cursors that have passed it.
Source: D. J. Bernstein's maildir; Dovecot's names.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from weft.services.mail import Head, Mail, header_bytes, read_head, read_mail
from weft.services.mail_files import MailFiles
from weft.services.mailbox import Cursor, MailboxBusy, Page
from weft.services.mime import HEADER_BYTES_MAX

LISTINGS_MAX = 20
"""A folder in which names change is listed so often, until two listings agree."""
TMP_S_MAX = 36 * 3600
"""A delivery that is older than this was given up, and its sender will try again."""
_TIME = re.compile(r"(\d{1,12})(?=\.)")
_MICROSECONDS = re.compile(r"M(\d{1,6})(?!\d)")


class Key(NamedTuple):
    """A mail's place in the order: when it was delivered, in seconds and microseconds, and its name without flags."""

    seconds: int
    microseconds: int
    name: str


@dataclass(frozen=True, slots=True)
class Maildir(MailFiles):
    """A Maildir's `new` and `cur`; its subfolders are Maildirs of their own."""

    def _check(self) -> None:
        if not (self.path / "cur").is_dir():
            raise self._missing("it has no folder cur, so it is no Maildir")

    def _page(self, after: Cursor | None, limit: int) -> Page:
        start = None if after is None else self._parsed(after)
        horizon = self._horizon()  # Before the listing: what leaves tmp in between is then in it.
        where = self._listed()
        keys = sorted(key for key in map(_key, where) if key[:2] < horizon and (start is None or key > start))
        heads, last = list[Head](), start or Key(0, 0, "")
        for key in keys:
            if len(heads) == limit:
                return Page(tuple(heads), _cursor(last), is_last=False)
            read = self._read(key.name, where, HEADER_BYTES_MAX + 4)
            if read is not None:  # It may have been taken away meanwhile.
                raw, size = read
                heads.append(read_head(header_bytes(raw), uid=key.name, arrived=_arrived(key), size_bytes=size))
            last = key
        return Page(tuple(heads), _cursor(last), is_last=True)

    def _mails(self, uids: tuple[str, ...]) -> tuple[Mail, ...]:
        self._check()
        found, where = list[Mail](), self._paths()
        for uid in uids:
            if uid.startswith(".") or "/" in uid or "\0" in uid:
                raise self._bad_cursor(uid, "it is no name of a mail")
            read = self._read(uid, where, self.mail_bytes_max)
            if read is not None:
                found.append(read_mail(read[0], uid=uid, arrived=_arrived(_key(uid)), size_bytes=read[1]))
        return tuple(found)

    def _parsed(self, cursor: Cursor) -> Key:
        seconds, _, rest = cursor.partition(" ")
        microseconds, _, name = rest.partition(" ")
        if not (seconds.isdecimal() and microseconds.isdecimal() and len(seconds) + len(microseconds) < 20):
            raise self._bad_cursor(cursor, "it does not begin with a time")
        return Key(int(seconds), int(microseconds), name)

    def _horizon(self) -> tuple[int, int]:
        """The time from which on nothing is given yet: shortly ago, or when the oldest delivery under way began."""
        self._check()
        now = self.now()
        settled = max(0.0, now - self.settle_s)
        horizon = (int(settled), int(settled % 1 * 1_000_000))
        under_way = [_key(name)[:2] for name in _names(self.path / "tmp")]
        return min([horizon, *(time for time in under_way if now - time[0] < TMP_S_MAX)])

    def _listed(self) -> dict[str, Path]:
        """Every mail there is, and where it lies."""
        found = self._paths()
        for _ in range(LISTINGS_MAX):
            before, found = found, self._paths()
            if before.keys() == found.keys():
                return found
        raise self._renaming("its mails are")

    def _paths(self) -> dict[str, Path]:
        # `new` before `cur`, as mails move that way alone.
        folders = (self.path / "new", self.path / "cur")
        return {name.partition(":")[0]: folder / name for folder in folders for name in _names(folder)}

    def _read(self, name: str, where: dict[str, Path], bytes_max: int) -> tuple[bytes, int] | None:
        """The beginning of a mail's file, and how long it is; None when there is none. It may be renamed meanwhile,
        and is looked for again then."""
        for _ in range(LISTINGS_MAX):
            path = where.get(name)
            if path is None:
                return None
            try:
                with open(path, "rb") as file:
                    return file.read(bytes_max), os.fstat(file.fileno()).st_size
            except FileNotFoundError:
                where.clear()
                where.update(self._paths())
            except IsADirectoryError:
                return None
            except OSError as error:
                raise self._missing(f"{path.name} cannot be read ({error.strerror})") from None
        raise self._renaming(f"{name} is")

    def _renaming(self, what: str) -> MailboxBusy:
        return MailboxBusy(mailbox=str(self.path), why=f"{what} being renamed all the time")


def _names(folder: Path) -> list[str]:
    """The names of mails: others begin with a dot, and what no text can hold is left out."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return [name for name in names if not name.startswith(".") and name.isprintable()]


def _key(name: str) -> Key:
    told = _TIME.match(name)
    if told is None:
        return Key(0, 0, name)
    fraction = _MICROSECONDS.match(name, told.end() + 1)
    return Key(int(told[1]), int(fraction[1]) if fraction else 0, name)


def _cursor(key: Key) -> Cursor:
    return f"{key.seconds} {key.microseconds} {key.name}"


def _arrived(key: Key) -> datetime | None:
    return datetime.fromtimestamp(key.seconds, UTC) if 0 < key.seconds < 1 << 34 else None
