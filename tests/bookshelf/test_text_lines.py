"""Lines by their geometry: turned looks agree, what covers one another is kept once."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.services.ocr import Point

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def lines() -> ModuleType:
    from tests.conftest import require_module

    require_module("numpy")
    require_module("PIL")
    return require_module("weft.services.text_lines")


def quad(left: float, top: float, width: float, height: float) -> tuple[Point, Point, Point, Point]:
    return (
        Point(left, top),
        Point(left + width, top),
        Point(left + width, top + height),
        Point(left, top + height),
    )


sizes = st.floats(10, 300)


@given(left=sizes, top=sizes, width=sizes, height=sizes)
def test_a_box_found_in_the_turned_picture_is_where_it_stands(
    lines: ModuleType, left: float, top: float, width: float, height: float
) -> None:
    picture_width = 1000.0
    # A quarter turn to the left takes (x, y) to (y, width - x).
    turned = quad(top, picture_width - left - width, height, width)

    [back] = lines._turned_back([turned], picture_width)

    assert {(round(p.x, 6), round(p.y, 6)) for p in back} == {
        (round(p.x, 6), round(p.y, 6)) for p in quad(left, top, width, height)
    }


@given(left=sizes, top=sizes, width=sizes, height=sizes, first=st.integers(0, 3))
def test_a_line_is_read_along_its_long_side_whichever_corner_came_first(
    lines: ModuleType, left: float, top: float, width: float, height: float, first: int
) -> None:
    corners = quad(left, top, width, height)
    one, two, three, _ = lines._along((*corners[first:], *corners[:first]))

    assert lines._length(one, two) >= lines._length(two, three) - 1e-6
    assert (two.x - one.x) + (two.y - one.y) > 0


def reading(lines: ModuleType, box: tuple[Point, Point, Point, Point], text: str, confidence: float) -> object:
    made: Callable[..., object] = lines._Reading
    return made(box, text, confidence)


def test_of_two_readings_of_one_place_the_longer_and_surer_is_kept(lines: ModuleType) -> None:
    whole = reading(lines, quad(10, 10, 200, 20), "The Trial", 0.98)
    part = reading(lines, quad(12, 11, 60, 18), "The", 0.99)
    beside = reading(lines, quad(10, 32, 200, 20), "Franz Kafka", 0.9)

    assert lines._without_doubles([part, beside, whole]) == [beside, whole]


def test_a_long_strip_is_widened_before_it_is_looked_at(lines: ModuleType) -> None:
    from PIL import Image

    for size in ((2400, 3), (3, 2400), (1, 1)):
        squarer = lines._squarer(Image.new("RGB", size))
        assert max(squarer.size) <= 4 * min(squarer.size)
        assert max(squarer.size) <= max(*size, 32)


def test_the_ground_behind_a_line_and_how_far_it_reaches_are_seen(lines: ModuleType) -> None:
    from PIL import Image

    image = Image.new("RGB", (300, 100), (200, 30, 30))
    image.paste((30, 30, 200), (0, 70, 300, 100))

    ground, (above, below) = lines._surroundings(image, quad(20, 40, 200, 20))

    assert ground == (200, 30, 30)
    assert above == pytest.approx(40, abs=2)
    assert below == pytest.approx(10, abs=2)
