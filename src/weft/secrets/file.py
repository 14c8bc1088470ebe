"""Secrets in a file of the user's own.

The file is written anew beside itself and put in its place once it is on the disk: a crash leaves the old or the new.
Its folder must not be writable by others, or they could put another file there; one that is made here is open to nobody
else. Windows knows no such modes: there the folder's inherited rights are what there is.

Knows nothing of what secrets are for.
Invariant: a value is written only into a file that was made for its owner alone, and read only from such a one.
Source: OpenSSH, which refuses keys that others may read; rename over the old file, as editors and git do.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from weft.errors import WeftError
from weft.flow import Secret
from weft.secrets.store import Generations, Hidden, Listed, SecretStore
from weft.stores.lease import FileLock
from weft.stores.schema import sync_folder

FORMAT = "weft secrets 1"
_PATIENCE_S = 10.0
"""How long a writer waits for others; each holds the lock for some milliseconds."""
_PAUSE_S = 0.005
_HAS_OWNERS = hasattr(os, "geteuid")
_NEVER_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

Sheet: TypeAlias = dict[str, tuple[int, dict[int, Hidden]]]


class UnsafeSecrets(WeftError):
    """{path} may hold no secrets, as {why}. Mend it with: {command}"""

    path: str
    why: str
    command: str


class DamagedSecrets(WeftError):
    """{path} is not read as a file of secrets, as {why}. Put a copy of it back, or begin anew with: {command}"""

    path: str
    why: str
    command: str


class SecretsBusy(WeftError):
    """Another process has held {path} for {seconds:g} seconds. End it, or try again; the lock is free when it ends."""

    path: str
    seconds: float


def default_path() -> Path:
    """Where the command line keeps them: `.weft/secrets.json` in the user's home."""
    return Path.home() / ".weft" / "secrets.json"


class FileSecrets(SecretStore):
    """Secrets in a file; it is made by the first `put`, in a folder that is made too. It is read anew each time. Raises
    `UnsafeSecrets`, `DamagedSecrets`, `SecretsBusy`."""

    def __init__(self, path: str | os.PathLike[str], *, patience_s: float = _PATIENCE_S) -> None:
        """`patience_s`: how long a writer waits for others."""
        self.path = Path(os.path.abspath(path))
        self._patience_s = patience_s

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self.path.parent)
        lock = FileLock(f"{self.path}.lock")
        deadline = time.monotonic() + self._patience_s
        while not lock.acquire():
            if time.monotonic() > deadline:
                raise SecretsBusy(path=str(self.path), seconds=self._patience_s)
            time.sleep(_PAUSE_S)
        try:
            yield
        finally:
            lock.release()

    def _listed(self) -> Listed:
        return {name: Generations(newest, tuple(sorted(kept))) for name, (newest, kept) in self._read().items()}

    def _value(self, secret: Secret) -> Hidden | None:
        _, kept = self._read().get(secret.name, (0, {}))
        return kept.get(secret.generation)

    def _keep(self, secret: Secret, value: Hidden, generations: Generations) -> None:
        sheet = self._read()
        _, kept = sheet.get(secret.name, (0, {}))
        sheet[secret.name] = generations.newest, {**kept, secret.generation: value}
        self._write(sheet)

    def _forget(self, name: str, gone: tuple[int, ...], generations: Generations) -> None:
        sheet = self._read()
        _, kept = sheet[name]
        sheet[name] = generations.newest, {number: value for number, value in kept.items() if number not in gone}
        self._write(sheet)

    def _read(self) -> Sheet:
        folder = self.path.parent
        try:
            refuse_unsafe(folder, os.lstat(folder), is_folder=True)
            refuse_unsafe(self.path, os.lstat(self.path), is_folder=False)
            descriptor = os.open(self.path, os.O_RDONLY | _NEVER_FOLLOW)
        except FileNotFoundError:
            return {}
        with open(descriptor, "rb") as file:
            # What was opened may not be what was looked at.
            refuse_unsafe(self.path, os.fstat(descriptor), is_folder=False)
            sheet = _parsed(file)
        if isinstance(sheet, str):
            aside = f"mv {shlex.quote(str(self.path))} {shlex.quote(f'{self.path}.damaged')}"
            raise DamagedSecrets(path=str(self.path), why=sheet, command=aside)
        return sheet

    def _write(self, sheet: Sheet) -> None:
        draft = f"{self.path}.new"
        with contextlib.suppress(FileNotFoundError):  # of a writer that died; its lock is ours now
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NEVER_FOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(_text(sheet))
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, self.path)
        sync_folder(str(self.path))

    def __repr__(self) -> str:
        return f"<secrets in {self.path}>"


def make_folder(folder: Path) -> None:
    """Make the folder of such a file, where there is none, for its owner alone. Raises `UnsafeSecrets`."""
    if not os.path.lexists(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        sync_folder(str(folder))
    refuse_unsafe(folder, os.lstat(folder), is_folder=True)


def refuse_unsafe(path: Path, found: os.stat_result, *, is_folder: bool) -> None:
    """Raises `UnsafeSecrets` unless this is its owner's alone, and what it should be."""
    quoted = shlex.quote(str(path))
    if stat.S_ISLNK(found.st_mode):
        why = "it is a symbolic link, which may lead anywhere"
        raise UnsafeSecrets(path=str(path), why=why, command=f"rm {quoted}, or give the path that it leads to")
    if not (stat.S_ISDIR if is_folder else stat.S_ISREG)(found.st_mode):
        why = f"it is no {'folder' if is_folder else 'file'}"
        raise UnsafeSecrets(path=str(path), why=why, command=f"mv {quoted} {shlex.quote(f'{path}.old')}")
    if not _HAS_OWNERS:
        return
    if found.st_uid != os.geteuid():
        why = f"it belongs to the user {found.st_uid}, and this is the user {os.geteuid()}"
        raise UnsafeSecrets(path=str(path), why=why, command=f"sudo chown {os.geteuid()} {quoted}")
    if stat.S_IMODE(found.st_mode) & (0o022 if is_folder else 0o077):
        why = f"others may {'write to' if is_folder else 'read or write'} it (mode {stat.S_IMODE(found.st_mode):o})"
        raise UnsafeSecrets(path=str(path), why=why, command=f"chmod {'700' if is_folder else '600'} {quoted}")


def _text(sheet: Sheet) -> bytes:
    names = {
        name: {"newest": newest, "kept": {str(number): value.reveal() for number, value in kept.items()}}
        for name, (newest, kept) in sheet.items()
    }
    return json.dumps({"format": FORMAT, "secrets": names}, indent=1, sort_keys=True).encode()


def _parsed(file: Any) -> Sheet | str:
    """What a file says, or in few words why it says nothing. It raises nothing itself: what it has read is in here."""
    try:
        said = json.load(file)
        if said["format"] != FORMAT:
            return "it is of another format, perhaps of a newer Weft"
        return {
            name: (int(each["newest"]), {int(number): Hidden(str(value)) for number, value in each["kept"].items()})
            for name, each in said["secrets"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "it is not whole"
