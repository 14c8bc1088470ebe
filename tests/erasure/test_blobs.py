"""Forgetting blobs: alone, with the entity that names them, and not while something else does."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from tests.erasure.lives import Note, canary, check_gone, check_rebuilt, noted, opened, path, settle, to_long, where_is
from weft import Blob, Entity, Field, derive, field
from weft.content import cid_text
from weft.edit import UnknownEntity
from weft.erasure import BlobInUse, BlobIsValue, look
from weft.ledger import INLINE_BYTES_MAX
from weft.store import NoBlob

__all__ = ["path"]
CONTENT = b"Blob-0001-canary " * 100_000
"""Longer than a piece."""


def test_a_blob_that_something_names_is_refused_with_the_places(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1, photo=CONTENT)
        settle(note)
        blob = note.photos[0]

        with pytest.raises(BlobInUse, match=rf"{cid_text(blob.id)} is still named, by {note.id}\.photos"):
            space.forget(blob)

        assert note.photos[0].bytes() == CONTENT


def test_a_blob_goes_where_that_is_asked_for_all_the_same(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1, photo=CONTENT)
        settle(note)
        blob = note.photos[0]

        done = space.forget(blob, even_if_used=True)

        assert done.found.blobs_kept == {blob.id: [f"{note.id}.photos"]}
        with pytest.raises(NoBlob):
            note.photos[0].bytes()
        assert note.text == f"{canary(1)} sings"
        with pytest.raises(NoBlob):
            space.forget(blob)
    check_gone("Blob-0001-canary", path, tmp_path)


def test_a_blob_that_nothing_names_goes(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        cid, _ = space._store.keep_blob([CONTENT])

        space.forget(Blob(cid, "text/plain", len(CONTENT)))
    check_gone("Blob-0001-canary", path, tmp_path)


def test_an_entity_takes_along_what_only_it_names(path: Path, tmp_path: Path) -> None:
    with opened(path) as space:
        note, other = noted(space, 1, photo=CONTENT), noted(space, 2, photo=CONTENT)
        own = Blob.from_bytes(b"Own-0001-canary")
        note.photos.add(own)
        settle(note, other)

        done = space.forget(note)

        shared = other.photos[0]
        assert own.id in done.found.blobs
        assert done.found.blobs_kept == {shared.id: [f"{other.id}.photos"]}
        assert shared.bytes() == CONTENT
        assert where_is("Own-0001-canary", path) == []

        assert shared.id in space.forget(other).found.blobs
    for bird in ("Blob-0001-canary", canary(1), canary(2)):
        check_gone(bird, path, tmp_path)


def to_painted(text: str) -> Blob:
    return Blob.from_bytes(text.encode())


class Painted(Entity):
    text: Field[str] = field()
    painted = derive(to_painted, text)
    long = derive(to_long, text)


def test_what_a_call_made_is_named_once_its_result_is_recorded(path: Path) -> None:
    with weft.open(str(path), types=(Painted,)) as space:
        painted = space.create(Painted, text="a text" * 3)
        assert painted.painted.wait().bytes() == b"a text" * 3
        assert len(painted.long.wait()) > INLINE_BYTES_MAX

        assert list(space._store.unnamed()) == []
        space.forget(painted)
        assert list(space._store.blobs()) == []  # type: ignore[attr-defined]


def test_what_a_call_made_that_came_to_no_result_goes_with_the_next_that_is_forgotten(
    path: Path, tmp_path: Path
) -> None:
    with opened(path) as space:
        note, other = noted(space, 1), noted(space, 2, photo=CONTENT)
        settle(note, other)
        left, _ = space._store.keep_blob([b"Left-0001-canary"], is_made=True)  # as by a program that died behind this
        space._store.keep_blob([b"Own-0002-canary"])

        assert left in space.forget(note).found.blobs

        assert other.photos[0].bytes() == CONTENT
        assert where_is("Own-0002-canary", path)
    check_gone("Left-0001-canary", path, tmp_path)


def test_what_is_about_to_be_named_stays(path: Path) -> None:
    with opened(path) as space:
        note = noted(space, 1)
        settle(note)
        with space.view() as engine:
            made, _ = engine.store.keep_blob([b"made"], is_made=True)
            assert made in look(engine, note.id).blobs
            engine.batch.named.append(made)
            assert made not in look(engine, note.id).blobs


def test_a_large_value_that_another_came_to_as_well_stays(path: Path) -> None:
    with opened(path) as space:
        note, other = space.create(Note, text="the same"), space.create(Note, text="the same")
        settle(note, other)

        space.forget(note)

        assert other.long.wait() == "the same" * 5_000
    check_rebuilt(path)
    with opened(path) as space:
        assert space.get(Note, other.id).long.wait() == "the same" * 5_000


def test_a_value_is_no_blob_to_be_forgotten(path: Path) -> None:
    with opened(path) as space:
        note = space.create(Note, text=canary(1))
        note.long.wait()
        (cid,) = [cid for cid, _ in space._store.blobs()]  # type: ignore[attr-defined]

        with pytest.raises(BlobIsValue, match=rf"is the value of {note.id}\.long"):
            space.forget(cid_text(cid), even_if_used=True)


def test_what_is_not_there_is_not_forgotten(path: Path) -> None:
    with opened(path) as space:
        with pytest.raises(NoBlob):
            space.forget(Blob.from_bytes(b"never kept"))
        with pytest.raises(UnknownEntity, match="There is no entity nobody"):
            space.forget("nobody")
        with pytest.raises(TypeError, match="takes an entity, a Blob, or the id of one, not 7"):
            space.forget(7)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="why"):
            space.forget("nobody", why=3)  # type: ignore[arg-type]
        assert space.position == 3
