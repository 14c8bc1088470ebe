"""Disks of a test's own: an ext4 file system in a file, whose power can be cut, and one in memory that is soon full.

Knows nothing of spaces. Invariant: what was mounted is unmounted, whatever happens in between.
Source: ext4's shutdown ioctl as in xfstests; freezing the writer first, as a sync in flight can else report success.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults.fault import Absence

IMAGE_BYTES = 48 * 2**20
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2
"""Nothing more reaches the device: neither what lies in memory, nor the file system's own journal."""


def make_image(image: Path) -> None:
    """An empty ext4 file system in a file; an error in it makes it read-only."""
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    _run("mkfs.ext4", "-q", "-F", "-e", "remount-ro", str(image))


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """The file system of an image, at a folder."""
    folder.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(image), str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


@contextlib.contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A file system in memory with room for so much."""
    folder.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "-l", str(folder))


def cut_power(folder: Path) -> None:
    """From here on nothing reaches the file system that is mounted there, and what was not synced is gone."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    finally:
        os.close(descriptor)


def make_read_only(folder: Path) -> None:
    """As ext4 does by itself when it finds an error: also under programs that have files open for writing."""
    device = os.stat(folder).st_dev
    (name,) = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().parts[-1:]
    Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test\n")


def is_read_only(folder: Path) -> bool:
    """Whether nothing can be written there now. Newer kernels do not say so of the mount."""
    try:
        (folder / "probe").touch()
    except OSError as why:
        return why.errno == errno.EROFS
    (folder / "probe").unlink()
    return False


@functools.cache
def no_small_disk() -> Absence | None:
    """Why no file system in memory can be mounted here."""
    if sys.platform != "linux":
        return Absence("the means are Linux's", could_be_here=False)
    with tempfile.TemporaryDirectory(prefix="weft-disk-") as folder:
        try:
            with small_disk(Path(folder) / "small", 2**20):
                return None
        except (OSError, subprocess.CalledProcessError) as why:
            return Absence(f"nothing can be mounted by this user ({_said(why)})", could_be_here=False)


@functools.cache
def no_image() -> Absence | None:
    """Why no image can be mounted here, and its power cut."""
    refused = no_small_disk()
    if refused is not None:
        return refused
    if not os.path.exists("/dev/loop-control"):
        return Absence("there are no loop devices", could_be_here=False)
    if shutil.which("mkfs.ext4") is None:
        return Absence("mkfs.ext4 (of e2fsprogs) is not installed", could_be_here=True)
    with tempfile.TemporaryDirectory(prefix="weft-disk-") as folder:
        try:
            make_image(Path(folder) / "image")
            with mounted(Path(folder) / "image", Path(folder) / "mounted") as place:
                cut_power(place)
                return None
        except (OSError, subprocess.CalledProcessError) as why:
            return Absence(f"no image can be mounted and cut off ({_said(why)})", could_be_here=False)


@functools.cache
def no_read_only() -> Absence | None:
    """Why no file system can be made read-only under a program here."""
    refused = no_image()
    if refused is not None:
        return refused
    with tempfile.TemporaryDirectory(prefix="weft-disk-") as folder:
        try:
            make_image(Path(folder) / "image")
            with mounted(Path(folder) / "image", Path(folder) / "mounted") as place:
                make_read_only(place)
                return None if is_read_only(place) else Absence("an error leaves ext4 writable here", False)
        except (OSError, subprocess.CalledProcessError) as why:
            return Absence(f"ext4 cannot be told of an error here ({_said(why)})", could_be_here=False)


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True)


def _said(why: OSError | subprocess.CalledProcessError) -> str:
    """In a few words, without the folder that was tried."""
    if isinstance(why, subprocess.CalledProcessError):
        return str(why.stderr).strip().partition("\n")[0].rpartition(": ")[2].strip(".") or f"{why.cmd[0]} failed"
    return why.strerror or type(why).__name__
