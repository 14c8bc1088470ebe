"""Sessions: what lets a browser in, from a login until it ends.

One ends when nobody uses it for a while, when it is old, when its user logs out, is disabled or gets another password.

Knows nothing of how users log in. Invariant: a session that has ended lets nobody in again.
Source: OWASP's sheet on sessions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts.credential import ID_CHARS, digest, id_of, new
from weft.server.accounts.file import AccountFile
from weft.server.accounts.rights import Rights
from weft.server.accounts.tokens import DISABLED, EXPIRED, NOTED_EVERY_S, REVOKED, UNKNOWN
from weft.server.accounts.user import User, of_row
from weft.server.caller import Stranger

SESSIONS_MAX = 64
"""How many sessions a user may have open: with another login the one ends that was used longest ago."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what lets somebody in is good, in seconds."""

    session_s: float = 14 * 86400.0
    idle_s: float = 12 * 3600.0
    """A session that nobody uses for so long ends before; it may end up to a minute earlier."""
    link_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as whoever logged in is given it."""

    user: str
    session: Hidden
    ends_s: float


class UnknownSession(WeftError):
    """There is no open session {session}. `sessions.find` lists those that there are."""

    session: str


@dataclass(frozen=True, slots=True)
class Session:
    """One that is open, as it is shown: `id` is of what is kept of it, and lets nobody in."""

    id: str
    user: str
    opened_s: float
    used_s: float


class Sessions:
    """The sessions of one file."""

    def __init__(self, file: AccountFile, clock: Callable[[], float], terms: Terms) -> None:
        self._file = file
        self._clock = clock
        self._terms = terms

    def open(self, sql: sqlite3.Connection, user: str) -> Opened:
        """A session for a user who was let in, in the transaction in which that was decided."""
        now_s, session = self._clock(), new("session")
        # Those that are over are remembered for a while, so as to say that they have expired.
        sql.execute("DELETE FROM session WHERE opened_s <= ?", (now_s - 2 * self._terms.session_s,))
        self._make_room(sql, user, now_s)
        cells = (digest(session.reveal()), user, now_s, now_s, None)
        sql.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", cells)
        return Opened(user, session, now_s + self._terms.session_s)

    def _make_room(self, sql: sqlite3.Connection, user: str, now_s: float) -> None:
        """Nobody is kept out who knows the password: what ends instead is what was used longest ago."""
        found = sql.execute(
            "SELECT hash FROM session WHERE user = ? AND closed_s IS NULL AND min(opened_s + ?, used_s + ?) > ?"
            " ORDER BY used_s DESC, opened_s DESC LIMIT -1 OFFSET ?",
            (user, self._terms.session_s, self._terms.idle_s, now_s, SESSIONS_MAX - 1),
        ).fetchall()
        for (kept,) in found:
            sql.execute("UPDATE session SET closed_s = ? WHERE hash = ?", (now_s, kept))
        if found:
            sql.execute("UPDATE meta SET changes = changes + 1")

    def close(self, session: str) -> None:
        """Log out: this session lets nobody in any more. One that is unknown is none already."""
        kept, session = digest(session), ""
        if self._file.rows("SELECT 1 FROM session WHERE hash = ? AND closed_s IS NULL", kept):
            with self._file.changing() as sql:
                sql.execute("UPDATE session SET closed_s = ? WHERE hash = ?", (self._clock(), kept))

    def list(self, user: str | None = None) -> tuple[Session, ...]:
        """Those that are open, of all or of one user; the newest first."""
        query = (
            "SELECT hash, user, opened_s, used_s FROM session WHERE closed_s IS NULL"
            " AND min(opened_s + ?, used_s + ?) > ? AND (? IS NULL OR user = ?) ORDER BY opened_s DESC, hash"
        )
        found = self._file.rows(query, self._terms.session_s, self._terms.idle_s, self._clock(), user, user)
        return tuple(Session(id_of(row["hash"]), row["user"], row["opened_s"], row["used_s"]) for row in found)

    def get(self, id: str) -> Session:
        """One by its id. Raises `UnknownSession`."""
        for one in self.list():
            if one.id == id:
                return one
        raise UnknownSession(session=id[:ID_CHARS])

    def end(self, session: Session) -> None:
        """It lets nobody in any more."""
        with self._file.changing() as sql:
            query = "UPDATE session SET closed_s = ? WHERE substr(hex(hash), 1, ?) = ? AND closed_s IS NULL"
            sql.execute(query, (self._clock(), ID_CHARS, session.id.upper()))

    def close_all(self, user: str) -> None:
        """Log a user out everywhere."""
        query = "UPDATE session SET closed_s = ? WHERE user = ? AND closed_s IS NULL"
        if self._file.rows("SELECT 1 FROM session WHERE user = ? AND closed_s IS NULL", user):
            with self._file.changing() as sql:
                sql.execute(query, (self._clock(), user))

    def rights(self, kept: bytes) -> tuple[User, Rights]:
        """Whose session it is of which this is kept, and what it allows now. Raises `Stranger`."""
        query = "SELECT user.*, session.* FROM session JOIN user ON user.name = session.user WHERE hash = ?"
        found = self._file.rows(query, kept)
        if not found:
            raise Stranger(why=UNKNOWN)
        (row,), now_s = found, self._clock()
        user = of_row(row)
        if row["closed_s"] is not None:
            raise Stranger(why=DISABLED if user.is_disabled else REVOKED)
        if now_s >= min(row["opened_s"] + self._terms.session_s, row["used_s"] + self._terms.idle_s):
            raise Stranger(why=EXPIRED)
        if user.is_disabled:
            raise Stranger(why=DISABLED)
        if abs(now_s - row["used_s"]) >= NOTED_EVERY_S:
            self._file.note("UPDATE session SET used_s = ? WHERE hash = ?", now_s, kept)
        return user, user.rights
