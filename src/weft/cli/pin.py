"""`weft pin`: that definitions stay in force whatever other code a program brings; and which do.

Knows nothing of what a pin keeps out. Invariant: without a TYPE nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, existing, reading

if TYPE_CHECKING:
    from weft.pins import Pin

ACTOR = "weft pin"


@click.command("pin")
@click.argument("space", type=SPACE)
@click.argument("types", metavar="[TYPE]...", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every type of the space, in place of TYPE.")
@click.option("--off", "is_off", is_flag=True, help="Let go of the pins again.")
@click.option("--why", default="", help="The reason, which the log and whoever is kept out are told.")
@click.option("--json", "as_json", is_flag=True, help="What is pinned then, as one JSON object.")
def command(space: str, types: tuple[str, ...], is_all: bool, is_off: bool, why: str, as_json: bool) -> None:
    """Keep the definition of each TYPE that is in force: a program that brings another one opens SPACE for reading
    only, until the pin is let go of with --off. Without a TYPE, say what is pinned.

    No program may compute SPACE meanwhile; one that does can call space.pin(…) itself.
    """
    if is_all and types:
        raise click.UsageError("Say which TYPE is meant, or --all; not both.")
    if (is_off or why) and not (types or is_all):
        raise click.UsageError("Say which TYPE is meant, or --all.")
    if types or is_all:
        _pin(space, types, is_pinned=not is_off, why=why)
    from weft.pins import pins

    with reading(space) as opened, opened.view() as engine:
        found = pins(engine)
    if as_json:
        terminal.say_json({"pinned": {name: pin._asdict() for name, pin in found.items()}})
        return
    _say(space, found)


def _pin(space: str, types: tuple[str, ...], *, is_pinned: bool, why: str) -> None:
    from weft.opening import open as open_space
    from weft.pins import refuse_unknown

    with existing(space):
        opened = open_space(space, engine=True, actor=ACTOR)
    try:
        with opened.view() as engine:
            names = types or tuple(engine.in_force)
            refuse_unknown(engine, names)  # first: of several all are pinned, or none
        for name in names:
            opened._host.pin(name, is_pinned=is_pinned, actor=ACTOR, why=why)
    finally:
        opened.close()


def _say(space: str, found: Mapping[str, Pin]) -> None:
    if not found:
        terminal.say(f"nothing is pinned in {space}")
    for name, pin in found.items():
        said = f"{name} is pinned at position {pin.position}, by {pin.actor}" + (f": {pin.why}" if pin.why else "")
        for line in terminal.wrapped(said, terminal.width(), hanging="  "):
            terminal.say(line)
