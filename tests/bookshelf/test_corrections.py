"""What people say of proposals stays with the books, however the shelf is read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import Space, derive, items
from weft.examples.bookshelf.app import Bookshelf
from weft.examples.bookshelf.corrections import (
    BY_HAND,
    Correction,
    Named,
    Proposal,
    WrongCorrection,
    corrected,
    fix,
    merge,
    propose,
    split,
    undo,
)
from weft.examples.bookshelf.types import Book


def read_aloud(texts: Sequence[str]) -> tuple[Book, ...]:
    """The newest reading: books with ; between, title and author with | between."""
    entries = texts[-1].split(";") if texts and texts[-1] else []
    return tuple(
        Book(title, author or None, "photo", "read") for title, _, author in (e.partition("|") for e in entries)
    )


class ReadShelf(Bookshelf):
    """A shelf whose readings a test gives, in place of a reader of pictures."""

    texts = items(str)
    found = derive(read_aloud, texts)


class Reader:
    """A shelf in a space, and what stands on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open()

    def open(self) -> None:
        self.space: Space = weft.open(str(self.path), types=(ReadShelf,), actor="ann")
        with self.space.edit(once="home"):
            self.shelf = self.space.create(ReadShelf)

    def reopen(self) -> None:
        self.space.close()
        self.open()

    def read(self, *books: str) -> list[str]:
        self.shelf.texts.add(";".join(books))
        return self.books()

    def books(self) -> list[str]:
        found = self.shelf.books.wait(timeout_s=30)
        return [f"{book.title} — {book.author}" if book.author else book.title for book in found]


@pytest.fixture(name="reader")
def _reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path / "shelf.weft")
    yield reader
    reader.space.close()


def test_without_corrections_the_books_are_those_that_were_found(reader: Reader) -> None:
    assert reader.read("Climate Wars|Gwynne Dyer", "Emma|Jane Austen") == [
        "Climate Wars — Gwynne Dyer",
        "Emma — Jane Austen",
    ]
    assert {book.method for book in reader.shelf.books.wait(timeout_s=30)} == {"read"}


def test_a_fixed_book_stays_fixed_when_its_spine_is_read_otherwise(reader: Reader) -> None:
    reader.read("Clmate Wars|Gwynne Dyer", "Emma|Jane Austen")
    fix(reader.shelf, reader.shelf.proposals["Clmate Wars — Gwynne Dyer"], "Climate Wars", "Gwynne Dyer")
    assert reader.books() == ["Climate Wars — Gwynne Dyer", "Emma — Jane Austen"]

    again = reader.read("Emma|Jane Austen", "Climafe Wars|Gwynne Dyer", "Persuasion|Jane Austen")

    assert again == ["Emma — Jane Austen", "Climate Wars — Gwynne Dyer", "Persuasion — Jane Austen"]


def test_merged_books_are_one_in_every_later_reading(reader: Reader) -> None:
    reader.read("The Garden Diaries|Tom Ash", "A Garden Diary|T. Ash", "Emma|Jane Austen")
    proposals = reader.shelf.proposals
    merge(reader.shelf, proposals["The Garden Diaries — Tom Ash"], proposals["A Garden Diary — T. Ash"])
    assert reader.books() == ["The Garden Diaries — Tom Ash", "Emma — Jane Austen"]

    assert reader.read("Emma|Jane Austen", "A Garden Diary|T Ash", "The Garden Diaries|Tom Ash") == [
        "Emma — Jane Austen",
        "The Garden Diaries — Tom Ash",
    ]


def test_a_split_book_is_several_in_every_later_reading(reader: Reader) -> None:
    reader.read("Emma Persuasion|Jane Austen")
    parts = (Named("Emma", "Jane Austen"), Named("Persuasion", "Jane Austen"))
    split(reader.shelf, reader.shelf.proposals["Emma Persuasion — Jane Austen"], parts)
    assert reader.books() == ["Emma — Jane Austen", "Persuasion — Jane Austen"]

    assert reader.read("Emma Persuasian|Jane Austen") == ["Emma — Jane Austen", "Persuasion — Jane Austen"]


def test_a_correction_waits_for_a_book_that_is_gone_and_returns_with_it(reader: Reader) -> None:
    reader.read("Clmate Wars|Gwynne Dyer", "Emma|Jane Austen")
    fix(reader.shelf, reader.shelf.proposals["Clmate Wars — Gwynne Dyer"], "Climate Wars")
    assert reader.read("Emma|Jane Austen") == ["Emma — Jane Austen"]
    reader.reopen()

    assert reader.read("Clmate Wars|Gwyne Dyer", "Emma|Jane Austen") == ["Climate Wars", "Emma — Jane Austen"]


def test_a_book_whose_other_half_is_gone_stands_for_itself(reader: Reader) -> None:
    reader.read("The Garden Diaries|Tom Ash", "A Garden Diary|T. Ash")
    proposals = reader.shelf.proposals
    merge(reader.shelf, proposals["The Garden Diaries — Tom Ash"], proposals["A Garden Diary — T. Ash"])

    assert reader.read("A Garden Diary|T. Ash") == ["A Garden Diary — T. Ash"]


def test_what_was_said_can_be_taken_back(reader: Reader) -> None:
    reader.read("Emma|Jane Austen")
    emma = reader.shelf.proposals["Emma — Jane Austen"]
    fix(reader.shelf, emma, "Emma Woodhouse")
    assert reader.books() == ["Emma Woodhouse"]

    undo(reader.shelf, emma)
    undo(reader.shelf, emma)

    assert reader.books() == ["Emma — Jane Austen"]


def test_corrections_are_events_and_say_who_told_them(reader: Reader) -> None:
    reader.read("Emma|Jane Austen")
    with reader.space.edit(by="bob"):
        fix(reader.shelf, reader.shelf.proposals["Emma — Jane Austen"], "Emma Woodhouse")
    reader.books()

    assert "by bob" in reader.space.why(reader.shelf.books)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Correction(),
        lambda: Correction((Named("Emma"),), same_as="x"),
        lambda: Correction((Named(" "),)),
    ],
)
def test_a_correction_that_says_nothing_or_two_things_is_refused(wrong: object) -> None:
    with pytest.raises(WrongCorrection):
        wrong()  # type: ignore[operator]


def test_a_merge_with_nothing_and_a_split_into_one_are_refused(reader: Reader) -> None:
    reader.read("Emma|Jane Austen")
    emma = reader.shelf.proposals["Emma — Jane Austen"]
    with pytest.raises(WrongCorrection, match="others that are the same"):
        merge(reader.shelf, emma)
    with pytest.raises(WrongCorrection, match="others that are the same"):
        merge(reader.shelf, emma, emma)
    with pytest.raises(WrongCorrection, match="two books or more"):
        split(reader.shelf, emma, [Named("Emma")])
    assert len(reader.shelf.corrections) == 0


def test_equal_books_are_proposed_under_names_of_their_own() -> None:
    book = Book("Emma", "Jane Austen")

    assert [proposal.name for proposal in propose((book, book, Book("Emma")))] == [
        "Emma — Jane Austen",
        "Emma — Jane Austen (2)",
        "Emma",
    ]


_IDS = st.sampled_from("abcdef")
_CORRECTIONS = st.dictionaries(
    _IDS,
    st.one_of(
        _IDS.map(lambda id: Correction(same_as=id)),
        st.lists(st.sampled_from(["Emma", "Persuasion"]).map(Named), min_size=1, max_size=3).map(
            lambda named: Correction(tuple(named))
        ),
    ),
)


@given(st.lists(_IDS, unique=True), _CORRECTIONS)
def test_no_book_is_lost_and_nothing_is_said_twice(ids: list[str], corrections: dict[str, Correction]) -> None:
    proposals = [Proposal(f"book {id}", Book(f"book {id}"), id) for id in ids]

    books = corrected(proposals, corrections)

    assert bool(books) == bool(ids)
    by_hand = [book.title for book in books if book.method == BY_HAND]
    assert len(set(by_hand)) == len(by_hand)
    assert {book.title for book in books if book.method != BY_HAND} >= {
        f"book {id}" for id in ids if id not in corrections
    }
    assert corrected(proposals, {}) == tuple(proposal.book for proposal in proposals)
