"""A disk whose syncs take longer: for ratios to a commit, on machines that say a sync is done before it is.

Drives that keep what they are given through a power cut, and disks that are really a file of another machine, answer a
sync in a fifth of a millisecond; most drives take one to ten. What a change costs beside its commit is then most of it,
or next to nothing. A small library in C, compiled here and loaded before all others, has each sync of this program and
of all that it starts take some time more; nothing else is changed.

Knows nothing of what is measured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static struct timespec more;

__attribute__((constructor)) static void begin(void) {
    const char *told = getenv("WEFT_BENCH_SYNC_US");
    long us = told ? atol(told) : 0;
    more.tv_sec = us / 1000000;
    more.tv_nsec = us % 1000000 * 1000;
}

static int later(const char *name, int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int outcome = real(file);
    nanosleep(&more, 0);
    return outcome;
}

int fsync(int file) { return later("fsync", file); }
int fdatasync(int file) { return later("fdatasync", file); }
"""


class NoCompiler(Exception):
    """Nothing here compiles C, so no sync can be made to take longer: install a C compiler that is called `cc`."""


def environment(folder: Path, more_s: float) -> Mapping[str, str]:
    """The environment of a program whose syncs take so much longer. Raises `NoCompiler`."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler(NoCompiler.__doc__)
    source, library = folder / "slower.c", folder / "slower.so"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "WEFT_BENCH_SYNC_US": str(round(more_s * 1e6))}
