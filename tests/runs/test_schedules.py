"""Schedules fire each of their times once, whoever computes the space then, and what was missed as they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_module
from weft import Entity, Field, Run, Space, field, items, on
from weft.definition import WrongDefinition
from weft.driving.schedules import FIRED_MAX
from weft.engine import Engine
from weft.reduce import Refused
from weft.testing.virtual_time import VirtualTime

require_module("cronsim")
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Digest(Entity):
    is_wanted: Field[bool] = field(default=True)
    last = items(str)
    each = items(str)
    never = items(str)

    @on(Entity.scheduled("0 8 * * *"))
    async def daily(self, run: Run) -> None:
        self.last.add(shown(run))

    @on(Entity.scheduled("0 8 * * *", missed="all"))
    async def every(self, run: Run) -> None:
        self.each.add(shown(run))

    @on(Entity.scheduled("0 8 * * *", missed="none"))
    async def punctual(self, run: Run) -> None:
        self.never.add(shown(run))


class OnBoth(Entity):
    """Fires by the clock, and by an edit."""

    wanted: Field[int] = field(default=0)
    log = items(str)

    @on(wanted.changes() | Entity.scheduled("0 8 * * *"))
    async def go(self, run: Run) -> None:
        self.log.add(f"by the clock, {shown(run)}" if run.moment is not None else f"wanted {self.wanted}")


def shown(run: Run) -> str:
    assert run.moment is not None
    return f"{run.moment:%d %H:%M}"


class Ticks(Entity):
    count: Field[int] = field(default=0)

    @on(Entity.scheduled("* * * * *"))
    async def tick(self, run: Run) -> None:
        self.count = self.count + 1


class Hours:
    """A clock, and a space that is opened and closed under it."""

    def __init__(self, path: str) -> None:
        self.path, self.time = path, VirtualTime(NOON)
        self.space = self.opened()

    def opened(self) -> Space:
        return self.time.open(self.path, types=[Digest]).__enter__()

    def pass_by(self, by: timedelta) -> None:
        self.time.advance(self.space, by)

    def sleep(self, by: timedelta) -> None:
        """Nobody computes the space for so long."""
        self.space.close()
        self.time.now += by
        self.space = self.opened()
        self.pass_by(timedelta(0))

    @property
    def digest(self) -> Digest:
        return self.space.find(Digest)[0]

    def fired(self) -> tuple[list[str], list[str], list[str]]:
        return [*self.digest.last], [*self.digest.each], [*self.digest.never]


@pytest.fixture
def hours(tmp_path: Path) -> Iterator[Hours]:
    hours = Hours(str(tmp_path / "space.weft"))
    hours.space.create(Digest)
    yield hours
    hours.space.close()


def test_each_time_fires_once(hours: Hours) -> None:
    hours.pass_by(19 * HOUR)
    assert hours.fired() == ([], [], [])
    hours.pass_by(2 * HOUR)
    assert hours.fired() == (["02 08:00"],) * 3

    hours.pass_by(2 * DAY)

    assert hours.fired() == (["02 08:00", "03 08:00", "04 08:00"],) * 3


def test_an_edit_that_fires_is_not_lost_where_a_time_comes_in_the_same_turn() -> None:
    time = VirtualTime(NOON)
    with time.open(types=[OnBoth]) as space:
        one = space.create(OnBoth)
        time.rest(space)
        for number in (1, 2, 3):
            with space.edit():
                one.wanted = number
                time.now += DAY  # whichever turn takes the edit sees that it is time
            time.rest(space)

        by_clock = [f"by the clock, {day:02} 08:00" for day in (2, 3, 4)]
        assert sorted(one.log) == [*by_clock, "wanted 1", "wanted 2", "wanted 3"]


@pytest.mark.parametrize("restarts", [1, 3])
def test_what_nobody_was_there_for_fires_as_it_says(hours: Hours, restarts: int) -> None:
    hours.pass_by(DAY)
    for _ in range(restarts):
        hours.sleep(3 * DAY / restarts)
    hours.pass_by(timedelta(0))

    last, each, never = hours.fired()
    assert each == ["02 08:00", "03 08:00", "04 08:00", "05 08:00"]
    assert last == (["02 08:00", "05 08:00"] if restarts == 1 else each)
    assert never == ["02 08:00"]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_clock_that_is_wrong_for_a_moment_silences_no_schedule(hours: Hours, is_open: bool) -> None:
    hours.pass_by(DAY)
    hours.time.now += 30 * DAY
    hours.pass_by(timedelta(0))
    if is_open:  # somebody sets it right
        hours.time.now -= 30 * DAY
    else:
        hours.sleep(-30 * DAY)

    hours.pass_by(2 * DAY)

    assert [day for day in hours.fired()[0] if day != "01 08:00"] == ["02 08:00", "03 08:00", "04 08:00"]


def test_a_schedule_is_paused_and_goes_on_with_what_it_missed(hours: Hours) -> None:
    hours.space.pause(hours.digest.daily)
    hours.pass_by(2 * DAY)
    hours.sleep(DAY)
    assert hours.fired()[0] == []

    hours.space.unpause(hours.digest.daily)
    hours.pass_by(timedelta(0))
    assert hours.fired()[0] == ["04 08:00"]
    hours.pass_by(DAY)
    assert hours.fired()[0] == ["04 08:00", "05 08:00"]


def test_times_are_filled_in_but_for_those_that_fired(hours: Hours) -> None:
    hours.pass_by(DAY)

    hours.space.backfill(hours.digest.daily, NOON - 2 * DAY, NOON + 2 * DAY)
    hours.pass_by(timedelta(0))
    assert sorted(hours.fired()[0]) == ["01 08:00", "02 08:00", "03 08:00", "31 08:00"]

    hours.pass_by(DAY)
    assert sorted(hours.fired()[0]) == ["01 08:00", "02 08:00", "03 08:00", "31 08:00"], "it was filled in before"


def test_many_missed_times_fire_over_several_turns(hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.driving.schedules.FIRED_MAX", 2)
    hours.sleep(7 * DAY)
    hours.space.backfill(hours.digest.daily, NOON, NOON + 7 * DAY)
    hours.pass_by(timedelta(0))

    assert len(hours.fired()[1]) == 7
    assert sorted(hours.fired()[0]) == [f"0{day} 08:00" for day in range(2, 9)]


def test_entities_that_were_there_before_their_type_had_a_schedule_get_it(tmp_path: Path) -> None:
    def declared(*, has_schedule: bool) -> Any:
        if has_schedule:

            class New(Entity):
                log = items(str)

                @on(Entity.scheduled("@daily"))
                async def daily(self, run: Run) -> None:
                    self.log.add(shown(run))

            kind: Any = New
        else:

            class Old(Entity):
                log = items(str)

            kind = Old
        kind.__name__ = kind.__qualname__ = "Diary"
        return kind

    time, path = VirtualTime(NOON), str(tmp_path / "space.weft")
    with time.open(path, types=[declared(has_schedule=False)]) as space:
        space.create(declared(has_schedule=False))
    kind = declared(has_schedule=True)
    with time.open(path, types=[kind]) as space:
        time.advance(space, DAY)
        assert [*space.find(kind)[0].log] == ["02 00:00"]
    with time.open(path, types=[declared(has_schedule=False)]) as space:
        space.wait_settled(timeout_s=30)
        assert space.runs() == [], "a schedule that is gone for now fires nothing, and harms nobody"
    with time.open(path, types=[kind]) as space:
        time.advance(space, DAY)
        assert [*space.find(kind)[0].log] == ["02 00:00", "03 00:00"]


def test_what_is_no_schedule_is_refused_where_it_is_declared() -> None:
    with pytest.raises(WrongDefinition, match="61"):

        class Wrong(Entity):
            @on(Entity.scheduled("61 8 * * *"))
            async def daily(self, run: Run) -> None: ...

    with pytest.raises(TypeError, match=r"takes a cron expression as text, such as '0 8 [*] [*] 1-5', not 5"):
        Entity.scheduled(5)  # type: ignore[arg-type]

    with pytest.raises(WrongDefinition, match="a schedule has none"):

        class Whose(Entity):
            owner: Field[str] = field(default="ann")

            @on(Entity.scheduled("@daily"), actors=owner)
            async def daily(self, run: Run) -> None: ...

    with pytest.raises(ValueError, match="missed is"):
        Entity.scheduled("@daily", missed="some")  # type: ignore[arg-type]


def test_what_cannot_be_said_of_a_schedule_is_refused(hours: Hours) -> None:
    class Plain(Entity):
        @on(Entity.created)
        async def greet(self, run: Run) -> None: ...

    plain = hours.space.create(Plain)
    with pytest.raises(Refused, match="it has no schedule"):
        hours.space.pause(plain.greet)
    with pytest.raises(ValueError, match="is no time"):
        hours.space.backfill(hours.digest.daily, NOON, NOON - DAY)


def test_thousands_of_times_are_filled_in_over_many_turns_between_which_others_have_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    longest, commit, time = 0, Engine.commit, VirtualTime(NOON)

    def counted(engine: Engine) -> object:
        nonlocal longest
        longest = max(longest, len(engine.batch.records))
        return commit(engine)

    monkeypatch.setattr(Engine, "commit", counted)
    with time.open(types=[Ticks]) as space:
        ticks = space.create(Ticks)
        time.rest(space)

        space.backfill(ticks.tick, NOON - timedelta(minutes=3 * FIRED_MAX), NOON)
        time.rest(space)

        assert ticks.count == 3 * FIRED_MAX + 1
    assert longest < 2 * FIRED_MAX
