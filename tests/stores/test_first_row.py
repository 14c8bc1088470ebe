"""First rows: a table that lies under a page of another does not read as empty, and what can be made again is."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.damaged_file import PAGE_BYTES, Space, assess, flipped, mend, read_everything
from weft.copies.backup import CopyNotWhole, back_up
from weft.store import STATE, TABLES, Batch, Key, Row, SpaceDamaged, Table
from weft.stores import schema as sql
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

DERIVED = sorted(table.name for table in TABLES)
TOLD = ["blob", "inbox", "meta", "piece"]
LEAVES = (b"\x0d", b"\x0a")
"""How a page of rows begins, of a table with row numbers and of one without."""
LONG = bool(os.environ.get("WEFT_LONG"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space with a few rows in each of its tables, each of them one page."""
    path = str(tmp_path_factory.mktemp("full") / "built.weft")
    store = SqliteStore(path)
    epoch = store.acquire()
    cids = (store.keep_blob([b"content"])[0],)
    append_payloads(store, {"n": 1}, {"n": 2}, epoch=epoch)
    store.append(Batch(rows={table: dict(rows_of(table)) for table in TABLES}), epoch=epoch)
    store.post(b"entry")
    held = read_everything(store, cids)
    assert held.named == 0 and len(held.rows) == 2 * len(TABLES)
    store.close()
    return Space({name: Path(f"{path}{name}").read_bytes() for name in ("", "-mark")}, held, cids)


def rows_of(table: Table) -> Iterator[tuple[Key, Row]]:
    for number in range(2):
        yield (number,) + ("text",) * (len(table.key) - 1), (number,) * len(table.columns)


def roots(main: bytes, folder: Path) -> dict[str, int]:
    """Where the first page of each table and index begins."""
    looked_at = folder / "looked at"
    looked_at.write_bytes(main)
    with contextlib.closing(sqlite3.connect(looked_at)) as connection:
        found = dict(connection.execute("SELECT name, rootpage FROM sqlite_master").fetchall())
    looked_at.unlink()
    return {name: (page - 1) * PAGE_BYTES for name, page in found.items()}


def emptied(space: Space, name: str, folder: Path) -> bytes:
    """The file with an empty first page of another table in place of this one's."""
    main = space.files[""]
    at = roots(main, folder)[name]
    page = main[at : at + 1] + b"\0\0\0\0" + PAGE_BYTES.to_bytes(2, "big") + bytes(PAGE_BYTES - 7)
    assert page[:1] in LEAVES, "one page holds it all"
    return main[:at] + page + main[at + PAGE_BYTES :]


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_table_under_an_empty_page_of_another_is_named_and_mended(
    full: Space, tmp_path: Path, name: str
) -> None:
    path = full.lay(tmp_path, main=emptied(full, name, tmp_path))

    found = examine(path)

    assert {each.where for each in found} >= {name}
    assert all(each.mendable for each in found)
    assert assess(path, full) == "mended"


@pytest.mark.parametrize("name", [*DERIVED, "sqlite_autoindex_version_1"])
def test_no_row_of_a_table_under_an_empty_page_of_another_is_taken_for_missing(
    full: Space, tmp_path: Path, name: str
) -> None:
    path = full.lay(tmp_path, main=emptied(full, name, tmp_path))
    table = next(each for each in TABLES if each.name == name.removeprefix("sqlite_autoindex_").removesuffix("_1"))
    # What SQLite notices by itself is a row of an index that names none of the table's.
    what = f"the first row of {table.name} is missing" if name != "version" else "malformed"

    with contextlib.closing(SqliteStore(path)) as store:
        key = next(rows_of(table))[0]
        for ask in (lambda: store.row(table, key), lambda: store.rows(table), lambda: store.rows(table, key[:1])):
            with pytest.raises(SpaceDamaged, match=what):
                ask()


@pytest.mark.parametrize(
    ("name", "is_marked"),
    # Of records that were all lost the mark alone tells.
    [("record", True), *itertools.product([*TOLD, "sqlite_sequence"], [True, False])],
)
def test_what_was_told_under_an_empty_page_of_another_is_named(
    full: Space, tmp_path: Path, name: str, is_marked: bool
) -> None:
    path = full.lay(tmp_path, main=emptied(full, name, tmp_path))
    if not is_marked:
        os.remove(f"{path}-mark")

    found = examine(path)

    assert found and not any(each.mendable for each in found)
    assert assess(path, full) == "named"


@pytest.mark.parametrize(
    ("name", "other"), [("memo", "service"), ("state", "due"), ("attempt", "alternative"), ("blob", "event")]
)
def test_the_first_row_of_another_table_is_none(full: Space, tmp_path: Path, name: str, other: str) -> None:
    SqliteStore(tmp_path / "fresh.weft").close()
    fresh = (tmp_path / "fresh.weft").read_bytes()
    source, target = roots(fresh, tmp_path)[other], roots(full.files[""], tmp_path)[name]
    main = full.files[""]
    page = fresh[source : source + PAGE_BYTES]
    path = full.lay(tmp_path, main=main[:target] + page + main[target + PAGE_BYTES :])

    (finding,) = examine(path)

    assert (finding.where, finding.mendable) == (name, name != "blob")
    assert f"the first row of {name} is missing" in finding.what


def test_any_page_over_any_other_is_harmless_named_or_mended(full: Space, tmp_path: Path) -> None:
    main = full.files[""]
    pages = [main[at : at + PAGE_BYTES] for at in range(0, len(main), PAGE_BYTES)]

    for target, source in itertools.islice(itertools.permutations(range(len(pages)), 2), 0, None, 1 if LONG else 11):
        changed = [*pages[:target], pages[source], *pages[target + 1 :]]
        outcome = assess(full.lay(tmp_path, main=b"".join(changed)), full)

        assert outcome in ("named", "mended"), f"page {source + 1} over page {target + 1}: {outcome}"


def test_a_rebuild_does_not_hide_that_what_was_told_is_missing(full: Space, tmp_path: Path) -> None:
    path = full.lay(tmp_path, main=emptied(full, "blob", tmp_path))

    with contextlib.closing(SqliteStore(path)) as store:
        store.clear(epoch=store.acquire())
        assert {each.where for each in store.verify()} == {"blob"}
        store._renew()
        assert {each.where for each in store.verify()} == {"blob"}


def test_content_whose_table_is_missing_is_not_swept_away(full: Space, tmp_path: Path) -> None:
    path = full.lay(tmp_path, main=emptied(full, "blob", tmp_path))

    with contextlib.closing(SqliteStore(path)) as store:
        store.acquire()

        assert store._db.execute("SELECT count(*) FROM piece").fetchone() == (1,)
        for ask in (lambda: store.has_blob(full.cids[0]), lambda: store.open_blob(full.cids[0]), store.blobs):
            with pytest.raises(SpaceDamaged, match="the first row of blob is missing"):
                ask()


def test_an_inbox_under_an_empty_page_of_another_is_not_taken_for_an_empty_one(full: Space, tmp_path: Path) -> None:
    path = full.lay(tmp_path, main=emptied(full, "inbox", tmp_path))

    store = SqliteStore(path)
    with contextlib.closing(store), pytest.raises(SpaceDamaged, match="the first row of inbox is missing"):
        store.inbox()


def test_numbers_of_entries_that_were_taken_are_not_given_again(full: Space, tmp_path: Path) -> None:
    path = full.lay(tmp_path)
    with contextlib.closing(SqliteStore(path)) as store:
        store.append(Batch(taken=[1]), epoch=store.acquire())
    main = Path(path).read_bytes()
    path = full.lay(tmp_path, main=emptied(full._replace(files={"": main}), "sqlite_sequence", tmp_path))
    os.remove(f"{path}-mark")

    with pytest.raises(SpaceDamaged, match="the number of the newest inbox entry is missing"):
        SqliteStore(path)

    assert examine(path)


def test_a_first_row_that_has_changed_is_named_once(full: Space, tmp_path: Path) -> None:
    main = full.files[""]
    crc = sql.TEXTS["state"].first[-1]
    assert isinstance(crc, int)
    at = main.index(crc.to_bytes(4 if crc < 1 << 31 else 6, "big"))

    path = full.lay(tmp_path, main=flipped(main, at + 1))

    (found,) = examine(path)
    assert (found.where, found.mendable) == ("state", True)
    with contextlib.closing(SqliteStore(path)) as store:
        assert mend(store, full) == "mended"


def test_first_rows_are_no_rows_of_their_tables(tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "space.weft")) as store:
        epoch = store.acquire()
        for _ in range(2):
            assert [list(store.rows(table)) for table in TABLES] == [[] for _ in TABLES]
            assert (list(store.blobs()), store.inbox()) == ([], [])
            assert list(store.verify()) == []
            store.clear(epoch=epoch)
        assert store.post(b"the first") == 1


def test_a_backup_of_a_table_under_an_empty_page_is_refused(full: Space, tmp_path: Path) -> None:
    path = full.lay(tmp_path, main=emptied(full, STATE.name, tmp_path))

    with pytest.raises(CopyNotWhole, match="the first row of state is missing"):
        back_up(path, tmp_path / "copy.weft")

    assert not (tmp_path / "copy.weft").exists()
