"""`weft diff`: what differs in a space between two positions of its log.

Knows nothing of how the past is read. Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading

if TYPE_CHECKING:
    from weft.content import Plain
    from weft.past.difference import Difference
    from weft.past.known import Known

ELEMENTS_MAX = 12


@click.command("diff", context_settings={"ignore_unknown_options": True})
@click.argument("space", type=SPACE)
@click.argument("before", metavar="A", type=int)
@click.argument("after", metavar="B", type=int)
@click.option("--as-shown", is_flag=True, help="Compare what was shown at A and B, though it may have been due there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(space: str, before: int, after: int, as_shown: bool, as_json: bool) -> None:
    """What differs in SPACE between the positions A and B of its log: fields that were told something else, and values
    that were another for what had been told by then, also where they were computed later.

    Positions are those that `weft log` begins its lines with; 0 is before the first. What is the same at both is left
    out, whatever lay between. Of a collection the elements are shown that came (+) and went (-). A value that nobody
    computed from what had been told by then is unknown, as it was due there, and said so beside what was shown in its
    place. A value whose record was erased is not kept, and said so, too.
    """
    from weft.past.difference import differences
    from weft.past.index import LogIndex
    from weft.past.right_then import RightThen
    from weft.portrait.past import difference_plain

    with reading(space) as opened, opened.view() as engine:
        index = LogIndex()
        pair = RightThen(engine, before, index), RightThen(engine, after, index)
        found = list(differences(*pair, as_shown=as_shown))
    for difference in found:
        if as_json:
            terminal.say_json(difference_plain(difference), in_one_line=True)
        else:
            for line in lines_of(difference, terminal.width()):
                terminal.say(line)
    if not found and not as_json:
        terminal.note(f"nothing differs between {before} and {after}")


def past_text(past: Known) -> str:
    """What it was, in words."""
    from weft.content import decode
    from weft.past.known import NotKept, Unknown
    from weft.slot import Err, Ok
    from weft.subscription import plain_text

    match past:
        case Ok(_, encoded):
            value: Plain = decode(encoded)
            return plain_text(value)
        case Err(kind, message):
            return f"failed: {kind}: {message}"
        case NotKept(why):
            return f"not kept: {why}"
        case Unknown(shown, since):
            instead = f"shown was {past_text(shown)}, from {since} on" if since else "nothing was shown"
            return f"unknown, as it was due; {instead}"
    return "nothing"


def lines_of(difference: Difference, cells_max: int) -> Iterator[str]:
    """A difference in a few lines."""
    from weft.slot import SlotKey

    head = f"{difference.position:>6}  {difference.kind:<10} "
    if difference.kind == "erased":
        what = (
            f"{difference.entity[:8]} and all that it showed" if difference.entity else "what this changed is not known"
        )
        yield terminal.shortened(head + (what if difference.entity else f"{what}: it was erased"), cells_max)
        return
    if difference.kind in ("definition", "service"):
        yield terminal.shortened(head + difference.node, cells_max)
        return
    place = str(SlotKey(difference.entity[:8], difference.node, difference.element[:8])).rstrip(".")
    yield terminal.shortened(f"{head}{difference.type} {place}", cells_max)
    if difference.kind == "created":
        return
    if difference.entered or difference.left:
        yield from _elements(difference, cells_max)
        return
    for sign, past in (("-", difference.before), ("+", difference.after)):
        yield terminal.shortened(f"        {sign} {past_text(past)}", cells_max)


def _elements(difference: Difference, cells_max: int) -> Iterator[str]:
    from weft.content import decode
    from weft.subscription import plain_text

    for sign, elements in (("-", difference.left), ("+", difference.entered)):
        for _, encoded in elements[:ELEMENTS_MAX]:
            yield terminal.shortened(f"        {sign} {plain_text(decode(encoded))}", cells_max)
        if len(elements) > ELEMENTS_MAX:
            yield f"        {sign} … and {len(elements) - ELEMENTS_MAX} more"
