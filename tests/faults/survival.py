"""What must be true of a space after a fault: all that is true after a kill, no findings, and the log makes its tables.

Knows nothing of the fault. The invariants have the names that they have in `recovery`; I3 is that damage is named.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.kill.garden import CALLS, TYPES
from tests.kill.recovery import Found, check_at_once, check_at_rest
from tests.kill.scene import Scene
from tests.laws.test_rebuild import tables
from weft.cli import doctor
from weft.definition import compile_type, type_name
from weft.rebuild import rebuild
from weft.spec import TypeSpec
from weft.store import DUE
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore

SPECS = {type_name(kind): compile_type(kind) for kind in TYPES}
NOTHING = Found(records=(), events=(), at={}, ids={}, waiting=())
"""What is found where no space was made yet."""


def check_survival(scene: Scene, path: Path, acknowledged: Sequence[str], *, schema: Schema = SCHEMA) -> Found:
    """All of it: at once, and after going on to the end. Raises AssertionError."""
    calls = path.parent / "calls"
    found = check_left(scene, path, acknowledged, schema=schema)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CALLS, str(calls))
        check_at_rest(str(path), found, scene.reference, calls, schema=schema)
    if schema is SCHEMA:
        check_whole(path, "at rest")
    check_rebuilt(path, is_at_rest=True, schema=schema)
    return found


def check_left(scene: Scene, path: Path, acknowledged: Sequence[str], *, schema: Schema = SCHEMA) -> Found:
    """The file as the fault left it, before anything goes on."""
    if not path.exists():
        assert list(acknowledged) == [], "I1: nothing was promised of a space that is not there"
        return NOTHING
    if schema is SCHEMA:
        check_whole(path, "at once")
    found = check_at_once(str(path), acknowledged, scene.reference, schema=schema)
    check_rebuilt(path, is_at_rest=False, schema=schema)
    return found


def check_whole(path: Path, when: str) -> None:
    """I3, where nothing was damaged: the doctor finds nothing."""
    found = diagnose(path)
    assert found == [], f"I3, {when}: {found}"


def diagnose(path: Path) -> list[dict[str, object]]:
    """What `weft doctor` says is wrong."""
    said = CliRunner().invoke(doctor.command, [str(path), "--json"], standalone_mode=False)
    if said.exception is not None:
        raise said.exception
    findings = json.loads(said.stdout)["findings"]
    assert isinstance(findings, list)
    return findings


def check_rebuilt(
    path: Path, *, is_at_rest: bool, schema: Schema = SCHEMA, types: Mapping[str, TypeSpec] = SPECS
) -> None:
    """In a copy: the tables are those that the log makes."""
    if not path.exists():
        return
    copy = laid_aside(path, path.parent / "rebuilt")
    with closing(SqliteStore(copy, schema=schema)) as store:
        before = tables(store)
        rebuild(store, epoch=store.acquire(), types=dict(types))
        after = tables(store)
    for name, rows in before.items():
        if name == DUE.name and not is_at_rest:
            # An engine that restarted knows less of what was read before, so it may have made less due.
            assert after[name].keys() >= rows.keys(), f"a rebuild forgets what is due in {name}"
        else:
            assert after[name] == rows, f"a rebuild makes another {name}"
    shutil.rmtree(copy.parent)


def laid_aside(path: Path, folder: Path) -> Path:
    """A copy of a space that nobody has open, with its neighbours."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("", "-wal", "-mark"):
        if os.path.exists(f"{path}{name}"):
            shutil.copy(f"{path}{name}", folder)
    return folder / path.name
