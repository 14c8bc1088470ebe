"""Tokens: what programs bring that act for a user.

A token names capabilities, and entities or all; at each use it allows what it names and its user may do then.

Knows nothing of sessions. Invariant: a token never allows more than its user may do at the time, and its text leaves
once, when it is made.
Source: personal access tokens, as forges of code have them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts.credential import digest, new
from weft.server.accounts.file import AccountFile
from weft.server.accounts.rights import Rights, encode_entities, parse_capabilities, parse_entities
from weft.server.accounts.user import BadName, User, of_row
from weft.server.accounts.users import Users
from weft.server.caller import CAPABILITIES, Capability, Stranger
from weft.spelling import nearest

TOKEN_S = 90 * 86400.0
"""How long a token is good, unless it is said otherwise, in seconds."""
NOTED_EVERY_S = 60.0
"""How often at most it is written that a token or a session was used, in seconds."""
TOKEN_NAME_CHARS_MAX = 64
"""How long the name of a token may be."""
TOKENS_MAX = 64
"""How many tokens of one user may be good at a time."""
UNKNOWN, EXPIRED, REVOKED = "it is unknown", "it has expired", "it was revoked"
DISABLED = "the account of its user is disabled"


class TokenExists(WeftError):
    """{user} has a token {token!r} already. Give this one another name, or revoke that one first."""

    user: str
    token: str


class TooManyTokens(WeftError):
    """{user} has {most} tokens already, which is the most. Revoke one that is not needed; {oldest} was used longest
    ago."""

    user: str
    most: int
    oldest: str


class UnknownToken(WeftError):
    """{user} has no token {token!r}: {hint}."""

    exit_code = 2
    user: str
    token: str
    hint: str


class BadLifetime(WeftError):
    """A token is good for more than 0 seconds, not {lifetime_s:g}; for ever, where no end is given."""

    lifetime_s: float


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token, but for its text."""

    user: str
    name: str
    capabilities: frozenset[Capability]
    entities: frozenset[str] | None
    """The ids of those that it is held to; None for all that its user may act upon."""
    made_s: int
    expires_s: float | None
    used_s: int | None
    """When it was last used, to the minute."""
    revoked_s: int | None

    def why_not(self, now_s: float) -> str:
        """Why it lets nobody in; "" where it does."""
        if self.revoked_s is not None:
            return REVOKED
        return EXPIRED if self.expires_s is not None and now_s >= self.expires_s else ""


class Tokens:
    """The tokens of one file."""

    def __init__(self, file: AccountFile, users: Users, clock: Callable[[], float]) -> None:
        self._file = file
        self._users = users
        self._clock = clock

    def make(
        self,
        user: str,
        name: str,
        capabilities: Iterable[str] = ("read",),
        *,
        entities: Iterable[str] | None = None,
        lifetime_s: float | None = TOKEN_S,
    ) -> Hidden:
        """A new token's text, which is kept nowhere. Raises `UnknownUser`, `UnknownCapability`, `TokenExists`,
        `TooManyTokens`, `BadName`, `BadLifetime`."""
        _check_name(name)
        if lifetime_s is not None and not lifetime_s > 0:
            raise BadLifetime(lifetime_s=lifetime_s)
        scopes, held = sorted(parse_capabilities(capabilities)), encode_entities(entities)
        token, now_s, user = new("token"), self._clock(), self._users.get(user).name
        ends_s = None if lifetime_s is None else now_s + lifetime_s
        with self._file.writing() as sql:
            found = sql.execute("SELECT * FROM token WHERE user = ? AND name = ?", (user, name)).fetchone()
            if found is not None and not _token(found).why_not(now_s):
                raise TokenExists(user=user, token=name)
            sql.execute("DELETE FROM token WHERE user = ? AND name = ?", (user, name))
            self._check_room(sql, user, now_s)
            cells = (user, name, digest(token.reveal()), " ".join(scopes), held, int(now_s), ends_s, None, None)
            sql.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", cells)
        return token

    def _check_room(self, sql: sqlite3.Connection, user: str, now_s: float) -> None:
        found = [_token(row) for row in sql.execute("SELECT * FROM token WHERE user = ? ORDER BY name", (user,))]
        good = [one for one in found if not one.why_not(now_s)]
        if len(good) >= TOKENS_MAX:
            oldest = min(good, key=lambda one: (one.used_s or 0, one.made_s))
            raise TooManyTokens(user=user, most=TOKENS_MAX, oldest=oldest.name)

    def list(self, user: str | None = None) -> tuple[Token, ...]:
        """All, or those of one user, in order; also those that are good no longer, until others take their names.
        Raises `UnknownUser`."""
        found = self._file.rows("SELECT * FROM token ORDER BY user, name")
        wanted = None if user is None else self._users.get(user).name
        return tuple(_token(row) for row in found if wanted in (None, row["user"]))

    def revoke(self, user: str, name: str) -> None:
        """Let nobody in by this token any more. Raises `UnknownUser`, `UnknownToken`."""
        user = self._users.get(user).name
        with self._file.changing() as sql:
            good = [each.name for each in self.list(user) if each.revoked_s is None]
            if name not in good:
                raise UnknownToken(user=user, token=name, hint=nearest(name, good).rstrip("?"))
            query = "UPDATE token SET revoked_s = ? WHERE user = ? AND name = ?"
            sql.execute(query, (int(self._clock()), user, name))

    def rights(self, kept: bytes) -> tuple[User, Rights]:
        """Whose token it is of which this is kept, and what it allows now. Raises `Stranger`."""
        query = (
            "SELECT user.*, token.user, token.name AS token, token.hash, capabilities, token.entities AS held,"
            " token.made_s AS since_s, expires_s, used_s, revoked_s FROM token JOIN user ON user.name = token.user"
            " WHERE hash = ?"
        )
        found = self._file.rows(query, kept)
        if not found:
            raise Stranger(why=UNKNOWN)
        (row,), now_s = found, self._clock()
        token = _token(row, "token", "held", "since_s")
        user = of_row(row)
        if why := token.why_not(now_s) or (DISABLED if user.is_disabled else ""):
            raise Stranger(why=why)
        if token.used_s is None or abs(now_s - token.used_s) >= NOTED_EVERY_S:
            minute_s = int(now_s // NOTED_EVERY_S * NOTED_EVERY_S)
            self._file.note("UPDATE token SET used_s = ? WHERE hash = ?", minute_s, kept)
        return user, user.rights.cut_to(Rights(token.capabilities, token.entities))


def _check_name(name: str) -> None:
    """A token is revoked at an address that ends with its name. Raises `BadName`."""
    why = ""
    if not 0 < len(name) <= TOKEN_NAME_CHARS_MAX or not name.isprintable():
        why = f"it has not 1 to {TOKEN_NAME_CHARS_MAX} printable characters"
    elif name in (".", "..") or {"/", "\\"} & {*name}:
        why = "it is . or .., or has a / or a \\ in it, which stand for other things in addresses"
    if why:
        raise BadName(what="the name of a token", why=why)


def _token(row: sqlite3.Row, name: str = "name", entities: str = "entities", made_s: str = "made_s") -> Token:
    return Token(
        user=row["user"],
        name=row[name],
        capabilities=frozenset(one for one in CAPABILITIES if one in row["capabilities"].split()),
        entities=parse_entities(row[entities]),
        made_s=row[made_s],
        expires_s=row["expires_s"],
        used_s=row["used_s"],
        revoked_s=row["revoked_s"],
    )
