"""Crashes: where a simulated program dies, and that it does.

A plan is armed with the name of a point and how many times it is still to be passed; whoever passes it the last time
dies there. Points are those that engines and stores name (`weft.points`, `weft.stores.points`).

Knows nothing of what a point means. Invariant: an armed plan kills once.
Source: fail points as in TiKV.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from weft.points import ENGINE_POINTS, RUN_POINTS

STORE_POINTS = ("lease taken", "before commit", "after commit", "inbox posted", "blob kept", "lease released")
"""The points of stores that a simulated store passes: those of files alone have no part in it."""
POINTS = (*ENGINE_POINTS, *STORE_POINTS)
"""Every point at which a simulated program can die, but for those that only runs of flows pass."""


class Crash(BaseException):
    """The simulated machine lost its power. Not an Exception: no program can handle that."""


class CrashPlan:
    """Where the next crash is, and which life of the machine is the present one."""

    def __init__(self) -> None:
        self.armed: tuple[str, int] | None = None
        self.lives = 0
        self.is_down = True
        """Whether the machine is without power."""
        self.on_death: Callable[[], None] = lambda: None
        self.crashes: Counter[str] = Counter()
        """How often a program died at each point."""
        self.passed: Counter[str] = Counter()
        """How often each point was passed."""

    def begin(self) -> Life:
        """The machine is started."""
        self.lives, self.is_down = self.lives + 1, False
        return Life(self, self.lives)

    def arm(self, point: str = "", count: int = 1) -> None:
        """Die when `point` is passed for the `count`th time from now on; "": at the `count`th point of all."""
        assert point in POINTS or point in RUN_POINTS or not point, point
        self.armed = (point, count)

    def die(self, point: str) -> None:
        """Lose power now."""
        self.crashes[point] += 1
        self.armed, self.is_down = None, True
        self.on_death()
        raise Crash()


class Life:
    """The machine from one start to its end; what belongs to a life that is over can do nothing any more."""

    def __init__(self, plan: CrashPlan, number: int) -> None:
        self.plan, self.number = plan, number

    @property
    def is_over(self) -> bool:
        """Whether the machine has died, or lives again, since."""
        return self.plan.is_down or self.plan.lives != self.number

    def check(self) -> None:
        """Raises `Crash` in whatever still runs in a life that is over."""
        if self.is_over:
            raise Crash()

    def pass_by(self, name: str) -> None:
        """What the program's parts call at each point; the one that the plan names is the last."""
        self.check()
        assert name in POINTS or name in RUN_POINTS, name
        plan = self.plan
        plan.passed[name] += 1
        if plan.armed is None or plan.armed[0] not in ("", name):
            return
        point, count = plan.armed
        if count <= 1:
            plan.die(name)
        plan.armed = (point, count - 1)
