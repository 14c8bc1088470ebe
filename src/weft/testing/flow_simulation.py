"""A simulated run of a story of flows: told to engines on a machine that fails, while people and a receiver answer.

Knows nothing of how stories are drawn or cut down.
Invariant: one story, one run: the digest of its log is the same whenever and wherever it is run.
Source: deterministic simulation testing, as FoundationDB and TigerBeetle do it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from weft import Space
from weft.call import Call
from weft.content import Plain, encode
from weft.driving.driver import RunDriver
from weft.folding import event_id, event_plain
from weft.home import Home
from weft.pump import Pump, SpaceClosed
from weft.questions import Question
from weft.reduce import Refused
from weft.runs.approval import FORM as APPROVAL
from weft.store import NEWEST, StoreFailed
from weft.stores.chain import Unchained
from weft.testing.crash import Crash
from weft.testing.flow_log import FlowLog, Run
from weft.testing.flow_rules import (
    check_asked,
    check_calm,
    check_counted,
    check_receipts,
    check_recovered,
    check_replay,
    check_sent,
    check_try,
)
from weft.testing.flow_story import (
    JOBS,
    Answer,
    Fail,
    Fill,
    FlowAct,
    FlowStory,
    Look,
    Pause,
    Reopen,
    Say,
    Set,
    TakeOver,
)
from weft.testing.flow_types import Dice, Oracle, Size, flow_types
from weft.testing.machine import Machine
from weft.testing.receiver import EFFECT_POINTS, Receiver, ReceiverDriver, Try
from weft.testing.rule import RuleBroken, require
from weft.testing.rules import Promises, broken_by_weather, check_log, check_rebuilt
from weft.testing.simulated_loop import OutOfTime, Spins, Stalled

ROUNDS_MAX = 300
NOW_S_MAX = 900.0
PEOPLE_FROM = 1_000_000
"""Numbers that people answer begin here, so that nobody takes them for those that dice throw."""


@dataclass(slots=True)
class FlowRun:
    """What came of a story. `broken`: the rule that did not hold, if one did not."""

    seed: int
    digest: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    crashes: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    """What came to something, by kind."""
    broken: RuleBroken | None = None


class SeededDice:
    """Dice that never fall twice the same, and outlive programs."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def throw(self) -> int:
        """The next number."""
        return next(self._numbers)


class SeededOracle:
    """A model that answers late, or not at all, or with what nobody asked for."""

    def __init__(self, rnd: random.Random, doubts: float, numbers: Iterable[int]) -> None:
        self.rnd, self.doubts, self._numbers = rnd, doubts, iter(numbers)
        self.on_ask: Callable[[str], None] = lambda prompt: None

    async def object(self, prompt: str, form: type[Any], /) -> Any:
        """An answer."""
        self.on_ask(prompt)
        await asyncio.sleep(self.rnd.random() * 0.1)
        if self.rnd.random() >= self.doubts:
            return Size(next(self._numbers))
        match self.rnd.randrange(3):
            case 0:
                return None
            case 1:
                return "no size at all"
            case _:
                raise RuntimeError("the model has no words")


def simulate_flows(story: FlowStory) -> FlowRun:
    """Run a story. Never raises for what it finds."""
    return FlowSimulation(story).run()


class FlowSimulation:
    """One run of one story."""

    def __init__(self, story: FlowStory) -> None:
        self.story, seed = story, f"flows {story.seed}"
        self.machine = Machine(seed, lateness=story.lateness, now_s_max=NOW_S_MAX)
        self.receiver = Receiver(self.machine.loop, random.Random(f"receiver {seed}"), story.trouble)
        self.receiver.die, self.receiver.on_try = self._die, self._tried
        self._numbers = itertools.count(PEOPLE_FROM)
        self.dice, self.oracle = (
            SeededDice(),
            SeededOracle(random.Random(f"oracle {seed}"), story.doubts, self._numbers),
        )
        self.log, self.promises = FlowLog(), Promises()
        self.oracle.on_ask = self._asked
        self.broken: RuleBroken | None = None
        self.refused = self.calls = self.taken_over = 0
        self.is_later = story.is_later
        self._next = self._count = 0
        self._begins_anew = self._closes = False
        """The latter: whether a program that ended well has not been followed by another."""
        self._doubtful: dict[str, tuple[list[Plain], str, bool]] = {}
        """Edits that were told and neither acknowledged nor refused, and are to be told again."""
        self._telling: dict[asyncio.Task[None], None] = {}
        self._space: Space | None = None
        self._zombies: list[tuple[Space, ReceiverDriver]] = []
        self._driver: ReceiverDriver | None = None

    def run(self) -> FlowRun:
        """To its end; what it came to."""
        try:
            self.machine.run(self._program)
            self._check_left()
        except (RuleBroken, OutOfTime, Spins, Stalled) as why:
            self._note(why if isinstance(why, RuleBroken) else RuleBroken(rule="I8", what=str(why)))
        except Exception as why:  # noqa: BLE001  whatever an engine raises where nothing should is a finding
            self._note(RuleBroken(rule="nothing raises", what=f"{type(why).__name__}: {why}"))
        for unheard in self.machine.loop.unheard:
            self._note(
                RuleBroken(rule="nothing raises", what=f"in the background, {type(unheard).__name__}: {unheard}")
            )
        return self._said()

    def _note(self, why: RuleBroken) -> None:
        if self.broken is None:
            self.broken = why

    def _hold(self, check: Callable[[], object]) -> None:
        """Ask a rule, in the middle of what must not end because of it."""
        if self.broken is not None:
            return
        try:
            check()
        except RuleBroken as why:
            self._note(why)
        except Exception as why:  # noqa: BLE001  or whoever is looked at would die of its observer
            self._note(RuleBroken(rule="the observer itself", what=f"{type(why).__name__}: {why}"))

    def _ask(self, check: Callable[[], None]) -> None:
        """Ask a rule that looks at what is durable by now."""

        def read() -> None:
            self._read()
            check()

        self._hold(read)

    def _said(self) -> FlowRun:
        head, runs = self.machine.disk.platter.head(), self.log.runs.values()
        counts = {
            "records": head.position, "runs": len(runs), "calls": self.calls, "tries": len(self.receiver.tries),
            "checks": self.log.told, "lives": self.machine.plan.lives, "strays": self.machine.exchange.strays,
            "repeated": self.machine.exchange.doubled, "refused": self.refused, "taken over": self.taken_over,
        }  # fmt: skip
        steps = Counter(step.kind for run in runs for step in run.steps.values() if step.state == "done")
        endings = Counter(run.ending or "goes on" for run in runs)
        return FlowRun(
            self.story.seed, head.digest.hex(), counts, self.machine.plan.crashes, endings, steps, self.broken
        )

    # ---- the program, from its first line in every life ----
    async def _program(self, machine: Machine) -> None:
        self._telling.clear()
        self._zombies.clear()
        again = True
        while again:
            opened = await self._open(machine)
            if opened is None:
                continue
            try:
                again = await self._live()
                self._closes = True
            finally:
                await self._close()

    async def _open(self, machine: Machine) -> Space | None:
        specs = flow_types(is_later=self.is_later)
        machine._compiled |= specs
        driver = ReceiverDriver(self.receiver, machine._life)
        began = self.log
        self._read()
        carried = [run for run in began.runs.values() if run.is_carried and not (run.is_cancelled and not run.stopped)]
        was_closed = self.machine.disk.platter.row(NEWEST, ("closed",)) is not None
        self._hold(lambda: require(self._closes or not was_closed, "recoveries", "who died is said to have closed"))
        try:
            services: dict[type, object] = {Dice: self.dice, Oracle: self.oracle}
            space = machine.open([*specs], services=services, drivers=[driver])
        except StoreFailed:
            self.refused += 1  # its definitions could not be written
            self._begins_anew = True
            return None
        await space.__aenter__()
        self._space, self._driver = space, driver
        self._attach(space, carried, was_closed=was_closed)
        return space

    async def _close(self) -> None:
        """End the program, and those that lost their lease: of these it is expected that they wrote nothing."""
        space, self._space = self._space, None
        for zombie, _ in self._zombies:
            await self._end_zombie(zombie)
        self._zombies.clear()
        if space is not None:
            await space.__aexit__(None, None, None)

    async def _end_zombie(self, zombie: Space) -> None:
        with contextlib.suppress(Exception):  # what it reads by now is another's, so anything may end it
            await zombie.__aexit__(None, None, None)
        failure = _pump_of(zombie).failure
        if isinstance(failure, Unchained):
            self._note(RuleBroken(rule="I9", what=f"an engine without a lease was let write: {failure}"))

    def _attach(self, space: Space, carried: list[Run], *, was_closed: bool) -> None:
        """Have the rules asked after every turn, and before every call."""
        home = cast("Home", space._host)
        pump, life, since = _pump_of(space), self.machine._life, self.log.position
        is_new = True

        def check() -> bool:
            nonlocal is_new
            if not life.is_over and self._space is space:
                is_first, is_new = is_new, False
                found = carried if is_first else ()
                self._hold(lambda: self._check_turn(pump, found, since, was_closed=is_first and was_closed))
                self._closes = False
            return False

        def on_start(call: Call) -> None:
            self.calls += 1
            self._ask(lambda: check_sent(self.log, call))

        self.machine.exchange.on_start = on_start
        with home.lock:
            pump.waiters[check] = None

    def _check_turn(self, pump: Pump, carried: Iterable[Run], since: int, *, was_closed: bool) -> None:
        self._read()
        self.log.check_fired()
        check_counted(self.log, pump.engine)
        check_recovered(self.log, carried, since, was_closed=was_closed)

    def _read(self) -> None:
        """What is durable by now."""
        self.log.read(self.machine.disk.platter.records(self.log.position))

    def _tried(self, one: Try) -> None:
        self._ask(lambda: check_try(self.log, self.receiver, one))

    def _asked(self, prompt: str) -> None:
        if not self.taken_over:  # an engine that lost its lease may ask for what another was told
            self._ask(lambda: check_asked(self.log, prompt))

    def _die(self, point: str) -> None:
        self.machine.plan.die(point)

    async def _live(self) -> bool:
        """What a program does; returns whether it is to open the space again."""
        await self._tell("home", self._home(), "ann")
        for name, (intents, by, posted) in list(self._doubtful.items()):
            await self._tell(name, intents, by, posted=posted)
        acts = self.story.acts
        while self._next < len(acts) and self.broken is None:
            act = acts[self._next]
            self._next += 1
            if isinstance(act, Reopen):
                self.is_later, self._begins_anew = act.is_later, True
                await self._told_all()
                return True
            await self._do(act)
        await self._told_all()
        if not self.is_later:
            self.is_later = self._begins_anew = True
            return True  # what waits for a flow that this version has not goes on with the other
        await self._rest()
        return False

    def _home(self) -> list[Plain]:
        found: list[Plain] = []
        for job in JOBS:
            scripts = json.dumps(self.story.scripts.get(job, {}))
            values: dict[str, Plain] = {"scripts": scripts, "status": "", "number": 1, "chief": "ann"}
            found.append([job, "", "create", "Job"])
            found += [[job, name, "set", value] for name, value in values.items()]
        return found

    async def _do(self, act: FlowAct) -> None:
        match act:
            case TakeOver():
                await self._take_over()
            case Look():
                self._look()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Fail() | Fill():
                self._go_wrong(act)
            case _:
                await self._say(act)

    def _go_wrong(self, act: Fail | Fill) -> None:
        match act:
            case Fail(point, count) if point in EFFECT_POINTS:
                self.receiver.armed = (point, count)
            case Fail(point, count):
                self.machine.plan.arm(point, count)
            case Fill(writes):
                self.machine.disk.refusals += writes
                self._begins_anew = True

    async def _say(self, act: FlowAct) -> None:
        match act:
            case Set(name, job, values, by):
                intents: list[Plain] = [[job, field, "set", value] for field, value in values]
                for _ in range(2 if act.again else 1):
                    await self._begin_telling(name, intents, by, waits=act.waits, posted=act.posted)
            case Answer():
                await self._answer(act)
            case Say(name, verb, job, flow):
                if run := next((run.id[2] for run in reversed([*self.log.of_flow(job, flow)])), ""):
                    await self._begin_telling(name, [[job, flow, verb, run]], "ann")
            case _:
                raise AssertionError(act)

    def _look(self) -> None:
        assert self._space is not None
        pump = _pump_of(self._space)
        if pump.failure is None and not self.machine._life.is_over:
            with self._space.view() as engine:
                self._ask(lambda: check_replay(self.log, engine, cast("RunDriver", pump.runs)))

    async def _take_over(self) -> None:
        """The lease goes to another engine, and the one that had it goes on."""
        assert self._space is not None and self._driver is not None
        await self._told_all()
        old, driver = self._space, self._driver
        driver.is_zombie = self._begins_anew = True
        self.taken_over += 1
        self._space = None
        self._zombies.append((old, driver))
        self.machine.disk.platter._space.holder = None
        while await self._open(self.machine) is None:  # noqa: ASYNC110  the disk is full for so many writes
            await asyncio.sleep(0.1)

    # ---- telling ----
    async def _answer(self, act: Answer) -> None:
        assert self._space is not None
        open_ones = [one for one in self._space.questions() if not one.is_answered]
        if not open_ones:
            return
        question = open_ones[act.pick % len(open_ones)]
        people = (act.by, "bob" if act.by == "ann" else "ann") if act.also else (act.by,)
        for by in people:
            said = self._said_to(question, act.how)
            intent: list[Plain] = [question.entity, question.flow, "answer", question.run, question.step, said]
            await self._begin_telling(f"{act.name} by {by}", [intent], by, waits=act.waits, posted=act.posted)

    def _said_to(self, question: Question, how: str) -> Plain:
        if question.form == APPROVAL:
            content = question.schema["properties"]["effect"]["enum"][0]
            return {"effect": "another" if how == "wrong" else content, "is_approved": how != "leave"}
        if how == "wrong":
            return {"boxes": "many"}
        if question.form == "resolution":
            return "leave" if how == "leave" else "again"
        return {"boxes": next(self._numbers)}

    async def _begin_telling(
        self, name: str, intents: list[Plain], by: str, *, waits: bool = True, posted: bool = False
    ) -> None:
        if waits:
            await self._tell(name, intents, by, posted=posted)
            return
        task = asyncio.ensure_future(self._tell(name, intents, by, posted=posted))
        self._telling[task] = None
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.pop(task, None)
        why = None if task.cancelled() else task.exception()
        if why is not None and not isinstance(why, Crash | SpaceClosed):
            self.machine.loop.unheard.append(why)

    async def _told_all(self) -> None:
        if self._telling:
            await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, name: str, intents: list[Plain], by: str, *, posted: bool = False) -> None:
        """Tell an edit as a program does, and keep what it was told about it."""
        promises, id = self.promises, event_id(by, name)
        promises.said.setdefault(id, intents)
        if posted:
            promises.posted.add(id)
        self._doubtful[name] = (intents, by, posted)
        self._count += 1
        promises.told.setdefault(id, self._count)
        promises.begin(id)
        try:
            await self._tell_once(name, promises.said[id], id, by, posted=posted)
        except StoreFailed:
            self.refused += 1
            promises.end(id, is_denied=True)
            if name == "home":
                await asyncio.sleep(1.0)
                await self._tell(name, intents, by)
                return
        except Refused:
            promises.refused.add(id)
            self._acknowledge(id)
        else:
            self._acknowledge(id)
        self._doubtful.pop(name, None)

    def _acknowledge(self, id: str) -> None:
        self._count += 1
        self.promises.end(id)
        self.promises.acknowledged.setdefault(id, self._count)

    async def _tell_once(self, name: str, intents: list[Plain], id: str, by: str, *, posted: bool) -> None:
        space = self._space
        if space is None:
            raise SpaceClosed()  # the program has ended, and had begun to tell this before
        if posted:
            event = event_plain(id, intents, actor=by, base=space.position, time=space._now())
            space._store.post(encode({"event": event}))
            return
        async with space.edit(by=by, once=name) as edit:
            edit.intents.extend(intents)

    # ---- the end ----
    async def _rest(self) -> None:
        """All goes well from here on, and everybody answers: every run comes to its end."""
        self.machine.soothe()
        self.receiver.soothe()
        self.machine.plan.armed = None
        self.machine.disk.refusals, self.oracle.doubts = 0, 0.0
        for number in range(ROUNDS_MAX):
            if self.broken is not None:
                return
            await asyncio.sleep(0.05 if number < 20 else 1.0)
            await self._see_to(number)
            self._hold(self._read)
            if self._is_over():
                break
        self._look()
        assert self._space is not None
        with self._space.view() as engine:
            self._hold(lambda: check_calm(self.log, engine))

    def _is_over(self) -> bool:
        assert self._space is not None
        return not self._space._store.inbox() and all(run.ending for run in self.log.runs.values())

    async def _see_to(self, number: int) -> None:
        """Answer whatever is asked, and have tried again what only failed by the weather."""
        space = self._space
        assert space is not None
        questions = [one for one in space.questions() if not one.is_answered]
        for place, question in enumerate(questions):
            said = self._said_to(question, "leave" if number > 5 else "right")
            intent: list[Plain] = [question.entity, question.flow, "answer", question.run, question.step, said]
            await self._tell(f"at last {number} {place}", [intent], question.by[0] if question.by else "ann")
        for run in [run for run in self.log.runs.values() if run.is_blocked and not run.ending]:
            await self._tell(f"cancelled {number} {run.id}", [[*run.id[:2], "cancel", run.id[2]]], "ann")
        with space.view() as engine:
            failed = [slot.key for slot in broken_by_weather(engine)]
        if failed:
            intents: list[Plain] = [[key.entity, key.node, "retry", key.element] for key in failed]
            await self._tell(f"retried {number}", intents, "ann")

    def _check_left(self) -> None:
        """What the disk holds when all is over, and what a rebuild makes of it."""
        if self.broken is not None:
            return
        store = self.machine.disk.platter
        self._read()
        self.log.check_fired()
        check_log(store, self.promises)
        check_receipts(self.log, self.receiver)
        specs = {spec.name: spec for spec in flow_types(is_later=self.is_later).values()}
        was_one_life = self.machine.plan.lives == 1 and not self._begins_anew
        check_rebuilt(store, specs, epoch=store.acquire(), was_one_life=was_one_life)
        store.release()


def _pump_of(space: Space) -> Pump:
    pump = cast("Home", space._opened)._pump
    assert pump is not None
    return pump
