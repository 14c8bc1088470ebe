"""What the journeys look at: a shelf whose notes become books, topics and a summary that grows as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from weft import Entity, Field, derive, field, items

NOTES = ("Drawdown #climate", "The Dry Garden #gardening", "The New Climate War #climate")
SUMMARY = "climate: Drawdown, The New Climate War; gardening: The Dry Garden"
"""What comes of these notes, told in this order."""
PAUSE_S = 0.01
STEPS: list[threading.Semaphore] = []
"""While one is here, each step of an operation waits for leave by it."""
TAKEN: list[float] = []
"""When steps were taken."""


@dataclass(frozen=True)
class Book:
    """What a note names."""

    title: str
    topic: str


async def _step() -> None:
    await asyncio.sleep(PAUSE_S)
    while STEPS and not STEPS[0].acquire(blocking=False):  # noqa: ASYNC110  what gives leave is on another thread
        await asyncio.sleep(PAUSE_S / 5)
    TAKEN.append(time.monotonic())


async def read(note: str) -> Book:
    await _step()
    title, _, topic = note.partition(" #")
    return Book(title, topic)


async def group(books: tuple[Book, ...]) -> dict[str, tuple[str, ...]]:
    await _step()
    names = sorted({book.topic for book in books})
    return {name: tuple(book.title for book in books if book.topic == name) for name in names}


async def tell(topics: dict[str, tuple[str, ...]]) -> AsyncIterator[str]:
    said = ""
    yield said
    for name, titles in topics.items():
        await _step()
        said += f"{'; ' if said else ''}{name}: {', '.join(titles)}"
        yield said


class Shelf(Entity):
    """Notes in, a summary out."""

    name: Field[str] = field(default="My shelf")
    notes = items(str)
    books = notes.each(read)
    topics = derive(group, books)
    summary = derive(tell, topics)
