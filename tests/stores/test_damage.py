"""Damage: whatever byte of a space's files changes, it is harmless, mended or named, and never a wrong value unnoticed.

The short form takes every so-manieth byte. WEFT_LONG=1 takes them all (of the write-ahead log, which is long, every
61st), and 2,000 seeded ones anywhere.
"""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.damaged_file import PAGE_BYTES, Space, assess, build, flipped
from weft.store import NotASpace, SpaceDamaged, SpaceNewer
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore
from weft.testing.store_suite import append_payloads, numbered

LONG = bool(os.environ.get("WEFT_LONG"))


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


def test_a_first_page_that_is_whole_in_the_log_alone_is_named_as_no_opening_gets_past_it(
    running: Space, tmp_path: Path
) -> None:
    main = running.files[""]
    path = running.lay(tmp_path, main=main[PAGE_BYTES : 2 * PAGE_BYTES] + main[PAGE_BYTES:])

    with pytest.raises(SpaceDamaged) as refused:
        SqliteStore(path)

    (finding,) = examine(path)
    assert (finding.what, finding.where, finding.mendable) == (refused.value.what, "header", False)
    assert "its header has changed" in finding.what


def test_a_space_that_was_cut_to_nothing_is_damaged_and_not_new(closed: Space, tmp_path: Path) -> None:
    for length in (0, 1, 99):
        path = closed.lay(tmp_path, main=closed.files[""][:length])

        with pytest.raises(SpaceDamaged, match="its header has changed"):
            SqliteStore(path)

        assert examine(path)


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_changed_type_of_a_column_is_named_and_not_stumbled_over(
    closed: Space, tmp_path: Path, is_marked: bool
) -> None:
    main = closed.files[""].replace(b"record (position INTEGER PRIMARY", b"record (position INTEGER PRIMASY")
    path = closed.lay(tmp_path, main=main)
    if not is_marked:
        os.remove(f"{path}-mark")

    with pytest.raises(SpaceDamaged, match="its schema has changed") as refused:
        SqliteStore(path)

    assert refused.value.exit_code == 4
    found = {finding.what for finding in examine(path)}
    assert "a record's position is no number" in found
    assert not any("argument" in what for what in found)


def test_a_changed_epoch_is_named_by_whoever_takes_the_lease(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "space.weft")
    append_payloads(store, {"n": 1}, epoch=store.acquire())
    store.release()
    store._db.execute("UPDATE record SET epoch = NULL")

    with pytest.raises(SpaceDamaged, match="the newest record's epoch is no number"):
        store.acquire()

    assert store.holder() is None
    store.close()


def test_seeded_bits_of_the_schema_and_the_log_are_named_in_words(closed: Space, tmp_path: Path) -> None:
    """Without the mark, and up to the lease: what an opening does not see must not make an engine stumble."""
    main, chance = closed.files[""], random.Random(14)
    outcomes: Counter[str] = Counter()
    for _ in range(3000 if LONG else 150):
        path = closed.lay(tmp_path, main=_bits_flipped(main, chance))
        os.remove(f"{path}-mark")
        try:
            store = SqliteStore(path)
        except (SpaceDamaged, NotASpace, SpaceNewer):
            outcomes["not opened"] += 1
            continue
        try:
            store.acquire()
            outcomes["taken"] += 1
        except SpaceDamaged:
            outcomes["not taken"] += 1
        finally:
            store.close()

    assert outcomes["not opened"] and outcomes["taken"]
    print("seeded bits:", dict(outcomes))  # noqa: T201


def _bits_flipped(main: bytes, chance: random.Random) -> bytes:
    """Some bits of the first two pages, which hold the schema and the root of the log, or of a whole file, changed."""
    changed = bytearray(main)
    end = chance.choice((2 * PAGE_BYTES, len(main)))
    for _ in range(chance.choice((1, 1, 2, 8))):
        changed[chance.randrange(100, end)] ^= 1 << chance.randrange(8)
    return bytes(changed)
