"""A simulated machine: time that nobody waits for, an order that a seed says, a disk that forgets, programs that live
again."""

from __future__ import annotations

import asyncio
import random

import pytest

from weft import Entity, Field, derive, field
from weft.store import Batch, Fenced, Store
from weft.stores.memory import MemoryStore
from weft.testing.crash import POINTS, Crash, CrashPlan
from weft.testing.late_runner import Lateness
from weft.testing.machine import Machine
from weft.testing.simulated_disk import SimulatedDisk, SimulatedStore
from weft.testing.simulated_loop import OutOfTime, SimulatedLoop, Spins, Stalled
from weft.testing.store_suite import StoreSuite


def loop(seed: int = 0, *, now_s_max: float = 1e6) -> SimulatedLoop:
    return SimulatedLoop(random.Random(seed), now_s_max=now_s_max)


async def ordered(count: int) -> list[int]:
    said: list[int] = []

    async def say(number: int) -> None:
        said.append(number)

    await asyncio.gather(*(say(number) for number in range(count)))
    return said


def test_an_hour_passes_when_nothing_else_is_to_be_done() -> None:
    simulated = loop()
    simulated.run(asyncio.sleep(3600))
    assert simulated.time() == 3600


def test_what_is_ready_runs_in_an_order_that_the_seed_says() -> None:
    orders = {tuple(loop(seed).run(ordered(4))) for seed in range(200)}

    assert len(orders) == 24
    assert loop(7).run(ordered(9)) == loop(7).run(ordered(9))


def test_earlier_timers_come_first_and_those_of_one_moment_in_either_order() -> None:
    async def timed() -> list[str]:
        said: list[str] = []

        async def say(word: str, after_s: float) -> None:
            await asyncio.sleep(after_s)
            said.append(word)

        await asyncio.gather(say("a", 2), say("b", 2), say("first", 1))
        return said

    orders = {tuple(loop(seed).run(timed())) for seed in range(40)}
    assert orders == {("first", "a", "b"), ("first", "b", "a")}


def test_a_wait_for_what_nobody_does_is_named() -> None:
    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        loop().run(forever())


def test_a_wait_that_repeats_for_ever_ends_at_the_limit() -> None:
    async def forever() -> None:
        while True:  # noqa: ASYNC110  it is what is tested
            await asyncio.sleep(1)

    with pytest.raises(OutOfTime):
        loop(now_s_max=100).run(forever())


def test_a_function_for_a_thread_runs_as_a_callback() -> None:
    async def program() -> int:
        return await asyncio.to_thread(lambda: 7)

    assert loop().run(program()) == 7


def test_a_store_can_do_nothing_after_its_life() -> None:
    plan = CrashPlan()
    disk = SimulatedDisk(random.Random(0))
    old = disk.open(plan.begin())
    epoch = old.acquire()
    disk.crash()
    new = disk.open(plan.begin())

    with pytest.raises(Crash):
        old.head()
    assert new.acquire() == epoch + 1
    assert isinstance(disk.platter, MemoryStore)


def test_a_batch_of_an_older_engine_is_not_even_begun() -> None:
    plan = CrashPlan()
    disk = SimulatedDisk(random.Random(0))
    store = disk.open(plan.begin())
    store.acquire()
    with pytest.raises(Fenced):
        store.append(Batch(), epoch=0)
    assert disk.crash() == 0


def doubled(number: int) -> int:
    return 2 * number


class Sum(Entity):
    number: Field[int] = field(default=1)
    double = derive(doubled, number)


async def program(machine: Machine) -> int:
    async with machine.open([Sum]) as space:
        async with space.edit(once="home"):
            made = space.create(Sum, number=1)
        for number in range(4):
            async with space.edit(once=f"number {number}"):
                made.number = number
        return await made.double


@pytest.mark.parametrize("point", ["", *POINTS])
def test_a_program_that_dies_anywhere_comes_to_the_same_end(point: str) -> None:
    for seed in range(3):
        machine = Machine(seed)
        machine.plan.arm(point, 1 + seed)
        assert machine.run(program) == 6
        events = [record for record in machine.disk.platter.records() if record.kind == "event"]
        assert len(events) == 5  # each edit stands once, however often it was told


def test_what_was_not_synced_is_lost_or_whole() -> None:
    survived = set()
    for seed in range(30):
        machine = Machine(seed)
        machine.plan.arm("before commit", 4)
        survived.add(_position_after(machine))
    assert len(survived) == 2


def _position_after(machine: Machine) -> int:
    seen: list[int] = []

    async def twice(machine: Machine) -> None:
        seen.append(machine.disk.platter.head().position)
        await program(machine)

    machine.run(twice)
    return seen[1]


def test_calls_come_late_and_twice_and_the_seed_says_which() -> None:
    def told(seed: int) -> tuple[int, float]:
        machine = Machine(seed, lateness=Lateness(delay_s_max=1.0, twice=0.5))
        machine.run(program)
        return machine.exchange.doubled, machine.loop.time()

    assert told(1) == told(1)
    assert len({told(seed) for seed in range(12)}) > 6


class TestSimulatedStore(StoreSuite):
    """The port, on a disk that is told the truth about syncs."""

    def new_store(self) -> Store:
        plan = CrashPlan()
        return SimulatedDisk(random.Random(0)).open(plan.begin())

    def store_beside(self, store: Store) -> Store:
        assert isinstance(store, SimulatedStore)
        return store.beside()


def test_a_program_that_waits_for_nothing_again_and_again_is_ended() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110  it is what is tested
            await asyncio.sleep(0)

    async def rest() -> None:
        for _ in range(10):
            await asyncio.sleep(1)

    with pytest.raises(Spins, match="100000 callbacks ran at 0 s"):
        loop().run(spin())
    loop().run(rest())
