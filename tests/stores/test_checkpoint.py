"""The write-ahead log is folded in beside the commits: which wait for nothing, but for a disk that does not keep up."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.until import until
from weft.standing import Erasure
from weft.store import Batch, StoreFailed
from weft.stores import checkpoint
from weft.stores.refusal import FileTakenAway
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

HERE = threading.get_ident
BEFORE, AFTER = "before checkpoint", "checkpointed"


class Watched:
    """A store with a lease, and what passes its checkpoints: which thread, and whether it is held up there."""

    def __init__(self, path: Path, *, is_aside: bool = True) -> None:
        self.passed: list[tuple[str, bool]] = []
        """Names of points, and whether it was the thread that uses the store."""
        self.may_go = threading.Event()
        self.may_go.set()
        self.refusal: OSError | None = None
        self._user = HERE()
        self.store = SqliteStore(path, on_point=self._pass, checkpoints_aside=is_aside)
        self.checkpointer = self.store._checkpointer
        self.epoch = self.store.acquire()
        self.passed.clear()

    def _pass(self, name: str) -> None:
        is_here = self._user == HERE()
        self.passed.append((name, is_here))
        if name == BEFORE and not is_here:
            assert self.may_go.wait(30)
        if name == BEFORE and self.refusal is not None:
            raise self.refusal

    def append(self, times: int = 1) -> None:
        """So many commits of one record."""
        for _ in range(times):
            append_payloads(self.store, {"n": self.store.head().position + 1, "text": "x" * 300}, epoch=self.epoch)

    def wait_idle(self) -> None:
        """Until the thread has nothing more to do."""
        until(lambda: self.checkpointer._is_idle)

    def checkpoints(self, *, here: bool) -> int:
        """How many were done, by the thread that uses the store or beside it."""
        return self.passed.count((AFTER, here))


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 3)
    watched = Watched(tmp_path / "space.weft")
    yield watched
    watched.may_go.set()
    watched.store.close()


def log_size(watched: Watched) -> int:
    return os.path.getsize(f"{watched.store.path}-wal")


def salt(watched: Watched) -> bytes:
    """What SQLite draws anew for each beginning of its log."""
    return Path(f"{watched.store.path}-wal").read_bytes()[16:24]


def test_commits_go_on_while_the_log_is_folded_in(watched: Watched) -> None:
    watched.may_go.clear()
    watched.append(3)
    assert (BEFORE, True) not in watched.passed
    until(lambda: (BEFORE, False) in watched.passed)

    watched.append(20)

    assert watched.store.head().position == 23
    assert watched.checkpoints(here=False) == watched.checkpoints(here=True) == 0
    watched.may_go.set()
    watched.wait_idle()
    # The one that was under way, and one for all that was asked for meanwhile.
    assert [watched.checkpoints(here=False), watched.checkpoints(here=True)] == [2, 0]
    size = log_size(watched)
    watched.append()
    assert log_size(watched) == size, "all of the log was folded in, so it is begun anew"


def test_nothing_is_folded_in_before_there_is_enough(watched: Watched) -> None:
    watched.append(2)

    assert watched.checkpointer._thread is None
    watched.append()
    assert watched.checkpointer._thread is not None


def test_where_it_is_asked_for_the_committing_thread_folds_the_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 3)
    watched = Watched(tmp_path / "space.weft", is_aside=False)

    watched.append(9)

    assert watched.checkpoints(here=True) == 3
    assert watched.checkpointer._thread is None
    watched.store.close()


def test_what_was_acknowledged_is_durably_known_before_the_log_is_folded_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 3)
    watched = Watched(tmp_path / "space.weft", is_aside=False)
    done: list[str] = []
    mark = watched.store._mark
    sync = mark.sync

    def synced() -> None:
        done.append("mark synced")
        sync()

    monkeypatch.setattr(mark, "sync", synced)
    watched.store._db.set_trace_callback(lambda said: done.append(said) if "checkpoint" in said else None)

    watched.append(3)

    assert done == ["mark synced", "PRAGMA wal_checkpoint(PASSIVE)"]
    watched.store.close()
    assert done[2:] == ["mark synced", "PRAGMA wal_checkpoint(TRUNCATE)"]


def test_what_others_committed_is_not_mistaken_for_a_checkpoint(watched: Watched) -> None:
    watched.append(3)
    watched.wait_idle()
    watched.store.changed()

    watched.append(3)
    watched.wait_idle()

    assert watched.store.changed()
    assert not watched.store.changed()


def test_a_commit_waits_for_a_disk_that_does_not_keep_up(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "WRITES_BEHIND_MAX", 12)
    watched.may_go.clear()
    watched.append(11)

    def let_go() -> None:
        until(lambda: watched.checkpointer._rows == 12)
        watched.may_go.set()

    with ThreadPoolExecutor(1) as beside:
        going = beside.submit(let_go)
        watched.append()
        going.result()

    assert watched.checkpointer._folded_to == 12
    assert watched.checkpoints(here=False) >= 1
    assert watched.checkpoints(here=True) == 1


def test_a_long_log_is_begun_anew_by_the_next_commits(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LONG_LOG_PAGES", 1)
    watched.may_go.clear()
    watched.append(3)
    until(lambda: (BEFORE, False) in watched.passed)
    before = salt(watched)
    watched.may_go.set()
    watched.wait_idle()
    assert watched.checkpoints(here=True) == 0

    watched.append()  # folds in what is left, which is itself
    watched.append()  # begins the log anew

    assert watched.checkpoints(here=True) == 1
    assert salt(watched) != before


def test_a_short_log_is_left_to_the_thread(watched: Watched) -> None:
    watched.append(3)
    watched.wait_idle()
    watched.append(2)

    assert watched.checkpoints(here=True) == 0


def test_a_log_that_has_grown_too_long_is_begun_anew_however_much_is_left(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "LOG_PAGES_MAX", 1)
    watched.append(3)
    watched.wait_idle()
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 1)  # each commit is many rows

    watched.append()

    assert watched.checkpoints(here=True) == 1
    assert watched.checkpointer._folded_to == watched.checkpointer._rows


def test_the_log_stays_short_under_constant_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 10)
    monkeypatch.setattr(checkpoint, "WRITES_BEHIND_MAX", 40)
    monkeypatch.setattr(checkpoint, "LONG_LOG_PAGES", 50)
    watched = Watched(tmp_path / "space.weft")
    page_bytes, longest = 4096 + 24, 0

    for _ in range(60):
        watched.append(10)
        longest = max(longest, log_size(watched))

    # Two or three pages a commit, however the threads take their turns: until it is seen to be long, and then as many
    # as may be behind.
    assert longest < (50 + 2 * 40 * 5) * page_bytes
    watched.store.close()


def test_a_checkpoint_that_failed_aside_is_heard_by_the_next_write(watched: Watched) -> None:
    watched.refusal = OSError(errno.EIO, os.strerror(errno.EIO))
    watched.append(3)
    watched.wait_idle()

    for _ in range(2):
        with pytest.raises(StoreFailed, match="Input/output error"):
            watched.append()
        with pytest.raises(StoreFailed, match="Input/output error"):
            watched.store.post(b"x")
    assert watched.store.head().position == len(list(watched.store.records())) == 3, "reads go on"
    assert watched.store.inbox() == []

    watched.refusal = None
    watched.append(3)
    assert watched.store.head().position == 6
    assert watched.checkpoints(here=True) == 1


def test_a_checkpoint_that_fails_once_costs_nobody_an_edit(watched: Watched) -> None:
    watched.refusal = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    watched.append(3)
    watched.wait_idle()
    watched.refusal = None

    watched.append()

    assert watched.store.head().position == 4
    assert watched.checkpointer.failure is None


def test_a_checkpoint_that_failed_within_a_commit_is_heard_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "WRITES_PER_CHECKPOINT", 3)
    watched = Watched(tmp_path / "space.weft", is_aside=False)
    watched.refusal = OSError(errno.EIO, os.strerror(errno.EIO))

    watched.append(3)

    assert watched.store.head().position == 3
    with pytest.raises(StoreFailed, match="Input/output error"):
        watched.append()
    assert watched.store.head().position == 3
    watched.store.close()


def is_passing_refused(watched: Watched) -> bool:
    """Whether no checkpoint could begin now, on another thread."""

    def tried() -> bool:
        if free := watched.checkpointer._pass.acquire(blocking=False):
            watched.checkpointer._pass.release()
        return not free

    with ThreadPoolExecutor(1) as beside:
        return beside.submit(tried).result()


def test_a_sweep_lets_no_checkpoint_come_between(watched: Watched) -> None:
    seen: dict[str, bool] = {}
    watched.append(3)
    watched.wait_idle()
    watched.store.erase(Batch(), Erasure(), epoch=watched.epoch)
    watched.store._db.set_trace_callback(
        lambda said: (
            seen.__setitem__(said, is_passing_refused(watched)) if "VACUUM" in said or "TRUNC" in said else None
        )
    )

    assert watched.store.sweep() == ""

    watched.store._db.set_trace_callback(None)
    assert seen == {"VACUUM": True, "PRAGMA wal_checkpoint(TRUNCATE)": True}
    assert not is_passing_refused(watched)


def test_a_renewal_lets_no_checkpoint_come_between(watched: Watched) -> None:
    seen: list[bool] = []
    watched.append(3)
    watched.store._db.set_trace_callback(lambda said: seen.append(is_passing_refused(watched)))

    watched.store._renew()

    watched.store._db.set_trace_callback(None)
    assert seen != []
    assert all(seen)
    assert list(watched.store.verify()) == []


def test_a_close_waits_for_the_checkpoint_that_is_under_way(watched: Watched) -> None:
    watched.may_go.clear()
    watched.append(3)
    until(lambda: (BEFORE, False) in watched.passed)
    thread = watched.checkpointer._thread
    seen: list[bool] = []
    watched.store._db.set_trace_callback(
        lambda said: seen.append(thread is not None and thread.is_alive()) if "TRUNCATE" in said else None
    )

    def let_go() -> None:
        until(lambda: watched.checkpointer._is_over)
        watched.may_go.set()

    with ThreadPoolExecutor(1) as beside:
        going = beside.submit(let_go)
        watched.store.close()
        going.result()

    assert seen == [False]
    assert watched.passed[-4:-1] == [(AFTER, False), (BEFORE, True), (AFTER, True)]
    assert not os.path.exists(f"{watched.store.path}-wal")


def test_who_gives_the_lease_back_folds_nothing_in_any_more(watched: Watched) -> None:
    watched.append(3)
    watched.wait_idle()
    before = {thread for thread in threading.enumerate() if thread.name == "weft checkpoints"}

    watched.store.release()

    assert watched.checkpointer._own is None
    assert not any(thread.is_alive() for thread in before)
    watched.epoch = watched.store.acquire()
    watched.passed.clear()
    watched.append(3)
    watched.wait_idle()
    assert watched.checkpoints(here=False) == 1, "and begins again with the next lease"


def test_a_file_that_took_the_place_of_the_one_that_is_open_is_left_alone(watched: Watched, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.weft")
    other.post(b"x")
    other.close()
    found = (tmp_path / "other.weft").read_bytes()
    with watched.checkpointer.paused():
        watched.append(3)
        os.rename(tmp_path / "other.weft", tmp_path / "space.weft")
    watched.wait_idle()

    assert watched.checkpointer._own is None
    assert watched.checkpoints(here=False) == 0
    with pytest.raises(FileTakenAway):
        watched.append()
    assert (tmp_path / "space.weft").read_bytes() == found


def test_a_long_reader_holds_up_no_commit(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LONG_LOG_PAGES", 1)
    assert watched.store.path is not None
    reader = sqlite3.connect(watched.store.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM record").fetchone()

    for _ in range(5):
        watched.append(3)
        watched.wait_idle()

    # What it reads past stays in the log, which is looked at once for each time that the thread was at it.
    assert watched.checkpoints(here=True) <= watched.checkpoints(here=False) <= 5
    assert reader.execute("SELECT count(*) FROM record").fetchone() == (0,)
    reader.close()
    assert watched.checkpointer.failure is None


FORGETFUL = """
import sys
from weft.stores import checkpoint
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

checkpoint.WRITES_PER_CHECKPOINT = 3
store = SqliteStore(sys.argv[1])
epoch = store.acquire()
for number in range(int(sys.argv[2])):
    append_payloads(store, {"n": number}, epoch=epoch)
assert store._checkpointer._thread.is_alive()
"""


@pytest.mark.parametrize("times", [3, 4, 50])
def test_a_program_that_forgets_to_close_ends_and_loses_nothing(tmp_path: Path, times: int) -> None:
    path = str(tmp_path / "space.weft")

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORGETFUL, path, str(times)], capture_output=True, text=True, timeout=30
    )

    assert (done.returncode, done.stderr) == (0, "")
    store = SqliteStore(path)
    assert [record.content()["n"] for record in store.records()] == list(range(times))
    assert list(store.verify()) == []
    store.close()


FORK = """
import os, sys, threading
from weft.stores import checkpoint
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads

checkpoint.WRITES_PER_CHECKPOINT = 3
passed, is_there, may_go = [], threading.Event(), threading.Event()

def on_point(name):
    if name == "before checkpoint" and threading.current_thread() is not threading.main_thread():
        is_there.set()
        may_go.wait()
    passed.append(name)

store = SqliteStore(sys.argv[1], on_point=on_point)
epoch = store.acquire()
append_payloads(store, {"n": 1}, {"n": 2}, {"n": 3}, epoch=epoch)
is_there.wait()
os.register_at_fork(before=may_go.set)  # comes before those that were there already
if (child := os.fork()) == 0:
    print("the log was folded in:", "checkpointed" in passed, flush=True)
    SqliteStore(sys.argv[1] + "-other").close()
    store.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
append_payloads(store, {"n": 4}, {"n": 5}, {"n": 6}, epoch=epoch)
store.close()
print(passed.count("checkpointed") >= 2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_waits_for_the_checkpoint_that_is_under_way(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, str(tmp_path / "space.weft")],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (done.stderr, done.stdout) == ("", "the log was folded in: True\nTrue\n")
