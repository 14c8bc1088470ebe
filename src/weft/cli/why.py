"""`weft why`: the explanation of one value, in lines that fit, as JSON, or as a drawing.

Knows nothing of how explanations are found. Invariant: nothing is computed, and nothing is written.
"""

from __future__ import annotations

import click

from weft.cli import terminal
from weft.cli.opening import SPACE, reading


@click.command("why")
@click.argument("space", type=SPACE)
@click.argument("words", metavar="NODE", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="The explanation as one JSON object.")
@click.option("--mermaid", "as_mermaid", is_flag=True, help="The explanation as a Mermaid flowchart, for Markdown.")
def command(space: str, words: tuple[str, ...], as_json: bool, as_mermaid: bool) -> None:
    """Why a value is what it is: the operation and its version, services with settings and cost, people, what was
    superseded, and the values that it was made from, each explained in turn.

    NODE is ENTITY.NODE or ENTITY.NODE[KEY]. ENTITY is the beginning of an id, a name, a type that has one entity, or
    both as commands print them: TYPE ID.NODE. KEY is an element's key, its place from 0, or the beginning of its id.
    """
    from weft.cli.place import find_place
    from weft.why.explanation import explain

    if as_json and as_mermaid:
        raise click.UsageError("Give --json or --mermaid, not both.")
    with reading(space) as opened, opened.view() as engine:
        said = explain(engine, *find_place(engine, " ".join(words)))
    if as_json:
        terminal.say_written_json(said.json())
    elif as_mermaid:
        terminal.say(said.mermaid().removesuffix("\n"))
    else:
        _say_text(said)


def _say_text(text: str) -> None:
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        for part in terminal.wrapped(line.lstrip(), terminal.width(), indent=indent, hanging="    "):
            terminal.say(part)
