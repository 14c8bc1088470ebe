"""The bookshelf as it is declared: photos become spines, books and topics, and a spell on a topic compares view points.

The functions are plain, and know no more of Weft than to say that they are pure; these two classes say how they hang
together. With a model in the space's services topics and comparisons are made by it, else by rules; every value says by
which.

Knows nothing of spaces, and of photos only that they are blobs.
Invariant: what is told here are photos, corrections, the topic of a spell and notes; all else follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from weft import Blob, Entity, Ref, derive, entries, items, ref
from weft.examples.bookshelf import compare as by_quotes
from weft.examples.bookshelf import topics as by_rules
from weft.examples.bookshelf.books import find_books
from weft.examples.bookshelf.corrections import Correction, corrected, propose
from weft.examples.bookshelf.spines import read_spines
from weft.examples.bookshelf.types import Book, Comparison, Topic
from weft.matching import Similar
from weft.services.completion import Completion


async def group(
    last: tuple[Topic, ...], books: tuple[Book, ...], *, model: Completion | None = None
) -> tuple[Topic, ...]:
    """The topics of these books: by a model where there is one, else by labels and likeness."""
    if model is None:
        return by_rules.group(last, books)
    return await by_rules.group_with(last, books, model=model)


async def compare(
    topic: Topic, notes: Mapping[str, str], *, model: Completion | None = None
) -> AsyncIterator[Comparison]:
    """What the notes on a topic's books say about one another, growing where a model tells it."""
    if model is None:
        yield by_quotes.compare(topic, notes)
        return
    async for told in by_quotes.compare_with(topic, notes, model=model):
        yield told


class Bookshelf(Entity):
    """A shelf: photos in, books and topics out. `corrections` are what people say of proposals, by their ids."""

    photos = items(Blob)
    spines = photos.each(read_spines)
    found = derive(find_books, spines.settled)
    proposals = derive(propose, found, match=Similar("book.title", "book.author", threshold=0.55))
    corrections = entries(str, Correction)
    books = derive(corrected, proposals, corrections)
    topics = derive(group, books, initial=())


class Viewpoints(Entity):
    """A spell, cast on a topic."""

    topic: Ref[Topic] = ref()
    notes = entries(str, str)
    comparison = derive(compare, topic, notes)
