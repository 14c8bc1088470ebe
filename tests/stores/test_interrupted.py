"""Ctrl-C at any moment of a write: nothing half done, no transaction left open, and the next write goes on."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest

from weft.store import STATE, Batch
from weft.stores import sqlite
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import next_records

KEY = ("e", "n", "")


class Interrupted:
    """A connection that was waiting for other writers when Ctrl-C came: it is raised as soon as the wait is over."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, *given: Any) -> sqlite3.Cursor:
        done = self._connection.execute(text, *given)
        if text.startswith("BEGIN"):
            raise KeyboardInterrupt
        return done


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "space.weft")
    yield store
    store.close()


def append(store: SqliteStore, epoch: int, number: int) -> None:
    batch = Batch(records=next_records(store.head(), {"n": number}, epoch=epoch))
    batch.put(STATE, KEY, (b"cell", number))
    store.append(batch, epoch=epoch)


def test_an_interrupt_right_behind_the_beginning_leaves_no_transaction(store: SqliteStore) -> None:
    epoch = store.acquire()
    connection = store._db
    for write in (lambda: append(store, epoch, 1), lambda: store.post(b"said"), lambda: store.clear(epoch=epoch)):
        store._db = cast("sqlite3.Connection", Interrupted(connection))
        with pytest.raises(KeyboardInterrupt):
            write()
        store._db = connection

        assert not connection.in_transaction

    append(store, epoch, 2)
    assert store.head().position == 1
    assert store.post(b"said") == 1


def test_an_interrupt_at_any_line_of_the_store_leaves_no_transaction(store: SqliteStore) -> None:
    epoch = store.acquire()

    moments = 0
    while interrupted_at(moments + 1, lambda: append(store, epoch, 7)):
        moments += 1
        assert not store._db.in_transaction, moments
        position = store.head().position
        assert len(list(store.records())) == position
        assert (store.row(STATE, KEY) is None) == (position == 0)

    assert moments > 20
    assert list(store.verify()) == []


def interrupted_at(line: int, act: Callable[[], None]) -> bool:
    """Whether `act` was interrupted, at so manieth a line of the store's module that it runs."""
    left = line

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != sqlite.__file__:
            return None
        left -= event == "line"
        if left == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
