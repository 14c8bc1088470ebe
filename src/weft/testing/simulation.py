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
from weft.definition import type_name
from weft.edit import UnknownEntity
from weft.erased import EntityErased
from weft.erasure import BlobInUse
from weft.folding import event_id, event_plain
from weft.graph import ToldNode
from weft.home import Home
from weft.pump import SpaceClosed
from weft.reduce import Refused, TextCell, element_identity
from weft.shared_text import Delete, Insert, edit_text, empty_text, text_of
from weft.spec import TypeSpec
from weft.store import NoBlob, StoreFailed
from weft.testing.crash import Crash
from weft.testing.graph_plan import compiled_types, make_types
from weft.testing.machine import Machine
from weft.testing.plan_operations import Cup, Heaped
from weft.testing.reference import Reference
from weft.testing.remains import check_gone
from weft.testing.rule import RuleBroken
from weft.testing.rules import (
    Promises,
    TurnRules,
    broken_by_weather,
    check_elements,
    check_log,
    check_rebuilt,
    check_sent,
)
from weft.testing.simulated_loop import OutOfTime, Spins, Stalled
from weft.testing.story import (
    Act,
    Fail,
    Fill,
    Forget,
    Intent,
    Pause,
    Redefine,
    Reopen,
    RetryFailed,
    Settle,
    Story,
    Tell,
    Watch,
    graphs_of,
    redefined,
)

SPOKEN = ("Left", "Right", "Link")
"""The types."""
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
    forgotten: int = 0
    """Entities and contents that were erased."""
    defined: int = 0
    """How often the types changed."""
    rings: int = 0
    """Edits that were refused for what they say."""
    simulated_s: float = 0.0
    crashes: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    broken: RuleBroken | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How much of what there was, by what people call it."""
        return {
            "records": self.records, "calls": self.calls, "checks": self.checked, "lives": self.lives,
            "strays": self.strays, "repeated": self.repeated, "refused": self.refused, "forgotten": self.forgotten,
            "defined": self.defined, "rings": self.rings,
        }  # fmt: skip


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
        self.graph = story.graph
        calls_break = story.lateness.breaks > 0
        self.reference = Reference(calls_break=calls_break)
        self._plan()
        self.rules = TurnRules(self.reference, calls_break=calls_break)
        self.promises, self.cup = Promises(), SeededCup(story.seed)
        self.broken: RuleBroken | None = None
        self.calls = self.refused = self.defined = 0
        self._next = self._count = 0
        self._watched: dict[tuple[str, str], None] = {}
        self._doubtful: dict[str, Tell] = {}
        """Edits that were told and neither acknowledged nor refused, and are to be told again."""
        self._ids: dict[str, str] = {}
        """What is created in place of what was erased goes by another id."""
        self._texts: dict[str, dict[str, None]] = {}
        """Of each entity the texts that it was told."""
        self._erased: list[str] = []
        self._emptied = 0
        self._erasing: Forget | None = None
        """What is to be erased, and perhaps was, when a program died."""
        self._telling: dict[asyncio.Task[None], None] = {}
        kinds = {plan.kind for graph in graphs_of(story) for name in SPOKEN for plan in graph.of(name)}
        self._is_always_listed = not kinds & {"live", "told"}

    def _plan(self) -> None:
        """The types as the graph is now."""
        self.types = make_types(self.graph)
        self.machine._compiled |= compiled_types(self.graph)
        self.reference.plans.offer(self.graph, self._specs())

    def _specs(self) -> dict[str, TypeSpec]:
        return {type_name(kind): self.machine.spec_of(kind) for kind in self.types}

    def run(self) -> Run:
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

    def _said(self) -> Run:
        machine, head = self.machine, self.machine.disk.platter.head()
        return Run(
            self.story.seed, head.digest.hex(), head.position, self.calls, self.rules.checked + self.rules.due.checked,
            machine.plan.lives,
            machine.exchange.strays, machine.exchange.doubled, self.rules.behind, self.refused,
            len(self._erased) + self._emptied, self.defined, len(self.promises.refused), machine.loop.time(),
            machine.plan.crashes, machine.plan.passed, self.broken,
        )  # fmt: skip

    # ---- the program, from its first line in every life ----
    async def _program(self, machine: Machine) -> None:
        self._telling.clear()
        again = True
        while again:
            try:
                opened = machine.open(self.types, services={Cup: self.cup}, actor=ACTOR)
            except StoreFailed:
                self.refused += 1  # its definitions could not be written
                continue
            async with opened as space:
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
            pump.waiters[check] = None

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
        ways = (("a", "left"), ("b", "a"), ("c", "other")) if self.graph.links else ()
        links = [intent for one, way in ways for intent in ((one, "", "create", "Link"), (one, "next", "point", way))]
        await self._tell(space, Tell("home", (*home, *links)))
        for place in self._watched:
            self._watch(space, *place)
        if self._erasing is not None:
            self._forget(space, self._erasing)
        for tell in list(self._doubtful.values()):
            await self._tell(space, tell)

    async def _act_on(self, space: Space) -> bool:
        """The acts that are left; returns whether the program is to open the space again."""
        acts = self.story.acts
        while self._next < len(acts) and self.broken is None:
            act = acts[self._next]
            self._next += 1
            if isinstance(act, Redefine):
                self.graph = redefined(self.graph, self.story.graph, act)
                self.defined += 1
                self._plan()
            if isinstance(act, Reopen) or (isinstance(act, Redefine) and not act.live):
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
                place = self._id(entity), node
                self._watched[place] = None
                self._watch(space, *place)
            case RetryFailed():
                await self._retry(space)
            case Redefine():
                self._define(space)
            case Forget():
                self._forget(space, act)
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

    def _define(self, space: Space) -> None:
        """Have the types changed while everything goes on; one that the disk refuses comes when it is opened again."""
        try:
            space.define(*self.types)
        except StoreFailed:
            self.refused += 1

    # ---- forgetting ----
    def _forget(self, space: Space, act: Forget) -> None:
        self._erasing = act
        try:
            if act.entity:
                self._forget_entity(space, self._id(act.entity))
            else:
                self._forget_content(space, Blob.from_bytes(act.blob.encode()))
        except StoreFailed:
            self.refused += 1
        self._erasing = None

    def _forget_entity(self, space: Space, id: str) -> None:
        try:
            space.forget(id, why="it was asked for")
        except EntityErased:
            if id in self._erased:
                return  # it was there and is gone already
        except UnknownEntity:
            return
        self._erased.append(id)
        self._check_gone(id)

    def _check_gone(self, id: str) -> None:
        try:
            check_gone(self.machine.disk.platter, id, self._texts.get(id, ()))
        except RuleBroken as why:
            self._note(why)

    def _forget_content(self, space: Space, blob: Blob) -> None:
        try:
            space.forget(blob)
        except (NoBlob, BlobInUse):
            return
        self._emptied += 1
        if self.machine.disk.platter.has_blob(blob.id):
            self._note(RuleBroken(rule="erased", what=f"{blob!r} is still there"))

    # ---- telling ----
    async def _tell(self, space: Space, act: Tell) -> None:
        """Tell an edit as a program does, and keep what it was told about it."""
        said = self._resolved(space, act)
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
            self.promises.begin(id)
            try:
                await self._tell_once(space, act, id, self.promises.said[id])
            except StoreFailed:
                self.refused += 1
                self.promises.end(id, is_denied=True)
                if act.name == "home":
                    await asyncio.sleep(1.0)
                    await self._tell(space, act)
                    return
            except Refused:
                self._count += 1
                self.promises.end(id)
                self.promises.refused.add(id)
                self.promises.acknowledged.setdefault(id, self._count)
            else:
                self._count += 1
                self.promises.end(id)
                self.promises.acknowledged.setdefault(id, self._count)
                # From now on it goes by that name, and not before: others may be told meanwhile.
                created = [one for one in self.promises.said[id] if isinstance(one, list) and one[2] == "create"]
                self._ids |= {str(one[0]).partition(" ")[0]: str(one[0]) for one in created}
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

    def _resolved(self, space: Space, act: Tell) -> list[Plain]:
        actor = PROGRAM if act.posted else ACTOR
        known = self.promises.said.get(event_id(actor, act.name))
        if known is not None:
            return known
        made: dict[str, str] = {}
        found: list[Plain] = []
        for place, intent in enumerate(act.intents):
            if intent[2] in ("type", "cut"):
                said: Plain = self._typed(space, intent, actor, f"{act.name} {place}")
            else:
                said = self._plain(intent, made)
            if said is not None:
                found.append(said)
        return found

    def _typed(self, space: Space, intent: Intent, actor: str, session: str) -> Plain:
        """An edit of a text, against what its author sees now."""
        name, node, verb, at, what = intent
        assert isinstance(at, int)
        entity = self._id(str(name))
        with space.view() as engine:
            page = engine.node(entity, str(node))
            state = page.cell.state if isinstance(page, ToldNode) and isinstance(page.cell, TextCell) else empty_text()
        length = len(text_of(state))
        at = min(at, length)
        change = Insert(at, what) if isinstance(what, str) else Delete(at, min(at + what, length))
        description: list[Plain] = [verb, at, what]
        return [entity, node, "edit", edit_text(state, actor, [change], session=session), description]

    def _id(self, name: str) -> str:
        """Of what stories call so."""
        return self._ids.get(name, name)

    def _plain(self, intent: Intent, made: dict[str, str]) -> Plain | None:
        """An intent as events say it; None for one that cannot be said, as nothing has that name yet. `made`: what the
        same edit creates, by name."""
        name, node, verb, *args = intent
        entity = made.get(str(name)) or self._id(str(name))
        match verb:
            case "create":
                if entity in self._erased:
                    entity = made[str(name)] = f"{name} {len(self._erased) + 1}"
                return [entity, node, verb, args[0]]
            case "add":
                return [entity, node, verb, f"{args[0]:012x}", args[1]]
            case "remove":
                return [entity, node, verb, element_identity(args[0], None)]
            case "move":
                return [entity, node, verb, element_identity(args[0], None), f"{args[1]:012x}", [], ""]
            case "say":
                text = f"what {entity} was told: {args[0]!s} is {'bad' if args[0] == 4 else 'good'}"
                self._texts.setdefault(entity, {})[text] = None
                return [entity, node, "set", text]
            case "heap":
                return [entity, "", "tell", Heaped.__name__, {"by": args[0]}]
            case "point":
                return [entity, node, "set", {"entity": self._id(str(args[0])), "node": "", "element": ""}]
            case "pin":
                target = self._id(str(args[0]))
                element = self._element(target, str(args[1]), args[2])
                return element and [entity, node, "set", {"entity": target, "node": args[1], "element": element}]
            case _:
                return [entity, node, verb, *args]

    def _element(self, entity: str, node: str, name: str | int) -> str | None:
        if isinstance(name, int):
            return element_identity(name, None)
        plan = next((plan for plan in self.graph.left if plan.name == node), None)
        if plan is None:
            return None
        of_list = self.reference.elements.get((entity, plan.reads[0]))
        return (
            of_list.id_of(name)
            if of_list is not None
            else self.reference.ids.get((entity, plan.reads[0]), {}).get(name)
        )

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
            except Refused:
                self.promises.refused.add(event_id(ACTOR, name))
                self.promises.acknowledged[event_id(ACTOR, name)] = self._count

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
        check_elements(store, self.reference)
        for id in self._erased:
            check_gone(store, id, self._texts.get(id, ()))
        begins_anew = any(isinstance(act, Fill | Reopen | Redefine | Forget) for act in self.story.acts)
        was_one_life = self.machine.plan.lives == 1 and not begins_anew
        check_rebuilt(store, self._specs(), epoch=store.acquire(), was_one_life=was_one_life)
        store.release()
