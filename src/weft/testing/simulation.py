"""A simulated run: a story, told to an engine on a machine that fails, beside a reference and its rules.

Knows nothing of how stories are drawn or cut down.
Invariant: one story, one run: the digest of its log is the same whenever and wherever it is run.
Source: deterministic simulation testing, as FoundationDB and TigerBeetle do it.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from weft import Blob, Space
from weft.call import Call
from weft.content import Plain, encode
from weft.folding import event_id, event_plain
from weft.home import Home
from weft.pump import SpaceClosed, Waiter
from weft.reduce import element_identity
from weft.store import StoreFailed
from weft.testing.crash import Crash
from weft.testing.graph_plan import Cup, make_types
from weft.testing.machine import Machine
from weft.testing.reference import Reference, RuleBroken
from weft.testing.rules import Promises, TurnRules, broken_by_weather, check_log, check_rebuilt, check_sent
from weft.testing.simulated_loop import OutOfTime, Stalled
from weft.testing.story import Act, Fail, Fill, Intent, Pause, Reopen, RetryFailed, Settle, Story, Tell, Watch

ACTOR = "ann"
PROGRAM = "bob"
"""Who edits through the inbox."""
ROUNDS_MAX = 200
NOW_S_MAX = 60.0


@dataclass(slots=True)
class Run:
    """What came of a story. `broken`: the rule that did not hold, if one did not."""

    seed: int
    digest: str = ""
    records: int = 0
    calls: int = 0
    checked: int = 0
    lives: int = 0
    strays: int = 0
    """Answers to an engine that had died, which reached the next."""
    repeated: int = 0
    """Answers that came twice."""
    behind: int = 0
    """Values of several computed inputs that came while newer inputs were told already."""
    refused: int = 0
    """Writes that the disk refused."""
    simulated_s: float = 0.0
    crashes: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    broken: RuleBroken | None = None


class SeededCup:
    """Dice that fall as a seed says."""

    def __init__(self, seed: int) -> None:
        self._rnd = random.Random(f"dice {seed}")

    def throw(self) -> int:
        """A number below 5."""
        return self._rnd.randrange(5)


def simulate(story: Story, *, lies: bool = False) -> Run:
    """Run a story. `lies`: on a disk that says it has synced and has not. Never raises for what it finds."""
    return Simulation(story, lies=lies).run()


class Simulation:
    """One run of one story."""

    def __init__(self, story: Story, *, lies: bool = False) -> None:
        self.story = story
        self.machine = Machine(story.seed, lateness=story.lateness, lies=lies, now_s_max=NOW_S_MAX)
        self.machine.quick_inline = story.quick_inline
        self.left, self.right = make_types(story.graph)
        calls_break = story.lateness.breaks > 0
        self.reference = Reference(story.graph, calls_break=calls_break)
        self.rules = TurnRules(self.reference, calls_break=calls_break)
        self.promises, self.cup = Promises(), SeededCup(story.seed)
        self.broken: RuleBroken | None = None
        self.calls = self.refused = 0
        self._next = self._count = 0
        self._watched: dict[tuple[str, str], None] = {}
        self._doubtful: dict[str, Tell] = {}
        """Edits that were told and neither acknowledged nor refused, and are to be told again."""
        self._telling: dict[asyncio.Task[None], None] = {}
        listed = any(plan.kind in ("live", "told") for plan in (*story.graph.left, *story.graph.right))
        self._is_always_listed = not listed

    def run(self) -> Run:
        """To its end; what it came to."""
        try:
            self.machine.run(self._program)
            self._check_left()
        except (RuleBroken, OutOfTime, Stalled) as why:
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

    def _said(self) -> Run:
        machine, head = self.machine, self.machine.disk.platter.head()
        return Run(
            self.story.seed, head.digest.hex(), head.position, self.calls, self.rules.checked, machine.plan.lives,
            machine.exchange.strays, machine.exchange.doubled, self.rules.behind, self.refused, machine.loop.time(),
            machine.plan.crashes, machine.plan.passed, self.broken,
        )  # fmt: skip

    # ---- the program, from its first line in every life ----
    async def _program(self, machine: Machine) -> None:
        self._telling.clear()
        again = True
        while again:
            async with machine.open((self.left, self.right), services={Cup: self.cup}, actor=ACTOR) as space:
                self._attach(space)
                await self._begin(space)
                again = await self._act_on(space)
                if self._telling:
                    await asyncio.gather(*self._telling, return_exceptions=True)
                if not again:
                    await self._rest(space)

    def _attach(self, space: Space) -> None:
        """Have the rules asked after every turn, and before every call."""
        home = cast("Home", space._host)
        pump = home._running()
        self.rules.begin_life()
        life = self.machine._life
        store = space._store

        def check() -> bool:
            if not life.is_over and self.broken is None:
                try:
                    self.rules.check(pump.engine, list(pump.engine.touched))
                except RuleBroken as why:
                    self._note(why)
                except Exception as why:  # noqa: BLE001  or the engine would die of its observer
                    self._note(RuleBroken(rule="the reference itself", what=f"{type(why).__name__}: {why}"))
            return False

        def on_start(call: Call) -> None:
            self.calls += 1
            try:
                check_sent(store, call.id.row, is_always_listed=self._is_always_listed)
            except RuleBroken as why:
                self._note(why)

        self.machine.exchange.on_start = on_start
        with home.lock:
            pump.wait_for(Waiter(check))

    async def _begin(self, space: Space) -> None:
        """What a program does first: the entities, once; what it looks at; and edits it has had no answer to."""
        home: tuple[Intent, ...] = (
            ("left", "", "create", "Left"),
            ("other", "", "create", "Left"),
            ("other", "x", "set", 1),
            ("other", "y", "set", 2),
            ("right", "", "create", "Right"),
            ("right", "to", "point", "left"),
        )
        await self._tell(space, Tell("home", home))
        for place in self._watched:
            self._watch(space, *place)
        for tell in list(self._doubtful.values()):
            await self._tell(space, tell)

    async def _act_on(self, space: Space) -> bool:
        """The acts that are left; returns whether the program is to open the space again."""
        acts = self.story.acts
        while self._next < len(acts) and self.broken is None:
            act = acts[self._next]
            self._next += 1
            if isinstance(act, Reopen):
                return True
            await self._do(space, act)
        return False

    async def _do(self, space: Space, act: Act) -> None:
        match act:
            case Tell():
                await self._begin_telling(space, act)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Settle():
                await self._settled(space)
            case Watch(entity, node):
                self._watched[entity, node] = None
                self._watch(space, entity, node)
            case RetryFailed():
                await self._retry(space)
            case Fail(point, count):
                self.machine.plan.arm(point, count)
            case Fill(writes):
                self.machine.disk.refusals += writes
            case _:
                raise AssertionError(act)

    async def _begin_telling(self, space: Space, act: Tell) -> None:
        if act.waits:
            await self._tell(space, act)
            return
        task = asyncio.ensure_future(self._tell(space, act))
        self._telling[task] = None
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.pop(task, None)
        why = None if task.cancelled() else task.exception()
        if why is not None and not isinstance(why, Crash | SpaceClosed):
            self.machine.loop.unheard.append(why)

    async def _settled(self, space: Space) -> None:
        if self.machine.disk.refusals == 0:
            await space.settled()

    def _watch(self, space: Space, entity: str, node: str) -> None:
        cast("Home", space._host).watch((entity, node, ""))

    # ---- telling ----
    async def _tell(self, space: Space, act: Tell) -> None:
        """Tell an edit as a program does, and keep what it was told about it."""
        said = self._resolved(act)
        if not said:
            return
        actor = PROGRAM if act.posted else ACTOR
        id = event_id(actor, act.name)
        self.promises.said.setdefault(id, said)
        if act.posted:
            self.promises.posted.add(id)
        if act.again or act.name == "home":
            self._doubtful[id] = act
        for _ in range(2 if act.again else 1):
            self._count += 1
            self.promises.told.setdefault(id, self._count)
            try:
                await self._tell_once(space, act, id, self.promises.said[id])
            except StoreFailed:
                self.refused += 1
                self.promises.denied.add(id)
                if act.name == "home":
                    await asyncio.sleep(1.0)
                    await self._tell(space, act)
                    return
            else:
                self._count += 1
                self.promises.acknowledged.setdefault(id, self._count)
        self._doubtful.pop(id, None)

    async def _tell_once(self, space: Space, act: Tell, id: str, said: list[Plain]) -> None:
        if act.posted:
            event = event_plain(id, said, actor=PROGRAM, base=space.position, time="2026-01-01T00:00:00Z")
            space._store.post(encode({"event": event}))
            return
        async with space.edit(once=act.name) as edit:
            edit.intents.extend(said)
            if act.blob:
                edit.blobs.append(Blob.from_bytes(act.name.encode()))

    def _resolved(self, act: Tell) -> list[Plain]:
        known = self.promises.said.get(event_id(PROGRAM if act.posted else ACTOR, act.name))
        if known is not None:
            return known
        return [said for intent in act.intents if (said := self._plain(intent)) is not None]

    def _plain(self, intent: Intent) -> Plain | None:
        """An intent as events say it; None for one that cannot be said, as nothing has that name yet."""
        entity, node, verb, *args = intent
        match verb:
            case "add":
                return [entity, node, verb, f"{args[0]:012x}", args[1]]
            case "remove":
                return [entity, node, verb, element_identity(args[0], None)]
            case "move":
                return [entity, node, verb, element_identity(args[0], None), f"{args[1]:012x}", [], ""]
            case "point":
                return [entity, node, "set", {"entity": args[0], "node": "", "element": ""}]
            case "pin":
                element = self._element(str(args[0]), str(args[1]), args[2])
                return element and [entity, node, "set", {"entity": args[0], "node": args[1], "element": element}]
            case _:
                return [entity, node, verb, *args]

    def _element(self, entity: str, node: str, name: str | int) -> str | None:
        if isinstance(name, int):
            return element_identity(name, None)
        plan = self.story.graph.node(entity, node)
        return self.reference.ids.get((entity, plan.reads[0]), {}).get(name) if plan is not None else None

    async def _retry(self, space: Space) -> None:
        with space.view() as engine:
            failed = [slot.key for slot in broken_by_weather(engine)]
        intents = [[key.entity, key.node, "retry", key.element] for key in failed]
        if intents:
            self._count += 1
            name = f"retry {self._count}"
            self.promises.said[event_id(ACTOR, name)] = cast("list[Plain]", intents)
            try:
                async with space.edit(once=name) as edit:
                    edit.intents.extend(cast("list[Plain]", intents))
            except StoreFailed:
                self.refused += 1

    # ---- the end ----
    async def _rest(self, space: Space) -> None:
        """Everything goes well from here on: what is demanded comes to be right, and stays so."""
        self.machine.soothe()
        self.machine.disk.refusals = 0
        while space._store.inbox():  # noqa: ASYNC110  the inbox is looked at by time
            await asyncio.sleep(0.02)
        await self._settled_and_well(space)
        await asyncio.sleep(2 * self.story.lateness.delay_s_max)
        await self._settled_and_well(space)
        with space.view() as engine:
            if self.broken is None:
                self.rules.check_rest(engine)

    async def _settled_and_well(self, space: Space) -> None:
        """Until nothing is due, also for what other programs told, and no call is broken that need not be."""
        for _ in range(ROUNDS_MAX):
            await space.settled()
            with space.view() as engine:
                is_settled, broken = engine.settled_mark() == engine.cut, broken_by_weather(engine)
            if broken:
                await asyncio.sleep(0.05)
                self._check_errors(space)
                await self._retry(space)
            elif is_settled:
                return
            else:
                await asyncio.sleep(0.05)

    def _check_errors(self, space: Space) -> None:
        """An error is no result where its call came out well: the engine itself has such a slot tried again."""
        with space.view() as engine:
            for slot in broken_by_weather(engine):
                key = slot.result.call_key if slot.result is not None else None
                if key is not None and engine.recall(key) is not None and slot.due is None:
                    self._note(
                        RuleBroken(rule="late ok", what=f"{slot.key} shows the error of a call that has a value")
                    )

    def _check_left(self) -> None:
        """What the disk holds when all is over, and what a rebuild makes of it."""
        if self.broken is not None:
            return
        store = self.machine.disk.platter
        check_log(store, self.promises)
        types = {"Left": self.machine._spec(self.left), "Right": self.machine._spec(self.right)}
        check_rebuilt(store, types, epoch=store.acquire())
        store.release()
