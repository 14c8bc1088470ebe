"""What a telling of the bookshelf saw, in lines for people.

Knows nothing of spaces, and of how anything was found. Invariant: no line is wider than the terminal.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from weft.cli import terminal
from weft.examples.bookshelf.types import Book, Comparison, Topic

OPERATIONS = ("read_spines", "find_books", "group", "compare")
_BOOKS_MAX = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """How the shelf stood at one moment; `ids` are topics' ids by name, `cast_on` the id that the spell is cast on."""

    books: tuple[Book, ...]
    topics: tuple[Topic, ...]
    ids: dict[str, str]
    cast_on: str
    comparison: Comparison | None
    runs: dict[str, dict[str, int]]

    @property
    def is_there(self) -> bool:
        """Whether the topic that the spell is cast on is among these."""
        return self.cast_on in self.ids.values()

    @property
    def topic(self) -> str:
        """The name of the topic that the spell is cast on."""
        return next((name for name, id in self.ids.items() if id == self.cast_on), "a topic that is gone")


def shown(seen: Seen) -> Iterator[str]:
    """Books, topics and the comparison."""
    width = terminal.width()
    yield ""
    yield terminal.strong(_counted(len(seen.books), "book"))
    for book in seen.books[:_BOOKS_MAX]:
        yield terminal.shortened(f"  {book.title}" + (f" — {book.author}" if book.author else ""), width)
    if len(seen.books) > _BOOKS_MAX:
        yield f"  … and {len(seen.books) - _BOOKS_MAX} more"
    yield ""
    yield terminal.strong(_counted(len(seen.topics), "topic")) + _by({topic.method for topic in seen.topics})
    for topic in seen.topics:
        yield from _topic_lines(topic, width)
    if seen.comparison is not None:
        yield ""
        yield from _comparison_lines(seen, seen.comparison, width)


def followed(before: Seen, after: Seen, photos: int) -> Iterator[str]:
    """What a further photo changed, and what it did not."""
    width = terminal.width()
    new = [book for book in after.books if book not in before.books]
    kept = [name for name, id in after.ids.items() if before.ids.get(name) == id]
    ran = {name: after.runs[name]["executed"] - before.runs[name]["executed"] for name in OPERATIONS}
    yield ""
    yield terminal.strong("What followed from the further photo")
    read = f"{_counted(ran['read_spines'], 'photo')} read, of {photos} on the shelf; {_counted(len(new), 'new book')}"
    yield from terminal.wrapped(read, width, indent="  ", hanging="  ")
    topics = f"{_counted(len(kept), 'topic')} kept their ids, {len(after.topics) - len(kept)} came"
    yield from terminal.wrapped(topics, width, indent="  ", hanging="  ")
    yield from terminal.wrapped(compared(after, ran["compare"]), width, indent="  ", hanging="  ")
    changed = [topic for topic in after.topics if topic not in before.topics]
    yield ""
    yield terminal.strong("Topics that changed")
    for topic in changed:
        yield from _topic_lines(topic, width)
    if after.comparison is not None and after.comparison != before.comparison:
        yield ""
        yield from _comparison_lines(after, after.comparison, width)


def compared(seen: Seen, times: int) -> str:
    """What came of the spell, in a sentence: how often its topic was compared again, and why it was not."""
    if not seen.cast_on:
        return "no spell was cast, as there is no topic"
    if not seen.is_there:
        return "the topic that the spell is cast on is not there, so nothing was compared"
    if not times:
        return f"{seen.topic} was not compared again"
    return f"{seen.topic} was compared again " + ("once" if times == 1 else f"{times} times")


def notes_hint(title: str) -> Iterator[str]:
    """What a file of notes holds, with a book that has none."""
    yield "  where NOTES.json holds titles with what the books say, such as"
    yield "  " + json.dumps({title: "What it says."}, ensure_ascii=False)


def _topic_lines(topic: Topic, width: int) -> Iterator[str]:
    titles = " · ".join(book.title for book in topic.books)
    yield from terminal.wrapped(f"{topic.name} ({len(topic.books)}): {titles}", width, indent="  ", hanging="    ")


def _comparison_lines(seen: Seen, comparison: Comparison, width: int) -> Iterator[str]:
    yield terminal.strong(f"View points on {seen.topic}") + _by({comparison.method})
    for line in comparison.text.splitlines():
        yield from terminal.wrapped(line, width, indent="  ", hanging="  ")


def _by(methods: set[str]) -> str:
    return terminal.faint(f"  ({', '.join(sorted(methods))})") if methods else ""


def _counted(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"
