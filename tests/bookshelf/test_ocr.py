"""The real reader on rendered shelves and on a real photo; and what it says of itself."""

from __future__ import annotations

import asyncio
import importlib
import io
import logging
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from tests.conftest import missing_part
from weft.blob import Blob
from weft.content import cid_text
from weft.errors import WeftError
from weft.examples.bookshelf.alike import share_found
from weft.examples.bookshelf.books import find_books
from weft.examples.bookshelf.spines import read_spines
from weft.examples.bookshelf.types import Book, Spine
from weft.services.ocr import Ocr, OcrMissing, RapidOcr
from weft.services.service import Service

PHOTO = Path(__file__).parents[3] / "shared" / "data" / "bookshelf.jpg"
ON_PHOTO = (
    "The Poems of Emily Dickinson",
    "The Poetry Pharmacy Forever",
    "A Good Girl's Guide to Murder",
    "What You Are Looking For Is in the Library",
    "The Kamogawa Food Detectives",
    "Steeple Chasing",
    "The Poetry Pharmacy Returns",
    "Sincerity",
    "Cat on a Hot Tin Roof",
    "A View from the Bridge",
)
FOUND_MIN = 0.85


@pytest.fixture(scope="module")
def ocr() -> RapidOcr:
    service = RapidOcr()
    if not service.health().ready:
        missing_part("vision", f"{service.health().why}; {service.health().enable}")
    return service


def told(photo: bytes | Blob, ocr: Ocr) -> list[tuple[Spine, ...]]:
    """All that is told of its spines, while it is read."""
    blob = photo if isinstance(photo, Blob) else Blob.from_bytes(photo)

    async def tell() -> list[tuple[Spine, ...]]:
        return [spines async for spines in read_spines(blob, ocr=ocr)]

    return asyncio.run(tell())


def read(photo: bytes, ocr: RapidOcr) -> tuple[Book, ...]:
    return find_books([told(photo, ocr)[-1]])


def found(titles: tuple[str, ...], books: tuple[Book, ...]) -> list[str]:
    return [
        title
        for title in titles
        if any(share_found(title, f"{book.title} {book.author or ''}") >= FOUND_MIN for book in books)
    ]


@pytest.mark.vision
@pytest.mark.parametrize(("hard", "at_least"), [(False, 6), (True, 5)])
def test_books_on_a_rendered_shelf_are_found(ocr: RapidOcr, hard: bool, at_least: int) -> None:
    from weft.examples.bookshelf.render import render

    shelf = render(12, count=6, hard=hard)

    books = read(shelf.photo, ocr)

    assert len(found(tuple(book.title for book in shelf.books), books)) >= at_least
    assert len(books) <= 7
    assert {book.photo for book in books} == {cid_text(Blob.from_bytes(shelf.photo).id)}


@pytest.mark.vision
def test_equal_pictures_give_equal_boxes_also_by_a_reader_built_from_the_recipe(ocr: RapidOcr) -> None:
    from weft.examples.bookshelf.render import render

    photo = render(12, count=2).photo
    place, settings = ocr.recipe()
    module, _, name = place.partition(":")
    other = getattr(importlib.import_module(module), name)(**settings)

    assert other == ocr
    assert other.fingerprint() == ocr.fingerprint()
    assert other.read(photo, name="again") == ocr.read(photo, name="once")


@pytest.mark.vision
def test_nothing_is_logged_or_printed(
    ocr: RapidOcr, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(kept, "PNG")

    with caplog.at_level(logging.DEBUG):
        boxes = RapidOcr().read(kept.getvalue(), name="a white picture")

    assert boxes == ()
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name == "RapidOCR"] == []


@pytest.mark.vision
@pytest.mark.parametrize("size", [(1, 1), (2400, 3), (3, 2400), (31, 500)])
def test_odd_shapes_are_read_as_what_they_are(ocr: RapidOcr, size: tuple[int, int]) -> None:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", size, "grey").save(kept, "PNG")

    assert ocr.read(kept.getvalue(), name="a strip") == ()


@pytest.mark.vision
def test_one_broken_photo_among_many_is_named_and_stops_no_other(ocr: RapidOcr) -> None:
    from weft.examples.bookshelf.render import render

    good, broken = Blob.from_bytes(render(12, count=2).photo), Blob.from_bytes(b"\xff\xd8\xff\xe0 broken")

    with pytest.raises(WeftError, match=cid_text(broken.id)):
        told(broken, ocr)
    assert told(good, ocr)[-1]


@pytest.mark.vision
def test_seven_of_ten_books_on_the_real_photo_are_found_and_those_left_on_each_half(ocr: RapidOcr) -> None:
    if not PHOTO.exists():
        missing_part("shared", f"the photo is not beside the checkout: {PHOTO}")
    from PIL import Image

    photo = PHOTO.read_bytes()
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    middle = image.width // 2

    assert len(found(ON_PHOTO, read(photo, ocr))) >= 7
    for box, left in (
        ((0, 0, middle, image.height), ON_PHOTO[:5]),
        ((middle, 0, image.width, image.height), ON_PHOTO[5:]),
    ):
        kept = io.BytesIO()
        image.crop(box).save(kept, "JPEG", quality=60)
        assert len(found(left, read(kept.getvalue(), ocr))) >= 4


def test_the_reader_is_a_service_that_needs_a_process_of_its_own() -> None:
    service: Service = RapidOcr()

    assert isinstance(service, Service)
    assert (service.deterministic, service.cost, service.effect, service.runner) == (True, "free", "none", "process")
    assert service.fingerprint()["name"] == "RapidOcr"


def test_settings_are_part_of_the_fingerprint_and_threads_are_not() -> None:
    assert RapidOcr(threads=1).fingerprint() == RapidOcr(threads=2).fingerprint()
    assert RapidOcr(side_px_max=1000).fingerprint() != RapidOcr().fingerprint()


def test_without_the_extra_health_and_the_error_say_how_to_enable_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, package: str | None = None) -> object:
        return None if name == "rapidocr" else object()

    monkeypatch.setattr(util, "find_spec", absent)

    health = RapidOcr().health()
    assert not health.ready
    assert "rapidocr" in health.why
    assert health.enable == "pip install 'weft[vision]'"
    with pytest.raises(OcrMissing, match=r"rapidocr.*pip install 'weft\[vision\]'"):
        RapidOcr().read(b"", name="photo")


def test_nothing_heavy_is_imported_before_a_picture_is_read() -> None:
    asked = (
        "import sys, weft.services.ocr, weft.examples.bookshelf.spines, weft.examples.bookshelf.books\n"
        "print([name for name in ('numpy', 'PIL', 'rapidocr', 'onnxruntime') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


@pytest.mark.vision
def test_lines_are_told_as_they_are_read_and_the_last_telling_is_all_of_them(ocr: RapidOcr) -> None:
    from weft.examples.bookshelf.render import render

    photo = render(12, count=6).photo
    so_far = told(photo, ocr)

    counts = [len(spines) for spines in so_far]
    assert len(counts) > 3
    assert counts[0] < counts[-1]
    assert so_far[-1] == told(photo, ocr)[-1]
