"""Weft's own examples: every operation that they declare pure gives one value."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import pytest

import weft
import weft.examples
from tests.bookshelf.boxes import box
from weft import Blob
from weft.call import Limits
from weft.content import Plain
from weft.examples.bookshelf.app import Bookshelf
from weft.examples.bookshelf.corrections import fix
from weft.operation import operation_of
from weft.services.ocr import Box, Ocr
from weft.services.service import Cost, Effect, Health
from weft.testing.twice import twice

LIMIT_S = 120.0


class Boxes:
    """A reader that takes each line of a text file for one on a spine of its own."""

    deterministic = True
    cost: Cost = "free"
    effect: Effect = "none"
    runner: str | None = None
    limits = Limits()

    def read(self, picture: bytes, /, *, name: str) -> tuple[Box, ...]:
        lines = picture.decode().splitlines()
        return tuple(box(line, 60 * number, 200, reach=(5, 5)) for number, line in enumerate(lines))

    def reading(self, picture: bytes, /, *, name: str) -> Iterator[tuple[Box, ...]]:
        whole = self.read(picture, name=name)
        yield whole[:1]
        yield whole

    def fingerprint(self) -> Mapping[str, Plain]:
        return {"name": "Boxes"}

    def health(self) -> Health:
        return Health(True)


def declared_pure() -> Iterator[str]:
    """Every function in the examples that says that it is pure, by its name as an operation."""
    for module in pkgutil.walk_packages(weft.examples.__path__, "weft.examples."):
        try:
            found = vars(importlib.import_module(module.name))
        except ModuleNotFoundError as missing:
            if missing.name not in ("PIL", "numpy"):
                raise
            continue  # what renders samples needs an extra, and computes nothing
        for each in found.values():
            if callable(each) and getattr(each, "__module__", "") == module.name and hasattr(each, "__weft_declared__"):
                operation = operation_of(each)
                yield from [operation.name] * operation.pure


def read_shelf(photos: list[Blob], reader: object, *, apart: bool) -> Mapping[str, int]:
    """How often each pure operation was made twice for a shelf of these photos; raises `NotPure`."""
    with twice(apart=apart) as book, weft.open(types=[Bookshelf], services={Ocr: reader}) as space:
        shelf = space.create(Bookshelf)
        shelf.photos.add(*photos)
        assert shelf.topics.wait(timeout_s=LIMIT_S)
        first = shelf.proposals.wait(timeout_s=LIMIT_S)[0]
        fix(shelf, shelf.proposals[first.name], "Emma", "Jane Austen")
        assert shelf.books.wait(timeout_s=LIMIT_S)[0].title == "Emma"
    assert book.made_once == {}
    return book.made_twice


def test_every_operation_of_the_examples_that_is_declared_pure_gives_one_value() -> None:
    photos = [Blob.from_bytes(b"Wolf Hall | Hilary Mantel\nThe Trial | Franz Kafka"), Blob.from_bytes(b"Dune\nKlara")]

    made = read_shelf(photos, Boxes(), apart=False)

    assert set(made) == set(declared_pure())
    assert len(made) == 4


@pytest.mark.vision
def test_a_rendered_shelf_is_read_the_same_twice_and_in_another_process(
    require_part: Callable[[str], ModuleType],
) -> None:
    for name in ("rapidocr", "onnxruntime", "PIL"):
        require_part(name)
    from weft.examples.bookshelf.render import render
    from weft.services.ocr import RapidOcr

    made = read_shelf([Blob.from_bytes(render(1, count=3).photo)], RapidOcr(), apart=True)

    assert set(made) == set(declared_pure())
