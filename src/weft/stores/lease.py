"""A lock that one process holds on a file, and that the operating system frees when the process ends.

The only module that knows how systems lock files: `flock` on POSIX, `msvcrt.locking` on Windows. The file also says who
holds it, for people; that text is believed only while the lock is really held.

Knows nothing of epochs or spaces. The file is never deleted: another process might have opened it just before.
A holder that dies while it starts a program leaves a child behind that has not become the program yet, and has the lock
still: such a lock is outwaited.
Invariant: of all lock objects on one path, in one process or many, at most one is held.
Source: flock as in PostgreSQL's and Mercurial's lock files; not `lockf`, which any close in the process drops.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sys
import time
import weakref
from typing import NamedTuple

_PATIENCE_S = 1.0
"""How long those who only look (`owner`) are outwaited, who hold a shared lock for some microseconds, and what a dead
holder was starting, which holds its lock until it is the other program."""

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = 1 << 30
    # Windows forbids reading bytes that another process locked, so the lock lies far behind the text.

    def _lock(descriptor: int, *, shared: bool) -> bool:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class Owner(NamedTuple):
    """Who holds a lock: process id and host name; 0 and "" while the owner has not yet said."""

    pid: int
    host: str


class FileLock:
    """One process's claim on `path`. Not thread-safe: whoever shares it brings a lock of their own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock and sign it; False when somebody else, or this object, holds it. Raises OSError."""
        if self.is_held:
            return False
        deadline = time.monotonic() + _PATIENCE_S
        while (descriptor := self._try()) is None:
            if self.owner() is not None or time.monotonic() > deadline:
                return False
            time.sleep(random.uniform(0.0005, 0.003))
        # The lock counts without its signature, which is for people; a full disk may refuse it.
        with contextlib.suppress(OSError):
            _sign(descriptor)
        self._descriptor = descriptor
        _held.add(self)
        return True

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            _held.discard(self)
            # A descriptor that a forked child inherited would keep the lock after a mere close.
            with contextlib.suppress(OSError):
                _unlock(descriptor)
            os.close(descriptor)

    def abandon(self) -> None:
        """Forget the lock without freeing it: what a forked child does, so that the lock dies with its parent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def owner(self) -> Owner | None:
        """Who holds the lock now; None when nobody does, whatever the file says. Raises OSError."""
        if self._descriptor is not None:
            return _read_owner(self._descriptor)
        deadline = time.monotonic() + _PATIENCE_S
        while (owner := self._look()) is not None and _is_dead(owner) and time.monotonic() < deadline:
            time.sleep(0.001)
        return owner

    def _look(self) -> Owner | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return None if _lock(descriptor, shared=True) else _read_owner(descriptor)
        finally:
            os.close(descriptor)

    def _try(self) -> int | None:
        """A descriptor that holds the lock, if it could be had at once."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        is_ours = False
        try:
            is_ours = _lock(descriptor, shared=False) and self._is_file(descriptor)
        finally:
            if not is_ours:
                os.close(descriptor)
        return descriptor if is_ours else None

    def _is_file(self, descriptor: int) -> bool:
        """Whether the path still names the locked file; it may have been deleted between opening and locking."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


def _sign(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())


def _read_owner(descriptor: int) -> Owner:
    os.lseek(descriptor, 0, os.SEEK_SET)
    pid, _, host = os.read(descriptor, 4096).decode(errors="replace").partition(" ")
    return Owner(int(pid) if pid.isdecimal() and pid.isascii() else 0, host.strip())


def _is_dead(owner: Owner) -> bool:
    """Whether a holder's process is known to have ended, though something holds its lock."""
    if sys.platform == "win32" or not owner.pid or owner.host != socket.gethostname():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _abandon_all() -> None:
    for lock in list(_held):
        lock.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
