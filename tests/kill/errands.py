"""Flows of every shape, as they stand in the space that is killed: what each comes to follows from its number alone.

An entity's flow asks, sleeps, calls, performs, begins others, is continued, or is cancelled; each slice of it edits
something, so that one which was told twice would show. `EXPECTED` says what they come to in the end.

Knows nothing of kills. Invariant: no flow comes to something else because it was taken up again, but for an effect in
doubt, of which its class says what may become of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from tests.kill.receiver import Try, receive, received
from weft import Effect, Entity, Field, Run, derive, field, items, op
from weft import on as when
from weft.driver import InDoubt
from weft.flow import WhenInDoubt
from weft.operation import Retry

RECEIVED = "WEFT_TEST_RECEIVED"
"""Names the file of the receiver."""
MOMENT = timedelta(milliseconds=1)
YEAR = timedelta(days=365)
ROUNDS_OF_A_TALLY = 3


@dataclass(frozen=True)
class Reply:
    """What is answered: by whom, and to which question."""

    by: str
    to: str


@dataclass(frozen=True)
class Mail(Effect[str]):
    """In doubt, it is asked about."""

    when_in_doubt: ClassVar[WhenInDoubt] = "ask"
    number: int


@dataclass(frozen=True)
class Ship(Effect[str]):
    """In doubt, it is tried again."""

    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    number: int


@dataclass(frozen=True)
class Launch(Effect[str]):
    """In doubt, it is left at that."""

    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"
    number: int


EFFECTS: tuple[type[Effect[Any]], ...] = (Mail, Ship, Launch)


class Courier:
    """Carries effects to the receiver, and says where a program may die meanwhile."""

    effects = EFFECTS

    def __init__(self, on_point: Callable[[str], None] = lambda name: None) -> None:
        self._point = on_point

    async def carry_out(self, effect: Mail | Ship | Launch, key: str, /) -> str:
        """A receipt that is the same however often it was tried, as of receivers that honour keys."""
        self._point("effect begun")
        receive(os.environ[RECEIVED], Try(type(effect).__name__, effect.number, key))
        self._point("effect received")
        return receipt(type(effect), effect.number)


def receipt(kind: type[Effect[Any]], number: int) -> str:
    """What is on the receipt of an effect."""
    return f"{kind.__name__} {number}"


def double(number: int) -> int:
    return 2 * number


@op(retry=Retry(attempts=9, delay_s=0.001))
def weigh(number: int) -> int:
    """Breaks the first two times that it is called for a number, in whichever program."""
    this = Try("weigh", number, "")
    receive(os.environ[RECEIVED], this)
    if received(os.environ[RECEIVED]).count(this) <= 2:
        raise ValueError("the scales are not at rest")
    return 3 * number


class Letter(Entity):
    """Is sent when its status becomes that, if somebody says so."""

    number: Field[int] = field()
    status: Field[str] = field(default="draft")
    log = items(str)

    @when(status.becomes("sent"))
    async def send(self, run: Run) -> str:
        reply = await run.ask(f"send {self.number}", Reply, about=self.number)
        self.log.add("asked")
        await run.sleep(MOMENT)
        self.log.add("slept")
        try:
            came = await run.perform(Mail(self.number))
        except InDoubt:
            came = "left"
        self.log.add("mailed")
        return f"{reply.to}: {came}"


class Parcel(Entity):
    """Is weighed, which breaks at first, and shipped."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def post(self, run: Run) -> str:
        weight = await run.call(weigh, self.number)
        self.log.add("weighed")
        came = await run.perform(Ship(self.number))
        self.log.add("shipped")
        return f"{weight}: {came}"


class Rocket(Entity):
    """Is launched, once at most."""

    number: Field[int] = field()
    doubled = derive(double, number)
    log = items(str)

    @when(Entity.created)
    async def launch(self, run: Run) -> str:
        twice = await self.doubled
        try:
            came = await run.perform(Launch(self.number))
        except InDoubt:
            came = "in doubt"
        self.log.add("launched")
        return f"{twice}: {came}"


class Crew(Entity):
    """Three things beside each other, of which a client answers one."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def gather(self, run: Run) -> str:
        twice, _, reply = await run.gather(
            run.call(double, self.number), run.sleep(MOMENT), run.ask(f"client {self.number}", Reply)
        )
        self.log.add("gathered")
        assert isinstance(reply, Reply)
        return f"{twice}: {reply.to}"


class Race(Entity):
    """A question that the program and a client answer at once: the first counts."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def run(self, run: Run) -> str:
        reply = await run.ask(f"either {self.number}", Reply)
        self.log.add("answered")
        return reply.to


class Leg(Entity):
    """Of a trip: two that end at one moment."""

    number: Field[int] = field()

    @when(Entity.created)
    async def go(self, run: Run) -> int:
        await run.sleep(MOMENT)
        return self.number


class Trip(Entity):
    """Begins two others, and goes on when both are over."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def travel(self, run: Run) -> str:
        legs = [await run.create(Leg, number=self.number + n) for n in (1, 2)]
        self.log.add("left")
        came = await run.gather(*(leg.go for leg in legs))
        self.log.add("arrived")
        return f"{came}: {await run.perform(Ship(self.number))}"


class Tally(Entity):
    """Is continued as new, again and again."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def count(self, run: Run) -> int:
        done = run.carried(int) or 0
        if done == ROUNDS_OF_A_TALLY:
            return done
        one = await run.call(double, self.number + done)
        self.log.add(f"{done}: {one}")
        return await run.continue_as_new(done + 1)


class Watch(Entity):
    """Sleeps until it is cancelled, and puts things right then."""

    number: Field[int] = field()
    log = items(str)

    @when(Entity.created)
    async def sleep(self, run: Run) -> str:
        try:
            await run.sleep(YEAR)
        except BaseException:
            self.log.add(f"put right {await run.call(double, self.number)}")
            raise
        return "it slept on"


class Shop(Entity):
    """Decides at once, and performs one thing once for all of its runs."""

    number: Field[int] = field()
    orders: Field[int] = field(default=0)
    is_open: Field[bool] = field(default=False)

    @when(is_open.becomes(True))
    def open_up(self) -> Iterator[Effect[str]]:
        yield Ship(self.number)
        yield Ship(self.number + 1)

    @when(orders.changes())
    async def serve(self, run: Run) -> str:
        return await run.perform(Ship(self.number + 2), once="greeting")


class Idle(Entity):
    """Waits, and nobody ever comes."""

    @when(Entity.created)
    async def wait(self, run: Run) -> str:
        await run.gather(run.ask("nobody", Reply), run.sleep(YEAR))
        return "somebody came"


TYPES: tuple[type[Entity], ...] = (Letter, Parcel, Rocket, Crew, Race, Leg, Trip, Tally, Watch, Shop, Idle)
FLOWS: Mapping[str, tuple[str, ...]] = {
    "Letter": ("send",),
    "Parcel": ("post",),
    "Rocket": ("launch",),
    "Crew": ("gather",),
    "Race": ("run",),
    "Leg": ("go",),
    "Trip": ("travel",),
    "Tally": ("count",),
    "Watch": ("sleep",),
    "Shop": ("open_up", "serve"),
    "Idle": ("wait",),
}
"""The flows of each type."""
Expected = Callable[[int], set[str]]
EXPECTED: Mapping[str, Expected] = {
    "Letter.send": lambda n: {f"send {n}: {receipt(Mail, n)}", f"send {n}: left"},
    "Parcel.post": lambda n: {f"{3 * n}: {receipt(Ship, n)}"},
    "Rocket.launch": lambda n: {f"{2 * n}: {receipt(Launch, n)}", f"{2 * n}: in doubt"},
    "Crew.gather": lambda n: {f"{2 * n}: client {n}"},
    "Race.run": lambda n: {f"either {n}"},
    "Leg.go": lambda n: {str(n)},
    "Trip.travel": lambda n: {f"[{n + 1}, {n + 2}]: {receipt(Ship, n)}"},
    "Tally.count": lambda n: {str(ROUNDS_OF_A_TALLY)},
    "Shop.open_up": lambda n: {"None"},
    "Shop.serve": lambda n: {receipt(Ship, n + 2)},
}
"""What the newest run of each flow returns, by the number of its entity: one of these."""
LOGS: Mapping[str, Callable[[int], list[str]]] = {
    "Letter": lambda n: ["asked", "slept", "mailed"],
    "Parcel": lambda n: ["weighed", "shipped"],
    "Rocket": lambda n: ["launched"],
    "Crew": lambda n: ["gathered"],
    "Race": lambda n: ["answered"],
    "Trip": lambda n: ["left", "arrived"],
    "Tally": lambda n: [f"{done}: {2 * (n + done)}" for done in range(ROUNDS_OF_A_TALLY)],
    "Watch": lambda n: [f"put right {2 * n}"],
}
"""What the slices of an entity's runs have edited in the end."""
