"""What kills share: a run that nobody disturbed, a space that was left half done, and programs that die.

Knows nothing of what must be true afterwards; that is `recovery`.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kill import tally
from tests.kill.garden import CALLS
from tests.kill.program import MIGRATION, REBUILDING, SCRIPT
from tests.kill.recovery import Reference, reference_of
from tests.kill.stops import Points
from tests.kill.victim import Victim, victim

PROGRAM = "tests.kill.program"
OPENING = frozenset({"types defined", "space resumed", "attempts retired", "lease locked", "lease taken"})
"""Points that are passed before anything is said: there, a space is worth killing that was left half done."""
FROM_HALF_DONE = OPENING | MIGRATION | REBUILDING


@dataclass(frozen=True)
class Scene:
    """What the kills of a session share: a run that nobody disturbed, how often it passed each point, and a space whose
    program was killed in the middle of its work."""

    reference: Reference
    passed: Points
    half_done: Path
    acknowledged: list[str]


def make_scene(folder: Path) -> Scene:
    """A new one, in an empty folder."""
    passed = Points()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CALLS, str(folder / "calls"))
        reference = reference_of(str(folder / "undisturbed.weft"), passed)
    half_done = folder / "half"
    half_done.mkdir()
    with victim(PROGRAM, half_done / "space.weft", "attempt sent", 12, calls=half_done / "calls") as died:
        assert died.wait_stopped()
        died.kill()
    return Scene(reference, passed, half_done, died.acknowledged())


def killed_at(folder: Path, point: str, turn: int) -> Victim | None:
    """A program that died at the point, or None if it came to its end without."""
    with victim(PROGRAM, folder / "space.weft", point, turn, calls=folder / "calls") as died:
        has_stopped = died.wait_stopped()
        code = died.kill() if has_stopped else died.finish()
    if not has_stopped:
        assert code == 0, died.errors
        return None
    assert code == -signal.SIGKILL
    tally.killed(point)
    return died


def killed_sometime(folder: Path, chance: random.Random, told: int, *, workers: bool) -> tuple[Victim, bool]:
    """A program that died while it started, said something new, or waited for the rest; and whether it was killed, or
    had come to its end by then."""
    with victim(PROGRAM, folder / "space.weft", calls=folder / "calls", workers=workers) as died:
        wait_sometime(died, chance, told)
        code = died.kill()
    assert code in (-signal.SIGKILL, 0), died.errors
    if code:
        tally.killed("at a random moment")
    return died, bool(code)


def wait_sometime(program: Victim, chance: random.Random, told: int = 0, *, steps_max: int = 4) -> None:
    """Wait for a random moment while it starts, says up to `steps_max` things after the first `told`, or works on."""
    wanted = min(told + chance.randint(0, steps_max), len(SCRIPT))
    if chance.random() < 0.85:
        while len(program.acknowledged()) < wanted and program.read_line():
            pass
    time.sleep(chance.uniform(0, 0.05 if program.said else 0.6))


def copied(folder: Path, name: str) -> Path:
    """A copy of the space and its calls, to be finished while the space itself is killed again. Calls are listed there
    from now on: whoever asks for it puts the environment back."""
    aside = folder / name
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for file in folder.iterdir():
        if file.is_file() and not file.name.endswith("-shm"):
            shutil.copy(file, aside)
    os.environ[CALLS] = str(aside / "calls")
    return aside
