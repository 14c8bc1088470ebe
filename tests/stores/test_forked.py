"""A fork of the process that opened a space: it is told so at each use, and its parent goes on undisturbed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.kill,
    pytest.mark.skipif(
        not hasattr(os, "fork") and os.environ.get("WEFT_REQUIRE") != "all", reason="this system does not fork"
    ),
]

STORE = """
import os, sys
from weft.store import Batch, OpenedElsewhere
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

store = SqliteStore(sys.argv[1])
if sys.argv[2] == "engine":
    epoch = store.acquire()
    append_payloads(store, {"n": 1}, epoch=epoch)
else:
    epoch = 0
    store.post(b"one")
if (child := os.fork()) == 0:
    uses = {
        "append": lambda: store.append(Batch(), epoch=epoch),
        "post": lambda: store.post(b"x"),
        "keep": lambda: store.keep_blob([b"x"]),
        "acquire": store.acquire,
        "clear": lambda: store.clear(epoch=epoch),
        "changed": store.changed,
        "blob": lambda: store.open_blob(b""),
        "open": lambda: SqliteStore(sys.argv[1]),
        "records": store.records,
    }
    for name, use in uses.items():
        try:
            use()
            print(name, "was done", flush=True)
        except OpenedElsewhere as why:
            assert (why.pid, why.here) == (os.getppid(), os.getpid()), why
            print(name, "was refused", flush=True)
    store.close()
    SqliteStore(sys.argv[1] + "-other").close()
    print("the log beside is there:", os.path.exists(sys.argv[1] + "-wal"), flush=True)
    store._db.total_changes
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print("held by the parent:", store.holder() is not None)
if sys.argv[2] == "engine":
    append_payloads(store, {"n": 2}, epoch=epoch)
else:
    store.post(b"two")
print("now", store.head().position, len(store.inbox()))
store.close()
"""

SPACE = """
import os, sys
import weft
from weft.store import OpenedElsewhere

def upper(text: str) -> str:
    return text.upper()

class Note(weft.Entity):
    text: weft.Field[str] = weft.field(default="")
    loud = weft.derive(upper, text)

path = sys.argv[1] if sys.argv[1] != "memory" else None
with weft.open(path, types=[Note]) as space:
    note = space.create(Note)
    note.text = "first"
    assert note.loud.wait(30) == "FIRST"
    edit = space.edit()
    if (child := os.fork()) == 0:
        def batch():
            with edit:
                note.text = "by the child"
        uses = {
            "edit": lambda: setattr(note, "text", "by the child"),
            "batch": batch,
            "wait": lambda: note.loud.wait(30),
            "wait for all": lambda: space.wait_settled(timeout_s=30),
            "create": lambda: space.create(Note),
            "watch": lambda: space.watch(note.loud),
            "read": lambda: str(note.text),
            "subscribe": lambda: space.subscribe(),
            "enter": space.__enter__,
            **({"open": lambda: weft.open(path, types=[Note])} if path is not None else {}),
        }
        for name, use in uses.items():
            try:
                use()
                print(name, "was done", flush=True)
            except OpenedElsewhere as why:
                assert f"opened by process {os.getppid()}, and this is process {os.getpid()}" in str(why), why
                print(name, "was refused", flush=True)
        print(repr(space).startswith("<Space"), flush=True)
        sys.exit(0)  # leaves the block, which closes nothing
    assert os.waitpid(child, 0)[1] == 0
    print("parent:", note.loud.wait(30))
    note.text = "second"
    print("parent:", note.loud.wait(30))
"""


def said(folder: Path, code: str, *given: str) -> list[str]:
    """The lines of a program that forks; run by itself, since this process has threads."""
    program = folder / "program.py"
    program.write_text(code)
    command = [sys.executable, "-W", "ignore", str(program), *given]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as begun:
        try:
            printed, complained = begun.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(begun.pid, signal.SIGKILL)  # its fork too, should that wait for ever
    assert begun.returncode == 0, printed + complained
    return printed.splitlines()


@pytest.mark.parametrize("role", ["engine", "client"])
def test_a_store_is_not_used_by_a_fork_of_its_process(tmp_path: Path, role: str) -> None:
    lines = said(tmp_path, STORE, str(tmp_path / "space.weft"), role)

    assert lines[:9] == [
        f"{use} was refused"
        for use in ("append", "post", "keep", "acquire", "clear", "changed", "blob", "open", "records")
    ]
    is_engine = role == "engine"
    assert lines[9:] == [
        "the log beside is there: True",
        f"held by the parent: {is_engine}",
        "now 2 0" if is_engine else "now 0 2",
    ]


@pytest.mark.parametrize("place", ["file", "memory"])
def test_a_space_is_not_used_by_a_fork_of_its_process(tmp_path: Path, place: str) -> None:
    lines = said(tmp_path, SPACE, str(tmp_path / "space.weft") if place == "file" else "memory")

    uses = ["edit", "batch", "wait", "wait for all", "create", "watch", "read", "subscribe", "enter"]
    assert lines == [
        *(f"{use} was refused" for use in (*uses, "open") if use in uses or place == "file"),
        "True",
        "parent: FIRST",
        "parent: SECOND",
    ]
