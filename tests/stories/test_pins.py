"""A program of other code than the definition in force: beside a newer engine, or a pin, it may only read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import weft
from tests.laws.test_rebuild import tables
from tests.stories.operations import doubled
from tests.until import unread
from weft import Blob, Entity, Field, Settled, derive, field, items
from weft.client import ClientDefines
from weft.pins import DefinitionPinned, NothingToPin, Pin, PinnedByEngine
from weft.reader import ReadOnly
from weft.rebuild import rebuild
from weft.stores.sqlite import SqliteStore


def note(version: int) -> type[Any]:
    """The type as it was at first, with a further field, and with another one."""

    class Note(Entity):
        x: Field[int] = field(default=1)
        photos = items(Blob)
        double = derive(doubled, x)
        if version == 2:
            more: Field[int] = field(default=3)
        if version == 3:
            other: Field[str] = field(default="")

    return Note


OLDER, NEWER, OTHER = note(1), note(2), note(3)


class Beside(Entity):
    y: Field[int] = field(default=0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "notes.weft")
    with weft.open(path, types=[OLDER]) as space:
        assert space.create(OLDER).double.wait(30) == 2
    return path


def test_beside_an_engine_of_newer_code_an_older_program_reads_and_edits_nothing(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with weft.open(path, types=[NEWER]) as engine, weft.open(path, types=[OLDER]) as older:
        newest = engine.position
        (said,) = caplog.messages
        assert said.startswith(
            f"{path} is open for reading only. This program's definition of Note is that of position 1,"
        )
        assert f"older than the one in force since {newest}. Open the space with the newer code" in said
        assert older.read_only in said and repr(older) == f"<Space {path}, read-only>"
        assert not engine.read_only and not older.is_engine

        (one,) = older.find(OLDER)
        assert (one.x, one.double.state, one.double.wait(30)) == (1, Settled(2), 2)
        with pytest.raises(ReadOnly, match=r"is open for reading only\. This program's definition of Note"):
            one.x = 5
        assert one.x == 1
        assert unread(engine) == []


def test_whatever_would_be_said_is_refused_and_leaves_no_trace(path: str) -> None:
    with weft.open(path, types=[NEWER]) as engine, weft.open(path, types=[OLDER]) as older:
        (one,) = older.find(OLDER)
        (mine,) = engine.find(NEWER)
        mine.x = 7
        assert one.x == 7  # from here on a wait is for what follows from that
        for act in (
            lambda: older.create(OLDER),
            lambda: older.define(OTHER),
            lambda: older.watch(one.double),
            lambda: one.double.wait(30),
            lambda: one.photos.add(Blob.from_bytes(b"a photo")),
            lambda: older.retry(one.double),
            lambda: older.wait_settled(timeout_s=1),
            lambda: older.pin(OLDER),
        ):
            with pytest.raises((ReadOnly, PinnedByEngine)):
                act()

        assert unread(engine) == []
        assert not engine._store.has_blob(Blob.from_bytes(b"a photo").id)
        with engine.view() as inner:
            assert not inner.watched


def test_a_program_of_code_that_was_never_in_force_is_told_whose_is(path: str) -> None:
    with weft.open(path, types=[NEWER]), pytest.raises(ClientDefines, match="another program is the engine"):
        weft.open(path, types=[OTHER])


def test_without_an_engine_or_a_pin_an_older_program_puts_its_definition_in_force_again(path: str) -> None:
    weft.open(path, types=[NEWER]).close()

    with weft.open(path, types=[OLDER]) as space:
        assert space.is_engine and space.read_only == ""
        space.find(OLDER)[0].x = 4


@pytest.mark.parametrize("other", [OLDER, OTHER])
def test_what_is_pinned_stays_in_force_whoever_opens_the_space(path: str, other: type[Any]) -> None:
    with weft.open(path, types=[NEWER], actor="ann") as space:
        space.pin(NEWER, why="release 2")
        since = space.position
        assert space.pins()["Note"][:2] == (since, "ann")

    with weft.open(path, types=[other, Beside]) as space:
        assert f"The definition of Note is pinned at position {since}, by ann: release 2, and" in space.read_only
        assert space.find(other)[0].x == 1
        with pytest.raises(ReadOnly, match="weft pin SPACE Note --off"):
            space.create(Beside)
    with pytest.raises(DefinitionPinned):
        weft.open(path, types=[other], engine=True)
    with weft.open(path, types=[NEWER], engine=True) as space:
        space.find(NEWER)[0].more = 9
        assert space.position == since + 1


def test_a_pin_that_is_let_go_of_keeps_nobody_out(path: str) -> None:
    with weft.open(path, types=[NEWER]) as space:
        space.pin(NEWER)
        space.unpin(NEWER, by="bob", why="release 3")
        assert space.pins() == {}
        said = [one for one in space.subscribe().present() if one.type == "definition"][-2:]
    assert [(one.node, one.by, one.preview) for one in said] == [
        ("Note", "local", "pinned"),
        ("Note", "bob", "pinned no longer: release 3"),
    ]

    with weft.open(path, types=[OLDER]) as space:
        assert space.is_engine


def test_who_pins_what_is_pinned_or_lets_go_of_what_is_not_changes_nothing(path: str) -> None:
    with weft.open(path, types=[OLDER]) as space:
        before = space.position
        space.unpin(OLDER)
        assert space.position == before
        space.pin(OLDER, why="first")
        space.pin(OLDER, why="second")
        assert space.position == before + 1
        assert isinstance(space.pins()["Note"], Pin) and space.pins()["Note"].why == "first"


def test_what_is_no_type_of_the_space_cannot_be_pinned(path: str) -> None:
    with weft.open(path, types=[NEWER]) as space:
        before = space.position

        with pytest.raises(NothingToPin, match="The space has no type Beside"):
            space.pin(Beside)

        assert (space.position, space.pins()) == (before, {})


def test_within_a_program_a_pinned_definition_is_not_replaced(path: str) -> None:
    with weft.open(path, types=[NEWER]) as space:
        space.pin(NEWER)
        before = space.position

        with pytest.raises(DefinitionPinned):
            space.define(OTHER)

        assert space.position == before
        assert space.find(NEWER)[0].more == 3


def test_a_pin_outlives_a_rebuild_and_a_computation_at_its_cut_is_as_any_other(path: str) -> None:
    with weft.open(path, types=[NEWER]) as space:
        (one,) = space.find(NEWER)
        one.x = 6
        space.pin(NEWER, why="a release")
        assert one.double.wait(30) == 12
        one.x = 7
        assert one.double.wait(30) == 14
        assert [entry.state for entry in space.history(one, NEWER.x)][-1] == Settled(7)
        assert "14" in str(space.why(one.double))
    store = SqliteStore(path)
    before = tables(store)
    rebuild(store, epoch=store.acquire())
    assert tables(store) == before
    store.close()

    with weft.open(path, types=[OLDER]) as space:
        assert "a release" in space.read_only


def test_only_the_engine_pins(path: str) -> None:
    with weft.open(path, types=[OLDER]) as space, weft.open(path, types=[OLDER], engine=False) as client:
        with pytest.raises(PinnedByEngine):
            client.pin(OLDER)
        space.pin(OLDER)
        assert client.pins().keys() == {"Note"}


@pytest.mark.parametrize("wrong", [{"why": 7}, {"by": 7}])
def test_what_is_no_type_and_no_text_is_refused(path: str, wrong: dict[str, Any]) -> None:
    with weft.open(path, types=[OLDER]) as space:
        with pytest.raises(TypeError):
            space.pin(OLDER, **wrong)
        with pytest.raises(TypeError, match=r"space\.unpin"):
            space.unpin("Note")  # type: ignore[arg-type]
