"""What another program may post must not spoil a field for everybody else."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

import weft
from weft import Entity, items
from weft.content import Plain, encode
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
        until = time.monotonic() + 10
        while other.inbox() and time.monotonic() < until:
            time.sleep(0.01)
        shelf.names.add("mine")
        assert tuple(shelf.names) == ("mine",)
