"""A disk that takes its time: each sync of a program and of those that it starts takes so much longer, and says why it
cannot where nothing compiles C."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.slower_disk import NoCompiler, environment
from tests.conftest import missing_part

MORE_S = 0.02
SYNCS = """
import os, sys, time
with open(sys.argv[1], "wb") as file:
    began = time.monotonic()
    for sync in (os.fsync, os.fdatasync):
        for _ in range(3):
            sync(file.fileno())
    print(time.monotonic() - began)
"""
STARTS = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]], check=True)"


@pytest.fixture
def slower(tmp_path: Path) -> Mapping[str, str]:
    if sys.platform != "linux":
        missing_part("slower disk", "programs are told apart from their C library on Linux alone")
    if shutil.which("cc") is None:
        missing_part("cc", "nothing here compiles C")
    return environment(tmp_path, MORE_S)


@pytest.mark.parametrize("by", ["a program", "a program that it starts"])
def test_each_sync_takes_so_much_longer(by: str, slower: Mapping[str, str], tmp_path: Path) -> None:
    asked = ["-c", SYNCS, str(tmp_path / "file")]
    command = [sys.executable, *(asked if by == "a program" else ["-c", STARTS, *asked])]

    took = subprocess.run(command, env=slower, check=True, capture_output=True, text=True).stdout

    assert float(took) >= 6 * MORE_S  # at least: how much more depends on the disk


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoCompiler, match="install a C compiler"):
        environment(tmp_path, MORE_S)
