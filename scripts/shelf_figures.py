"""How many books are found: on rendered shelves, straight and hard, and on a real photo where one is at hand.

A book is found when its title's words stand, with a likeness of at least 0.85, in the title and author of one book that
was read, and no other printed book claims that one. Seeds 1 to 40 are for tuning; 41 to 80 are for the figure alone.

    python scripts/shelf_figures.py --seeds 41-80
    python scripts/shelf_figures.py --photo shelf.jpg --titles titles.txt    (one title a line)
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from weft.blob import Blob
from weft.examples.bookshelf.alike import share_found
from weft.examples.bookshelf.books import find_books
from weft.examples.bookshelf.render import render
from weft.examples.bookshelf.spines import read_spines
from weft.examples.bookshelf.types import Book, Spine
from weft.services.ocr import RapidOcr

FOUND_MIN = 0.85


@dataclass(frozen=True, slots=True)
class Figure:
    """What one set of shelves gave."""

    shelves: str
    titles: int
    found: int
    authors: int
    books_read: int
    processor_s_median: float
    missed: tuple[str, ...]

    def __str__(self) -> str:
        """One line, and one for each title that was missed."""
        head = (
            f"{self.shelves}: {self.found} of {self.titles} titles found ({self.found / max(self.titles, 1):.1%}), "
            f"{self.authors} with their author, {self.books_read} books read, "
            f"{self.processor_s_median:.1f} s of processor time a photo"
        )
        return "\n  missed: ".join([head, *self.missed])


def main() -> None:
    """Measure what was asked for, and print it."""
    asked = _arguments()
    ocr = RapidOcr(threads=asked.threads)
    if asked.photo:
        titles = [line.strip() for line in Path(asked.titles).read_text("utf-8").splitlines() if line.strip()]
        photo = Path(asked.photo).read_bytes()
        figures = [_photo("the photo", photo, titles, ocr)]
        figures += [_photo(name, half, titles, ocr) for name, half in _halves(photo)]
    else:
        first, _, last = asked.seeds.partition("-")
        seeds = range(int(first), int(last or first) + 1)
        figures = [_rendered(seeds, hard, asked.books, ocr) for hard in (False, True)]
    for figure in figures:
        print(json.dumps(asdict(figure)) if asked.json else figure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", default="1-4", help="of the shelves to render, as 1-4")
    parser.add_argument("--books", type=int, default=20, help="on each shelf")
    parser.add_argument("--photo", help="a real photo instead")
    parser.add_argument("--titles", help="what stands on it, one title a line")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if asked.photo and not asked.titles:
        parser.error("--photo needs --titles, or there is nothing to count")
    return asked


def _rendered(seeds: Sequence[int], hard: bool, count: int, ocr: RapidOcr) -> Figure:
    found = authors = read = 0
    took = list[float]()
    missed = list[str]()
    for seed in seeds:
        shelf = render(seed, count=count, hard=hard)
        books, s = _read(shelf.photo, ocr)
        took.append(s)
        read += len(books)
        left = list(books)
        for printed in shelf.books:
            book = _found(printed.title, left)
            if book is None:
                missed.append(f"{printed.title} / {printed.author} (seed {seed})")
                continue
            left.remove(book)
            found += 1
            authors += share_found(printed.author, book.author or "") >= FOUND_MIN
    name = f"{'hard' if hard else 'straight'} shelves of {count}, seeds {seeds[0]}-{seeds[-1]}"
    return Figure(name, len(seeds) * count, found, authors, read, statistics.median(took), tuple(missed))


def _photo(name: str, photo: bytes, titles: Sequence[str], ocr: RapidOcr) -> Figure:
    books, s = _read(photo, ocr)
    missed = tuple(title for title in titles if _found(title, books) is None)
    return Figure(name, len(titles), len(titles) - len(missed), 0, len(books), s, missed)


def _halves(photo: bytes) -> list[tuple[str, bytes]]:
    """Left and right half, compressed again."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    middle = image.width // 2
    cuts = (("its left half", (0, 0, middle, image.height)), ("its right half", (middle, 0, image.width, image.height)))
    halves = list[tuple[str, bytes]]()
    for name, box in cuts:
        kept = io.BytesIO()
        image.crop(box).save(kept, "JPEG", quality=60)
        halves.append((f"{name}, JPEG 60", kept.getvalue()))
    return halves


def _read(photo: bytes, ocr: RapidOcr) -> tuple[tuple[Book, ...], float]:
    # Processor time: on a machine that does other things too, the clock measures those.
    begun = time.process_time()
    books = find_books([asyncio.run(_spines(photo, ocr))])
    return books, time.process_time() - begun


async def _spines(photo: bytes, ocr: RapidOcr) -> tuple[Spine, ...]:
    """All of them: what is told last."""
    return [spines async for spines in read_spines(Blob.from_bytes(photo), ocr=ocr)][-1]


def _found(title: str, books: Sequence[Book]) -> Book | None:
    """The book in which most of the title stands, if that is enough."""

    def share(book: Book) -> float:
        return share_found(title, f"{book.title} {book.author or ''}")

    best = max(books, key=share, default=None)
    return best if best is not None and share(best) >= FOUND_MIN else None


if __name__ == "__main__":
    main()
