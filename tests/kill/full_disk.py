"""A program whose files may not grow for a while: what a full disk does, without one.

It prints what it was told, then is refused, reads on, and goes on when there is room again.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from tests.kill.program import garden, make_first, open_space
from tests.kill.stops import tell_parent
from weft.space import Space
from weft.store import StoreFailed


def allow_growth(folder: Path, *, is_allowed: bool) -> None:
    """Let no file in the folder grow, or any."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if is_allowed else largest, hard))


def note(space: Space, number: int) -> None:
    """A page of notes; refused when there is no room for it."""
    with space.edit(once=f"note {number}"):
        garden(space).notes[f"n{number}"] = "x" * 5_000
    tell_parent("told", number)


def main(path: str) -> None:
    with open_space(path) as space:
        with space.edit(once="make first"):
            make_first(space)
        note(space, 0)
        allow_growth(Path(path).parent, is_allowed=False)
        number = refused_at(space)
        tell_parent("read", len(garden(space).notes), garden(space).place)
        tell_parent("refused", refuse(space, number))
        allow_growth(Path(path).parent, is_allowed=True)
        until = time.monotonic() + 30
        while refuse(space, number) and time.monotonic() < until:
            time.sleep(0.05)
        space.wait_settled(timeout_s=30)
        tell_parent("settled", len(garden(space).notes))


def refused_at(space: Space) -> int:
    """Write until the disk refuses; returns which note was not kept."""
    for number in range(1, 1000):
        why = refuse(space, number)
        if why:
            tell_parent("refused", why)
            return number
    raise AssertionError("the disk took everything")


def refuse(space: Space, number: int) -> str:
    """Write one; returns why not, or nothing."""
    try:
        note(space, number)
    except StoreFailed as refused:
        return refused.why
    return ""


if __name__ == "__main__":
    assert os.name == "posix"
    main(sys.argv[1])
