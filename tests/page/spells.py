"""Types that the tests of graphs, the past and spells use: lists with elements to refer to, parts of parts, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from tests.until import LIMIT_S
from weft import Entity, Field, Ref, derive, element, entries, field, ref

SAID: list[str] = []
"""What `tell` says, word by word, as tests append to it; "." ends it."""


@element(key="name")
class Topic:
    """Something that is spoken of."""

    name: str
    letters: int = 0


def topics(text: str) -> Sequence[Topic]:
    return [Topic(word, len(word)) for word in dict.fromkeys(text.split())]


def shout(text: str) -> str:
    return text.upper()


def weigh(topic: Topic) -> int:
    if topic.letters > 8:
        raise ValueError(f"{topic.name} is too long")
    return topic.letters


def view(topic: Topic) -> str:
    return f"All about {topic.name}"


def compare(one: Topic, other: Topic, note: str) -> str:
    return f"{one.name} or {other.name}? {note}"


async def tell(text: str) -> AsyncIterator[str]:
    said = 0
    for _ in range(int(LIMIT_S * 200)):
        if len(SAID) > said:
            said = len(SAID)
            yield " ".join(SAID)
            if SAID[-1] == ".":
                return
        await asyncio.sleep(0.005)


class Talk(Entity):
    """What is said, and what it is about."""

    name: Field[str] = field()
    text: Field[str] = field(default="")
    topics = derive(topics, text)
    weights = topics.each(weigh)
    loud = derive(shout, derive(shout, text))


class Viewpoint(Entity):
    """A spell on one topic."""

    topic: Ref[Topic] = ref()
    view = derive(view, topic)


@element(key="name")
class Chapter:
    """A part of a library."""

    name: str
    words: tuple[str, ...]


def chapters(notes: str) -> Sequence[Chapter]:
    return [Chapter(f"part {name}", tuple(notes.split())) for name in ("one", "two")]


def first_word(chapter: Chapter) -> str:
    return chapter.words[0]


class Library(Entity):
    """Long parts. They are cast on."""

    name: Field[str] = field()
    notes: Field[str] = field(default="")
    chapters = derive(chapters, notes)


class OpeningWord(Entity):
    """A spell on one chapter."""

    chapter: Ref[Chapter] = ref()
    said = derive(first_word, chapter)


class Notebook(Entity):
    """Remarks, by what they are on."""

    title: Field[str] = field()
    remarks = entries(str, str)


class Comparison(Entity):
    """A spell on two, with a word of its own."""

    one: Ref[Topic] = ref()
    other: Ref[Topic] = ref()
    note: Field[str] = field()
    compared = derive(compare, one, other, note)


class Echo(Entity):
    """A spell on a talk as a whole."""

    talk: Ref[Talk] = ref()
    again = derive(shout, talk.at(Talk.text))


class Telling(Entity):
    """A value that streams."""

    text: Field[str] = field(default="")
    told = derive(tell, text)


TYPES = (Library, OpeningWord, Talk, Viewpoint, Notebook, Comparison, Echo, Telling)
