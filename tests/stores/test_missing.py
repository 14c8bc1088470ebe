"""A space's file that is no longer where it was: deleted before it is opened, or taken away while it is open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.copies.backup import back_up
from weft.store import SpaceDamaged
from weft.stores.mark import Mark
from weft.stores.refusal import SpaceMissing
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


@pytest.fixture
def kept(path: str) -> str:
    """A space of three records, closed."""
    store = SqliteStore(path)
    append_payloads(store, {"n": 1}, {"n": 2}, {"n": 3}, epoch=store.acquire())
    store.close()
    return path


def neighbours(path: str) -> dict[str, bytes]:
    """What lies in the folder of a space, with its bytes."""
    return {found.name: found.read_bytes() for found in Path(path).parent.iterdir()}


# Deleted --------------------------------------------------------------------------------------------------------------


def test_a_deleted_space_is_missed_and_what_tells_of_it_stays(kept: str) -> None:
    os.remove(kept)
    before = neighbours(kept)

    with pytest.raises(SpaceMissing, match=r"a space whose newest record was 3\. .*or remove .*-mark to begin anew"):
        SqliteStore(kept)

    assert neighbours(kept) == before


def test_whoever_looks_for_damage_hears_of_a_missing_space(kept: str) -> None:
    os.remove(kept)

    with pytest.raises(SpaceDamaged):
        SqliteStore(kept)


def test_edits_that_only_waited_are_missed_too(path: str) -> None:
    store = SqliteStore(path)
    store.post(b"an edit")
    store.close()
    os.remove(path)

    with pytest.raises(SpaceMissing, match="a space whose newest inbox entry was 1"):
        SqliteStore(path)


def test_a_mark_that_cannot_be_read_tells_of_a_space_all_the_same(kept: str) -> None:
    os.remove(kept)
    with open(f"{kept}-mark", "r+b") as mark:
        mark.write(b"x")

    with pytest.raises(SpaceMissing, match="its log slot cannot be read"):
        SqliteStore(kept)


def test_without_the_mark_a_space_begins_anew(kept: str) -> None:
    os.remove(kept)
    os.remove(f"{kept}-mark")

    store = SqliteStore(kept)

    assert store.head().position == 0
    store.close()


@pytest.mark.parametrize("mark", [None, b""])
def test_a_mark_that_tells_of_nothing_does_not_stand_in_the_way(path: str, mark: bytes | None) -> None:
    """None: as an engine that died before its first edit left it. Empty: as a power cut may have left that."""
    store = SqliteStore(path)
    store.acquire()
    store.close()
    os.remove(path)
    if mark is not None:
        Path(f"{path}-mark").write_bytes(mark)

    again = SqliteStore(path)
    append_payloads(again, {"n": 1}, epoch=again.acquire())
    head = again.head()
    again.close()

    assert Mark(f"{path}-mark").head() == head


def test_who_makes_the_same_space_first_is_not_taken_for_missing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program makes it, and keeps a record, between the question whether it is there and the look at its
    mark."""

    def nothing_yet(_: str) -> bool:
        monkeypatch.undo()
        other = SqliteStore(path)
        append_payloads(other, {"n": 1}, epoch=other.acquire())
        other.close()
        return False

    monkeypatch.setattr(os.path, "lexists", nothing_yet)
    store = SqliteStore(path)

    assert store.head().position == 1
    store.close()


def test_a_backup_put_back_with_its_own_mark_opens(kept: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.weft"
    back_up(kept, copy)
    store = SqliteStore(kept)
    append_payloads(store, {"n": 4}, epoch=store.acquire())
    store.close()
    os.remove(kept)

    for ending in ("", "-mark"):
        os.replace(f"{copy}{ending}", f"{kept}{ending}")
    again = SqliteStore(kept)

    assert again.head().position == 3
    again.close()
