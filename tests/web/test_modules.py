"""The page's pure modules, run by node: how a graph is laid out and walked, what was, why, and what is cast."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing_part
from tests.until import LIMIT_S
from weft.server.page import FOLDER

HERE = Path(__file__).parent


def test_the_pure_modules_of_the_page_keep_their_laws() -> None:
    node = shutil.which("node")
    if node is None:
        missing_part("node", "it is not installed: apt-get install nodejs")
    assert node is not None
    files = [str(path) for path in sorted(HERE.rglob("*.test.mjs"))]
    assert files

    asked = [node, "--no-warnings", "--test", "--test-reporter=spec", *files]
    environment = {**os.environ, "WEFT_STATIC": str(FOLDER)}
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=4 * LIMIT_S, env=environment, check=False)

    if ran.returncode:
        pytest.fail(ran.stdout + ran.stderr, pytrace=False)
