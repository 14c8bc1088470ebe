"""A program in a process of its own, and its end by SIGKILL: at a named point, or whenever the test likes.

Only processes that were started here are ever signalled, by their ids.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.kill.garden import CALLS
from tests.kill.program import WORKERS

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 120.0


class Victim:
    """One run of a module of these tests."""

    def __init__(
        self,
        module: str,
        *arguments: object,
        calls: Path,
        workers: bool = True,
        before: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        command = [*before, sys.executable, "-m", module, *map(str, arguments)]
        environment = {**os.environ, **(variables or {}), CALLS: str(calls), WORKERS: "yes" if workers else ""}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  a pipe that nobody reads would stop the program
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.said: list[str] = []
        self.errors = ""
        self.children: set[int] = set()

    def wait_stopped(self) -> bool:
        """Whether it stopped itself; else it has ended. It is neither continued nor reaped."""
        found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        return found is not None and found.si_code == os.CLD_STOPPED

    def read_line(self) -> str:
        """The next line that it says; empty at its end."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        self.said += [line] if line else []
        return line

    def freeze(self) -> bool:
        """Stop each of its threads; returns once none can write any more, or False if it has ended by itself. A sync
        that is under way comes to its end first, and is not reported to anybody."""
        os.kill(self.process.pid, signal.SIGSTOP)
        if not self.wait_stopped():
            return False
        until = time.monotonic() + LIMIT_S
        while not all(state in "TtZX" for state in _thread_states(self.process.pid)):
            assert time.monotonic() < until, "a thread goes on although its process was stopped"
            time.sleep(0.001)
        return True

    def go_on(self) -> None:
        """Undo `freeze`."""
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> int:
        """End it, having noted which processes it had started; returns the exit code."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGSTOP)
            self.children = children_of(self.process.pid)
            os.kill(self.process.pid, signal.SIGKILL)
        return self.finish()

    def finish(self) -> int:
        """Read what is left of what it says, and wait for its end."""
        assert self.process.stdout is not None
        # Not by `communicate`, which knows nothing of what `readline` has read ahead.
        self.said += self.process.stdout.read().splitlines()
        code = self.process.wait()
        self._errors.seek(0)
        self.errors = self._errors.read()
        return code

    def close(self) -> None:
        """Be done with it: end it if it runs, and let go of its pipes."""
        assert self.process.stdout is not None
        if self.process.poll() is None:
            self.process.kill()
            self.finish()
        self.process.stdout.close()
        self._errors.close()

    def acknowledged(self) -> list[str]:
        """The edits that it was told are durable, and said so."""
        return [line.removeprefix("told ") for line in self.said if line.startswith("told ")]


@contextmanager
def victim(
    module: str,
    *arguments: object,
    calls: Path,
    workers: bool = True,
    before: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Iterator[Victim]:
    """A run that is over at the latest when its test is, or when the limit is reached. `before`: a command that starts
    it and keeps its process id, as `strace -D` does; `variables`: of its environment."""
    started = Victim(module, *arguments, calls=calls, workers=workers, before=before, variables=variables)
    alarm = threading.Timer(limit_s, started.process.kill)
    alarm.start()
    try:
        yield started
    finally:
        alarm.cancel()
        started.close()


def children_of(pid: int) -> set[int]:
    """The processes that this one has started, and that have not been reaped."""
    tasks = Path(f"/proc/{pid}/task")
    found: set[int] = set()
    for task in tasks.iterdir() if tasks.exists() else ():
        found |= {int(word) for word in (task / "children").read_text().split()}
    return found


def wait_gone(pids: Sequence[int] | set[int], timeout_s: float = 20.0) -> set[int]:
    """Wait until these processes have ended; returns those that have not."""
    until = time.monotonic() + timeout_s
    left = {pid for pid in pids if is_running(pid)}
    while left and time.monotonic() < until:
        time.sleep(0.01)
        left = {pid for pid in left if is_running(pid)}
    return left


def is_running(pid: int) -> bool:
    """Whether it is a process that has not ended; one that nobody reaps has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _thread_states(pid: int) -> list[str]:
    states: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    return states
