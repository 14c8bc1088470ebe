"""A space under several names: whichever link it is opened by, it has one lease, one mark and one set of neighbours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.copies.backup import back_up
from weft.store import SpaceDamaged, SpaceLocked
from weft.stores.damage import examine
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

NAMES = ("link to the file", "link to the folder", "link to a link")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder / "space.weft"


def linked(path: Path, name: str) -> Path:
    """Another name of `path`, in a folder of its own."""
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.mkdir()
    try:
        if name == "link to the folder":
            (elsewhere / "folder").symlink_to(path.parent)
            return elsewhere / "folder" / path.name
        (elsewhere / "link.weft").symlink_to(path)
        if name == "link to the file":
            return elsewhere / "link.weft"
        (elsewhere / "second.weft").symlink_to("link.weft")
        return elsewhere / "second.weft"
    except OSError:
        if os.environ.get("WEFT_REQUIRE") == "all":
            raise
        pytest.skip("this system lets nobody make links")


@pytest.mark.parametrize("name", NAMES)
def test_a_second_engine_under_another_name_is_refused(path: Path, name: str) -> None:
    first = SqliteStore(path)
    epoch = first.acquire()
    link = linked(path, name)
    second = SqliteStore(link)

    with pytest.raises(SpaceLocked):
        second.acquire()

    found = second.holder()
    assert found is not None and found.pid == os.getpid()
    append_payloads(first, {"n": 1}, epoch=epoch)
    first.release()
    append_payloads(second, {"n": 2}, epoch=second.acquire())
    with pytest.raises(SpaceLocked):
        first.acquire()
    second.close()
    first.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_neighbour_lies_beside_a_link(path: Path, name: str) -> None:
    SqliteStore(path, schema=SCHEMA).close()
    link = linked(path, name)

    store = SqliteStore(
        link, schema=Schema(SCHEMA.version + 1, SCHEMA.statements, {SCHEMA.version: lambda connection: None})
    )
    append_payloads(store, {"n": 1}, epoch=store.acquire())
    store.clear(epoch=store._epoch())
    store.close()

    assert {each.name for each in path.parent.iterdir()} == {
        path.name, f"{path.name}-lease", f"{path.name}-mark", f"{path.name}.before-{SCHEMA.version}"
    }  # fmt: skip
    assert all(each.is_symlink() for each in (path.parent.parent / "elsewhere").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_lost_end_shows_under_every_name(path: Path, name: str) -> None:
    store = SqliteStore(path)
    store.close()
    before = path.read_bytes()
    store = SqliteStore(path)
    append_payloads(store, {"n": 1}, epoch=store.acquire())
    store.close()
    path.write_bytes(before)
    link = linked(path, name)

    with pytest.raises(SpaceDamaged, match="record 1 was acknowledged"):
        SqliteStore(link)

    assert examine(str(link)) == examine(str(path)) != []


def test_a_copy_over_a_link_waits_for_the_engine_behind_it(path: Path, tmp_path: Path) -> None:
    link = linked(path, "link to the file")
    engine = SqliteStore(path)
    engine.acquire()
    SqliteStore(tmp_path / "other.weft").close()

    with pytest.raises(SpaceLocked):
        back_up(tmp_path / "other.weft", link, overwrite=True)

    engine.close()
    back_up(tmp_path / "other.weft", link, overwrite=True)
    assert link.is_symlink()
