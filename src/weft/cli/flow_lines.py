"""How a flow of an entity stands, in lines: what its newest run came to or waits for, and when it fires by the clock.

Knows nothing of other runs. Invariant: what failed is shown in full, with the place in the flow's own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.cli import terminal
from weft.portrait.line import inner_of

if TYPE_CHECKING:
    from weft.content import Plain


def schedule_lines(schedule: dict[str, Plain]) -> tuple[str, str]:
    """The same in words: when it fires, and which times it has."""
    next, times = schedule["next"], schedule["times"]
    assert isinstance(times, list)
    said = "fires by the clock; when, is known once a program opens the space with its types"
    if next is not None:
        said = f"fires next at {next!s}"
    return "is paused" if schedule["paused"] else said, f"at {'; '.join(map(str, times))}"


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
    from weft.failure import own_place

    return f"at {own_place(where.splitlines()).partition(': ')[0]}"
