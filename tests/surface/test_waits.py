"""What a wait for everything ends with, where it cannot end well."""

from __future__ import annotations

import threading
from typing import Protocol

import pytest

import weft
from weft import Entity, Field, NodeFailed, Space, derive, field, op
from weft.attempt import NotOffered
from weft.definition import compile_type
from weft.store import Batch
from weft.stores.memory import MemoryStore

LIMIT_S = 20.0
may_end = threading.Event()


class Shop(Protocol):
    def price(self, name: str) -> int:
        """What it costs."""
        ...


def priced(name: str, *, shop: Shop) -> int:
    return shop.price(name)


def shout(name: str) -> str:
    return name.upper()


@op(timeout_s=1.5)
def hang(number: int) -> int:
    if number == 5:
        assert may_end.wait(LIMIT_S)
    return number


class Book(Entity):
    name: Field[str] = field(default="momo")
    price = derive(priced, name)
    loud = derive(shout, name)


class Slow(Entity):
    number: Field[int] = field(default=0)
    same = derive(hang, number)


class BrokenStore(MemoryStore):
    """Breaks once it is told to."""

    is_broken = False

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.is_broken:
            raise ZeroDivisionError("a defect")
        super().append(batch, epoch=epoch)


def test_it_ends_when_the_engine_breaks_meanwhile() -> None:
    store, ended = BrokenStore(), list[str]()
    with Space(store, {"Slow": compile_type(Slow)}, services={}, actor="local") as space:
        slow = space.create(Slow, number=5)
        space.watch(slow.same)

        def wait() -> None:
            try:
                space.wait_settled(timeout_s=LIMIT_S)
            except ZeroDivisionError as why:
                ended.append(type(why).__name__)

        waiting = threading.Thread(target=wait)
        waiting.start()
        pump = space._host._pump  # type: ignore[union-attr]
        assert pump is not None
        while not pump.waiters:
            waiting.join(0.001)
        store.is_broken = True
        with pytest.raises(ZeroDivisionError):
            slow.number = 6
        waiting.join(LIMIT_S / 2)
        may_end.set()
        waiting.join()
    may_end.clear()

    assert ended == ["ZeroDivisionError"]


def test_it_names_what_is_not_offered_here_when_all_else_is_done() -> None:
    with weft.open(types=[Book]) as space:
        book = space.create(Book)
        space.watch(book.loud)
        space.wait_settled(timeout_s=LIMIT_S)

        space.watch(book.price)

        with pytest.raises(NotOffered, match=r"price cannot be computed by this program: .*needs Shop"):
            space.wait_settled(timeout_s=LIMIT_S)
        assert book.loud.wait(LIMIT_S) == "MOMO"


def test_a_bound_on_its_time_is_kept_however_quick_a_function_was_before() -> None:
    with weft.open(types=[Slow]) as space:
        slow = space.create(Slow)
        for number in range(5):
            slow.number = number
            assert slow.same.wait(LIMIT_S) == number

        slow.number = 5
        try:
            with pytest.raises(NodeFailed, match="TimedOut"):
                slow.same.wait(LIMIT_S)
        finally:
            may_end.set()
