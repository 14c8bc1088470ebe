"""What of the SQLite store any thread may call at any time touches no connection that others share."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from weft.content import raw_id
from weft.store import NoBlob
from weft.stores.refusal import of_sqlite
from weft.stores.sqlite import SqliteStore


def test_content_is_found_and_read_without_the_stores_own_connection(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "space.weft")
    cid, _ = store.keep_blob([b"content"])
    said: list[str] = []
    store._db.set_trace_callback(said.append)

    with store.open_blob(cid) as reader:
        assert reader.read() == b"content"
    with pytest.raises(NoBlob):
        store.open_blob(raw_id(b"never kept"))

    assert said == []
    assert store.has_blob(cid)
    assert said != []
    store.close()


def test_two_threads_on_one_connection_are_not_called_damage() -> None:
    error = sqlite3.InterfaceError("bad parameter or other API misuse")
    error.sqlite_errorcode = sqlite3.SQLITE_MISUSE

    assert "defect of Weft" in str(of_sqlite(error, "space.weft", writing=False))
