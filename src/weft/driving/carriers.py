"""Who carries out the steps of runs: one carrier for each kind, given what an engine lends to all of them.

Knows nothing of runs. Invariant: there is a carrier for each kind of step that a run can ask for.
Source: composition roots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from weft.steps.calls import Calls
from weft.steps.carrier import Answered, Begins, Carrier, RunId
from weft.steps.decisions import Decisions
from weft.steps.due import DueSteps
from weft.steps.effects import Effects
from weft.steps.nodes import AwaitedNodes
from weft.steps.questions import Questions
from weft.steps.sleeps import Sleeps

if TYPE_CHECKING:
    from weft.attempt import Attempts
    from weft.driver import Driver
    from weft.engine import Engine


BY_CLOCK = {"ask": ("ask", "decide", "doubt")} | {one: (one,) for one in ("sleep", "schedule", "call", "perform")}
"""What comes by the clock, and the kinds of waits that it is: a question is one whoever is asked; calls and effects
rest between two tries."""


class Lent(NamedTuple):
    """What an engine lends. `dues`: what comes by the clock, for each kind of `BY_CLOCK`; `ring`: has it take a turn,
    from any thread; `begin`: has a coroutine run on its loop."""

    engine: Engine
    attempts: Attempts
    drivers: Sequence[Driver[Any]]
    dues: Mapping[str, DueSteps]
    ring: Callable[[], None]
    begin: Begins


class Carriers(NamedTuple):
    """By the kind of step. `answered`: those whose steps somebody may answer; `stuck`: the steps that nobody here can
    carry out, and why."""

    others: Mapping[str, Carrier]
    answered: Mapping[str, Answered]
    stuck: Mapping[tuple[RunId, str], str]

    @property
    def all(self) -> dict[str, Carrier]:
        """Every one."""
        return {**self.others, **self.answered}


def carriers(lent: Lent) -> Carriers:
    """Those of one engine."""
    engine, attempts, ring = lent.engine, lent.attempts, lent.ring
    calls = Calls(engine, attempts.placing, lent.dues["call"], new_id=attempts.new_id, ring=ring)
    return Carriers(
        {"call": calls, "sleep": Sleeps(lent.dues["sleep"]), "node": AwaitedNodes(engine)},
        {
            "ask": Questions(engine, lent.dues["ask"]),
            "decide": Decisions(
                engine, lent.dues["ask"], attempts.services, attempts.runners["loop"], new_id=attempts.new_id, ring=ring
            ),
            "perform": Effects(engine, lent.drivers, lent.dues["perform"], begin=lent.begin, ring=ring),
        },
        calls.stuck,
    )
