"""Replay: a flow's code, taken from its beginning over what its run was told, up to where it waits.

What a run was told stands in an order, that of positions. Handed to the flow in that order, it makes the flow do what
it did: it asks for the same again, and goes on from there. Where the code has changed since, the two may part: the flow
awaits something else than what it was told. Then the step is named, and nothing is done.

Knows nothing of where outcomes are kept, of clocks, and of who carries out what is asked for.
Invariant: nothing is done by replaying, but what the flow's own code does; the same flow over the same outcomes awaits
the same.
Source: the deterministic replay of workflow engines.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, cast

from weft.budget import Budget
from weft.collection import short_id
from weft.content import Plain, content_id, decode, encode
from weft.errors import WeftError
from weft.runs.purse import Purse
from weft.runs.strands import Outcome, Raised, Step, StepKey, Strands
from weft.spent import Spent


class RunDiverged(WeftError):
    """The run {run} of {flow} asked for {step}, and its code asks for {instead} there now. The code has changed since,
    or does not do the same again (by a random number, a clock, the order of a set). Mend it, or offer the version that
    the run began with; or adopt, restart or cancel the run."""

    run: str
    flow: str
    step: str
    instead: str


class Asks(NamedTuple):
    """What a step asks for: its kind, how it is called for people, and the digest of what it is asked with."""

    kind: str
    name: str
    content: str

    def __str__(self) -> str:
        """`ask confirm`."""
        return f"{self.kind} {self.name}"


class Asking(Step[Any]):
    """A step with what belongs to it: `said`, as it is told, and `of`, what this program knows of it beside that. It is
    the same step as another that was told with the same `key`."""

    def __init__(self, kind: str, name: str, said: Plain, of: object = None, *, key: Plain) -> None:
        self._key = encode(key)
        super().__init__(Asks(kind, name, content_id(self._key)[4:].hex()))
        self.kind, self.name, self.said, self.of = kind, name, said, of

    @property
    def key(self) -> Any:
        """What it was told with that makes it this step; made anew, so that nobody else holds it."""
        return decode(self._key)


class Told(NamedTuple):
    """What a step came to, the position at which that was told, and what it has cost."""

    key: str
    outcome: Outcome
    position: int
    spent: Spent | None = None


class Replay:
    """One run, from its beginning."""

    def __init__(
        self,
        run: str,
        flow: str,
        make: Callable[[], Coroutine[Any, Any, object]],
        enter: Callable[[int], None],
        budget: Budget = Budget(),  # noqa: B008
    ) -> None:
        """`make`: calls the flow; `enter`: told the position as of which the flow's code reads from then on."""
        self.run, self.flow = run, flow
        self._enter, self._purse = enter, Purse(run, flow, budget)
        self._strands = Strands(flow, make(), self._purse.ask)
        self._raised: list[tuple[str, BaseException]] = []
        """What steps raised in the flow, by their keys."""
        self._steps: dict[str, StepKey] = {}
        """What is awaited, by key."""
        self._keys: dict[StepKey, str] = {}
        self._new: dict[str, Asking] = {}
        self._dropped: list[str] = []

    def start(self, began: int) -> None:
        """Go on from the beginning to the first steps."""
        self._enter(began)
        if (time := self._purse.budget.time) is not None:
            time_us = time // timedelta(microseconds=1)
            self._strands.watch(Asking("sleep", "budget", time_us, key="budget"), self._purse.time_out)
        self._strands.start()

    def hand(self, told: Sequence[Told]) -> None:
        """Hand over what steps came to, in the order of positions. Raises `RunDiverged`; it is of no use after that."""
        for key, outcome, position, spent in told:
            self._look()
            found = self._steps.pop(key, None)
            if found is None:
                instead = " and ".join(str(step.asks) for step in self._strands.awaited) or "nothing more"
                raise RunDiverged(run=self.run, flow=self.flow, step=key, instead=instead)
            if isinstance(outcome, Raised):
                self._raised.append((key, outcome.error))
            if spent is not None:
                self._purse.pay(spent)
            del self._keys[found]
            self._new.pop(key, None)
            self._enter(position)
            self._strands.resume(found, outcome)

    def awaited(self) -> Iterator[tuple[str, Asking]]:
        """What it awaits now, by key, in the order in which it asked. O(that)."""
        self._look()
        return ((key, cast("Asking", self._strands.awaited[step])) for key, step in self._steps.items())

    def step(self, key: str) -> Asking | None:
        """What it awaits by this key, if it does."""
        self._look()
        found = self._steps.get(key)
        return None if found is None else cast("Asking", self._strands.awaited[found])

    def take_changes(self) -> tuple[dict[str, Asking], list[str]]:
        """What it has asked for, by key, and what it awaits no longer, though that came to nothing: both since this was
        last taken. O(that)."""
        self._look()
        changes = self._new, self._dropped
        self._new, self._dropped = {}, []
        return changes

    def _look(self) -> None:
        """Give what was asked for its key."""
        strands = self._strands
        for step in strands.dropped:
            key = self._keys.pop(step)
            del self._steps[key]
            if self._new.pop(key, None) is None:
                self._dropped.append(key)
        for step, asked in strands.new.items():
            self._keys[step] = key = key_of(step)
            self._steps[key], self._new[key] = step, cast("Asking", asked)
        strands.dropped.clear()
        strands.new.clear()

    @property
    def spent(self) -> Spent:
        """What its steps have cost so far, as far as their services said."""
        return self._purse.spent

    @property
    def outcome(self) -> Outcome | None:
        """What it came to, once it is over."""
        return self._strands.outcome

    @property
    def failed_step(self) -> str:
        """The key of the step whose failure is what the flow raised, or was raised from; empty where there is none."""
        error = self.outcome.error if isinstance(self.outcome, Raised) else None
        raised = {id(one): key for key, one in self._raised}
        seen: set[int] = set()
        while error is not None and id(error) not in seen | raised.keys():
            seen.add(id(error))
            error = error.__cause__ or error.__context__
        return raised.get(id(error), "")

    def cancel(self, position: int) -> None:
        """Have the flow hear that it is to end."""
        self._enter(position)
        self._strands.cancel()

    def let_go(self) -> None:
        """Drive it no further."""
        self._strands.let_go()


def key_of(step: StepKey) -> str:
    """The key under which a step is told: its name for people, and an id made of all that it asks for, and of how often
    that was asked for before."""
    asks = step.asks
    assert isinstance(asks, Asks)
    return f"{asks} {short_id('step', *asks, step.occurrence)}"
