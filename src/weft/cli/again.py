"""What shows an error that is tried no more, and the command that has it tried again.

Knows nothing of how calls are made. Invariant: nothing is computed, and nothing is written; a command is named only for
what `weft retry` would take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from weft.cli import terminal
from weft.cli.listing import place_text

if TYPE_CHECKING:
    from weft.engine import Engine
    from weft.graph import Slot
    from weft.slot import SlotKey

KEPT = "kept from before: nothing was asked anew in this run"
"""What is said of an error that this run only found."""


def roots_in(engine: Engine, entities: Iterable[str], *, node: str = "") -> list[SlotKey]:
    """What is to be retried for the errors that these entities show, or one node of theirs; each once, in order."""
    from weft.portrait.failed import roots

    return list(dict.fromkeys(key for slot in _slots(engine, entities, node) for key in roots(engine, slot)))


def is_kept(engine: Engine, keys: Iterable[SlotKey], since: int) -> bool:
    """Whether there are such errors, and all were recorded at position `since` at the latest."""
    from weft.store import VERSION

    rows = [engine.row(VERSION, tuple(key)) for key in keys]
    return bool(rows) and all(row is not None and isinstance(row[1], int) and row[1] <= since for row in rows)


def command_for(space: str, keys: list[SlotKey]) -> str:
    """The command that retries these: one element, one node with all of its elements, or everything."""
    places = {(key.entity, key.node) for key in keys}
    if len(places) > 1:
        return f"{terminal.program()} retry {space} --all"
    return f"{terminal.program()} retry {space} " + place_text(
        keys[0] if len(keys) == 1 else keys[0]._replace(element="")
    )


def next_step(space: str, keys: list[SlotKey]) -> Iterator[str]:
    """Lines that name the command, where there is something to be tried again."""
    if keys:
        yield from terminal.wrapped(
            "What failed stands until it is tried again, or its inputs change:", terminal.width()
        )
        yield f"  {command_for(space, keys)}"


def _slots(engine: Engine, entities: Iterable[str], only: str) -> Iterator[Slot]:
    from weft.graph import Slot, Whole

    for id in entities:
        thing = engine.graph.thing(id)
        for name, found in thing.nodes.items() if thing is not None else ():
            if only and name != only:
                continue
            if isinstance(found, Whole):
                yield from list(found.slots.values())
            elif isinstance(found, Slot):
                yield found
