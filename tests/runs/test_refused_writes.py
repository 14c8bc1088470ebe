"""A store that refuses writes for a while: no engine has ended, and what was known of effects is known still."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest

from tests.until import until
from weft import Effect, Entity, Field, Run, Space, field, on, pump
from weft.definition import compiled_types, unique_types
from weft.driver import Driver
from weft.driving.drive import drive
from weft.driving.driver import RECOVERIES_MAX
from weft.flow import WhenInDoubt
from weft.store import Batch, Fenced, StoreFailed
from weft.stores.memory import MemoryStore

WAIT_S = 30.0


class FussyStore(MemoryStore):
    """Refuses what it is told to."""

    refuses = 0
    """So many writes more."""

    def append(self, batch: Batch, /, *, epoch: int) -> None:
        if self.refuses and batch.records:
            self.refuses -= 1
            raise StoreFailed(path="memory", why="the disk is full")
        super().append(batch, epoch=epoch)


@dataclass(frozen=True)
class Send(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "ask"
    text: str


@dataclass(frozen=True)
class Launch(Effect[str]):
    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"
    text: str


@dataclass(frozen=True)
class Answer:
    by: str


class Outside:
    effects: tuple[type[Effect[Any]], ...] = (Send, Launch)

    def __init__(self) -> None:
        self.done: list[str] = []
        self.refuses_next: FussyStore | None = None
        self.goes_on = True
        self.fails = False

    async def carry_out(self, effect: Send | Launch, key: str, /) -> str:
        self.done.append(effect.text)
        while not self.goes_on:  # noqa: ASYNC110  another thread lets it go on
            await asyncio.sleep(0.001)
        if self.refuses_next is not None:
            self.refuses_next.refuses, self.refuses_next = 1, None
        if self.fails:
            raise TimeoutError("the line is dead")
        return f"sent {effect.text}"


class Worker(Entity):
    kind: Field[str] = field(default="send")
    noted: Field[int] = field(default=0)

    @on(Entity.created)
    async def work(self, run: Run) -> str:
        text = "hello"
        return await run.perform(Send(text) if self.kind == "send" else Launch(text))


class Place:
    def __init__(self) -> None:
        self.store, self.outside = FussyStore(), Outside()
        self.space = Space(
            self.store,
            compiled_types([Worker]),
            services={},
            actor="ann",
            drive=partial(drive, drivers=[self.outside]),
        )
        self.space._host.kinds |= unique_types([Worker])
        self.space.__enter__()

    def refuse_an_edit(self, worker: Worker) -> None:
        """An edit is refused; then one is not, as the disk has room again."""
        self.store.refuses = 1
        with pytest.raises(StoreFailed):
            worker.noted += 1
        until(lambda: self._is_kept(worker))

    def _is_kept(self, worker: Worker) -> bool:
        try:
            worker.noted += 1
        except StoreFailed:
            return False
        return True


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(pump, "STALL_S", 0.001)
    place = Place()
    yield place
    place.space.close()


@pytest.mark.parametrize("kind", ["send", "launch"])
def test_an_effect_that_is_under_way_while_writes_are_refused_is_in_no_doubt(place: Place, kind: str) -> None:
    place.outside.goes_on = False
    worker = place.space.create(Worker, kind=kind)
    until(lambda: place.outside.done == ["hello"])

    for _ in range(RECOVERIES_MAX + 2):
        place.refuse_an_edit(worker)
    assert place.space.questions() == []
    place.outside.goes_on = True

    assert worker.work.wait(WAIT_S) == "sent hello"
    assert place.outside.done == ["hello"]


@pytest.mark.parametrize("kind", ["send", "launch"])
def test_a_receipt_that_could_not_be_kept_at_first_is_kept_then(place: Place, kind: str) -> None:
    place.outside.refuses_next = place.store

    worker = place.space.create(Worker, kind=kind)

    assert worker.work.wait(WAIT_S) == "sent hello"
    assert place.outside.done == ["hello"]
    assert place.store.refuses == 0


def test_a_doubt_that_could_not_be_kept_at_first_is_kept_then(place: Place) -> None:
    place.outside.refuses_next, place.outside.fails = place.store, True

    place.space.create(Worker)

    until(lambda: [one.name for one in place.space.questions()] == ["Send"])
    assert "the line is dead" in place.space.questions()[0].doubt
    assert place.outside.done == ["hello"]


class Sleeper(Entity):
    @on(Entity.created)
    async def sleep(self, run: Run) -> str:
        await run.sleep(timedelta(hours=1))
        return "slept"

    @on(Entity.created)
    async def ask(self, run: Run) -> str:
        return (await run.ask("whether", Answer, expires=timedelta(hours=1), default=Answer("nobody"))).by


def test_what_is_over_in_a_turn_that_was_refused_is_over_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "STALL_S", 0.001)
    now, store = datetime(2026, 1, 1, tzinfo=UTC), FussyStore()
    times = [now]
    drivers: list[Driver[Any]] = []
    space = Space(
        store,
        compiled_types([Sleeper]),
        services={},
        actor="ann",
        now=lambda: times[0].isoformat(),
        drive=partial(drive, drivers=drivers),
    )
    space._host.kinds |= unique_types([Sleeper])
    with space:
        sleeper = space.create(Sleeper)
        until(lambda: sorted(run.awaits for run in space.runs()) == [("ask whether",), ("sleep 1:00:00",)])

        store.refuses, times[0] = 1, now + timedelta(hours=2)

        assert sleeper.sleep.wait(WAIT_S) == "slept"
        assert sleeper.ask.wait(WAIT_S) == "nobody"
        assert store.refuses == 0


def test_an_engine_that_was_taken_over_while_it_could_not_write_sends_nothing_more_and_ends(place: Place) -> None:
    sent: list[str] = []
    store, other = place.store, MemoryStore(beside=place.store)

    def refuse_and_be_taken_over(batch: Batch, /, *, epoch: int) -> None:
        store._space.holder = None
        other.acquire()
        raise StoreFailed(path="memory", why="the disk is full")

    place.outside.goes_on = False
    worker = place.space.create(Worker)
    until(lambda: place.outside.done == ["hello"])
    runs = place.space._host._running().runs  # type: ignore[union-attr]
    for carrier in runs._carriers.values():  # type: ignore[union-attr]
        carrier.send = lambda *said, **more: sent.append(str(said))  # it is given to nobody from here on
    store.append = refuse_and_be_taken_over  # type: ignore[method-assign]
    with pytest.raises(StoreFailed):
        worker.noted += 1

    until(lambda: failure_of(place) is not None)
    assert isinstance(failure_of(place), Fenced)
    assert sent == []


def failure_of(place: Place) -> BaseException | None:
    """What ended the engine."""
    pump = place.space._host._pump  # type: ignore[union-attr]
    return None if pump is None else pump.failure
