"""Strands: a flow's coroutine, and those that it runs beside each other, driven by hand from step to step.

No event loop runs a flow. Whoever drives it starts it, is told which steps it awaits, and hands it what a step came to;
then the flow goes on until all its strands await something again, or it is over. So a flow does the same whenever it is
handed the same outcomes in the same order, and a run can be let go of at any moment and be replayed later.

Knows nothing of records, engines or what a step is.
Invariant: between two calls of the driver every strand awaits a step, or other strands. What is handed over goes to the
one strand that awaits it, and the strands behind it go on in the order in which they were begun.
Source: coroutines as one-shot continuations; the deterministic workers of workflow engines.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar, cast

from weft.content import Plain
from weft.errors import WeftError
from weft.failure import is_ctrl_c

T = TypeVar("T")
ENDINGS_MAX = 100
"""How many awaits a strand may make while it ends: each is answered by the same."""


OUTSIDE_MAX = 100
"""How often a run may await what is no step before it awaits a step: then it ends, whatever its code does."""


class AwaitedOutside(WeftError):
    """{flow} awaits {what}, which is no step of its run: it would be waited for by this process alone, and not when the
    run is replayed. Await run.call(…), run.ask(…), run.sleep(…) or a node of an entity, and do what is slow in an
    operation."""

    flow: str
    what: str


class LetGo(BaseException):
    """The run is not driven any further here: it waits, or was cancelled. Passes by `except Exception`; what is begun
    while it passes comes to nothing."""


class Cancelled(BaseException):
    """The run is to end. Passes by `except Exception`; whoever catches it may await steps that put things right, and
    lets it pass then."""


class ContinuedAsNew(BaseException):
    """The run ends here, and another goes on from its flow's beginning, with what is `carried`. Passes by `except
    Exception`."""

    def __init__(self, carried: Plain) -> None:
        super().__init__("the run continues as a new one")
        self.carried = carried


class StepKey(NamedTuple):
    """Which step of a run it is: what it asks for, and the how-manieth time that the run asks for that."""

    asks: Hashable
    occurrence: int


class Value(NamedTuple):
    """What a step came to."""

    value: object


class Raised(NamedTuple):
    """That it failed."""

    error: BaseException


Outcome: TypeAlias = Value | Raised


class Refusal(NamedTuple):
    """That a step is not to be done, and what is raised in its place. One that `is_last` ends the run, whatever its
    code does."""

    error: Exception
    is_last: bool


class Step(Generic[T]):
    """What a strand awaits; driven, it is named by what it asks for."""

    def __init__(self, asks: Hashable) -> None:
        self.asks = asks

    def __await__(self) -> Generator[Any, Any, T]:
        """Have the driver answer."""
        return cast("T", (yield self))


class Beside(Generic[T]):
    """Strands that run beside each other; awaited until `all` are over, or the `first`."""

    def __init__(self, strands: Sequence[Awaitable[T]], until: Literal["all", "first"]) -> None:
        if unfit := [type(one).__name__ for one in strands if not hasattr(one, "__await__")]:
            raise TypeError(
                f"run.gather and run.first take what is awaited, one by one, as in run.gather(*steps), not a {unfit[0]}"
            )
        self.strands, self.until = strands, until

    def __await__(self) -> Generator[Any, Any, list[T]]:
        """Have the driver run them. Of `all` their values, in order; of the `first` its alone."""
        return cast("list[T]", (yield self))


class _Strand:
    """One coroutine. `above`: the strand that waits for it; `below`: those that it waits for; or the `step` that it
    awaits."""

    __slots__ = ("above", "below", "came_to", "coroutine", "is_over", "left", "step", "until", "was_ended")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], above: _Strand | None = None) -> None:
        self.coroutine, self.above = coroutine, above
        self.below: list[_Strand] = []
        self.until: Literal["all", "first"] = "all"
        self.left = 0
        self.step: StepKey | None = None
        self.came_to: Outcome | None = None
        self.is_over = self.was_ended = False


class Strands:
    """One run's, from its beginning on."""

    def __init__(
        self, flow: str, coroutine: Coroutine[Any, Any, Any], ask: Callable[[], Refusal | None] = lambda: None
    ) -> None:
        """`flow`: its name, for errors; `ask`: whether one more step may be asked for."""
        self.awaited: dict[StepKey, Step[Any]] = {}
        """The steps that are awaited now, in the order in which they were asked for."""
        self.new: dict[StepKey, Step[Any]] = {}
        """Of those, the ones that were asked for since that was last taken."""
        self.dropped: list[StepKey] = []
        """Those that are not awaited any more since that was last taken, and came to nothing."""
        self.outcome: Outcome | None = None
        """What the flow came to, once it is over."""
        self._flow, self._ask = flow, ask
        self._timer: tuple[StepKey, Callable[[], BaseException]] | None = None
        self._asked: Counter[Hashable] = Counter()
        self._outside = 0
        """How often something was awaited that is no step, since a step was."""
        self._by: dict[StepKey, _Strand] = {}
        self._main = _Strand(coroutine)
        self._ready: deque[tuple[_Strand, Outcome]] = deque()

    def start(self) -> None:
        """Go on to the first steps. Once."""
        self._go_on(self._main, Value(None))

    def resume(self, key: StepKey, outcome: Outcome) -> None:
        """Hand over what an awaited step came to. Raises KeyError for a step that nobody awaits."""
        del self.awaited[key]
        self.new.pop(key, None)
        if self._timer is not None and key == self._timer[0]:
            self._interrupt(self._timer[1])
        else:
            strand = self._by.pop(key)
            strand.step = None
            self._go_on(strand, outcome)

    def watch(self, step: Step[Any], raises: Callable[[], BaseException]) -> None:
        """Await a step beside all strands: once it has come to something, whatever they await is interrupted by this.
        One at most."""
        key = StepKey(step.asks, 0)
        self.awaited[key] = self.new[key] = step
        self._timer = (key, raises)

    def cancel(self) -> None:
        """Have whatever awaits a step hear `Cancelled` in its place, the newest first. The run goes on to what it
        awaits then, and is over when it awaits nothing any more. Harmless when over."""
        self._interrupt(Cancelled)

    def _interrupt(self, raises: Callable[[], BaseException]) -> None:
        for strand in reversed(list(self._by.values())):
            self._drop(strand)
            self._ready.append((strand, Raised(raises())))
        self._run()

    def _drop(self, strand: _Strand) -> None:
        """The step that a strand awaits, if it does, is awaited no longer."""
        key, strand.step = strand.step, None
        if key is not None:
            del self._by[key], self.awaited[key]
            if self.new.pop(key, None) is None:
                self.dropped.append(key)

    def let_go(self) -> None:
        """End all strands where they are: what they ask for from now on is not done. Harmless when over."""
        self._ready.clear()
        self._end_below(self._main)
        self._end(self._main)

    # ---- driving ----
    def _go_on(self, strand: _Strand, outcome: Outcome) -> None:
        self._ready.append((strand, outcome))
        self._run()

    def _run(self) -> None:
        while self._ready and self.outcome is None:
            strand, outcome = self._ready.popleft()
            if not strand.is_over:
                self._advance(strand, outcome)

    def _advance(self, strand: _Strand, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, Raised):
                asked = strand.coroutine.throw(outcome.error)
            else:
                asked = strand.coroutine.send(outcome.value)
        except StopIteration as returned:
            self._over(strand, Value(returned.value))
        except BaseException as why:  # whatever a flow raises is what its run came to
            if is_ctrl_c(why):
                raise  # not the flow's: whoever drives it is to stop
            self._over(strand, Raised(why))
        else:
            self._await(strand, asked)

    def _await(self, strand: _Strand, asked: object) -> None:
        if isinstance(asked, Step) and (refusal := self._ask()) is not None:
            self._refuse(strand, refusal)
        elif isinstance(asked, Step):
            self._outside = 0
            key = StepKey(asked.asks, self._asked[asked.asks])
            self._asked[asked.asks] += 1
            self.awaited[key] = self.new[key] = asked
            self._by[key], strand.step = strand, key
        elif isinstance(asked, Beside):
            self._fork(strand, asked)
        else:
            self._outside += 1
            outside = AwaitedOutside(flow=self._flow, what=f"a {type(asked).__name__}")
            self._refuse(strand, Refusal(outside, is_last=self._outside > OUTSIDE_MAX))

    def _refuse(self, strand: _Strand, refusal: Refusal) -> None:
        if refusal.is_last:
            self.let_go()
            self.outcome = Raised(refusal.error)
        else:
            self._ready.appendleft((strand, Raised(refusal.error)))

    def _fork(self, strand: _Strand, beside: Beside[Any]) -> None:
        strand.below = [_Strand(_coroutine_of(one), strand) for one in beside.strands]
        strand.until, strand.left = beside.until, len(strand.below)
        if not strand.below:
            self._ready.append((strand, Value([])))
        self._ready.extend((one, Value(None)) for one in strand.below)

    def _over(self, strand: _Strand, came_to: Outcome) -> None:
        strand.is_over, strand.came_to = True, came_to
        above = strand.above
        if above is None:
            self.outcome = came_to
            return
        above.left -= 1
        is_cancelled = isinstance(came_to, Raised) and isinstance(came_to.error, Cancelled)
        is_decided = (above.until == "first" or isinstance(came_to, Raised)) and not is_cancelled
        if is_decided or not above.left:
            self._join(above, came_to)

    def _join(self, strand: _Strand, came_to: Outcome) -> None:
        """What it waits for is over: by this, the last or the first that came of it."""
        self._end_below(strand)
        below, strand.below = strand.below, []
        raised = next((one.came_to for one in below if isinstance(one.came_to, Raised) and not one.was_ended), None)
        if isinstance(came_to, Raised) or (strand.until == "all" and raised is not None):
            self._ready.append((strand, came_to if isinstance(came_to, Raised) else cast("Raised", raised)))
        elif strand.until == "first":
            self._ready.append((strand, Value([came_to.value])))
        else:
            self._ready.append((strand, Value([cast("Value", one.came_to).value for one in below])))

    def _end_below(self, strand: _Strand) -> None:
        """Those that it waits for are not wanted any more, and what those wait for neither, which comes first."""
        todo, found = list(strand.below), list[_Strand]()
        while todo:
            one = todo.pop()
            found.append(one)
            todo.extend(one.below)
        for one in reversed(found):
            self._end(one)

    def _end(self, strand: _Strand) -> None:
        """A strand is not wanted any more. What it still asks for as it ends is not done."""
        self._drop(strand)
        if strand.is_over:
            return
        strand.is_over = strand.was_ended = True
        for _ in range(ENDINGS_MAX):
            try:
                strand.coroutine.throw(LetGo())
            except BaseException:  # noqa: BLE001  nobody is there to hear it
                return
        with contextlib.suppress(RuntimeError):  # it does not end for anybody
            strand.coroutine.close()


def _coroutine_of(one: Awaitable[T]) -> Coroutine[Any, Any, T]:
    return one if isinstance(one, Coroutine) else _awaiting(one)


async def _awaiting(one: Awaitable[T]) -> T:
    return await one
