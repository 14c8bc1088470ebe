"""A run that is over, for `weft runs`: how it ended, its steps, and where more of it is.

Knows nothing of runs that are under way. Invariant: it only reads; what was erased is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from weft.cli import terminal

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.portrait.ended import EndedRun
    from weft.run_words import Said

ID_CHARS = 8


def lines_of(engine: Engine, space: str, one: EndedRun, width: int) -> Iterator[str]:
    """How it ended, its steps, and where more of it is."""
    from weft.portrait.ended import type_of
    from weft.run_words import came_to, ended, step_name

    said = f"{one.run[:ID_CHARS]}  {type_of(engine, one)}.{one.flow} of {one.entity[:ID_CHARS]}: "
    yield from terminal.wrapped(f"{said}{_text(ended(one.ending, one.outcome))}, at {one.ended}", width, hanging="  ")
    for at, key, outcome in one.steps:
        step = terminal.shortened(f"{f'at {at}':>9}  {step_name(key)}: {_text(came_to(key, outcome))}", 3 * width)
        yield from terminal.wrapped(step.removesuffix(": "), width, indent="  ", hanging=" " * 13)
    yield "it is over; all that was told since it was fired:"
    yield f"  {terminal.program()} log {space} --from {one.fired}"


def _text(said: Said) -> str:
    from weft.portrait.line import inner_of

    return " ".join([*([said.words] if said.words else []), *map(inner_of, said.values)])
