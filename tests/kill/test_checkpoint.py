"""A program dies while the write-ahead log is folded into the file: every page may be there, or still be missing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from weft.content import Plain
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

pytestmark = pytest.mark.kill


def test_a_space_opens_whole_after_a_kill_at_any_page_of_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    with closing(SqliteStore(path)) as store:
        append_payloads(store, {"n": 1}, epoch=store.acquire())
    before, after, log = in_the_middle(path)
    size = page_size(path)

    for pages in range(1, len(after) // size + 1):
        torn = tmp_path / f"torn-{pages}.weft"
        torn.write_bytes(after[: pages * size] + before[pages * size :])
        Path(f"{torn}-wal").write_bytes(log)
        shutil.copy(f"{path}-mark", f"{torn}-mark")
        with closing(SqliteStore(torn)) as store:
            assert store.head().position == 31, f"after {pages} pages"
            assert list(store.verify()) == []


def in_the_middle(path: Path) -> tuple[bytes, bytes, bytes]:
    """The file before a checkpoint and after it, and the log that lies beside both."""
    with closing(SqliteStore(path)) as store:
        epoch = store.acquire()
        for number in range(30):
            payload: dict[str, Plain] = {"n": number + 2, "text": "x" * 900}
            append_payloads(store, payload, epoch=epoch)
        before = path.read_bytes()
        log = Path(f"{path}-wal").read_bytes()
        store._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        after = path.read_bytes()
    assert len(after) > len(before)
    return before, after, log


def page_size(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA page_size").fetchone()[0])
