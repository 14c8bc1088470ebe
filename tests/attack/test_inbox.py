"""What another program may post must not spoil a field for everybody else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, items
from weft.content import Plain, encode
from weft.folding import MalformedEvent
from weft.stores.sqlite import SqliteStore


class Shelf(Entity):
    names = items(str)


@pytest.mark.parametrize("order", ["zz", "", "é", "\0", "0x1", "1_0"])
def test_an_order_key_that_nobody_could_add_behind_is_refused(order: str, tmp_path: Path) -> None:
    path = str(tmp_path / "shelf.weft")
    with weft.open(path, types=(Shelf,)) as space, closing(SqliteStore(path)) as other:
        shelf = space.create(Shelf)
        intents: list[Plain] = [[shelf.id, "names", "add", order, "theirs"]]
        other.post(encode({"event": {"id": "x", "actor": "other", "base": 0, "time": "", "intents": intents}}))
        until(lambda: not other.inbox())
        shelf.names.add("mine")
        assert tuple(shelf.names) == ("mine",)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"id": 7}, "its id is not a str"),
        ({"base": True}, "its base is not a int"),
        ({"time": None}, "its time is not a str"),
        ({"intents": "set"}, "its intents is not a list"),
        ({"intents": [["shelf", "names"]]}, "an intent is not [entity, node, verb, …]"),
        ({"intents": [["shelf", "names", 7]]}, "an intent is not [entity, node, verb, …]"),
    ],
)
def test_what_no_edit_says_is_refused_and_the_next_is_taken(
    wrong: dict[str, Plain], why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = str(tmp_path / "shelf.weft")
    with weft.open(path, types=(Shelf,)) as space, closing(SqliteStore(path)) as other:
        shelf = space.create(Shelf)
        position = space.position
        right: dict[str, Plain] = {"id": "x", "actor": "other", "base": 0, "time": "", "intents": []}
        add: Plain = [[shelf.id, "names", "add", "a0", "theirs"]]
        with caplog.at_level("INFO", logger="weft"):
            other.post(encode({"event": {**right, **wrong}}))
            other.post(encode({"event": {**right, "id": "y", "intents": add}}))
            until(lambda: not other.inbox() and bool(tuple(shelf.names)))
        assert tuple(shelf.names) == ("theirs",)
        assert space.position == position + 1
        assert str(MalformedEvent(why=why)) in caplog.text
