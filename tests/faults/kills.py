"""The program is killed: at the points that the code names, at random moments, and as it enters a call of the system.

Knows nothing of what must be true afterwards. Invariant: only programs that were started here are killed.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from pathlib import Path

from tests.faults import tracer
from tests.faults.fault import ENDED
from tests.faults.survival import check_left, check_survival
from tests.kill.program import MIGRATION, NEXT_SCHEMA, POINTS, REBUILDING, rebuild_there
from tests.kill.recovery import pids_in
from tests.kill.scene import FROM_HALF_DONE, PROGRAM, Scene, copied, killed_at, killed_sometime
from tests.kill.stops import Points
from tests.kill.victim import victim, wait_gone
from weft.stores.schema import SCHEMA

KILLS_PER_SPACE = 4
KILLED = "killed"
CALLS_OF_THE_SYSTEM = (
    ("fdatasync", 75),
    ("pwrite64", 1800),
    ("fsync", 8),
    ("ftruncate", 8),
    ("link", 1),
    ("unlink", 7),
)
"""What is durable is made so by these; and about how often each is called by one run."""


def at_a_point(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """At each point in turn, the first time; in the next rounds of seeds at a later time."""
    point, turn = POINTS[seed % len(POINTS)], 1
    if seed >= len(POINTS) and point not in FROM_HALF_DONE:
        turn = random.Random(seed).randint(1, max(1, scene.passed.passed[point] * 3 // 4))
    before: list[str] = []
    if point in FROM_HALF_DONE:
        shutil.copytree(scene.half_done, folder, dirs_exist_ok=True)
        before = scene.acknowledged
    died = killed_at(folder, point, turn)
    if died is None:
        return Counter({ENDED: 1})
    assert wait_gone(died.children | pids_in(folder / "calls")) == set(), "no process outlives its engine"
    if point in REBUILDING:
        rebuild_there(str(folder / "space.weft"), Points(), is_renewed=False)
    acknowledged = max(before, died.acknowledged(), key=len)
    schema = NEXT_SCHEMA if point in MIGRATION else SCHEMA
    check_survival(scene, folder / "space.weft", acknowledged, schema=schema)
    return Counter({KILLED: 1})


def at_random_moments(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """One after another, each while it goes on from what the one before had left."""
    chance = random.Random(seed)
    acknowledged: list[str] = []
    came_to: Counter[str] = Counter()
    for _ in range(KILLS_PER_SPACE):
        died, was_killed = killed_sometime(folder, chance, len(acknowledged), workers=seed % 4 == 0)
        acknowledged = max(acknowledged, died.acknowledged(), key=len)
        assert wait_gone(died.children | pids_in(folder / "calls")) == set(), "no process outlives its engine"
        check_left(scene, folder / "space.weft", acknowledged)
        came_to[KILLED if was_killed else ENDED] += 1
    check_survival(scene, copied(folder, "aside") / "space.weft", acknowledged)
    return came_to


def in_a_call_of_the_system(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """As it enters a write, a sync, a truncation, a link or a removal, whichever of many."""
    chance = random.Random(seed)
    name, often = CALLS_OF_THE_SYSTEM[seed % len(CALLS_OF_THE_SYSTEM)]
    before = tracer.injecting(f"{name}:signal=KILL:when={chance.randint(1, often)}")
    with victim(PROGRAM, folder / "space.weft", calls=folder / "calls", workers=False, before=before) as died:
        code = died.finish()
    assert code in (-signal.SIGKILL, 0), died.errors
    check_survival(scene, folder / "space.weft", died.acknowledged())
    return Counter({KILLED if code else ENDED: 1})
