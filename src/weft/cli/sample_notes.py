"""Sample notes for spells that are cast in the web app on rendered photos: those that the story in a terminal tells.

Who casts “compare view points” there for the first time has no notes yet, and would be told that there is nothing to
compare. As in a terminal, notes that were made up for the rendered books are told to each spell, once; what somebody
takes away stays away.

Knows nothing of how anything is compared, nor of the web app.
Invariant: a shelf with any photo that was not rendered is somebody's own: its spells are told nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from weft import Blob, Space
from weft.examples.bookshelf.app import Bookshelf, Viewpoints
from weft.examples.bookshelf.samples import NOTES


class Pictures:
    """The rendered photos, made when they are first asked for."""

    def __init__(self, made: Iterable[bytes]) -> None:
        self._made, self._kept, self._making = made, list[bytes](), threading.Lock()

    def __call__(self) -> list[bytes]:
        """All of them."""
        with self._making:
            if not self._kept:
                self._kept.extend(self._made)
            return self._kept


class SampleNotes:
    """Tells them, in a thread of its own, while its `with` lasts."""

    def __init__(self, space: Space, shelf: Bookshelf, pictures: Pictures) -> None:
        self._space, self._shelf, self._pictures = space, shelf, pictures
        self._told: set[str] = set()
        self._heard = space.subscribe(space.position)
        self._thread = threading.Thread(target=self._follow, name="sample notes", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self._heard.close()
        self._thread.join()

    def _follow(self) -> None:
        self.tell()
        for activity in self._heard:
            if activity.type == "traversal.started":
                self.tell()

    def tell(self) -> None:
        """Tell each spell that was told none yet, where all photos are rendered ones."""
        new = [each for each in self._space.find(Viewpoints) if each.id not in self._told]
        if not new or not self._is_sample():
            return
        for views in new:
            self._told.add(views.id)
            if len(views.notes):
                continue  # somebody has notes of their own
            # The whole of it each time: an edit under one name is one edit, also of a program that was begun again.
            with self._space.edit(once=f"sample notes {views.id}"):
                for title, said in NOTES.items():
                    views.notes[title] = said

    def _is_sample(self) -> bool:
        rendered = {Blob.from_bytes(picture).id for picture in self._pictures()}
        photos = [photo.id for photo in self._shelf.photos]
        return bool(photos) and rendered.issuperset(photos)
