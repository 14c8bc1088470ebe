"""The history of one node, for `weft log --node`: a line a moment, or a JSON object.

Knows nothing of how histories are found. Invariant: moments are printed by ascending position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli import terminal
from weft.cli.diff import past_text

if TYPE_CHECKING:
    from weft.past.history import Moment
    from weft.space import Space

_WORDS = {"ran": "computed", "built in": "built in", "passed on": "passed on", "reused": "reused"}


def print_history(opened: Space, place: str, *, start: int, as_json: bool) -> None:
    """Print what there is of a node from a position on."""
    from weft.cli.place import find_place
    from weft.past.as_of import AsOf
    from weft.past.history import history
    from weft.past.index import LogIndex
    from weft.portrait.past import moment_plain

    with opened.view() as engine:
        found = find_place(engine, place)
        moments = list(history(AsOf(engine, engine.head.position, LogIndex()), *found))
    shown = [moment for moment in moments if moment.position >= start]
    for moment in shown:
        if as_json:
            terminal.say_json(moment_plain(moment), in_one_line=True)
        else:
            for line in lines_of(moment, terminal.width()):
                terminal.say(line)
    if not shown and not as_json:
        terminal.note(f"nothing was recorded of {place}" + (f" from position {start} on" if moments else ""))


def lines_of(moment: Moment, cells_max: int) -> list[str]:
    """A moment in two lines: what it came to, and how."""
    word = "superseded" if moment.superseded else _WORDS.get(moment.how, moment.how)
    element = f"[{moment.element[:8]}] " if moment.element else ""
    head = f"{moment.position:>6}  {terminal.padded(word, 10)} "
    first = terminal.shortened(f"{head}{element}{past_text(moment.outcome)}", cells_max)
    said = [f"at {moment.at}"] if moment.at is not None else []
    said += [f"by {moment.operation}, version {moment.version}"] if moment.operation else []
    said += [f"in {moment.took_us / 1000:.1f} ms"] if moment.took_us is not None else []
    said += [f"by {moment.actor}, {moment.time}"] if moment.actor else []
    said += [moment.superseded] if moment.superseded else []
    rest = [*terminal.wrapped(", ".join(said), cells_max, indent=" " * 8, hanging="  ")] if said else []
    if moment.due_from is not None:
        rest.append(terminal.shortened(f"        shown on though it was due, from {moment.due_from} on", cells_max))
    return [first, *(terminal.faint(line) for line in rest)]
