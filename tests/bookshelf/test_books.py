"""What on a spine is the title and what the author, and which spines show one book."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.examples.bookshelf.alike import likeness, plain, share_found
from weft.examples.bookshelf.books import BY_LAYOUT, BY_NAME, TITLE_ONLY, find_books, read_book, same_book
from weft.examples.bookshelf.names import GIVEN_NAMES, PARTICLES, PUBLISHERS, SMALL_WORDS
from weft.examples.bookshelf.persons import NAME_MIN, name_score
from weft.examples.bookshelf.types import Book, Line, Spine


def spine(*texts: str, photo: str = "photo", confidence: float = 0.99, sizes: tuple[float, ...] = ()) -> Spine:
    heights = sizes or (20.0,) * len(texts)
    lines = tuple(
        Line(text, confidence, height, part) for part, (text, height) in enumerate(zip(texts, heights, strict=True))
    )
    return Spine(photo, lines, 0, 0, "down")


@pytest.mark.parametrize(
    ("texts", "title", "author"),
    [
        (("Wolf Hall", "Hilary Mantel"), "Wolf Hall", "Hilary Mantel"),
        (("Hilary Mantel", "Wolf Hall"), "Wolf Hall", "Hilary Mantel"),
        (("THE POETRY PHARMACY FOREVER", "WILLIAM SIEGHART"), "The Poetry Pharmacy Forever", "William Sieghart"),
        (("Tennessee Williams Cat on a Hot Tin Roof",), "Cat on a Hot Tin Roof", "Tennessee Williams"),
        (("Tennessee Williams CatonaHot TinRoof",), "Cat on a Hot Tin Roof", "Tennessee Williams"),
        (("Arthur Miller AView from the Bridge",), "A View from the Bridge", "Arthur Miller"),
        (("THE PEREGRINE J. A. Baker",), "The Peregrine", "J. A. Baker"),
        (("Tender Is the Night", "F. Scott Fitzgerald"), "Tender Is the Night", "F. Scott Fitzgerald"),
        (("EMMA JANE AUSTEN",), "Emma", "Jane Austen"),
        (("lan McEwan ATONEMENT",), "Atonement", "Ian McEwan"),
        (("CAROLANN DUFFY", "Sincerity", "PICADOR FOETRY"), "Sincerity", "Carol Ann Duffy"),
        (("The Poems of", "EMILY DICKINSON"), "The Poems of Emily Dickinson", "Emily Dickinson"),
        (("QED", "Richard Feynman"), "QED", "Richard Feynman"),
        (("1491", "Charles Mann"), "1491", "Charles Mann"),
        (("Gaia's Garden", "Toby Hemenway"), "Gaia's Garden", "Toby Hemenway"),
        (("Beth Chatto’s", "Gravel Garden", "Beth Chatto"), "Beth Chatto’s Gravel Garden", "Beth Chatto"),
        (("BETH CHATTO'S GRAVEL GARDEN BETH CHATTO",), "Beth Chatto's Gravel Garden", "Beth Chatto"),
    ],
)
def test_a_name_is_known_by_its_form(texts: tuple[str, ...], title: str, author: str) -> None:
    assert read_book(spine(*texts)) == Book(title, author, "photo", BY_NAME)


def test_without_a_known_name_the_smaller_letters_are_the_author() -> None:
    assert read_book(spine("Zzyzx", "Blorp Quux", sizes=(30, 16))) == Book("Zzyzx", "Blorp Quux", "photo", BY_LAYOUT)


def test_a_name_apart_joins_the_title_close_to_it() -> None:
    title, name = spine("Development as Freedom"), replace(spine("Amartya Sen"), x=30)

    for photo in ((title, name), (replace(name, x=-30), title)):
        assert find_books([photo]) == (Book("Development as Freedom", "Amartya Sen", "photo", BY_NAME),)
    assert len(find_books([(title, replace(name, x=60))])) == 2


def test_a_title_that_begins_with_its_authors_name_is_one_book_with_the_name_beside_it() -> None:
    # As read from a rendered shelf, where the two lines lack a ground in common.
    title = Spine("photo", (Line("Beth Chatto's Gravel Garden", 0.984, 21.0, 0),), 55.5, 315.0, "up")
    name = Spine("photo", (Line("Beth Chatto", 0.999, 22.0, 0),), 82.0, 240.5, "up")

    assert find_books([(title, name)]) == (Book("Beth Chatto's Gravel Garden", "Beth Chatto", "photo", BY_NAME),)


def test_whose_a_title_says_it_is_need_not_be_its_author() -> None:
    assert read_book(spine("Anna Blorp's Quux")) == Book("Anna Blorp's Quux", None, "photo", TITLE_ONLY)
    assert read_book(spine("Blorp's Quux", "Zzyzx Blorp", sizes=(16, 30))) == Book(
        "Blorp's Quux", "Zzyzx Blorp", "photo", BY_LAYOUT
    )


def test_a_title_without_an_author_says_so() -> None:
    assert read_book(spine("What Is to Be Done")) == Book("What Is to Be Done", None, "photo", TITLE_ONLY)


def test_publishers_are_dropped_also_when_a_letter_was_mistaken() -> None:
    book = read_book(spine("Emma", "Jane Austen", "Knopt"))

    assert book is not None
    assert (book.title, book.author) == ("Emma", "Jane Austen")
    assert read_book(spine("Knopt")) is None


def test_a_publishers_word_that_is_the_title_stays() -> None:
    book = read_book(spine("Phoenix", "Chuck Palahniuk"))

    assert book is not None
    assert book.title == "Phoenix"


@pytest.mark.parametrize("text", ["CE", "1130l104cn", "..", "A"])
def test_scraps_are_no_book(text: str) -> None:
    assert read_book(spine(text)) is None


def test_a_guess_without_an_author_is_no_book() -> None:
    assert read_book(spine("Del Wnap", confidence=0.7)) is None


def test_the_same_book_on_two_photos_is_one_book_with_the_first_photo() -> None:
    first = (spine("The Trial", "Franz Kafka", photo="one"),)
    second = (spine("THE TRIAL", "F. Kafka", photo="two"), spine("Emma", "Jane Austen", photo="two"))

    books = find_books([first, second])

    assert [(book.title, book.photo) for book in books] == [("The Trial", "one"), ("Emma", "two")]


def test_a_second_look_can_add_the_author_and_nothing_else() -> None:
    books = find_books([(spine("The Trial", photo="one"),), (spine("The TriaI", "Franz Kafka", photo="two"),)])

    assert books == (Book("The Trial", "Franz Kafka", "one", BY_NAME),)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The Poetry Pharmacy Forever", "The Poetry Pharmacy Returns", False),
        ("The Art of Computer Programming 1", "The Art of Computer Programming 2", False),
        ("The Kamogawa Food Detectives", "The Kamogawa Food Derectives", True),
        ("Cat on a Hot Tin Roof", "CATONAHOT TIN ROOF", True),
        ("Les Misérables", "Les Miserables", True),
        ("Emma", "Ema", False),
    ],
)
def test_sequels_are_two_books_and_misread_letters_are_not(one: str, other: str, same: bool) -> None:
    assert same_book(Book(one), Book(other)) is same
    assert same_book(Book(other), Book(one)) is same


def test_two_books_of_one_title_by_two_authors_are_two() -> None:
    assert not same_book(Book("Chaos", "James Gleick"), Book("Chaos", "Patricia Moreno"))


@pytest.mark.parametrize(
    "text",
    ["The Trial", "A Room", "War and Peace", "I, Robot", "Emma", "Salt, Fat, Acid", "", "Anna Blorp's"],
)
def test_titles_do_not_look_like_names(text: str) -> None:
    assert name_score(text) < NAME_MIN


_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=30)


@given(st.lists(st.lists(st.lists(_TEXTS, min_size=1, max_size=4), max_size=4), max_size=3))
def test_reading_the_photos_twice_gives_the_same_books_once(photos: list[list[list[str]]]) -> None:
    spines = [tuple(spine(*texts, photo=str(number)) for texts in photo) for number, photo in enumerate(photos)]

    books = find_books(spines)

    assert find_books(spines) == books
    assert find_books([*spines, *spines]) == books
    assert all(book.title.strip() for book in books)


@given(_TEXTS, _TEXTS)
def test_likeness_is_symmetric_and_within_bounds(one: str, other: str) -> None:
    one, other = plain(one), plain(other)

    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 1
    assert likeness(one, one) == 1
    assert plain(one) == one


@given(st.lists(st.sampled_from(["the", "art", "of", "war", "peace", "trial", "emma"]), min_size=1, max_size=6))
def test_a_title_stands_in_itself_and_in_any_order(words: list[str]) -> None:
    assert share_found(" ".join(words), " ".join(reversed(words))) == 1


def test_a_title_does_not_stand_in_another() -> None:
    assert share_found("The Trial", "Emma Jane Austen") < 0.6
    assert share_found("Steeple Chasing", "Peter Ross SteepleChasing") == 1


def test_the_tables_hold_what_can_be_compared() -> None:
    for table in (GIVEN_NAMES, PARTICLES, SMALL_WORDS, PUBLISHERS):
        assert all(word == plain(word) for word in table)
