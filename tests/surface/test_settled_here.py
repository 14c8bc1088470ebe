"""What an edit makes due is settled on the thread that edits where that is little and quick, and kept with the edit."""

from __future__ import annotations

import asyncio
import decimal
import threading
from collections.abc import Callable, Iterator

import pytest

import weft
from tests import ctrl_c
from tests.until import until
from weft import Debounce, Entity, Field, Space, derive, field, items, op
from weft.definition import compile_type
from weft.folding import event_plain
from weft.home import Home, InsideOperation
from weft.pump import RESULTS_HERE_MAX, Pump
from weft.slot import SlotKey
from weft.store import ATTEMPT, Batch, StoreFailed
from weft.stores.memory import MemoryStore

LIMIT_S = 30.0
acts: dict[int, Callable[[], object]] = {}
"""What the operation does when it comes to a number, once each."""
threads: list[threading.Thread] = []
sent: list[int] = []


@op(runner="inline")
def doubled(number: int) -> int:
    threads.append(threading.current_thread())
    acts.pop(number, lambda: None)()
    return number * 2


@op(runner="thread")
def far(number: int) -> int:
    sent.append(number)
    return number * 3


class Few(Entity):
    number: Field[int] = field()
    twice = derive(doubled, number)


class Many(Entity):
    numbers = items(int)
    twice = numbers.each(doubled)


class Far(Entity):
    number: Field[int] = field()
    thrice = derive(far, number, eager=True)


class Late(Entity):
    number: Field[int] = field()
    twice = derive(doubled, number, debounce=Debounce(quiet_s=0.01, at_most_s=0.02))


CHAIN = 2 * RESULTS_HERE_MAX


class Long(Entity):
    number: Field[int] = field(default=0)
    node0 = derive(doubled, number)
    for _number in range(1, CHAIN):
        vars()[f"node{_number}"] = derive(doubled, vars()[f"node{_number - 1}"])


class CountingStore(MemoryStore):
    """Keeps what each batch held: how many events, and how many results."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, int]] = []
        self.is_full = False

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.is_full:
            self.is_full = False
            raise StoreFailed(path="memory", why="the disk is full")
        super().append(batch, epoch=epoch)
        results = sum(record.span for record in batch.records if record.kind == "computed")
        self.batches.append((sum(record.kind == "event" for record in batch.records), results))


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def space(store: CountingStore) -> Iterator[Space]:
    acts.clear()
    threads.clear()
    sent.clear()
    specs = {kind.__name__: compile_type(kind) for kind in (Few, Many, Long, Far, Late)}
    with Space(store, specs, services={}, actor="local") as space:
        yield space


def pump_of(space: Space) -> Pump:
    """The pump, once its loop has nothing to do."""
    assert isinstance(space._host, Home)
    pump = space._host._running()
    until(lambda: pump._is_idle)
    return pump


def test_what_an_edit_makes_due_is_kept_by_the_commit_of_the_edit(space: Space, store: CountingStore) -> None:
    few = space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump_of(space)
    store.batches.clear()
    threads.clear()

    few.number = 5

    assert store.batches == [(1, 1)]
    assert threads == [threading.current_thread()]
    assert few.twice.wait(LIMIT_S) == 10


def test_of_a_long_chain_the_edit_settles_the_beginning_and_the_loop_the_rest(
    space: Space, store: CountingStore
) -> None:
    long = space.create(Long)
    with space.watch(getattr(long, f"node{CHAIN - 1}")):
        space.wait_settled(timeout_s=LIMIT_S)
        pump_of(space)
        store.batches.clear()
        threads.clear()

        long.number = 5

        assert store.batches[0] == (1, RESULTS_HERE_MAX)
        space.wait_settled(timeout_s=LIMIT_S)
    assert sum(results for _, results in store.batches) == CHAIN
    assert len(set(threads)) == 2


def test_what_is_much_at_once_is_left_to_the_loop(space: Space, store: CountingStore) -> None:
    many = space.create(Many)
    with space.watch(many.twice):
        pump_of(space)
        store.batches.clear()
        threads.clear()

        with space.edit():
            for number in range(RESULTS_HERE_MAX * 2):
                many.numbers.add(number)

        assert store.batches[0] == (1, 0)
        space.wait_settled(timeout_s=LIMIT_S)
    assert sum(results for _, results in store.batches) == RESULTS_HERE_MAX * 2
    assert threading.current_thread() not in threads
    assert len(set(threads)) == 1


def test_a_call_that_goes_elsewhere_is_sent_by_the_loop(space: Space) -> None:
    made = space.create(Far, number=1)
    assert made.thrice.wait(LIMIT_S) == 3
    pump_of(space)

    made.number = 2

    assert made.thrice.wait(LIMIT_S) == 6
    assert sent == [1, 2]


def test_a_call_that_was_begun_by_an_edit_is_sent_though_the_loops_next_turn_is_refused(
    space: Space, store: CountingStore
) -> None:
    made, few = space.create(Far, number=1), space.create(Few, number=1)
    assert made.thrice.wait(LIMIT_S) == 3
    pump = pump_of(space)
    with space.view():  # the loop's next turn waits for this, and what is put down meanwhile comes with it
        made.number = 2
        store.is_full = True
        refused = pump.submit(lambda: pump.engine.tell_retry(SlotKey(few.id, "twice", "")))
    with pytest.raises(StoreFailed):
        refused.result(LIMIT_S)

    assert made.thrice.wait(LIMIT_S) == 6
    pump_of(space)
    with space.view() as engine:
        assert list(engine.rows(ATTEMPT)) == [], "whoever was sent has answered, and nobody else was begun"


def test_a_pause_that_begins_on_another_thread_is_kept_by_the_loop(space: Space) -> None:
    late = space.create(Late, number=1)
    assert late.twice.wait(LIMIT_S) == 2
    pump = pump_of(space)
    assert pump._loop is not None
    pump._loop.set_debug(True)  # it refuses timers of other threads

    late.number = 2

    assert late.twice.wait(LIMIT_S) == 4


def test_an_operation_that_edits_is_refused_there_too(space: Space) -> None:
    few = space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump_of(space)
    why: list[BaseException] = []

    def edit() -> None:
        try:
            few.number = 7
        except InsideOperation as refused:
            why.append(refused)

    acts[5] = edit
    few.number = 5

    assert few.twice.wait(LIMIT_S) == 10
    assert len(why) == 1


def test_an_interrupt_of_what_an_edit_made_due_leaves_neither(space: Space) -> None:
    few = space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump_of(space)

    def edit() -> None:
        acts[5] = ctrl_c.press
        few.number = 5

    with pytest.raises(KeyboardInterrupt):
        edit()

    assert few.number == 1
    few.number = 6
    assert few.twice.wait(LIMIT_S) == 12


def test_what_the_caller_has_set_for_his_own_work_is_not_for_what_is_computed_there(space: Space) -> None:
    few = space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump_of(space)
    seen: list[int] = []
    acts[5] = lambda: seen.append(decimal.getcontext().prec)

    with decimal.localcontext() as mine:
        mine.prec += 3
        few.number = 5

    assert seen == [decimal.getcontext().prec]


def test_another_threads_edit_is_not_part_of_what_is_interrupted_here(space: Space) -> None:
    few, other = space.create(Few, number=1), space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump = pump_of(space)
    event = event_plain("x", [[other.id, "number", "set", 9]], actor="b", base=0, time="")
    with space.view():  # the loop waits meanwhile
        theirs = pump.submit(lambda: pump.engine.tell(event))
        with pytest.raises(KeyboardInterrupt):
            pump._turn_here(ctrl_c.press)
        assert [future for _, future in pump.submitted] == [theirs]

    assert isinstance(theirs.result(LIMIT_S), int)
    assert other.number == 9


def test_an_operation_that_closes_its_space_is_refused_at_once(space: Space) -> None:
    few = space.create(Few, number=1)
    assert few.twice.wait(LIMIT_S) == 2
    pump_of(space)
    why: list[BaseException] = []

    def close() -> None:
        try:
            space.close()
        except InsideOperation as refused:
            why.append(refused)

    acts[5] = close
    few.number = 5

    assert few.twice.wait(LIMIT_S) == 10
    assert [str(each)[:8] for each in why] == ["close() "]


def test_in_an_async_space_too_an_operation_changes_nothing_of_the_space_that_computes_it() -> None:
    why: list[BaseException] = []

    async def program() -> int:
        async with weft.open(types=[Few, Far]) as space:

            def meddle() -> None:
                for act in (lambda: space.define(Many), lambda: space.forget(few.id), lambda: space.pin(Few)):
                    try:
                        act()
                    except InsideOperation as refused:
                        why.append(refused)

            async with space.edit():
                few = space.create(Few, number=1)
            assert await few.twice == 2
            acts[5] = meddle
            async with space.edit():
                few.number = 5
            return await few.twice

    acts.clear()
    assert asyncio.run(program()) == 10
    assert len(why) == 3
