"""Files as effects: each whole or not at all, in one folder, and on the disk when its receipt says so.

A name is one plain part of a path, so no name leads out of the folder; what stands there under the name and is no plain
file (a link, a folder) is left alone. The content is written beside, synced, and put in place by a rename; equal
content is not written again. Writers of one folder take turns by a lock that the system frees when its holder dies, so
one that was cut off leaves at most one unfinished file, which the next one removes.

Knows nothing of what files hold.
Invariant: under its name a file is never seen in part, and nothing outside the folder is read or written.
Source: write, sync, rename, sync the folder; openat with a folder's descriptor in place of paths.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar

from weft.driver import EffectRefused, InDoubt, NotReached
from weft.flow import Effect, WhenInDoubt

NAME_BYTES_MAX = 255
"""A longer name of a file is refused."""
_PAUSE_S = 0.005
_UNFINISHED = ".weft-unfinished"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR)


@dataclass(frozen=True)
class FileReceipt:
    """What stands in the file: its size, and the sha-256 of its content in hexadecimal."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class WriteFile(Effect[FileReceipt]):
    """A file of this name with this content, in the driver's folder; it takes the place of one that is there."""

    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    name: str
    content: bytes


class FileDriver:
    """Writes files into `folder`, which must be there. `turn_s_max`: how long it waits for another writer there."""

    effects: tuple[type[WriteFile], ...] = (WriteFile,)

    def __init__(self, folder: str | os.PathLike[str], *, turn_s_max: float = 30.0) -> None:
        self.folder = Path(folder).resolve()
        self.turn_s_max = turn_s_max

    async def carry_out(self, effect: WriteFile, key: str, /) -> FileReceipt:
        """Write it. The key tells nothing here: writing the same twice is writing it once."""
        if (why := _fault(effect.name)) is not None:
            raise EffectRefused(effect=f"the file {effect.name[:80]!r}", why=why)
        await asyncio.to_thread(self._write, effect)
        return FileReceipt(len(effect.content), hashlib.sha256(effect.content).hexdigest())

    def _write(self, effect: WriteFile) -> None:
        named = f"the file {effect.name!r}"
        is_placed = False
        try:
            with _locked(self.folder, self.turn_s_max) as folder:
                if not _is_there(folder, effect):
                    _write_beside(folder, effect.content)
                    # A rename that fails may still have been made: it is the disk that says so, not the receiver.
                    is_placed = True
                    os.replace(_UNFINISHED, effect.name, src_dir_fd=folder, dst_dir_fd=folder)
                is_placed = True
                os.fsync(folder)
        except FileExistsError as there:
            raise EffectRefused(effect=named, why=str(there)) from None
        except OSError as failed:
            kind = InDoubt if is_placed else NotReached
            raise kind(effect=named, why=failed.strerror or str(failed), after_s=None) from None


@contextmanager
def _locked(path: Path, turn_s_max: float) -> Iterator[int]:
    """The folder's descriptor, while no other writer has it. TimeoutError: another one keeps it."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(folder, path, turn_s_max)
        yield folder
    finally:
        os.close(folder)


def _lock(folder: int, path: Path, turn_s_max: float) -> None:
    import fcntl

    due_s = monotonic() + turn_s_max
    # A wait in the system has no bound, and nobody can end it in a thread: whoever holds the lock would hold us, too.
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if monotonic() >= due_s:
                raise TimeoutError(
                    f"another program has held the folder {path} for {turn_s_max:g} s: end the one that `fuser -v` "
                    "names for it, if it hangs"
                ) from None
        sleep(_PAUSE_S)


def _is_there(folder: int, effect: WriteFile) -> bool:
    """Whether the file has this content already, which is then on the disk. FileExistsError: it is no file."""
    # Without O_NONBLOCK, opening a pipe that somebody put there would wait for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        found = os.open(effect.name, flags, dir_fd=folder)
    except FileNotFoundError:
        return False
    except OSError as failed:
        if failed.errno in _NO_FILE:
            raise FileExistsError("what stands there is no plain file") from None
        raise
    try:
        state = os.fstat(found)
        if not stat.S_ISREG(state.st_mode):
            raise FileExistsError("what stands there is no plain file")
        if state.st_size != len(effect.content):
            return False
        with os.fdopen(found, "rb", closefd=False) as file:
            is_equal = file.read() == effect.content
        if is_equal:
            os.fsync(found)
        return is_equal
    finally:
        os.close(found)


def _write_beside(folder: int, content: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_UNFINISHED, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(_UNFINISHED, flags, 0o666, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _fault(name: str) -> str | None:
    if "/" in name or "\\" in name:
        return "its name holds a slash; it is the name of one file in the driver's folder"
    if not name or name.startswith("."):
        return "its name is empty, or begins with a dot"
    if _CONTROL.search(name):
        return "its name holds a control character"
    try:
        size_bytes = len(os.fsencode(name.encode().decode()))
    except UnicodeError:
        return "its name is no Unicode text"
    return f"its name is longer than {NAME_BYTES_MAX} bytes" if size_bytes > NAME_BYTES_MAX else None
