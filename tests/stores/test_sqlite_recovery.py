"""The SQLite store after a kill, on a disk that refuses, at paths that are no space, and across schema versions."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import missing_part
from tests.faults import disk, tracer
from weft.content import raw_id
from weft.store import STATE, Batch, NotASpace, SpaceLocked, SpaceNewer, StoreFailed
from weft.stores.points import CRASH_POINTS
from weft.stores.refusal import CannotOpen
from weft.stores.schema import SCHEMA, Schema
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads, next_records

LONG = bool(os.environ.get("WEFT_LONG"))
WORK = """
import os, signal, sys, threading
from weft.store import STATE, Batch
from weft.stores import checkpoint, sqlite
from weft.standing import Erasure
from weft.stores.schema import SCHEMA, Schema
from weft.testing.store_suite import next_records

path, point, countdown = sys.argv[1], sys.argv[2], int(sys.argv[3])
checkpoint.WRITES_PER_CHECKPOINT = 10

one_at_a_time = threading.Lock()

def on_point(name):
    global countdown
    if point in (name, "any"):
        with one_at_a_time:
            countdown -= 1
            if countdown == 0:
                os.kill(os.getpid(), signal.SIGKILL)

def say(verb, word):
    sys.stdout.write(f"{verb} {word}" + chr(10))  # in one piece: the kill may come from another thread
    sys.stdout.flush()

schema = SCHEMA
if point in ("backed up", "before migration", "migrated"):
    sqlite.SqliteStore(path).close()
    schema = Schema(SCHEMA.version + 1, SCHEMA.statements, {SCHEMA.version: lambda connection: None})
# At a point of its own choice the log is folded in by this thread, so that each is passed so often in every run.
store = sqlite.SqliteStore(path, on_point=on_point, schema=schema, checkpoints_aside=point == "any")
for turn in range(3):
    epoch = store.acquire()
    for step in range(4):
        number = store.post(b"entry %d" % (turn * 4 + step))
        say("posted", number)
        payload = {"n": store.head().position + 1, "text": "x" * 300}
        batch = Batch(records=next_records(store.head(), payload, epoch=epoch), taken=[number])
        batch.put(STATE, ("e", "n", str(payload["n"])), (b"cell", payload["n"]))
        store.append(batch, epoch=epoch)
        say("appended", payload["n"])
    cid, size = store.keep_blob([bytes([turn]) * 350_000] * 30)
    say("kept", cid.hex())
    if turn == 0:
        store.erase(Batch(), Erasure(), epoch=epoch)
        assert store.sweep() == ""
    store.clear(epoch=epoch) if turn == 2 else None
    store._renew() if turn == 2 else None
    store.release()
store.close()
say("closed", 0)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


def acknowledged(output: str, verb: str) -> list[str]:
    """What the killed program said before it died."""
    return [line.split()[1] for line in output.splitlines() if line.startswith(verb)]


ONCE = {
    "space drafted", "space created", "backed up", "before migration", "migrated", "cleared", "renewed", "erased",
    "before sweep", "swept",
}  # fmt: skip
"""Points that a program passes once in its life."""


@pytest.mark.kill
@pytest.mark.parametrize(
    ("point", "countdown"), [(name, turn) for name in CRASH_POINTS for turn in (1, 2) if turn == 1 or name not in ONCE]
)
def test_what_was_acknowledged_survives_a_kill_at_each_point(path: str, point: str, countdown: int) -> None:
    died = run_until(path, point, countdown)

    assert died.returncode == -signal.SIGKILL, f"{point} was never passed: {died.stderr}"
    check_recovery(path, died)


@pytest.mark.kill
@pytest.mark.parametrize("seed", range(200 if LONG else 5))
def test_what_was_acknowledged_survives_a_kill_at_any_moment(path: str, seed: int) -> None:
    died = run_until(path, "any", random.Random(seed).randrange(1, 100))

    assert died.returncode == -signal.SIGKILL, died.stderr
    check_recovery(path, died)


def run_until(path: str, point: str, countdown: int) -> subprocess.CompletedProcess[str]:
    """Work on the space until `point` ("any": each of them) was passed so often; there the program kills itself."""
    command = [sys.executable, "-c", WORK, path, point, str(countdown)]
    return subprocess.run(command, capture_output=True, text=True)


def check_recovery(path: str, died: subprocess.CompletedProcess[str]) -> None:
    store = SqliteStore(
        path, schema=Schema(SCHEMA.version + 1, SCHEMA.statements, {SCHEMA.version: lambda connection: None})
    )
    assert list(store.verify()) == []
    check_log(store, died.stdout)
    check_rows(store)
    check_blobs(store, died.stdout)
    assert store.holder() is None
    append_payloads(store, {"n": "after"}, epoch=store.acquire())
    assert store._db.execute("SELECT count(*) FROM piece WHERE cid NOT IN (SELECT cid FROM blob)").fetchone() == (0,)
    store.close()


def check_log(store: SqliteStore, output: str) -> None:
    """I1: what was acknowledged is there once, in order. I2: what was not is absent or whole."""
    appended = [int(word) for word in acknowledged(output, "appended")]
    found = [record.content()["n"] for record in store.records()]
    assert found[: len(appended)] == appended
    assert len(found) <= len(appended) + 1
    assert found == list(range(1, len(found) + 1))
    posted = [int(word) for word in acknowledged(output, "posted")]
    waiting = [number for number, _ in store.inbox()]
    assert len(waiting) <= 1
    # The entry that a whole append took is gone, the one that none took is still there.
    assert waiting in ([], [len(found) + 1])
    assert len(posted) <= len(found) + len(waiting)


def check_rows(store: SqliteStore) -> None:
    """A batch is there whole or not at all: each record has its row, unless the tables were emptied."""
    rows = sorted(row[1] for _, row in store.rows(STATE) if isinstance(row[1], int))
    assert rows in ([], list(range(1, store.head().position + 1)))


def check_blobs(store: SqliteStore, output: str) -> None:
    """Content is there whole or not at all."""
    for turn, cid in enumerate(acknowledged(output, "kept")):
        assert raw_id(bytes([turn]) * 10_500_000).hex() == cid
    for turn in range(3):
        content = bytes([turn]) * 10_500_000
        if raw_id(content).hex() in acknowledged(output, "kept"):
            with store.open_blob(raw_id(content)) as reader:
                assert reader.read() == content


def test_an_unfinished_transaction_leaves_nothing(path: str) -> None:
    def stumble(name: str) -> None:
        if name == "before commit" and stumbling:
            raise RuntimeError("stop")

    stumbling = False
    store = SqliteStore(path, on_point=stumble)
    epoch = store.acquire()
    stumbling = True
    batch = Batch(records=next_records(store.head(), {"n": 1}, epoch=epoch))
    batch.put(STATE, ("e", "n", ""), (b"x", 1))

    with pytest.raises(RuntimeError):
        store.append(batch, epoch=epoch)
    with pytest.raises(RuntimeError):
        store.post(b"x")
    stumbling = False

    assert store.head().position == 0
    assert list(store.rows(STATE)) == []
    assert store.inbox() == []
    store.append(batch, epoch=epoch)
    store.close()


def test_each_commit_is_synced(path: str) -> None:
    store = SqliteStore(path)

    # No test but a power cut can tell what less would lose: 17 % of what was acknowledged, with NORMAL.
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    store.close()


# Paths that are no space.


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"dear diary\n" * 500, "it is a file of another kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "it is a file of another kind"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, "it is a file of another kind"),
        (b"x", "it is a file of another kind"),
    ],
)
def test_a_file_that_is_no_space_is_refused_and_left_alone(path: str, content: bytes, why: str) -> None:
    Path(path).write_bytes(content)

    with pytest.raises(NotASpace) as refused:
        SqliteStore(path)

    assert refused.value.why == why
    assert Path(path).read_bytes() == content
    assert os.listdir(os.path.dirname(path)) == ["space.weft"]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_another_programs_database_is_refused_and_left_alone(path: str, journal: str) -> None:
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {journal}")
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    before = {name: (Path(path).parent / name).read_bytes() for name in os.listdir(os.path.dirname(path))}

    with pytest.raises(NotASpace, match="another program's database"):
        SqliteStore(path)

    assert {name: (Path(path).parent / name).read_bytes() for name in os.listdir(os.path.dirname(path))} == before
    other.close()


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotASpace, match="it is a folder"):
        SqliteStore(tmp_path)


def test_a_path_in_no_folder_is_refused_and_no_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="there is no folder"):
        SqliteStore(tmp_path / "absent" / "space.weft")

    assert not (tmp_path / "absent").exists()


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space.weft").symlink_to(tmp_path / "gone")

    with pytest.raises(CannotOpen):
        SqliteStore(tmp_path / "space.weft")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused(path: str) -> None:
    os.mkfifo(path)

    with pytest.raises(NotASpace, match="not a regular file"):
        SqliteStore(path)


def test_the_log_of_a_deleted_space_is_not_played_into_a_new_one(path: str) -> None:
    Path(f"{path}-wal").write_bytes(b"somebody's newest records")

    with pytest.raises(CannotOpen, match="of an earlier space is there"):
        SqliteStore(path)

    assert not os.path.exists(path)


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "50% of ünïcode? #1 & 'two'.weft"
    store = SqliteStore(path)
    append_payloads(store, {"n": 1}, epoch=store.acquire())
    store.close()

    assert path.exists()
    assert newest_position(path) == 1


def newest_position(path: Path) -> int:
    store = SqliteStore(path)
    position = store.head().position
    store.close()
    return position


def test_two_programs_that_make_one_space_share_it(path: str) -> None:
    code = (
        "import sys; from weft.stores.sqlite import SqliteStore; s = SqliteStore(sys.argv[1]); s.post(b'x'); s.close()"
    )
    programs = [subprocess.Popen([sys.executable, "-c", code, path], stderr=subprocess.PIPE) for _ in range(4)]
    errors = [program.communicate()[1] for program in programs]

    assert errors == [b""] * 4
    store = SqliteStore(path)
    assert len(store.inbox()) == 4
    store.close()
    assert not [name for name in os.listdir(os.path.dirname(path)) if ".new" in name]


# A disk that refuses.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB; skipped where this user cannot mount."""
    absence = disk.no_small_disk()
    if absence is not None:
        pytest.skip(absence.why)
    with disk.small_disk(tmp_path / "small", 2**20) as folder:
        yield folder


def test_a_full_disk_refuses_clearly_reads_go_on_and_work_resumes(small_disk: Path) -> None:
    store = SqliteStore(small_disk / "space.weft")
    epoch = store.acquire()
    kept = append_payloads(store, {"n": 1}, epoch=epoch)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)

    def fill() -> None:
        while True:
            kept.extend(append_payloads(store, {"n": store.head().position, "text": "y" * 20_000}, epoch=epoch))

    with pytest.raises(StoreFailed) as refused:
        fill()
    with pytest.raises(StoreFailed):
        store.keep_blob([b"z" * 900_000])

    assert refused.value.why == "the disk is full"
    assert list(store.records()) == kept
    ballast.unlink()
    kept += append_payloads(store, {"n": "again"}, epoch=epoch)
    store.close()
    again = SqliteStore(small_disk / "space.weft")
    assert list(again.records()) == kept
    assert list(again.verify()) == []
    again.close()


STUMBLE = """
import sys
from weft.store import Batch, StoreFailed
from weft.stores import checkpoint, sqlite
from weft.testing.store_suite import next_records

checkpoint.WRITES_PER_CHECKPOINT = 3
# strace counts the calls of each thread by itself.
store = sqlite.SqliteStore(sys.argv[1], checkpoints_aside=sys.argv[2:] != ["here"])
epoch = store.acquire()
refused = 0
while store.head().position < 12:
    batch = Batch(records=next_records(store.head(), {"n": store.head().position + 1}, epoch=epoch))
    try:
        store.append(batch, epoch=epoch)
    except StoreFailed as error:
        refused += 1
        assert "disk" in error.why, error
    else:
        print(store.head().position, flush=True)
    assert refused < 5
store.close()
"""


@pytest.fixture
def strace() -> None:
    """Skips where nothing can be traced; where strace could be had and every part is demanded, fails."""
    absence = tracer.absence()
    if absence is not None:
        missing_part("strace", absence.why) if absence.could_be_here else pytest.skip(absence.why)


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("fault", ["fdatasync:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EIO"])
@pytest.mark.parametrize(
    ("turn", "where"), [*((turn, "here") for turn in (range(14, 60) if LONG else (14, 23))), (14, "aside")]
)
def test_a_disk_that_refuses_once_loses_nothing_and_is_tried_again(
    path: str, fault: str, turn: int, where: str
) -> None:
    SqliteStore(path).close()
    traced = tracer.injecting(f"{fault}:when={turn}")

    done = subprocess.run([*traced, sys.executable, "-c", STUMBLE, path, where], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    store = SqliteStore(path)
    assert [record.content()["n"] for record in store.records()] == list(range(1, 13))
    assert [int(line) for line in done.stdout.split()] == list(range(1, 13))
    assert list(store.verify()) == []
    store.close()


@pytest.mark.usefixtures("strace")
def test_a_disk_that_refuses_while_a_space_is_opened_is_not_taken_for_damage(path: str) -> None:
    SqliteStore(path).close()
    traced = tracer.injecting("pwrite64:error=EIO:when=8")

    done = subprocess.run([*traced, sys.executable, "-c", STUMBLE, path], capture_output=True, text=True)

    assert "StoreFailed" in done.stderr.splitlines()[-1]
    store = SqliteStore(path)
    assert list(store.verify()) == []
    store.close()


MAKE = "import sys; from weft.stores.sqlite import SqliteStore; SqliteStore(sys.argv[1]).close()"


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("turn", range(8, 14))
def test_a_disk_that_refuses_while_a_space_is_made_leaves_a_whole_one_or_none(path: str, turn: int) -> None:
    traced = tracer.injecting(f"fdatasync:error=ENOSPC:when={turn}")

    done = subprocess.run([*traced, sys.executable, "-c", MAKE, path], capture_output=True, text=True)

    assert done.returncode == 0 or "StoreFailed" in done.stderr.splitlines()[-1], done.stderr
    store = SqliteStore(path)
    assert list(store.verify()) == []
    store.close()


def test_a_read_only_disk_is_read_and_says_so_on_writes(small_disk: Path) -> None:
    path = small_disk / "space.weft"
    store = SqliteStore(path)
    records = append_payloads(store, {"n": 1}, epoch=store.acquire())
    cid, _ = store.keep_blob([b"content"])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    reader = SqliteStore(path)

    assert not reader.is_writable
    assert list(reader.records()) == records
    with reader.open_blob(cid) as content:
        assert content.read() == b"content"
    assert list(reader.verify()) == []
    assert not reader.changed()
    assert reader.holder() is None
    writes: list[Callable[[], object]] = [
        reader.acquire,
        lambda: reader.post(b"x"),
        lambda: reader.keep_blob([b"x"]),
        lambda: reader.append(Batch(), epoch=1),
        lambda: reader.clear(epoch=1),
    ]
    for write in writes:
        with pytest.raises(StoreFailed, match="reading only"):
            write()
    with pytest.raises(CannotOpen, match="nothing can be written in"):
        SqliteStore(small_disk / "new.weft")
    reader.close()


def test_records_that_wait_in_a_log_on_a_read_only_disk_are_not_passed_over(small_disk: Path) -> None:
    path = small_disk / "space.weft"
    store = SqliteStore(path)
    append_payloads(store, {"n": 1}, epoch=store.acquire())
    wal = Path(f"{path}-wal").read_bytes()
    store.close()
    Path(f"{path}-wal").write_bytes(wal)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(CannotOpen, match="its newest records are in"):
        SqliteStore(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(path: str) -> None:
    SqliteStore(path).close()
    os.chmod(path, 0)

    with pytest.raises(CannotOpen, match="permission"):
        SqliteStore(path)


def test_a_file_that_may_not_be_read_is_refused_by_its_owner_too(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStore(path).close()
    monkeypatch.setattr(os, "access", lambda found, mode: False)

    with pytest.raises(CannotOpen, match="permission to read it is denied"):
        SqliteStore(path)


def test_a_mark_that_cannot_be_written_does_not_take_back_what_is_kept(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(path)
    epoch = store.acquire()

    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr("weft.stores.mark.os.pwrite", refuse)
    append_payloads(store, {"n": 1}, epoch=epoch)
    monkeypatch.undo()

    store.close()
    assert newest_position(Path(path)) == 1


def test_a_closed_store_says_so(path: str) -> None:
    store = SqliteStore(path)
    store.close()

    for use in (store.head, lambda: store.post(b"x"), lambda: store.row(STATE, ("a", "b", "c")), store.changed):
        with pytest.raises(StoreFailed, match="closed"):
            use()


# Schema versions.


def old_space(path: str) -> None:
    """A space as an earlier version, with a column less, wrote it."""
    store = SqliteStore(path, schema=SCHEMA)
    append_payloads(store, {"n": 1}, {"n": 2}, epoch=store.acquire())
    store.close()


def grow(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE note (text)")
    connection.execute("INSERT INTO note SELECT 'grown from ' || count(*) FROM record")


THIS = SCHEMA.version
GROWN = Schema(THIS + 1, (*SCHEMA.statements, "CREATE TABLE note (text)"), {THIS: grow})


def test_an_older_space_is_moved_on_and_a_copy_is_kept(path: str) -> None:
    old_space(path)

    store = SqliteStore(path, schema=GROWN)

    assert store.head().position == 2
    assert list(store.verify()) == []
    store.close()
    copy = SqliteStore(f"{path}.before-{THIS}")
    assert copy.head().position == 2
    copy.close()
    SqliteStore(path, schema=GROWN).close()


def test_the_copy_is_whole_before_anything_is_moved_on(path: str) -> None:
    old_space(path)
    kept: list[int | None] = []

    def step(connection: sqlite3.Connection) -> None:
        kept.append(position_kept())
        grow(connection)

    def position_kept() -> int | None:
        copy = Path(f"{path}.before-{THIS}")
        return newest_position(copy) if copy.exists() else None

    SqliteStore(path, schema=Schema(THIS + 1, GROWN.statements, {THIS: step})).close()

    assert kept == [2]
    with contextlib.closing(sqlite3.connect(f"{path}.before-{THIS}")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (THIS,)
        assert copy.execute("SELECT name FROM sqlite_master WHERE name = 'note'").fetchall() == []


def test_the_copy_kept_is_no_more_readable_than_the_space(path: str) -> None:
    old_space(path)
    os.chmod(path, 0o600)
    modes: set[int] = set()

    def look(point: str) -> None:
        modes.update(os.stat(each).st_mode & 0o777 for each in Path(path).parent.glob(f"*.before-{THIS}*"))

    SqliteStore(path, schema=GROWN, on_point=look).close()

    assert modes == {0o600}


def test_a_newer_space_is_refused_and_left_alone(path: str) -> None:
    old_space(path)
    SqliteStore(path, schema=GROWN).close()
    before = Path(path).read_bytes()

    with pytest.raises(SpaceNewer) as refused:
        SqliteStore(path)

    assert (refused.value.found, refused.value.known) == (THIS + 1, THIS)
    assert Path(path).read_bytes() == before


def test_a_step_that_fails_leaves_the_older_space(path: str) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        grow(connection)
        connection.execute("SELECT * FROM absent")

    old_space(path)

    with pytest.raises(Exception, match="no such table"):
        SqliteStore(path, schema=Schema(THIS + 1, GROWN.statements, {THIS: fail}))

    assert newest_position(Path(path)) == 2
    SqliteStore(path, schema=GROWN).close()


def test_a_space_whose_engine_is_at_work_is_not_moved_on(path: str) -> None:
    old_space(path)
    engine = SqliteStore(path)
    epoch = engine.acquire()

    with pytest.raises(SpaceLocked):
        SqliteStore(path, schema=GROWN)

    append_payloads(engine, {"n": 3}, epoch=epoch)
    engine.close()
