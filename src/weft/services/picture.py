"""A picture that anyone may have sent, made safe to look at: bounded, upright, and stripped of all but its pixels.

Refuses by the header, before a pixel is decoded; a JPEG that is only somewhat large is decoded at a fraction of its
size. What EXIF says of the camera's orientation is applied, everything else in it (place, time, device) is dropped.
Knows nothing of what is on the picture.
Invariant: no more than `pixels_max` pixels are ever decoded.
Source: Pillow's draft mode; decompression bombs.
"""

from __future__ import annotations

import io
import warnings
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from weft.errors import WeftError

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
FORMATS = ("JPEG", "PNG", "WEBP")


class UnreadablePicture(WeftError):
    """{name} cannot be read as a picture ({why}): give it as JPEG, PNG or WebP."""

    name: str
    why: str


class BrokenPicture(UnreadablePicture):
    """{name} cannot be read as a picture to its end ({why}): the file is cut off or damaged. Give a whole copy."""


class PictureTooLarge(WeftError):
    """{name} has {pixels} pixels, more than the {pixels_max} that are decoded: make it smaller first."""

    name: str
    pixels: str
    pixels_max: int


def upright(picture: bytes, *, name: str, side_px_max: int, pixels_max: int) -> tuple[Image.Image, float]:
    """The picture as plain RGB, no side longer than `side_px_max`, and how many of its pixels one of these stands for.

    Raises `UnreadablePicture`, which is `BrokenPicture` where the header was sound, and `PictureTooLarge`.
    """
    with warnings.catch_warnings():
        # Pillow warns of damaged EXIF, and at a size of its own; the limits here are the ones that count.
        warnings.simplefilter("ignore")
        image = _open(io.BytesIO(picture), name, pixels_max)
        side = max(image.size)
        _bound(image, name, side_px_max=side_px_max, pixels_max=pixels_max)
        try:
            image.load()
            plain = _turned(_opaque(image), _orientation(image))
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
            raise BrokenPicture(name=name, why=str(error) or type(error).__name__) from error
    if max(plain.size) > side_px_max:
        plain = plain.resize(_fitted(plain.size, side_px_max), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return plain, side / max(plain.size)


def check_header(picture: BinaryIO, *, name: str, pixels_max: int) -> None:
    """Raise what `upright` would raise for what its header already shows: `UnreadablePicture`, `PictureTooLarge`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _open(picture, name, pixels_max).close()


def _open(picture: BinaryIO, name: str, pixels_max: int) -> Image.Image:
    try:
        return Image.open(picture, formats=FORMATS)
    except Image.DecompressionBombError as error:
        bound = 2 * (Image.MAX_IMAGE_PIXELS or pixels_max)
        raise PictureTooLarge(name=name, pixels=f"over {bound}", pixels_max=pixels_max) from error
    except UnidentifiedImageError as error:
        why = "it is empty" if not picture.seek(0, io.SEEK_END) else "its content is of no known format"
        raise UnreadablePicture(name=name, why=why) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadablePicture(name=name, why=str(error) or type(error).__name__) from error


def _bound(image: Image.Image, name: str, *, side_px_max: int, pixels_max: int) -> None:
    """Have a large JPEG decoded at a fraction of its size, and refuse what is still too large."""
    pixels = image.width * image.height
    # A progressive JPEG keeps all its coefficients in memory, at whatever size it is decoded.
    if pixels <= pixels_max or not image.info.get("progressive"):
        image.draft("RGB", _fitted(image.size, side_px_max))
    if image.width * image.height > pixels_max:
        raise PictureTooLarge(name=name, pixels=str(pixels), pixels_max=pixels_max)


def _orientation(image: Image.Image) -> int:
    """How the camera was held, by EXIF: 1 to 8."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything; the pixels are whole all the same
        return 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _fitted(size: tuple[int, int], side_px_max: int) -> tuple[int, int]:
    share = min(1.0, side_px_max / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _opaque(image: Image.Image) -> Image.Image:
    """RGB and nothing else; what shines through is white, as on paper."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
    plain = Image.new("RGB", image.size)
    plain.paste(image.convert("RGB"))
    return plain
