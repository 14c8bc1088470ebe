"""What is read of strace's log: each write belongs to the file that was behind its descriptor at that moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.strace_log import operations

pytestmark = pytest.mark.skipif(os.name != "posix", reason="strace knows no other paths")
FOLDER = "/folder"


def hexadecimal(text: str) -> str:
    """As strace writes what it is told to write so."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in text.encode()) + '"'


def opened(name: str) -> str:
    """The call up to its end, without what it returned."""
    return f"openat(AT_FDCWD, {hexadecimal(name)}, O_RDWR|O_CREAT"


def written(descriptor: int, content: str, at: int = 0) -> str:
    return f"pwrite64({descriptor}, {hexadecimal(content)}, {len(content)}, {at}) = {len(content)}"


def read(tmp_path: Path, *lines: str) -> list[tuple[str, bytes]]:
    """What was written and synced, in order, by the name of the file."""
    log = tmp_path / "log"
    log.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
    done = operations(log, Path(FOLDER))
    names = {each.file: each.name for each in done if each.kind == "name"}
    return [(names[each.file], each.content) for each in done if each.kind in ("write", "sync")]


def test_calls_that_overlap_are_told_apart_by_their_threads(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"11 {opened(f'{FOLDER}/one')}) = 4",
        f"12 {opened(f'{FOLDER}/two')} <unfinished ...>",
        f"11 {written(4, 'first')}",
        "12 <... openat resumed>) = 5",
        f"12 {written(5, 'second').partition(')')[0]} <unfinished ...>",
        "11 fdatasync(4) = 0",
        "12 <... pwrite64 resumed>) = 6",
    )

    assert found == [("one", b"first"), ("two", b"second"), ("one", b"")]


@pytest.mark.parametrize("before", [f"{FOLDER}/one", "/elsewhere/one"])
def test_a_descriptor_that_is_given_again_before_its_close_was_seen_to_end_is_the_new_file(
    tmp_path: Path, before: str
) -> None:
    """Else all that is written there is missing, and a cut seems to lose what was synced."""
    found = read(
        tmp_path,
        f"11 {opened(before)}) = 4",
        "11 close(4 <unfinished ...>",
        f"12 {opened(f'{FOLDER}/two')}) = 4",
        "11 <... close resumed>) = 0",
        f"12 {written(4, 'kept')}",
        "12 fdatasync(4) = 0",
    )

    assert found == [("two", b"kept"), ("two", b"")]


def test_a_descriptor_that_was_closed_is_nobodys(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"11 {opened(f'{FOLDER}/one')}) = 4",
        f"11 {written(4, 'ours')}",
        "11 close(4) = 0",
        f"11 {opened('/elsewhere/one')}) = 4",
        f"11 {written(4, 'not ours')}",
    )

    assert found == [("one", b"ours")]


@pytest.mark.parametrize("call", [written(4, "lost"), "ftruncate(4, 0) = 0", "fsync(4) = 0", "fdatasync(4) = 0"])
def test_what_is_done_to_a_file_that_nobody_was_seen_to_open_is_refused(tmp_path: Path, call: str) -> None:
    with pytest.raises(AssertionError, match=r"line 3: .* of descriptor 4, which nobody was seen to open"):
        read(tmp_path, f"11 {opened(f'{FOLDER}/one')}) = 4", "11 close(4) = 0", f"11 {call}")


def test_what_is_written_to_a_pipe_is_nobodys_file(tmp_path: Path) -> None:
    assert read(tmp_path, f"11 write(9, {hexadecimal('word')}, 4) = 4") == []
