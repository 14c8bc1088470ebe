"""The runs of a space that are not over, and those that failed and wait for somebody to see to them; and schedules.

Knows nothing of who carries out steps. Invariant: what is listed is what the table of waits says, whoever computes.
Source: the dead-letter queues and instance lists of workflow engines.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, cast, get_args

from msgspec import Struct

from weft.content import decode
from weft.engine import Engine
from weft.flow_spec import FlowSpec
from weft.graph import ToldNode
from weft.run_rows import SCHEDULE, Asked, RunRow, ScheduleRow, StepRow, failure_of
from weft.store import KIND, STATE, WAIT
from weft.told_runs import RunsCell

Stands: TypeAlias = Literal["failed", "blocked", "goes on", "waits to begin"]
_WORKS = ("call", "perform", "decide")
"""The kinds of steps that programs carry out, so that a run which waits for one of these is at work."""
_KINDS = (*get_args(Asked), "begin", "doubt", "answered", "cancel", "resume", "blocked", "failed")


class ListedRun(Struct, frozen=True):
    """One run."""

    run: str
    entity: str
    type: str
    flow: str
    stands: Stands
    awaits: tuple[str, ...] = ()
    """The steps that it waits for."""
    why: str = ""
    """Why it failed, or is blocked; of one that goes on, what is wrong with a step that it waits for."""
    where: str = ""
    """Where it was raised that it failed with, the innermost place last."""


class ListedStep(Struct, frozen=True):
    """One step of a run."""

    key: str
    """What it is told by."""
    kind: str
    name: str
    """What people call it."""
    at: int = 0
    """The position at which was told what it came to; 0 while it is awaited."""
    error: str = ""
    """How it failed, or was tried in vain last."""
    tries: int = 0
    """How often it was tried in vain, and tried again."""


class ListedSchedule(Struct, frozen=True):
    """One schedule, of a flow of an entity."""

    entity: str
    type: str
    flow: str
    times: tuple[str, ...]
    """Its times, as they are declared, each with its zone."""
    next_us: int
    """The next time at which it fires, in microseconds since 1970; 0 where nobody has looked for it."""
    is_paused: bool


def listed_schedules(engine: Engine) -> Iterator[ListedSchedule]:
    """Those of all entities that have begun, by type. O(entities of types that have any)."""
    for name, spec in engine.in_force.items():
        for flow in [flow for flow in spec.flows if flow.schedules]:
            for (_, _, entity), _ in engine.rows(KIND, (name,)):
                if (found := listed_schedule(engine, str(entity), name, flow)) is not None:
                    yield found


def listed_schedule(engine: Engine, entity: str, type: str, flow: FlowSpec) -> ListedSchedule | None:
    """That of an entity's flow; None where it has none, or no engine has seen it yet."""
    row = engine.row(STATE, (entity, flow.name, SCHEDULE)) if flow.schedules else None
    if row is None or not isinstance(row[0], bytes):
        return None
    said = ScheduleRow(*cast("list[Any]", decode(row[0])))
    times = tuple(" ".join(cast("list[str]", one.value)[:2]) for one in flow.schedules)
    return ListedSchedule(entity, type, flow.name, times, said.next_us, said.is_paused)


def listed_steps(engine: Engine, entity: str, flow: str, run: str) -> list[ListedStep]:
    """Those that a run was told the outcomes of, in that order, then those that it waits for."""
    node = engine.node(entity, flow)
    assert isinstance(node, ToldNode) and isinstance(node.cell, RunsCell)
    found = node.cell.runs.get(run)
    steps = found.steps.items() if found is not None else ()
    return [_listed_step(key, step) for key, step in sorted(steps, key=lambda one: (not one[1].is_done, one[1].told))]


def _listed_step(key: str, step: StepRow) -> ListedStep:
    name, failure = _name_of(key, step), failure_of(step)
    said = step.vain if failure is None and not step.is_done else ""
    said = said if failure is None else f"{failure['error']!s}: {failure['message']!s}"
    return ListedStep(key, step.kind, name, step.told, said, step.tries)


def listed_runs(engine: Engine) -> list[ListedRun]:
    """Those that failed first, then those that are blocked, go on, and wait to begin; of each, who was fired first."""
    found = sorted(dict.fromkeys(unfinished_runs(engine)), key=lambda id: _fired(engine, *id))
    listed = [listed_run(engine, *id) for id in found]
    return sorted(listed, key=lambda one: get_args(Stands).index(one.stands))


def waited_for(engine: Engine, entity: str, flow: str) -> str:
    """What the newest run of a flow waits for, in words, for whoever waits for that run; empty where none goes on."""
    node = engine.node(entity, flow)
    newest = node.cell.newest() if isinstance(node, ToldNode) and isinstance(node.cell, RunsCell) else None
    if newest is None or newest[1].ending:
        return ""
    assert isinstance(node, ToldNode)
    return run_waits(node, *newest)


def run_waits(node: ToldNode, run: str, row: RunRow) -> str:
    """What a run that goes on waits for, or is at work on, in words."""
    assert isinstance(node.cell, RunsCell)
    spec = next((one for one in node.thing.type.flows if one.name == node.spec.name), None)
    if not row.began:
        return _turn(run, node.cell, spec)
    stands, why = _stands(row, "" if spec is None else spec.version)
    if stands == "blocked":
        return f"it is blocked: {why}"
    waits = [_wait(key, step) for key, step in _awaited(row)]
    return "it " + " and ".join(waits or ["is at work"])


def is_at_work(row: RunRow) -> bool:
    """Whether something is done for a run that goes on, rather than that it waits for a person, a moment or a node."""
    awaited = [step for _, step in _awaited(row)]
    works = [step for step in awaited if step.kind in _WORKS and not step.doubt]
    return bool(row.began) and not row.blocked and (bool(works) or not awaited)


def _awaited(row: RunRow) -> list[tuple[str, StepRow]]:
    return [(key, step) for key, step in row.steps.items() if step.outcome is None and not step.is_left]


def _turn(run: str, cell: RunsCell, spec: FlowSpec | None) -> str:
    """What one waits for that has not begun."""
    if next(cell.under_way())[0] != run:
        return "it waits to begin until the run before it is over, see space.runs()"
    queue = [f"for its turn in the queue {spec.queue}"] if spec is not None and spec.queue else []
    nodes = [] if spec is None else [name for name in (spec.guard, spec.actors) if name]
    return " ".join(["it waits to begin", " and ".join([*queue, *(f"until {name} is settled" for name in nodes)])])


def _wait(key: str, step: StepRow) -> str:
    name, see = _name_of(key, step), "see space.questions()"
    tries = f", {_tried(step)}" if step.tries else ""
    if step.answer is not None:
        return f"waits for {name} to be taken up, which was answered"
    if step.doubt and step.kind == "perform":
        return f"waits for the effect {name}, which is in doubt ({step.doubt.rstrip('.')}), {see}"
    match step.kind:
        case "ask":
            return f"waits for the question {name}, {see}"
        case "decide" if step.doubt:
            return f"waits for the question {name}, to which nobody else had an answer ({step.doubt}), {see}"
        case "decide":
            return f"waits for the decision {name}"
        case "sleep":
            return f"sleeps until {datetime.fromtimestamp(step.due_us / 1e6, UTC).isoformat(' ', 'seconds')}"
        case "perform":
            return f"waits for its effect {name}{tries}"
        case "call":
            return f"waits for the call {name}{tries}"
        case _:
            return f"waits for {name}"


def _name_of(key: str, step: StepRow) -> str:
    return key.rpartition(" ")[0].removeprefix(f"{step.kind} ")


def _fired(engine: Engine, entity: str, flow: str, run: str) -> int:
    """The position at which that was told; 0 where the flow is gone."""
    node = engine.node(entity, flow)
    return node.cell.runs[run].fired if isinstance(node, ToldNode) and isinstance(node.cell, RunsCell) else 0


def unfinished_runs(engine: Engine) -> Iterator[tuple[str, str, str]]:
    """Those that are not over, or failed: the entity, the flow and the id of each, some more than once."""
    for kind in _KINDS:
        for key, _ in engine.rows(WAIT, (kind,)):
            yield cast("tuple[str, str, str]", key[2:5])


def listed_run(engine: Engine, entity: str, flow: str, run: str) -> ListedRun:
    """One that has not ended well, of which something is kept."""
    node = engine.node(entity, flow)
    if not isinstance(node, ToldNode) or not isinstance(node.cell, RunsCell):
        thing = engine.graph.thing(entity)
        why = "its type has no such flow any more: open the space with the code that has it"
        return ListedRun(run, entity, "" if thing is None else thing.type.name, flow, "blocked", (), why)
    row, type = node.cell.runs[run], node.thing.type
    version = next((one.version for one in type.flows if one.name == flow), "")
    stands, why = _stands(row, version)
    awaits = tuple(key.rpartition(" ")[0] for key, _ in _awaited(row))
    where = str(row.outcome.get("where", "")) if stands == "failed" and isinstance(row.outcome, dict) else ""
    return ListedRun(run, entity, type.name, flow, stands, awaits, why, where)


def _stands(row: RunRow, version: str) -> tuple[Stands, str]:
    if row.ending == "failed":
        said = row.outcome
        return "failed", f"{said['error']!s}: {said['message']!s}" if isinstance(said, dict) else ""
    if not row.began:
        return "waits to begin", ""
    if row.blocked:
        return "blocked", row.blocked
    if row.version != version:
        return "blocked", "it began with another version of its code: open the space with that one, or adopt it"
    return "goes on", next(filter(None, (_trouble(key, step) for key, step in row.steps.items())), "")


def _trouble(key: str, step: StepRow) -> str:
    """What is wrong with a step that is waited for; empty where nothing is known to be."""
    name = key.rpartition(" ")[0]
    if step.outcome is not None or step.is_left:
        return ""
    if step.doubt:
        return f"{name} is in doubt: {step.doubt}"
    return f"{name} was {_tried(step)}" if step.tries else ""


def _tried(step: StepRow) -> str:
    return f"tried {step.tries} time{'s' if step.tries != 1 else ''} in vain: {step.vain}"
