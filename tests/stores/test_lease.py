"""The lease: held once, by whoever lives, and fenced by an epoch that is read in the append's own transaction."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from weft.store import Batch, Fenced, LockedHere, SpaceLocked
from weft.stores.lease import FileLock
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import next_records

HOLD = """
import sys
from weft.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print(store.acquire(), flush=True)
sys.stdin.read()
"""
HOLD_AND_FORK = """
import os, sys
from weft.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.acquire()
if os.fork() == 0:
    print("forked", flush=True)
sys.stdin.read()
"""
HOLD_AND_DIE_IN_A_START = """
import os, signal, subprocess, sys
from weft.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.acquire()
os.set_inheritable(store._lock._descriptor, True)
subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdout=subprocess.DEVNULL, close_fds=False)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


@pytest.fixture
def holder(path: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    with _run(HOLD, path) as process:
        assert process.stdout is not None and process.stdout.readline() == "1\n"
        yield process
        process.kill()


def _run(code: str, path: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_another_process_that_holds_the_lease_is_named(path: str, holder: subprocess.Popen[str]) -> None:
    store = SqliteStore(path)

    with pytest.raises(SpaceLocked) as refused:
        store.acquire()

    assert (refused.value.pid, refused.value.host) == (holder.pid, socket.gethostname())
    assert str(holder.pid) in str(refused.value)
    found = store.holder()
    assert found == (holder.pid, socket.gethostname(), 1)
    store.close()


def test_a_space_that_this_very_program_holds_is_said_to_be_held_here(path: str) -> None:
    with closing(SqliteStore(path)) as first, closing(SqliteStore(path)) as second:
        first.acquire()

        with pytest.raises(LockedHere) as refused:
            second.acquire()

    said = str(refused.value)
    assert f"is held by an engine of this very program (process {os.getpid()}). Open it without engine=True" in said
    assert said.endswith("or close it there first.")


@pytest.mark.kill
def test_the_lease_is_free_as_soon_as_its_holder_is_killed(path: str, holder: subprocess.Popen[str]) -> None:
    store = SqliteStore(path)

    holder.send_signal(signal.SIGKILL)
    holder.wait()

    assert store.holder() is None
    assert store.acquire() == 2
    store.close()


@pytest.mark.kill
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_keep_the_lease_of_its_killed_parent(path: str) -> None:
    with _run(HOLD_AND_FORK, path) as process:
        assert process.stdout is not None and process.stdout.readline() == "forked\n"
        store = SqliteStore(path)
        assert store.holder() is not None

        process.send_signal(signal.SIGKILL)
        process.wait()

        # The child lives until its standard input ends, at the end of the block.
        assert store.acquire() == 2
        store.close()


def test_what_the_file_says_is_not_believed_without_the_lock(path: str) -> None:
    store = SqliteStore(path)
    Path(f"{path}-lease").write_text(f"{os.getpid()} {socket.gethostname()}\n")

    assert store.holder() is None
    assert store.acquire() == 1
    store.close()


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"99999999999999999999 \xc3", b"-1 x", b"\xb2 x"])
def test_a_holder_that_signed_illegibly_still_holds(path: str, text: bytes) -> None:
    store, other = SqliteStore(path), SqliteStore(path)
    store.acquire()
    Path(f"{path}-lease").write_bytes(text)

    with pytest.raises(SpaceLocked):
        other.acquire()

    assert other.holder() is not None
    other.close()
    store.close()


def test_those_who_only_look_do_not_keep_an_engine_out(tmp_path: Path) -> None:
    path = str(tmp_path / "lease")
    lock, onlooker = FileLock(path), FileLock(path)
    assert lock.acquire()
    lock.release()

    for _ in range(200):
        assert onlooker.owner() is None
        assert lock.acquire()
        assert onlooker.owner() == (os.getpid(), socket.gethostname())
        lock.release()


def test_a_lease_file_that_was_deleted_is_made_again(path: str) -> None:
    store = SqliteStore(path)
    store.acquire()
    store.release()

    os.remove(f"{path}-lease")

    assert store.holder() is None
    assert store.acquire() == 2
    store.close()


def test_an_engine_whose_lease_file_was_deleted_is_fenced_by_the_epoch(path: str) -> None:
    old, new = SqliteStore(path), SqliteStore(path)
    old_epoch = old.acquire()
    os.remove(f"{path}-lease")
    new_epoch = new.acquire()

    with pytest.raises(Fenced) as refused:
        old.append(Batch(records=next_records(old.head(), {"n": 1}, epoch=old_epoch)), epoch=old_epoch)

    assert (refused.value.epoch, refused.value.newest) == (old_epoch, new_epoch)
    assert new.head().position == 0
    new.close()
    old.close()


def test_a_child_program_does_not_inherit_the_lease(path: str) -> None:
    store = SqliteStore(path)
    store.acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, close_fds=False
    ):
        store.release()
        with SqliteStoreClosing(path) as other:
            assert other.acquire() == 2
    store.close()


@pytest.mark.parametrize("does", ["looks", "takes it"])
def test_a_lease_that_a_dead_holder_was_handing_to_a_child_is_outwaited(path: str, does: str) -> None:
    with _run(HOLD_AND_DIE_IN_A_START, path) as process, SqliteStoreClosing(path) as store:
        assert process.stdin is not None and process.wait() == -signal.SIGKILL
        # The child has what its parent had, as it has between fork and exec, until its input ends.
        goes_on = threading.Timer(0.1, process.stdin.close)
        goes_on.start()
        if does == "looks":
            assert store.holder() is None
        else:
            assert store.acquire() == 2
        goes_on.join()


class SqliteStoreClosing:
    """A store that is closed at the end of a block."""

    def __init__(self, path: str) -> None:
        self._store = SqliteStore(path)

    def __enter__(self) -> SqliteStore:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()
