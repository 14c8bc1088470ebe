"""Clocks that jump: the wall clock by hours and decades, both ways, under a program that runs; and programs that pause.

A small library in C, compiled here and loaded before all others, adds a number of seconds from a file to whatever the
wall clock says; no other program is concerned. The clock that only counts on is paused by stopping the program.

Knows nothing of what must be true afterwards, but that the program comes to its end in the time that it always takes.
Source: libfaketime.
"""

from __future__ import annotations

import atexit
import functools
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.fault import Absence
from tests.faults.refusals import STEADFAST
from tests.faults.survival import check_survival
from tests.kill.scene import Scene
from tests.kill.victim import Victim, victim

OFFSET = "WEFT_TEST_CLOCK"
"""Names the file that says by how many seconds the wall clock is wrong, as a native integer of 64 bits."""
JUMPS_S = (3600, -3600, 86_400 * 365 * 30, -86_400 * 365 * 30, 1, -1, 86_400)
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("WEFT_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *there = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        if (there != MAP_FAILED) offset = there;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int outcome = real(clock, now);
    if (!outcome && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return outcome;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec said;
    (void)zone;
    int outcome = clock_gettime(CLOCK_REALTIME, &said);
    now->tv_sec = said.tv_sec;
    now->tv_usec = said.tv_nsec / 1000;
    return outcome;
}

time_t time(time_t *now) {
    struct timespec said;
    clock_gettime(CLOCK_REALTIME, &said);
    if (now) *now = said.tv_sec;
    return said.tv_sec;
}
"""


def jumping(scene: Scene, folder: Path, seed: int) -> Counter[str]:
    """The wall clock jumps after each edit or so; now and then the program stands still for a moment."""
    chance = random.Random(seed)
    offset = folder / "offset"
    set_offset(offset, chance.choice(JUMPS_S))
    variables = {"LD_PRELOAD": str(library()), OFFSET: str(offset)}
    came_to: Counter[str] = Counter()
    with victim(
        STEADFAST, folder / "space.weft", calls=folder / "calls", workers=False, variables=variables
    ) as program:
        while program.read_line():
            if chance.random() < 0.7:
                by_s = chance.choice(JUMPS_S)
                set_offset(offset, by_s)
                came_to["forwards" if by_s > 0 else "backwards"] += 1
            elif pause(program, chance.uniform(0.05, 0.3)):
                came_to["paused"] += 1
        code = program.finish()
    assert code == 0 and program.said[-1] == "closed", program.errors[-2000:]
    assert not [line for line in program.said if line.startswith("refused")], program.said
    check_survival(scene, folder / "space.weft", program.acknowledged())
    return came_to


def set_offset(path: Path, by_s: int) -> None:
    """In one write to the page that the program has mapped."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(struct.pack("=q", by_s))


def pause(program: Victim, for_s: float) -> bool:
    """Stop the program for a while, as a machine that sleeps does; False if it had ended."""
    if not program.freeze():
        return False
    time.sleep(for_s)
    program.go_on()
    return True


def absence() -> Absence | None:
    """Why no clock can be changed here."""
    if sys.platform != "linux":
        return Absence("the means are Linux's", could_be_here=False)
    if shutil.which("cc") is None:
        return Absence("there is no C compiler", could_be_here=True)
    try:
        said = _time_there(library())
    except subprocess.CalledProcessError as why:
        return Absence(f"the library cannot be compiled: {why.stderr}", could_be_here=False)
    return None if abs(said - time.time() - 86_400) < 3600 else Absence("this Python asks another clock", False)


@functools.cache
def library() -> Path:
    """Compiled once for this program."""
    folder = Path(tempfile.mkdtemp(prefix="weft-clock-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "clock.c").write_text(SOURCE)
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(folder / "clock.so"), str(folder / "clock.c"), "-ldl"]
    subprocess.run(command, capture_output=True, text=True, check=True)
    return folder / "clock.so"


def _time_there(preload: Path) -> float:
    offset = preload.parent / "tomorrow"
    set_offset(offset, 86_400)
    variables = {"LD_PRELOAD": str(preload), OFFSET: str(offset)}
    asked = [sys.executable, "-c", "import time; print(time.time())"]
    return float(subprocess.run(asked, env=variables, capture_output=True, text=True, check=True).stdout)
