"""Stories: everything that happens in a simulated run, as a plain value that can be printed, kept and cut down.

A story has a graph, acts in order, and what is wrong with the world it happens in. From a seed one is made; from a
story, one run.

Knows nothing of engines. Invariant: a story says all: two runs of one story write the same log.
Source: QuickCheck's generators and shrinking; Hypothesis' stateful tests, told beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from weft.testing.crash import POINTS
from weft.testing.graph_plan import GraphPlan, random_graph
from weft.testing.late_runner import Lateness

Intent: TypeAlias = tuple[str | int, ...]
"""(entity, field, verb, …): `set VALUE`, `point ENTITY`, `pin ENTITY NODE ELEMENT`, `add PLACE VALUE`, `remove VALUE`,
`move VALUE PLACE`. Elements are named by the number or the name that they are known by."""


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


Act: TypeAlias = Tell | Pause | Settle | Watch | RetryFailed | Reopen | Fail | Fill


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
        lines = [
            f"seed {self.seed}; Left has fields x and y and items xs; left and other are two of it, right reads one"
        ]
        lines += [f"  Left.{plan}" for plan in self.graph.left] + [f"  Right.{plan}" for plan in self.graph.right]
        quick = ", quick ones at once" if self.quick_inline else ""
        lines.append(
            f"  calls: up to {late.delay_s_max * 1000:.0f} ms late, {late.twice:.0%} answered twice, "
            f"{late.breaks:.0%} break, {late.outlives:.0%} outlive a crash{quick}"
        )
        return "\n".join([*lines, *(f"  {number}. {act}" for number, act in enumerate(self.acts, 1))])


VALUES = (0, 1, 2, 3, 4, 9)
ELEMENTS = (10, 11, 12, 13, 14)
ENTITIES = ("left", "other")


def make_story(seed: int, *, acts_max: int = 44) -> Story:
    """The story of a seed."""
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
    return Story(seed, graph, acts, lateness, quick_inline=rnd.random() < 0.3)


class Teller:
    """Draws acts."""

    def __init__(self, rnd: random.Random, graph: GraphPlan, pace: str) -> None:
        self.rnd, self.graph, self.pace = rnd, graph, pace
        self.number = 0
        self.pins = [p.name for p in graph.left if p.kind == "each"] + [p.name for p in graph.left if p.kind == "sizes"]

    def acts(self, count: int) -> tuple[Act, ...]:
        """That many acts, crashes among them."""
        rnd = self.rnd
        watched: list[Act] = [Watch("right", plan.name) for plan in self.graph.right]
        for entity in ("left", "other") if rnd.random() < 0.3 else ("left",):
            chosen = [plan for plan in self.graph.left if rnd.random() < 0.6]
            watched += [Watch(entity, plan.name) for plan in chosen]
        acts = [*watched, *(self._act() for _ in range(count))]
        for _ in range(rnd.choice((0, 1, 1, 2, 3))):
            point = rnd.choice(("", *POINTS))
            crash = Fail(point, rnd.randint(1, 30) if not point else rnd.randint(1, 4))
            acts.insert(rnd.randrange(len(acts) + 1), crash)
        return tuple(acts)

    def _act(self) -> Act:
        rnd, roll = self.rnd, self.rnd.random()
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

    def _tell(self) -> Tell:
        rnd = self.rnd
        self.number += 1
        intents = tuple(self._intent() for _ in range(rnd.choice((1, 1, 1, 2, 3))))
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
        if self.pins:
            kinds.append(lambda: ("right", "of", "pin", entity, *self._pinned()))
        return rnd.choice(kinds)()

    def _pinned(self) -> tuple[str, str | int]:
        name = self.rnd.choice(self.pins)
        plan = next(p for p in self.graph.left if p.name == name)
        if plan.kind == "sizes":
            return name, f"t{self.rnd.randrange(3)}"
        return name, self.rnd.choice(ELEMENTS)
