"""Child processes: all that depends on the operating system about beginning, ending and being one.

A worker leads a session of its own: a Ctrl-C at the terminal goes to its parent alone, and ending the worker ends what
it started. Its standard input and output are the protocol; within it they are moved away before user code runs, so that
a print lands in the parent's standard error and reading from standard input gives nothing.

On Windows there are no sessions: the worker alone is ended, not what it started, and an exit tells a code, no signal.
Knows nothing of what is said over the pipes.
Invariant: a process group is signalled only while its leader is not yet reaped, so never that of a stranger.
Source: multiprocessing's spawn; supervision as in daemontools.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, NoReturn

from weft.errors import WeftError

_HAS_SESSIONS = os.name == "posix"
_POLL_S = 0.002

_within_worker = False


class NoInterpreter(WeftError):
    """A worker process cannot be started: {why}. Use runner="thread"."""

    why: str


class Child:
    """A worker process as its parent sees it, with a directory for its files."""

    def __init__(self, process: subprocess.Popen[bytes], directory: str) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.pid = process.pid
        self.directory = directory
        self.sink = process.stdin
        self.source = process.stdout
        self.was_killed = False
        self._process = process
        self._reaping = threading.Lock()

    def is_running(self) -> bool:
        """Whether it has neither ended nor been told to."""
        return not self.was_killed and not _has_ended(self._process)

    def kill(self) -> None:
        """End it and what it started, at once; returns without waiting. From any thread; harmless when it has ended."""
        self.was_killed = True
        with self._reaping:
            if self._process.returncode is None:
                _kill(self._process)

    def end(self, *, grace_s: float) -> str:
        """Close its input, give it `grace_s` to end by itself, end what is left, and say how it ended."""
        try:
            self.sink.close()
        except OSError:
            pass  # it was gone with something still unsent
        until_s = time.monotonic() + grace_s
        while not _has_ended(self._process) and time.monotonic() < until_s and not self.was_killed:
            time.sleep(_POLL_S)
        with self._reaping:
            if self._process.returncode is None:
                _kill(self._process)
            exit_code = self._process.wait()
        self.source.close()
        remove_directory(self.directory)
        return exit_text(exit_code)


def begin(module: str) -> Child:
    """Start `python -m module`, with this package importable. Raises `NoInterpreter`."""
    refuse_within_worker()
    if not sys.executable:
        raise NoInterpreter(why="sys.executable does not name an interpreter")
    directory = tempfile.mkdtemp(prefix="weft-")
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": _search_path()},
            start_new_session=_HAS_SESSIONS,
        )
    except OSError as error:
        remove_directory(directory)
        raise NoInterpreter(why=f"{sys.executable} did not start ({error})") from error
    return Child(process, directory)


def refuse_within_worker() -> None:
    """Raise `NoInterpreter` in a worker: a script that is loaded there must not begin its work once more."""
    if _within_worker:
        guard = 'if __name__ == "__main__":'
        raise NoInterpreter(why=f"this is one, and it is only loading a module; put what a script does under `{guard}`")


def exit_text(exit_code: int) -> str:
    """How a process ended, in words."""
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"


def enter_worker(search_path: Sequence[str], python_path: str | None) -> None:
    """Make this process look up modules as its parent does, and its children as if the parent had started them."""
    global _within_worker
    _within_worker = True
    sys.path[:] = search_path
    if python_path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = python_path


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Move the protocol away from standard input and output, and return its two ends: to read from, to write to."""
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
    if hasattr(os, "register_at_fork"):
        # A fork of the worker would keep the pipe open, and the parent would wait for a worker that is gone.
        os.register_at_fork(after_in_child=lambda: _close_all(source, sink))
    return os.fdopen(source, "rb"), os.fdopen(sink, "wb")


def remove_directory(path: str) -> None:
    """Remove a worker's directory; worker and parent both do, as either may be killed."""
    shutil.rmtree(path, ignore_errors=True)


def end_here() -> NoReturn:
    """End this worker and all that it started, without any clean-up: the parent is gone."""
    if _HAS_SESSIONS and os.getpid() == os.getpgid(0):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _search_path() -> str:
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH")) if part)


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        try:
            os.close(descriptor)
        except OSError:
            pass


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended; it is not reaped by looking, so its id stays its own."""
    if process.returncode is not None:
        return True
    if not _HAS_SESSIONS:
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    if not _HAS_SESSIONS:
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()  # it has not yet come to lead its session, or has only a zombie left
