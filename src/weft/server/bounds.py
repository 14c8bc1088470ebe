"""Settings of a server: its bounds, and by which names it is called.

Knows nothing of what is bounded where. Invariant: every bound has a value; none is read from the environment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

BODY_BYTES_MAX = 1 << 20
"""How long the JSON of one request may be."""
BLOB_BYTES_MAX = 256 << 20
"""How large content may be that is uploaded at once."""
THREADS = 16
"""How many calls are at work at once; those that wait for values take none."""
USER_THREADS = THREADS // 4
"""How many calls of one user are at work at once; others of theirs wait in line."""
USER_LINE_MAX = 200
"""How many calls of one user may wait in line for a thread; more are refused."""
FAR_THREADS = 2
"""How many calls that may look at all of a log are at work at once, one of each user: differences and histories."""
FAR_LINE_MAX = 20
"""How many such calls of one user may wait in line; more are refused."""
WAITS_MAX = 500
"""How many calls may wait at once for what follows from them, of all callers."""
USER_WAITS_MAX = 50
"""How many calls of one user may wait so."""
CALLS_PER_S = 50.0
"""How many calls of one caller are let through each second, all in all."""
CALLS_BURST = 200.0
"""How many at once, after a while of none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`hosts`: the names by which the server is called, beside those of this machine. `origins`: pages of other servers
    that may call it."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    body_bytes_max: int = BODY_BYTES_MAX
    blob_bytes_max: int = BLOB_BYTES_MAX
    threads: int = THREADS
    user_threads: int = USER_THREADS
    user_line_max: int = USER_LINE_MAX
    far_threads: int = FAR_THREADS
    far_line_max: int = FAR_LINE_MAX
    waits_max: int = WAITS_MAX
    user_waits_max: int = USER_WAITS_MAX
    calls_per_s: float = CALLS_PER_S
    calls_burst: float = CALLS_BURST
    clock: Callable[[], float] = time.monotonic
