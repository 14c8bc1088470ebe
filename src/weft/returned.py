"""What a flow's newest run came to, for whoever waits for it.

Knows nothing of how runs go on. Invariant: what a run returned is read by the annotation of its flow.
Source: the results of workflow handles.
"""

from __future__ import annotations

from typing import Any

from weft.blob import Opener
from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.failure import told_failure
from weft.flow import Flow
from weft.graph import Source, ToldNode
from weft.handle import Absent, Failed, NotFired, Running, Settled, State, Value
from weft.operation import Parameter, injected_into
from weft.run_rows import RunRow
from weft.told_runs import RunsCell
from weft.value import Shape, shape_of


class RunFailed(WeftError):
    """The run {run} of {flow}, of {entity}, {how}: {why}."""

    run: str
    flow: str
    entity: str
    how: str
    why: str


def services_of(flow: Flow[Any]) -> tuple[Parameter, ...]:
    """What its code is given by keyword."""
    return injected_into(flow.fn)[0] if flow.waits else ()


def shape_returned(flow: Flow[Any]) -> Shape:
    """How what its runs return is kept."""
    return shape_of(injected_into(flow.fn)[1] if flow.waits else None)


def newest_run(engine: Engine, flow: Value[Any]) -> str:
    """The id of the run that a handle on a flow shows. Raises `NotFired`."""
    newest = _newest(engine.node(flow.entity_id, flow.node.name))
    if newest is None:
        raise NotFired(flow=str(flow.node), entity=flow.entity_id, reason="nothing has fired it yet")
    return newest[0]


def returned(engine: Engine, found: Source | None, flow: Flow[Any], entity: str) -> object:
    """What the newest run returned. Raises `NotFired`, `RunFailed`."""
    newest = _newest(found)
    shown: Plain = None if newest is None else [newest[0], newest[1].ending, newest[1].outcome]
    return value_returned(shown, flow, entity, engine.store.open_blob)


def value_returned(shown: Plain, flow: Flow[Any], entity: str, open_blob: Opener) -> object:
    """What a run returned, of which a flow's cell shows this: [its id, how it ended, what it came to]. Raises
    `NotFired`, `RunFailed`."""
    if not isinstance(shown, list):
        raise NotFired(flow=str(flow), entity=entity, reason="nothing has fired it yet")
    run, ending, outcome = shown
    match ending:
        case "returned":
            return shape_returned(flow).from_plain(outcome, open_blob)
        case "skipped":
            raise NotFired(flow=str(flow), entity=entity, reason=str(outcome))
        case _:
            how, why = _how(str(ending)), _why(outcome)
            raise RunFailed(run=str(run), flow=str(flow), entity=entity, how=how, why=why)


def state_of_run(engine: Engine, found: Source | None, flow: Flow[Any], entity: str) -> State[object]:
    """How the newest run stands."""
    newest = _newest(found)
    match newest and newest[1].ending:
        case None | "skipped":
            return Absent()
        case "":
            return Running(None, None, 1)
        case "returned":
            return Settled(returned(engine, found, flow, entity))
        case _:
            assert newest is not None
            return Failed(f"it {_how(newest[1].ending)}: {_why(newest[1].outcome)}", None)


def _newest(found: Source | None) -> tuple[str, RunRow] | None:
    return found.cell.newest() if isinstance(found, ToldNode) and isinstance(found.cell, RunsCell) else None


def _how(ending: str) -> str:
    return "was cancelled" if ending == "cancelled" else ending


def _why(said: Plain) -> str:
    return told_failure(said) if isinstance(said, dict) else "somebody asked that it ends"
