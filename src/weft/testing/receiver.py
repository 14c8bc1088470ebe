"""A simulated receiver of effects: it outlives the programs that ask it, and does not always say what it did.

What it is asked for it may do late, do and not say so, say it does not know, refuse, or not even hear of; and whoever
asks may lose its power while it is at it. It honours keys for effects that are tried again when they are in doubt, and
for no others: there it does again what it is asked for again.

Knows nothing of runs. Invariant: every receipt is another; it names its key, and what was done is never undone.
Source: the payment services that durable execution is there for; Jepsen's nemesis.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from weft.driver import EffectRefused, InDoubt, NotReached
from weft.testing.crash import Life
from weft.testing.flow_types import Contract, Launch, Letter, Ring
from weft.testing.simulated_loop import SimulatedLoop

Deed: TypeAlias = Ring | Letter | Launch | Contract
Fate: TypeAlias = Literal[
    "at once", "late", "never heard of again", "done and not said", "neither", "no line", "refused", "slow"
]
FATES: tuple[Fate, ...] = ("late", "never heard of again", "done and not said", "neither", "no line", "refused", "slow")
SLOW_S = 2.5
EFFECT_POINTS = ("effect asked for", "effect carried out")
"""Where a program dies beside the points of engines and stores: with its wish on the way, and with its answer."""


@dataclass(slots=True)
class Try:
    """One time that somebody asked."""

    key: str
    deed: Deed
    life: int
    by_zombie: bool
    """Whether whoever asked had lost its lease by then."""
    reached: bool = True
    """False where it surely was not carried out, and whoever asked was told so."""


@dataclass
class Receiver:
    """One receiver. `trouble`: how often, between 0 and 1, something is wrong."""

    loop: SimulatedLoop
    rnd: random.Random
    trouble: float
    tries: list[Try] = field(default_factory=list)
    receipts: dict[str, list[str]] = field(default_factory=dict)
    """By key, in the order in which it carried them out."""
    done: int = 0
    armed: tuple[str, int] | None = None
    """Where the program that asks dies next."""
    die: Callable[[str], None] = lambda point: None
    on_try: Callable[[Try], None] = lambda one: None
    """Whoever looks at each try."""

    def soothe(self) -> None:
        """From now on all goes well."""
        self.trouble, self.armed = 0.0, None

    def pass_by(self, point: str) -> None:
        """Die here, where the plan says so."""
        if self.armed is None or self.armed[0] != point:
            return
        name, count = self.armed
        self.armed = None if count <= 1 else (name, count - 1)
        if count <= 1:
            self.die(point)

    def fate(self) -> Fate:
        """What becomes of a wish."""
        return self.rnd.choice(FATES) if self.rnd.random() < self.trouble else "at once"

    def carry_out(self, key: str, deed: Deed) -> str:
        """Do it; returns the receipt."""
        given = self.receipts.setdefault(key, [])
        if isinstance(deed, Ring | Contract) and given:
            return given[0]
        self.done += 1
        given.append(f"{key}#{self.done}")
        return given[-1]


class ReceiverDriver:
    """The driver of one engine."""

    effects: tuple[type[Any], ...] = (Ring, Letter, Launch, Contract)

    def __init__(self, receiver: Receiver, life: Life) -> None:
        self._receiver, self._life = receiver, life
        self.is_zombie = False
        """Whether its engine lost its lease."""

    async def carry_out(self, effect: Deed, key: str, /) -> str:
        """Ask for it, and see what becomes of that."""
        receiver = self._receiver
        self._life.check()
        one = Try(key, effect, self._life.number, self.is_zombie)
        receiver.tries.append(one)
        receiver.on_try(one)
        receiver.pass_by("effect asked for")
        fate, delay_s = receiver.fate(), receiver.rnd.random() * 0.3
        match fate:
            case "no line":
                one.reached = False
                raise NotReached(effect=type(effect).__name__, why="nobody is there", after_s=delay_s)
            case "refused":
                raise EffectRefused(effect=type(effect).__name__, why="the answer is no")
            case "neither":
                await asyncio.sleep(delay_s)
                raise InDoubt(effect=type(effect).__name__, why="no answer", after_s=delay_s)
            case "never heard of again":
                # It is carried out whoever is still there then.
                receiver.loop.call_later(delay_s, receiver.carry_out, key, effect)
                raise TimeoutError("the line went dead")
            case "late" | "slow":
                receiver.loop.call_later(delay_s, receiver.carry_out, key, effect)
                await asyncio.sleep(SLOW_S if fate == "slow" else delay_s + 0.001)
                receipt = receiver.receipts[key][-1]
            case _:
                receipt = receiver.carry_out(key, effect)
        receiver.pass_by("effect carried out")
        if fate == "done and not said":
            raise InDoubt(effect=type(effect).__name__, why="the answer was lost", after_s=delay_s)
        return receipt
