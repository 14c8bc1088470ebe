"""Blobs: raw content by id, read when it is asked for and checked against its id."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.blob import (
    UNKNOWN_MEDIA_TYPE,
    Blob,
    BlobChanged,
    BlobDamaged,
    BlobOutOfReach,
    NotABlob,
    UnreadableFile,
)
from weft.content import Cid, cid_text, content_id, raw_id

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_a_file_read_as_a_blob_has_its_contents_id_size_and_type(tmp_path: Path) -> None:
    path = tmp_path / "shelf.jpg"
    path.write_bytes(PNG)

    blob = Blob.read(path)

    assert blob.id == raw_id(PNG)
    assert blob.size_bytes == len(PNG)
    assert blob.media_type == "image/png"  # by its content, whatever its name says
    assert blob.bytes() == PNG
    assert blob.is_pending


def test_reading_by_text_and_by_path_from_another_folder_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"words")
    monkeypatch.chdir(tmp_path)
    blob = Blob.read("a.txt")

    monkeypatch.chdir(tmp_path.parent)

    assert blob == Blob.read(tmp_path / "a.txt")
    assert blob.bytes() == b"words"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio/mp4"),
        (b"ID3\x04", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\x00\x00\x00\x00\x00\x00\x00\x00WEBP", UNKNOWN_MEDIA_TYPE),
        (b"", UNKNOWN_MEDIA_TYPE),
    ],
)
def test_the_media_type_is_seen_in_the_content(head: bytes, media_type: str) -> None:
    assert Blob.from_bytes(head).media_type == media_type


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("notes.txt", "text/plain"),
        ("table.CSV", "text/csv"),
        ("page.html", "text/html"),
        ("notes.txt.gz", UNKNOWN_MEDIA_TYPE),
        ("notes", UNKNOWN_MEDIA_TYPE),
    ],
)
def test_content_that_says_nothing_is_typed_by_its_name(tmp_path: Path, name: str, media_type: str) -> None:
    (tmp_path / name).write_bytes(b"plain words")

    assert Blob.read(tmp_path / name).media_type == media_type
    assert Blob.read(tmp_path / name, media_type="text/x-mine").media_type == "text/x-mine"


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    refusals: list[tuple[str | Path, str]] = [
        ("", "names no file"),
        (tmp_path / "missing", "No such file"),
        (tmp_path, "directory"),
        (pipe, "not a regular file"),
        (os.devnull, "not a regular file"),
        ("a\0b", "null"),
    ]
    for path, why in refusals:
        with pytest.raises(UnreadableFile, match=why):
            Blob.read(path)


def test_a_big_file_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(64 << 20)

    tracemalloc.start()
    try:
        blob = Blob.read(path)
        seen = sum(len(chunk) for chunk in blob.chunks())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert seen == blob.size_bytes == 64 << 20
    assert most < 8 << 20


@given(st.binary(max_size=100), st.integers(1, 40))
def test_chunks_together_are_the_content(content: bytes, size: int) -> None:
    blob = Blob.from_bytes(content)

    assert b"".join(blob.chunks(size)) == blob.bytes() == content
    assert all(0 < len(chunk) <= size for chunk in blob.chunks(size))


def test_an_open_blob_can_be_read_from_any_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")

    for blob in (Blob.read(tmp_path / "a"), Blob.from_bytes(b"0123456789")):
        with blob.open() as reader:
            reader.seek(7)
            assert reader.read() == b"789"


def test_a_file_that_changed_since_it_was_read_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    blob = Blob.read(path)

    path.write_bytes(b"after!!")

    for take in (blob.bytes, blob.open, lambda: list(blob.chunks())):
        with pytest.raises(BlobChanged, match=cid_text(blob.id)):
            take()


def test_a_change_that_leaves_size_and_time_alone_is_found_before_the_last_chunk_is_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    blob, found = Blob.read(path), path.stat()

    path.write_bytes(b"AFTER!")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    with pytest.raises(BlobChanged):
        list(blob.chunks())


def test_a_file_that_is_gone_since_it_was_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    blob = Blob.read(path)

    path.unlink()

    with pytest.raises(UnreadableFile, match=r"a\.txt"):
        blob.bytes()


def test_a_blob_apart_from_any_source_says_which_content_it_lacks() -> None:
    blob = Blob(raw_id(b"x"), "text/plain", 1)

    with pytest.raises(BlobOutOfReach, match=cid_text(raw_id(b"x"))):
        blob.open()
    assert not blob.is_pending


def test_a_bound_blob_asks_its_opener_by_id_and_checks_what_it_gets() -> None:
    kept = {raw_id(b"right"): b"right", raw_id(b"asked"): b"other"}
    opened: list[Cid] = []

    def opener(cid: Cid) -> io.BytesIO:
        opened.append(cid)
        return io.BytesIO(kept[cid])

    right = Blob(raw_id(b"right"), "text/plain", 5).bound_to(opener)
    wrong = Blob(raw_id(b"asked"), "text/plain", 5).bound_to(opener)

    assert right.bytes() == b"right"
    assert opened == [raw_id(b"right")]
    assert not right.is_pending
    with pytest.raises(BlobDamaged, match=cid_text(raw_id(b"asked"))):
        wrong.bytes()


def test_blobs_are_equal_by_content_and_media_type_wherever_their_content_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"words")
    read, made = Blob.read(tmp_path / "a.txt"), Blob.from_bytes(b"words", media_type="text/plain")

    assert read == made
    assert len({read, made, Blob(made.id, "text/plain", 5)}) == 1
    assert made != Blob.from_bytes(b"words", media_type="text/markdown")
    assert made != Blob.from_bytes(b"other", media_type="text/plain")


def test_a_blob_does_not_change_and_survives_pickling() -> None:
    blob = Blob.from_bytes(b"words")

    with pytest.raises(AttributeError):
        blob.media_type = "text/html"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(blob)).bytes() == b"words"  # noqa: S301 - our own, for a worker of the user's
    assert repr(blob) == f"Blob({cid_text(blob.id)}, {UNKNOWN_MEDIA_TYPE}, 5 bytes)"


@pytest.mark.parametrize(
    "media_type", ["png", "image/", "/png", "image/png\r\nX: y", "image/png;", "a/b; c", "a" * 300]
)
def test_a_media_type_that_could_not_stand_in_a_header_is_refused(media_type: str) -> None:
    with pytest.raises(NotABlob, match="media type"):
        Blob.from_bytes(b"", media_type=media_type)


def test_media_types_may_have_parameters() -> None:
    assert Blob.from_bytes(b"", media_type="text/plain; charset=utf-8").media_type == "text/plain; charset=utf-8"


def test_the_id_of_a_blob_is_that_of_raw_content_and_its_size_is_one() -> None:
    with pytest.raises(NotABlob, match="raw content"):
        Blob(content_id(b""), "text/plain", 0)
    with pytest.raises(NotABlob, match="not negative"):
        Blob(raw_id(b""), "text/plain", -1)


def test_reading_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    blob = Blob.read(tmp_path / "a")
    list(blob.chunks())
    with pytest.raises(UnreadableFile):
        Blob.read(tmp_path)

    assert not before or len(os.listdir("/proc/self/fd")) == before
