"""A space with a life behind it, for the tests of copies."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft import Blob, Entity, Field, derive, field, items


def loud(text: str) -> str:
    return text.upper()


def half(n: int) -> int:
    if n % 2:
        raise ValueError("odd")
    return n // 2


def size(photo: Blob) -> int:
    return photo.size_bytes


def long(n: int) -> str:
    return str(n) * 100_000


class Note(Entity):
    text: Field[str] = field()
    n: Field[int] = field(default=4)
    photos = items(Blob)
    loud = derive(loud, text)
    halved = derive(half, n)
    sizes = photos.each(size)
    long = derive(long, n)


def lived(path: Path, *, notes: int = 3) -> None:
    """Entities, values small and large, a failure, and blobs, one of which is longer than a part."""
    with weft.open(str(path), types=[Note]) as space:
        for number in range(notes):
            note = space.create(Note, text=f"über {number}")
            note.loud.wait()
        note = space.find(Note)[0]
        note.photos.add(Blob.from_bytes(b"one"), Blob.from_bytes(b""), Blob.from_bytes(b"x" * 1_000_000))
        note.sizes.wait()
        note.long.wait()
        note.n = 5
        with pytest.raises(weft.NodeFailed):
            note.halved.wait()
