"""An export gives back the very same space, and nothing that was changed on the way is taken for it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from tests.copies.lives import Note, lived
from tests.laws.test_rebuild import tables
from weft.content import Link, Plain, encode, raw_id
from weft.copies import export_space, import_space, writing
from weft.copies.incoming import ImportRefused, record_of
from weft.copies.notation import parse_line
from weft.copies.outgoing import PART_BYTES, record_line
from weft.copies.publishing import CannotWrite, PlaceTaken
from weft.rebuild import rebuild
from weft.record import GENESIS, computed_record, make_record
from weft.store import NEWEST, Batch, NotASpace
from weft.stores.damage import examine
from weft.stores.sqlite import SqliteStore

Lines = list[bytes]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a space, and its export as a file and as a folder."""
    folder = tmp_path_factory.mktemp("exported")
    lived(folder / "a.weft")
    export_space(folder / "a.weft", folder / "a.ndjson")
    export_space(folder / "a.weft", folder / "a")
    return folder


@pytest.mark.parametrize("form", ["a.ndjson", "a"])
def test_a_round_trip_gives_the_same_head_records_blobs_and_tables(exported: Path, tmp_path: Path, form: str) -> None:
    made = import_space(exported / form, tmp_path / "b.weft")

    with (
        contextlib.closing(SqliteStore(exported / "a.weft")) as one,
        contextlib.closing(SqliteStore(tmp_path / "b.weft")) as other,
    ):
        assert made.head == one.head() == other.head()
        assert list(other.records()) == list(one.records())
        assert list(other.blobs()) == list(one.blobs())
        assert tables(other) == tables(one)
    assert examine(str(tmp_path / "b.weft")) == []
    assert made.lost == ()


def test_nothing_is_computed_anew_in_an_imported_space(exported: Path, tmp_path: Path) -> None:
    import_space(exported / "a.ndjson", tmp_path / "b.weft")

    with weft.open(str(tmp_path / "b.weft"), types=[Note]) as space:
        notes = space.find(Note)
        assert [note.loud.wait() for note in notes] == ["ÜBER 0", "ÜBER 1", "ÜBER 2"]
        assert len(notes[0].long.wait()) == 100_000
        assert space.counts() == {}
        with pytest.raises(weft.NodeFailed, match="odd"):
            notes[0].halved.wait()


def test_an_export_of_an_import_is_the_same_export(exported: Path, tmp_path: Path) -> None:
    import_space(exported / "a", tmp_path / "b.weft")

    export_space(tmp_path / "b.weft", tmp_path / "b.ndjson")

    assert (tmp_path / "b.ndjson").read_bytes() == (exported / "a.ndjson").read_bytes()


def test_what_was_told_and_computed_can_be_searched_for_as_text(exported: Path) -> None:
    said = (exported / "a.ndjson").read_text()

    assert '"über 1"' in said
    assert '"ÜBER 1"' in said  # within the encoded value of a result
    assert '"position":1,"kind":"definition"' in said


def test_a_record_of_any_kind_comes_back_from_its_line_as_it_was() -> None:
    payload: dict[str, Plain] = {
        "/": [1.5, None, {"/": b"\xff"}],
        "bytes": encode(["ä", encode({"deep": encode({"deeper": encode(["deepest"])})})]),
        "link": Link(raw_id(b"")),
    }
    told = make_record(1, "tomorrow", epoch=7, previous=GENESIS, payload=payload)
    computed = computed_record(2, [encode({"how": "ran"}), b"\xff"], epoch=7, previous=told.digest)

    assert [record_of(parse_line(record_line(record))) for record in (told, computed)] == [told, computed]


def test_a_kind_of_record_that_is_not_known_here_is_refused_in_words(tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "a.weft")) as store:
        epoch = store.acquire()
        record = make_record(1, "tomorrow", epoch=epoch, previous=store.head().digest, payload={"a": 1})
        store.append(Batch([record], {NEWEST: {("told",): (1,)}}), epoch=epoch)
    export_space(tmp_path / "a.weft", tmp_path / "a.ndjson")

    with pytest.raises(ImportRefused, match="every record is whole, and record 1 cannot be played again"):
        import_space(tmp_path / "a.ndjson", tmp_path / "b.weft")

    assert not (tmp_path / "b.weft").exists()


def test_an_empty_space_is_exported_and_imported(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "a.weft").close()
    export_space(tmp_path / "a.weft", tmp_path / "a.ndjson")

    made = import_space(tmp_path / "a.ndjson", tmp_path / "b.weft")

    assert (made.records, made.head.position) == (0, 0)
    with weft.open(str(tmp_path / "b.weft"), types=[Note]) as space:
        assert space.create(Note, text="first").loud.wait() == "FIRST"


def test_erased_payloads_stay_erased(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with contextlib.closing(SqliteStore(tmp_path / "a.weft")) as store:
        records = list(store.records())
        at = max(number for number, record in enumerate(records) if record.kind == "computed")
        store._db.execute("UPDATE record SET payload = NULL WHERE position = ?", (records[at].position,))
        epoch = store.acquire()
        with contextlib.suppress(weft.WeftError):
            rebuild(store, epoch=epoch)
    done = export_space(tmp_path / "a.weft", tmp_path / "a.ndjson")

    assert done.erased == 1
    lines = (tmp_path / "a.ndjson").read_bytes().splitlines()
    assert json.loads(lines[at + 1])["payload"] is None


def test_an_engine_goes_on_while_its_space_is_exported(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as space:
        before = space.position

        def edit(done: int, of: int) -> None:
            space.create(Note, text="meanwhile")

        made = export_space(tmp_path / "a.weft", tmp_path / "a.ndjson", on_progress=edit)

        assert made.head.position == before < space.position
    assert import_space(tmp_path / "a.ndjson", tmp_path / "b.weft").head == made.head


def test_edits_in_the_inbox_are_counted_and_left_out(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    with contextlib.closing(SqliteStore(tmp_path / "a.weft")) as store:
        store.post(b"\xa0")

    assert export_space(tmp_path / "a.weft", tmp_path / "a.ndjson").waiting == 1


def test_large_logs_are_imported_in_batches(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    append = SqliteStore.append

    def counting(self: SqliteStore, batch: Batch, /, *, epoch: int) -> None:
        sizes.append(len(batch.records))
        append(self, batch, epoch=epoch)

    monkeypatch.setattr(SqliteStore, "append", counting)
    monkeypatch.setattr(writing, "RECORDS_PER_BATCH", 4)

    made = import_space(exported / "a.ndjson", tmp_path / "b.weft")

    assert max(sizes) == 4
    assert sum(sizes) == made.records


# What is refused -----------------------------------------------------------------------------------------------------


def line_with(lines: Lines, text: bytes) -> int:
    """The index of the first line that holds a text."""
    return next(at for at, line in enumerate(lines) if text in line)


def blob_line(lines: Lines, after: int = 0, ending: bytes = b"}") -> int:
    """The index of the next line that begins a blob, and ends as is said."""
    return next(
        at
        for at, line in enumerate(lines)
        if at >= after and line.startswith(b'{"blob"') and line.endswith(ending + b"\n")
    )


def cut(lines: Lines) -> tuple[Lines, int]:
    return lines[:-1], len(lines)


def cut_within(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:-1], lines[-1][: len(lines[-1]) // 2]], len(lines)


def without_record(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:3], *lines[4:]], 4


def without_first_record(lines: Lines) -> tuple[Lines, int]:
    return [lines[0], *lines[2:]], 2


def without_last_record(lines: Lines) -> tuple[Lines, int]:
    blob = blob_line(lines)
    return [*lines[: blob - 1], *lines[blob:]], len(lines) - 1


def swapped(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]], 4


def twice(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:4], lines[3], *lines[4:]], 5


def payload_changed(lines: Lines) -> tuple[Lines, int]:
    at = line_with(lines, "über 1".encode())
    return [*lines[:at], lines[at].replace("über 1".encode(), b"uber 1"), *lines[at + 1 :]], at + 1


def header_changed(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:3], lines[3].replace(b'"epoch":1', b'"epoch":2'), *lines[4:]], 5  # the next names another


def payload_erased(lines: Lines) -> tuple[Lines, int]:
    at = line_with(lines, b'"kind":"computed"')
    said = json.loads(lines[at])
    return [*lines[:at], json.dumps({**said, "payload": None}).encode() + b"\n", *lines[at + 1 :]], len(lines)


def payload_left_out(lines: Lines) -> tuple[Lines, int]:
    said = json.loads(lines[3])
    return [*lines[:3], json.dumps({"record": said["record"]}).encode() + b"\n", *lines[4:]], 4


def part_changed(lines: Lines) -> tuple[Lines, int]:
    at = line_with(lines, b'"b25l"')
    return [*lines[:at], lines[at].replace(b"b25l", b"b25m"), *lines[at + 1 :]], at + 1


def part_missing(lines: Lines) -> tuple[Lines, int]:
    at = line_with(lines, b'"b25l"')
    return [*lines[:at], *lines[at + 1 :]], at + 1


def part_too_long(lines: Lines) -> tuple[Lines, int]:
    at = line_with(lines, b'"b25l"')
    return [*lines[:at], lines[at].replace(b"b25l", b"b25lb25l"), *lines[at + 1 :]], at + 1


def blob_missing(lines: Lines) -> tuple[Lines, int]:
    at = blob_line(lines, ending=b'"size":3}')
    return [*lines[:at], *lines[at + 2 :]], len(lines) - 2


def large_value_missing(lines: Lines) -> tuple[Lines, int]:
    at = blob_line(lines, ending=b'"size":100005}')
    end = json.loads(lines[-1])
    end["end"]["blobs"] -= 1
    end["end"]["bytes"] -= 100005
    return [*lines[:at], *lines[at + 2 : -1], json.dumps(end).encode() + b"\n"], len(lines) - 2


def blobs_swapped(lines: Lines) -> tuple[Lines, int]:
    first = blob_line(lines)
    second = blob_line(lines, first + 1)
    third = blob_line(lines, second + 1)
    moved = [*lines[:first], *lines[second:third], *lines[first:second], *lines[third:]]
    return moved, first + (third - second) + 1


def blob_of_another_kind(lines: Lines) -> tuple[Lines, int]:
    at = blob_line(lines)
    return [*lines[:at], lines[at].replace(b'"bafk', b'"../.'), *lines[at + 1 :]], at + 1


def record_behind_blobs(lines: Lines) -> tuple[Lines, int]:
    blob = blob_line(lines)
    return [*lines[: blob - 1], *lines[blob:-1], lines[blob - 1], lines[-1]], len(lines) - 1


def more_behind(lines: Lines) -> tuple[Lines, int]:
    return [*lines, b"\n"], len(lines) + 1


def another_head(lines: Lines) -> tuple[Lines, int]:
    first = json.loads(lines[0])
    return [json.dumps({**first, "head": "00" * 32}).encode() + b"\n", *lines[1:]], len(lines)


def another_head_twice(lines: Lines) -> tuple[Lines, int]:
    first, end = json.loads(lines[0]), json.loads(lines[-1])
    end["end"]["head"] = "00" * 32
    said = [json.dumps(each).encode() + b"\n" for each in ({**first, "head": "00" * 32}, end)]
    return [said[0], *lines[1:-1], said[1]], len(lines)


def newer(lines: Lines) -> tuple[Lines, int]:
    return [lines[0].replace(b'"weft-export":1', b'"weft-export":3'), *lines[1:]], 1


def foreign(lines: Lines) -> tuple[Lines, int]:
    return [b'{"id": 1}\n'], 1


def empty(lines: Lines) -> tuple[Lines, int]:
    return [], 1


def bytes_of_a_space(lines: Lines) -> tuple[Lines, int]:
    return [b"SQLite format 3\0" + bytes(range(256)) * 20], 1


def a_line_between(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:3], b'{"note": "mine"}\n', *lines[3:]], 4


def head_of_no_form(lines: Lines) -> tuple[Lines, int]:
    return [b'{"weft-export": 1, "position": true, "head": "x"}\n', *lines[1:]], 1


def header_of_no_form(lines: Lines) -> tuple[Lines, int]:
    return [*lines[:2], b'{"record": {"position": 1}, "payload": {}}\n', *lines[2:]], 3


ALTERED = [
    cut, cut_within, without_record, without_first_record, without_last_record, swapped, twice, payload_changed,
    header_changed, payload_erased, payload_left_out, part_changed, part_missing, part_too_long, blob_missing,
    large_value_missing, blobs_swapped, blob_of_another_kind, record_behind_blobs, more_behind, another_head,
    another_head_twice, newer, foreign, empty, bytes_of_a_space, a_line_between, head_of_no_form, header_of_no_form,
]  # fmt: skip


@pytest.mark.parametrize("alter", ALTERED, ids=lambda alter: str(alter.__name__))
def test_what_is_not_the_export_is_refused_with_its_line(
    exported: Path, tmp_path: Path, alter: Callable[[Lines], tuple[Lines, int]]
) -> None:
    lines, line = alter((exported / "a.ndjson").read_bytes().splitlines(keepends=True))
    (tmp_path / "altered.ndjson").write_bytes(b"".join(lines))

    with pytest.raises(ImportRefused, match=f"line {line}: ") as refused:
        import_space(tmp_path / "altered.ndjson", tmp_path / "b.weft")

    assert str(refused.value).count("Nothing was imported.") == 1
    assert refused.value.next
    assert os.listdir(tmp_path) == ["altered.ndjson"]


def test_records_of_another_space_are_refused(exported: Path, tmp_path: Path) -> None:
    lived(tmp_path / "other.weft")
    export_space(tmp_path / "other.weft", tmp_path / "other.ndjson")
    mine = (exported / "a.ndjson").read_bytes().splitlines(keepends=True)
    others = (tmp_path / "other.ndjson").read_bytes().splitlines(keepends=True)
    (tmp_path / "mixed.ndjson").write_bytes(b"".join([*mine[:4], *others[4:]]))

    with pytest.raises(ImportRefused, match="line 5: record 4 cannot follow record 3"):
        import_space(tmp_path / "mixed.ndjson", tmp_path / "b.weft")


@pytest.mark.parametrize("how", ["missing", "changed", "a folder"])
def test_a_blob_of_a_folder_is_checked(exported: Path, tmp_path: Path, how: str) -> None:
    import shutil

    shutil.copytree(exported / "a", tmp_path / "a")
    blob = min((tmp_path / "a" / "blobs").iterdir())
    blob.unlink()
    if how == "changed":
        blob.write_bytes(b"other")
    elif how == "a folder":
        blob.mkdir()

    with pytest.raises(ImportRefused, match=blob.name):
        import_space(tmp_path / "a", tmp_path / "b.weft")

    assert sorted(os.listdir(tmp_path)) == ["a"]


def test_an_import_needs_a_place_of_its_own(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "b.weft").write_bytes(b"mine")
    (tmp_path / "c.weft-wal").write_bytes(b"mine")

    with pytest.raises(PlaceTaken):
        import_space(exported / "a.ndjson", tmp_path / "b.weft")
    with pytest.raises(PlaceTaken, match="belongs to an earlier"):
        import_space(exported / "a.ndjson", tmp_path / "c.weft")
    with pytest.raises(CannotWrite, match="there is no folder"):
        import_space(exported / "a.ndjson", tmp_path / "none" / "b.weft")
    with pytest.raises(ImportRefused, match="it cannot be read"):
        import_space(tmp_path / "none.ndjson", tmp_path / "d.weft")
    with pytest.raises(ImportRefused, match=r"log\.ndjson, line 0: it cannot be read"):
        import_space(tmp_path, tmp_path / "d.weft")

    assert sorted(os.listdir(tmp_path)) == ["b.weft", "c.weft-wal"]


def test_an_export_overwrites_nothing_unless_it_is_asked_for(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"mine")
    (tmp_path / "a").mkdir()
    space = exported / "a.weft"

    with pytest.raises(PlaceTaken, match="or say that it may be overwritten"):
        export_space(space, tmp_path / "a.ndjson")
    for destination in (tmp_path / "a", f"{tmp_path}/a/", f"{tmp_path}/a.ndjson/"):
        with pytest.raises(PlaceTaken):
            export_space(space, destination, overwrite=True)
    with pytest.raises(CannotWrite, match="the space itself"):
        export_space(space, space, overwrite=True)
    with pytest.raises(NotASpace):
        export_space(tmp_path / "none.weft", tmp_path / "b.ndjson")
    export_space(space, tmp_path / "a.ndjson", overwrite=True)

    assert (tmp_path / "a.ndjson").read_bytes() == (exported / "a.ndjson").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a", "a.ndjson"]


def test_copies_are_never_more_readable_than_what_they_were_made_from(tmp_path: Path) -> None:
    lived(tmp_path / "a.weft")
    os.chmod(tmp_path / "a.weft", 0o600)

    export_space(tmp_path / "a.weft", tmp_path / "a.ndjson")
    export_space(tmp_path / "a.weft", tmp_path / "a")
    import_space(tmp_path / "a.ndjson", tmp_path / "b.weft")

    made = [tmp_path / "a.ndjson", tmp_path / "b.weft", tmp_path / "b.weft-mark", *(tmp_path / "a").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "blobs")} == {0o700}


def test_a_blob_is_written_in_parts(exported: Path) -> None:
    parts = [line for line in (exported / "a.ndjson").read_bytes().splitlines() if line.startswith(b'{"part"')]

    assert max(map(len, parts)) <= PART_BYTES * 4 / 3 + 20
    assert len(parts) > 4
