"""Rendered shelves: the same from the same seed, within the bounds that they promise."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType

import pytest

from weft.examples.bookshelf.titles import TITLES

pytestmark = pytest.mark.vision


@pytest.fixture
def render(require_part: Callable[[str], ModuleType]) -> ModuleType:
    for part in ("PIL", "numpy"):
        require_part(part)
    return require_part("weft.examples.bookshelf.render")


@pytest.mark.parametrize("hard", [False, True])
def test_one_seed_gives_one_shelf(render: ModuleType, hard: bool) -> None:
    one, again, other = (render.render(seed, count=5, hard=hard) for seed in (7, 7, 8))

    assert one == again
    assert one.photo != other.photo
    assert one.books != other.books


def test_straight_and_hard_shelves_of_one_seed_hold_the_same_books(render: ModuleType) -> None:
    assert render.render(7, count=5).books == render.render(7, count=5, hard=True).books


def test_a_shelf_holds_as_many_different_books_as_were_asked_for(render: ModuleType) -> None:
    shelf = render.render(3, count=20)

    assert len(set(shelf.books)) == 20
    assert set(shelf.books) <= set(TITLES)


def test_given_books_are_drawn_instead(render: ModuleType) -> None:
    assert render.render(3, books=TITLES[:2]).books == TITLES[:2]


def test_text_is_between_14_and_22_pixels_high(render: ModuleType) -> None:
    ink = render._Lettering((0, 0, 0), 22, 14, capitals=False, bold=True)

    heights = {px: render._text("Hg", ink, px).height for px in range(14, 23)}

    assert all(abs(height - px) <= 1 for px, height in heights.items())
    assert render.TEXT_PX == (14, 22)


def test_photos_carry_no_exif(render: ModuleType) -> None:
    from PIL import Image

    assert not Image.open(io.BytesIO(render.render(1, count=2).photo)).getexif()


def test_there_are_three_hundred_real_titles_and_no_two_alike() -> None:
    assert len(TITLES) >= 300
    assert len({(book.title, book.author) for book in TITLES}) == len(TITLES)
    assert len({book.subject for book in TITLES}) >= 8
    assert all((book.title + book.author).isascii() for book in TITLES)
