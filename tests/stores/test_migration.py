"""Spaces that an earlier Weft wrote: moved on, they are what this Weft would have written."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

import weft
from tests.laws.test_rebuild import tables
from weft import Entity, Field, Run, derive, field, on
from weft.content import Link
from weft.rebuild import rebuild
from weft.store import MEMO, VERSION, SpaceDamaged, Table, entries_of
from weft.stores import schema as sql
from weft.stores.damage import Finding, examine
from weft.stores.refusal import CannotOpen
from weft.stores.sqlite import SqliteStore

MEMO_1 = Table("memo", ("key",), ("position", "preimage", "value", "inline"))
VERSION_1 = Table("version", VERSION.key, VERSION.columns)


def shout(text: str) -> str:
    if text == "fails":
        raise ValueError(text)
    return text.upper() * (40_000 if text == "long" else 1)


class Note(Entity):
    """A text, loudly."""

    text: Field[str] = field(default="")
    loud = derive(shout, text)


class Sleeper(Entity):
    """A flow that waits."""

    @on(Entity.created)
    async def sleep(self, run: Run) -> None:
        await run.sleep(timedelta(days=1))


def lived(path: Path) -> dict[str, str]:
    """A space in which calls were made, one of them in vain, one with a large value; what its notes show, by id."""
    with weft.open(str(path), types=(Note,)) as space:
        notes = [space.create(Note, text=text) for text in ("a", "b", "long", "fails", "a")]
        for note in notes:
            with contextlib.suppress(weft.NodeFailed):
                note.loud.wait()
        notes[1].text = "c"
        assert notes[1].loud.wait() == "C"
        return {note.id: note.loud.wait() for note in notes if note.text != "fails"}


def as_version_1(path: Path) -> None:
    """Lay the tables out as schema 1 did: values of call keys in their rows, rows of slots in the order of keys."""
    with contextlib.closing(SqliteStore(path)) as store:
        first: dict[bytes, tuple[int, object, bytes, object]] = {}
        for entry in entries_of(store):
            key, outcome = entry.said.get("key"), entry.said.get("outcome")
            if entry.kind == "result" and isinstance(key, Link) and isinstance(outcome, dict) and "ok" in outcome:
                value = outcome["ok"]
                assert isinstance(value, Link)
                row = (entry.position, entry.said.get("preimage"), value.cid, outcome.get("value"))
                first.setdefault(bytes(key.cid), row)
        shown = list(store.rows(VERSION))
    memo, version = sql.TableText(MEMO_1), sql.TableText(VERSION_1)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for text in (memo, version):
            connection.execute(f"DROP TABLE {text.table.name}")
            connection.execute(text.create)
        connection.executemany(memo.put, [memo.cells((key,), row) for key, row in first.items()])  # type: ignore[arg-type]
        connection.executemany(version.put, [version.cells(key, row) for key, row in shown])
        connection.execute("DROP TABLE node")  # which came with schema 2
    as_version(path, 1)


def as_version(path: Path, version: int) -> None:
    """Have no table of waits, which came with schema 4, and before 3 no first rows; and say which schema it is."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE wait")
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        for text in sql.BEGUN:
            if text.table.name in there and version < 3:
                connection.execute(text.drop, text.first_key)
        if version < 3:
            connection.execute("DELETE FROM sqlite_sequence WHERE seq = 0")
        meta = sql.TEXTS["meta"]
        connection.execute(meta.put, meta.cells(("schema",), (version,)))
        connection.execute(f"PRAGMA user_version = {version}")


def test_a_space_of_the_second_schema_gets_its_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    shown = lived(path)
    with contextlib.closing(SqliteStore(path)) as store:
        before = tables(store)
    as_version(path, 2)
    said = Finding("it has schema 2; opening it moves it on to 4", "schema", mendable=True)
    assert examine(str(path)) == [said]

    with contextlib.closing(SqliteStore(path)) as store:
        assert tables(store) == before
        assert list(store.verify()) == []
        assert store.inbox() == []
        assert store.post(b"the first") == 1
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for text in sql.BEGUN:
            assert connection.execute(text.get, text.first_key).fetchone() == text.first
        connection.execute("DELETE FROM inbox WHERE number = 1")
        connection.commit()
    with weft.open(str(path), types=(Note,)) as space:
        assert {note.id: note.loud.wait() for note in space.find(Note) if note.text != "fails"} == shown
        assert all(count["executed"] == 0 for count in space.counts().values())


def test_a_space_of_the_third_schema_has_runs_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    shown = lived(path)
    as_version(path, 3)

    with weft.open(str(path), types=(Note, Sleeper)) as space:
        assert {note.id: note.loud.wait() for note in space.find(Note) if note.text != "fails"} == shown
        sleeper = space.create(Sleeper)
        assert [run.awaits for run in space.runs()] == [("sleep 1 day, 0:00:00",)]
    with weft.open(str(path), types=(Note, Sleeper)) as space:
        assert [run.entity for run in space.runs()] == [sleeper.id]
    with contextlib.closing(SqliteStore(path)) as store:
        assert list(store.verify()) == []


def test_a_space_of_the_second_schema_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "space.weft"
    lived(path)
    as_version(path, 2)
    before = path.read_bytes()
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda found, mode: mode != os.W_OK and allowed(found, mode))

    with pytest.raises(CannotOpen, match="its schema 2 is older, and moving it on needs to write"):
        SqliteStore(path)

    assert path.read_bytes() == before


def test_a_changed_version_is_not_taken_for_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    lived(path)
    whole = path.read_bytes()
    for version in (1, 2, 3):
        path.write_bytes(whole[:60] + version.to_bytes(4, "big") + whole[64:])

        with pytest.raises(SpaceDamaged, match=f"its header says schema {version}, and its meta row 4"):
            SqliteStore(path)

        assert [finding.mendable for finding in examine(str(path))] == [False]


def test_a_space_of_the_first_schema_is_what_it_would_be_now(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    shown = lived(path)
    with contextlib.closing(SqliteStore(path)) as store:
        before = tables(store)
    as_version_1(path)

    with contextlib.closing(SqliteStore(path)) as store:
        assert tables(store) == before
        assert len(before[MEMO.name]) == 4
        assert list(store.verify()) == []
        rebuild(store, epoch=store.acquire())
        assert tables(store) == before
    with weft.open(str(path), types=(Note,)) as space:
        assert {note.id: note.loud.wait() for note in space.find(Note) if note.text != "fails"} == shown
        other = space.create(Note, text="b")
        assert other.loud.wait() == "B"
        assert all(count["executed"] == 0 for count in space.counts().values())
