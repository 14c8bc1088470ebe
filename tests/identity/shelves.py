"""A shelf whose topics are whatever a test says that a model made of it, and a view on one of them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reactive.runs import Runs
from weft import Entity, Ref, derive, element, items, ref
from weft.matching import Similar
from weft.matching.known import Known


@element(key="name", id="id")
class Topic:
    name: str
    books: tuple[str, ...] = ()
    id: str = ""


def group(last: tuple[Topic, ...], words: Sequence[str]) -> tuple[Topic, ...]:
    return last


def describe(topic: Topic) -> str:
    return f"{topic.name}: {', '.join(topic.books)}"


def is_large(topic: Topic) -> bool:
    return len(topic.books) > 1


class Shelf(Entity):
    words = items(str)
    topics = derive(group, words, initial=(), match=Similar("name", "books"))
    texts = topics.each(describe)
    large = topics.filter(is_large)


class View(Entity):
    topic: Ref[Topic] = ref()
    text = derive(describe, topic)


CLIMATE = ("The Uninhabitable Earth", "Climate Wars", "Field Notes from a Catastrophe")
GARDENS = ("The Well-Tempered Garden", "Second Nature")
CODE = ("The Mythical Man-Month", "Refactoring", "Working Effectively with Legacy Code")


class Shelves(Runs):
    """A shelf `a`, asked for its topics."""

    def __init__(self, *types: type) -> None:
        super().__init__(*(types or (Shelf, View)))
        self.create(self.types[0], watch="topics")
        self.rounds = 0

    def regroup(self, *topics: object, id: str = "a") -> dict[str, str]:
        """The model is asked again, and says this; returns the ids of topics by name."""
        self.rounds += 1
        self.add(id, "words", f"round {self.rounds}")
        self.step()
        self.answer("topics" if id == "a" else f"{id}.topics", topics)
        self.rest()
        self.ran()
        return self.ids(id)

    def ids(self, id: str = "a") -> dict[str, str]:
        """The ids of topics by name, in their order."""
        topics, members = self.value(id, "topics") or (), self.slot(id, "topics").members()
        return {topic.name: member.element for topic, member in zip(topics, members, strict=True)}

    def view(self, element: str, id: str = "v", node: str = "topics") -> None:
        """A view on a topic."""
        self.create(View, id)
        self.point(id, "topic", "a", node, element)
        self.watch("text", id)
        self.rest()
        self.ran()

    def known(self) -> dict[str, Known]:
        """Every element that the list has or had, by id."""
        return {one.id: one for one in self.engine.elements(self.slot("a", "topics").key)}

    def flags(self, id: str) -> list[tuple[str, str]]:
        """What to look at, and the other element that it names."""
        return [(flag.what, flag.other) for flag in self.known()[id].flags]
