"""Topics of books: by labels and their words, by likeness to books that have a topic, or by a model that is asked.

Without a model everything can be looked up: a book goes to the label that has most words in its title and author, else
to the topic of the book it is most like, else to `other`. A topic keeps its name and its books while it has any; only
what stands under `other` is looked at again. A model is asked about new books alone, and told the topics there are.
Knows nothing of photos, spines or ids.
Invariant: every book is in exactly one topic, names are unique, and a book keeps any topic but `other`.
Source: clustering anew moves books that nobody touched, so nothing is clustered anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weft.examples.bookshelf.alike import plain
from weft.examples.bookshelf.labels import LABELS
from weft.examples.bookshelf.terms import cosine, rarities, terms
from weft.examples.bookshelf.types import Book, Topic
from weft.services.completion import Completion

OTHER = "other"
BY_LABELS = "labels and similarity"

_LIKE_MIN = 0.35
"""Below this a book is not like another: one common word in two titles of four words."""


def group(last: tuple[Topic, ...], books: tuple[Book, ...]) -> tuple[Topic, ...]:
    """The topics of these books by the labels that come with the bookshelf."""
    return group_by(last, books, LABELS)


def group_by(last: tuple[Topic, ...], books: tuple[Book, ...], labels: Mapping[str, str]) -> tuple[Topic, ...]:
    """The same by labels of one's own: each with the words, in one text, that speak for it."""
    kept = _kept(last, books)
    rarity = rarities([_described(book) for book in books])
    wanted = {label: frozenset(terms(f"{label} {told}")) for label, told in labels.items()}
    placed = {book: kept.get(book) or _labelled(book, wanted) for book in books}
    while found := {book: name for book in books if not placed[book] and (name := _alike(book, placed, rarity))}:
        # A book that found its topic may draw others after it.
        placed |= found
    return _topics(last, {book: name or OTHER for book, name in placed.items()}, [*labels], BY_LABELS)


async def group_with(last: tuple[Topic, ...], books: tuple[Book, ...], *, model: Completion) -> tuple[Topic, ...]:
    """The same by a model, which is asked only when there are books without a topic.

    What it says is checked: unknown numbers are dropped, a book named twice stays at the first, and one that is left
    out is `other`.
    """
    method = f"model {model.fingerprint().get('model', 'unnamed')!s}"
    kept = _kept(last, books)
    new = [book for book in books if book not in kept]
    placed: dict[Book, str] = {book: kept.get(book, OTHER) for book in books}
    if new:
        answer = await model.object(_question(last, new), Grouping)
        placed |= _answered(answer, new, [topic.name for topic in last])
    return _topics(last, placed, [], method)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A topic, and the numbers of the books that belong to it."""

    name: str
    books: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a model is asked for."""

    topics: tuple[Proposed, ...]


def _kept(last: Sequence[Topic], books: Sequence[Book]) -> dict[Book, str]:
    """The topics that books have already; one read a little differently, with its author now, is known by title."""
    exact = {book: topic.name for topic in last for book in topic.books}
    by_title = {plain(book.title): name for book, name in exact.items()}
    found = {book: exact.get(book) or by_title.get(plain(book.title)) for book in books}
    return {book: name for book, name in found.items() if name is not None and name != OTHER}


def _described(book: Book) -> str:
    return f"{book.title} {book.author or ''}"


def _labelled(book: Book, wanted: Mapping[str, frozenset[str]]) -> str | None:
    """The label with most of its words in the title, a word of the author counting for half; the first of equals."""
    title, author = terms(book.title), terms(book.author or "")
    scores = {
        label: sum(term in told for term in title) + 0.5 * sum(term in told for term in author)
        for label, told in wanted.items()
    }
    best = max(scores, key=lambda label: scores[label], default=None)
    return best if best is not None and scores[best] > 0 else None


def _alike(book: Book, placed: Mapping[Book, str | None], rarity: Mapping[str, float]) -> str | None:
    """The topic of the likeliest book that has one; books by one author are alike."""
    best, name = _LIKE_MIN, None
    for other, topic in placed.items():
        if topic is None or other == book:
            continue
        near = 1.0 if plain(book.title) == plain(other.title) else cosine(book.title, other.title, rarity)
        if book.author and other.author and plain(book.author) == plain(other.author):
            near = max(near, 0.6)
        if near > best:
            best, name = near, topic
    return name


def _topics(last: Sequence[Topic], placed: Mapping[Book, str], order: Sequence[str], method: str) -> tuple[Topic, ...]:
    """Topics that hold books: the last ones in their order, new ones after them, `other` at the end."""
    members = dict[str, list[Book]]()
    for book, name in placed.items():
        members.setdefault(name, []).append(book)
    before = {topic.name: topic for topic in last}
    names = [*before, *order, *members]
    ordered = [name for name in dict.fromkeys(names) if name != OTHER] + [OTHER]
    return tuple(
        _continued(before.get(name), Topic(name, tuple(members[name]), method)) for name in ordered if name in members
    )


def _continued(before: Topic | None, topic: Topic) -> Topic:
    """The topic as it was where it holds the same books, so that what depends on it stays untouched."""
    return before if before is not None and frozenset(before.books) == frozenset(topic.books) else topic


def _question(last: Sequence[Topic], new: Sequence[Book]) -> str:
    known = ", ".join(topic.name for topic in last if topic.name != OTHER) or "none yet"
    numbered = "\n".join(
        f"{number}. {book.title}" + (f", by {book.author}" if book.author else "") for number, book in enumerate(new, 1)
    )
    return (
        "Sort books into topics by what they are about. Use a topic that exists where one fits; a new one has a short "
        f"lower-case name, such as climate change.\nTopics: {known}\nBooks:\n{numbered}\n"
        "Give each book's number once."
    )


def _answered(answer: Grouping, new: Sequence[Book], known: Sequence[str]) -> dict[Book, str]:
    """Each numbered book's topic; a known topic is recognised however it is capitalised."""
    spelled = {plain(name): name for name in [OTHER, *known]}
    placed = dict[Book, str]()
    for topic in answer.topics:
        name = " ".join(topic.name.split())
        if not plain(name):
            continue
        name = spelled.setdefault(plain(name), name)
        for number in topic.books:
            if 1 <= number <= len(new):
                placed.setdefault(new[number - 1], name)
    return placed
