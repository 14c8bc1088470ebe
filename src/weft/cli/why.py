"""`weft why`: the explanation of one value, in lines that fit, or as JSON.

Knows nothing of how explanations are found. Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading

if TYPE_CHECKING:
    from weft.why import Step


@click.command("why")
@click.argument("space", type=SPACE)
@click.argument("words", metavar="NODE", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="The explanation as one JSON object.")
def command(space: str, words: tuple[str, ...], as_json: bool) -> None:
    """Why a value is what it is: the operation and its version, services and settings, people, and the values that it
    was made from, each explained in turn.

    NODE is ENTITY.NODE or ENTITY.NODE[KEY]. ENTITY is the beginning of an id, a name, a type that has one entity, or
    both as commands print them: TYPE ID.NODE. KEY is an element's key, its place from 0, or the beginning of its id.
    """
    from weft.cli.place import find_place
    from weft.why import explain, reasons

    with reading(space) as opened, opened.view() as engine:
        found = find_place(engine, " ".join(words))
        if as_json:
            terminal.say_json({"steps": [_plain(step) for step in reasons(engine, *found)]})
            return
        text = explain(engine, *found)
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for part in terminal.wrapped(line.lstrip(), terminal.width(), indent=indent, hanging="    "):
            terminal.say(part)


def _plain(step: Step) -> dict[str, object]:
    said = {"depth": step.depth, "place": list(step.place), "title": step.title, "said": list(step.lines)}
    return {**said, **step.facts, **({"see_above": True} if step.is_repeated else {})}
