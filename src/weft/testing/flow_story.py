"""Stories of flows: who edits, answers, cancels and retries what, when the power fails, and what else goes wrong.

Knows nothing of engines. Invariant: a story says all: two runs of one story write the same log.
Source: QuickCheck's generators; the stories of computed nodes beside this.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from weft.testing.crash import POINTS
from weft.testing.flow_script import Act, Script, ScriptTeller
from weft.testing.flow_types import FLOWS, GO, HOP, JUMP
from weft.testing.late_runner import Lateness
from weft.testing.receiver import EFFECT_POINTS

How: TypeAlias = Literal["right", "wrong", "leave"]
Verb: TypeAlias = Literal["cancel", "rewind", "restart", "adopt"]
JOBS = ("job 1", "job 2")
PEOPLE = ("ann", "bob")
_NEVER = ("content kept", "made content kept", "blob kept", "partial shown", "retry woken")
FLOW_POINTS = (*(point for point in POINTS if point not in _NEVER), *EFFECT_POINTS)
"""Every point at which a program of these stories can die: they make no blobs, and no generators."""
_AWAITED = ("made", "gone", "hopped", "counted")


@dataclass(frozen=True, slots=True)
class Set:
    """Somebody edits a field of a job. `waits`: for its acknowledgement, before anything else; `posted`: through the
    inbox, by another program; `again`: told once more, whether it was acknowledged or not."""

    name: str
    job: str
    values: tuple[tuple[str, str | int], ...]
    by: str = "ann"
    waits: bool = True
    posted: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody answers one of the open questions. `how`: as it is asked for, with what does not fit, or past checks;
    `again`: told once more; `also`: somebody else answers the same question too, with something else."""

    name: str
    pick: int
    how: How = "right"
    by: str = "ann"
    waits: bool = True
    posted: bool = False
    also: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Somebody says something of the newest run of a flow."""

    name: str
    verb: Verb
    job: str
    flow: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Let some time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The power fails when a point is passed for the `count`th time from now on."""

    point: str
    count: int


@dataclass(frozen=True, slots=True)
class Fill:
    """So many writes are refused from now on."""

    writes: int


@dataclass(frozen=True, slots=True)
class Reopen:
    """The program ends, and opens the space again, with the types in one version or the other."""

    is_later: bool


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Another engine takes the lease over, as that of a program that stood still for too long; which goes on then."""


@dataclass(frozen=True, slots=True)
class Look:
    """Each run that goes on is replayed from the log, beside the one that goes on."""


FlowAct: TypeAlias = Set | Answer | Say | Pause | Fail | Fill | Reopen | TakeOver | Look


@dataclass(frozen=True)
class FlowStory:
    """All that happens."""

    seed: int
    scripts: Mapping[str, Mapping[str, Script]]
    """By job and flow."""
    acts: tuple[FlowAct, ...]
    lateness: Lateness = Lateness(0.0, 1.0, 0.0, 0.0, 0.0)  # noqa: RUF009  frozen
    trouble: float = 0.0
    doubts: float = 0.0
    """How often a model has no answer, or one that does not fit."""
    is_later: bool = field(default=False)

    def __str__(self) -> str:
        """What happens, a line each."""
        scripts = [
            f"{job}.{flow}: {json.dumps(script)}" for job, of in self.scripts.items() for flow, script in of.items()
        ]
        world = f"{self.lateness}, trouble {self.trouble}, doubts {self.doubts}, later {self.is_later}"
        return "\n".join([f"flows {self.seed}, {world}", *scripts, *map(str, self.acts)])


def make_flow_story(seed: int) -> FlowStory:
    """The story of a seed."""
    rnd = random.Random(f"flows {seed}")
    lateness = Lateness(
        delay_s_max=rnd.choice((0.005, 0.05, 0.15)),
        prompt=rnd.choice((0.0, 0.3, 0.8)),
        twice=rnd.choice((0.0, 0.1, 0.4)),
        breaks=rnd.choice((0.0, 0.0, 0.1, 0.25)),
        outlives=rnd.choice((0.0, 0.5, 1.0)),
    )
    scripts = {job: {flow: _script(rnd, flow) for flow in FLOWS if rnd.random() < 0.75} for job in JOBS}
    # Drawn apart: what a story is like that has no contracts does not hang on which have some.
    clerk = random.Random(f"approvals {seed}")
    if clerk.random() < 0.4:
        scripts = {job: {flow: _signed(clerk, script) for flow, script in of.items()} for job, of in scripts.items()}
    acts = FlowTeller(rnd).acts(rnd.randint(8, 30))
    trouble, doubts = rnd.choice((0.0, 0.2, 0.6)), rnd.choice((0.0, 0.5))
    return FlowStory(seed, scripts, acts, lateness, trouble, doubts, is_later=rnd.random() < 0.5)


def _script(rnd: random.Random, flow: str) -> Script:
    # A number that flows edit fires others: those do not edit it, or nothing would ever come to rest. Of two flows one
    # awaits the other at most, or each would wait for the other for ever.
    others = tuple(each for each in _AWAITED if FLOWS.index(each) < FLOWS.index(flow))
    return ScriptTeller(rnd, flows=others, sets=flow in ("made", "gone", "hopped")).script()


def _signed(clerk: random.Random, script: Script) -> Script:
    """With contracts in place of some rings, which somebody has to approve of."""
    return [_signed_act(clerk, act) for act in script]


def _signed_act(clerk: random.Random, act: Act) -> Act:
    if act[:2] == ["perform", "ring"]:
        return ["perform", clerk.choice(("ring", "contract")), *act[2:]]
    return [_signed_act(clerk, part) if isinstance(part, list) else part for part in act]


class FlowTeller:
    """Draws acts."""

    def __init__(self, rnd: random.Random) -> None:
        self._rnd = rnd
        self._count = 0
        self._hurry = rnd.choice((0.05, 0.3, 0.8))
        self._moves = rnd.choice((0.0, 0.0, 0.04))
        """How often the space is opened again, or taken over."""

    def acts(self, count: int) -> tuple[FlowAct, ...]:
        """So many, crashes among them."""
        rnd = self._rnd
        acts = [self._act() for _ in range(count)]
        for _ in range(rnd.choice((0, 1, 1, 2, 3, 8))):
            point = rnd.choice((*FLOW_POINTS, *EFFECT_POINTS, "before commit", "after commit", "after commit"))
            many = 12 if point.endswith("commit") else 3
            acts.insert(rnd.randrange(len(acts) + 1), Fail(point, rnd.randint(1, many)))
        return tuple(self._with_crashes(acts))

    def _with_crashes(self, acts: list[FlowAct]) -> Iterator[FlowAct]:
        """Some where what another program said is taken up by the one that opens the space."""
        for act in acts:
            yield act
            if isinstance(act, Answer | Set) and act.posted and self._rnd.random() < 0.4:
                yield Fail(self._rnd.choice(("inbox kept", "inbox folded")), 1)
                yield Reopen(self._rnd.random() < 0.5)

    def _act(self) -> FlowAct:
        rnd = self._rnd
        self._count += 1
        name, waits = f"e{self._count}", rnd.random() >= self._hurry
        roll = rnd.random()
        if roll < self._moves:
            return rnd.choice((Reopen(True), Reopen(False), TakeOver()))
        if roll < 0.38:
            return self._set(name, waits=waits)
        if roll < 0.62:
            how: How = rnd.choice(("right", "right", "right", "wrong", "leave"))
            posted, also = rnd.random() < 0.15, rnd.random() < 0.2
            return Answer(name, rnd.randrange(8), how, rnd.choice(("ann", "ann", "bob")), waits, posted, also)
        if roll < 0.82:
            return Pause(rnd.choice((0.001, 0.03, 0.2, 1.0)))
        if roll < 0.91:
            verb: Verb = rnd.choice(("cancel", "cancel", "rewind", "rewind", "restart", "adopt"))
            return Say(name, verb, rnd.choice(JOBS), rnd.choice(FLOWS[:-1]))
        if roll < 0.96:
            return Look()
        return Fill(rnd.randint(1, 2)) if rnd.random() < 0.5 else Pause(0.0)

    def _set(self, name: str, *, waits: bool) -> Set:
        rnd = self._rnd
        values = tuple(self._value() for _ in range(rnd.choice((1, 1, 2))))
        chance = rnd.random()
        posted, again = chance < 0.12, 0.12 < chance < 0.25
        return Set(name, rnd.choice(JOBS), values, rnd.choice(("ann", "ann", "bob")), waits, posted, again)

    def _value(self) -> tuple[str, str | int]:
        rnd = self._rnd
        roll = rnd.random()
        if roll < 0.55:
            return "status", rnd.choice((GO, GO, HOP, JUMP, JUMP, ""))
        return ("number", rnd.randrange(6)) if roll < 0.92 else ("chief", rnd.choice(PEOPLE))


def smaller_stories(story: FlowStory) -> Iterator[FlowStory]:
    """Stories a step smaller, the boldest first."""
    size = (len(story.acts) + 1) // 2
    while size:
        for start in range(0, len(story.acts), size):
            yield replace(story, acts=(*story.acts[:start], *story.acts[start + size :]))
        size //= 2
    for job, of in story.scripts.items():
        for flow, script in of.items():
            for shorter in _shorter(script):
                yield replace(story, scripts={**story.scripts, job: {**of, flow: shorter}})
    for calm in ({"lateness": FlowStory(0, {}, ()).lateness}, {"trouble": 0.0}, {"doubts": 0.0}):
        if any(getattr(story, name) != value for name, value in calm.items()):
            yield replace(story, **calm)


def _shorter(script: Script) -> Iterator[Script]:
    if script:
        yield []
    for place in range(len(script)):
        yield [*script[:place], *script[place + 1 :]]
    for place, act in enumerate(script):
        for inner in _inner(act):
            yield [*script[:place], *inner, *script[place + 1 :]]


def _inner(act: list[object]) -> Iterator[Script]:
    """What stands in an act, in its place."""
    for part in act[1:]:
        if isinstance(part, list) and part:
            yield part if isinstance(part[0], list) else [part]


def shrink_story(story: FlowStory, breaks: Callable[[FlowStory], bool], *, runs_max: int = 600) -> FlowStory:
    """The smallest story found in so many runs. `breaks`: whether a story still shows what is looked for."""
    is_smaller = True
    while is_smaller and runs_max > 0:
        is_smaller = False
        for smaller in smaller_stories(story):
            runs_max -= 1
            if smaller != story and breaks(smaller):
                story, is_smaller = smaller, True
                break
            if runs_max <= 0:
                break
    return story
