"""Boxes as a reader of pictures would report them, made by hand for tests."""

from __future__ import annotations

import math
from collections.abc import Iterable

from weft.services.ocr import Box, Point

CLOTH = (40, 60, 90)


def box(
    text: str,
    x: float,
    y: float,
    *,
    length: float | None = None,
    height: float = 20,
    degrees: float = 90,
    ground: tuple[int, int, int] | None = CLOTH,
    reach: tuple[float, float] = (40, 40),
    confidence: float = 0.99,
) -> Box:
    """A line whose middle is at x, y and which runs `degrees` clockwise from lying: 90 reads downwards."""
    length = length if length is not None else 0.5 * height * len(text)
    ux, uy = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half, tall = length / 2, height / 2

    def corner(along: float, across: float) -> Point:
        return Point(x + along * ux - across * uy, y + along * uy + across * ux)

    corners = (corner(-half, -tall), corner(half, -tall), corner(half, tall), corner(-half, tall))
    return Box(corners, text, confidence, ground, reach)


def moved(boxes: Iterable[Box], *, dx: float = 0, dy: float = 0, scale: float = 1, degrees: float = 0) -> list[Box]:
    """The same boxes on a photo that is larger, turned and taken from elsewhere."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def place(point: Point) -> Point:
        return Point(
            (point.x * cos - point.y * sin) * scale + dx,
            (point.x * sin + point.y * cos) * scale + dy,
        )

    return [
        Box(
            (place(one.corners[0]), place(one.corners[1]), place(one.corners[2]), place(one.corners[3])),
            one.text,
            one.confidence,
            one.ground,
            (one.reach[0] * scale, one.reach[1] * scale),
        )
        for one in boxes
    ]
