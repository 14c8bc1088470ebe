"""A call of the system fails: the N-th write, sync, truncation, link or opening, once or several times in a row.

Knows nothing of what must be true afterwards, but that a program which says its edits again comes to its end.
Source: strace's fault injection; SQLite's own tests of I/O errors.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from tests.faults import tracer
from tests.faults.survival import check_survival
from tests.kill.scene import Scene
from tests.kill.victim import victim

STEADFAST = "tests.faults.steadfast"
REFUSED = "refused and said again"
UNNOTICED = "nobody had to be told"
FAILING = (
    ("fdatasync", "EIO", 64),
    ("pwrite64", "ENOSPC", 1600),
    ("fsync", "EIO", 7),
    ("pwrite64", "EIO", 1600),
    ("link", "EIO", 1),
    ("pwrite64", "EROFS", 1600),
    ("ftruncate", "EIO", 6),
    ("unlink", "EIO", 7),
    ("fdatasync", "ENOSPC", 64),
)
"""A call, the error that it comes back with, and about how often the engine's thread makes it in one run."""


def of_one_call(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """One kind of call fails, up to eight times in a row, from a random one on."""
    chance = random.Random(seed)
    name, error, often = FAILING[seed % len(FAILING)]
    first = chance.randint(1, often)
    last = first + chance.choice((0, 0, 1, 7))
    before = tracer.injecting(f"{name}:error={error}:when={first}..{last}")
    with victim(STEADFAST, folder / "space.weft", calls=folder / "calls", workers=False, before=before) as program:
        code = program.finish()
    assert code == 0 and program.said[-1] == "closed", f"{name} {error} {first}..{last}: {program.errors[-2000:]}"
    refusals = [line for line in program.said if line.startswith("refused")]
    check_survival(scene, folder / "space.weft", program.acknowledged())
    return Counter({REFUSED if refusals else UNNOTICED: 1})
