"""A simulated machine: a loop, a disk, runners and a plan of crashes, on which a program lives again after each crash.

A program is an async function. It opens a space, edits and waits as any async program does; when the machine loses its
power the program is gone, what it did not sync is lost, and it is begun again from its first line on what the disk has
kept. So it says `once=` with its edits, as a program must that may be started again.

Knows nothing of what programs do. Invariant: a seed, a program and a plan of crashes give one run, down to the bytes of
the log.
Source: deterministic simulation of FoundationDB and TigerBeetle; recovery-oriented software.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from weft.call import Runner
from weft.definition import compile_type, type_name
from weft.driver import Driver
from weft.driving.drive import drive
from weft.entity import Entity
from weft.runners.inline import InlineRunner
from weft.runners.loop import LoopRunner
from weft.space import Space
from weft.spec import TypeSpec
from weft.testing.crash import CrashPlan, Life
from weft.testing.late_runner import Exchange, Lateness, LateRunner
from weft.testing.simulated_disk import SimulatedDisk
from weft.testing.simulated_loop import SimulatedLoop

T = TypeVar("T")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
LIVES_MAX = 100


class Machine:
    """One simulated machine. `lateness`: how runners behave; `lies`: whether its disk does.

    Arm `plan` to crash it: before it runs, or from within a program."""

    def __init__(
        self,
        seed: int | str,
        *,
        lateness: Lateness = Lateness(),  # noqa: B008  frozen
        lies: bool = False,
        now_s_max: float = 1e6,
    ) -> None:
        self._rnd = random.Random(f"machine {seed}")
        self.loop = SimulatedLoop(random.Random(f"loop {seed}"), now_s_max=now_s_max)
        self.disk = SimulatedDisk(random.Random(f"disk {seed}"), lies=lies)
        self.plan, self.exchange, self.lateness = CrashPlan(), Exchange(), lateness
        self.quick_inline = False
        """Whether plain functions that are seen to be quick answer at once, as they do outside of tests."""
        self._life: Life = Life(self.plan, 0)
        self._ids = itertools.count(1)
        self._compiled: dict[type, TypeSpec] = {}
        self._runners: list[LateRunner] = []

    # ---- for programs ----
    def open(
        self,
        types: Sequence[type[Entity]],
        *,
        services: Mapping[type, object] | None = None,
        drivers: Sequence[Driver[Any]] = (),
        actor: str = "ann",
    ) -> Space:
        """The machine's space: `async with machine.open(types) as space`. `drivers` carry out what flows perform."""
        specs = {type_name(kind): self.spec_of(kind) for kind in types}
        has_flows = any(spec.flows for spec in specs.values())
        store = self.disk.open(self._life)
        try:
            space = Space(
                store,
                specs,
                services=services or {},
                engine=True,
                actor=actor,
                runners=self._make_runners(),
                now=self._now,
                new_id=lambda: f"id {next(self._ids)}",
                on_point=self._life.pass_by,
                drive=partial(drive, drivers=drivers) if has_flows else None,
            )
            space.know(types)
            return space
        except Exception:
            store.close()
            raise

    def soothe(self) -> None:
        """From now on every call goes well."""
        self.set_lateness(Lateness(self.lateness.delay_s_max, self.lateness.prompt, self.lateness.twice))

    def set_lateness(self, lateness: Lateness) -> None:
        """Have runners behave otherwise from now on."""
        self.lateness = lateness
        for runner in self._runners:
            runner.lateness = lateness

    def spec_of(self, kind: type[Entity]) -> TypeSpec:
        """What a class declares, compiled once."""
        if kind not in self._compiled:
            self._compiled[kind] = compile_type(kind)
        return self._compiled[kind]

    def _make_runners(self) -> Mapping[str, Runner]:
        inline, loop = InlineRunner(clock=self.loop.time), LoopRunner(self.loop)
        late, late_loop = self._late(inline), self._late(loop)
        self._runners = [late, late_loop]
        return {"inline": inline if self.quick_inline else late, "thread": late, "process": late, "loop": late_loop}

    def _late(self, inner: Runner) -> LateRunner:
        return LateRunner(inner, self.loop, self._rnd, self.lateness, life=self._life, by=self.exchange)

    def _now(self) -> str:
        now = BEGINNING + timedelta(seconds=self.loop.time())
        return now.isoformat(timespec="microseconds").replace("+00:00", "Z")

    # ---- running ----
    def run(self, program: Callable[[Machine], Awaitable[T]]) -> T:
        """Run the program to its end, from its first line after each crash. Raises what it raises; `Stalled` when it
        waits for what nobody will do; `OutOfTime`."""
        return self.loop.run(self._live(program))

    async def _live(self, program: Callable[[Machine], Awaitable[T]]) -> T:
        for _ in range(LIVES_MAX):
            self._life, self.exchange.to = self.plan.begin(), {}
            task = asyncio.ensure_future(program(self))
            self.plan.on_death = self._ender(task)
            try:
                await asyncio.wait([task])
                if not self.plan.is_down:
                    return task.result()
            finally:
                await self._end_others(task)
            self.disk.crash()
        raise AssertionError(f"it died {LIVES_MAX} times")

    def _ender(self, task: asyncio.Future[T]) -> Callable[[], None]:
        def end() -> None:
            self.loop.call_soon(task.cancel)

        return end

    async def _end_others(self, task: asyncio.Future[T]) -> None:
        """Nothing of a life goes on in the next."""
        mine = asyncio.current_task()
        others = [other for other in self.loop.tasks if other is not mine and not other.done()]
        for other in others:
            other.cancel()
        await asyncio.gather(task, *others, return_exceptions=True)
        if self.plan.is_down:
            self.loop.unheard.clear()  # what is said by a program that is dying, nobody needs to hear
