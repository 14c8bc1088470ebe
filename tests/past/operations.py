"""Types whose past is read, and their operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import weft
from weft import Entity, Field, Ref, counter, derive, entries, field, fold, items, ref, text


@weft.element(key="name")
class Topic:
    name: str
    books: tuple[str, ...]


def grouped(books: tuple[str, ...]) -> tuple[Topic, ...]:
    names = sorted({book.split()[0] for book in books})
    return tuple(Topic(name, tuple(book for book in books if book.split()[0] == name)) for name in names)


def loud(book: str) -> str:
    if book == "broken":
        raise ValueError("it cannot be read")
    return book.upper()


def joined(books: tuple[str, ...]) -> str:
    return ", ".join(books)


def praised(topic: Topic) -> str:
    return f"{topic.name}: {len(topic.books)}"


@dataclass(frozen=True)
class Sold:
    copies: int


def sell(stock: int, sold: Sold) -> int:
    return stock - sold.copies


class Shelf(Entity):
    owner: Field[str] = field(default="nobody")
    books = items(str)
    pages = entries(str, int)
    visits = counter()
    stock = fold(100).on(Sold, sell)
    loud = books.each(loud)
    joined = derive(joined, loud)
    topics = derive(grouped, books)


class Praise(Entity):
    topic: Ref[Topic] = ref()
    text = derive(praised, topic)


def counted(pages: Mapping[str, int]) -> int:
    return sum(pages.values())


class Note(Entity):
    body = text()
