"""Spaces and programs for the tests of commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
from weft import Entity, Field, derive, entries, field, fold, items, text


def total(xs: tuple[int, ...]) -> int:
    return sum(xs)


def double(n: int) -> int:
    return 2 * n


def root(n: int) -> float:
    if n < 0:
        raise ValueError("there is no root of a negative number")
    return n ** 0.5


class Sum(Entity):
    n: Field[int] = field()
    name: Field[str] = field(default="")
    xs = items(int)
    pages = entries(str, int)
    doubled = derive(double, n)
    rooted = derive(root, n)
    totalled = derive(total, xs)
"""

Weft = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that declares one type."""
    path = tmp_path / "sums.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.fixture
def weft(tmp_path: Path) -> Weft:
    """`weft("log", path, …)`: the real program, in an empty folder, without a terminal."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=clean(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


def command(*arguments: object) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-c", "from weft.cli import main; main()", *(str(each) for each in arguments)]


def clean(**environment: str) -> dict[str, str]:
    """An environment that says nothing of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "OPENAI_", "COLUMNS"))}
    return {**kept, "PYTHONUTF8": "1", **environment}
