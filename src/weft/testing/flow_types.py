"""Entities with flows of many shapes: fired by all that fires, each of them doing what its script says.

What comes from outside says so itself: numbers that dice throw and that people answer are never the same twice, and a
receipt names the key that it was given for. So whoever reads what a run returned knows where each part came from.

Knows nothing of stories, machines or logs. Invariant: a flow does what its script says, and nothing else.
Source: random programs beside an interpreter; the unique writes of Jepsen's checkers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Protocol, cast

from msgspec.structs import replace

from weft import Effect, Entity, Field, Run, derive, field, items, on, op
from weft.definition import compile_type
from weft.errors import WeftError
from weft.flow import WhenInDoubt
from weft.operation import Retry
from weft.runs.strands import Cancelled
from weft.spec import TypeSpec
from weft.testing.flow_script import Act, Script

FLOWS = ("made", "gone", "hopped", "jumped", "counted", "narrow", "chiefly", "announced", "late")
"""Those of a `Job`. The last one it has in one of its two versions only."""
CREATED = Entity.created
GO, HOP, JUMP = "go", "hop", "jump"
"""What a job's status becomes, so that something fires."""
NARROW_MAX = 1
"""How many runs of the narrow queue are under way at once, of all jobs."""


class Dice(Protocol):
    """Throws a number that was never thrown before."""

    def throw(self) -> int: ...


class Oracle(Protocol):
    """Answers what is asked of a model."""

    async def object(self, prompt: str, form: type[Any], /) -> Any: ...


@dataclass(frozen=True)
class Size:
    """What people are asked for."""

    boxes: int


@dataclass(frozen=True)
class Ring(Effect[str]):
    """Its receiver honours keys: in doubt, it is tried again."""

    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    tag: str


@dataclass(frozen=True)
class Letter(Effect[str]):
    """Its receiver does not: in doubt, people are asked."""

    tag: str


@dataclass(frozen=True)
class Launch(Effect[str]):
    """It never happens twice."""

    when_in_doubt: ClassVar[WhenInDoubt] = "at_most_once"
    tag: str


@dataclass(frozen=True)
class Contract(Effect[str]):
    """It waits until somebody has approved of it, and is tried again like a ring."""

    needs_approval: ClassVar[bool] = True
    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    tag: str


class Deliberate(WeftError):
    """The script of {flow} says that it fails."""

    flow: str


@op(version=1)
def drawn(number: int, *, dice: Dice) -> int:
    """Another number each time that it is asked for."""
    return dice.throw()


@op(version=1, retry=Retry(attempts=4, delay_s=0.01))
def drawn_again(number: int, *, dice: Dice) -> int:
    """The same, and tried again where it breaks."""
    return dice.throw()


@op(version=1, retry=Retry(attempts=2, delay_s=0.005))
def bad(number: int) -> int:
    """Always fails."""
    raise ValueError(f"{number} is bad")


@op(version=1)
def doubled(number: int) -> int:
    """What flows await, and are fired by."""
    return 2 * (number // 2)


@op(version=1)
def is_wanted(number: int) -> bool:
    """A guard."""
    return number % 3 != 0


OPERATIONS: dict[str, Callable[..., int]] = {"drawn": drawn, "drawn_again": drawn_again, "bad": bad}
EFFECTS: dict[str, type[Ring | Letter | Launch | Contract]] = {
    "ring": Ring, "letter": Letter, "launch": Launch, "contract": Contract,
}  # fmt: skip


class Follower:
    """Follows a script in one run of one flow of an entity."""

    def __init__(self, entity: Any, flow: str, run: Run, oracle: Oracle) -> None:
        self._entity, self._flow, self._run, self._oracle = entity, flow, run, oracle
        self._been: Counter[str] = Counter()
        self._errand: Any = None
        self.heard: list[str] = []
        """What its steps came to."""

    async def follow(self, script: Script, place: str = "") -> None:
        """All of it, one act after another."""
        for number, act in enumerate(script):
            await self._act(act, f"{place}{number}")

    async def _act(self, act: Act, place: str) -> None:
        run, (name, *of) = self._run, cast("list[Any]", act)
        match name:
            case "gather" | "first":
                beside = [self._act(each, f"{place}.{n}") for n, each in enumerate(of[0])]
                await (run.gather(*beside) if name == "gather" else run.first(*beside))
            case "within":
                await run.within(_ms(of[0]), self._act(of[1], f"{place}."))
            case "try":
                await self._try(of[0], place)
            case "twice":
                await self._act(of[0], f"{place}.")
                await self._act(of[0], f"{place}.")
            case "undo":
                await self._undo(of[0], of[1], place)
            case "again":
                await self._again(of[0])
            case "fail":
                raise Deliberate(flow=self._flow)
            case "edit" | "set":
                self._edit(name, of, place)
            case _:
                await self._step(name, of, place)

    async def _step(self, name: str, of: list[Any], place: str) -> None:
        run = self._run
        match name:
            case "call":
                self.heard.append(f"call {await run.call(OPERATIONS[of[0]], of[1])}")
            case "ask":
                remind, expires, default, by = of[1:]
                asked = run.ask(
                    of[0],
                    Size,
                    about=place,
                    remind=_ms(remind) if remind else None,
                    expires=_ms(expires) if expires else None,
                    default=Size(default) if default else None,
                    by=by or None,
                )
                self.heard.append(f"ask {(await asked).boxes}")
            case "decide":
                self.heard.append(f"ask {(await run.ask(of[0], Size, to=self._oracle, about=place)).boxes}")
            case "sleep":
                await run.sleep(_ms(of[0]))
            case "perform":
                once = f"{of[0]} {of[1]}" if of[1] else None
                tag = f"{self._entity.id} {self._flow} {once or place}"
                self.heard.append(f"perform {await run.perform(EFFECTS[of[0]](tag), once=once)}")
            case "create":
                self._errand = await run.create(Errand, script=json.dumps(of[0]))
            case "errand" if self._errand is not None:
                await self._errand.sent
            case "node" if isinstance(self._entity, Job):
                self.heard.append(f"node {await self._entity.double}")
            case "flow":
                await getattr(self._entity, of[0])
            case _:
                pass

    async def _try(self, act: Act, place: str) -> None:
        try:
            await self._act(act, f"{place}.")
        except WeftError as why:
            self.heard.append(f"caught {type(why).__name__}")

    async def _undo(self, script: Script, others: Script, place: str) -> None:
        try:
            await self.follow(script, f"{place}.")
        except Cancelled:
            await self.follow(others, f"{place}-")
            raise

    async def _again(self, times: int) -> None:
        been = self._run.carried(int) or 0
        if been < times:
            await self._run.continue_as_new(been + 1)

    def _edit(self, name: str, of: list[Any], place: str) -> None:
        if name == "set":
            self._entity.number = of[0]
        else:
            self._been[place] += 1
            self._entity.notes.add(f"{self._run.id} {place} {self._been[place]}")


def _ms(number: int) -> timedelta:
    return timedelta(milliseconds=number)


async def followed(entity: Any, flow: str, run: Run, oracle: Oracle, script: Script) -> tuple[str, ...]:
    """What the steps of a script came to."""
    follower = Follower(entity, flow, run, oracle)
    await follower.follow(script)
    return tuple(follower.heard)


class Errand(Entity):
    """What a run has done by another: it begins when it comes to be."""

    script: Field[str] = field(default="[]")
    notes = items(str)

    @on(CREATED)
    async def sent(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Fired by being created."""
        return await followed(self, "sent", run, oracle, json.loads(self.script))


class Job(Entity):
    """An entity with a flow for all that fires."""

    scripts: Field[str] = field(default="{}")
    """By flow, as JSON."""
    status: Field[str] = field(default="")
    number: Field[int] = field(default=1)
    chief: Field[str] = field(default="ann")
    notes = items(str)
    double = derive(doubled, number)
    wanted = derive(is_wanted, number)

    async def _follow(self, flow: str, run: Run, oracle: Oracle) -> tuple[str, ...]:
        return await followed(self, flow, run, oracle, json.loads(self.scripts).get(flow, []))

    @on(CREATED)
    async def made(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Fired by being created."""
        return await self._follow("made", run, oracle)

    @on(status.becomes(GO), guard=wanted)
    async def gone(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Guarded; one run after another."""
        return await self._follow("gone", run, oracle)

    @on(status.becomes(HOP), overlap="skip")
    async def hopped(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Not while another goes on."""
        return await self._follow("hopped", run, oracle)

    @on(status.becomes(JUMP), overlap="restart")
    async def jumped(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """In place of the one that goes on."""
        return await self._follow("jumped", run, oracle)

    @on(double.settles())
    async def counted(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Fired by what is computed."""
        return await self._follow("counted", run, oracle)

    @on(number.changes(), queue="narrow", limit=NARROW_MAX, priority=number)
    async def narrow(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """One at once, of all jobs."""
        return await self._follow("narrow", run, oracle)

    @on(status.becomes(GO) | status.becomes(HOP), actors=chief)
    async def chiefly(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
        """Fired by either, and by one person alone."""
        return await self._follow("chiefly", run, oracle)

    @on(status.becomes(HOP) | status.becomes(JUMP))
    def announced(self) -> Iterator[Effect[str]]:
        """Decides at once: equal effects of several runs, and two of one."""
        for _ in range(self.number % 3):
            yield Ring(f"{self.id} announced")


def _later() -> type[Job]:
    class JobLater(Job):
        """The same, with one flow more."""

        @on(Job.status.becomes(GO))
        async def late(self, run: Run, *, oracle: Oracle) -> tuple[str, ...]:
            """Fired by nothing that was before it was there."""
            return await self._follow("late", run, oracle)

    JobLater.__name__ = JobLater.__qualname__ = "Job"
    return JobLater


LATER = _later()
"""The second version of a job's type: it has `late`."""


@cache
def flow_types(*, is_later: bool) -> dict[type[Entity], TypeSpec]:
    """The types of a story, in one version or the other, and what they declare."""
    return {kind: _named(compile_type(kind)) for kind in (LATER if is_later else Job, Errand)}


def _named(spec: TypeSpec) -> TypeSpec:
    """With versions of flows that say nothing of Weft's own source, of which these flows are a part: so a seed writes
    the same log whatever else of that changes."""
    return replace(spec, flows=tuple(replace(flow, version=f"{flow.name} 1") for flow in spec.flows))
