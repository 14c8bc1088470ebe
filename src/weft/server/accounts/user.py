"""A user, as they are known, and what users and entities may be called.

Knows nothing of passwords, and of other users. Invariant: who is disabled has no rights.
Source: role-based access control (Sandhu et al. 1996).
"""

from __future__ import annotations

import re
import sqlite3
import string
from dataclasses import dataclass

from weft.errors import WeftError
from weft.server.accounts.rights import Grants, Rights, of_role, parse_grants

DISPLAY_CHARS_MAX = 100
"""How long the name may be by which a user is shown."""
ENTITY_CHARS_MAX = 200
"""How long the id of an entity may be that is granted."""
_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


class BadName(WeftError):
    """This cannot be {what}, as {why}."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class User:
    """Who uses a server."""

    name: str
    display: str
    role: str
    grants: Grants
    is_disabled: bool
    is_owner: bool
    made_s: int

    @property
    def entities(self) -> frozenset[str] | None:
        """The ids of those that the user is held to; None for all."""
        return None if self.grants is None else frozenset(self.grants)

    @property
    def rights(self) -> Rights:
        """What the user may do now."""
        return Rights(frozenset(), frozenset()) if self.is_disabled else of_role(self.role, self.grants)


def folded(name: str) -> str:
    """A name as names are compared, here as in the file: A to Z alone are as a to z."""
    return name.translate(_FOLDED)


def of_row(row: sqlite3.Row) -> User:
    """The user whose columns of the table are in this row."""
    return User(
        name=row["name"],
        display=row["display"],
        role=row["role"],
        grants=parse_grants(row["entities"]),
        is_disabled=bool(row["is_disabled"]),
        is_owner=bool(row["is_owner"]),
        made_s=row["made_s"],
    )


def check_name(name: str) -> None:
    """Raises `BadName`."""
    if not _NAME.fullmatch(name):
        # It is not repeated: who mixes the two up gives the password as the name.
        why = "it has not 1 to 64 of the characters A-Z a-z 0-9 . _ @ + -, with a letter or digit first"
        raise BadName(what="the name of a user", why=why)


def check_display(display: str) -> None:
    """Raises `BadName`."""
    if len(display) > DISPLAY_CHARS_MAX or not display.isprintable():
        why = f"it has more than {DISPLAY_CHARS_MAX} characters, or some that cannot be seen"
        raise BadName(what="a name that users are shown by", why=why)


def check_entity(entity: str) -> None:
    """Raises `BadName`."""
    if not 0 < len(entity) <= ENTITY_CHARS_MAX or not entity.isprintable():
        why = f"it has not 1 to {ENTITY_CHARS_MAX} characters that can be seen"
        raise BadName(what="the id of an entity", why=why)
