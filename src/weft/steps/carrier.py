"""What whoever drives runs asks of those who carry out their steps, one of them for each kind of step.

Knows nothing of coroutines. Invariant: a carrier says of each step that it was sent at most once what it came to.
Source: ports and adapters; the activities of workflow engines.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol, TypeAlias

from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.graph import ToldNode
from weft.run_rows import StepRow
from weft.runs.replay import Asking
from weft.runs.strands import Outcome
from weft.told_runs import RunsCell

RunId: TypeAlias = tuple[str, str, str]
"""(entity, flow, run)"""


class StepFailed(WeftError):
    """{step} failed: {kind}: {why}."""

    step: str
    kind: str
    why: str


class Over(NamedTuple):
    """A step that came to something, as it is told."""

    run: RunId
    key: str
    said: Plain


class Begins(Protocol):
    """Has a coroutine run on the engine's loop."""

    def __call__(self, coroutine: Coroutine[Any, Any, None], /) -> Future[None]: ...


class Moments(NamedTuple):
    """Of a step, in microseconds since 1970: see `StepRow`."""

    due_us: int = 0
    until_us: int = 0


class Carrier(Protocol):
    """Carries out the steps of one kind. All of it happens within the engine's turns."""

    parks: bool
    """Whether steps take so long that their runs are let go of meanwhile, and taken up again from what was told."""

    def moments(self, step: Asking, /) -> Moments:
        """When something is to be done about it, and when it is over. Told with the step."""
        ...

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Begin to carry it out; it was told. `since`: where the run stands; `again`: it may have been begun before, by
        another engine, or before memory was read anew."""
        ...

    def over(self) -> Iterator[Over | Doubt | Reminder | Tried | Again]:
        """What came to something since that was last asked, or is to be noted otherwise."""
        ...

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """What its run is handed for that."""
        ...

    def forget(self, run: RunId, key: str, /) -> None:
        """Nobody waits for it any more. Harmless where it was not sent, or came to something."""
        ...


class Doubt(NamedTuple):
    """A step of which nobody knows whether it was carried out: somebody has to say what becomes of it."""

    run: RunId
    key: str
    why: str


class Tried(NamedTuple):
    """A step that was tried in vain, and rests until it is tried again: whoever takes it up counts on from there.
    `may_be_done`: whether it may have been carried out all the same."""

    run: RunId
    key: str
    why: str
    next_us: int
    may_be_done: bool = False


class Again(NamedTuple):
    """A step that is to be sent again: it has rested, or nobody carried it out, and somebody does now."""

    run: RunId
    key: str


class Reminder(NamedTuple):
    """A question that somebody is to be reminded of, and when next."""

    run: RunId
    key: str
    next_us: int


def step_row(engine: Engine, run: RunId, key: str) -> StepRow | None:
    """What was told of a step; None where nobody waits for it."""
    node = engine.node(run[0], run[1])
    row = node.cell.runs.get(run[2]) if isinstance(node, ToldNode) and isinstance(node.cell, RunsCell) else None
    return None if row is None else row.steps.get(key)


class Answered(Carrier, Protocol):
    """Carries out the steps that somebody answers."""

    def read(self, step: Asking, answer: Plain, /) -> Plain:
        """What a step comes to by an answer, as it is told; None: it is to be sent anew. Raises
        `UnfitAnswer`."""
        ...
