"""How a flow of an entity stands: what its newest run came to or waits for, and when it fires by the clock.

Knows nothing of other runs. Invariant: what failed is there in full, with the place in the flow's own code.
"""

from __future__ import annotations

from weft.content import Plain
from weft.engine import Engine
from weft.graph import Source, ToldNode
from weft.moment import moment_text
from weft.portrait.line import inner_of
from weft.run_list import ListedSchedule, listed_run, listed_schedule
from weft.run_rows import RunRow
from weft.told_runs import RunsCell


def flow_plain(engine: Engine, node: Source) -> dict[str, Plain]:
    """How a flow stands, by its newest run and its schedule; nothing for what is no flow, or has neither."""
    if not isinstance(node, ToldNode) or not isinstance(node.cell, RunsCell):
        return {}
    newest, type = node.cell.newest(), node.thing.type
    flow = next(one for one in type.flows if one.name == node.spec.name)
    schedule = listed_schedule(engine, node.thing.id, type.name, flow)
    said: dict[str, Plain] = {} if newest is None else {"run": _run_plain(engine, node, *newest)}
    return said if schedule is None else said | {"schedule": schedule_plain(schedule)}


def _run_plain(engine: Engine, node: ToldNode, id: str, row: RunRow) -> dict[str, Plain]:
    if row.ending and row.ending != "failed":
        came: dict[str, Plain] = {"outcome": row.outcome} if row.outcome is not None else {}
        return {"id": id, "stands": row.ending, **came}
    listed = listed_run(engine, node.thing.id, node.spec.name, id)
    said: dict[str, Plain] = {"why": listed.why, "where": listed.where, "awaits": [*listed.awaits]}
    return {"id": id, "stands": listed.stands, **{name: one for name, one in said.items() if one}}


def schedule_plain(schedule: ListedSchedule) -> dict[str, Plain]:
    """When a flow fires by the clock; `next` is null where nobody has looked for it yet."""
    next = moment_text(schedule.next_us) if schedule.next_us else None
    return {"times": [*schedule.times], "next": next, "paused": schedule.is_paused}


def standing_text(run: dict[str, Plain]) -> str:
    """How a run stands, on a line."""
    if "why" in run:
        return f"{run['stands']!s}: {run['why']!s}"
    return f"{run['stands']!s} {inner_of(run['outcome'])}" if "outcome" in run else str(run["stands"])
