"""A program whose flows go on is killed at every point that the code names and at random moments, again and again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import NEEDS_PROC
from tests.kill.disturbance import check_runs, disturb_runs
from tests.kill.errand_kills import kill_often, seeds

pytestmark = [pytest.mark.kill, NEEDS_PROC]
KILLS = int(os.environ.get("WEFT_KILLS", "100"))
RUNS = 500


@pytest.mark.parametrize(("seed", "kills", "first"), seeds(KILLS))
def test_flows_go_on_after_kills_at_every_point_and_each_thing_happens_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, kills: int, first: int
) -> None:
    monkeypatch.setenv("WEFT_TEST_RECEIVED", str(tmp_path / "received"))

    space, found = kill_often(tmp_path, seed, kills, first=first)

    assert space.kills.total() == kills
    assert found.tries != {}


def test_runs_come_to_the_right_end_once_while_their_store_is_disturbed(tmp_path: Path) -> None:
    refused = disturb_runs(tmp_path, RUNS)

    assert refused.total() > 0, "nothing was disturbed"
    with (tmp_path / "received").open("a") as file:
        file.write("Ship 7 another\n")
    with pytest.raises(AssertionError):
        check_runs(tmp_path / "space.weft", tmp_path / "received", RUNS)
