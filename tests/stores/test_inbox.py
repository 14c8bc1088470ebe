"""The inbox and clients: programs without the lease read, post and keep content while an engine works."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from weft.content import Plain
from weft.store import Batch, Holder
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads, next_records

POST = """
import sys
from weft.stores.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
for number in range(int(sys.argv[3])):
    print(store.post(f"{sys.argv[2]} {number}".encode()), flush=True)
store.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "space.weft")


def test_entries_of_several_programs_are_each_taken_once_in_order(path: str) -> None:
    engine = SqliteStore(path)
    epoch = engine.acquire()
    programs = [
        subprocess.Popen([sys.executable, "-c", POST, path, name, "40"], stdout=subprocess.PIPE, text=True)
        for name in ("left", "right")
    ]

    taken: list[tuple[int, bytes]] = []
    while len(taken) < 80:
        entries = engine.inbox(7)
        texts = [payload.decode() for _, payload in entries]
        payloads: list[dict[str, Plain]] = [{"text": text} for text in texts]
        records = next_records(engine.head(), *payloads, epoch=epoch)
        engine.append(Batch(records=records, taken=[number for number, _ in entries]), epoch=epoch)
        taken.extend(entries)

    acknowledged = {int(line) for program in programs for line in program.communicate()[0].split()}
    assert [program.returncode for program in programs] == [0, 0]
    assert {number for number, _ in taken} == acknowledged
    for name in ("left", "right"):
        mine = [payload.decode() for _, payload in taken if payload.startswith(name.encode())]
        assert mine == [f"{name} {number}" for number in range(40)]
    assert [record.content()["text"] for record in engine.records()] == [payload.decode() for _, payload in taken]
    assert engine.inbox() == []
    engine.close()


def test_a_client_needs_no_engine(path: str) -> None:
    engine = SqliteStore(path)
    append_payloads(engine, {"n": 1}, epoch=engine.acquire())
    engine.close()

    client = SqliteStore(path)
    number = client.post(b"for later")
    cid, _ = client.keep_blob([b"content"])
    client.close()

    with_lease = SqliteStore(path)
    assert with_lease.inbox() == [(number, b"for later")]
    assert with_lease.has_blob(cid)
    assert with_lease.head().position == 1
    with_lease.close()


def test_a_client_that_closes_disturbs_no_engine_of_its_own_process(path: str) -> None:
    engine = SqliteStore(path)
    epoch = engine.acquire()
    for _ in range(3):
        client = SqliteStore(path)
        client.post(b"entry")
        client.close()
        # Another process, which would fold and delete the log if the engine's locks had been dropped with the client.
        subprocess.run([sys.executable, "-c", POST, path, "other", "1"], check=True, capture_output=True)
        append_payloads(engine, {"n": 1}, epoch=epoch)

    assert Path(f"{path}-wal").exists()
    assert len(engine.inbox()) == 6
    assert list(engine.verify()) == []
    assert isinstance(engine.holder(), Holder)
    engine.close()


def test_one_store_is_used_from_several_threads_under_one_lock(path: str) -> None:
    store = SqliteStore(path)
    epoch = store.acquire()
    lock = threading.Lock()

    def work() -> None:
        for number in range(20):
            with lock:
                append_payloads(store, {"n": number}, epoch=epoch)
                store.post(b"x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.head().position == 80
    assert len(store.inbox()) == 80
    store.close()


def test_content_is_read_in_another_thread_while_the_engine_writes(path: str) -> None:
    store = SqliteStore(path)
    epoch = store.acquire()
    content = bytes(range(256)) * 16384
    cid, _ = store.keep_blob([content])
    read: list[bytes] = []

    with store.open_blob(cid) as reader:
        thread = threading.Thread(target=lambda: read.extend(iter(lambda: reader.read(100_000), b"")))
        thread.start()
        for number in range(20):
            append_payloads(store, {"n": number}, epoch=epoch)
        thread.join()

    assert b"".join(read) == content
    store.close()


def test_content_whose_pieces_are_swept_while_they_come_in_is_whole_in_the_end(path: str) -> None:
    engine = SqliteStore(path)
    sweeps: list[int] = []

    def sweep_once(name: str) -> None:
        if name == "blob piece" and not sweeps:
            sweeps.append(engine.acquire())

    client = SqliteStore(path, on_point=sweep_once)
    content = bytes(range(256)) * 40_000

    cid, size = client.keep_blob([content])

    assert (sweeps, size) == ([1], len(content))
    with engine.open_blob(cid) as reader:
        assert reader.read() == content
    assert list(engine.verify()) == []
    client.close()
    engine.close()


def test_content_can_still_be_read_after_the_store_was_closed(path: str) -> None:
    store = SqliteStore(path)
    cid, _ = store.keep_blob([b"content"])

    with store.open_blob(cid) as reader:
        store.close()
        assert reader.read() == b"content"


def test_what_others_post_while_a_space_is_looked_through_is_no_damage(path: str) -> None:
    store, other = SqliteStore(path), SqliteStore(path)
    store.post(b"before")
    asked: list[str] = []

    def post_before(statement: str) -> None:
        if statement.startswith("SELECT") and "inbox" in statement:
            asked.append(statement)
            other.post(b"meanwhile")

    store._db.set_trace_callback(post_before)
    found = list(store.verify())
    store._db.set_trace_callback(None)

    assert len(asked) > 3, "somebody posts before each look into the inbox"
    assert found == []
    other.close()
    store.close()
