"""Files: whole or not at all, in one folder and nowhere else, and on the disk before anybody is told."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import require_module
from weft.driver import EffectRefused, InDoubt, NotReached
from weft.drivers.file import NAME_BYTES_MAX, FileDriver, FileReceipt, WriteFile


def write(folder: Path, name: str, content: bytes = b"new") -> FileReceipt:
    return asyncio.run(FileDriver(folder).carry_out(WriteFile(name, content), "key"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_a_file_holds_the_content_and_the_receipt_names_it(folder: Path) -> None:
    receipt = write(folder, "größe.txt", b"new")

    assert (folder / "größe.txt").read_bytes() == b"new"
    assert receipt == FileReceipt(3, hashlib.sha256(b"new").hexdigest())
    assert os.listdir(folder) == ["größe.txt"]


def test_what_was_there_is_replaced(folder: Path) -> None:
    (folder / "a").write_bytes(b"old and longer")

    write(folder, "a")

    assert (folder / "a").read_bytes() == b"new"


def test_equal_content_again_changes_nothing(folder: Path) -> None:
    write(folder, "a")
    before = (folder / "a").stat()

    assert write(folder, "a") == FileReceipt(3, hashlib.sha256(b"new").hexdigest())

    after = (folder / "a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "/a",
        "//a",
        "a/b",
        "a/../../b",
        "..\\a",
        "C:\\a",
        "a\x00b",
        "\x00",
        "a\nb",
        "a\x7fb",
        ".hidden",
        ".weft-unfinished",
        "\ud800",
        "a" * (NAME_BYTES_MAX + 1),
        "ü" * (NAME_BYTES_MAX // 2 + 1),
    ],
)
def test_a_name_that_is_not_plain_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(EffectRefused, match="its name"):
        write(folder, name)

    assert os.listdir(folder) == []
    assert os.listdir(folder.parent) == ["folder"]


def test_the_longest_name_is_taken(folder: Path) -> None:
    write(folder, "a" * NAME_BYTES_MAX)

    assert os.listdir(folder) == ["a" * NAME_BYTES_MAX]


@pytest.mark.parametrize("content", [b"new", b"secret"])
def test_a_link_is_neither_followed_nor_replaced(folder: Path, content: bytes) -> None:
    outside = folder.parent / "outside"
    outside.write_bytes(b"secret")
    (folder / "a").symlink_to(outside)

    with pytest.raises(EffectRefused, match="no plain file"):
        write(folder, "a", content)

    assert outside.read_bytes() == b"secret"
    assert (folder / "a").is_symlink()


def test_a_link_in_the_place_of_the_unfinished_file_leads_nowhere(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.write_bytes(b"secret")
    (folder / ".weft-unfinished").symlink_to(outside)

    write(folder, "a")

    assert outside.read_bytes() == b"secret"
    assert os.listdir(folder) == ["a"]


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_left_alone(folder: Path, make: Callable[[Path], None]) -> None:
    make(folder / "a")

    with pytest.raises(EffectRefused, match="no plain file"):
        write(folder, "a")

    assert os.listdir(folder) == ["a"]


def test_what_a_writer_that_was_cut_off_left_is_removed(folder: Path) -> None:
    (folder / ".weft-unfinished").write_bytes(b"ne")

    write(folder, "a")

    assert os.listdir(folder) == ["a"]


def test_a_folder_that_is_moved_away_is_not_followed_by_another_of_its_name(folder: Path) -> None:
    driver = FileDriver(folder)
    folder.rename(folder.parent / "moved")

    with pytest.raises(NotReached, match="No such file or directory"):
        asyncio.run(driver.carry_out(WriteFile("a", b"new"), "key"))


class Disk:
    """Records what is done to files, and fails where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.fails_at = ""
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, self._noted(name, getattr(os, name)))

    def _noted(self, name: str, call: Callable[..., None]) -> Callable[..., None]:
        def noted(*arguments: object, **named: object) -> None:
            what = name
            if name == "fsync":
                assert isinstance(arguments[0], int)
                what = "sync folder" if os.path.isdir(f"/proc/self/fd/{arguments[0]}") else "sync file"
            self.done.append(what)
            if what == self.fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            call(*arguments, **named)

        return noted


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_the_content_is_on_the_disk_before_its_name_and_both_before_the_receipt(folder: Path, disk: Disk) -> None:
    write(folder, "a")

    assert disk.done == ["sync file", "replace", "sync folder"]


def test_equal_content_is_on_the_disk_before_the_receipt_too(folder: Path, disk: Disk) -> None:
    # Whoever wrote it may have been cut off before it was.
    (folder / "a").write_bytes(b"new")

    write(folder, "a")

    assert disk.done == ["sync file", "sync folder"]


def test_a_full_disk_is_not_reached_and_leaves_the_old_content(folder: Path, disk: Disk) -> None:
    (folder / "a").write_bytes(b"old")
    disk.fails_at = "sync file"

    with pytest.raises(NotReached, match="No space left on device"):
        write(folder, "a")

    assert (folder / "a").read_bytes() == b"old"


@pytest.mark.parametrize("step", ["replace", "sync folder"])
def test_a_disk_that_fails_as_the_file_is_put_in_place_leaves_doubt(folder: Path, disk: Disk, step: str) -> None:
    disk.fails_at = step

    with pytest.raises(InDoubt, match="No space left on device"):
        write(folder, "a")


def test_writers_of_one_folder_take_turns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most, sync = 0, 0, os.fsync
    guard = threading.Lock()

    def counted(number: int) -> None:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        sync(number)
        threading.Event().wait(0.01)
        with guard:
            inside -= 1

    monkeypatch.setattr(os, "fsync", counted)
    drivers = [FileDriver(folder) for _ in range(4)]

    async def all_of_them() -> None:
        await asyncio.gather(
            *(driver.carry_out(WriteFile("a", bytes([each]) * 10), "key") for each, driver in enumerate(drivers))
        )

    asyncio.run(all_of_them())

    assert most == 1
    assert len(set((folder / "a").read_bytes())) == 1
    assert os.listdir(folder) == ["a"]


def test_a_folder_that_another_holds_is_not_waited_for_without_end(folder: Path) -> None:
    fcntl = require_module("fcntl")
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(NotReached, match=r"has held the folder .* for 0\.1 s: .*fuser") as failed:
            asyncio.run(FileDriver(folder, turn_s_max=0.1).carry_out(WriteFile("a", b"new"), "key"))
    finally:
        os.close(held)

    assert str(folder) in str(failed.value)
    assert os.listdir(folder) == []
    assert write(folder, "a").size_bytes == 3
