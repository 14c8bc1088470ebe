"""The Runner port: where a call runs, and what comes back from it.

A call is an operation with its exact arguments and services. A runner reports, from any thread, each partial value of a
generator, and then exactly one outcome. Values come back encoded (canonical bytes by the operation's return
annotation): the side that ran the call proves that its value can be kept, and a worker process ships bytes, never
objects.

Knows nothing of slots, cuts or stores.
Invariant: after its one outcome, a call reports nothing more.
Source: Erlang ports; dramatiq's workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, cast

from msgspec import Struct

from weft.blob import Blob
from weft.limits import Limits as Limits
from weft.operation import Operation
from weft.spent import Spent


class AttemptId(Struct, frozen=True, order=True, gc=False):
    """The engine's epoch and a number that increases within it."""

    epoch: int
    number: int

    @property
    def row(self) -> tuple[int, int]:
        """As rows and results hold it."""
        return self.epoch, self.number


class Call(Struct, frozen=True):
    """One execution to be done: positional `arguments`, and `services` by keyword (settings are in the operation)."""

    id: AttemptId
    operation: Operation
    arguments: tuple[object, ...]
    services: Mapping[str, object]
    timeout_s: float | None = None
    by: str = ""
    """For which entity: where many calls wait, entities take turns."""


class Partial(Struct, frozen=True):
    """The whole value so far of a generator; `index` counts from 0."""

    id: AttemptId
    index: int
    encoded: bytes


class Finished(Struct, frozen=True):
    """The call's value, as canonical bytes, and the Blobs in it that the call made: a store may not have their content
    yet, and nobody else keeps it."""

    id: AttemptId
    encoded: bytes
    took_s: float
    blobs: tuple[Blob, ...] = ()
    vectors: Mapping[str, bytes] = {}
    """Packed, by text, where matching asked for them."""
    spent: Spent | None = None
    """What the services said that it used."""


class Broke(Struct, frozen=True):
    """The call raised, timed out, was cancelled, returned what cannot be kept, or its worker died.

    `kind` is the exception's class name, `message` its text, `where` the last lines of its traceback inside user code.
    `retry` says whether trying again can help (a timeout or a dead worker can; a value of the wrong type cannot).
    """

    id: AttemptId
    kind: str
    message: str
    where: str
    retry: bool
    took_s: float
    made: bytes | None = None
    """The call's value, where only what matching asked for beside it is missing."""
    spent: Spent | None = None


Report: TypeAlias = Partial | Finished | Broke
Reporter: TypeAlias = Callable[[Report], None]


Answerer: TypeAlias = Callable[["Call"], "Finished | Broke"]


def answers_at_once(runner: Runner) -> Answerer | None:
    """The method `run` of a runner that has one: it makes a sync call without services, and returns its outcome."""
    return cast("Answerer | None", getattr(runner, "run", None))


async def calls_ended(runner: Runner) -> None:
    """Wait until what the `close` of a runner cancelled is over, where its calls run on the engine's loop."""
    if (ended := getattr(runner, "ended", None)) is not None:
        await ended()


class Runner(Protocol):
    """Runs calls somewhere. One that has a method `run` too can be asked for an answer on the spot; a coroutine method
    `ended` is awaited after `close`, before the engine's loop ends."""

    name: str
    """What `@op(runner=…)` and a service's `runner` attribute call it: "inline", "thread", "process", "loop"."""

    def start(self, call: Call, report: Reporter, /) -> None:
        """Run `call`, or queue it, and return at once (an inline runner returns when it is done). Never raises for what
        the call does: that is reported. `report` may be called from any thread."""
        ...

    def cancel(self, id: AttemptId, /) -> None:
        """Ask a call to stop: advisory. It still reports one outcome."""
        ...

    def close(self) -> None:
        """Stop taking calls, end workers and threads that this runner started; what runs is reported as broken."""
        ...
