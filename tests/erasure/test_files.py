"""What forgetting leaves in files: after a kill at each point, beside a reader, in exports; and what is no erasure."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.erasure.lives import (
    SPECS,
    TYPES,
    Note,
    canary,
    check_gone,
    check_rebuilt,
    noted,
    opened,
    path,
    settle,
    where_is,
)
from tests.laws.test_rebuild import tables
from weft import open as open_space
from weft.content import Link, content_id, encode
from weft.copies import back_up, export_space, import_space
from weft.copies.incoming import ImportRefused
from weft.erasure import NoEngineHere, NotItsEngine, forget_in_file, look
from weft.rebuild import RecordUnplayable, rebuild
from weft.standing import ERASED
from weft.store import SpaceDamaged
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore

__all__ = ["path"]
BIRD = canary(1)
KILLED = """
import os, signal, sys
from weft.engine import Engine
from weft.erasure import carry_out, look
from weft.stores.sqlite import SqliteStore

path, what, countdown = sys.argv[1], sys.argv[2], int(sys.argv[3])

def on_point(name):
    global countdown
    countdown -= 1
    print(name, flush=True)
    if countdown == 0:
        os.kill(os.getpid(), signal.SIGKILL)

store = SqliteStore(path, on_point=on_point)
engine = Engine(store, epoch=store.acquire(), types={}, now=lambda: "t")
carry_out(engine, look(engine, what), actor="a", time="t")
store.close()
"""


def lived(path: Path) -> str:
    """A space with two notes; the id of the first."""
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2)
        settle(note, other)
        note.text = f"{BIRD} sings once more"
        settle(note)
        return note.id


@pytest.mark.kill
def test_a_kill_at_any_point_leaves_all_of_it_or_nothing(path: Path, tmp_path: Path) -> None:
    what = lived(path)
    whole = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with contextlib.closing(SqliteStore(path)) as store:
        before, head = tables(store), store.head()
    passed: set[str] = set()
    for countdown in range(1, 100):
        for file in path.parent.iterdir():
            os.remove(file)
        for name, content in whole.items():
            (path.parent / name).write_bytes(content)
        command = [sys.executable, "-c", KILLED, str(path), what, str(countdown)]
        done = subprocess.run(command, capture_output=True, text=True)
        passed |= set(done.stdout.split("\n"))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        with contextlib.closing(SqliteStore(path)) as store:
            store.acquire()
            is_done = any(record.kind == ERASED for record in store.records())
            assert list(store.verify()) == []
            if not is_done:
                assert (store.head(), tables(store)) == (head, before)
        if is_done:
            assert where_is(BIRD, path) == []
    assert {"before commit", "after commit", "erased", "before sweep", "swept"} <= passed
    check_gone(BIRD, path, tmp_path)


def test_beside_a_reader_the_file_is_swept_when_it_is_next_opened(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        settle(note)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM record").fetchone()

            done = space.forget(note)

            assert done.unswept == "another program reads the space just now"
            assert where_is(BIRD, path) != []
    opened(path).close()
    assert where_is(BIRD, path) == []
    check_gone(BIRD, path, tmp_path)


def test_a_payload_that_no_record_names_does_not_stand(path: Path) -> None:
    what = lived(path)
    done = forget_in_file(path, what, actor="a", time="t", types=SPECS)
    replaced = next(at for at, payload in done.found.payloads.items() if payload is not None)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE record SET payload = ? WHERE position = ?", (encode({"results": []}), replaced))

    assert [one.what for one in examine(str(path))][:1] == [
        f"record {replaced} has changed: its payload does not match its content id"
    ]


def test_a_record_that_names_other_payloads_is_not_believed(path: Path) -> None:
    what = lived(path)
    done = forget_in_file(path, what, actor="a", time="t", types=SPECS)
    with contextlib.closing(SqliteStore(path)) as store:
        said = list(store.records())[-1].content()
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        forged = encode({**said, "why": "forged"})
        database.execute("UPDATE record SET payload = ? WHERE position = ?", (forged, done.position))

    assert examine(str(path)) != []
    with pytest.raises(SpaceDamaged):
        SqliteStore(path)


def test_a_changed_erased_record_names_nothing(path: Path) -> None:
    what = lived(path)
    done = forget_in_file(path, what, actor="a", time="t", types=SPECS)
    replaced = next(at for at, payload in done.found.payloads.items() if payload is not None)
    with contextlib.closing(SqliteStore(path)) as store:
        said = list(store.records())[-1].content()
    other = encode({"results": []})
    forged = encode({**said, "stands": [[replaced, Link(content_id(other))]]})
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE record SET payload = ? WHERE position = ?", (other, replaced))
        database.execute("UPDATE record SET payload = ? WHERE position = ?", (forged, done.position))

    assert f"record {replaced} has changed" in examine(str(path))[0].what


def test_an_event_that_is_missing_and_not_said_to_be_erased_cannot_be_played(path: Path) -> None:
    what = lived(path)
    forget_in_file(path, what, actor="a", time="t", types=SPECS)
    with contextlib.closing(SqliteStore(path)) as store:
        missing = [record.position for record in store.records() if record.kind == "event" and record.payload][-1]
        store._db.execute("UPDATE record SET payload = NULL WHERE position = ?", (missing,))
        with pytest.raises(RecordUnplayable, match=f"Record {missing} .* what it says is not there"):
            rebuild(store, epoch=store.acquire())


# Exports -------------------------------------------------------------------------------------------------------------


def exported(path: Path, tmp_path: Path) -> list[bytes]:
    what = lived(path)
    forget_in_file(path, what, actor="a", time="t", types=SPECS)
    export_space(path, tmp_path / "out.ndjson")
    return (tmp_path / "out.ndjson").read_bytes().splitlines(keepends=True)


def test_an_export_says_that_something_was_erased_to_those_who_would_take_it_for_damage(
    path: Path, tmp_path: Path
) -> None:
    lines = exported(path, tmp_path)

    assert lines[0].startswith(b'{"weft-export":2')
    assert sum(b'"payload":null' in line for line in lines) == 7


def test_what_stands_in_an_export_is_proved(path: Path, tmp_path: Path) -> None:
    lines = exported(path, tmp_path)
    number = next(number for number, line in enumerate(lines) if b'"erased":true' in line)
    lines[number] = lines[number].replace(b'"erased":true', b'"erased":null')
    (tmp_path / "out.ndjson").write_bytes(b"".join(lines))

    with pytest.raises(ImportRefused, match=f"line {number + 1}: .* its payload does not match its content id"):
        import_space(tmp_path / "out.ndjson", tmp_path / "again.weft", types=SPECS)


def test_an_export_without_the_record_that_says_so_is_refused(path: Path, tmp_path: Path) -> None:
    lines = exported(path, tmp_path)
    number = next(number for number, line in enumerate(lines) if b'"kind":"erased"' in line)
    (tmp_path / "out.ndjson").write_bytes(b"".join(lines[:number] + lines[number + 1 :]))

    with pytest.raises(ImportRefused, match="its payload does not match its content id"):
        import_space(tmp_path / "out.ndjson", tmp_path / "again.weft", types=SPECS)


# Who may -------------------------------------------------------------------------------------------------------------


def test_a_client_is_told_who_can(path: Path) -> None:
    what = lived(path)
    with opened(path) as space, open_space(str(path), types=TYPES, engine=False) as client:
        assert not client.is_engine
        refused = re.escape(f"is computed by process {os.getpid()} on ")
        with pytest.raises(NotItsEngine, match=refused):
            client.forget(what)
        with pytest.raises(NotItsEngine, match=refused):
            forget_in_file(path, what, actor="a", time="t")
        assert space.get(Note, what).text == f"{BIRD} sings once more"
    with open_space(str(path), types=TYPES, engine=False) as client, pytest.raises(NoEngineHere, match="engine=True"):
        client.forget(what)


async def forget_here(path: Path, what: str) -> None:
    async with open_space(str(path), types=TYPES) as space:
        space.forget(what)
        assert space.find(Note)[0].text == f"{canary(2)} sings"


def test_an_engine_on_the_running_loop_forgets_between_its_turns(path: Path, tmp_path: Path) -> None:
    import asyncio

    asyncio.run(forget_here(path, lived(path)))

    check_gone(BIRD, path, tmp_path)


def test_tables_are_those_of_a_rebuild_after_several(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        notes = [noted(space, number) for number in range(1, 5)]
        settle(*notes)
        for note in notes[:3]:
            space.forget(note)
            kept = tables(space._store)
            back_up(path, tmp_path / "copy.weft", overwrite=True)
            with contextlib.closing(SqliteStore(tmp_path / "copy.weft")) as copy:
                rebuild(copy, epoch=copy.acquire(), types=SPECS)
                assert tables(copy) == kept
        with space.view() as engine:
            assert look(engine, notes[3].id).before == space.position
    check_rebuilt(path)
