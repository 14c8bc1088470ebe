"""Lines of text in an upright picture, whichever way they run: found in two looks, read along their own axis.

A detector that is trained on pages misses letters that stand on their side, so the picture is looked at as it is and
turned by a quarter; what both looks found is kept once. Each line is then cut out along its axis and read by itself, so
that no result depends on its neighbours; a line that stands upright is read from below too, when reading it from above
leaves doubt. Knows nothing of books, and of RapidOCR only that it finds boxes and reads strips.
Invariant: of two boxes on one place only the better read one is kept.
Source: PP-OCR's split into finding lines and reading them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from weft.services.ocr import Box, Point

Quad: TypeAlias = tuple[Point, Point, Point, Point]
Pixels: TypeAlias = NDArray[np.uint8]

_SURE = 0.93
"""A line read at least so surely is not read the other way round."""
_VERY_SURE = 0.97
"""A line read at least so surely is not read again where the other look found it too."""
_CONFIDENCE_MIN = 0.5
_LOOK_PX = 1600
"""Lines are found at this length of the picture, and read at its own: finding costs by the pixel, and a phone's
photo takes half the time and two thirds of the memory."""
_LINES_MAX = 300
"""The largest lines of one look; a photo of a whole page would else take minutes."""
_STRIP_PX = 48
"""The height that the recogniser was trained on."""
_STRIP_TRIM = 0.08
_STRIP_STRETCH = 0.8
"""A line cut a little closer and a little narrower keeps more of the gaps between its words: 91 % of words against 89 %
on hard shelves."""
_SEGMENTS = 12
_GROUND_DISTANCE = 26.0
"""RGB distance up to which a patch counts as the same cloth; medians of patches keep noise of sigma 12 well below."""


class Engine(Protocol):
    """The part of RapidOCR that is used: one call, told which of its steps to take."""

    def __call__(self, pixels: Pixels, *, use_det: bool, use_cls: bool, use_rec: bool) -> object:
        """Boxes, or texts and scores, as attributes of the result."""
        ...


@dataclass(frozen=True, slots=True)
class _Reading:
    quad: Quad
    text: str
    confidence: float

    @property
    def weight(self) -> float:
        return self.confidence**2 * len(self.text.replace(" ", ""))


class Reader:
    """The loaded models."""

    def __init__(self, *, threads: int) -> None:
        """Load nothing yet: RapidOCR loads each model when it is first asked."""
        self._engine = _engine(threads)

    def reading(self, image: Image.Image, *, scale: float) -> Iterator[tuple[Box, ...]]:
        """Every line that can be made out so far, in pixels of a picture `scale` times as large, from top to bottom:
        told whenever there are an eighth more than before, and once it is all of them."""
        lying = self._find(image)
        standing = _turned_back(self._find(image.transpose(Image.Transpose.ROTATE_90)), image.width)
        # Each look is better at the lines that lie in it, so those are read first.
        quads = sorted((_along(quad) for quad in (*standing, *lying)), key=lambda quad: not _stands(quad))
        readings, boxes, told = list[_Reading](), dict[_Reading, Box](), 0
        for quad in quads:
            sure = (other for other in readings if other.confidence >= _VERY_SURE)
            if not any(_is_twin(quad, other.quad) for other in sure) and (reading := self._best(image, quad)):
                readings.append(reading)
                boxes[reading] = _boxed(image, reading, scale)
                if len(readings) >= told + max(1, told // 8):
                    told = len(readings)
                    yield _in_order(boxes[one] for one in _without_doubles(readings))
        yield _in_order(boxes[one] for one in _without_doubles(readings))

    def _find(self, image: Image.Image) -> list[Quad]:
        share = min(1.0, _LOOK_PX / max(image.size))
        look = image.resize((math.ceil(image.width * share), math.ceil(image.height * share))) if share < 1 else image
        found = self._engine(_bgr(_squarer(look)), use_det=True, use_cls=False, use_rec=False)
        boxes = getattr(found, "boxes", None)
        quads = [] if boxes is None else [_quad((x / share, y / share) for x, y in corners) for corners in boxes]
        return sorted(quads, key=lambda quad: -_length(quad[0], quad[1]) * _length(quad[1], quad[2]))[:_LINES_MAX]

    def _best(self, image: Image.Image, quad: Quad) -> _Reading | None:
        """The line as it reads best: if it stands, downwards unless upwards reads better."""
        if _length(quad[1], quad[2]) < 5:
            return None
        best = self._recognise(image, quad)
        if best.confidence < _SURE and _stands(quad):
            best = max(best, self._recognise(image, (*quad[2:], *quad[:2])), key=lambda reading: reading.confidence)
        return best if best.confidence >= _CONFIDENCE_MIN and best.text else None

    def _recognise(self, image: Image.Image, quad: Quad) -> _Reading:
        read = self._engine(_bgr(_strip(image, quad)), use_det=False, use_cls=False, use_rec=True)
        texts, scores = getattr(read, "txts", None), getattr(read, "scores", None)
        if not texts or not scores:
            return _Reading(quad, "", 0.0)
        return _Reading(quad, str(texts[0]).strip(), float(scores[0]))


def _engine(threads: int) -> Engine:
    # RapidOCR's logger talks on stderr, in colour, from the moment it is imported.
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    from rapidocr import RapidOCR

    engine = RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 4000,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    return cast(Engine, engine)


def _squarer(image: Image.Image) -> Image.Image:
    """The picture with ground added at its right or foot until it is no longer than four times as wide.

    The detector enlarges by the short side: a picture of 2400 by 3 pixels would become one of a gigapixel.
    """
    shortest = max(max(image.size) // 4, 32)
    if min(image.size) >= shortest:
        return image
    canvas = Image.new("RGB", (max(image.width, shortest), max(image.height, shortest)), "white")
    canvas.paste(image, (0, 0))
    return canvas


def _bgr(image: Image.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _quad(corners: Iterable[Iterable[float]]) -> Quad:
    one, two, three, four = (Point(*(float(c) for c in corner)) for corner in corners)
    return one, two, three, four


def _turned_back(quads: Iterable[Quad], width: int) -> list[Quad]:
    """From the picture turned a quarter to the left back to the picture that is `width` wide."""
    return [_quad((width - point.y, point.x) for point in quad) for quad in quads]


def _along(quad: Quad) -> Quad:
    """The same corners, begun so that the first side is a long one: to the right if it lies, downwards if it stands."""
    one, two, three, four = quad
    if _length(one, two) < _length(two, three):
        one, two, three, four = two, three, four, one
    forward = (two.y - one.y) if abs(two.y - one.y) > abs(two.x - one.x) else (two.x - one.x)
    return (one, two, three, four) if forward >= 0 else (three, four, one, two)


def _stands(quad: Quad) -> bool:
    return abs(quad[1].y - quad[0].y) > abs(quad[1].x - quad[0].x)


def _length(one: Point, two: Point) -> float:
    return math.hypot(two.x - one.x, two.y - one.y)


def _strip(image: Image.Image, quad: Quad) -> Image.Image:
    """The line cut out and laid flat, as high as the recogniser likes it."""
    trimmed = _widened(quad, -_STRIP_TRIM)
    height = max(_length(trimmed[1], trimmed[2]), 1.0)
    width = max(round(_length(quad[0], quad[1]) * _STRIP_PX / height * _STRIP_STRETCH), _STRIP_PX // 3)
    return _cut(image, trimmed, width, _STRIP_PX)


def _cut(image: Image.Image, quad: Quad, width: int, height: int) -> Image.Image:
    one, two, three, four = quad
    corners = (one.x, one.y, four.x, four.y, three.x, three.y, two.x, two.y)
    return image.transform((width, height), Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


def _without_doubles(readings: Sequence[_Reading]) -> list[_Reading]:
    """Of readings that cover one another by half, the one that holds more text more surely."""
    kept = list[_Reading]()
    for reading in sorted(readings, key=lambda reading: -reading.weight):
        if all(_overlap(reading.quad, other.quad) < 0.5 for other in kept):
            kept.append(reading)
    return kept


def _is_twin(one: Quad, other: Quad) -> bool:
    """Whether two boxes hold the same line, and neither much else."""
    return _stands(one) == _stands(other) and min(_share(one, other), _share(other, one)) >= 0.8


def _overlap(one: Quad, other: Quad) -> float:
    """The share of the smaller one that lies in both, measured in the frame of each; the greater of the two."""
    return max(_covered(one, other), _covered(other, one))


def _covered(frame: Quad, other: Quad) -> float:
    """How much of the smaller of two boxes lies in both, seen along the axis of `frame`."""
    shared, mine, theirs = _areas(frame, other)
    return shared / max(min(mine, theirs), 1e-6)


def _share(frame: Quad, other: Quad) -> float:
    """How much of the larger of two boxes lies in both, seen along the axis of `frame`."""
    shared, mine, theirs = _areas(frame, other)
    return shared / max(mine, theirs, 1e-6)


def _areas(frame: Quad, other: Quad) -> tuple[float, float, float]:
    """What two boxes share, and what each covers, along the axis of `frame`."""
    origin, right, _, down = frame
    spans = list[tuple[float, float]]()
    sizes = list[tuple[float, float]]()
    for end in (right, down):
        length = max(_length(origin, end), 1e-6)
        axis = ((end.x - origin.x) / length, (end.y - origin.y) / length)
        places = [(p.x - origin.x) * axis[0] + (p.y - origin.y) * axis[1] for p in other]
        # The mean of two corners: the extent of a leaning box would swallow its neighbours.
        places.sort()
        low, high = (places[0] + places[1]) / 2, (places[2] + places[3]) / 2
        spans.append((max(0.0, low), min(length, high)))
        sizes.append((length, high - low))
    shared = math.prod(max(0.0, high - low) for low, high in spans)
    return shared, sizes[0][0] * sizes[1][0], sizes[0][1] * sizes[1][1]


def _in_order(boxes: Iterable[Box]) -> tuple[Box, ...]:
    return tuple(sorted(boxes, key=lambda box: (box.corners[0].y, box.corners[0].x)))


def _boxed(image: Image.Image, reading: _Reading, scale: float) -> Box:
    ground, reach = _surroundings(image, reading.quad)
    corners = _quad((round(p.x * scale, 1), round(p.y * scale, 1)) for p in reading.quad)
    above, below = (round(side * scale, 1) for side in reach)
    return Box(corners, reading.text, round(reading.confidence, 3), ground, (above, below))


def _surroundings(image: Image.Image, quad: Quad) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """The colour behind the line, and how far it goes on to either side of it."""
    height = _length(quad[1], quad[2])
    margin = 2 * height
    wide = _widened(quad, margin / height)
    rows = max(round(5 * height), 10)
    patch = np.asarray(_cut(image, wide, max(round(_length(quad[0], quad[1])), _SEGMENTS), rows), dtype=np.float64)
    # The median of each segment of each row: noise goes, and a letter covers less than half of a segment.
    segments = np.stack([np.median(part, axis=1) for part in np.array_split(patch, _SEGMENTS, axis=1)], axis=1)
    top, bottom = round(rows * 2 / 5), round(rows * 3 / 5)
    # Most of a line's own area is ground; its rim may lie on a neighbour already.
    inset = max(1, (bottom - top) // 8)
    ground = np.median(patch[top + inset : bottom - inset].reshape(-1, 3), axis=0)
    same = (np.linalg.norm(segments - ground, axis=2) < _GROUND_DISTANCE).mean(axis=1) >= 0.4
    pixel = 5 * height / rows
    above = _run(same[:top][::-1]) * pixel
    below = _run(same[bottom:]) * pixel
    red, green, blue = (round(c) for c in ground.tolist())
    return (red, green, blue), (above, below)


def _run(flags: NDArray[np.bool_]) -> int:
    """How many of the flags hold before the first that does not."""
    return int(np.argmin(flags)) if not flags.all() else len(flags)


def _widened(quad: Quad, share: float) -> Quad:
    one, two, three, four = quad
    return _quad(
        (p.x + (p.x - q.x) * share, p.y + (p.y - q.y) * share)
        for p, q in ((one, four), (two, three), (three, two), (four, one))
    )
