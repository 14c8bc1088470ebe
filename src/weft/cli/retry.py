"""`weft retry`: what failed is told to be tried again, by an event like any other.

The event goes into the inbox of the space: an engine at work takes it at once, else the next one to open the space
does. So this needs neither the lease nor the code of the types.

Knows nothing of how calls are made. Invariant: only what shows an error is retried, and where an error was passed on,
what it began in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.listing import PLACES_MAX, listing_of, place_text
from weft.cli.opening import SPACE, reading
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.graph import Slot
    from weft.slot import SlotKey
    from weft.space import Space

ACTOR = "weft retry"
"""By whom these events are told."""


class NothingFailed(WeftError):
    """{place} did not fail: {how}. Nothing was told. `weft list` shows what did."""

    exit_code = 2
    place: str
    how: str


@click.command("retry")
@click.argument("space", type=SPACE)
@click.argument("words", metavar="[NODE]", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Everything that failed, in place of one NODE.")
@click.option("--json", "as_json", is_flag=True, help="What was told, as one JSON object.")
def command(space: str, words: tuple[str, ...], is_all: bool, as_json: bool) -> None:
    """Have NODE tried again, which failed; where an input of it failed, that one. Of a node with many elements, each
    that failed. With --all, all that `weft list` shows as failed; that there is nothing is no error then.

    NODE is as in `weft why`. The program that computes SPACE does it at once; if there is none, the next one that opens
    it with its types.
    """
    if is_all == bool(words):
        raise click.UsageError("Say which NODE is meant, or --all; not both.")
    from weft.opening import open as open_space

    with reading(space) as opened, opened.view() as engine:
        keys = _all(engine) if is_all else _named(engine, " ".join(words))
    if not keys:
        _say_nothing(space, as_json=as_json)
        return
    other = open_space(space, engine=False, actor=ACTOR)
    try:
        position = tell(other, keys)
        with other.view() as engine:
            holder = engine.store.holder()
    finally:
        other.close()
    if as_json:
        terminal.say_json({"retried": [list(key) for key in keys], "position": position})
        return
    for key in keys[:PLACES_MAX]:
        terminal.say(terminal.shortened(f"to be tried again: {place_text(key)}", terminal.width()))
    if len(keys) > PLACES_MAX:
        terminal.say(f"… and {len(keys) - PLACES_MAX} more")
    if position is not None:
        said = f"told at position {position}"
    elif holder is not None:
        said = f"kept; process {holder.pid} on {holder.host}, which computes the space, has not taken it yet"
    else:
        said = "kept; no program computes the space now: the next one to open it with its types takes it"
    for line in terminal.wrapped(said, terminal.width(), hanging="  "):
        terminal.say(line)


def tell(space: Space, keys: list[SlotKey]) -> int | None:
    """Tell one event that retries all of these, and have them demanded. Durable on return; gives its position, or None
    while no engine has taken it."""
    from weft.store import EVENT

    with space.edit() as edit:
        for key in keys:
            edit.retry(*key)
    for key in keys:
        space.demand((key.entity, key.node, key.element))
    with space.view() as engine:
        row = engine.row(EVENT, (edit.id,))
    return row[0] if row is not None and isinstance(row[0], int) else None


def _say_nothing(space: str, *, as_json: bool) -> None:
    """That all was asked for and nothing is there to be retried is no error: a nightly script finds nothing to do."""
    if as_json:
        terminal.say_json({"retried": [], "position": None})
        return
    said = f"Nothing in {space} shows an error that could be tried again, so nothing was told."
    for line in terminal.wrapped(said, terminal.width()):
        terminal.say(line)


def _all(engine: Engine) -> list[SlotKey]:
    return list(dict.fromkeys(each.key for each in listing_of(engine).failed if not each.error.origin))


def _named(engine: Engine, text: str) -> list[SlotKey]:
    from weft.cli.place import find_place
    from weft.graph import Slot, ToldNode, Whole
    from weft.portrait.failed import roots

    entity, node, element = find_place(engine, text)
    found = engine.node(entity, node)
    slots: list[Slot] = []
    if isinstance(found, Whole):
        slots = [slot for id, slot in found.slots.items() if not element or id == element]
    elif isinstance(found, Slot):
        slots = [found]
    if isinstance(found, ToldNode):
        how = (
            "it is a flow, and `weft runs` retries its runs"
            if found.spec.kind == "flow"
            else "it is told, not computed"
        )
        raise NothingFailed(place=text, how=how)
    keys = dict.fromkeys(key for slot in slots for key in roots(engine, slot))
    if not keys:
        states = {_state(slot) for slot in slots}
        raise NothingFailed(place=text, how=states.pop() if len(states) == 1 else "none of its elements shows an error")
    return list(keys)


def _state(slot: Slot) -> str:
    from weft.slot import Err, Ok

    if slot.due is not None or not slot.current:
        return "it is due already, and is tried when somebody waits for it"
    match slot.outcome():
        case Ok():
            return "it is settled"
        case Err():
            return "what its error began in is no longer there"
        case _:
            return "it was not asked for yet"
