"""Operations that are not what they are declared, in lines: what `weft list` and `weft doctor` say of them.

Knows nothing of how they are found. Invariant: every line fits, and every place can be given back to other commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from weft.cli import terminal
from weft.cli.listing import place_text

if TYPE_CHECKING:
    from weft.purity.kept import Impure, Seen

OPERATIONS_MAX = 12
"""How many operations are shown to people; the others are counted."""
PLACES_MAX = 3
"""How many calls of each."""


def impure_lines(space: str, found: Sequence[Impure], cells_max: int) -> Iterator[str]:
    """What was found, those declared pure first; nothing where nothing was."""
    for heading, listed in (
        ("declared pure, and not", [each for each in found if each.is_pure]),
        ("two values for one call, not known to be declared pure", [each for each in found if not each.is_pure]),
    ):
        if not listed:
            continue
        yield ""
        yield terminal.alarming(heading) if listed[0].is_pure else terminal.strong(heading)
        for each in listed[:OPERATIONS_MAX]:
            yield from _operation_lines(each, cells_max)
        if len(listed) > OPERATIONS_MAX:
            yield f"  … and {len(listed) - OPERATIONS_MAX} more"
    if found:
        place = place_text(found[0].seen[0].slot)
        yield from terminal.wrapped(f"to see one with its inputs: {terminal.program()} why {space} {place}", cells_max)


def _operation_lines(one: Impure, cells_max: int) -> Iterator[str]:
    said = [f"{one.operation}, version {one.version}", terminal.counted(len(one.calls), "call")]
    said += [f"asks {', '.join(one.services)}"] if one.services else []
    said += [] if one.is_in_force else ["another version is in force now"]
    yield from terminal.wrapped("; ".join(said), cells_max, indent="  ", hanging="  ")
    for each in one.seen[:PLACES_MAX]:
        yield terminal.shortened(f"    {each.type} {place_text(each.slot)}: {_seen_text(each)}", cells_max)
    if len(one.seen) > PLACES_MAX:
        yield f"    … and {len(one.seen) - PLACES_MAX} more"


def _seen_text(each: Seen) -> str:
    place = f" at {each.path}" if each.path else ""
    words = ("before", "after") if each.found == "changed input" else ("first", "again")
    return f"{each.found}{place}: {words[0]} {each.first}, {words[1]} {each.again}"
