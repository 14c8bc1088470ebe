"""`weft log`: the activities of a space, in order, and as they happen.

Knows nothing of what activities mean. Invariant: each is printed once, by ascending position.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading

if TYPE_CHECKING:
    from weft.subscription import Activity

_WORDS = {
    "traversal.started": "told",
    "node.settled": "settled",
    "node.reused": "reused",
    "node.superseded": "superseded",
    "node.failed": "failed",
    "node.removed": "removed",
    "node.impure": "impure",
    "event.refused": "refused",
    "erased": "forgotten",
}
_BAD = ("failed", "refused", "impure")


@click.command("log")
@click.argument("space", type=SPACE)
@click.option("--from", "start", type=click.IntRange(min=0), default=1, metavar="N", help="Begin at position N.")
@click.option("--follow", "-f", is_flag=True, help="Go on as things happen, until interrupted.")
@click.option("--node", "place", metavar="NODE", help="Only the history of ENTITY.NODE or ENTITY.NODE[KEY].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(space: str, start: int, follow: bool, place: str | None, as_json: bool) -> None:
    """What happened in SPACE, in order: what was told and by whom, what was computed, what failed.

    Each line begins with its position. Types need no code, and another program may be computing the space meanwhile.

    With --node: every value that one node was told or came to, for which cut (at), how, by which version of its
    operation, and which were superseded: never shown, as a better one stood. Of one that was shown on, though something
    was told that it is made from, it says from which position on it was due. NODE is written as for `weft why`.
    """
    if place is not None and follow:
        raise click.UsageError("--node is a history up to now; it does not --follow.")
    from weft.why.naming import described

    with reading(space) as opened:
        if place is not None:
            from weft.cli.history import print_history

            print_history(opened, place, start=start, as_json=as_json)
            return
        head = opened.position
        if start > head and not follow:
            terminal.note(f"the log ends at {head}")
            return
        with opened.subscribe(max(start - 1, 0)) as activities:
            for activity in activities:
                if as_json:
                    terminal.say_json(dataclasses.asdict(activity), in_one_line=True)
                else:
                    with opened.view() as engine:
                        activity = dataclasses.replace(activity, preview=described(engine, activity.preview))
                    terminal.say(line_of(activity, terminal.width()))
                if activity.position >= head and not follow:
                    return


def line_of(activity: Activity, cells_max: int) -> str:
    """An activity in one line."""
    word = _WORDS.get(activity.type, activity.type)
    head = f"{activity.position:>6}  {terminal.padded(word, 10)} "
    by = f" by {activity.by}" if activity.by else ""
    preview = _of_run(activity)
    said = f"{_short_place(activity.node)}{by}" + (f"  {preview}" if preview else "")
    text = terminal.shortened(said, cells_max - terminal.cells(head))
    return head.replace(word, terminal.alarming(word), 1) + text if word in _BAD else head + text


_RUN = re.compile(r"(\w+) [a-z2-7]{8} ")
"""How what is told of a run begins: its flow, and the beginning of its id."""


def _of_run(activity: Activity) -> str:
    """The preview, in which a run is named once; and its flow not at all where that stands before it as the place."""
    found, preview = _RUN.match(activity.preview), activity.preview
    if found is None:
        return preview
    preview = found[0] + preview[found.end() :].replace(f"; {found[0]}", "; ")
    return preview.removeprefix(f"{found[1]} ") if activity.node.endswith(f".{found[1]}") else preview


def _short_place(place: str) -> str:
    """ENTITY.NODE[ELEMENT] with the ids' beginnings: enough to be given back to other commands. Of several places the
    entities alone, as what was said of them names the nodes."""
    places = place.split(", ")
    if len(places) > 1:
        places = list(dict.fromkeys(one.partition(".")[0] for one in places))
    return ", ".join(map(_short_one, places))


def _short_one(place: str) -> str:
    entity, dot, rest = place.partition(".")
    node, bracket, element = rest.partition("[")
    if len(entity) == _ID_LENGTH:
        entity = entity[:8]
    return f"{entity}{dot}{node}" + (f"[{element[:8]}]" if bracket else "")


_ID_LENGTH = 26
"""How long an entity's id is: other words at its place are types and services, and stay whole."""
