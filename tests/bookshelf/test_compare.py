"""View points: quotes from notes, honest where there are none, streamed where a model tells them."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.bookshelf.test_topics import Scripted
from weft.examples.bookshelf.compare import EXTRACTIVE, NO_NOTES, compare, compare_with
from weft.examples.bookshelf.types import Book, Comparison, Topic

TOPIC = Topic("climate change", (Book("Hothouse Earth"), Book("Drawdown"), Book("Climate Wars")))
NOTES = {
    "HOTHOUSE EARTH": "Dangerous warming cannot be avoided any more. Heat waves will become common.",
    "Drawdown": "Dangerous warming can be avoided with what we have. Is it cheap? Solar power falls in price.",
}


def test_without_notes_it_says_that_titles_carry_no_view() -> None:
    comparison = compare(TOPIC, {})

    assert comparison.method == NO_NOTES
    assert "no notes on any of its 3 books" in comparison.text
    assert "A title alone carries no view" in comparison.text
    assert not comparison.claims
    assert not comparison.relations
    assert comparison.without_notes == ("Hothouse Earth", "Drawdown", "Climate Wars")


def test_claims_are_sentences_of_the_notes_and_questions_are_none() -> None:
    comparison = compare(TOPIC, NOTES)

    assert comparison.method == EXTRACTIVE
    assert [claim.quote for claim in comparison.claims] == [
        "Dangerous warming cannot be avoided any more.",
        "Heat waves will become common.",
        "Dangerous warming can be avoided with what we have.",
        "Solar power falls in price.",
    ]
    assert comparison.without_notes == ("Climate Wars",)
    assert "No notes yet: Climate Wars." in comparison.text


def test_claims_of_two_books_that_meet_may_disagree_and_are_quoted() -> None:
    relation = compare(TOPIC, NOTES).relations[0]

    assert {relation.one.book, relation.other.book} == {"Hothouse Earth", "Drawdown"}
    assert relation.opposed == "“cannot” on one side only"
    assert "warm" in relation.share
    assert f"“{relation.one.quote}”" in compare(TOPIC, NOTES).text


def test_opposite_words_are_told() -> None:
    notes = {"Drawdown": "Meat prices will rise a lot.", "Climate Wars": "Meat prices will fall a lot."}

    assert compare(TOPIC, notes).relations[0].opposed == "“rise” against “fall”"


def test_notes_on_one_book_have_nothing_to_meet() -> None:
    comparison = compare(TOPIC, {"Drawdown": "Solar power falls in price."})

    assert comparison.relations == ()
    assert "There is nothing to compare it with yet." in comparison.text


def test_notes_on_other_books_do_not_count() -> None:
    assert compare(TOPIC, {"Emma": "She was handsome, clever, and rich."}).method == NO_NOTES


_WORDS = st.lists(
    st.sampled_from(["warming", "cannot", "never", "rises", "falls", "cheap", "the.", "Prices!", "\n"]), max_size=12
)


@given(st.dictionaries(st.sampled_from([book.title for book in TOPIC.books]), _WORDS.map(" ".join)))
def test_every_quote_stands_in_the_notes_on_its_book(notes: dict[str, str]) -> None:
    comparison = compare(TOPIC, notes)

    quoted = [*comparison.claims, *(c for relation in comparison.relations for c in (relation.one, relation.other))]
    assert all(claim.quote in notes[claim.book] for claim in quoted)
    assert all(relation.one.book != relation.other.book for relation in comparison.relations)


def told(model: Scripted, notes: dict[str, str]) -> list[Comparison]:
    async def whole() -> list[Comparison]:
        return [value async for value in compare_with(TOPIC, notes, model=model)]

    return asyncio.run(whole())


def test_a_model_streams_the_whole_comparison_so_far_with_the_quotes_it_was_given() -> None:
    model = Scripted(texts=("They", "They disagree."))

    values = told(model, NOTES)

    assert [value.text for value in values] == ["They", "They disagree."]
    assert {value.method for value in values} == {"model tiny, from your notes"}
    assert values[-1].relations == compare(TOPIC, NOTES).relations
    assert "Dangerous warming cannot be avoided" in str(model.asked[0])


def test_without_notes_no_model_is_asked() -> None:
    model = Scripted(texts=("I think",))

    assert told(model, {}) == [compare(TOPIC, {})]
    assert model.asked == []
