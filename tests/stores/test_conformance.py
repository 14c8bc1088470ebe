"""Both stores keep the port's promises, and are told apart by nothing that the port offers."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.record import make_record
from weft.store import DUE, KIND, STATE, Batch, Key, Row, Store, Table
from weft.stores.chain import Unchained
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import StoreSuite, next_records


class TestMemoryStore(StoreSuite):
    def new_store(self) -> Store:
        return MemoryStore()

    def store_beside(self, store: Store) -> Store:
        assert isinstance(store, MemoryStore)
        return MemoryStore(beside=store)

    def test_the_lease_of_a_store_that_nobody_holds_any_more_is_free(self) -> None:
        kept = MemoryStore()
        lost = MemoryStore(beside=kept)
        lost.acquire()

        del lost

        assert kept.holder() is None
        kept.acquire()


class TestSqliteStore(StoreSuite):
    def setup_method(self) -> None:
        super().setup_method()
        self._folder = tempfile.TemporaryDirectory()
        self._made = 0

    def teardown_method(self) -> None:
        super().teardown_method()
        self._folder.cleanup()

    def new_store(self) -> Store:
        self._made += 1
        return SqliteStore(Path(self._folder.name) / f"{self._made}.weft")

    def store_beside(self, store: Store) -> Store:
        assert store.path is not None
        return SqliteStore(store.path)

    def test_a_closed_space_is_one_file_a_lease_and_a_mark(self) -> None:
        store = self.open()
        store.append(Batch(records=next_records(store.head(), {"n": 1}, epoch=(epoch := store.acquire()))), epoch=epoch)

        store.close()

        assert {found.name for found in Path(self._folder.name).iterdir()} == {"1.weft", "1.weft-lease", "1.weft-mark"}


names = st.sampled_from(["", "a", "b", "ab", "é", "\U0001f4da"])
parts = st.one_of(names, st.integers(-3, 3), st.binary(max_size=2))
cells = st.one_of(st.none(), st.text(max_size=5), st.integers(-(2**63), 2**63 - 1), st.binary(max_size=5))


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[Table, Key, Row | None]]:
    """Puts and deletes over few keys, so that they meet."""
    made: list[tuple[Table, Key, Row | None]] = []
    for table in draw(st.lists(st.sampled_from([STATE, DUE, KIND]), max_size=12)):
        key = (draw(names), draw(parts), draw(parts))
        deletes = draw(st.booleans())
        made.append((table, key, None if deletes else tuple(draw(cells) for _ in table.columns)))
    return made


@settings(max_examples=40, deadline=None)
@given(st.lists(batches(), max_size=5), st.lists(st.tuples(names, parts), max_size=4))
def test_no_history_of_batches_tells_the_stores_apart(
    history: list[list[tuple[Table, Key, Row | None]]], prefixes: list[Key]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        memory, file = MemoryStore(), SqliteStore(Path(folder) / "space.weft")
        stores: list[tuple[Store, int]] = [(memory, memory.acquire()), (file, file.acquire())]
        for puts in history:
            for store, epoch in stores:
                batch = Batch(records=next_records(store.head(), {"count": len(puts)}, epoch=epoch))
                for put in puts:
                    batch.put(*put)
                store.append(batch, epoch=epoch)
            for table in (STATE, DUE, KIND):
                for prefix in [(), *prefixes, *(key for _, key, _ in puts), *((key[0],) for _, key, _ in puts)]:
                    assert list(memory.rows(table, prefix)) == list(file.rows(table, prefix))

        assert list(memory.records()) == list(file.records())
        assert list(file.verify()) == []
        file.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_record_that_does_not_follow_is_refused_with_both_positions(kind: str, tmp_path: Path) -> None:
    store: Store = MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "space.weft")
    epoch = store.acquire()
    store.append(Batch(records=next_records(store.head(), {"n": 1}, epoch=epoch)), epoch=epoch)
    skipping = make_record(3, "event", epoch=epoch, previous=store.head().digest, payload={"n": 3})

    with pytest.raises(Unchained, match=r"Record 3 cannot follow record 1: .*\. Nothing was written"):
        store.append(Batch(records=[skipping]), epoch=epoch)

    assert store.head().position == 1
    store.close()
