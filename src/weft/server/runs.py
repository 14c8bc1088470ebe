"""Runs of flows and their schedules: what goes on, what waits or failed, and what is said of one of them.

Knows nothing of how runs go on. Invariant: what is said of a run is told of that one, though newer ones came.
Source: the clients of workflow engines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from weft.content import Plain
from weft.engine import Engine
from weft.errors import WeftError
from weft.portrait.ended import ended_plain, ended_runs
from weft.portrait.flow import schedule_plain
from weft.run_list import ListedRun, listed_runs, listed_schedules, listed_steps
from weft.server.again import told_at
from weft.server.method import Call, Json, Method
from weft.server.schemas import (
    ANY,
    ENTITY,
    FLAG,
    LIST,
    MAYBE_STRING,
    NAME,
    ONCE,
    POSITION,
    SPACE,
    STRING,
    TOLD_GIVEN,
    listed,
    open_object,
)


class UnknownRun(WeftError, KeyError):
    """There is no run {run} in this space. `runs.find` lists those that are not over, or that failed."""

    run: str


def _find(call: Call) -> Json:
    with call.space.view() as engine:
        found = [one for one in listed_runs(engine) if call.may(one.entity)]
    return {"runs": [msgspec.to_builtins(one) for one in found]}


def _get(call: Call) -> Json:
    with call.space.view() as engine:
        entity, _, _, portrait = _run(call, engine)
        call.check(entity)
        return portrait


def _run(call: Call, engine: Engine) -> tuple[str, str, str, Json]:
    """Its entity, flow and id, and all of it. Raises `UnknownRun`."""
    run = call.given["run"]
    for one in listed_runs(engine):
        if one.run == run:
            return one.entity, one.flow, one.run, _portrait(engine, one)
    for over in ended_runs(engine, run):
        if over.run == run:
            said: Any = ended_plain(engine, over)
            return over.entity, over.flow, over.run, said
    raise UnknownRun(run=run)


def _portrait(engine: Engine, one: ListedRun) -> Json:
    steps = listed_steps(engine, one.entity, one.flow, one.run)
    return {**msgspec.to_builtins(one), "steps": [msgspec.to_builtins(step) for step in steps]}


def _says(verb: str) -> Callable[[Call], Json]:
    def act(call: Call) -> Json:
        with call.space.view() as engine:
            entity, flow, run, _ = _run(call, engine)
        call.check(entity)
        step = call.given.get("before")
        return {"run": run, **_tell(call, [entity, flow, verb, run, *([] if step is None else [step])])}

    return act


def _tell(call: Call, intent: list[Plain]) -> Json:
    with call.space.edit(by=call.caller.user, once=call.given.get("once")) as edit:
        edit.intents.append(intent)
    return {"position": told_at(call, edit.id)}


def _find_schedules(call: Call) -> Json:
    with call.space.view() as engine:
        found = [one for one in listed_schedules(engine) if call.may(one.entity)]
    return {"schedules": [{"entity": one.entity, "type": one.type, "flow": one.flow, **schedule_plain(one)}
                          for one in found]}  # fmt: skip


def _says_of_schedule(verb: str) -> Callable[[Call], Json]:
    def act(call: Call) -> Json:
        return _tell(call, [call.given["entity"], call.given["flow"], verb])

    return act


_GIVEN = open_object(
    {"why": STRING, "where": STRING, "outcome": ANY, "fired": POSITION, "ended": POSITION},
    run=STRING, entity=STRING, type=STRING, flow=STRING, stands=STRING, awaits=LIST,
)  # fmt: skip
_STEP = open_object(key=STRING, kind=STRING, name=STRING)
_RUN = {**SPACE, "run": NAME}
_TOLD = {**TOLD_GIVEN, "required": ["position", "run"]}
_VERBS = {
    "retry": ("rewind", "Have a run that failed go on before what failed in it, or before a step."),
    "restart": ("restart", "Have a run begin anew."),
    "adopt": ("adopt", "Have a run that began with other code go on with the engine's, if that fits."),
    "cancel": ("cancel", "Have a run end."),
}
RUNS = (
    Method(
        service="runs", name="find", http="GET", path="/spaces/{space}/runs", act=_find, capability="read",
        reach="found", given=SPACE, gives=open_object(runs=listed(_GIVEN)),
        summary="The runs that are not over, and those that failed.",
    ),
    Method(
        service="runs", name="get", http="GET", path="/spaces/{space}/runs/{run}", act=_get, capability="read",
        reach="found", given=_RUN, gives={**_GIVEN, "required": [*_GIVEN["required"], "steps"],
        "properties": {**_GIVEN["properties"], "steps": listed(_STEP)}},
        summary="One run with its steps, also where it is over.",
    ),
    *(
        Method(
            service="runs", name=name, http="POST", path=f"/spaces/{{space}}/runs/{{run}}/{name}", act=_says(verb),
            capability="operate", reach="found", changes=True, gives=_TOLD, summary=summary,
            given={**_RUN, **ONCE, **({"before": NAME} if name == "retry" else {})},
        )
        for name, (verb, summary) in _VERBS.items()
    ),
    Method(
        service="schedules", name="find", http="GET", path="/spaces/{space}/schedules", act=_find_schedules,
        capability="read", reach="found", given=SPACE, summary="The flows that fire by the clock, and when.",
        gives=open_object(schedules=listed(open_object(
            entity=STRING, type=STRING, flow=STRING, times=listed(STRING), next=MAYBE_STRING, paused=FLAG,
        ))),
    ),
    *(
        Method(
            service="schedules", name=verb, http="POST",
            path=f"/spaces/{{space}}/entities/{{entity}}/schedules/{{flow}}/{verb}", act=_says_of_schedule(verb),
            capability="operate", reach="entity", changes=True, gives=TOLD_GIVEN, summary=summary,
            given={**ENTITY, "flow": NAME, **ONCE},
        )
        for verb, summary in (("pause", "Have a schedule fire nothing."), ("unpause", "Have it fire again."))
    ),
)  # fmt: skip
