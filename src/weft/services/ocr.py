"""Reading text in pictures: the `Ocr` protocol, and `RapidOcr`, which reads with models that come in a wheel.

A picture goes in as bytes, lines of text come out, each with the four corners of its box, how sure the reader is, and
what surrounds it. Coordinates are pixels of the upright picture (its EXIF orientation applied), from the top left.
Knows nothing of books. The models take hundreds of MB, so `RapidOcr` asks for the process runner and can be built anew
from its recipe on the other side; nothing heavy is imported before the first picture is read.
Invariant: equal bytes and equal settings give equal boxes; nothing is fetched from a network.
Source: RapidOCR's packaging of the PP-OCR models for onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata, util
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from weft.call import Limits
from weft.content import Plain
from weft.errors import WeftError
from weft.services.service import Cost, Effect, Health, Service

if TYPE_CHECKING:
    from weft.services.text_lines import Reader

_PACKAGES = ("rapidocr", "onnxruntime", "PIL", "numpy")
_ENABLE = "pip install 'weft[vision]'"


class OcrMissing(WeftError):
    """Reading pictures needs {missing}, which this Python does not have: run {enable}."""

    missing: str
    enable: str


class Point(NamedTuple):
    """A place on the picture, in pixels from its top left."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Box:
    """A line of text: its corners as its reader sees them (top left, top right, bottom right, bottom left).

    A wide gap inside the line is kept as two spaces.
    `ground` is the colour behind the text; `reach` is how many pixels that colour goes on above the line's top and
    below its bottom, before something else begins (0 when nothing is known).
    """

    corners: tuple[Point, Point, Point, Point]
    text: str
    confidence: float
    ground: tuple[int, int, int] | None = None
    reach: tuple[float, float] = (0.0, 0.0)


class Ocr(Service, Protocol):
    """Reads the text in a picture."""

    def read(self, picture: bytes, /, *, name: str) -> tuple[Box, ...]:
        """Every line of text that can be made out, top to bottom; `name` says in errors which picture it is.

        Raises `UnreadablePicture` or `PictureTooLarge`; a picture without text is no error.
        """
        ...

    def reading(self, picture: bytes, /, *, name: str) -> Iterator[tuple[Box, ...]]:
        """The same while it is read: what was made out so far, at least once, and as the last one what `read` gives."""
        ...


@dataclass(frozen=True)
class RapidOcr:
    """Reads with RapidOCR's models on onnxruntime; needs the extra `vision`.

    `side_px_max`: longer pictures are read at this length; `pixels_max`: more are never decoded; `threads`: at most so
    many at once, since a reader is one of several programs on its machine.
    """

    side_px_max: int = 2400
    pixels_max: int = 60_000_000
    threads: int = 2
    _readers: list[Reader] = field(default_factory=list, init=False, repr=False, compare=False)

    deterministic: Literal[True] = field(default=True, init=False)
    cost: Cost = field(default="free", init=False)
    effect: Effect = field(default="none", init=False)
    runner: str | None = field(default="process", init=False)
    limits: Limits = field(default=Limits(concurrency=1), init=False)

    def read(self, picture: bytes, /, *, name: str) -> tuple[Box, ...]:
        """Every line of text that can be made out, top to bottom; the first call loads the models."""
        *_, whole = self.reading(picture, name=name)
        return whole

    def reading(self, picture: bytes, /, *, name: str) -> Iterator[tuple[Box, ...]]:
        """The same while it is read, line by line."""
        if missing := _missing():
            raise OcrMissing(missing=", ".join(missing), enable=_ENABLE)
        from weft.services.picture import upright
        from weft.services.text_lines import Reader

        image, scale = upright(picture, name=name, side_px_max=self.side_px_max, pixels_max=self.pixels_max)
        if not self._readers:
            self._readers.append(Reader(threads=self.threads))
        yield from self._readers[0].reading(image, scale=scale)

    def recipe(self) -> tuple[str, Mapping[str, object]]:
        """How a worker process builds an equal service: what to import, and the settings to call it with."""
        settings = {"side_px_max": self.side_px_max, "pixels_max": self.pixels_max, "threads": self.threads}
        return "weft.services.ocr:RapidOcr", settings

    def fingerprint(self) -> Mapping[str, Plain]:
        """Who reads, in which version, with what settings; threads change no result and are left out."""
        return {
            "name": "RapidOcr",
            "version": 1,
            "model": f"rapidocr {_version('rapidocr')}",
            "runtime": f"onnxruntime {_version('onnxruntime')}",
            "side_px_max": self.side_px_max,
            "pixels_max": self.pixels_max,
        }

    def health(self) -> Health:
        """Whether all that it needs is installed; looks, and imports nothing."""
        if missing := _missing():
            return Health(False, why=f"not installed: {', '.join(missing)}", enable=_ENABLE)
        return Health(True)


def _missing() -> list[str]:
    return [name for name in _PACKAGES if util.find_spec(name) is None]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
