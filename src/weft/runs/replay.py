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
from typing import Any, NamedTuple

from weft.collection import short_id
from weft.content import Plain, cid_text, content_id, encode
from weft.errors import WeftError
from weft.runs.strands import Outcome, Step, StepKey, Strands


class RunDiverged(WeftError):
    """The run {run} of {flow} was told what became of {step}, and its code as it is now asks for {instead} there. Its
    code has changed since: offer the version that it began with, or adopt, restart or cancel the run."""

    run: str
    flow: str
    step: str
    instead: str


class Asks(NamedTuple):
    """What a step asks for: its kind, how it is called for people, and the content id of all that belongs to it."""

    kind: str
    name: str
    content: str

    def __str__(self) -> str:
        """`ask confirm`."""
        return f"{self.kind} {self.name}"


class Asking(Step[Any]):
    """A step with what belongs to it: `said`, as it is told, and `of`, what this program knows of it beside that."""

    def __init__(self, kind: str, name: str, said: Plain, of: object = None) -> None:
        super().__init__(Asks(kind, name, cid_text(content_id(encode(said)))))
        self.kind, self.name, self.said, self.of = kind, name, said, of


class Told(NamedTuple):
    """What a step came to, and the position at which that was told."""

    key: str
    outcome: Outcome
    position: int


class Replay:
    """One run, from its beginning."""

    def __init__(
        self, run: str, flow: str, make: Callable[[], Coroutine[Any, Any, object]], enter: Callable[[int], None]
    ) -> None:
        """`make`: calls the flow; `enter`: told the position as of which the flow's code reads from then on."""
        self.run, self.flow = run, flow
        self._enter = enter
        self._strands = Strands(flow, make())

    def start(self, began: int) -> None:
        """Go on from the beginning to the first steps."""
        self._enter(began)
        self._strands.start()

    def hand(self, told: Sequence[Told]) -> None:
        """Hand over what steps came to, in the order of positions. Raises `RunDiverged`; it is of no use after that."""
        for key, outcome, position in told:
            found = self._by_key().get(key)
            if found is None:
                instead = " and ".join(str(step.asks) for step in self._strands.awaited) or "nothing more"
                raise RunDiverged(run=self.run, flow=self.flow, step=key, instead=instead)
            self._enter(position)
            self._strands.resume(found, outcome)

    def awaited(self) -> Iterator[tuple[str, Asking]]:
        """What it awaits now, by key, in the order in which it asked."""
        for key, step in self._strands.awaited.items():
            assert isinstance(step, Asking)
            yield key_of(key), step

    @property
    def outcome(self) -> Outcome | None:
        """What it came to, once it is over."""
        return self._strands.outcome

    def cancel(self) -> None:
        """Have the flow hear that it is to end."""
        self._strands.cancel()

    def let_go(self) -> None:
        """Drive it no further."""
        self._strands.let_go()

    def _by_key(self) -> dict[str, StepKey]:
        return {key_of(step): step for step in self._strands.awaited}


def key_of(step: StepKey) -> str:
    """The key under which a step is told: its name for people, and an id made of all that it asks for, and of how often
    that was asked for before."""
    asks = step.asks
    assert isinstance(asks, Asks)
    return f"{asks} {short_id('step', *asks, step.occurrence)}"
