"""How a flow of an entity stands, in lines: what its newest run came to or waits for, and when it fires by the clock.

Knows nothing of other runs. Invariant: what failed is shown in full, with the place in the flow's own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.cli import terminal
from weft.cli.plain import inner_of
from weft.moment import moment_text

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.engine import Engine
    from weft.graph import Source, ToldNode
    from weft.run_list import ListedSchedule
    from weft.run_rows import RunRow

_OURS = "weft/"
"""How places in Weft's own code begin."""


def flow_plain(engine: Engine, node: Source) -> dict[str, Plain]:
    """How a flow stands, by its newest run and its schedule; nothing for what is no flow, or has neither."""
    from weft.graph import ToldNode
    from weft.run_list import listed_schedule
    from weft.told_runs import RunsCell

    if not isinstance(node, ToldNode) or not isinstance(node.cell, RunsCell):
        return {}
    newest, type = node.cell.newest(), node.thing.type
    flow = next(one for one in type.flows if one.name == node.spec.name)
    schedule = listed_schedule(engine, node.thing.id, type.name, flow)
    said: dict[str, Plain] = {} if newest is None else {"run": _run_plain(engine, node, *newest)}
    return said if schedule is None else said | {"schedule": schedule_plain(schedule)}


def _run_plain(engine: Engine, node: ToldNode, id: str, row: RunRow) -> dict[str, Plain]:
    from weft.run_list import listed_run

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


def schedule_lines(schedule: dict[str, Plain]) -> tuple[str, str]:
    """The same in words: when it fires, and which times it has."""
    next, times = schedule["next"], schedule["times"]
    assert isinstance(times, list)
    said = "fires by the clock; when, is known once a program opens the space with its types"
    if next is not None:
        said = f"fires next at {next!s}"
    return "is paused" if schedule["paused"] else said, f"at {'; '.join(map(str, times))}"


def standing_text(run: dict[str, Plain]) -> str:
    """How a run stands, on a line."""
    if "why" in run:
        return f"{run['stands']!s}: {run['why']!s}"
    return f"{run['stands']!s} {inner_of(run['outcome'])}" if "outcome" in run else str(run["stands"])


def state_of(node: dict[str, Plain]) -> str:
    """How a node stands, in a word or two: a flow by its run, or as scheduled."""
    run = node.get("run")
    return str(run["stands"]) if isinstance(run, dict) else "scheduled" if "schedule" in node else str(node["state"])


def flow_lines(node: dict[str, Plain], width: int) -> Iterator[str]:
    """When a flow fires, and what its run came to or waits for; nothing for what is no flow."""
    schedule, run = node.get("schedule"), node.get("run")
    said = [*schedule_lines(schedule)] if isinstance(schedule, dict) else []
    said += _run_texts(run, width) if isinstance(run, dict) else []
    for text in said:
        yield from terminal.wrapped(text, width, indent="  ", hanging="  ")


def _run_texts(run: dict[str, Plain], width: int) -> list[str]:
    said, awaits = [], run.get("awaits")
    if "outcome" in run:
        said.append(terminal.shortened(inner_of(run["outcome"]), 3 * width))
    if "why" in run:
        said.append(str(run["why"]))
    if "where" in run:
        said.append(place_text(str(run["where"])))
    if isinstance(awaits, list) and awaits:
        said.append(f"waits for: {', '.join(map(str, awaits))}")
    return said


def place_text(where: str) -> str:
    """Of the places where an error was raised the innermost that is not in Weft: `at FILE:LINE in FUNCTION`."""
    places = where.splitlines()
    own = [place for place in places if not place.startswith(_OURS)] or places
    return f"at {own[-1].partition(': ')[0]}"
