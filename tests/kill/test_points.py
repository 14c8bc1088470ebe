"""A program that computes a space is killed at every point that the code names, and at random moments."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.conftest import NEEDS_PROC
from tests.kill.garden import CALLS
from tests.kill.program import MIGRATION, NEXT_SCHEMA, POINTS, REBUILDING, open_space, rebuild_there
from tests.kill.recovery import check_at_once, check_at_rest, pids_in
from tests.kill.scene import FROM_HALF_DONE, Scene, copied, killed_at, killed_sometime, make_scene
from tests.kill.stops import Points
from tests.kill.victim import Victim, wait_gone
from weft.store import SpaceDamaged
from weft.stores.schema import SCHEMA

pytestmark = [pytest.mark.kill, NEEDS_PROC]
KILLS = int(os.environ.get("WEFT_KILLS", "100"))
"""How many kills come at random moments."""
IS_LONG = bool(os.environ.get("WEFT_LONG"))
"""Whether the space is brought to rest after each of them, in a copy, and not after every second."""
KILLS_PER_SPACE = 4


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    return tmp_path


@pytest.mark.parametrize("point", POINTS)
def test_a_space_goes_on_as_if_nothing_had_been_after_a_kill_at_each_point(
    scene: Scene, folder: Path, point: str
) -> None:
    is_half_done = point in FROM_HALF_DONE
    if is_half_done:
        shutil.copytree(scene.half_done, folder, dirs_exist_ok=True)

    died = killed_at(folder, point, 1)

    assert died is not None, f"{point} was never passed"
    check(scene, folder, died, point, before=scene.acknowledged if is_half_done else [])


@pytest.mark.parametrize("point", [point for point in POINTS if point not in MIGRATION | REBUILDING])
def test_and_when_the_point_was_passed_before(scene: Scene, folder: Path, point: str) -> None:
    often = scene.passed.passed[point]
    if often < 2:
        pytest.skip("it is passed once in a program's life")

    # How often a point is passed varies a little from run to run.
    died = killed_at(folder, point, random.Random(point).randint(2, max(2, often * 3 // 4)))

    if died is None:
        pytest.skip("this run passed it less often")
    check(scene, folder, died, point)


def check(scene: Scene, folder: Path, died: Victim, point: str, before: list[str] | None = None) -> None:
    path, calls = str(folder / "space.weft"), folder / "calls"
    schema = NEXT_SCHEMA if point in MIGRATION else SCHEMA
    acknowledged = max(before or [], died.acknowledged(), key=len)
    if point in REBUILDING:
        check_unfinished(path)
    found = check_at_once(path, acknowledged, scene.reference, schema=schema)
    assert wait_gone(died.children | pids_in(calls)) == set(), "no process outlives its engine"
    check_at_rest(path, found, scene.reference, calls, schema=schema)


def check_unfinished(path: str) -> None:
    """Half rebuilt tables are taken by nobody for whole, and a second rebuild makes them so."""
    with pytest.raises(SpaceDamaged):
        open_space(path)
    rebuild_there(path, Points(), is_renewed=False)


@pytest.mark.parametrize("seed", range(-(-KILLS // KILLS_PER_SPACE)))
def test_a_space_survives_kills_at_any_moments_one_after_another(scene: Scene, folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: list[str] = []
    for turn in range(KILLS_PER_SPACE):
        died, _ = killed_sometime(folder, chance, len(acknowledged), workers=seed % 4 == 0)
        acknowledged = max(acknowledged, died.acknowledged(), key=len)
        if (folder / "space.weft").exists():
            found = check_at_once(str(folder / "space.weft"), acknowledged, scene.reference)
            if IS_LONG or turn % 2:
                aside = copied(folder, "aside")
                check_at_rest(str(aside / "space.weft"), found, scene.reference, aside / "calls")
        assert wait_gone(died.children | pids_in(folder / "calls")) == set()
