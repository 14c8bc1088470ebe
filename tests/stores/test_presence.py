"""Who is there: asked of the operating system, so that whoever was killed is not, and whoever stands still is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from weft.stores.lease import FileLock
from weft.stores.presence import Presences
from weft.stores.sqlite import SqliteStore
from weft.watchers import is_presence, new_presence

ENTER = """
import sys
from weft.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
store.enter(sys.argv[2])
print("there", flush=True)
sys.stdin.read()
store.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "space.weft")
    SqliteStore(path).close()
    return path


@pytest.fixture
def name() -> str:
    return new_presence()


@pytest.fixture
def other(path: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has entered."""
    command = [sys.executable, "-c", ENTER, path, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "there\n"
        yield process
        process.kill()


def files(path: str) -> list[str]:
    """What lies beside the space for those who are there."""
    folder, start = os.path.split(f"{path}-client-")
    return [found for found in os.listdir(folder) if found.startswith(start)]


@pytest.mark.kill
def test_who_is_killed_is_not_there_and_leaves_no_file(path: str, name: str, other: subprocess.Popen[str]) -> None:
    with closing(SqliteStore(path)) as store:
        assert store.is_there(name)

        other.kill()
        other.wait()

        assert not store.is_there(name)
        assert files(path) == []


@pytest.mark.kill
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing is stopped on this system")
def test_who_stands_still_is_there(path: str, name: str, other: subprocess.Popen[str]) -> None:
    with closing(SqliteStore(path)) as store:
        other.send_signal(signal.SIGSTOP)
        try:
            assert store.is_there(name)
        finally:
            other.send_signal(signal.SIGCONT)


def test_who_closes_leaves_no_file(path: str, name: str, other: subprocess.Popen[str]) -> None:
    assert len(files(path)) == 1
    assert other.stdin is not None
    other.stdin.close()
    other.wait()

    assert files(path) == []
    with closing(SqliteStore(path)) as store:
        assert not store.is_there(name)


@pytest.mark.kill
def test_the_next_engine_takes_away_what_the_killed_left(path: str, name: str, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert len(files(path)) == 1

    with closing(SqliteStore(path)) as store:
        store.acquire()

        assert files(path) == []


def test_a_file_that_is_none_of_ours_is_left_alone(path: str) -> None:
    strange = Path(f"{path}-client-list.txt")
    strange.write_text("Ann\n")

    with closing(SqliteStore(path)) as store:
        store.acquire()

    assert strange.read_text() == "Ann\n"


@pytest.mark.skipif(os.name != "posix", reason="links are made otherwise here")
def test_who_cannot_be_looked_at_is_there(path: str, name: str) -> None:
    os.symlink(f"{path}-client-{name}", f"{path}-client-{name}")  # opening it is refused, as of one of another user

    with closing(SqliteStore(path)) as store:
        assert store.is_there(name)


def test_a_name_is_entered_under_once(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / "space.weft")
    first, second = Presences(path), Presences(path)
    first.enter(name)

    with pytest.raises(FileExistsError):
        second.enter(name)
    first.leave()
    second.enter(name)
    first.leave()

    assert FileLock(f"{path}-client-{name}").owner() is not None
    second.leave()


@pytest.mark.parametrize("wrong", ["", "7", "../" + "0" * 29, "0" * 31, "0" * 33, "G" * 32, "0" * 32 + "\n"])
def test_a_name_becomes_part_of_a_files_name_so_not_every_one_is_asked_for(wrong: str) -> None:
    assert not is_presence(wrong)
    assert is_presence(new_presence())


@pytest.mark.kill
def test_programs_that_enter_while_engines_come_and_go_are_there(path: str) -> None:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            with closing(SqliteStore(path)) as store:
                store.acquire()

    engines = threading.Thread(target=come_and_go)
    engines.start()
    try:
        for _ in range(100):
            with closing(SqliteStore(path)) as store:
                name = new_presence()
                store.enter(name)
                with closing(SqliteStore(path)) as other:
                    assert other.is_there(name)
    finally:
        stop.set()
        engines.join(60)
    assert files(path) == []
