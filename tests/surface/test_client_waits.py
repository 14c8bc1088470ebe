"""A program that is not the engine waits until everything demanded is settled: what that is, the engine alone knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, Field, Settled, Space, WaitTimeout, derive, field, items, op
from weft.content import Plain, encode
from weft.stores.sqlite import SqliteStore

may_go = threading.Event()
EVENT: dict[str, Plain] = {"id": "x", "actor": "other", "base": 0, "time": ""}


def more(number: int) -> int:
    return number + 1


@op(runner="thread")
def held(number: int) -> int:
    assert may_go.wait(60)
    return -number


class Sheet(Entity):
    number: Field[int] = field()
    wanted = derive(more, number, eager=True)
    unwanted = derive(more, wanted)
    marks = items(int)
    unread = marks.each(more)


class Slow(Entity):
    number: Field[int] = field()
    wanted = derive(held, number, eager=True)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "sheet.weft")
    may_go.clear()


def opened(path: str) -> tuple[Space, Space]:
    """An engine, and a client beside it."""
    engine = weft.open(path, types=(Sheet, Slow), engine=True)
    return engine, weft.open(path, types=(Sheet, Slow))


def test_it_waits_for_what_is_demanded_and_not_for_what_nobody_asks_for(path: str) -> None:
    engine, client = opened(path)
    with engine, client:
        sheet = client.create(Sheet, number=1)
        sheet.marks.add(1, 2)

        assert client.wait_settled(timeout_s=20) >= client.seen

        assert not client.is_engine
        assert sheet.wanted.state == Settled(2)
        sheet.number = 5
        client.wait_settled(timeout_s=20)
        assert sheet.wanted.state == Settled(6)


def test_it_waits_for_what_it_watches_itself(path: str) -> None:
    engine, client = opened(path)
    with engine, client:
        sheet = client.create(Sheet, number=1)
        client.watch(sheet.unwanted)
        client.wait_settled(timeout_s=20)

        sheet.number = 7
        client.wait_settled(timeout_s=20)

        assert sheet.unwanted.state == Settled(9)


def test_elements_that_went_before_they_were_computed_keep_nobody_waiting(path: str) -> None:
    engine, client = opened(path)
    with engine, client:
        sheet = client.create(Sheet, number=1)
        sheet.marks.add(1, 2, 3)
        for mark in (1, 2, 3):
            sheet.marks.remove(mark)
        client.watch(sheet.unread)

        client.wait_settled(timeout_s=20)

        assert sheet.unread.state == Settled(())


def test_a_wait_that_is_given_up_leaves_nothing_behind(path: str) -> None:
    engine, client = opened(path)
    with engine, client, closing(SqliteStore(path)) as beside:
        client.create(Slow, number=1)
        with pytest.raises(WaitTimeout, match="everything demanded"):
            client.wait_settled(timeout_s=0.2)

        until(lambda: not beside.inbox())
        may_go.set()

        client.wait_settled(timeout_s=20)


def test_nobody_takes_back_what_another_program_said(path: str) -> None:
    engine, client = opened(path)
    with engine, client, closing(SqliteStore(path)) as beside:
        sheet = client.create(Sheet, number=1)
        with engine._host.lock:  # the engine takes nothing meanwhile
            number = beside.post(encode({"withdrawn": "all of it"}))
            beside.post(encode({"withdrawn": number + 2}))
            beside.post(encode({"event": {**EVENT, "intents": [[sheet.id, "number", "set", 3]]}}))

        until(lambda: not beside.inbox())
        assert sheet.number == 3


def test_a_wait_for_a_position_that_no_record_has_ends(path: str) -> None:
    engine, client = opened(path)
    with engine, client, closing(SqliteStore(path)) as beside:
        client.create(Sheet, number=1)
        beside.post(encode({"settled": 1 << 60}))

        until(lambda: not beside.inbox())
