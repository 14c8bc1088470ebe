"""What fires: transitions of what is told and of what is computed, once for the record that made them."""

from __future__ import annotations

from typing import Any

import pytest

from weft import Entity, Field, Run, derive, field, items, on
from weft.content import Plain
from weft.definition import compile_type
from weft.engine import Engine
from weft.flow_spec import Firing
from weft.folding import event_plain
from weft.stores.memory import MemoryStore


def is_long(title: str) -> bool:
    return len(title) > 5


class Post(Entity):
    title: Field[str] = field(default="")
    status: Field[str] = field(default="draft")
    tags = items(str)
    long = derive(is_long, title)

    @on(status.becomes("published"))
    async def announce(self, run: Run) -> None: ...

    @on(Entity.created)
    async def greet(self, run: Run) -> None: ...

    @on(title.changes() | tags.changes())
    async def index(self, run: Run) -> None: ...

    @on(long.becomes(True))
    async def shorten(self, run: Run) -> None: ...


class Told:
    """An engine to which events are told, and what each of them fired."""

    def __init__(self) -> None:
        store, spec = MemoryStore(), compile_type(Post)
        self.engine = Engine(store, epoch=store.acquire(), types={"Post": spec}, now=lambda: "2026-01-01T00:00:00Z")
        self.engine.define(spec)
        self.engine.commit()
        self.count = 0

    def tell(self, *intents: list[Plain]) -> list[str]:
        """The flows that it fired."""
        self.count += 1
        position = self.engine.tell(
            event_plain(f"e{self.count}", [*intents], actor="ann", base=self.engine.cut, time="t")
        )
        fired, self.engine.fired = self.engine.fired, []
        assert all(one == Firing("p", one.flow, position) for one in fired)
        return [one.flow for one in fired]


@pytest.fixture
def told() -> Told:
    return Told()


CREATED: list[Any] = ["p", "", "create", "Post", []]


def test_an_entity_that_comes_to_be_fires_what_it_is_told_to_be(told: Told) -> None:
    assert told.tell(CREATED, ["p", "status", "set", "published"], ["p", "title", "set", "Hi"]) == [
        "announce", "greet", "index",
    ]  # fmt: skip


def test_what_an_entity_says_by_default_is_no_change_but_may_be_what_is_waited_for(told: Told) -> None:
    created: list[Any] = ["p", "", "create", "Post", ["title", "status"]]

    assert told.tell(created, ["p", "title", "set", ""], ["p", "status", "set", "published"]) == ["announce", "greet"]


def test_what_is_said_over_a_default_at_once_is_a_change(told: Told) -> None:
    created: list[Any] = ["p", "", "create", "Post", ["title"]]

    assert told.tell(created, ["p", "title", "set", ""], ["p", "title", "set", "Hi"]) == ["greet", "index"]


def test_a_field_fires_where_it_becomes_another(told: Told) -> None:
    told.tell(CREATED, ["p", "status", "set", "draft"])

    assert told.tell(["p", "status", "set", "draft"]) == []
    assert told.tell(["p", "status", "set", "published"]) == ["announce"]
    assert told.tell(["p", "status", "set", "published"]) == []
    assert told.tell(["p", "status", "set", "draft"], ["p", "status", "set", "published"]) == []
    assert told.tell(["p", "status", "set", "draft"]) == []
    assert told.tell(["p", "status", "set", "published"]) == ["announce"]


def test_a_list_fires_where_it_changes(told: Told) -> None:
    told.tell(CREATED)

    assert told.tell(["p", "tags", "add", "a0", "red"]) == ["index"]
    assert told.tell(["p", "tags", "add", "a1", "blue"], ["p", "title", "set", "Ho"]) == ["index"]


def test_what_is_told_again_fires_nothing(told: Told) -> None:
    told.tell(CREATED)
    told.count -= 1

    assert told.tell(CREATED) == []
