"""Nodes that runs wait for: a step is over when its node is settled at the cut where the run stands, or behind it.

Knows nothing of how nodes settle. Invariant: what a run waits for is demanded as long as it does, and no longer.
Source: reads of materialised views at a position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from weft.content import Plain, decode
from weft.engine import Engine
from weft.errors import OLDER_SHAPE, Undecodable
from weft.flow import Flow
from weft.glance import failed_at, look
from weft.handle import NotFired
from weft.returned import RunFailed, value_returned
from weft.runs.replay import Asking
from weft.runs.strands import Outcome, Raised, Value
from weft.settlement import Place, is_settled
from weft.slot import Ok
from weft.steps.carrier import Moments, Over, RunId


class _Awaited(NamedTuple):
    place: Place
    since: int


class AwaitedNodes:
    """All nodes that runs of one space wait for."""

    parks = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._awaited: dict[tuple[RunId, str], _Awaited] = {}

    def moments(self, step: Asking, /) -> Moments:
        """None."""
        return Moments()

    def send(self, run: RunId, key: str, step: Asking, since: int, /, *, again: bool) -> None:
        """Demand it."""
        place = _place(step)
        self._awaited[run, key] = _Awaited(place, since)
        self._engine.watch(*place)

    def over(self) -> Iterator[Over]:
        """Those that are settled, with the cut and what they show."""
        for (run, key), (place, since) in list(self._awaited.items()):
            if is_settled(self._engine, place, since):
                self.forget(run, key)
                _, _, outcome = look(self._engine, self._engine.node(*place[:2]), place[2])
                yield Over(run, key, [self._engine.cut, self._engine.outcome_plain(outcome)])

    def outcome(self, step: Asking, said: Plain, /) -> Outcome:
        """Its value; or that it failed, as whoever waits for it elsewhere is told."""
        entity, name, element = _place(step)
        found = self._engine.node(entity, name)
        _, shape, _ = look(self._engine, found, element)
        outcome = self._engine.outcome_of(cast("list[Plain]", said)[1])
        if isinstance(step.of, Flow):
            shown = decode(outcome.encoded) if isinstance(outcome, Ok) else None
            return self._returned(shown, step.of, entity)
        if not isinstance(outcome, Ok) or shape is None:
            return Raised(failed_at(self._engine, found, outcome, shape, node=step.name, entity=entity))
        try:
            return Value(shape.decode(outcome.encoded, self._engine.store.open_blob))
        except Undecodable as why:
            why.where, why.why = f"{step.name} of {entity}, {why.where}", f"{why.why}. {OLDER_SHAPE}"
            return Raised(why)

    def _returned(self, shown: Plain, flow: Flow[Any], entity: str) -> Outcome:
        try:
            return Value(value_returned(shown, flow, entity, self._engine.store.open_blob))
        except (NotFired, RunFailed, Undecodable) as why:
            return Raised(why)

    def forget(self, run: RunId, key: str, /) -> None:
        """Demand it no longer."""
        awaited = self._awaited.pop((run, key), None)
        if awaited is not None:
            self._engine.watch(*awaited.place, by=-1)


def _place(step: Asking) -> Place:
    entity, name, element = cast("list[str]", step.said)
    return entity, name, element
