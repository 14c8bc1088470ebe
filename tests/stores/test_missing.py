"""A space's file that is no longer where it was: deleted before it is opened, or taken away while it is open."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, derive, field
from weft.copies.backup import back_up
from weft.standing import Erasure
from weft.store import Batch, SpaceDamaged
from weft.stores.mark import Mark
from weft.stores.opening import refuse_other
from weft.stores.refusal import FileTakenAway, SpaceMissing
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

posix = pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody can take an open file away")


def loud(text: str) -> str:
    return text.upper()


class Note(Entity):
    text: Field[str] = field()
    loud = derive(loud, text)


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


# Taken away while it is open -----------------------------------------------------------------------------------------


def taken(path: str, how: str) -> None:
    """The file goes, while a store has it open."""
    if how == "deleted":
        os.remove(path)
    elif how == "moved":
        os.rename(path, f"{path}.aside")
    elif how == "replaced":
        shutil.copy(path, f"{path}.other")
        os.replace(f"{path}.other", path)
    else:
        os.rename(Path(path).parent, f"{Path(path).parent}.aside")


@posix
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced", "folder moved"])
def test_nothing_is_acknowledged_that_is_written_to_a_file_that_was_taken_away(kept: str, how: str) -> None:
    store = SqliteStore(kept)
    epoch = store.acquire()
    taken(kept, how)

    for _ in range(2):
        with pytest.raises(FileTakenAway, match="put the file that was opened back there, or"):
            append_payloads(store, {"n": 4}, epoch=epoch)
        with pytest.raises(FileTakenAway):
            store.post(b"an edit")
        with pytest.raises(FileTakenAway):
            store.keep_blob([b"content"])
    with pytest.raises(FileTakenAway):
        store.erase(Batch(), Erasure(), epoch=epoch)

    assert store.head().position == 3
    assert list(store.inbox()) == []
    store.close()


@posix
def test_a_client_is_refused_too(kept: str) -> None:
    engine, client = SqliteStore(kept), SqliteStore(kept)
    engine.acquire()
    os.remove(kept)

    with pytest.raises(FileTakenAway, match="not there any more"):
        client.post(b"an edit")

    client.close()
    engine.close()


@posix
def test_edits_go_on_once_the_file_is_put_back(kept: str) -> None:
    store = SqliteStore(kept)
    epoch = store.acquire()
    taken(kept, "moved")
    with pytest.raises(FileTakenAway):
        append_payloads(store, {"n": 4}, epoch=epoch)

    os.rename(f"{kept}.aside", kept)
    append_payloads(store, {"n": 4}, epoch=epoch)
    store.close()

    assert position_of(kept) == 4


@posix
def test_the_file_may_be_changed_and_opened_by_other_names(tmp_path: Path, kept: str) -> None:
    link = tmp_path / "link.weft"
    link.symlink_to(kept)
    store = SqliteStore(link)
    epoch = store.acquire()
    os.chmod(kept, 0o600)
    os.link(kept, tmp_path / "hard.weft")
    link.unlink()

    append_payloads(store, {"n": 4}, epoch=epoch)

    assert store.head().position == 4
    store.close()


@posix
def test_a_file_that_was_moved_on_and_renewed_is_still_the_one_that_was_opened(path: str) -> None:
    SqliteStore(path).close()
    newer = Schema(SCHEMA.version + 1, SCHEMA.statements, {SCHEMA.version: lambda connection: None})
    store = SqliteStore(path, schema=newer)
    epoch = store.acquire()
    store._renew()
    assert store.sweep() == ""

    append_payloads(store, {"n": 1}, epoch=epoch)

    assert store.head().position == 1
    store.close()


def test_where_inodes_mean_nothing_no_file_is_taken_for_another(tmp_path: Path) -> None:
    refuse_other(str(tmp_path / "nowhere"), None)


def test_what_cannot_be_looked_at_is_not_taken_for_gone(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: str) -> os.stat_result:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(os, "stat", denied)

    refuse_other(path, (1, 2))


@posix
def test_an_edit_in_a_space_whose_file_is_gone_is_refused_in_words(tmp_path: Path) -> None:
    """Given a space whose file is moved away; when a field is set; then that is refused, and is not shown; and once the
    file is back it is kept."""
    path = tmp_path / "notes.weft"
    with weft.open(str(path), types=[Note]) as space:
        note = space.create(Note, text="one")
        assert note.loud.wait() == "ONE"
        os.rename(path, tmp_path / "aside")

        with pytest.raises(FileTakenAway, match="is not there any more"):
            note.text = "two"
        assert note.text == "one"

        os.rename(tmp_path / "aside", path)
        note.text = "three"
        assert note.loud.wait() == "THREE"

    with weft.open(str(path), types=[Note]) as space:
        assert [note.text for note in space.find(Note)] == ["three"]


def position_of(path: str) -> int:
    store = SqliteStore(path)
    position = store.head().position
    store.close()
    return position
