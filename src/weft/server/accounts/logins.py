"""Logging in: by name and password, or by a link that is good once.

Knows nothing of how a name, a password or a link comes here. Invariant: who is not let in learns neither from words nor
from the time it takes whether there is a user of that name.
Source: OWASP's sheet on authentication; one-time links as Jupyter prints them, but good once.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts.credential import digest, kind_of, new
from weft.server.accounts.file import AccountFile
from weft.server.accounts.password import Cost, check, is_right, nobodys
from weft.server.accounts.sessions import Opened, Sessions, Terms
from weft.server.accounts.tokens import DISABLED, EXPIRED
from weft.server.accounts.tries import TooManyTries, Tries
from weft.server.accounts.users import Users, WrongPassword
from weft.server.caller import Stranger

HASHED_AT_ONCE = 2
"""So many passwords are compared at once; others wait, so that strangers do not fill the memory."""
WAITING_MAX = 32
"""So many logins by password are at work, or wait to be, at one time; whoever comes then is to come again."""
_COME_AGAIN_S = 5
USED = "it is unknown, or was used before"


class WrongLogin(WeftError):
    """The name or the password is wrong. Try again; who administers this server can set another password."""


class Logins:
    """How users come by sessions."""

    def __init__(self, file: AccountFile, users: Users, sessions: Sessions, *, cost: Cost, terms: Terms) -> None:
        self._file = file
        self._users = users
        self._sessions = sessions
        self._clock = users.clock
        self._terms = terms
        self._tries = Tries()
        self._nobodys = nobodys(cost)
        self._hashing = threading.BoundedSemaphore(HASHED_AT_ONCE)
        # Threads of their own: a hash holds its thread for long, and others have other things to do.
        self._pool = ThreadPoolExecutor(HASHED_AT_ONCE, thread_name_prefix="weft logins")
        self._room = threading.BoundedSemaphore(WAITING_MAX)

    def by_password(self, name: str, password: Hidden, *, source: str) -> Opened:
        """A new session; `source` is the address that asks. Takes as long as a hash: not for the thread of a loop.
        Raises `WrongLogin`, `TooManyTries`, and `Stranger` where the account is disabled."""
        return self._by_password(name, password, source, self._begin(name, source))

    def begin_by_password(self, name: str, password: Hidden, *, source: str) -> Future[Opened]:
        """The same, in a thread that is for this alone. Raises `TooManyTries`, also where too many wait for it."""
        if not self._room.acquire(blocking=False):
            raise TooManyTries(wait_s=_COME_AGAIN_S)
        try:
            begun_s = self._begin(name, source)
            login = self._pool.submit(self._by_password, name, password, source, begun_s)
        except BaseException:
            self._room.release()
            raise
        login.add_done_callback(lambda _: self._room.release())
        return login

    def change_password(self, name: str, old: Hidden, new: Hidden, *, keep: str = "") -> None:
        """Another password for a user who knows the old one; `keep` is the session that stays open. Guesses are bounded
        as attempts to log in are, and all sessions of a user are one source. Takes as long as two hashes. Raises
        `WrongPassword`, `TooManyTries`, `BadPassword`, `UnknownUser`."""
        check(new)
        name = self._users.get(name).name
        source = f"a session of {name}"
        begun_s = self._begin(name, source)
        is_known, kept = self._is_right(name, old)
        if not is_known:
            raise WrongPassword(user=name)
        self._users.set_password(name, new, keep=keep, instead_of=kept)
        self._tries.succeeded(name, source, begun_s)

    def _is_right(self, name: str, password: Hidden) -> tuple[bool, str]:
        """Whether this is the password, and what is kept of that."""
        found = self._file.rows("SELECT password FROM user WHERE name = ? AND password != ''", name)
        kept = found[0]["password"] if found else self._nobodys
        with self._hashing:
            return is_right(password, kept), kept

    def close(self) -> None:
        """Let nobody in any more by a password who still waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, name: str, source: str) -> float:
        begun_s = self._clock()
        self._tries.begin(name, source, begun_s)
        return begun_s

    def _by_password(self, name: str, password: Hidden, source: str, begun_s: float) -> Opened:
        is_let_in, kept = self._is_right(name, password)
        if not is_let_in:
            raise WrongLogin
        with self._file.writing() as sql:
            # It may have been changed meanwhile.
            row = sql.execute("SELECT * FROM user WHERE name = ? AND password = ?", (name, kept)).fetchone()
            if row is None:
                raise WrongLogin
            if row["is_disabled"]:
                raise Stranger(why=DISABLED)
            opened = self._sessions.open(sql, row["name"])
        self._tries.succeeded(name, source, begun_s)
        return opened

    def make_link(self, user: str) -> Hidden:
        """What lets a user in once, within `Terms.link_s`. Raises `UnknownUser`."""
        link, now_s, user = new("link"), self._clock(), self._users.get(user).name
        with self._file.writing() as sql:
            sql.execute("DELETE FROM link WHERE expires_s <= ?", (now_s,))
            sql.execute("INSERT INTO link VALUES (?, ?, ?)", (digest(link.reveal()), user, now_s + self._terms.link_s))
        return link

    def by_link(self, link: str) -> Opened:
        """A new session, for a link that was not used before. Raises `Stranger`."""
        is_link, kept, link = kind_of(link) == "link", digest(link), ""
        # Asked before, as the transaction would let strangers write.
        if not is_link or not self._file.rows("SELECT 1 FROM link WHERE hash = ?", kept):
            raise Stranger(why=USED)
        query = "SELECT user.name, is_disabled, expires_s FROM link JOIN user ON user.name = link.user WHERE hash = ?"
        with self._file.writing() as sql:
            row = sql.execute(query, (kept,)).fetchone()
            sql.execute("DELETE FROM link WHERE hash = ?", (kept,))
            why = _why_not(row is not None, row and row["expires_s"] > self._clock(), row and not row["is_disabled"])
            opened = None if why else self._sessions.open(sql, row["name"])
        if opened is None:
            raise Stranger(why=why)
        return opened


def _why_not(is_known: bool, is_new: bool, is_enabled: bool) -> str:
    if not is_known:
        return USED
    if not is_new:
        return EXPIRED
    return "" if is_enabled else DISABLED
