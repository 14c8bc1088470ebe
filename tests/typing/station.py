"""A weather station, told as an application would write it: flows that ask, wait and act when something changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol, assert_type

from weft import Effect, Entity, Field, Flow, Ref, Run, Secret, Value, derive, field, items, on, ref

Alarm = Literal["calm", "watch", "storm"]


class Model(Protocol):
    """Reads reports."""

    async def judge(self, text: str) -> float: ...


@dataclass(frozen=True)
class Reading:
    wind: float
    place: str


@dataclass(frozen=True)
class Release:
    text: str
    is_urgent: bool = False


@dataclass(frozen=True)
class Radio(Effect[str]):
    text: str
    password: Secret


@dataclass(frozen=True)
class Siren(Effect[None]):
    seconds: int


def strongest(readings: Sequence[Reading]) -> float:
    return max((one.wind for one in readings), default=0.0)


def is_serious(wind: float) -> bool:
    return wind > 20


async def judge(readings: tuple[Reading, ...], hint: str, *, model: Model) -> float:
    return await model.judge(hint)


class Watcher(Entity):
    """Who may act: an actor."""

    actor: Field[str] = field()


class Station(Entity):
    """Readings in, warnings out."""

    name: Field[str] = field()
    chief: Ref[Watcher] = ref()
    alarm: Field[Alarm] = field(default="calm")
    key: Field[Secret] = field(default=Secret("radio"))
    readings = items(Reading)
    wind = derive(strongest, readings)
    serious = derive(is_serious, wind)

    @on(Entity.created)
    async def opened(self, run: Run) -> str:
        release = await run.ask("opening", Release, to=self.chief, remind=timedelta(hours=2))
        return await run.perform(Radio(release.text, self.key), once="opening")

    @on(alarm.becomes("storm") | wind.settles(), guard=serious, actors=chief, overlap="restart")
    async def warn(self, run: Run, *, model: Model) -> float:
        risk = await run.call(judge, tuple(self.readings), self.name)
        assert_type(risk, float)
        await run.sleep(timedelta(minutes=5))
        twin = await run.create(Watcher, actor=f"{self.name} at night")
        assert_type(twin, Watcher)
        self.alarm = "watch"
        return max(risk, await self.wind)

    @on(readings.changes(), overlap="skip")
    def sound(self) -> Iterator[Effect[None]]:
        yield Siren(3)


def use(station: Station) -> None:
    assert_type(Station.warn, Flow[float])
    assert_type(Station.sound, Flow[None])
    assert_type(station.warn, Value[float])
    assert_type(station.key, Secret)


async def follow(station: Station) -> str:
    assert_type(await station.warn, float)
    return await station.opened
