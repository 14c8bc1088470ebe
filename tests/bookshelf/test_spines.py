"""Which lines stand on one spine, and in what order they are read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bookshelf.boxes import box, moved
from weft.blob import Blob
from weft.content import cid_text
from weft.errors import WeftError
from weft.examples.bookshelf.spines import PhotoTooHeavy, find_spines, read_spines
from weft.examples.bookshelf.types import Spine
from weft.services.ocr import Box, Ocr, RapidOcr

SHELF = [
    box("Wolf Hall", 50, 150),
    box("Hilary Mantel", 51, 330),
    box("Emma", 100, 120, ground=(200, 30, 30)),
    box("Jane Austen", 100, 300, ground=(200, 30, 30)),
    box("The Trial", 160, 200, ground=(10, 120, 10)),
    box("Franz Kafka", 136, 200, ground=(10, 120, 10)),
    box("Dune", 220, 400, degrees=-90),
    box("Frank Herbert", 220, 200, degrees=-90),
]


def texts(boxes: list[Box]) -> list[str]:
    return [spine.text for spine in find_spines(boxes, photo="photo")]


def test_title_and_author_on_one_axis_are_one_spine() -> None:
    assert texts([box("Wolf Hall", 50, 150), box("Hilary Mantel", 51, 330)]) == ["Wolf Hall Hilary Mantel"]


def test_spines_stand_from_left_to_right_whichever_way_their_text_runs() -> None:
    assert texts(SHELF) == [
        "Wolf Hall Hilary Mantel",
        "Emma Jane Austen",
        "The Trial Franz Kafka",
        "Dune Frank Herbert",
    ]


def test_two_lines_beside_one_another_are_one_spine_when_their_ground_goes_on() -> None:
    together = [box("The Trial", 160, 200, reach=(9, 6)), box("Franz Kafka", 136, 200, reach=(6, 9))]

    assert texts(together) == ["The Trial Franz Kafka"]


@pytest.mark.parametrize(
    ("ground", "reach"),
    [((40, 60, 90), (0.0, 0.0)), ((180, 60, 90), (40.0, 40.0)), (None, (40.0, 40.0))],
    ids=["an edge between them", "another colour", "colour unknown"],
)
def test_two_lines_beside_one_another_are_two_spines_otherwise(
    ground: tuple[int, int, int] | None, reach: tuple[float, float]
) -> None:
    apart = [box("The Trial", 166, 200), box("Franz Kafka", 136, 200, ground=ground, reach=reach)]

    assert texts(apart) == ["Franz Kafka", "The Trial"]


def test_a_chain_of_lines_does_not_join_two_spines_that_stand_apart() -> None:
    left, right = box("Emma", 100, 100, ground=(200, 30, 30)), box("Dune", 116, 100, ground=(20, 30, 200))
    between = box("Penguin Books", 108, 300, ground=(90, 90, 90))

    spines = texts([left, right, between])

    assert len(spines) == 2
    assert not any("Emma" in text and "Dune" in text for text in spines)


def test_lines_across_a_thick_spine_are_read_from_the_top() -> None:
    stack = [
        box("Crash", 300, 140, degrees=0),
        box("Snow", 300, 110, degrees=0),
        box("Neal Stephenson", 300, 220, degrees=0),
    ]

    [spine] = find_spines(stack, photo="photo")

    assert spine.text == "Snow Crash Neal Stephenson"
    assert spine.direction == "across"
    assert [line.part for line in spine.lines] == [0, 0, 1]


def test_a_title_in_two_rows_is_read_before_the_author_that_follows_it() -> None:
    rows = [box("Holly Jackson", 190, 420), box("Guide to", 200, 100), box("Murder", 176, 100)]

    assert texts(rows) == ["Guide to Murder Holly Jackson"]


def test_a_wide_gap_inside_a_line_parts_it() -> None:
    [spine] = find_spines([box("Emma  Jane Austen", 50, 150)], photo="photo")

    assert [line.text for line in spine.lines] == ["Emma", "Jane Austen"]


@pytest.mark.parametrize("text", ["H", "-", "整"])
def test_a_logo_is_no_spine(text: str) -> None:
    assert texts([box(text, 50, 150, confidence=0.99)]) == []


def test_a_guess_is_no_spine() -> None:
    assert texts([box("mpe", 50, 150, confidence=0.57)]) == []


def test_nothing_on_a_photo_is_no_spine() -> None:
    assert find_spines([], photo="photo") == ()


@given(
    order=st.randoms(use_true_random=False),
    dx=st.floats(-500, 500),
    dy=st.floats(-500, 500),
    scale=st.floats(0.3, 4),
    degrees=st.floats(-8, 8),
)
def test_moving_turning_or_scaling_the_photo_changes_no_text(
    order: random.Random, dx: float, dy: float, scale: float, degrees: float
) -> None:
    boxes = moved(SHELF, dx=dx, dy=dy, scale=scale, degrees=degrees)
    order.shuffle(boxes)

    assert sorted(texts(boxes)) == sorted(texts(SHELF))


_LINES = st.builds(
    box,
    st.text("abcdefgh XYZ", min_size=3, max_size=20).filter(
        lambda text: len(text.split()) == 1 and len(text.strip()) > 1
    ),
    st.floats(0, 600),
    st.floats(0, 600),
    degrees=st.sampled_from([0, 80, 90, 97, -90]),
    height=st.floats(5, 60),
    reach=st.tuples(st.floats(0, 50), st.floats(0, 50)),
    ground=st.sampled_from([None, (0, 0, 0), (30, 20, 10), (200, 200, 200)]),
)


@given(st.lists(_LINES, max_size=12))
def test_every_line_is_on_exactly_one_spine(boxes: list[Box]) -> None:
    spines = find_spines(boxes, photo="photo")

    read = sorted(line.text for spine in spines for line in spine.lines)
    assert read == sorted(one.text.strip() for one in boxes)
    assert all(spine.photo == "photo" and spine.lines for spine in spines)


@dataclass(frozen=True)
class Given(RapidOcr):
    """An OCR service that reads what it was given."""

    boxes: tuple[Box, ...] = ()
    asked: list[str] = field(default_factory=list)

    def reading(self, picture: bytes, /, *, name: str) -> Iterator[tuple[Box, ...]]:
        self.asked.append(name)
        yield self.boxes[:1]
        yield self.boxes


def told(photo: Blob, ocr: Ocr) -> list[tuple[Spine, ...]]:
    async def tell() -> list[tuple[Spine, ...]]:
        return [spines async for spines in read_spines(photo, ocr=ocr)]

    return asyncio.run(tell())


def test_spines_carry_the_content_id_of_their_photo() -> None:
    photo = Blob.from_bytes(b"a photo")
    ocr = Given(boxes=tuple(SHELF))
    service: Ocr = ocr

    first, spines = told(photo, service)

    assert len(first) == 1
    assert {spine.photo for spine in spines} == {cid_text(photo.id)}
    assert ocr.asked == [f"photo {cid_text(photo.id)}"]


def test_a_photo_of_too_many_bytes_is_refused_by_name_before_it_is_read() -> None:
    photo = Blob(Blob.from_bytes(b"a photo").id, "image/jpeg", 2_000_000_000)

    with pytest.raises(PhotoTooHeavy, match=cid_text(photo.id)) as refused:
        told(photo, Given())

    assert isinstance(refused.value, WeftError)
