"""Topics that stay put: by labels, by likeness, by a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from weft.call import Limits
from weft.content import Plain
from weft.examples.bookshelf.labels import LABELS
from weft.examples.bookshelf.topics import BY_LABELS, OTHER, Grouping, Proposed, group, group_by, group_with
from weft.examples.bookshelf.types import Book, Topic
from weft.services.completion import Completion, Prompt
from weft.services.service import Cost, Effect, Health

T = TypeVar("T")

EARTH = Book("The Uninhabitable Earth", "David Wallace-Wells")
WARS = Book("Climate Wars", "Gwynne Dyer")
GARDEN = Book("The Well-Tempered Garden", "Christopher Lloyd")
ODD = Book("Zzyzx", "Blorp Quux")
ODD_TOO = Book("Zzyzx Revisited", "Blorp Quux")


def names(topics: tuple[Topic, ...]) -> dict[str, list[str]]:
    return {topic.name: [book.title for book in topic.books] for topic in topics}


def test_books_go_to_the_label_whose_words_they_hold() -> None:
    topics = group((), (EARTH, GARDEN, WARS, ODD))

    assert names(topics) == {
        "climate change": ["The Uninhabitable Earth", "Climate Wars"],
        "gardening": ["The Well-Tempered Garden"],
        OTHER: ["Zzyzx"],
    }
    assert {topic.method for topic in topics} == {BY_LABELS}


def test_a_book_like_one_that_has_a_topic_joins_it() -> None:
    topics = group_by((), (EARTH, Book("Losing Ground", "David Wallace-Wells")), {"climate": "uninhabitable"})

    assert names(topics) == {"climate": ["The Uninhabitable Earth", "Losing Ground"]}


def test_a_topic_that_got_no_book_is_the_very_same() -> None:
    last = group((), (EARTH, GARDEN))

    topics = group(last, (EARTH, GARDEN, WARS))

    assert topics[1] is last[1]
    assert topics[0].books == (EARTH, WARS)


def test_a_book_keeps_its_topic_when_labels_change_and_other_is_looked_at_again() -> None:
    last = group((), (EARTH, ODD))

    topics = group_by(last, (EARTH, ODD), {"planets": "earth", "oddities": "zzyzx"})

    assert names(topics) == {"climate change": ["The Uninhabitable Earth"], "oddities": ["Zzyzx"]}


def test_a_book_whose_author_is_read_later_keeps_its_topic() -> None:
    last = (Topic("favourites", (Book("Zzyzx"),), "by hand"),)

    assert names(group(last, (ODD, ODD_TOO))) == {"favourites": ["Zzyzx", "Zzyzx Revisited"]}


def test_a_topic_whose_books_are_gone_is_gone() -> None:
    assert group(group((), (EARTH, GARDEN)), (GARDEN,)) == group((), (GARDEN,))


def test_labels_are_a_table_that_can_be_read() -> None:
    assert len(LABELS) >= 15
    assert OTHER not in LABELS
    assert all(words.split() for words in LABELS.values())


_BOOKS = st.lists(
    st.builds(
        Book,
        st.lists(
            st.sampled_from(["garden", "earth", "war", "code", "zzyzx", "plum", "kitchen"]), min_size=1, max_size=3
        ).map(" ".join),
        st.sampled_from([None, "Ann Lee", "Blorp Quux"]),
    ),
    max_size=8,
    unique=True,
).map(tuple)


@given(_BOOKS, _BOOKS)
def test_topics_part_the_books_and_known_books_stay(first: tuple[Book, ...], more: tuple[Book, ...]) -> None:
    last = group((), first)
    books = tuple(dict.fromkeys(first + more))
    topics = group(last, books)

    held = [book for topic in topics for book in topic.books]
    assert sorted(held, key=repr) == sorted(books, key=repr)
    assert len({topic.name for topic in topics}) == len(topics)
    assert all(topic.books for topic in topics)
    now = {book: topic.name for topic in topics for book in topic.books}
    assert all(now[book] == topic.name for topic in last for book in topic.books if topic.name != OTHER)
    assert group(topics, books) == topics


@dataclass
class Scripted:
    """A model that answers with what it was given, and keeps the questions."""

    answer: object = None
    texts: tuple[str, ...] = ()
    asked: list[Prompt] = field(default_factory=list)
    deterministic: Literal[True] = True
    cost: Cost = "free"
    effect: Effect = "none"
    runner: str | None = None
    limits: Limits = field(default_factory=Limits)

    def fingerprint(self) -> Mapping[str, Plain]:
        return {"name": "Scripted", "model": "tiny"}

    def health(self) -> Health:
        return Health(True)

    async def stream(self, prompt: Prompt, /) -> AsyncIterator[str]:
        self.asked.append(prompt)
        for text in self.texts:
            yield text

    async def text(self, prompt: Prompt, /) -> str:
        raise NotImplementedError

    async def object(self, prompt: Prompt, form: type[T], /) -> T:
        self.asked.append(prompt)
        assert isinstance(self.answer, form)
        return self.answer


def test_a_model_names_topics_and_its_slips_are_mended() -> None:
    last = (Topic("climate change", (EARTH,), "model tiny"),)
    slips = Grouping((Proposed("Climate Change", (1, 9)), Proposed("gardens", (2, 1)), Proposed(" ", (3,))))
    model = Scripted(slips)
    service: Completion = model

    topics = asyncio.run(group_with(last, (EARTH, WARS, GARDEN, ODD), model=service))

    assert names(topics) == {
        "climate change": ["The Uninhabitable Earth", "Climate Wars"],
        "gardens": ["The Well-Tempered Garden"],
        OTHER: ["Zzyzx"],
    }
    assert {topic.method for topic in topics} == {"model tiny"}
    assert "Climate Wars" in str(model.asked[0])
    assert "Uninhabitable" not in str(model.asked[0])


def test_a_model_is_not_asked_when_no_book_is_new() -> None:
    last = (Topic("climate change", (EARTH, WARS), "model tiny"),)
    model = Scripted()

    topics = asyncio.run(group_with(last, (EARTH, WARS), model=model))

    assert topics == last
    assert model.asked == []
