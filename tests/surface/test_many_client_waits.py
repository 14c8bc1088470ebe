"""A program that is a client waits for many things at once with one thread, and each of them is told by itself."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

import weft
from tests.until import until
from weft import Entity, Field, derive, field
from weft.client import Client, NoEngine

GATE = threading.Event()


def double(n: int) -> int:
    assert n == 0 or GATE.wait(30)
    return 2 * n


class Sum(Entity):
    n: Field[int] = field()
    doubled = derive(double, n)


def lookers() -> int:
    return sum(thread.name == "weft client" for thread in threading.enumerate())


def test_many_waits_of_a_client_take_one_thread(tmp_path: Path) -> None:
    path = str(tmp_path / "sums.weft")
    GATE.clear()
    with weft.open(path, types=(Sum,)) as engine, weft.open(path, types=(Sum,)) as client:
        assert engine.is_engine and not client.is_engine
        ids = [engine.create(Sum, n=number).id for number in range(10)]
        waits = [client._host.settlement((id, "doubled", ""), 0) for id in ids]
        assert waits[0].result(30) is None
        assert lookers() == 1
        waits[1].cancel()
        assert not any(wait.done() for wait in waits[2:])
        GATE.set()
        for wait in waits[2:]:
            assert wait.result(30) is None
        with pytest.raises(CancelledError):
            waits[1].result(30)
        until(lambda: lookers() == 0)
        again = client._host.settlement((ids[3], "doubled", ""), 0)
        assert again.result(30) is None


def test_all_who_wait_are_told_when_the_engine_has_gone(tmp_path: Path) -> None:
    path = str(tmp_path / "sums.weft")
    GATE.clear()
    with weft.open(path, types=(Sum,)) as engine, weft.open(path, types=(Sum,)) as client:
        ids = [engine.create(Sum, n=number).id for number in (1, 2)]
        assert isinstance(client._host, Client)
        waits = [client._host.settlement((id, "doubled", ""), 0) for id in ids]
        GATE.set()
        engine.close()
        for wait in waits:  # what was computed before it went counts
            assert isinstance(wait.exception(30), NoEngine | None)
        until(lambda: lookers() == 0)
