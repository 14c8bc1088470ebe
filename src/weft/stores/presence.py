"""Who is there: each program that says so holds a lock on a file of its own beside the space, until it ends.

The operating system frees a lock when its process ends, however it ends; so nobody has to say that they leave, a
program that stands still is there all the same, and no clock is asked. Files of those that ended are taken away by
whoever sees that they did.

Knows nothing of what a program that is there has asked for.
Invariant: a file that nobody holds belongs to nobody, since no name is ever given twice.
Source: ephemeral nodes as in ZooKeeper and Chubby, held by a lock in place of a session's time.
"""

from __future__ import annotations

import contextlib
import os
import time

from weft.stores.lease import FileLock
from weft.watchers import is_presence

ENDING = "-client-"
_TRIES, _PAUSE_S = 20, 0.01


class Presences:
    """The programs that are at work on the space at `path`. Not thread-safe, as `FileLock` is not."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mine: dict[str, FileLock] = {}

    def enter(self, name: str) -> None:
        """Be there under a name from now on. Raises OSError."""
        if name in self._mine:
            return
        lock = FileLock(self._file(name))
        for _ in range(_TRIES):
            if lock.acquire():
                self._mine[name] = lock
                return
            time.sleep(_PAUSE_S)  # an engine that opens may be about to take away the file that was made just now
        raise FileExistsError(f"{lock.path} is another program's")

    def is_there(self, name: str) -> bool:
        """Whether whoever entered under a name has neither left nor ended; what cannot be looked at is there."""
        if name in self._mine:
            return True
        lock = FileLock(self._file(name))
        try:
            if lock.owner() is not None:
                return True
        except OSError:
            return True
        return not self._take_away(lock, name)

    def leave(self) -> None:
        """Be there no longer, under any name."""
        while self._mine:
            name, lock = self._mine.popitem()
            with contextlib.suppress(OSError):
                self._remove(name)
            lock.release()
            with contextlib.suppress(OSError):
                self._remove(name)  # again: some systems take no file away that is open

    def clear(self) -> None:
        """Take away the files of those that ended. O(files in the folder)."""
        folder, start = os.path.split(self._path + ENDING)
        with contextlib.suppress(OSError):
            names = [name.removeprefix(start) for name in os.listdir(folder) if name.startswith(start)]
            for name in filter(is_presence, names):
                self.is_there(name)

    def _take_away(self, lock: FileLock, name: str) -> bool:
        """Remove the file of one that ended; returns whether nobody took it meanwhile. While the lock is held, so that
        whoever made it this very moment sees that it is gone, and makes it again."""
        with contextlib.suppress(OSError):
            if os.path.lexists(lock.path):
                if not lock.acquire():
                    return False
                self._remove(name)
                lock.release()
        return True

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._file(name))

    def _file(self, name: str) -> str:
        return f"{self._path}{ENDING}{name}"
