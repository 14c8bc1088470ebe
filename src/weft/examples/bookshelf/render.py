"""Shelves that never stood anywhere: spines drawn with their titles, so that reading can be shown and measured.

One seed gives one shelf: the same books in the same places, pixel for pixel with the same Pillow. Drawn with the
scalable font that Pillow carries, so nothing is downloaded and no machine's fonts change the picture.
A straight shelf stands upright under even light. A hard one leans up to 8 degrees, is seen in perspective, and has
noise of sigma 12 and JPEG quality 60. Knows nothing of how a shelf is read.
Invariant: every book on the shelf is drawn whole, its text between 14 and 22 pixels high before perspective.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from weft.examples.bookshelf.titles import TITLES, Printed

Colour: TypeAlias = tuple[int, int, int]
Layout: TypeAlias = Literal["line", "author first", "two lines", "across"]

TEXT_PX = (14, 22)
LEAN_DEGREES_MAX = 8.0
NOISE_SIGMA = 12.0
QUALITY = {False: 92, True: 60}
_MARGIN_PX = 40
_IMPRINTS = ("PENGUIN", "VINTAGE", "FABER", "PICADOR", "VIRAGO", "GRANTA", "Norton", "Knopf", "Oxford", "Harvard")
_WALL: Colour = (214, 206, 194)
_BOARD: Colour = (112, 78, 48)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A rendered shelf: the photo as JPEG, and what stands on it from left to right."""

    photo: bytes
    books: tuple[Printed, ...]


@dataclass(frozen=True, slots=True)
class _Lettering:
    ink: Colour
    title_px: int
    author_px: int
    capitals: bool
    bold: bool


def render(seed: int, *, count: int = 20, hard: bool = False, books: Sequence[Printed] | None = None) -> Shelf:
    """A shelf of `count` different books drawn from the titles by `seed`, or of `books` when they are given."""
    draw = random.Random(f"shelf {seed}")
    chosen = tuple(books) if books is not None else tuple(draw.sample(TITLES, count))
    spines = [_spine(book, colours, draw) for book, colours in zip(chosen, _cloths(len(chosen), draw), strict=True)]
    scene = _stand(spines, _leans(len(spines), draw) if hard else [0.0] * len(spines))
    if hard:
        scene = _noise(_perspective(scene, draw), seed)
    photo = io.BytesIO()
    scene.save(photo, "JPEG", quality=QUALITY[hard])
    return Shelf(photo.getvalue(), chosen)


def _spine(book: Printed, colours: tuple[Colour, Colour], draw: random.Random) -> Image.Image:
    """One upright spine, as wide and as high as its text needs."""
    ground, ink = colours
    title_px = draw.randint(TEXT_PX[0] + 1, TEXT_PX[1])
    lettering = _Lettering(ink, title_px, draw.randint(TEXT_PX[0], title_px), draw.random() < 0.3, draw.random() < 0.5)
    layout = draw.choices(_LAYOUTS, weights=(5, 2, 3, 1))[0]
    if layout == "across":
        face = _across(book, lettering, ground)
    else:
        face = _along(book, lettering, ground, layout, draw)
        # Most of the world prints from top to bottom; some countries from bottom to top.
        face = face.transpose(Image.Transpose.ROTATE_90 if draw.random() < 0.15 else Image.Transpose.ROTATE_270)
    return _bound(face, ground, lettering, draw)


_LAYOUTS: tuple[Layout, ...] = ("line", "author first", "two lines", "across")


def _along(book: Printed, lettering: _Lettering, ground: Colour, layout: Layout, draw: random.Random) -> Image.Image:
    """Text along the spine, still lying on its side: one line, or title and author above one another."""
    title, author = _printed(book.title, lettering), _text(book.author, lettering, lettering.author_px)
    if layout == "two lines":
        face = _plain(max(title.width, author.width), title.height + author.height + draw.randint(4, 10), ground)
        _ink(face, title, (0, 0), lettering.ink)
        indent = draw.choice((0, (face.width - author.width) // 2, face.width - author.width))
        _ink(face, author, (max(indent, 0), face.height - author.height), lettering.ink)
        return face
    first, second = (author, title) if layout == "author first" else (title, author)
    gap = draw.randint(24, 80)
    face = _plain(first.width + gap + second.width, max(first.height, second.height), ground)
    _ink(face, first, (0, (face.height - first.height) // 2), lettering.ink)
    _ink(face, second, (first.width + gap, (face.height - second.height) // 2), lettering.ink)
    return face


def _across(book: Printed, lettering: _Lettering, ground: Colour) -> Image.Image:
    """Text across a thick spine: the title's words in short lines, the author below."""
    lines = [_printed(line, lettering) for line in _wrapped(book.title)]
    lines += [_text(line, lettering, lettering.author_px) for line in _wrapped(book.author)]
    title_count = len(_wrapped(book.title))
    height = sum(line.height + 6 for line in lines) + 60
    face = _plain(max(line.width for line in lines), height, ground)
    top = 0
    for index, line in enumerate(lines):
        top += 60 if index == title_count else 0
        _ink(face, line, ((face.width - line.width) // 2, top), lettering.ink)
        top += line.height + 6
    return face


def _wrapped(text: str, letters_max: int = 13) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters_max:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _bound(face: Image.Image, ground: Colour, lettering: _Lettering, draw: random.Random) -> Image.Image:
    """The face on a book: margins, an imprint at the foot of some, bands, and edges shaded as a rounded back is."""
    head, foot = draw.randint(24, 60), draw.randint(56, 110)
    width = face.width + draw.randint(12, 26)
    imprint = _text(draw.choice(_IMPRINTS), lettering, TEXT_PX[0])
    spine = _plain(width, max(face.height + head + foot, draw.randint(380, 520)), ground)
    spine.paste(face, ((width - face.width) // 2, head))
    if imprint.width < width - 8 and draw.random() < 0.5:
        _ink(spine, imprint, ((width - imprint.width) // 2, spine.height - 30), lettering.ink)
    pen = ImageDraw.Draw(spine)
    if draw.random() < 0.4:
        pen.rectangle((0, 10, width, 13), fill=lettering.ink)
    for inset in range(4):
        shade = _mix(ground, (0, 0, 0), 0.35 - 0.08 * inset)
        pen.line((inset, 0, inset, spine.height), fill=shade)
        pen.line((width - 1 - inset, 0, width - 1 - inset, spine.height), fill=shade)
    return spine


def _printed(title: str, lettering: _Lettering) -> Image.Image:
    return _text(title.upper() if lettering.capitals else title, lettering, lettering.title_px)


def _text(text: str, lettering: _Lettering, height_px: int) -> Image.Image:
    """A mask of `text`, `height_px` from the top of a tall letter to the bottom of a hanging one."""
    stroke = 0.5 if lettering.bold else 0.0
    size = (height_px - 2 * stroke) / _em_share()
    font = ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text, stroke_width=stroke)
    _, top, _, bottom = font.getbbox("Hg", stroke_width=stroke)
    mask = Image.new("L", (math.ceil(right - left), math.ceil(bottom - top)), 0)
    ImageDraw.Draw(mask).text((-left, -top), text, font=font, fill=255, stroke_width=stroke)
    return mask


def _em_share() -> float:
    """How much of the font's size a tall and a hanging letter take together."""
    _, top, _, bottom = ImageFont.load_default(100).getbbox("Hg")
    return (bottom - top) / 100


def _plain(width: int, height: int, ground: Colour) -> Image.Image:
    return Image.new("RGB", (width, height), ground)


def _ink(face: Image.Image, mask: Image.Image, at: tuple[int, int], ink: Colour) -> None:
    face.paste(Image.new("RGB", mask.size, ink), at, mask)


def _cloths(count: int, draw: random.Random) -> list[tuple[Colour, Colour]]:
    """Colours for each book; one in eight is bound like its neighbour, as the volumes of a series are."""
    cloths = [_colours(draw)]
    while len(cloths) < count:
        cloths.append(cloths[-1] if draw.random() < 0.125 else _colours(draw))
    return cloths[:count]


def _colours(draw: random.Random) -> tuple[Colour, Colour]:
    """A cloth and an ink that can be told apart, as a printer would see to."""
    while True:
        ground = (draw.randint(10, 245), draw.randint(10, 245), draw.randint(10, 245))
        ink = draw.choice(((245, 242, 230), (20, 20, 24), (228, 196, 92), (120, 20, 30)))
        if abs(_brightness(ground) - _brightness(ink)) > 90:
            return ground, ink


def _brightness(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def _leans(count: int, draw: random.Random) -> list[float]:
    """Degrees for each book: neighbours lean on one another, so they lean alike in runs of two to six."""
    leans = list[float]()
    while len(leans) < count:
        leans += [draw.uniform(-LEAN_DEGREES_MAX, LEAN_DEGREES_MAX)] * draw.randint(2, 6)
    return leans[:count]


def _stand(spines: Sequence[Image.Image], leans: Sequence[float]) -> Image.Image:
    """The spines side by side on one board, each leaning by its own angle and none over another."""
    edges = list[tuple[float, float, float, float]]()
    left = float(_MARGIN_PX)
    previous: tuple[float, float] | None = None
    for spine, lean in zip(spines, leans, strict=True):
        slope = math.tan(math.radians(lean))
        thickness = spine.width / math.cos(math.radians(lean))
        if previous is not None:
            # Seen at the height where both still stand, the nearer edges may touch and not cross.
            slope_before, height = previous
            left += max(0.0, (slope_before - slope) * min(height, spine.height))
        edges.append((left, slope, thickness, spine.height))
        left += thickness + 1
        previous = slope, spine.height
    lean_px = math.ceil(max(abs(slope) * height for _, slope, _, height in edges))
    floor = _MARGIN_PX + max(spine.height for spine in spines) + math.ceil(max(t * abs(s) for _, s, t, _ in edges))
    scene = _plain(math.ceil(left) + _MARGIN_PX + 2 * lean_px, floor + _MARGIN_PX, _WALL)
    ImageDraw.Draw(scene).rectangle((0, floor, scene.width, scene.height), fill=_BOARD)
    for spine, lean, (foot, _, _, _) in zip(spines, leans, edges, strict=True):
        _place(scene, spine, lean, foot + lean_px, floor)
    return scene


def _place(scene: Image.Image, spine: Image.Image, lean: float, foot: float, floor: int) -> None:
    """Turn the spine about a foot and set it down, so that its foot's left corner stands at `foot`."""
    mask = Image.new("L", spine.size, 255)
    angle = math.radians(lean)
    turned = spine.rotate(-lean, Image.Resampling.BICUBIC, expand=True)
    cut = mask.rotate(-lean, Image.Resampling.BICUBIC, expand=True)
    # Leaning right, the lower left corner is the leftmost but for the lean itself; leaning left, it hangs below.
    corner = 0.0 if lean >= 0 else spine.height * math.sin(-angle)
    scene.paste(turned, (round(foot - corner), floor - turned.height), cut)


def _perspective(scene: Image.Image, draw: random.Random) -> Image.Image:
    """As seen from a little aside and above: each corner drawn in by up to 4 % of the scene."""
    width, height = scene.size
    ways = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    seen = [
        (x + way_x * draw.uniform(0, 0.04) * width, y + way_y * draw.uniform(0, 0.04) * height)
        for (x, y), (way_x, way_y) in zip(corners, ways, strict=True)
    ]
    coefficients = _homography(seen, corners)
    return scene.transform(
        scene.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC, fillcolor=_WALL
    )


def _homography(seen: Sequence[tuple[float, float]], flat: Sequence[tuple[float, float]]) -> list[float]:
    """The eight coefficients that carry each point of `seen` to its point in `flat`."""
    rows = list[list[float]]()
    for (x, y), (u, v) in zip(seen, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    targets = [coordinate for point in flat for coordinate in point]
    return [float(c) for c in np.linalg.solve(np.array(rows), np.array(targets))]


def _noise(scene: Image.Image, seed: int) -> Image.Image:
    pixels = np.asarray(scene, dtype=np.float64)
    # RandomState's stream is frozen across versions of numpy; a Generator's is not.
    grain = np.random.RandomState(seed).normal(0.0, NOISE_SIGMA, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
