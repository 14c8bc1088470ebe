"""Drafts: what a program that died left of them is removed by the next, and what another makes is left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft.copies.publishing import drafting

MAKER = """
import sys
from pathlib import Path
from weft.copies.publishing import drafting

with drafting(sys.argv[1]) as draft:
    for ending in ("", "-wal", "-mark"):
        Path(draft + ending).write_bytes(b"half of it")
    print("made", flush=True)
    sys.stdin.read()
"""


@contextmanager
def making(place: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program, in the middle of a draft; it ends when its input does."""
    program = [sys.executable, "-c", MAKER, str(place)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "made\n"
        yield maker


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_what_a_program_left_that_was_killed_is_removed_by_the_next_draft(tmp_path: Path) -> None:
    (tmp_path / "home.weft").write_bytes(b"a space")
    with making(tmp_path / "one.weft") as maker:
        maker.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == 1 + 4

    with drafting(str(tmp_path / "two.weft")) as draft:
        Path(draft).write_bytes(b"another")
        assert all(name.startswith(("home.weft", "two.weft.new-")) for name in names(tmp_path))
    assert names(tmp_path) == ["home.weft"]


def test_the_draft_of_a_program_that_lives_is_left_alone(tmp_path: Path) -> None:
    with making(tmp_path / "one.weft") as maker:
        there = names(tmp_path)
        with drafting(str(tmp_path / "one.weft")):
            assert set(there) < set(names(tmp_path))
        assert names(tmp_path) == there
        assert maker.communicate("")[0] == ""
    assert names(tmp_path) == []


def test_two_drafts_of_one_program_leave_each_other_alone(tmp_path: Path) -> None:
    place = str(tmp_path / "one.weft")
    with drafting(place) as first:
        Path(first).write_bytes(b"first")
        with drafting(place) as second:
            assert first != second
        assert Path(first).read_bytes() == b"first"


def test_what_only_looks_like_a_draft_is_left_alone(tmp_path: Path) -> None:
    for name in ("a.new-12-held", "b.new-1-00000000", "c.new-1-00000000-held.txt", "new-1-00000000-held"):
        (tmp_path / name).write_bytes(b"mine")
    there = names(tmp_path)
    with drafting(str(tmp_path / "one.weft")):
        pass
    assert names(tmp_path) == there
