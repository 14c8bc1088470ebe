"""Damage: whatever byte of a space's files changes, it is harmless, mended or named, and never a wrong value unnoticed.

The short form takes every so-manieth byte. WEFT_LONG=1 takes them all (of the write-ahead log, which is long, every
61st), and 2,000 seeded ones anywhere.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from weft.content import Cid, Plain
from weft.record import Record, make_record
from weft.store import (
    EVENT,
    KIND,
    STATE,
    TABLES,
    Batch,
    Key,
    NotASpace,
    Row,
    SpaceDamaged,
    Table,
)
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads, numbered

LONG = bool(os.environ.get("WEFT_LONG"))
PAGE_BYTES = 4096
NAMES = ("", "-wal", "-mark")


class Holding(NamedTuple):
    """All that can be read from a space; what could not be read is left out and counted in `named`."""

    records: list[Record]
    rows: dict[tuple[str, Key], Row]
    inbox: list[tuple[int, bytes]]
    blobs: dict[Cid, bytes]
    named: int


class Space(NamedTuple):
    """A space to be damaged: its files as bytes, and what it holds."""

    files: dict[str, bytes]
    held: Holding
    cids: tuple[Cid, ...]

    def lay(self, folder: Path, **changed: bytes) -> str:
        """The files at a fresh place, with some `changed`; "main" stands for the file itself."""
        path = folder / "space.weft"
        for found in folder.iterdir():
            found.unlink()
        for name, content in self.files.items():
            Path(f"{path}{name}").write_bytes(changed.get(name.strip("-") or "main", content))
        return str(path)


def build(folder: Path, *, keep_wal: bool) -> Space:
    path = str(folder / "built.weft")
    store = SqliteStore(path)
    epoch = store.acquire()
    cids = (store.keep_blob([b"blob" * 5000])[0], store.keep_blob([b""])[0])
    for number in range(30):
        payload: dict[str, Plain] = {"n": number, "text": f"payload {number} " * 12}
        head = store.head()
        record = make_record(head.position + 1, "event", epoch=epoch, previous=head.digest, payload=payload)
        batch = Batch(records=[record])
        batch.put(EVENT, (record.payload_id,), (record.position, record.digest, None))
        batch.put(STATE, (f"entity {number % 7}", "title", ""), (f"cell {number}".encode() * 3, record.position))
        batch.put(KIND, ("Post", number, f"entity {number}"), ())
        store.append(batch, epoch=epoch)
        if number % 10 == 0:
            store.post(f"entry {number}".encode())
    # The last word is an acknowledged record: what is lost at the end must show.
    append_payloads(store, {"n": "last"}, epoch=epoch)
    held = read_everything(store, cids)
    assert held.named == 0
    if not keep_wal:
        store.close()
    files = {name: Path(f"{path}{name}").read_bytes() for name in NAMES if Path(f"{path}{name}").exists()}
    store.close()
    return Space(files, held, cids)


def read_everything(store: SqliteStore, cids: Iterable[Cid]) -> Holding:
    named = 0
    records: list[Record] = []
    rows: dict[tuple[str, Key], Row] = {}
    inbox: list[tuple[int, bytes]] = []
    blobs: dict[Cid, bytes] = {}
    try:
        records.extend(store.records())
    except SpaceDamaged:
        named += 1
    for table in TABLES:
        try:
            rows.update({(table.name, key): row for key, row in store.rows(table)})
        except SpaceDamaged:
            named += 1
    try:
        inbox.extend(store.inbox())
    except SpaceDamaged:
        named += 1
    for cid in cids:
        try:
            if store.has_blob(cid):
                with store.open_blob(cid) as reader:
                    blobs[cid] = reader.read()
        except SpaceDamaged:
            named += 1
    return Holding(records, rows, inbox, blobs, named)


def assess(path: str, space: Space) -> str:
    """What a change came to: "harmless", "mended" or "named". Fails for a wrong value, and for any other exception."""
    try:
        store = SqliteStore(path)
    except (SpaceDamaged, NotASpace):
        assert examine(path)
        return "named"
    try:
        found = read_everything(store, space.cids)
        assert_no_wrong_value(found, space.held)
        findings = list(store.verify())
        if not findings:
            assert found == space.held, "something is missing or hidden, and nothing says so"
            return "harmless"
        if not all(finding.mendable for finding in findings):
            return "named"
        return mend(store, space)
    finally:
        store.close()


def assert_no_wrong_value(found: Holding, held: Holding) -> None:
    assert found.records == held.records[: len(found.records)]
    assert set(found.inbox) <= set(held.inbox)
    assert found.blobs.items() <= held.blobs.items()
    assert found.rows.items() <= held.rows.items()


def mend(store: SqliteStore, space: Space) -> str:
    """Empty the tables as a rebuild does, play the rows in again, and see that all is as it was."""
    epoch = store.acquire()
    store.clear(epoch=epoch)
    by_name = {table.name: table for table in TABLES}
    rows: dict[Table, dict[Key, Row | None]] = {}
    for (name, key), row in space.held.rows.items():
        rows.setdefault(by_name[name], {})[key] = row
    store.append(Batch(rows=rows), epoch=epoch)
    assert read_everything(store, space.cids) == space.held
    assert list(store.verify()) == []
    return "mended"


def flipped(content: bytes, at: int, mask: int = 0xFF) -> bytes:
    return content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :]


def places(start: int, end: int, *, stride: int, long_stride: int = 1) -> Iterator[int]:
    return iter(range(start, end, long_stride if LONG else stride))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space that was closed cleanly: all is in the main file."""
    return build(tmp_path_factory.mktemp("closed"), keep_wal=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space as a power cut leaves it: all is in the write-ahead log."""
    return build(tmp_path_factory.mktemp("running"), keep_wal=True)


@pytest.mark.parametrize("kind", ["closed", "running"])
def test_an_undamaged_copy_is_whole(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    space: Space = request.getfixturevalue(kind)

    assert assess(space.lay(tmp_path), space) == "harmless"


def test_every_byte_of_a_page_of_payloads(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]
    start = main.index(b"payload 20 payload") // PAGE_BYTES * PAGE_BYTES

    outcomes = Counter(
        assess(closed.lay(tmp_path, main=flipped(main, at)), closed)
        for at in places(start, start + PAGE_BYTES, stride=23)
    )

    assert outcomes["named"] > outcomes["harmless"]
    print("a page of payloads:", dict(outcomes))  # noqa: T201


def test_every_byte_of_the_header_and_the_schema(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]

    outcomes = Counter(
        assess(closed.lay(tmp_path, main=flipped(main, at)), closed)
        for at in [*range(100), *places(100, PAGE_BYTES, stride=41)]
    )

    assert outcomes["named"]
    print("header and schema:", dict(outcomes))  # noqa: T201


def test_every_byte_of_a_page_of_derived_rows_is_mended_or_harmless(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]
    start = main.index(b"entity 3title") // PAGE_BYTES * PAGE_BYTES

    outcomes = Counter(
        assess(closed.lay(tmp_path, main=flipped(main, at)), closed)
        for at in places(start, start + PAGE_BYTES, stride=29)
    )

    assert outcomes["mended"]
    assert not outcomes["named"]
    print("a page of rows:", dict(outcomes))  # noqa: T201


def test_seeded_bytes_anywhere(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]
    chance = random.Random(20)
    changes = [(chance.randrange(len(main)), chance.randrange(1, 256)) for _ in range(2000 if LONG else 120)]

    outcomes = Counter(assess(closed.lay(tmp_path, main=flipped(main, at, mask)), closed) for at, mask in changes)

    assert outcomes["named"] and outcomes["mended"]
    print("seeded bytes:", dict(outcomes))  # noqa: T201


def test_every_byte_of_the_write_ahead_log(running: Space, tmp_path: Path) -> None:
    wal = running.files["-wal"]

    outcomes = Counter(
        assess(running.lay(tmp_path, wal=flipped(wal, at)), running)
        for at in places(0, len(wal), stride=4999, long_stride=61)
    )

    assert outcomes["named"]
    print("write-ahead log:", dict(outcomes))  # noqa: T201


def test_every_byte_of_the_mark(closed: Space, tmp_path: Path) -> None:
    mark = closed.files["-mark"]

    for at in range(len(mark)):
        assert assess(closed.lay(tmp_path, mark=flipped(mark, at)), closed) in ("harmless", "mended")


def test_the_tail_of_the_file_cut_at_every_byte_of_its_last_page(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]

    for length in places(len(main) - PAGE_BYTES, len(main), stride=97):
        assert assess(closed.lay(tmp_path, main=main[:length]), closed) in ("named", "mended"), length


def test_the_tail_of_the_log_cut_at_every_byte_of_its_last_page(running: Space, tmp_path: Path) -> None:
    wal = running.files["-wal"]

    for length in places(len(wal) - PAGE_BYTES - 24, len(wal), stride=97):
        assert assess(running.lay(tmp_path, wal=wal[:length]), running) == "named", length


def test_a_lost_write_ahead_log_is_reported_with_both_positions(running: Space, tmp_path: Path) -> None:
    path = running.lay(tmp_path)
    os.remove(f"{path}-wal")

    with pytest.raises(SpaceDamaged) as refused:
        SqliteStore(path)

    assert "the log ends at record 0, and record 31 was acknowledged" in str(refused.value)
    assert [finding.where for finding in examine(path)] == ["record"]


def test_a_lost_inbox_entry_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "space.weft"
    store = SqliteStore(path)
    store.close()
    before = path.read_bytes()
    store = SqliteStore(path)
    store.post(b"acknowledged")
    store.close()
    path.write_bytes(before)

    with pytest.raises(SpaceDamaged, match="the inbox ends at entry 0, and entry 1 was acknowledged"):
        SqliteStore(path)


def test_another_log_under_the_same_name_is_noticed(closed: Space, tmp_path: Path) -> None:
    path = closed.lay(tmp_path)
    other = SqliteStore(tmp_path / "other.weft")
    append_payloads(other, *numbered(40), epoch=other.acquire())
    other.close()
    shutil.copy(tmp_path / "other.weft", path)

    with pytest.raises(SpaceDamaged, match="record 31 is not the one that was acknowledged"):
        SqliteStore(path)


def test_a_copy_without_its_mark_opens(closed: Space, tmp_path: Path) -> None:
    path = closed.lay(tmp_path)
    os.remove(f"{path}-mark")

    assert assess(path, closed) == "harmless"


def test_a_finding_names_the_record(closed: Space, tmp_path: Path) -> None:
    main = closed.files[""]
    path = closed.lay(tmp_path, main=flipped(main, main.index(b"payload 20 payload")))
    os.remove(f"{path}-mark")

    (finding,) = examine(path)

    assert (finding.where, finding.mendable) == ("record 21", False)
    assert "its payload does not match its content id" in finding.what


def test_examining_changes_nothing_and_survives_any_file(tmp_path: Path) -> None:
    for name, content in (("text", b"hello\n" * 400), ("empty", b""), ("png", b"\x89PNG\r\n\x1a\n" + bytes(5000))):
        path = tmp_path / name
        path.write_bytes(content)
        assert examine(str(path))
        assert path.read_bytes() == content
    assert examine(str(tmp_path / "absent"))
    assert not (tmp_path / "absent").exists()


def test_a_space_that_was_cut_to_nothing_is_damaged_and_not_new(closed: Space, tmp_path: Path) -> None:
    for length in (0, 1, 99):
        path = closed.lay(tmp_path, main=closed.files[""][:length])

        with pytest.raises(SpaceDamaged, match="its header has changed"):
            SqliteStore(path)

        assert examine(path)
