"""The client in JavaScript, run by node: against the server's fixtures, without a network, and against a real server
whose wire is cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import missing_part
from tests.server.whole import whole
from tests.until import LIMIT_S

JS = Path(__file__).parent / "js"


def run_node(*names: str, **environment: str) -> None:
    """Run these files of tests, and fail with what they say. Node 20 has a WebSocket behind a flag, later ones have it
    without."""
    node = shutil.which("node")
    if node is None:
        missing_part("node", "it is not installed: apt-get install nodejs")
    assert node is not None
    asked = [node, "--experimental-websocket", "--no-warnings", "--test", "--test-reporter=spec"]
    ran = subprocess.run(
        [*asked, *(str(JS / f"{name}.test.mjs") for name in names)],
        capture_output=True, text=True, timeout=8 * LIMIT_S, env={**os.environ, **environment}, check=False,
    )  # fmt: skip
    if ran.returncode:
        pytest.fail(ran.stdout + ran.stderr, pytrace=False)


def test_it_holds_what_the_servers_own_client_holds_and_comes_again_for_ever() -> None:
    run_node("state", "live", "calls")


@pytest.mark.slow
def test_it_misses_nothing_of_a_real_server_whose_wire_is_cut() -> None:
    with whole() as server:
        run_node("served", WEFT_BASE=server.base, WEFT_STRAIGHT=server.straight)
