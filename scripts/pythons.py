"""Pythons on this machine: found on the path and among pyenv's versions, asked for their version by running them.

Invariant: every Python returned ran and answered. (A name on the path may be a stub that only says what is missing.)
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Found(NamedTuple):
    """A Python that runs: its (major, minor) and its file."""

    version: tuple[int, int]
    path: str


OLDEST = (3, 11)
NAMES = (*(f"python3.{minor}" for minor in range(19, 10, -1)), "python3", "python")


def newest_other(than: tuple[int, int]) -> Found | None:
    """The newest Python on this machine that is supported and not of version `than`."""
    found = [each for each in all_pythons() if each.version >= OLDEST and each.version != than]
    return max(found, key=lambda each: each.version, default=None)


def all_pythons() -> Iterator[Found]:
    """Every Python that answers, once a file."""
    seen: set[str] = set()
    for candidate in _candidates():
        if candidate not in seen:
            seen.add(candidate)
            version = _version(candidate)
            if version is not None:
                yield Found(version, candidate)


def _candidates() -> Iterator[str]:
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            yield path
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(str(path) for path in root.glob("versions/3.*/bin/python3"))


def _version(path: str) -> tuple[int, int] | None:
    # Free-threaded and other builds without a release number of their own (alphas) are not what users have.
    ask = "import sys; print(*sys.version_info[:2], sys.version_info.releaselevel)"
    try:
        answer = subprocess.run(
            [path, "-c", ask], capture_output=True, text=True, timeout=30, check=True
        ).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return (int(answer[0]), int(answer[1])) if answer[2:] == ["final"] else None
