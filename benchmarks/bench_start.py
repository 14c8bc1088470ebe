"""What it takes to begin: time and memory of a fresh Python that imports Weft, and of the command line's help.

Each measurement is a few new processes, with all that they import compiled and in the machine's file cache; their
processor time counts. Limits are multiples of a bare Python: 100 and 150 ms, and 45 MB, on a machine where that takes
11 ms and 14 MB.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.case import Case, Limit

ROOT = Path(__file__).resolve().parent.parent
TIME = "start, processor time"
MEMORY = "start, memory"
STARTS = 3
BARE = "python alone"
PROCESSOR, RESIDENT, WALL = range(3)
"""What is measured of a start: processor time (s), the most memory, and the time from start to end (s)."""

# A process counts the memory of whoever started it as its own, up to the moment of its exec: so a small one starts it.
_STARTER = """
import json, os, sys, time
times, sizes, walls = [], [], []
for _ in range(int(sys.argv[1])):
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    began = time.perf_counter()
    pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    assert status == 0, status
    times.append(used.ru_utime + used.ru_stime)
    sizes.append(used.ru_maxrss)
    walls.append(time.perf_counter() - began)
print(json.dumps([sum(times) / len(times), max(sizes), sum(walls) / len(walls)]))
"""

STARTED = {
    BARE: ("-c", "pass"),
    "import weft": ("-c", "import weft"),
    "weft.open and Entity": ("-c", "from weft import Entity, open"),
    "a space opened and closed": ("-c", "import weft; weft.open().close()"),
    "weft --help": ("-c", "from weft.cli import main; main()", "--help"),
}
TIME_MAX = {"import weft": 9.0, "weft.open and Entity": 9.0, "weft --help": 13.5}
MEMORY_MAX = {"weft --help": 3.2}


def cases(folder: Path) -> Iterator[Case]:
    """The same starts, once by time and once by memory."""
    importlib.import_module("weft.cli")
    for group, which, most in ((TIME, PROCESSOR, TIME_MAX), (MEMORY, RESIDENT, MEMORY_MAX)):
        for name, arguments in STARTED.items():
            limit = Limit(most[name], _named(BARE, group)) if name in most else None
            measure = started(arguments, folder, which)
            ours, is_time = name == BARE, group == TIME
            yield Case(_named(name, group), group, "start", measure, ours=ours, limit=limit, is_time=is_time)


def _named(name: str, group: str) -> str:
    return name if group == TIME else f"{name}: memory"


def started(arguments: tuple[str, ...], folder: Path, which: int) -> Callable[[], float]:
    """What starts Python with these arguments, a few times, and returns one of its figures."""

    def measure() -> float:
        command = [sys.executable, "-S", "-c", _STARTER, str(STARTS), sys.executable, *arguments]
        said = subprocess.run(
            command, cwd=folder, check=True, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        return float(json.loads(said.stdout)[which])

    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    return measure


class OpenedAnew:
    """Some things in a space of a file, made when it is first asked for, and what a new process takes that opens it."""

    def __init__(self, folder: Path, make: Callable[[], object], things: int, code: str) -> None:
        self.folder, self.make, self.things, self.code = folder, make, things, code
        self._made_s = 0.0

    def made(self) -> float:
        """Seconds a thing, until all rest and the space is closed."""
        if not self._made_s:
            began = time.perf_counter()
            self.make()
            self._made_s = (time.perf_counter() - began) / max(1, self.things)
            self._start(WALL)()  # compiles what it imports
        return self._made_s

    def opened(self, which: int) -> Callable[[], float]:
        """What measures a new process that runs the code."""

        def opening() -> float:
            self.made()
            return self._start(which)()

        return opening

    def _start(self, which: int) -> Callable[[], float]:
        return started(("-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {self.code}"), self.folder, which)
