"""How what is not settled stands: nodes that can be begun, are under way or wait, and runs that are at work or wait.

Nothing of this is in the log, so it is looked at while the engine stands still. Of runs only those are looked at anew
of which something was told since; of nodes all that are not settled, up to a bound, those first whose calls are under
way.

Knows nothing of clients. Invariant: what is said after any number of looks, taken together, is how all stands now.
Source: the process tables of operating systems, which are sampled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from weft.attempt import BACKOFF
from weft.engine import Engine
from weft.graph import Slot, Source, ToldNode, place_of, unsettled
from weft.record import Entry
from weft.run_list import is_at_work, run_waits, unfinished_runs
from weft.server.frames import NodeState
from weft.slot import SlotKey
from weft.told_runs import RunsCell

NODES_MAX = 2000
"""How many nodes that are not settled are told of."""
LOOKED_MAX = 10_000
"""How many are looked at for those whose calls are under way."""
RUNS_MAX = 2000
"""How many runs that go on are told of."""
NEEDS_MAX = 8
"""How many of the nodes that one waits for are named."""
Changes = dict[str, "NodeState | None"]


class Unsettled:
    """What was seen last. Used while the engine stands still."""

    def __init__(self, now: Callable[[], str]) -> None:
        self._now = now
        self._nodes: dict[SlotKey, tuple[object, NodeState]] = {}
        """How each stands, and the attempt that is under way."""
        self._runs: dict[SlotKey, NodeState] = {}
        self._touched: dict[tuple[str, str], None] = {}
        """The flows of which something was told since."""

    def begin(self, engine: Engine) -> None:
        """Find the runs that go on."""
        self._touched = dict.fromkeys((entity, flow) for entity, flow, _ in islice(unfinished_runs(engine), RUNS_MAX))

    def note(self, entry: Entry) -> None:
        """An entry of the log, by which runs may stand otherwise."""
        if entry.kind in ("erased", "definition", "pinned"):
            self._touched.update(dict.fromkeys((key.entity, key.node) for key in self._runs))
        intents = entry.said.get("intents") if entry.kind == "event" else None
        for intent in intents if isinstance(intents, list) else ():
            if isinstance(intent, list) and len(intent) > 2 and intent[1]:
                self._touched[str(intent[0]), str(intent[1])] = None

    def look(self, engine: Engine, stuck: Mapping[SlotKey, str]) -> Changes:
        """What stands otherwise than when it was looked at last; None for what is settled, or over. `stuck`: why slots
        cannot be computed by this program."""
        return self._look_at_nodes(engine, stuck) | self._look_at_runs(engine)

    def _look_at_nodes(self, engine: Engine, stuck: Mapping[SlotKey, str]) -> Changes:
        before, changes = self._nodes, Changes()
        self._nodes = {}
        for slot in _of_interest(engine):
            stands, known = _stands(slot, stuck), before.pop(slot.key, None)
            attempt = slot.attempt if stands.type == "node.started" else None
            is_same = known is not None and known[0] is attempt and known[1].type == stands.type
            since = known[1].since if known is not None and is_same else self._now()
            state = NodeState(stands.type, since, stands.why, stands.needs)
            self._nodes[slot.key] = attempt, state
            if known is None or state != known[1]:
                changes[str(slot.key)] = state
        return changes | {str(key): None for key in before}

    def _look_at_runs(self, engine: Engine) -> Changes:
        touched, changes = self._touched, Changes()
        self._touched = {}
        for entity, flow in touched:
            now = _runs(engine, entity, flow)
            for key in [one for one in self._runs if (one.entity, one.node) == (entity, flow) and one not in now]:
                del self._runs[key]
                changes[str(key)] = None
            for key, stands in now.items():
                known = self._runs.get(key)
                if known is None and len(self._runs) >= RUNS_MAX:
                    continue
                if known is None or (known.type, known.why) != (stands.type, stands.why):
                    self._runs[key] = NodeState(stands.type, self._now(), stands.why)
                    changes[str(key)] = self._runs[key]
        return changes


def _of_interest(engine: Engine) -> Iterator[Slot]:
    """Slots that are demanded and not current: what is due, those first that are under way, then what waits for it."""
    due = list(islice(engine.graph.wanted, LOOKED_MAX))
    first = [slot for slot in due if slot.attempt is not None] + [slot for slot in due if slot.attempt is None]
    seen: dict[Source, None] = dict.fromkeys(first[:NODES_MAX])
    queue: deque[Source] = deque(seen)
    while queue:
        node = queue.popleft()
        if isinstance(node, Slot):
            yield node
        for edges in node.readers.values():
            for edge in edges:
                if len(seen) >= NODES_MAX:
                    break
                if edge.reader.demand and not edge.reader.current and edge.reader not in seen:
                    seen[edge.reader] = None
                    queue.append(edge.reader)


def _stands(slot: Slot, stuck: Mapping[SlotKey, str]) -> NodeState:
    if slot.attempt is BACKOFF:
        times = "once" if slot.tries == 1 else f"{slot.tries} times"
        return NodeState("node.waiting", why=f"it failed {times}, and is tried again")
    if slot.attempt is not None:
        return NodeState("node.started")
    if slot.pending:
        needs = islice((edge.source for edge in unsettled(slot)), NEEDS_MAX)
        return NodeState("node.waiting", needs=tuple(dict.fromkeys(map(place_of, needs))))
    if slot.key in stuck:
        return NodeState("node.waiting", why=stuck[slot.key])
    return NodeState("node.queued")


def _runs(engine: Engine, entity: str, flow: str) -> dict[SlotKey, NodeState]:
    """The runs of a flow that go on."""
    node = engine.node(entity, flow)
    if not isinstance(node, ToldNode) or not isinstance(node.cell, RunsCell):
        return {}
    return {
        SlotKey(entity, flow, run): NodeState(
            "run.resumed" if is_at_work(row) else "run.paused", why=run_waits(node, run, row)
        )
        for run, row in islice(node.cell.under_way(), RUNS_MAX)
    }
