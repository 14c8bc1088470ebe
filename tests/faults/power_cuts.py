"""The power fails under a space on a disk of its own: ext4 in a loop-mounted image.

What it shows: all that was acknowledged had left the file system's memory and its journal for the device, and the files
that ext4's journal brings back are a whole space. What it does not: that a drive keeps what it has said is kept. The
loop device stands for a drive without a cache; `lost_writes` is for those with one.

Knows nothing of what must be true afterwards.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from pathlib import Path

from tests.faults import disk
from tests.faults.fault import ENDED
from tests.faults.survival import check_left, check_survival
from tests.kill.program import SCRIPT
from tests.kill.scene import PROGRAM, Scene, wait_sometime
from tests.kill.victim import victim

CUTS_PER_IMAGE = 2


def of_a_mounted_image(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """Twice, the second time while the program goes on from what the first one had left."""
    chance = random.Random(seed)
    image, place = folder / "image", folder / "mounted"
    disk.make_image(image)
    acknowledged: list[str] = []
    came_to: Counter[str] = Counter()
    for turn in range(CUTS_PER_IMAGE):
        with disk.mounted(image, place):
            said, was_at_work = cut_sometime(place, chance, len(acknowledged))
        acknowledged = max(acknowledged, said, key=len)
        # Mounting plays ext4's journal back.
        with disk.mounted(image, place):
            check = check_survival if turn + 1 == CUTS_PER_IMAGE else check_left
            check(scene, place / "space.weft", acknowledged)
        came_to["cut off at work" if was_at_work else ENDED] += 1
    return came_to


def cut_sometime(place: Path, chance: random.Random, told: int) -> tuple[list[str], bool]:
    """What was acknowledged by the time of the cut, and whether the program was at work."""
    with victim(PROGRAM, place / "space.weft", calls=place.parent / "calls", workers=False) as program:
        wait_sometime(program, chance, told, steps_max=len(SCRIPT) // 2)
        # Stopped first: a sync that was under way could come back as if it had succeeded.
        was_at_work = program.freeze()
        disk.cut_power(place)
        code = program.kill() if was_at_work else program.finish()
    assert code == (-signal.SIGKILL if was_at_work else 0), program.errors
    return program.acknowledged(), was_at_work
