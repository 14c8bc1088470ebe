"""A program in a pseudo terminal, and somebody who reads what it shows and types."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import clean, command

LIMIT_S = 30.0


class Terminal:
    """One of both."""

    def __init__(self, *arguments: object, folder: Path, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = ""
        self._read_to = 0
        self._program = subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env=clean(TERM="dumb", NO_COLOR="1", **environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def read_to(self, text: str) -> None:
        """Read until this is shown, behind what was read before."""
        while (at := self.shown.find(text, self._read_to)) < 0:
            assert self._more(), f"it ended without {text!r}: {self.shown}"
        self._read_to = at + len(text)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._program.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Read to its end; the exit code."""
        while self._more():
            pass
        return self._program.wait(LIMIT_S)

    def close(self) -> None:
        """Let go of both."""
        self._program.kill()
        self._program.wait(LIMIT_S)
        os.close(self._ours)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], LIMIT_S)
        assert ready, f"it says nothing more: {self.shown}"
        try:
            read = os.read(self._ours, 4096)
        except OSError:  # how Linux says that nobody has the other end any more
            return False
        self.shown += read.decode()
        return bool(read)


@contextmanager
def in_terminal(*arguments: object, folder: Path, **environment: str) -> Iterator[Terminal]:
    """The program under test, with these arguments, in a terminal."""
    terminal = Terminal(*arguments, folder=folder, **environment)
    try:
        yield terminal
    finally:
        terminal.close()
