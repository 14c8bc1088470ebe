"""`weft demo bookshelf` on a terminal: the example's shelf in the web app, until Ctrl-C.

What it says goes to standard output; what happens is seen in the browser. The shelf is the one that the telling in the
terminal has, so either goes on with what the other did.

Knows nothing of how spines, books or topics are found, nor of what the web app shows. Imported where it is to serve, as
it needs the extra `server`.
Invariant: what was told is kept when it ends, however it ends, and the command that goes on with it is named.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from weft import Blob, Space
from weft import open as open_space
from weft.cli import terminal
from weft.cli.sample_notes import Pictures, SampleNotes
from weft.cli.serving import serve_spaces
from weft.examples.bookshelf.app import Bookshelf, Viewpoints
from weft.server.accounts import Accounts
from weft.server.serve import CannotListen, listening

HOST, PORT = "127.0.0.1", 8707
PHOTOS = "photos"
"""The folder of the rendered photos, beside the space."""


def show(path: str, blobs: Iterable[Blob], services: Mapping[type, object], samples: Iterable[bytes]) -> int:
    """Serve the shelf at `path`, with these photos on it. `samples`: pictures for whoever has none at hand."""
    types = (Bookshelf, Viewpoints)
    pictures = Pictures(samples)
    with ExitStack() as held:

        def opened(path: str) -> Space:
            return held.enter_context(open_space(path, types=types, services=services, recompute=True, actor="reader"))

        def forked(path: str) -> Space:
            space = opened(path)
            for shelf in space.find(Bookshelf):
                held.enter_context(SampleNotes(space, shelf, pictures))
            return space

        space = opened(path)
        with space.edit(once="home"):
            shelf = space.create(Bookshelf)
        if new := [blob for blob in blobs if blob not in shelf.photos]:
            shelf.photos.add(*new)
        folder = _written(Path(path).absolute().parent / PHOTOS, pictures()) if not len(shelf.photos) else None
        held.enter_context(SampleNotes(space, shelf, pictures))
        guard = held.enter_context(Accounts(None))
        try:
            listens = held.enter_context(listening(HOST, PORT))
        except CannotListen:  # another demonstration, most likely
            listens = held.enter_context(listening(HOST, 0))

        name = Path(path).stem

        def say(address: str, link: str) -> None:
            link += f"#/{quote(name, safe='')}/charm/{shelf.id}"  # browsers keep it on their way through the login
            terminal.say(f"the bookshelf is at {address}")
            terminal.say(f"open this once, to be let in: {link}")
            if folder is not None:
                terminal.say(f"drop a photo of your books on it; rendered ones are in {folder}")
                terminal.say("while it shows rendered ones alone, spells on it are told a made-up reader's notes")
            terminal.say("Ctrl-C ends it")
            if _has_browser():
                webbrowser.open(link)

        serve_spaces({name: space}, guard, HOST, listens, opens=forked, on_start=say)
    terminal.say(f"stopped; everything is kept: {terminal.program()} demo bookshelf --space {path} goes on")
    return 0


def _written(folder: Path, samples: Iterable[bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(samples, 1):
        (folder / f"shelf {number}.jpg").write_bytes(picture)
    return folder


def _has_browser() -> bool:
    """Whether one with a window can be there: one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
