"""Whatever a fold raises refuses the edit that it was to fold, and nothing else: told through the inbox, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import weft
from weft import Entity, Field, Space, field, fold
from weft.reduce import Refused
from weft.store import entries_of


@dataclass(frozen=True)
class Lent:
    to: str


class Wordless(Exception):
    def __str__(self) -> str:
        raise SystemExit


class WordlessError(weft.WeftError):
    """It has a {field} that was never given."""


NOTHING: tuple[str, ...] = ()


def lend(history: tuple[str, ...], lent: Lent) -> tuple[str, ...]:
    match lent.to:
        case "wordless":
            raise Wordless
        case "wordless error":
            raise WordlessError
        case "interrupt":
            raise KeyboardInterrupt
        case "exit":
            raise SystemExit(3)
        case "half a character":
            raise ValueError("\ud800")
    return (*history, lent.to)


class Book(Entity):
    year: Field[int] = field(default=1900)
    history = fold(NOTHING).on(Lent, lend)


ODD = {
    "wordless": "Wordless: (its text could not be made: SystemExit)",
    "wordless error": "(its text could not be made: KeyError)",
    "interrupt": "KeyboardInterrupt",
    "exit": "SystemExit: 3",
    "half a character": "ValueError: \\ud800",
}


@contextmanager
def unstopped() -> Iterator[None]:
    """An interrupt that gets through fails this test, and not the whole run."""
    try:
        yield
    except KeyboardInterrupt:
        pytest.fail("the fold's own interrupt got through")


def refusals(space: Space) -> list[str]:
    return [str(entry.said["why"]) for entry in entries_of(space._store, 0) if entry.kind == "refused"]


@pytest.mark.parametrize("whom", ODD)
def test_told_through_the_inbox_it_is_refused_once_and_the_space_opens(whom: str, tmp_path: Path) -> None:
    path = str(tmp_path / "books.weft")
    with weft.open(path, types=[Book]) as space:
        space.create(Book)
    with weft.open(path, types=[Book], engine=False) as client:
        client.find(Book)[0].tell(Lent(whom))

    for year in (1, 2):
        with unstopped(), weft.open(path, types=[Book]) as space:
            (book,) = space.find(Book)
            book.year = year
            assert (book.year, book.history) == (year, ())
            (why,) = refusals(space)
            assert ODD[whom] in why


@pytest.mark.parametrize("whom", ODD)
def test_told_directly_it_is_refused_and_the_next_is_taken(whom: str) -> None:
    with weft.open(types=[Book]) as space:
        book = space.create(Book)

        with unstopped(), pytest.raises(weft.WeftError) as refused:
            book.tell(Lent(whom))
        book.tell(Lent("ann"))

        assert book.history == ("ann",)
        assert isinstance(refused.value, Refused | WordlessError)
        (why,) = refusals(space)
        assert ODD[whom] in why
