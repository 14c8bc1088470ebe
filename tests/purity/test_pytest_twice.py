"""The pytest plugin: one line in a suite, and what is not pure fails the test that shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import clean

SUITE = """
import itertools

import pytest

import weft
from weft import Entity, Field, derive, field, op

calls = itertools.count()


@op(pure=True)
def numbered(n: int) -> list[int]:
    return [n, next(calls)]


@op(pure=True)
def doubled(n: int) -> int:
    return 2 * n


class Sum(Entity):
    n: Field[int] = field(default=1)
    doubled = derive(doubled, n)
    numbered = derive(numbered, n)


def value_of(node: str) -> object:
    with weft.open(types=[Sum]) as space:
        return getattr(space.create(Sum), node).wait(timeout_s=60)


def test_pure():
    assert value_of("doubled") == 2


def test_not_pure():
    assert value_of("numbered")[0] == 1


@pytest.mark.weft_once
def test_left_alone():
    assert value_of("numbered")[0] == 1


def test_that_fails_by_itself():
    value_of("numbered")
    raise KeyError("its own")
"""


def run(folder: Path, *options: str) -> tuple[int, str]:
    (folder / "test_sums.py").write_text(SUITE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "weft.testing.pytest_twice", "-q", *options],
        cwd=folder,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_suite_with_the_plugin_fails_where_an_operation_is_not_pure(tmp_path: Path) -> None:
    code, said = run(tmp_path)

    assert code == 1
    assert "2 failed, 2 passed" in said
    assert "test_sums/numbered, version h" in said
    assert "is declared pure and gave two values for one call" in said
    assert "declared at test_sums.py:12" in said
    assert "KeyError: 'its own'" in said
    assert "weft: calls made twice: 3, of 2 pure operations" in said


def test_it_can_be_told_to_look_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nweft_twice_apart = true\n", encoding="utf-8")

    code, said = run(tmp_path, "-k", "test_pure or test_left_alone", "--strict-markers", "--strict-config")

    assert (code, "2 passed" in said) == (0, True), said
    assert "weft: calls made twice: 1, of 1 pure operation" in said
