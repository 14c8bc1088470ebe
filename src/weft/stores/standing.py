"""Standing payloads: what lies in place of a payload of which something was erased, as the log itself says.

A record of kind "erased" names each payload that was replaced, with the content id of what stands there now, and the
erased record before it; a row of `meta` names the newest. They are read when a payload is first met that is not the
one its header names: so a space in which nothing was erased pays nothing.

Knows nothing of what was erased.
Invariant: a payload that no erased record names does not stand, whatever lies in the file.
Source: the two digests of a tombstoned entry in a certificate log.
"""

from __future__ import annotations

import sqlite3

from weft.content import Cid, Link, Plain, content_id, decode
from weft.errors import Undecodable
from weft.standing import ERASED, stands_of
from weft.stores import schema as sql


class Standing:
    """By position, the content id of the payload that stands in place of the first; read at its first use."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._connection, self._path = connection, path
        self._by_position: dict[int, Cid | None] | None = None

    def __call__(self, position: int) -> Cid | None:
        if self._by_position is None:
            self._by_position = self._read()
        return self._by_position.get(position)

    def _read(self) -> dict[int, Cid | None]:
        found: dict[int, Cid | None] = {}
        at = newest_erased(self._connection, self._path)
        while at:
            said = self._said_at(at)
            # The newest word on a position stands.
            found = stands_of(said) | found
            before = said.get("before")
            at = before if type(before) is int and before < at else 0
        return found

    def _said_at(self, position: int) -> dict[str, Plain]:
        """What an erased record says; nothing where it is not what its header names."""
        row = self._connection.execute(sql.RECORD_AT, (position,)).fetchone()
        if row is None or row[1] != ERASED or not isinstance(row[4], bytes) or not isinstance(row[5], bytes):
            return {}
        try:
            header, said = decode(row[4]), decode(row[5])
        except Undecodable:
            return {}
        named = header.get("payload") if isinstance(header, dict) else None
        is_whole = isinstance(named, Link) and named.cid == content_id(row[5])
        return said if is_whole and isinstance(said, dict) else {}


def newest_erased(connection: sqlite3.Connection, path: str) -> int:
    """The position of the newest record of kind "erased"; 0 where there is none. Raises `SpaceDamaged`."""
    return meta_number(connection, path, ERASED)


def meta_number(connection: sqlite3.Connection, path: str, name: str) -> int:
    """A number in `meta`; 0 where it is not there. Raises `SpaceDamaged` where its row has changed."""
    text = sql.TEXTS["meta"]
    found = connection.execute(text.get, (name,)).fetchone()
    value = None if found is None else text.checked(found, path)[1][0]
    return value if isinstance(value, int) else 0


def put_meta(connection: sqlite3.Connection, name: str | bytes, value: int) -> None:
    """Write a number into `meta`."""
    text = sql.TEXTS["meta"]
    connection.execute(text.put, text.cells((name,), (value,)))
