"""Sample notes: told to each spell of a rendered shelf, once, and to no other."""

from __future__ import annotations

import weft
from tests.until import until
from weft import Blob, Space
from weft.cli.sample_notes import Pictures, SampleNotes
from weft.examples.bookshelf.app import Bookshelf, Viewpoints
from weft.examples.bookshelf.samples import NOTES
from weft.handle import Seat
from weft.told import LiveRef, Target

RENDERED = (b"one rendered shelf", b"another")
TITLE = next(iter(NOTES))


def cast(space: Space, shelf: Bookshelf) -> Viewpoints:
    """A spell, as the web app casts one: without notes."""
    target = Target(shelf.id, "topics", "some topic")
    return space.create(Viewpoints, topic=LiveRef(Seat(space.desk, shelf.id), target))


def shelf_of(space: Space, *photos: bytes) -> Bookshelf:
    shelf = space.create(Bookshelf)
    shelf.photos.add(*map(Blob.from_bytes, photos))
    return shelf


def test_a_spell_on_rendered_photos_is_told_the_notes_once() -> None:
    with weft.open(types=(Bookshelf, Viewpoints)) as space:
        shelf = shelf_of(space, RENDERED[0])
        before = cast(space, shelf)
        with SampleNotes(space, shelf, Pictures(iter(RENDERED))):
            until(lambda: len(before.notes) == len(NOTES))
            spell = cast(space, shelf)
            until(lambda: dict(spell.notes) == dict(NOTES))
        for title in NOTES:
            del spell.notes[title]
        own = cast(space, shelf)
        own.notes[TITLE] = "My own."
        with SampleNotes(space, shelf, Pictures(iter(RENDERED))) as told:
            told.tell()
        assert dict(spell.notes) == {}, "what was taken away stays away"
        assert dict(own.notes) == {TITLE: "My own."}


def test_a_spell_on_photos_of_somebodys_own_is_told_nothing() -> None:
    with weft.open(types=(Bookshelf, Viewpoints)) as space:
        shelf = shelf_of(space, RENDERED[0], b"somebody's own")
        spell = cast(space, shelf)
        told = SampleNotes(space, shelf, Pictures(iter(RENDERED)))
        told.tell()
        assert dict(spell.notes) == {}
        empty = SampleNotes(space, space.create(Bookshelf), Pictures(iter(RENDERED)))
        empty.tell()
        assert dict(spell.notes) == {}
