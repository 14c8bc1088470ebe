"""Users: their names, roles and grants, and that there is always somebody who administers.

The first user administers. A server whose owner alone uses it has none: it makes an owner, who has no password and is
let in by a one-time link. Who was granted entities is held to these, also when the last of them was revoked.

Knows nothing of how users are let in. Invariant: where there are users with a password, one of them is enabled and
administers all entities; else the owner does, where there is one.
Source: role-based access control (Sandhu et al. 1996).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator

from weft.errors import WeftError
from weft.secrets.store import Hidden
from weft.server.accounts.credential import ID_CHARS
from weft.server.accounts.file import AccountFile
from weft.server.accounts.password import Cost, check, hashed
from weft.server.accounts.rights import Grants, encode_grants, parse_entity_role, parse_role
from weft.server.accounts.user import User, check_display, check_entity, check_name, of_row
from weft.spelling import nearest


class UnknownUser(WeftError):
    """There is no user {user!r}: {hint}."""

    exit_code = 2
    user: str
    hint: str


class UserExists(WeftError):
    """There is a user {user} already. Take another name, or remove that user first."""

    user: str


class WrongPassword(WeftError):
    """This is not the password of {user}. Give the one that they log in by; who administers this server can set
    another."""

    user: str

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The field, for forms."""
        return (("old", "it is not the password"),)


class NobodyWouldAdminister(WeftError):
    """After this nobody could administer all of the server. Make another user an administrator first, who has a
    password, is enabled and not held to some entities."""


class NotAlone(WeftError):
    """There are users with passwords, so no owner is let in without one. Log in as one of them."""


class HeldToNone(WeftError):
    """{user} may act upon all entities, so none of them can be revoked. Grant those first that {user} is to be held
    to."""

    user: str


class Users:
    """The users of one file."""

    def __init__(self, file: AccountFile, clock: Callable[[], float], cost: Cost) -> None:
        self._file = file
        self.clock = clock
        self._cost = cost

    def add(self, name: str, password: Hidden, *, role: str | None = None, display: str = "") -> User:
        """A new user; an editor unless it is said, and the first an administrator. Raises `BadName`, `BadPassword`,
        `UnknownRole`, `UserExists`, `NobodyWouldAdminister`."""
        check_name(name)
        check_display(display)
        check(password)
        wanted = None if role is None else parse_role(role)
        kept = hashed(password, self._cost)
        with self._changing() as sql:
            is_first = not sql.execute("SELECT 1 FROM user WHERE password != ''").fetchone()
            if sql.execute("SELECT 1 FROM user WHERE name = ?", (name,)).fetchone():
                raise UserExists(user=name)
            self._insert(sql, name, display, wanted or ("administrator" if is_first else "editor"), kept)
        return self.get(name)

    def own(self, name: str = "you") -> User:
        """The owner of a server that nobody else uses, who is made where there is none, and administers all of it,
        whatever was said before. Raises `NotAlone`, `BadName`, `UserExists`."""
        check_name(name)
        with self._changing() as sql:
            if sql.execute("SELECT 1 FROM user WHERE password != ''").fetchone():
                raise NotAlone
            found = sql.execute("SELECT name FROM user WHERE is_owner").fetchone()
            if found is None:
                self._insert(sql, name, "", "administrator", "")
            whole = "role = 'administrator', entities = NULL, is_disabled = 0"
            sql.execute(f"UPDATE user SET {whole} WHERE is_owner")
        return self.get(name if found is None else found["name"])

    def any(self) -> bool:
        """Whether there is a user with a password; the owner has none."""
        return bool(self._file.rows("SELECT 1 FROM user WHERE password != '' LIMIT 1"))

    def list(self) -> tuple[User, ...]:
        """All, by name."""
        return tuple(map(of_row, self._file.rows("SELECT * FROM user ORDER BY name")))

    def get(self, name: str) -> User:
        """One by name, however it is capitalized. Raises `UnknownUser`."""
        found = self._file.rows("SELECT * FROM user WHERE name = ?", name)
        if not found:
            raise UnknownUser(user=name, hint=nearest(name, [each.name for each in self.list()]).rstrip("?"))
        return of_row(found[0])

    def rename(self, name: str, display: str) -> User:
        """Show the user by another name; what they log in by stays. Raises `BadName`, `UnknownUser`."""
        check_display(display)
        return self._set(name, "display", display)

    def set_role(self, name: str, role: str) -> User:
        """Raises `UnknownRole`, `UnknownUser`, `NobodyWouldAdminister`."""
        return self._set(name, "role", parse_role(role))

    def set_password(self, name: str, password: Hidden, *, keep: str = "", instead_of: str = "") -> User:
        """Another password. All sessions of the user are closed but the one of the id `keep`, and no link of theirs is
        good any more. `instead_of`: what is kept of the old one, if it must be that. Raises `BadPassword`,
        `UnknownUser`, `WrongPassword`."""
        check(password)
        kept, name = hashed(password, self._cost), self.get(name).name
        with self._changing() as sql:
            # An owner with a password is a user as others are.
            query = "UPDATE user SET password = ?, is_owner = 0 WHERE name = ? AND ? IN ('', password)"
            if not sql.execute(query, (kept, name, instead_of)).rowcount and instead_of:
                raise WrongPassword(user=name)  # it was changed meanwhile
            self._shut_out(sql, name, keep)
        return self.get(name)

    def disable(self, name: str) -> User:
        """Let a user in no longer, until they are enabled; their sessions are closed for good. Raises `UnknownUser`,
        `NobodyWouldAdminister`."""
        return self._set(name, "is_disabled", 1)

    def enable(self, name: str) -> User:
        """Let a user in again. Raises `UnknownUser`."""
        return self._set(name, "is_disabled", 0)

    def remove(self, name: str) -> None:
        """Forget a user, with all that lets them in. Raises `UnknownUser`, `NobodyWouldAdminister`."""
        name = self.get(name).name
        with self._changing() as sql:
            sql.execute("DELETE FROM user WHERE name = ?", (name,))

    def grant(self, name: str, *entities: str, role: str | None = None) -> User:
        """Let a user act upon these, and of all others upon those alone that were granted before: as their own role
        allows, or as this one does, where one is given. Raises `BadName`, `UnknownUser`, `UnknownRole`,
        `NotOfOneEntity`, `NobodyWouldAdminister`."""
        for entity in entities:
            check_entity(entity)
        granted = dict.fromkeys(entities, "" if role is None else parse_entity_role(role))
        return self._hold(name, lambda held: {**(held or {}), **granted})

    def grant_all(self, name: str, *, role: str | None = None) -> User:
        """Let a user act upon all entities. Raises `UnknownUser`, `UnknownRole`, `NobodyWouldAdminister`."""
        return self._hold(name, lambda _: None, role)

    def revoke(self, name: str, *entities: str) -> User:
        """Let a user act upon these no longer. Raises `UnknownUser`, `HeldToNone`."""
        name = self.get(name).name

        def without(held: Grants) -> Grants:
            if held is None:
                raise HeldToNone(user=name)
            return {entity: role for entity, role in held.items() if entity not in entities}

        return self._hold(name, without)

    def _hold(self, name: str, change: Callable[[Grants], Grants], role: str | None = None) -> User:
        wanted, name = None if role is None else parse_role(role), self.get(name).name
        with self._changing() as sql:
            found = sql.execute("SELECT * FROM user WHERE name = ?", (name,)).fetchone()
            if found is not None:
                cells = (encode_grants(change(of_row(found).grants)), wanted or found["role"], name)
                sql.execute("UPDATE user SET entities = ?, role = ? WHERE name = ?", cells)
        return self.get(name)

    def _set(self, name: str, column: str, value: str | int) -> User:
        name = self.get(name).name
        with self._changing() as sql:
            sql.execute(f"UPDATE user SET {column} = ? WHERE name = ?", (value, name))
            if column == "is_disabled":
                self._shut_out(sql, name)
        return self.get(name)

    def _shut_out(self, sql: sqlite3.Connection, name: str, keep: str = "") -> None:
        which = "user = ? AND closed_s IS NULL AND substr(hex(hash), 1, ?) != ?"
        cells = (self.clock(), name, ID_CHARS, keep.upper())
        sql.execute(f"UPDATE session SET closed_s = ? WHERE {which}", cells)
        sql.execute("DELETE FROM link WHERE user = ?", (name,))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._file.changing() as sql:
            yield sql
            query = "SELECT role, entities, is_disabled FROM user WHERE "
            # Nobody but the owner could let the owner in again.
            users = sql.execute(query + "password != ''").fetchall() or sql.execute(query + "is_owner").fetchall()
            if users and ("administrator", None, 0) not in map(tuple, users):
                raise NobodyWouldAdminister

    def _insert(self, sql: sqlite3.Connection, name: str, display: str, role: str, password: str) -> None:
        cells = (name, display or name, role, None, password, 0, int(not password), int(self.clock()))
        sql.execute("INSERT INTO user VALUES (?, ?, ?, ?, ?, ?, ?, ?)", cells)
