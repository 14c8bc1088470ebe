"""The commands that start a program under strace: with calls of the system that fail, or with each call written down.

Knows nothing of what is run. Invariant: the program keeps the id of the process that was started (`-D`), so that it is
what is stopped and killed, and strace ends with it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.faults.fault import Absence

QUIET = ("-f", "-qq", "-e", "signal=none")


def injecting(*faults: str) -> list[str]:
    """Calls of the system that fail, as strace's `inject` says them: `fdatasync:error=EIO:when=3`. It counts the calls
    of each thread by itself."""
    names = sorted({fault.partition(":")[0] for fault in faults})
    injected = [word for fault in faults for word in ("-e", f"inject={fault}")]
    # Without --seccomp-bpf, under which strace 6.1 loses count.
    return ["strace", "-D", *QUIET, "-o", os.devnull, "-e", f"trace={','.join(names)}", *injected]


def recording(calls: tuple[str, ...], path: Path) -> list[str]:
    """Each of these calls, with all that is written, in hexadecimal. Its end is the program's, and strace's too."""
    return [
        "strace",
        "--seccomp-bpf",
        *QUIET,
        "-xx",
        "-s",
        "100000000",
        "-e",
        f"trace={','.join(calls)}",
        "-o",
        str(path),
    ]


@functools.cache
def absence() -> Absence | None:
    """Why nothing can be traced here."""
    if sys.platform != "linux":
        return Absence("strace is for Linux", could_be_here=False)
    if shutil.which("strace") is None:
        return Absence("strace is not installed", could_be_here=True)
    tried = subprocess.run([*injecting("fsync:error=EIO"), "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return Absence(f"this system lets no program be traced ({tried.stderr.strip()})", could_be_here=False)
    return None
