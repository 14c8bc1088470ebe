"""Where a program that is killed stops for it, and what else such programs share.

Knows nothing of what they do, and imports little: to start a program takes longer than most of what it does.
Invariant: a program stops itself as it passes a point, so that its parent finds it exactly there.
Source: fail points as in TiKV.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter

from weft.call import Runner
from weft.runners.inline import InlineRunner
from weft.runners.threads import ThreadRunner

WRITES_PER_CHECKPOINT = 60
"""Fewer than in real life, so that a short run passes it."""


class Points:
    """Counts the points that are passed, and stops the program at one of them."""

    def __init__(self, wanted: str = "", turn: int = 1) -> None:
        self.wanted, self.turn = wanted, turn
        self.passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            self.passed[name] += 1
            count = self.passed.total() if self.wanted == "any" else self.passed[name]
            if self.wanted in (name, "any") and count == self.turn:
                # To this thread: sent to the process, the signal finds another first, and this one goes on for a while.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def tell_parent(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def within_one_process() -> dict[str, Runner]:
    """Runners without worker processes: most of a short run's time is theirs."""
    threads = ThreadRunner()
    return {"inline": InlineRunner(), "thread": threads, "process": threads}
