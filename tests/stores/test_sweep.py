"""What a sweep leaves of rows that are there no more: nothing, however the system's SQLite deletes."""

from __future__ import annotations

import contextlib
from pathlib import Path

from weft.store import STATE, Batch
from weft.stores.sqlite import SqliteStore

KEY = ("e_1", "node", "")
BIRD = b"the canary of this file "


def test_what_a_row_held_before_is_in_no_page_after_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    with contextlib.closing(SqliteStore(path)) as store:
        # Some systems build SQLite so that it overwrites what it deletes; most do not.
        store._db.execute("PRAGMA secure_delete = OFF").fetchall()
        epoch = store.acquire()
        for cell in (BIRD * 1000, b"short"):
            batch = Batch()
            batch.put(STATE, KEY, (cell, 1))
            store.append(batch, epoch=epoch)
        assert holders(path)

        assert store.sweep() == ""

        assert holders(path) == []
        assert store.row(STATE, KEY) == (b"short", 1)


def holders(path: Path) -> list[str]:
    """Which files of the space hold the text."""
    return sorted(file.name for file in path.parent.iterdir() if BIRD in file.read_bytes())
