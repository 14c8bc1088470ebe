"""Stories: everything that happens in a simulated run, as a plain value that can be printed, kept and cut down.

A story has a graph, acts in order, and what is wrong with the world it happens in. From a seed one is made; from a
story, one run.

Knows nothing of engines. Invariant: a story says all: two runs of one story write the same log.
Source: QuickCheck's generators and shrinking; Hypothesis' stateful tests, told beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.testing.crash import POINTS
from weft.testing.graph_change import Change, changed
from weft.testing.graph_drawing import random_changes, random_graph
from weft.testing.graph_plan import FIELDS, GraphPlan
from weft.testing.late_runner import Lateness

Intent: TypeAlias = tuple[str | int, ...]
"""(entity, field, verb, …): `set VALUE`, `say NUMBER` (a text that is found again), `point ENTITY`, `pin ENTITY NODE
ELEMENT`, `add PLACE VALUE`, `remove VALUE`, `move VALUE PLACE`; `create TYPE`, where what had that name was forgotten;
`increment BY`, `type PLACE TEXT` and `cut PLACE LENGTH` (of a text that several edit), `put KEY VALUE`, `drop KEY`, and
`heap BY` (an event that a fold of one's own takes).
Elements are named by the number or the name that they are known by."""


@dataclass(frozen=True, slots=True)
class Tell:
    """An edit. `waits`: for its acknowledgement, before anything else; `posted`: by another program, through the inbox;
    `again`: told once more, whether it was acknowledged or not; `blob`: with content beside it."""

    name: str
    intents: tuple[Intent, ...]
    waits: bool = True
    posted: bool = False
    again: bool = False
    blob: bool = False

    def __str__(self) -> str:
        """One line."""
        said = "; ".join(" ".join(map(str, intent)) for intent in self.intents)
        marks = "".join(f", {m}" for m in ("posted", "again", "blob") if getattr(self, m))
        return f"tell {self.name}: {said}{marks}{'' if self.waits else ', and do not wait'}"


@dataclass(frozen=True, slots=True)
class Pause:
    """Let some time pass."""

    seconds: float

    def __str__(self) -> str:
        return f"wait {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait until everything demanded is settled."""

    def __str__(self) -> str:
        return "wait until all is settled"


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody looks at a node from now on."""

    entity: str
    node: str

    def __str__(self) -> str:
        return f"watch {self.entity}.{self.node}"


@dataclass(frozen=True, slots=True)
class RetryFailed:
    """What shows an error is tried again."""

    def __str__(self) -> str:
        return "retry what failed"


@dataclass(frozen=True, slots=True)
class Reopen:
    """The program ends in good order, and is started again."""

    def __str__(self) -> str:
        return "close, and open again"


@dataclass(frozen=True, slots=True)
class Fail:
    """The machine loses power at the `count`th pass of a point from now on."""

    point: str
    count: int

    def __str__(self) -> str:
        return f"crash at {self.point or 'any point'!r}, the {self.count}. time from here"


@dataclass(frozen=True, slots=True)
class Fill:
    """The next writes are refused, as by a full disk."""

    writes: int

    def __str__(self) -> str:
        return f"the disk refuses {self.writes} writes"


@dataclass(frozen=True, slots=True)
class Redefine:
    """The types change: before the program starts again, or (`live`) while it runs. `back`: first to what they were in
    the beginning."""

    changes: tuple[Change, ...]
    live: bool = False
    back: bool = False

    def __str__(self) -> str:
        """One line."""
        said = ["as in the beginning"] * self.back + [str(change) for change in self.changes]
        return f"define {'at once' if self.live else 'and open again'}: {'; '.join(said)}"


@dataclass(frozen=True, slots=True)
class Forget:
    """An entity is erased, by the name that stories call it; or content that came beside the edit of a name."""

    entity: str = ""
    blob: str = ""

    def __str__(self) -> str:
        """One line."""
        return f"forget {self.entity or f'the content beside {self.blob}'}"


Act: TypeAlias = Tell | Pause | Settle | Watch | RetryFailed | Reopen | Redefine | Forget | Fail | Fill


@dataclass(frozen=True, slots=True)
class Story:
    """What happens. `seed` decides what chance is left: delays, order, dice."""

    seed: int
    graph: GraphPlan
    acts: tuple[Act, ...]
    lateness: Lateness = field(default_factory=Lateness)
    quick_inline: bool = False

    def __str__(self) -> str:
        """Readable, a line for each node and act."""
        late = self.lateness
        lines = [f"seed {self.seed}; Left is told {', '.join(FIELDS)}; left and other are two, right reads one"]
        lines += [f"  {name}.{plan}" for name in ("Left", "Right", "Link") for plan in self.graph.of(name)]
        quick = ", quick ones at once" if self.quick_inline else ""
        lines.append(
            f"  calls: up to {late.delay_s_max * 1000:.0f} ms late, {late.twice:.0%} answered twice, "
            f"{late.breaks:.0%} break, {late.outlives:.0%} outlive a crash{quick}"
        )
        return "\n".join([*lines, *(f"  {number}. {act}" for number, act in enumerate(self.acts, 1))])


def redefined(graph: GraphPlan, first: GraphPlan, act: Redefine) -> GraphPlan:
    """The graph after an act; `first`: as it was in the beginning."""
    graph = first if act.back else graph
    for change in act.changes:
        graph = changed(graph, change)
    return graph


def graphs_of(story: Story) -> list[GraphPlan]:
    """Every graph that a story comes to, in order."""
    graphs = [story.graph]
    for act in story.acts:
        if isinstance(act, Redefine):
            graphs.append(redefined(graphs[-1], story.graph, act))
    return graphs


VALUES = (0, 1, 2, 3, 4, 9)
ELEMENTS = (10, 11, 12, 13, 14)
ENTITIES = ("left", "other")
LINKS = ("a", "b", "c")
"""What stories with a Link call three of it. At first `a` leads to `left`, `b` to `a`, and `c` to `other`."""


def make_story(seed: int, *, acts_max: int = 38) -> Story:
    """The story of a seed."""
    from weft.testing.weaving import woven  # it tells in the words of this module

    rnd = random.Random(f"story {seed}")
    graph = random_graph(rnd)
    pace = rnd.choice(("calm", "calm", "hurried", "constant"))
    lateness = Lateness(
        delay_s_max=rnd.choice((0.005, 0.05, 0.15)),
        prompt=rnd.choice((0.0, 0.3, 0.8)),
        twice=rnd.choice((0.0, 0.1, 0.4)),
        breaks=rnd.choice((0.0, 0.0, 0.1, 0.3)),
        outlives=rnd.choice((0.0, 0.5, 1.0)),
    )
    teller = Teller(rnd, graph, pace)
    acts = teller.acts(rnd.randint(8, acts_max))
    story = Story(seed, graph, acts, lateness, quick_inline=rnd.random() < 0.3)
    return woven(story, random.Random(f"woven {seed}"))


class Teller:
    """Draws acts."""

    def __init__(self, rnd: random.Random, graph: GraphPlan, pace: str) -> None:
        self.rnd, self.graph, self.pace = rnd, graph, pace
        self.first = graph
        self.number = self.changes = 0
        self.is_erased: dict[str, bool] = {}
        self.ways = {"a": "left", "b": "a", "c": "other"}
        """Where links lead, as far as their edits are not refused."""
        self.redefines = 0.06 if rnd.random() < 0.25 else 0.0
        self.forgets = 0.05 if rnd.random() < 0.25 else 0.0
        self.pins = [p.name for p in graph.left if p.kind == "each"] + [p.name for p in graph.left if p.kind == "sizes"]

    def acts(self, count: int) -> tuple[Act, ...]:
        """That many acts, crashes among them."""
        rnd = self.rnd
        watched: list[Act] = [Watch("right", plan.name) for plan in self.graph.right]
        for entity in ("left", "other") if rnd.random() < 0.3 else ("left",):
            chosen = [plan for plan in self.graph.left if rnd.random() < 0.6]
            watched += [Watch(entity, plan.name) for plan in chosen]
        watched += [Watch(link, plan.name) for link in LINKS for plan in self.graph.links if rnd.random() < 0.6]
        acts = [*watched, *(self._act() for _ in range(count))]
        for _ in range(rnd.choice((0, 1, 1, 2, 3))):
            point = rnd.choice(("", *POINTS))
            crash = Fail(point, rnd.randint(1, 30) if not point else rnd.randint(1, 4))
            acts.insert(rnd.randrange(len(acts) + 1), crash)
        return tuple(self._with_crashes(acts))

    def _with_crashes(self, acts: list[Act]) -> Iterator[Act]:
        """Some in the middle of what is seldom, too."""
        for act in acts:
            if isinstance(act, Redefine | Forget) and self.rnd.random() < 0.3:
                points = ["before commit", "after commit"] + ["types defined"] * isinstance(act, Redefine)
                yield Fail(self.rnd.choice(points), 1)
            yield act

    def _act(self) -> Act:
        rnd = self.rnd
        if self.redefines and rnd.random() < self.redefines:
            return self._redefine()
        if self.forgets and rnd.random() < self.forgets:
            return self._forget()
        roll = rnd.random()
        if roll < 0.62:
            return self._tell()
        if roll < 0.74:
            return Pause(rnd.choice((0.001, 0.02, 0.1)))
        if roll < 0.86 and self.pace != "constant":
            return Settle()
        if roll < 0.9:
            return RetryFailed()
        if roll < 0.93:
            return Watch(rnd.choice(ENTITIES), rnd.choice(self.graph.left).name)
        if roll < 0.95:
            return Reopen()
        if roll < 0.965:
            return Fill(rnd.randint(1, 2))
        return self._tell()

    def _redefine(self) -> Redefine:
        rnd = self.rnd
        self.changes += 1
        back = rnd.random() < 0.25 and self.graph != self.first
        graph = self.first if back else self.graph
        changes = random_changes(rnd, graph, self.changes) if not back or rnd.random() < 0.3 else ()
        act = Redefine(changes, live=rnd.random() < 0.5, back=back)
        self.graph = redefined(self.graph, self.first, act)
        return act

    def _forget(self) -> Forget:
        rnd = self.rnd
        if self.number and rnd.random() < 0.2:
            return Forget(blob=rnd.choice((f"e{rnd.randint(1, self.number)}", str(rnd.randrange(5)))))
        entity = rnd.choice(("left", "other", "other", *(LINKS if self.graph.links else ()), "right"))
        self.is_erased[entity] = True
        return Forget(entity)

    def _tell(self) -> Tell:
        rnd = self.rnd
        self.number += 1
        intents = tuple(self._intent() for _ in range(rnd.choice((1, 1, 1, 2, 3))))
        if self.graph.links and rnd.random() < 0.25:
            intents = self._trade()
        gone = [name for name, is_gone in self.is_erased.items() if is_gone]
        if gone and rnd.random() < 0.3:
            intents = self._created(rnd.choice(gone))
        waits = rnd.random() < {"calm": 0.9, "hurried": 0.4, "constant": 0.2}[self.pace]
        chance = rnd.random()
        return Tell(
            f"e{self.number}", intents, waits, posted=chance < 0.1, again=0.1 < chance < 0.2, blob=0.2 < chance < 0.23
        )

    def _intent(self) -> Intent:
        rnd = self.rnd
        entity = rnd.choice(("left", "left", "other"))
        kinds: list[Callable[[], Intent]] = [
            lambda: (entity, rnd.choice("xy"), "set", rnd.choice(VALUES)),
            lambda: (entity, rnd.choice("xy"), "set", rnd.choice(VALUES)),
            lambda: (entity, "xs", "add", rnd.randrange(1, 900), rnd.choice(ELEMENTS)),
            lambda: (entity, "xs", "remove", rnd.choice(ELEMENTS)),
            lambda: (entity, "xs", "move", rnd.choice(ELEMENTS), rnd.randrange(1, 900)),
            lambda: ("right", "to", "point", rnd.choice(ENTITIES)),
        ]
        if self.forgets or rnd.random() < 0.1:
            kinds.append(lambda: (entity, "note", "say", rnd.randrange(6)))
        if self.pins:
            kinds.append(lambda: ("right", "of", "pin", entity, *self._pinned()))
        return rnd.choice(kinds)()

    def _created(self, name: str) -> tuple[Intent, ...]:
        """Another in its place."""
        self.is_erased[name] = False
        if name in ENTITIES:
            return ((name, "", "create", "Left"), (name, "x", "set", self.rnd.choice(VALUES)))
        if name == "right":
            return (("right", "", "create", "Right"), ("right", "to", "point", self.rnd.choice(ENTITIES)))
        return ((name, "", "create", "Link"), (name, "next", "point", self.rnd.choice(ENTITIES)))

    def _trade(self) -> tuple[Intent, ...]:
        """Links that trade where they lead, or turn round; now and then so that they would close a ring."""
        rnd = self.rnd
        one, two, three = rnd.sample(LINKS, 3)
        ways = dict(self.ways)
        match rnd.choice(("swap", "swap", "turn", "round", "point", "right")):
            case "swap":
                ways[one], ways[two] = ways[two], ways[one]
            case "turn":  # two → one → … becomes one → two → …
                one, two = next(((way, link) for link, way in ways.items() if way in ways), (one, two))
                ways[two], ways[one] = ways[one], two
            case "round":
                ways[one], ways[two], ways[three] = ways[two], ways[three], ways[one]
            case "point":
                ways[one] = rnd.choice((*ENTITIES, *LINKS))
            case _:
                return (("right", "to", "point", rnd.choice((*LINKS, *ENTITIES))),)
        changed = {link: way for link, way in ways.items() if way != self.ways[link]}
        if not leads_round(ways):
            self.ways = ways
        told = rnd.sample(sorted(changed), len(changed))
        return tuple((link, "next", "point", changed[link]) for link in told) or (self._intent(),)

    def _pinned(self) -> tuple[str, str | int]:
        name = self.rnd.choice(self.pins)
        plan = next(p for p in self.first.left if p.name == name)
        if plan.kind == "sizes":
            return name, f"t{self.rnd.randrange(3)}"
        return name, self.rnd.choice(ELEMENTS)


def leads_round(ways: Mapping[str, str]) -> bool:
    """Whether links that lead there would close a ring."""
    for link in ways:
        place, steps = ways[link], 0
        while place in ways and steps <= len(ways):
            place, steps = ways[place], steps + 1
        if place in ways:
            return True
    return False
