"""Contents that no record names yet: what calls made, kept before the records that name it, and what their end left.

A row of `meta` says so of each, from the transaction that makes the content visible to the one that names it. Where a
program dies in between, the row stays, and whoever forgets finds by it what nothing leads to.

Knows nothing of records, or of what the content is.
Invariant: content that was kept as made has its row, until it is named or erased.
Source: the orphan inodes of file systems, listed until they are linked or gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from weft.content import Cid
from weft.stores import schema as sql
from weft.stores.standing import put_meta

_UNNAMED = b"unnamed "
_FOUND = "SELECT name FROM meta WHERE name >= ? AND name < ?"


def note_unnamed(connection: sqlite3.Connection, cid: Cid) -> None:
    """Within the transaction that makes it visible."""
    put_meta(connection, _UNNAMED + cid, 1)


def note_named(connection: sqlite3.Connection, cids: Sequence[Cid]) -> None:
    """Within the transaction that names these contents, or takes them away."""
    if cids:
        connection.executemany(sql.TEXTS["meta"].drop, [(_UNNAMED + cid,) for cid in cids])


def unnamed_in(connection: sqlite3.Connection) -> list[Cid]:
    """Those that are noted. Raises sqlite3.Error."""
    found = connection.execute(_FOUND, (_UNNAMED, _UNNAMED[:-1] + b"!"))
    return [Cid(name[len(_UNNAMED) :]) for (name,) in found]
