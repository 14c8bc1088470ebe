"""Large content is kept while others go on: whoever edits does not wait for who uploads."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from tests.until import LIMIT_S
from weft import Blob, Entity, Field, Space, field
from weft.content import raw_id
from weft.pump import SpaceClosed

CONTENT = bytes(range(256)) * (12 << 12)


class Note(Entity):
    text: Field[str] = field(default="")


class Slow(io.BytesIO):
    """What is in coming, and stops midway until it is let on."""

    def __init__(self) -> None:
        super().__init__(CONTENT)
        self.is_midway, self.goes_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > len(CONTENT) // 2:
            self.is_midway.set()
            assert self.goes_on.wait(LIMIT_S)
        return super().read(size)


@pytest.fixture(params=["in memory", "in a file", "a client of another"])
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Space]:
    path = None if request.param == "in memory" else str(tmp_path / "a.weft")
    with weft.open(path, types=[Note]) as opened:
        if request.param != "a client of another":
            yield opened
            return
        with weft.open(path, types=[Note], engine=False) as client:
            yield client


def test_an_edit_does_not_wait_for_content_that_is_in_coming(space: Space) -> None:
    slow = Slow()
    blob = Blob(raw_id(CONTENT), "image/png", len(CONTENT)).bound_to(lambda _: slow)
    note = space.create(Note)
    keeps = threading.Thread(target=lambda: space.keep(blob))
    keeps.start()
    try:
        assert slow.is_midway.wait(LIMIT_S)

        edits = threading.Thread(target=lambda: setattr(note, "text", "meanwhile"), daemon=True)
        edits.start()
        edits.join(LIMIT_S)
        assert not edits.is_alive(), "the edit waits for the content"
        assert note.text == "meanwhile"
    finally:
        slow.goes_on.set()
        keeps.join()

    with space.open_blob(blob.id) as reader:
        assert reader.read() == CONTENT


def test_content_that_is_in_coming_when_its_space_is_closed_is_refused(tmp_path: Path) -> None:
    slow, refused = Slow(), list[BaseException]()
    blob = Blob(raw_id(CONTENT), "image/png", len(CONTENT)).bound_to(lambda _: slow)

    def keep() -> None:
        try:
            opened.keep(blob)
        except SpaceClosed as why:
            refused.append(why)

    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as opened:
        keeps = threading.Thread(target=keep)
        keeps.start()
        assert slow.is_midway.wait(LIMIT_S)
    slow.goes_on.set()
    keeps.join()

    assert len(refused) == 1
    with weft.open(str(tmp_path / "a.weft"), types=[Note]) as opened:
        assert not opened._store.has_blob(blob.id)
