"""Pictures from anyone: upright, bounded before they are decoded, refused by name."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from PIL import Image

pytestmark = pytest.mark.vision


@pytest.fixture
def picture(require_part: Callable[[str], ModuleType]) -> ModuleType:
    require_part("PIL")
    return require_part("weft.services.picture")


def upright(picture: ModuleType, content: bytes, side: int = 400, pixels: int = 1_000_000) -> tuple[Image.Image, float]:
    image, scale = picture.upright(content, name="photo x", side_px_max=side, pixels_max=pixels)
    return image, scale


def drawn(width: int = 40, height: int = 20, form: str = "JPEG", **options: object) -> bytes:
    """A picture that is red on its left and blue on its right."""
    from PIL import Image

    image = Image.new("RGB", (width, height), (250, 0, 0))
    image.paste((0, 0, 250), (width // 2, 0, width, height))
    kept = io.BytesIO()
    image.save(kept, form, **options)
    return kept.getvalue()


def is_red(image: Image.Image, x: int, y: int) -> bool:
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel[0] > 200 > pixel[2]


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [
        (1, (40, 20), (2, 10)),
        (2, (40, 20), (37, 10)),
        (3, (40, 20), (37, 10)),
        (6, (20, 40), (10, 2)),
        (8, (20, 40), (10, 37)),
    ],
)
def test_the_cameras_orientation_is_applied(
    picture: ModuleType, orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation

    image, scale = upright(picture, drawn(exif=exif))

    assert image.size == size
    assert is_red(image, *red)
    assert scale == 1


def test_nothing_of_exif_is_left(picture: ModuleType) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"

    image, _ = upright(picture, drawn(exif=exif))

    assert not image.getexif()
    assert image.info == {}


def test_damaged_exif_hides_no_picture(picture: ModuleType) -> None:
    image, _ = upright(picture, drawn(exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"))

    assert image.size == (40, 20)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (b"not a picture", "no known format"), (b"GIF89a" + bytes(100), "no known format")],
)
def test_what_is_no_picture_is_refused_by_name(picture: ModuleType, content: bytes, why: str) -> None:
    with pytest.raises(picture.UnreadablePicture, match=rf"photo x .*{why}.*JPEG, PNG or WebP"):
        upright(picture, content)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_that_was_cut_off_is_refused_by_name(picture: ModuleType, form: str) -> None:
    whole = drawn(300, 300, form)

    with pytest.raises(picture.BrokenPicture, match=r"photo x .* the file is cut off or damaged\. Give a whole copy"):
        upright(picture, whole[: len(whole) // 2])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_cut_of_a_picture_is_read_or_refused(picture: ModuleType, form: str) -> None:
    whole = drawn(60, 60, form)
    outcomes = set[str]()

    for end in range(len(whole) + 1):
        try:
            assert upright(picture, whole[:end])[0].size == (60, 60)
            outcomes.add("read")
        except picture.UnreadablePicture:
            outcomes.add("refused")

    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_every_flipped_byte_is_read_or_refused(picture: ModuleType, form: str) -> None:
    whole = drawn(30, 30, form)

    refusals = list[str]()
    for place in range(len(whole)):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            assert upright(picture, damaged)[0].mode == "RGB"
        except (picture.UnreadablePicture, picture.PictureTooLarge) as refused:
            refusals.append(str(refused))

    assert refusals
    assert all("photo x" in refusal for refusal in refusals)


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more pixels than it has."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [1001, 10_000, 12_000, 40_000])
def test_a_bomb_is_refused_by_its_header(picture: ModuleType, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("pixels were decoded"))

    with pytest.raises(picture.PictureTooLarge, match=r"photo x has .* make it smaller first"):
        upright(picture, bomb(side, side))


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size(picture: ModuleType) -> None:
    image, scale = upright(picture, drawn(4000, 2000), pixels=1_000_000)

    assert image.size == (400, 200)
    assert scale == 10


def test_a_large_progressive_jpeg_is_refused_since_it_is_held_whole(picture: ModuleType) -> None:
    with pytest.raises(picture.PictureTooLarge, match="8000000 pixels"):
        upright(picture, drawn(4000, 2000, progressive=True), pixels=1_000_000)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_kind_of_pixel_becomes_rgb(picture: ModuleType, mode: str) -> None:
    from PIL import Image

    kept = io.BytesIO()
    Image.new(mode, (30, 20)).save(kept, "PNG")

    image, _ = upright(picture, kept.getvalue())

    assert image.mode == "RGB"
    assert image.size == (30, 20)


def test_what_shines_through_is_white(picture: ModuleType) -> None:
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGBA", (30, 20), (0, 0, 0, 0)).save(kept, "PNG")

    assert upright(picture, kept.getvalue())[0].getpixel((3, 3)) == (255, 255, 255)
