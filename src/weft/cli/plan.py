"""`weft plan`: what would be computed now, in lines that fit, or as JSON.

Knows nothing of how plans are made. Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading


@click.command("plan")
@click.argument("space", type=SPACE)
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="The plan as one JSON object.")
def command(space: str, nodes: tuple[str, ...], as_json: bool) -> None:
    """What would be computed in SPACE if it were asked for now: a dry run, which calls nothing and changes nothing.

    Of each node: how many calls would be made, how many values are known already, as the same call was made before, and
    how many depend on inputs that are not settled yet; how long such calls took, the median of earlier ones; which of
    their services charge; and whether a change makes it go through a whole collection, O(n), what is on the
    way to the change, O(log n), or one element.

    NODE is ENTITY.NODE or ENTITY.NODE[KEY], as `weft why` takes it, each one word; without any, everything that is not
    current. Services are taken to be those last in force.
    """
    from weft.cli.place import find_place
    from weft.plan.plan import plan

    with reading(space) as opened, opened.view() as engine:
        places = [find_place(engine, text) for text in nodes]
        roots = [found for place in places if (found := engine.node(*place) or engine.node(*place[:2])) is not None]
        said = plan(engine, roots if nodes else None)
    if as_json:
        terminal.say_written_json(said.json())
        return
    for line in str(said).splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for part in terminal.wrapped(line.lstrip(), terminal.width(), indent=indent, hanging="    "):
            terminal.say(part)
