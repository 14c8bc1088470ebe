"""What times are told in: work that every machine does, so that a figure means the same on another one.

A plain call is what a function costs without an engine; a record is hashed and encoded at least once; and nothing that
survives a power cut is quicker than one commit that waits for the disk.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from cbrrr import DagCborTypes, encode_dag_cbor

from benchmarks.case import Case, seconds_each

GROUP = "yardsticks"
CALL, CONTENT, COMMIT = "plain call", "sha256 and encoding of 400 bytes", "one FULL commit"
NAMES = (CALL, CONTENT, COMMIT)

RECORD: DagCborTypes = {
    "actor": "ann",
    "at": 1_700_000_000,
    "base": 41,
    "intents": [{"verb": "set", "value": "x" * 330}],
}


def cases(folder: Path) -> Iterator[Case]:
    """The three of them, each a unit of its own."""
    assert abs(len(encode_dag_cbor(RECORD)) - 400) < 20
    yield Case(CALL, GROUP, "call", lambda: seconds_each(_nothing, 100_000))
    yield Case(CONTENT, GROUP, "record", lambda: seconds_each(_name_record, 20_000))
    database = sqlite3.connect(folder / "yardstick.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE record (position INTEGER PRIMARY KEY, payload BLOB)")
    positions, payload = count(1), encode_dag_cbor(RECORD)

    def commit() -> None:
        database.execute("INSERT INTO record VALUES (?, ?)", (next(positions), payload))

    yield Case(COMMIT, GROUP, "commit", lambda: seconds_each(commit, 100), close=database.close)


def _nothing() -> None:
    pass


def _name_record() -> bytes:
    return hashlib.sha256(encode_dag_cbor(RECORD)).digest()
