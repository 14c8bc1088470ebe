"""A backup is the space at one moment, whole, and nothing else is disturbed by making one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest

import weft
from tests.copies.lives import Note, lived
from weft.copies import back_up, backup
from weft.copies.backup import CopyNotWhole, OlderSchema, OntoItself, PlaceInUse
from weft.copies.publishing import CannotWrite, PlaceTaken
from weft.store import Head, NotASpace, SpaceLocked
from weft.stores.damage import examine
from weft.stores.mark import Mark
from weft.stores.schema import SCHEMA
from weft.stores.sqlite import SqliteStore

BESIDE = {"", "-mark", "-lease", "-wal", "-shm"}


def beside(path: Path) -> set[str]:
    """What lies at a path and beside it, by ending."""
    return {each.name.removeprefix(path.name) for each in path.parent.iterdir() if each.name.startswith(path.name)}


def head(path: Path) -> Head:
    """The head of a closed space."""
    with contextlib.closing(SqliteStore(path)) as store:
        return store.head()


def test_a_backup_opens_as_a_space_that_holds_the_same(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")

    made = back_up(tmp_path / "a.weft", tmp_path / "b.weft", thorough=True)

    assert examine(str(tmp_path / "b.weft")) == []
    assert head(tmp_path / "b.weft") == head(tmp_path / "a.weft")
    assert made.position == head(tmp_path / "b.weft").position
    with weft.open(str(tmp_path / "b.weft"), types=[Note]) as space:
        assert sorted(space.find(Note)[0].sizes.wait()) == [0, 3, 1_000_000]
        assert space.counts() == {}


def test_its_mark_says_what_it_holds(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")

    back_up(tmp_path / "a.weft", tmp_path / "b.weft")

    assert Mark(str(tmp_path / "b.weft-mark")).head() == head(tmp_path / "b.weft")
    assert beside(tmp_path / "b.weft") <= BESIDE
    assert ".new-" not in " ".join(os.listdir(tmp_path))


def test_what_is_in_the_write_ahead_log_alone_is_in_the_backup(tmp_path: Path) -> None:
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        space.create(Note, text="new")
        position = space.position
        assert (tmp_path / "a.weft-wal").stat().st_size > 0

        made = back_up(tmp_path / "a.weft", tmp_path / "b.weft")

    assert made.position == position
    with weft.open(str(tmp_path / "b.weft"), types=[Note]) as copy:
        assert [note.text for note in copy.find(Note)] == ["new"]


def test_it_is_of_one_moment_while_the_engine_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(tmp_path / "a.weft")
    monkeypatch.setattr(backup, "PAGES_PER_STEP", 1)
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        before, steps = space.position, list[int]()

        def edit(done: int, of: int) -> None:
            steps.append(done)
            if len(steps) <= 20:
                space.create(Note, text="meanwhile")

        made = back_up(tmp_path / "a.weft", tmp_path / "b.weft", on_progress=edit)

        assert len(steps) > 20
        assert (made.position, space.position) == (before, before + 20)
        assert space.is_engine
    assert len(examine(str(tmp_path / "b.weft"))) == 0


def test_edits_that_wait_in_the_inbox_are_copied_and_told(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with contextlib.closing(SqliteStore(tmp_path / "a.weft")) as store:
        store.post(b"\xa0")

    made = back_up(tmp_path / "a.weft", tmp_path / "b.weft")

    assert made.waiting == 1
    with contextlib.closing(SqliteStore(tmp_path / "b.weft")) as copy:
        assert [payload for _, payload in copy.inbox()] == [b"\xa0"]


def test_nothing_is_overwritten_unless_it_is_asked_for(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    (tmp_path / "b.weft").write_bytes(b"mine")

    with pytest.raises(PlaceTaken, match=r"b\.weft is there already"):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft")
    with pytest.raises(PlaceTaken, match="never overwritten"):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft", overwrite=True)

    assert (tmp_path / "b.weft").read_bytes() == b"mine"


def test_an_older_backup_is_replaced_with_its_mark_and_log(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    lived(tmp_path / "b.weft", notes=9)
    with contextlib.closing(sqlite3.connect(tmp_path / "b.weft")) as left:  # a log that nobody folded in
        left.execute("PRAGMA wal_autocheckpoint = 0")
        left.execute("UPDATE meta SET crc = crc")
        left.commit()
        os.link(tmp_path / "b.weft-wal", tmp_path / "kept-wal")
    os.link(tmp_path / "kept-wal", tmp_path / "b.weft-wal")

    back_up(tmp_path / "a.weft", tmp_path / "b.weft", overwrite=True)

    assert head(tmp_path / "b.weft") == head(tmp_path / "a.weft")
    assert examine(str(tmp_path / "b.weft")) == []


def test_a_backup_in_use_is_not_replaced(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    lived(tmp_path / "b.weft")
    before = head(tmp_path / "b.weft")

    with weft.open(str(tmp_path / "b.weft"), types=[Note]), pytest.raises(SpaceLocked):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft", overwrite=True)
    with contextlib.closing(SqliteStore(tmp_path / "b.weft")) as reader:
        assert reader.post(b"\xa0") == 1
        with pytest.raises(PlaceInUse, match="another program reads it"):
            back_up(tmp_path / "a.weft", tmp_path / "b.weft", overwrite=True)

    assert head(tmp_path / "b.weft") == before


def test_a_damaged_backup_is_replaced(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    back_up(tmp_path / "a.weft", tmp_path / "b.weft")
    (tmp_path / "b.weft").write_bytes(b"\0" * 5000)

    back_up(tmp_path / "a.weft", tmp_path / "b.weft", overwrite=True)

    assert head(tmp_path / "b.weft") == head(tmp_path / "a.weft")


@pytest.mark.parametrize("where", ["record", "blob"])
def test_a_copy_that_is_not_whole_is_thrown_away_and_named(tmp_path: Path, where: str) -> None:
    lived(tmp_path / "a.weft", notes=40)
    with contextlib.closing(sqlite3.connect(tmp_path / "a.weft")) as meddling, meddling:
        if where == "record":  # far from the end, where opening does not look
            meddling.execute("UPDATE record SET payload = x'a0' WHERE position = 4")
        else:
            meddling.execute("UPDATE piece SET content = x'00' WHERE length(content) = 3")

    with pytest.raises(CopyNotWhole, match=r"a\.weft was copied, and the copy is not whole: .*changed") as refused:
        back_up(tmp_path / "a.weft", tmp_path / "b.weft", thorough=where == "blob")

    assert str(tmp_path / "a.weft") in str(refused.value)
    assert beside(tmp_path / "b.weft") == set()


def test_a_space_that_lost_its_end_is_not_taken_for_whole(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.weft")) as meddling, meddling:
        meddling.execute("DELETE FROM record WHERE position = (SELECT max(position) FROM record)")

    with pytest.raises(CopyNotWhole, match="its end is lost"):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft")


def test_a_space_of_an_older_schema_is_not_copied_as_if_it_were_todays(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.weft")) as older, older:
        older.execute("PRAGMA user_version = 0")

    with pytest.raises(OlderSchema, match=f"has schema 0, and this Weft copies {SCHEMA.version}"):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft")

    assert beside(tmp_path / "b.weft") == set()


def test_bad_places_are_refused_in_words(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    (tmp_path / "text.weft").write_text("not a space" * 100)
    (tmp_path / "old.weft-wal").write_bytes(b"x" * 100)

    with pytest.raises(OntoItself):
        back_up(tmp_path / "a.weft", tmp_path / "a.weft", overwrite=True)
    with pytest.raises(CannotWrite, match=r"it is a folder; say .*a\.weft"):
        back_up(tmp_path / "a.weft", tmp_path)
    with pytest.raises(CannotWrite, match="there is no folder"):
        back_up(tmp_path / "a.weft", tmp_path / "none" / "b.weft")
    with pytest.raises(NotASpace):
        back_up(tmp_path / "text.weft", tmp_path / "b.weft")
    with pytest.raises(NotASpace, match="nothing is there"):
        back_up(tmp_path / "none.weft", tmp_path / "b.weft")
    with pytest.raises(PlaceInUse, match="of an earlier space"):
        back_up(tmp_path / "a.weft", tmp_path / "old.weft")
    assert beside(tmp_path / "b.weft") == set()


def test_a_backup_is_never_more_readable_than_the_space(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    os.chmod(tmp_path / "a.weft", 0o600)

    back_up(tmp_path / "a.weft", tmp_path / "b.weft")

    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("b.weft", "b.weft-mark")} == {0o600}


def test_nobody_can_read_a_draft(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    modes: set[int] = set()

    def look(done: int, of: int) -> None:
        modes.update(
            stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("*.new-*[!d]")
        )  # `-held` has nothing of it

    back_up(tmp_path / "a.weft", tmp_path / "b.weft", on_progress=look)

    assert modes == {0o600}


def test_what_is_given_up_halfway_leaves_nothing(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(tmp_path / "a.weft", tmp_path / "b.weft", on_progress=interrupt)

    assert beside(tmp_path / "b.weft") == set()
