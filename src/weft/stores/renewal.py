"""A damaged file written anew: what was told is copied, what is derived starts empty.

SQLite can neither walk nor drop a table whose pages are broken, nor use a broken list of free pages. So a fresh file is
filled beside the old one, and then takes its place in one transaction of the old one.

Knows nothing of how the derived tables are filled again.
Invariant: the file holds either what it held before, or everything told and no derived row.
Source: SQLite's VACUUM, which works in the same way.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3

from weft.stores import schema as sql
from weft.stores.schema import Schema

_TOLD = ("record", "inbox", "piece", "blob", "meta", "sqlite_sequence")


def renew(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Write the file anew without its derived rows. Raises what SQLite raises when told content cannot be read."""
    draft = f"{path}.renewed"
    _remove(draft)
    try:
        sql.fill(draft, schema)
        _copy_told(connection, draft)
        with contextlib.closing(sql.connect(draft, sql.READABLE)) as fresh:
            fresh.backup(connection)
    finally:
        _remove(draft)


def _copy_told(connection: sqlite3.Connection, draft: str) -> None:
    connection.execute("ATTACH ? AS fresh", (draft,))
    try:
        connection.execute("BEGIN")
        for name in _TOLD:
            connection.execute(f"DELETE FROM fresh.{name}")
            connection.execute(f"INSERT INTO fresh.{name} SELECT * FROM main.{name}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("DETACH fresh")


def _remove(draft: str) -> None:
    for name in (draft, f"{draft}-wal", f"{draft}-shm", f"{draft}-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
