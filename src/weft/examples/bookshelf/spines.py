"""From lines of text on a photo to spines: which lines stand on one book, and in what order they are read.

Two lines are on one spine when they run the same way and either follow one another along one axis, or lie beside one
another on one ground that reaches from each to the other. Lines that lie across a thick spine are stacked. Everything
is measured in the frame of a line's own axis, so lean and the two ways of printing upright make no difference.
Pure but for `read_spines`, which asks an OCR service for the lines.
Knows nothing of titles, authors or words. Where a name and a title stand side by side without a ground in common, the
geometry leaves them apart.
Invariant: every line belongs to exactly one spine, and moving, or scaling, the whole photo changes no spine's text.
Source: single linkage over line adjacency, with pairs that cannot link, and the XY-cut of page layout.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from weft.blob import Blob
from weft.content import cid_text
from weft.errors import WeftError
from weft.examples.bookshelf.types import Direction, Line, Spine
from weft.operation import op
from weft.services.ocr import Box, Ocr

_SIZE_BYTES_MAX = 100_000_000
_ACROSS_SAME = 0.55
"""Two lines continue one another when their axes are apart by less than this share of the taller one."""
_ALONG_MAX = 16.0
"""The gap between title and author on one axis, in heights of the taller line."""
_BESIDE_MAX = 2.6
"""How far apart the axes of two lines beside one another may be, in heights of the taller one."""
_STACK_MAX = 6.0
_GROUND_SAME = 48.0
_PART_GAP = 0.9
"""A gap along the axis, in heights, from which on two runs of text are parts of their own."""


class PhotoTooHeavy(WeftError):
    """Photo {photo} has {size_bytes} bytes, more than the {size_bytes_max} that are read: give it as a JPEG."""

    photo: str
    size_bytes: int
    size_bytes_max: int


@op(pure=True)
async def read_spines(photo: Blob, *, ocr: Ocr) -> AsyncIterator[tuple[Spine, ...]]:
    """The spines on a photo, from left to right, as they are made out while it is read.

    Raises `PhotoTooHeavy`, and what the service raises for a picture that cannot be read; each names the photo by its
    content id.
    """
    name = cid_text(photo.id)
    if photo.size_bytes > _SIZE_BYTES_MAX:
        raise PhotoTooHeavy(photo=name, size_bytes=photo.size_bytes, size_bytes_max=_SIZE_BYTES_MAX)
    reading = ocr.reading(photo.bytes(), name=f"photo {name}")
    while (boxes := await asyncio.to_thread(next, reading, None)) is not None:
        yield find_spines(boxes, photo=name)


def find_spines(boxes: Sequence[Box], *, photo: str) -> tuple[Spine, ...]:
    """The lines grouped into spines, from left to right and then from top to bottom; O(lines²)."""
    runs = [_Run.of(box) for box in boxes if _is_text(box)]
    spines = [_spine(group, photo) for group in _grouped(runs)]
    return tuple(sorted(spines, key=lambda spine: (spine.x, spine.y)))


def _is_text(box: Box) -> bool:
    """Ornaments and logos are read as a letter or two, or without conviction."""
    letters = sum(character.isalnum() for character in box.text)
    return letters >= 2 and (box.confidence >= 0.8 or (letters >= 4 and box.confidence >= 0.6))


@dataclass(frozen=True, slots=True)
class _Run:
    """A box with its frame: `ux, uy` points along the text, `-uy, ux` to what its reader calls down."""

    box: Box
    x: float
    y: float
    ux: float
    uy: float
    length: float
    height: float

    @classmethod
    def of(cls, box: Box) -> _Run:
        one, two, three, four = box.corners
        along_x, along_y = (two.x - one.x + three.x - four.x) / 2, (two.y - one.y + three.y - four.y) / 2
        length = max(math.hypot(along_x, along_y), 1e-6)
        height = (math.dist(two, three) + math.dist(four, one)) / 2
        x, y = sum(corner.x for corner in box.corners) / 4, sum(corner.y for corner in box.corners) / 4
        return cls(box, x, y, along_x / length, along_y / length, length, max(height, 1e-6))

    @property
    def direction(self) -> Direction:
        if abs(self.ux) > abs(self.uy):
            return "across"
        return "down" if self.uy > 0 else "up"


def _grouped(runs: Sequence[_Run]) -> list[list[_Run]]:
    """Lines that belong together, the surest pairs first; a chain never joins two lines that stand apart."""
    nearness = {
        (one, other): near
        for one, other in combinations(range(len(runs)), 2)
        if (near := _nearness(runs[one], runs[other])) is not None
    }
    groups = {index: [index] for index in range(len(runs))}
    for one, other in sorted(nearness, key=lambda pair: (nearness[pair], pair)):
        mine, theirs = groups[one], groups[other]
        if mine is theirs or any(_apart(runs[a], runs[b]) for a in mine for b in theirs):
            continue
        mine += theirs
        groups.update(dict.fromkeys(theirs, mine))
    return [[runs[index] for index in group] for key, group in groups.items() if key == min(group)]


def _nearness(one: _Run, other: _Run) -> float | None:
    """How far apart two lines of one spine stand, in heights; None when nothing says that they are on one spine."""
    if not _parallel(one, other):
        return None
    if one.direction == "across":
        return _stacked(one, other)
    across, gap = _offsets(one, other)
    taller = max(one.height, other.height)
    if abs(across) < _ACROSS_SAME * taller:
        return max(gap, 0.0) / taller if -taller < gap < _ALONG_MAX * taller else None
    if abs(across) > _BESIDE_MAX * taller or gap > 2 * taller or not _one_ground(one, other, across):
        return None
    return (abs(across) + max(gap, 0.0)) / taller


def _apart(one: _Run, other: _Run) -> bool:
    """Whether two lines stand beside one another on different grounds, or run differently."""
    if not _parallel(one, other):
        return True
    if one.direction == "across":
        return False
    across, gap = _offsets(one, other)
    beside = gap < -0.3 * min(one.length, other.length) and abs(across) >= _ACROSS_SAME * max(one.height, other.height)
    return beside and not _one_ground(one, other, across)


def _parallel(one: _Run, other: _Run) -> bool:
    """Within 6 degrees, and what half a height more at the end of a short line makes."""
    slack = math.radians(6) + sum(math.atan2(0.25 * run.height, run.length) for run in (one, other))
    return one.direction == other.direction and one.ux * other.ux + one.uy * other.uy >= math.cos(min(slack, 0.4))


def _offsets(one: _Run, other: _Run) -> tuple[float, float]:
    """How far the other line lies below this one's axis, and the gap between their ends along it."""
    ux, uy = _mean_axis(one, other)
    along = (other.x - one.x) * ux + (other.y - one.y) * uy
    across = (other.y - one.y) * ux - (other.x - one.x) * uy
    return across, abs(along) - (one.length + other.length) / 2


def _mean_axis(one: _Run, other: _Run) -> tuple[float, float]:
    """The axis of both, the longer line counting for more: a short line's own is measured badly."""
    x, y = one.ux * one.length + other.ux * other.length, one.uy * one.length + other.uy * other.length
    length = math.hypot(x, y)
    return x / length, y / length


def _one_ground(one: _Run, other: _Run, across: float) -> bool:
    """Whether the ground of each reaches to the other; `across` is positive when `other` lies below `one`."""
    if _ground_distance(one, other) > _GROUND_SAME:
        return False
    space = abs(across) - (one.height + other.height) / 2
    towards = (one.box.reach[1], other.box.reach[0]) if across > 0 else (one.box.reach[0], other.box.reach[1])
    return all(reach >= 0.75 * space for reach in towards)


def _ground_distance(one: _Run, other: _Run) -> float:
    if one.box.ground is None or other.box.ground is None:
        return math.inf
    return math.dist(one.box.ground, other.box.ground)


def _stacked(one: _Run, other: _Run) -> float | None:
    """The same for two lines that lie across: they stand above one another on one ground."""
    shared = min(one.x + one.length / 2, other.x + other.length / 2) - max(
        one.x - one.length / 2, other.x - other.length / 2
    )
    taller = max(one.height, other.height)
    gap = (abs(one.y - other.y) - (one.height + other.height) / 2) / taller
    if shared < 0.5 * min(one.length, other.length) or gap > _STACK_MAX:
        return None
    known = one.box.ground is not None and other.box.ground is not None
    return max(gap, 0.0) if gap < 1 or (known and _ground_distance(one, other) <= _GROUND_SAME) else None


def _spine(runs: Sequence[_Run], photo: str) -> Spine:
    x, y = sum(run.x for run in runs) / len(runs), sum(run.y for run in runs) / len(runs)
    return Spine(photo, tuple(_lines(runs)), round(x, 1), round(y, 1), _longest(runs).direction)


def _longest(runs: Iterable[_Run]) -> _Run:
    return max(runs, key=lambda run: run.length)


@dataclass(frozen=True, slots=True)
class _Span:
    """A run in its spine's own frame: from `left` to `right` along the text, from `top` to `bottom` across it."""

    run: _Run
    left: float
    right: float
    top: float
    bottom: float


def _lines(runs: Sequence[_Run]) -> list[Line]:
    """The runs in reading order, wide gaps inside one run taken as gaps between parts."""
    axis = _longest(runs)
    spans = [_span(run, axis) for run in runs]
    lines = list[Line]()
    for part, members in enumerate(_parts(spans)):
        for span in members:
            lines += [
                Line(text, span.run.box.confidence, round(span.run.height, 1), part)
                for text in _pieces(span.run.box.text)
            ]
    return lines


def _pieces(text: str) -> list[str]:
    """What wide gaps, or the ornaments that publishers put between title and author, keep apart."""
    pieces = re.split(r"\s{2,}|\s*[。·•◦●○■□★|~]+\s*|\s+[-–—*]\s+", text)
    return [piece.strip() for piece in pieces if any(character.isalnum() for character in piece)]


def _span(run: _Run, axis: _Run) -> _Span:
    along = (run.x - axis.x) * axis.ux + (run.y - axis.y) * axis.uy
    across = (run.y - axis.y) * axis.ux - (run.x - axis.x) * axis.uy
    half, tall = run.length / 2, run.height / 2
    return _Span(run, along - half, along + half, across - tall, across + tall)


def _parts(spans: Sequence[_Span]) -> list[list[_Span]]:
    """Cut where nothing stands along the axis, each part read row by row; lying lines where a row is missing."""
    if spans[0].run.direction == "across":
        ordered = sorted(spans, key=lambda span: (span.top + span.bottom, span.left))
        return _cut(ordered, lambda span: (span.top, span.bottom), gap=1.2)
    ordered = sorted(spans, key=lambda span: span.left)
    return [_rows(part) for part in _cut(ordered, lambda span: (span.left, span.right), gap=_PART_GAP)]


def _cut(ordered: Sequence[_Span], extent: Callable[[_Span], tuple[float, float]], *, gap: float) -> list[list[_Span]]:
    parts = [[ordered[0]]]
    end = extent(ordered[0])[1]
    for span in ordered[1:]:
        start, stop = extent(span)
        if start - end > gap * min(span.run.height, parts[-1][-1].run.height):
            parts.append([])
        parts[-1].append(span)
        end = max(end, stop)
    return parts


def _rows(part: Sequence[_Span]) -> list[_Span]:
    """Top row first, each row from left to right."""
    rows = list[list[_Span]]()
    for span in sorted(part, key=lambda span: span.top + span.bottom):
        middle = (span.top + span.bottom) / 2
        if rows and middle < rows[-1][0].bottom and len(rows[-1]) and _beside(span, rows[-1]):
            rows[-1].append(span)
        else:
            rows.append([span])
    return [span for row in rows for span in sorted(row, key=lambda span: span.left)]


def _beside(span: _Span, row: Sequence[_Span]) -> bool:
    """Whether a run continues a row, and does not stand below a part of it."""
    return all(span.left > other.right - span.run.height or span.right < other.left + span.run.height for other in row)
