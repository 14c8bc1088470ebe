"""The same shelf read again by the real reader: with other settings, and from a worse photo. What people said stays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

import weft
from tests.conftest import missing_part
from weft import Blob, Space
from weft.examples.bookshelf.app import Bookshelf
from weft.examples.bookshelf.corrections import BY_HAND, Named, Proposal, fix, merge, split
from weft.services.ocr import Ocr, RapidOcr

SEED, COUNT = 3, 6
SMALL_PX = 340
"""At this length of the picture some letters of this shelf are read otherwise."""


def opened(path: Path, ocr: RapidOcr) -> tuple[Space, Bookshelf]:
    space = weft.open(str(path), types=(Bookshelf,), services={Ocr: ocr}, actor="ann")
    with space.edit(once="home"):
        return space, space.create(Bookshelf)


def worse(photo: bytes) -> bytes:
    """The photo as it is sent around: smaller, and compressed twice."""
    from PIL import Image

    image = Image.open(io.BytesIO(photo))
    kept = io.BytesIO()
    image.resize((image.width * 7 // 10, image.height * 7 // 10)).save(kept, "JPEG", quality=40)
    return kept.getvalue()


def proposals(shelf: Bookshelf) -> Sequence[Proposal]:
    return shelf.proposals.wait(timeout_s=300)


@pytest.mark.vision
@pytest.mark.slow
def test_corrections_outlive_other_settings_of_the_reader_and_a_worse_photo(tmp_path: Path) -> None:
    if not RapidOcr().health().ready:
        missing_part("vision", f"{RapidOcr().health().why}; {RapidOcr().health().enable}")
    from weft.examples.bookshelf.render import render

    photo, path = render(SEED, count=COUNT).photo, tmp_path / "shelf.weft"
    space, shelf = opened(path, RapidOcr())
    with space:
        shelf.photos.add(Blob.from_bytes(photo))
        first = {proposal.id: proposal.name for proposal in proposals(shelf)}
        by_title = {proposal.book.title: shelf.proposals[proposal.name] for proposal in proposals(shelf)}
        with space.edit():
            fix(shelf, by_title["Six Easy Pieces"], "Six Easy Pieces, 4th edition", "Richard P. Feynman")
            merge(shelf, by_title["Beloved"], by_title["Domain-Driven Design"])
            split(shelf, by_title["The Story of Art"], [Named("The Story"), Named("Of Art")])
        assert_corrected(shelf)

    space, shelf = opened(path, RapidOcr(side_px_max=SMALL_PX))
    with space:
        second = {proposal.id: proposal.name for proposal in proposals(shelf)}
        assert space.counts()["weft.examples.bookshelf.spines/read_spines"] == {"executed": 1, "reused": 0}
        assert_corrected(shelf)
        with space.edit():
            shelf.photos.remove(Blob.from_bytes(photo))
            shelf.photos.add(Blob.from_bytes(worse(photo)))
        third = {proposal.id: proposal.name for proposal in proposals(shelf)}
        assert_corrected(shelf)

    corrected = [id for id, name in first.items() if name.startswith(("Six", "Domain", "The Story"))]
    assert [id in second and id in third for id in corrected] == [True, True, True]
    otherwise = [id for id in corrected if {second[id], third[id]} - {first[id]}]
    assert otherwise, "each was read as before: nothing was shown"


def assert_corrected(shelf: Bookshelf) -> None:
    """What was said holds: one book fixed, one that is gone into another, one that is two."""
    books = shelf.books.wait(timeout_s=300)
    assert {book.title for book in books if book.method == BY_HAND} == {
        "Six Easy Pieces, 4th edition", "The Story", "Of Art",
    }  # fmt: skip
    assert not any("evans" in f"{book.title} {book.author}".lower() for book in books)
