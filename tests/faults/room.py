"""A disk without room in the middle of a run, and with room again; a disk that becomes read-only, and is mounted anew.

Knows nothing of what must be true afterwards, but that nothing is told while there is no room, and that reads go on.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from tests.faults import disk
from tests.faults.fault import ENDED
from tests.faults.refusals import STEADFAST
from tests.faults.survival import check_survival, laid_aside
from tests.kill.scene import Scene
from tests.kill.victim import Victim, victim

DISK_BYTES = 24 * 2**20
REFUSED = "refused, and went on"


def without_room(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """The disk is filled at a random moment, and emptied once the program was refused a few times."""
    chance = random.Random(seed)
    with disk.small_disk(folder / "small", DISK_BYTES) as place:
        path = place / "space.weft"
        with victim(STEADFAST, path, calls=folder / "calls", workers=False) as program:
            read_some(program, chance)
            fill(place)
            was_refused = read_refusals(program, chance.randint(1, 4))
            (place / "ballast").unlink(missing_ok=True)
            code = program.finish()
        assert code == 0 and program.said[-1] == "closed", program.errors[-2000:]
        refused = [line for line in program.said if line.startswith("refused")]
        assert all("disk" in line or "space left" in line or "neighbour" in line for line in refused), refused
        check_survival(scene, laid_aside(path, folder / "after"), program.acknowledged())
    return Counter({REFUSED if was_refused else ENDED: 1})


def made_read_only(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """An error makes ext4 read-only under the program, which reads on and is refused; mounted anew, it goes on."""
    chance = random.Random(seed)
    image, place = folder / "image", folder / "mounted"
    disk.make_image(image)
    with disk.mounted(image, place):
        with victim(STEADFAST, place / "space.weft", calls=folder / "calls", workers=False) as program:
            read_some(program, chance)
            # Stopped meanwhile: a sync that is under way could come back as if it had succeeded.
            if program.freeze():
                disk.make_read_only(place)
                program.go_on()
            was_refused = read_refusals(program, chance.randint(2, 6))
            code = program.kill()
        assert was_refused or code == 0, program.errors[-2000:]
    with disk.mounted(image, place):
        check_survival(scene, place / "space.weft", program.acknowledged())
    return Counter({REFUSED if was_refused else ENDED: 1})


def read_some(program: Victim, chance: random.Random) -> None:
    """Wait until it was told a few things, and a little."""
    wanted = chance.randint(0, 10)
    while len(program.acknowledged()) < wanted and program.read_line():
        pass
    time.sleep(chance.uniform(0, 0.03))


def read_refusals(program: Victim, count: int) -> bool:
    """Wait until it was refused, or waited in vain, so often, in all; False if it came to its end before."""
    while sum(line.startswith(("refused", "waited")) for line in program.said) < count:
        if not program.read_line():
            return False
    return True


def fill(place: Path) -> None:
    """Leave no room at all."""
    try:
        with (place / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(b"x" * 65_536)
    except OSError:
        return
