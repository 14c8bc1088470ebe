"""`weft pin`: what is pinned, by whom, and that it is let go of; and what is no type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Weft


@pytest.fixture
def space(tmp_path: Path, script: Path, weft: Weft) -> Path:
    path = tmp_path / "sums.weft"
    assert weft("run", f"{script}:Sum", "--space", path, "n=2").returncode == 0
    return path


def test_a_type_is_pinned_listed_and_let_go_of(space: Path, script: Path, weft: Weft) -> None:
    assert weft("pin", space).stdout == f"nothing is pinned in {space}\n"

    done = weft("pin", space, "Sum", "--why", "release 2")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Sum is pinned at position ") and ", by weft pin: release 2" in done.stdout
    script.write_text(script.read_text().replace("xs = items(int)", "ys = items(int)\n    xs = items(int)"))
    refused = weft("run", f"{script}:Sum", "--space", space, "n=3")
    assert refused.returncode == 4
    assert "The definition of Sum is pinned" in " ".join(refused.stderr.split())
    shown = json.loads(weft("pin", space, "--json").stdout)
    assert shown["pinned"]["Sum"]["why"] == "release 2"

    assert weft("pin", space, "--all", "--off").stdout == f"nothing is pinned in {space}\n"
    assert weft("run", f"{script}:Sum", "--space", space, "n=3").returncode == 0


def test_what_is_no_type_of_the_space_is_named_with_the_nearest_and_nothing_is_pinned(space: Path, weft: Weft) -> None:
    refused = weft("pin", space, "Sum", "Sums")

    assert refused.returncode == 2
    assert "The space has no type Sums" in refused.stderr and "Sum" in refused.stderr
    assert "nothing is pinned" in weft("pin", space).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [(["Sum", "--all"], "not both"), (["--off"], "Say which TYPE"), (["--why", "x"], "Say which TYPE")],
)
def test_what_says_too_much_or_too_little_is_a_usage_error(
    space: Path, weft: Weft, words: list[str], said: str
) -> None:
    refused = weft("pin", space, *words)

    assert refused.returncode == 2
    assert said in refused.stderr
