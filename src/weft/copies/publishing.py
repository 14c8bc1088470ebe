"""Publishing: a file or folder is made under another name, and takes its place whole, or not at all.

Knows nothing of what is in it.
Invariant: at every moment the place holds what it held before, or all that is new; an error leaves no draft behind, and
what a program left that died meanwhile is removed by the next that makes a draft in the folder.
Source: write, sync, rename, as databases and editors do it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator

from weft.errors import WeftError
from weft.stores.lease import FileLock
from weft.stores.schema import sync_folder

NEIGHBOURS = ("-mark", "-lease", "-wal", "-shm", "-journal")
"""What the files beside a space are called, after its own name."""
READ_WRITE = 0o666
_HELD = "-held"
"""What the file beside a draft is called on which its maker has a lock, which ends with the program."""
_DRAFT_HELD = re.compile(r"\.new-\d+-[0-9a-f]{8}" + _HELD + r"\Z")


class PlaceTaken(WeftError):
    """{path} is there already, and was not changed. Give another name{remedy}."""

    exit_code = 2
    path: str
    remedy: str


class NeighboursPlace(WeftError):
    """{path} is where what belongs to the space {owner} is kept: nothing was made there. Give another name."""

    exit_code = 2
    path: str
    owner: str


class CannotWrite(WeftError):
    """{path} cannot be written: {why}. Nothing of it was left there; mend that, or give another place."""

    path: str
    why: str


@contextlib.contextmanager
def drafting(place: str) -> Iterator[str]:
    """A name beside `place` to make a draft at; what is left of it, and of a space's neighbours, is removed at the
    end. Raises `CannotWrite` for what the system refuses meanwhile."""
    folder = os.path.dirname(place)
    if not os.path.isdir(folder):
        raise CannotWrite(path=place, why=f"there is no folder {folder}")
    _remove_abandoned(folder)
    draft = f"{place}.new-{os.getpid()}-{secrets.token_hex(4)}"
    held = FileLock(draft + _HELD)
    try:
        held.acquire()
        yield draft
    except OSError as error:
        raise CannotWrite(path=place, why=os.strerror(error.errno) if error.errno else str(error)) from error
    finally:
        _remove_draft(draft, held)


def _remove_abandoned(folder: str) -> None:
    """Remove the drafts in a folder whose makers died. What another user's program left may stay."""
    for name in os.listdir(folder):
        if _DRAFT_HELD.search(name):
            with contextlib.suppress(OSError):
                held = FileLock(os.path.join(folder, name))
                if held.acquire():
                    _remove_draft(held.path.removesuffix(_HELD), held)


def _remove_draft(draft: str, held: FileLock) -> None:
    """Remove what is left of a draft; last what says that it is held, so that nothing is left that nobody knows."""
    for leftover in (draft, *(f"{draft}{ending}" for ending in NEIGHBOURS)):
        with contextlib.suppress(FileNotFoundError):
            if os.path.isdir(leftover) and not os.path.islink(leftover):
                shutil.rmtree(leftover)
            else:
                os.remove(leftover)
    held.release()
    with contextlib.suppress(FileNotFoundError):
        os.remove(held.path)


def refuse_taken(place: str, *, remedy: str = "") -> None:
    """Raise `PlaceTaken` where something is, before any work is done; `remedy` goes on from "another name"."""
    if os.path.lexists(place):
        raise PlaceTaken(path=place, remedy=remedy)


def refuse_taken_space(place: str) -> None:
    """The same for a new space, which needs its neighbours' places too: SQLite would play another space's log into
    this one, and a mark of another would call this one damaged. Nor may it lie in a neighbour's place of a space that
    is there, whose SQLite would take it for a journal of its own, and delete it."""
    refuse_taken(place)
    for ending in NEIGHBOURS:
        if (owner := place.removesuffix(ending)) != place and os.path.lexists(owner):
            raise NeighboursPlace(path=place, owner=os.path.basename(owner))
    for ending in ("-journal", "-wal", "-mark"):
        refuse_taken(
            f"{place}{ending}", remedy=f", or move it away: it belongs to an earlier {os.path.basename(place)}"
        )


def publish_space(draft: str, place: str) -> None:
    """Give the space at `draft`, which nobody holds open, its place, and its mark. Raises as `publish_new`."""
    publish_new(draft, place)
    with contextlib.suppress(FileNotFoundError):
        os.replace(f"{draft}-mark", f"{place}-mark")
    sync_folder(place)


def publish_new(draft: str, place: str) -> None:
    """Give the file at `draft` its place, durably. Raises `PlaceTaken` if somebody else was quicker."""
    try:
        os.link(draft, place)
    except FileExistsError:
        raise PlaceTaken(path=place, remedy="") from None
    except OSError:
        # File systems without hard links: the gap between the question and the rename is accepted there.
        refuse_taken(place)
        os.rename(draft, place)
    sync_folder(place)


def mode_of(path: str) -> int:
    """Who may read and write a file: a copy is for nobody else."""
    return os.stat(path).st_mode & READ_WRITE


def create_private(path: str) -> None:
    """An empty file that nobody else can read, whatever it will hold."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def sync_file(path: str) -> None:
    """Make a file's content survive a power cut."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
