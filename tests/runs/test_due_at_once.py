"""What is due at once, or for a run that cannot go on, is taken when that can be, and holds nobody up meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

import weft
from tests.until import until
from weft import Effect, Entity, Field, Run, Running, Settled, Space, field, on
from weft.content import Plain, encode
from weft.driving.driver import TOLD_MAX
from weft.driving.schedules import SHARE
from weft.engine import Engine
from weft.folding import event_id, event_plain
from weft.home import Home
from weft.returned import RunFailed
from weft.steps.due import NEVER_US, DueSteps
from weft.testing.machine import Machine
from weft.testing.virtual_time import START, VirtualTime

WAIT_S = 10.0
REST_S = 0.05
TURNS_AT_REST_MAX = 5


class Sleeper(Entity):
    number: Field[int] = field(default=1)

    @on(Entity.created)
    async def naps(self, run: Run) -> int:
        for _ in range(3):
            await run.sleep(timedelta(0))
        return self.number


class Napper(Entity):
    @on(Entity.created)
    async def naps(self, run: Run) -> str:
        await run.sleep(timedelta(hours=1))
        return "awake"


@dataclass(frozen=True)
class Confirm:
    yes: bool


class Asker(Entity):
    @on(Entity.created)
    async def asks(self, run: Run) -> list[Confirm]:
        soon = timedelta(seconds=1)
        return await run.gather(*(run.ask(name, Confirm, expires=soon) for name in ("one", "two", "three")))


@dataclass(frozen=True)
class Ring(Effect[int]):
    number: int


class Ringer(Entity):
    @on(Entity.created)
    async def rings(self, run: Run) -> int:
        return await run.perform(Ring(1))


class Bells:
    """Carries out what it is asked for, and notes whether anybody waited for it then."""

    effects = (Ring,)

    def __init__(self) -> None:
        self.space: Space | None = None
        self.endings: list[object] = []

    async def carry_out(self, effect: Ring, key: str, /) -> int:
        assert self.space is not None
        self.endings.append(self.space.find(Ringer)[0].rings.state)
        await asyncio.sleep(0.01)
        return effect.number


class OneThatRests(Entity):
    @on(Entity.created)
    async def rests(self, run: Run) -> str:
        await run.sleep(timedelta(seconds=REST_S))
        return "the old code"


class OneThatRestsLonger(Entity):
    @on(Entity.created)
    async def rests(self, run: Run) -> str:
        await run.sleep(timedelta(seconds=REST_S))
        return "the new code"


class OneWithoutRest(Entity):
    """Whose flow is gone."""


class OneThatAsks(Entity):
    @on(Entity.created)
    async def asks(self, run: Run) -> Confirm:
        return await run.ask("sure", Confirm, expires=timedelta(hours=1))


class OneWithoutQuestion(Entity):
    """Whose flow is gone."""


for kind in (OneThatRests, OneThatRestsLonger, OneWithoutRest):
    kind.__name__ = kind.__qualname__ = "Rester"
for each in (OneThatAsks, OneWithoutQuestion):
    each.__name__ = each.__qualname__ = "Doubter"


def turns(space: Space) -> int:
    assert isinstance(space._host, Home)
    return space._host.turns


def goes_on(space: Space) -> bool:
    """Whether the engine does what it is asked for."""
    return space.create(Sleeper, number=7).naps.wait(WAIT_S) == 7


def test_a_sleep_that_is_over_when_it_is_told_is_over_once_it_was_told() -> None:
    with weft.open(types=[Sleeper]) as space:
        assert goes_on(space)


def test_a_sleep_that_is_over_under_another_code_holds_nobody_up(tmp_path: Path) -> None:
    path = str(tmp_path / "space.weft")
    with weft.open(path, types=[OneThatRests, Sleeper]) as space:
        space.create(OneThatRests)
        until(lambda: [one.awaits for one in space.runs()] == [("sleep 0:00:00.050000",)])
    sleep(REST_S)  # so that it is over when others open the space

    for kind in (OneThatRestsLonger, OneWithoutRest):
        with weft.open(path, types=[kind, Sleeper]) as space:
            assert goes_on(space)
            assert [one.stands for one in space.runs()] == ["blocked"]
            sleep(REST_S)
            before = turns(space)
            sleep(REST_S)
            assert turns(space) - before < TURNS_AT_REST_MAX, "nothing is done again and again for it"

    with weft.open(path, types=[OneThatRests, Sleeper]) as space:
        (found,) = space.find(OneThatRests)
        assert found.rests.wait(WAIT_S) == "the old code"


def test_a_question_that_expires_while_its_flow_is_gone_holds_nobody_up(tmp_path: Path) -> None:
    path, later = str(tmp_path / "space.weft"), START + timedelta(days=1)
    with VirtualTime().open(path, types=[OneThatAsks, Sleeper]) as space:
        space.create(OneThatAsks)

    with VirtualTime(later).open(path, types=[OneWithoutQuestion, Sleeper]) as space:
        assert goes_on(space)
        assert [one.stands for one in space.runs()] == ["blocked"]

    with VirtualTime(later).open(path, types=[OneThatAsks, Sleeper]) as space:
        (found,) = space.find(OneThatAsks)
        with pytest.raises(RunFailed, match="Nobody answered"):
            found.asks.wait(WAIT_S)


def test_a_sleep_that_is_over_while_the_disk_is_full_is_over_when_it_is_not() -> None:
    async def program(machine: Machine) -> object:
        async with machine.open([OneThatRests]) as space:
            async with space.edit():
                found = space.create(OneThatRests)
            await asyncio.sleep(0.02)
            machine.disk.refusals = 1
            await asyncio.sleep(10)
            return found.rests.state

    assert Machine(0).run(program) == Settled("the old code")


def test_of_several_questions_that_expire_together_the_first_may_end_their_run() -> None:
    time = VirtualTime()
    with time.open(types=[Asker, Sleeper]) as space:
        asker = space.create(Asker)
        time.advance(space, timedelta(seconds=2))

        with pytest.raises(RunFailed, match="Nobody answered"):
            asker.asks.wait(WAIT_S)
        assert goes_on(space)


def test_what_an_edit_fires_that_was_told_while_nobody_computed_is_told_with_it() -> None:
    async def program(machine: Machine) -> object:
        async with machine.open([Sleeper]) as space:
            if machine.plan.lives > 1:
                (found,) = space.find(Sleeper)
                return await found.naps
        intents: list[Plain] = [["sleeper", "", "create", "Sleeper"], ["sleeper", "number", "set", 5]]
        event = event_plain(event_id("bob", "home"), intents, actor="bob", base=0, time="2026-01-01T00:00:00Z")
        machine.disk.platter.post(encode({"event": event}))
        machine.plan.arm("inbox kept")
        machine.open([Sleeper])
        raise AssertionError("it dies while it opens the space")

    assert Machine(0).run(program) == 5


def test_what_its_run_no_longer_waits_for_when_its_turn_comes_is_not_begun() -> None:
    endings: list[object] = []
    for seed in range(40):
        bells = Bells()

        async def program(machine: Machine, bells: Bells = bells) -> None:
            async with machine.open([Ringer], drivers=[bells]) as space:
                bells.space = space
                async with space.edit():
                    ringer = space.create(Ringer)
                async with space.edit():
                    space.cancel(ringer.rings)
                await asyncio.sleep(1)

        Machine(seed).run(program)
        endings += bells.endings

    assert {type(one) for one in endings} == {Running}
    assert len(endings) < 40, "now and then nobody waits for it any more"


def test_of_many_that_wake_at_one_moment_a_turn_takes_some_and_all_have_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    longest, commit, time, many = 0, Engine.commit, VirtualTime(), 2 * TOLD_MAX

    def counted(engine: Engine) -> None:
        nonlocal longest
        longest = max(longest, len(engine.batch.records))
        commit(engine)

    monkeypatch.setattr(Engine, "commit", counted)
    with time.open(types=[Napper]) as space:
        with space.edit():
            nappers = [space.create(Napper) for _ in range(many)]
        time.rest(space)
        time.now += timedelta(hours=2)
        time.rest(space)

        assert [napper.naps.wait(WAIT_S) for napper in nappers] == ["awake"] * many
    assert longest < TOLD_MAX + 3 * SHARE


def test_of_those_that_came_and_were_left_for_later_those_that_went_on_meanwhile_are_passed_by() -> None:
    time = VirtualTime()
    with time.open(types=[Napper]) as space:
        first, second, third = sorted((space.create(Napper) for _ in range(3)), key=lambda napper: napper.id)
        time.rest(space)
        with space.view() as engine:
            due = DueSteps(engine, "sleep", clock_us=lambda: NEVER_US - 1, wake_in=lambda delay_s: None)
            assert next(due.come())[0][0] == first.id  # the rest is left
        space.cancel(second.naps)
        time.rest(space)

        with space.view():
            assert [run[0] for run, _ in due.come()] == [third.id]
