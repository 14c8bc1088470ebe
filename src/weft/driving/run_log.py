"""What an engine's log says of runs, and how more is told of them.

Knows nothing of the code that runs are of. Invariant: all that is told of a run names what fired it as its cause.
Source: event-sourced aggregates.
"""

from __future__ import annotations

from collections import OrderedDict

from weft.content import Plain
from weft.engine import Engine, EventReused
from weft.flow_spec import FlowSpec
from weft.folding import event_id, event_plain
from weft.graph import ToldNode
from weft.run_rows import RunRow, Wait
from weft.runs.firing import ACTOR, depth_at
from weft.steps.carrier import RunId
from weft.store import WAIT, Fenced
from weft.told_runs import RunsCell

DEPTHS_MAX = 10_000
"""Of so many causes it is known how deep they are."""


class RunLog:
    """Of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._depths: OrderedDict[int, int] = OrderedDict()
        """How deep in a chain of causes what fired a run stands, of the causes that were asked about last."""

    def row(self, id: RunId) -> RunRow | None:
        """What stands of a run; None for one that nothing is known of, as its end was long ago."""
        node = self.engine.node(id[0], id[1])
        return node.cell.runs.get(id[2]) if isinstance(node, ToldNode) and isinstance(node.cell, RunsCell) else None

    def has_flow(self, id: RunId) -> bool:
        """Whether an entity's type, as it is in force, has a run's flow still."""
        node = self.engine.node(id[0], id[1])
        return isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)

    def flow(self, id: RunId) -> tuple[FlowSpec, RunsCell]:
        """A run's flow, as it is in force, and all that was told of it."""
        node = self.engine.node(id[0], id[1])
        assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
        return next(flow for flow in node.thing.type.flows if flow.name == id[1]), node.cell

    def type_of(self, id: RunId) -> str:
        """The name of the type of a run's entity."""
        thing = self.engine.graph.thing(id[0])
        assert thing is not None
        return thing.type.name

    def waits(self, kind: str) -> list[tuple[RunId, Wait]]:
        """All that runs wait for, of a kind. Those whose flow is gone wait until it is back."""
        found = []
        for (_, due_us, entity, flow, run, step), _ in self.engine.rows(WAIT, (kind,)):
            assert isinstance(due_us, int)
            id = str(entity), str(flow), str(run)
            if self.has_flow(id):
                found.append((id, Wait(kind, due_us, str(run), str(step))))
        return found

    def tell(self, name: str, intents: list[Plain], cause: int, *, id: str = "") -> None:
        """Tell of a run, by an event of this name, whose cause is what fired the run; 0 for none. `id`: of a slice,
        which is told once. Raises `Fenced` where that was told: then another engine drives the runs."""
        engine, before = self.engine, self.engine.position
        event = event_plain(
            id or event_id(ACTOR, name),
            intents,
            actor=ACTOR,
            base=engine.cut,
            time=engine.now(),
            cause=cause,
            depth=self._depth(cause) + 1,
        )
        try:
            engine.tell(event)
        except EventReused:
            if not id:
                raise
        if id and engine.position == before:
            holder = engine.store.holder()
            raise Fenced(epoch=engine.epoch, newest=engine.epoch if holder is None else holder.epoch)

    def _depth(self, cause: int) -> int:
        found = self._depths.get(cause)
        if found is None:
            found = self._depths[cause] = depth_at(self.engine, cause)
            if len(self._depths) > DEPTHS_MAX:
                self._depths.popitem(last=False)
        return found

    def note(self, id: RunId, verb: str, *said: Plain) -> None:
        """Tell one thing of a run that goes on, here and now."""
        row = self.row(id)
        assert row is not None
        self.tell(f"{id[2]} {verb} {self.engine.cut}", [intent(id, verb, *said)], row.cause)

    def note_of_flow(self, id: RunId, verb: str, *said: Plain) -> None:
        """Tell one thing of a flow of an entity, whichever its runs are."""
        self.tell(f"{id[0]} {id[1]} {verb} {self.engine.cut}", [[*id[:2], verb, *said]], 0)


def intent(id: RunId, verb: str, *said: Plain) -> Plain:
    """What is told of a run, as an event says it."""
    return [*id[:2], verb, id[2], *said]
