"""The named moments between an engine's steps at which its process may die, so that tests can make it die there.

A store names the boundaries of its own writes; these are the moments before and after each thing that an engine makes
durable or hands out. Whoever opened the space with an `on_point` is called with the name, in the thread that passes.

Knows nothing of stores, of tests, or of what happens at a point.
Invariant: `ENGINE_POINTS` and `RUN_POINTS` list every name that is ever passed; `pass_by` refuses any other.
Source: fail points as in TiKV; SQLite's own crash tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

ENGINE_POINTS: dict[str, str] = {
    "types defined": "definitions and services were recorded, and are not durable",
    "space resumed": "they are, and what was left due is loaded",
    "attempts retired": "attempts of dead engines were struck off, which is not durable",
    "content kept": "an edit's blobs are durable, and its event was not told",
    "edits folded": "events were folded, and are not durable",
    "inbox folded": "other programs' events were folded, and are not durable",
    "results settled": "results were recorded, and are not durable",
    "edits kept": "events are durable, and nobody was told so",
    "inbox kept": "other programs' events are durable, and nobody was told so",
    "results kept": "results are durable, and nobody was told so",
    "attempt listed": "an attempt is written down, and its call was not sent",
    "attempt sent": "its call was sent, and the engine knows no more of it",
    "call ended": "a call came back, and what it came to was not taken",
    "made content kept": "the blobs that a call made are durable, and its result was not recorded",
    "partial shown": "a generator has said a partial value",
    "retry woken": "a failed try is durable, its pause is over, and the next was not begun",
}
"""Every name that an engine passes, and what is true there."""
RUN_POINTS: dict[str, str] = {
    "step over": "a step of a run came to something, and nothing of that was told",
    "slice told": "what a run did between two waits was told, and is not durable",
    "slices kept": "what runs did is durable, and nothing that they ask for was sent",
    "step sent": "a step was sent, and whoever carries it out may have done so",
}
"""Every name that whoever drives runs passes, and what is true there."""

OnPoint: TypeAlias = Callable[[str], None]


def pass_by(name: str) -> None:
    """What an engine does at a point when nobody asked to know."""
    assert name in ENGINE_POINTS or name in RUN_POINTS, name
