"""Accounts as a guard: whose credential something is, and what they may do now.

Knows nothing of transports. Invariant: rights are looked up anew at every question, and nothing of them is remembered
in between; `changes` grows with every change of them, also one by another program, and when time ends something.
Source: the guard that callers are asked by.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

from weft.server.accounts.credential import digest, id_of, kind_of
from weft.server.accounts.file import AccountFile
from weft.server.accounts.logins import Logins
from weft.server.accounts.password import Cost
from weft.server.accounts.sessions import Sessions, Terms
from weft.server.accounts.tokens import UNKNOWN, Tokens
from weft.server.accounts.users import Users
from weft.server.caller import Caller, Stranger

_NEXT_END = (
    "SELECT min(ends_s) FROM (SELECT expires_s AS ends_s FROM token WHERE revoked_s IS NULL"
    " UNION ALL SELECT min(opened_s + ?, used_s + ?) FROM session WHERE closed_s IS NULL) WHERE ends_s > ?"
)


class Accounts:
    """Users, tokens, sessions and logins, in one file; without a path in memory. Any thread may use it."""

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        cost: Cost | None = None,
        terms: Terms | None = None,
        looks_every_s: float = 0.0,
    ) -> None:
        """`clock`: seconds since 1970. `looks_every_s`: for how long `changes` may not know what another program has
        changed; what this one changes, it knows at once. Raises `UnsafeSecrets`, `DamagedAccounts`, `NewerAccounts`,
        `AccountsFailed`."""
        cost, terms = cost or Cost(), terms or Terms()
        self._file = AccountFile(path)
        self._clock = clock
        self._terms = terms
        self.users = Users(self._file, clock, cost)
        self.tokens = Tokens(self._file, self.users, clock)
        self.sessions = Sessions(self._file, clock, terms)
        self.logins = Logins(self._file, self.users, self.sessions, cost=cost, terms=terms)
        self._lock = threading.Lock()
        self._grown = 0
        self._version: object = None
        self._changes: object = None
        self._looked_s = self._next_end_s = -math.inf
        self._looks_every_s, self._is_known_until_s, self._written = looks_every_s, -math.inf, -1

    @property
    def changes(self) -> int:
        """Grows whenever what anybody may do changes, or anybody is let in no longer. Costs some microseconds;
        less than one where it `looks_every_s`."""
        is_known = time.monotonic() < self._is_known_until_s and self._file.written == self._written
        if is_known and self._looked_s <= self._clock() < self._next_end_s:
            return self._grown
        with self._lock:
            self._written = self._file.written
            if self._looks_every_s:
                self._is_known_until_s = time.monotonic() + self._looks_every_s
            now_s, version = self._clock(), self._file.version
            is_over = now_s >= self._next_end_s
            if version != self._version or is_over or now_s < self._looked_s:
                changes = self._file.changes
                self._grown += is_over or changes != self._changes
                ends = self._file.rows(_NEXT_END, self._terms.session_s, self._terms.idle_s, now_s)
                self._next_end_s = math.inf if ends[0][0] is None else ends[0][0]
                self._version, self._changes = version, changes
            self._looked_s = now_s
            return self._grown

    def caller(self, credential: str, /) -> Caller:
        """Whose session or token this is, and what they may do now. Raises `Stranger`."""
        kind, kept, credential = kind_of(credential), digest(credential), ""
        if kind == "session":
            user, rights = self.sessions.rights(kept)
        elif kind == "token":
            user, rights = self.tokens.rights(kept)
        else:
            raise Stranger(why=UNKNOWN)
        is_token = kind == "token"
        session = "" if is_token else id_of(kept)
        return Caller(user.name, rights.capabilities, rights.entities, rights.granted, is_token, session)

    def has_users(self) -> bool:
        """Whether there is a user with a password: without one, a server listens for its owner alone."""
        return self.users.any()

    def close(self) -> None:
        """Let go of the file."""
        self.logins.close()
        self._file.close()

    def __enter__(self) -> Accounts:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<accounts in {self._file.path or 'memory'}>"
