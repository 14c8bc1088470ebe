"""An edit made while the engine rests is made on the thread that asks; what breaks it there breaks that alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests import ctrl_c
from weft import Entity, Space, fold
from weft.definition import compile_type
from weft.home import InsideOperation
from weft.reduce import Refused
from weft.store import Batch, StoreFailed
from weft.stores.memory import MemoryStore

LIMIT_S = 30.0
acts: dict[int, Callable[[], object]] = {}
"""What the fold does when it comes to a number, once each."""


@dataclass(frozen=True)
class Said:
    number: int


def add(total: int, said: Said) -> int:
    acts.pop(said.number, lambda: None)()
    return total + said.number


class Tally(Entity):
    total = fold(0).on(Said, add)


class FussyStore(MemoryStore):
    """Raises `fails`, once, instead of writing."""

    fails: BaseException | None = None

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        fails, self.fails = self.fails, None
        if fails is not None:
            raise fails
        super().append(batch, epoch=epoch)


@pytest.fixture
def store() -> FussyStore:
    return FussyStore()


@pytest.fixture
def space(store: FussyStore) -> Iterator[Space]:
    acts.clear()
    with Space(store, {"Tally": compile_type(Tally)}, services={}, actor="local") as space:
        yield space


@pytest.fixture
def tally(space: Space) -> Tally:
    made = space.create(Tally)
    rest(space)
    return made


def rest(space: Space) -> None:
    """Wait until the engine's own thread has nothing to do."""
    pump = space._host._pump  # type: ignore[union-attr]
    assert pump is not None
    for _ in range(int(LIMIT_S / 0.01)):
        if pump._is_idle:
            return
        threading.Event().wait(0.01)
    raise AssertionError("the engine does not come to rest")


def test_it_is_folded_on_the_thread_that_asks_and_durable_on_return(tally: Tally, store: FussyStore) -> None:
    threads: list[threading.Thread] = []
    acts[3] = lambda: threads.append(threading.current_thread())

    tally.tell(Said(3))

    assert threads == [threading.current_thread()]
    assert store.head().position == 3
    assert tally.total == 3


def test_a_fold_that_edits_is_refused_as_it_is_on_the_engines_thread(tally: Tally) -> None:
    why: list[BaseException] = []

    def edit() -> None:
        try:
            tally.tell(Said(4))
        except InsideOperation as refused:
            why.append(refused)

    acts[3] = edit
    tally.tell(Said(3))

    assert len(why) == 1
    assert tally.total == 3


def test_a_fold_that_raises_refuses_the_edit_alone(tally: Tally, space: Space) -> None:
    acts[3] = lambda: 1 // 0

    with pytest.raises(Refused, match="ZeroDivisionError"):
        tally.tell(Said(3))

    rest(space)
    tally.tell(Said(4))
    assert tally.total == 4


def interrupt() -> None:
    ctrl_c.press()


def test_an_interrupt_in_the_middle_of_it_leaves_nothing_and_the_space_goes_on(tally: Tally, space: Space) -> None:
    def edit() -> None:
        with space.edit():
            tally.tell(Said(1))
            tally.tell(Said(2))
            acts[2] = interrupt  # from here on: the edit was looked at once already

    with pytest.raises(KeyboardInterrupt):
        edit()

    assert tally.total == 0
    rest(space)
    tally.tell(Said(4))
    assert tally.total == 4
    assert space.wait_settled(timeout_s=LIMIT_S) == space.position


def test_an_interrupt_of_the_write_leaves_nothing_either(tally: Tally, space: Space, store: FussyStore) -> None:
    store.fails = KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt):
        tally.tell(Said(3))

    assert tally.total == 0
    tally.tell(Said(4))
    assert tally.total == 4


def test_a_loop_that_wakes_while_memory_is_read_anew_takes_it_for_no_break(
    tally: Tally, space: Space, store: FussyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump, is_awake = space._host._pump, threading.Event()  # type: ignore[union-attr]
    assert pump is not None
    assert pump._loop is not None
    loop, read_anew = pump._loop, pump._read_anew

    def slowly() -> None:
        loop.call_soon_threadsafe(is_awake.set)
        pump.ring()
        assert is_awake.wait(LIMIT_S)
        time.sleep(0.05)  # the loop is at its next step by now, and waits for its turn
        read_anew()

    monkeypatch.setattr(pump, "_read_anew", slowly)
    store.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        tally.tell(Said(3))

    tally.tell(Said(4))
    assert tally.total == 4


def test_a_store_that_refuses_is_heard_where_the_edit_was_made(tally: Tally, space: Space, store: FussyStore) -> None:
    store.fails = StoreFailed(path="memory", why="the disk is full")

    with pytest.raises(StoreFailed, match="the disk is full"):
        tally.tell(Said(3))

    assert tally.total == 0
    tally.tell(Said(4))
    assert tally.total == 4


def test_what_breaks_the_engine_breaks_it_for_everybody(tally: Tally, space: Space, store: FussyStore) -> None:
    store.fails = ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        tally.tell(Said(3))

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            tally.tell(Said(4))
